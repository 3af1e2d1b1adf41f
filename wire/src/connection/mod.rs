//! One end of an established connection, client's or server's: keys, numbers, acknowledgements, lanes and timers.
//!
//! An idle one takes about 19 KiB (the sent records 14 of them); a test holds it below 24. Lanes add what they queue to be
//! sent, at most 16 KiB, and what came early or in part, at most 31 KiB at a client and 27 at a server; a block
//! on its way to this end adds twice what came of it at most, and 64 KiB, out of the endpoint's pool.
//!
//! It opens one datagram or fills one buffer at a time and tells what happened through [`Events`]. It knows no address, no
//! slot, and nothing of the handshake that made its keys.

#[cfg(test)]
mod ack_model;
mod bulk;
mod close;
#[cfg(test)]
mod company;
mod events;
#[cfg(test)]
mod hostile;
mod keys;
mod messages;
#[cfg(any(test, feature = "fuzzing"))]
mod pair;
mod path;
#[cfg(test)]
mod patience;
#[cfg(test)]
mod probing;
mod rate;
mod receive;
mod received;
#[cfg(test)]
mod renewal;
mod snapshot;
mod transmit;

use std::time::Duration;

pub use close::{CloseCode, CloseReason, Violation};
pub(crate) use close::{ClosingText, closing_text};
pub(crate) use events::{Events, TimeAnswer};
pub use keys::KeyLimits;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use pair::{client_end, opened, pair, server_end};
pub(crate) use path::PathData;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use receive::Opened;
pub(crate) use receive::Refusal;
pub(crate) use transmit::Extra;

use crate::blocks::{Blocks, MAX_BLOCK_DOWN, MAX_BLOCK_UP, is_bulk};
use crate::budget::Budget;
use crate::crypto::{OpeningKey, Random, SealingKey};
use crate::lanes::{
    InputIn, InputOut, LOOSE_FRAGMENTS_DOWN, LOOSE_FRAGMENTS_UP, LanesIn, LanesOut, QUEUE_ROOM, SendError,
};
use crate::mtu::Mtu;
use crate::packet::Header;
use crate::recovery::{Fate, Recovery, SNAPSHOT_WAITS, Sent, SkipPlan};
use crate::time::Time;
use keys::Keys;
use messages::Goodbye;
use path::PathFrames;
use received::Received;

/// Something is sent at least this often.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// What makes the two ends differ.
pub(crate) enum Role {
    /// Receives inputs and answers time requests.
    Server(InputIn),
    /// Sends inputs.
    Client(InputOut),
}

/// A TIME frame that waits to be sent; never more than one.
#[derive(Debug, Clone, Copy)]
enum PendingTime {
    Request,
    Answer { origin: u64, received: Time },
}

/// The terms both ends agreed on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Longest time an acknowledgement waits for company, but for those of packets with nothing but a snapshot and what may be
    /// lost: theirs wait four times as long.
    pub(crate) ack_delay: Duration,
    /// Whether a control message is acknowledged at once.
    pub(crate) ack_control_at_once: bool,
    /// Silence of this length ends the connection.
    pub(crate) idle: Duration,
    /// Longest time content waits for company.
    pub(crate) coalesce: Duration,
    /// When keys are renewed.
    pub(crate) keys: KeyLimits,
    /// Bytes a second that this end may send at most; 0 = nothing was said about it.
    pub(crate) ceiling: u32,
    /// Longest datagram that the peer takes.
    pub(crate) max_datagram: u16,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    /// Something must leave, with or without a snapshot.
    pub(crate) send: Time,
    /// The first moment at which a timer or a transmission has something to do.
    pub(crate) wake: Time,
}

/// One end of a connection.
pub(crate) struct Connection {
    keys: Keys,
    outgoing: Header,
    incoming: Header,
    role: Role,
    terms: Terms,
    received: Received,
    recovery: Recovery,
    skips: SkipPlan,
    budget: Budget,
    mtu: Mtu,
    blocks: Blocks,
    /// No slice leaves before.
    bulk_next: Time,
    lanes_out: LanesOut,
    /// Bytes that fresh messages may be repeated with.
    allowance: usize,
    lanes_in: LanesIn,
    goodbye: Goodbye,
    pending_time: Option<PendingTime>,
    path: PathFrames,
    /// When what waits in the lanes must leave, alone if need be.
    content_due: Option<Time>,
    probe: bool,
    last_sent: Time,
    last_received: Time,
}

impl Connection {
    pub(crate) fn new(
        now: Time,
        keys: (SealingKey, OpeningKey),
        headers: (Header, Header),
        role: Role,
        terms: Terms,
        random: &mut Random,
    ) -> Self {
        let (outgoing, incoming) = headers;
        let (block_out, block_in, fragments_out, fragments_in) = match role {
            Role::Server(_) => (MAX_BLOCK_DOWN, MAX_BLOCK_UP, LOOSE_FRAGMENTS_DOWN, LOOSE_FRAGMENTS_UP),
            Role::Client(_) => (MAX_BLOCK_UP, MAX_BLOCK_DOWN, LOOSE_FRAGMENTS_UP, LOOSE_FRAGMENTS_DOWN),
        };
        Self {
            keys: Keys::new(now, keys, terms.keys),
            outgoing,
            incoming,
            role,
            terms,
            received: Received::default(),
            recovery: Recovery::new(terms.ack_delay),
            skips: SkipPlan::new(random),
            budget: Budget::new(now, terms.ceiling, terms.ack_delay, SNAPSHOT_WAITS),
            mtu: Mtu::new(terms.max_datagram),
            blocks: Blocks::new(block_out, block_in),
            bulk_next: Time::ZERO,
            lanes_out: LanesOut::new(fragments_out, QUEUE_ROOM),
            allowance: 0,
            lanes_in: LanesIn::new(fragments_in),
            goodbye: Goodbye::default(),
            pending_time: None,
            path: PathFrames::default(),
            content_due: None,
            probe: false,
            last_sent: now,
            last_received: now,
        }
    }

    /// Queues an input; only a client has any.
    pub(crate) fn input(&mut self, now: Time, bytes: &[u8]) -> Result<u32, SendError> {
        let Role::Client(inputs) = &mut self.role else {
            return Err(SendError::Closed);
        };
        let sequence = inputs.push(bytes)?;
        self.content_by(now + self.terms.coalesce);
        Ok(sequence)
    }

    /// Asks for the server's time with the next datagram, which leaves now.
    pub(crate) fn request_time(&mut self, now: Time) {
        self.pending_time = Some(PendingTime::Request);
        self.content_by(now);
    }

    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.recovery.rtt.smoothed()
    }

    /// The probe timeout, without back-off.
    pub(crate) fn probe_timeout(&self) -> Duration {
        self.recovery.probe_timeout()
    }

    pub(crate) const fn received(&self) -> &Received {
        &self.received
    }

    /// Whether a packet number was not received yet.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn is_fresh(&self, number: u64) -> bool {
        self.received.look(number) == crate::packet::Freshness::Fresh
    }

    /// Whether something must leave now, with or without a snapshot.
    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.due_at() <= now
    }

    /// Whether the peer was silent for too long.
    pub(crate) fn is_idle(&self, now: Time) -> bool {
        self.idle_at() <= now
    }

    /// The first moment at which [`Connection::timeout`] or a transmission has something to do.
    pub(crate) fn deadline(&self) -> Time {
        self.waits().wake
    }

    /// All that it waits for.
    pub(crate) fn waits(&self) -> Waits {
        let send = self.due_at();
        let timers = [self.recovery.deadline(), self.blocks.deadline()];
        Waits { send, wake: timers.into_iter().flatten().fold(send.min(self.idle_at()), Time::min) }
    }

    /// Loss and probe timers.
    pub(crate) fn timeout(&mut self, now: Time, events: &mut impl Events) {
        let mut lanes = Told {
            now,
            lanes: &mut self.lanes_out,
            blocks: &mut self.blocks,
            role: &mut self.role,
            received: &mut self.received,
            budget: &mut self.budget,
            mtu: &mut self.mtu,
            flying: self.recovery.flying_bytes(),
            events,
        };
        self.probe |= self.recovery.timeout(now, |number, sent, fate| lanes.tell(number, sent, fate));
        self.blocks.timeout(now);
        self.rearm(now);
    }

    /// After fates were told: what was lost may have to leave again.
    fn rearm(&mut self, now: Time) {
        let inputs = matches!(&self.role, Role::Client(inputs) if inputs.is_due());
        if self.content_due.is_none() && (self.lanes_out.is_ready() || inputs || self.blocks.has_news()) {
            self.content_due = Some(now);
        }
    }

    fn content_by(&mut self, at: Time) {
        self.content_due = Some(self.content_due.map_or(at, |due| due.min(at)));
    }

    fn due_at(&self) -> Time {
        if !self.recovery.has_reserve() {
            // Only the probe timer can make room again.
            return Time::from_micros(u64::MAX);
        }
        if self.probe || self.path.is_due() {
            return Time::ZERO;
        }
        let alive = self.last_sent + KEEP_ALIVE;
        let room = self.recovery.has_room();
        let content = self.content_due.filter(|_| room);
        let longer = self.mtu.probe_at().filter(|_| room);
        [content, longer, self.received.ack_due()].into_iter().flatten().fold(alive.min(self.bulk_at()), Time::min)
    }

    fn idle_at(&self) -> Time {
        self.last_received + self.terms.idle
    }
}

/// The lanes as they hear of fates, apart from the recovery that tells them.
struct Told<'a, E> {
    now: Time,
    lanes: &'a mut LanesOut,
    blocks: &'a mut Blocks,
    role: &'a mut Role,
    received: &'a mut Received,
    budget: &'a mut Budget,
    mtu: &'a mut Mtu,
    /// Bytes on their way before any of these fates.
    flying: u64,
    events: &'a mut E,
}

impl<E: Events> Told<'_, E> {
    fn tell(&mut self, number: u64, sent: &Sent, fate: Fate) {
        if !self.mtu.fate(self.now, number, (sent.at, sent.size), fate) {
            self.budget.fate(self.now, sent.at, sent.size, fate, self.flying);
        }
        if sent.budget && fate == Fate::Lost {
            self.budget.report_lost();
        }
        let delivered = fate != Fate::Lost;
        for run in sent.runs.iter() {
            match (is_bulk(run.lane), delivered) {
                (true, true) => self.blocks.delivered(*run),
                (true, false) => self.blocks.lost(*run),
                (false, true) => self.lanes.delivered(*run),
                (false, false) => self.lanes.lost(*run),
            }
        }
        if !delivered {
            self.blocks.lost_news(sent.blocks);
        }
        if delivered && sent.told {
            self.received.told(number, sent.told_below);
        }
        if sent.input_end != 0
            && let Role::Client(inputs) = self.role
        {
            if delivered {
                inputs.delivered(sent.input_end);
            } else {
                inputs.lost(sent.input_end);
            }
        }
        // Its first fate is the one that counts: what is written next is encoded against it.
        if sent.snapshot && fate != Fate::Late {
            self.events.snapshot_fate(number, delivered);
        }
    }
}
