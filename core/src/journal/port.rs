//! The ends of the journal's rings: what a shard holds, what the gateway holds, what the wal thread drains.
//!
//! Payload buffers circulate: a port hands one out with a submission and gets it back with the completion, so a shard
//! allocates nothing after boot. Knows no thread but the one to wake.

use std::sync::Arc;
use std::thread::Thread;

use arc_swap::ArcSwapOption;
use mu_storage::event::{self, EventKind, ValueEvent};
use mu_storage::store::Outcome;
use mu_value::{Submission, WAL_ACK};
use mu_wire::Time;
use rtrb::{Consumer, Producer, RingBuffer};
use tokio::sync::{mpsc, oneshot};

use super::{IN_FLIGHT_MAX, since_origin};

/// Bytes reserved for an encoded event; a full trade (64 moves, 8 balances) stays below it.
const PAYLOAD_CAPACITY: usize = 4_096;

/// Events the gateway may have queued (character births).
const CONTROL_QUEUE_MAX: usize = 1_024;

/// The kinds of event whose players are told as soon as the record is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalAck(Vec<EventKind>);

impl WalAck {
    /// These kinds; those that do not concern one character alone are left out.
    #[must_use]
    pub fn of(kinds: impl IntoIterator<Item = EventKind>) -> Self {
        Self(kinds.into_iter().filter(|kind| kind.may_be_told()).collect())
    }

    /// The flags of this event's record.
    fn flags(&self, event: &ValueEvent) -> u16 {
        // What somebody else dropped concerns that one too.
        let alone = event.kind != EventKind::PickUp || event.moves.is_empty();
        if alone && self.0.contains(&event.kind) { WAL_ACK } else { 0 }
    }
}

/// Who waits for the outcome.
#[derive(Debug)]
pub enum Origin {
    /// The shard with this index.
    Shard(usize),
    /// A request on the control thread.
    Control(oneshot::Sender<Outcome>),
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is durable, and that was all that was asked for: it will be applied, or an operator decides.
    Durable,
    /// What the outcome row says.
    Decided(Outcome),
}

/// An event on its way back to its shard.
#[derive(Debug)]
pub struct Completion {
    /// Which event.
    pub event_id: u128,
    /// What became of it.
    pub settled: Settled,
    /// The payload buffer, to be used again.
    pub payload: Vec<u8>,
}

/// The event was not taken: nothing has happened and nothing will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// Wakes the wal thread once it runs.
#[derive(Debug, Default, Clone)]
struct Wake(Arc<ArcSwapOption<Thread>>);

impl Wake {
    fn wake(&self) {
        if let Some(thread) = &*self.0.load() {
            thread.unpark();
        }
    }
}

/// A shard's end.
#[derive(Debug)]
pub struct ShardPort {
    index: usize,
    submit: Producer<Submission<Origin>>,
    durable: Consumer<Completion>,
    decided: Consumer<Completion>,
    spare: Vec<Vec<u8>>,
    wal_ack: Arc<WalAck>,
    wake: Wake,
}

impl ShardPort {
    /// Encodes the event and queues it.
    ///
    /// # Errors
    /// [`Busy`] when [`IN_FLIGHT_MAX`] events of this shard are undecided.
    pub fn submit(&mut self, event: &ValueEvent, now: Time) -> Result<(), Busy> {
        let Some(mut payload) = self.spare.pop() else { return Err(Busy) };
        payload.clear();
        event::encode_into(event, &mut payload);
        let submission = Submission {
            event_id: event.event_id,
            kind: event::VALUE_KIND,
            schema: event::VALUE_SCHEMA,
            flags: self.wal_ack.flags(event),
            payload,
            origin: Origin::Shard(self.index),
            at: since_origin(now),
        };
        match self.submit.push(submission) {
            Ok(()) => Ok(()),
            Err(rtrb::PushError::Full(back)) => {
                self.spare.push(back.payload);
                Err(Busy)
            }
        }
    }

    /// Wakes the wal thread; called once after the submissions of a tick.
    pub fn notify(&self) {
        self.wake.wake();
    }

    /// The next event that is done with.
    pub fn completion(&mut self) -> Option<(u128, Settled)> {
        let done = self.durable.pop().or_else(|_empty| self.decided.pop()).ok()?;
        self.spare.push(done.payload);
        Some((done.event_id, done.settled))
    }

    /// Events of this shard that are not done with yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        IN_FLIGHT_MAX - self.spare.len()
    }
}

/// The gateway's end; cheap to clone.
#[derive(Debug, Clone)]
pub struct ControlPort {
    queue: mpsc::Sender<Submission<Origin>>,
    wake: Wake,
}

impl ControlPort {
    /// Encodes the event and queues it; the receiver gets the outcome once it is decided.
    ///
    /// # Errors
    /// [`Busy`] when the queue is full or the journal is closed.
    pub fn submit(&self, event: &ValueEvent, now: Time) -> Result<oneshot::Receiver<Outcome>, Busy> {
        let mut payload = Vec::with_capacity(PAYLOAD_CAPACITY);
        event::encode_into(event, &mut payload);
        let (reply, outcome) = oneshot::channel();
        let submission = Submission {
            event_id: event.event_id,
            kind: event::VALUE_KIND,
            schema: event::VALUE_SCHEMA,
            flags: 0,
            payload,
            origin: Origin::Control(reply),
            at: since_origin(now),
        };
        self.queue.try_send(submission).map_err(|_full_or_closed| Busy)?;
        self.wake.wake();
        Ok(outcome)
    }
}

/// The wal thread's end of one shard's rings.
#[derive(Debug)]
pub struct PortEnd {
    submitted: Consumer<Submission<Origin>>,
    durable: Producer<Completion>,
}

/// The applier's end of every shard's ring.
#[derive(Debug)]
pub struct CompletionEnds(Vec<Producer<Completion>>);

/// The wal thread's and the applier's ends of every ring.
#[derive(Debug)]
pub struct JournalEnds {
    shards: Vec<PortEnd>,
    control: mpsc::Receiver<Submission<Origin>>,
    wake: Wake,
}

impl CompletionEnds {
    /// Tells the origin what the outcome row says.
    pub fn tell(&mut self, submission: Submission<Origin>, outcome: Outcome) {
        if submission.is_told_when_durable() {
            if outcome != Outcome::Applied {
                log::error!("event {:032x} was told done and is {outcome:?}: it waits for review", submission.event_id);
            }
            return;
        }
        match submission.origin {
            Origin::Shard(index) => {
                let settled = Settled::Decided(outcome);
                let done = Completion { event_id: submission.event_id, settled, payload: submission.payload };
                // The ring is as long as the shard's buffers are many, so it can only refuse when the shard is gone.
                if let Some(ring) = self.0.get_mut(index) {
                    let _shard_gone = ring.push(done);
                }
            }
            Origin::Control(reply) => {
                let _request_gone = reply.send(outcome);
            }
        }
    }
}

impl JournalEnds {
    /// Names the calling thread as the one to wake.
    pub(super) fn adopt(&self) {
        self.wake.0.store(Some(Arc::new(std::thread::current())));
    }

    /// The next submission, one from each source in turn, starting after `turn`.
    pub(super) fn next(&mut self, turn: &mut usize) -> Option<Submission<Origin>> {
        let sources = self.shards.len() + 1;
        for _ in 0..sources {
            *turn = (*turn + 1) % sources;
            let found = match self.shards.get_mut(*turn) {
                Some(shard) => shard.submitted.pop().ok(),
                None => self.control.try_recv().ok(),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Tells a shard that its event is durable; the shard's buffer goes back with it and a copy goes on.
    pub(super) fn acknowledge(&mut self, submission: &mut Submission<Origin>) {
        let Origin::Shard(index) = submission.origin else { return };
        let Some(shard) = self.shards.get_mut(index) else { return };
        let copy = submission.payload.clone();
        let payload = std::mem::replace(&mut submission.payload, copy);
        let done = Completion { event_id: submission.event_id, settled: Settled::Durable, payload };
        let _shard_gone = shard.durable.push(done);
    }

    /// True when every producer is gone and nothing is left to drain.
    pub(super) fn finished(&self) -> bool {
        self.control.is_closed()
            && self.control.is_empty()
            && self.shards.iter().all(|shard| shard.submitted.is_abandoned() && shard.submitted.is_empty())
    }
}

/// Makes the rings of `shards` shards and of the gateway; `wal_ack` says who is told when.
#[must_use]
pub fn journal_ports(shards: usize, wal_ack: WalAck) -> (Vec<ShardPort>, ControlPort, JournalEnds, CompletionEnds) {
    let wake = Wake::default();
    let wal_ack = Arc::new(wal_ack);
    let (queue, control) = mpsc::channel(CONTROL_QUEUE_MAX);
    let mut ports = Vec::with_capacity(shards);
    let mut ends = JournalEnds { shards: Vec::new(), control, wake: wake.clone() };
    let mut completions = CompletionEnds(Vec::new());
    for index in 0..shards {
        let (submit, submitted) = RingBuffer::new(IN_FLIGHT_MAX);
        let (tell_durable, durable) = RingBuffer::new(IN_FLIGHT_MAX);
        let (tell_decided, decided) = RingBuffer::new(IN_FLIGHT_MAX);
        let spare = (0..IN_FLIGHT_MAX).map(|_| Vec::with_capacity(PAYLOAD_CAPACITY)).collect();
        let (wal_ack, wake) = (Arc::clone(&wal_ack), wake.clone());
        ports.push(ShardPort { index, submit, durable, decided, spare, wal_ack, wake });
        ends.shards.push(PortEnd { submitted, durable: tell_durable });
        completions.0.push(tell_decided);
    }
    (ports, ControlPort { queue, wake }, ends, completions)
}

#[cfg(test)]
mod tests {
    use mu_storage::event::{BalanceChange, Currency};

    use super::*;

    fn event(event_id: u128, kind: EventKind) -> ValueEvent {
        let mut event = ValueEvent::new(event_id, kind);
        event.balances.push(BalanceChange { account: 1, currency: Currency::Zen, delta: -5 });
        event
    }

    #[test]
    fn only_chosen_kinds_are_told_when_durable_and_get_their_buffer_back_then() {
        let wal_ack = WalAck::of([EventKind::ShopBuy, EventKind::Trade]);
        let (mut ports, _control, mut ends, mut completions) = journal_ports(1, wal_ack);
        let port = &mut ports[0];
        for (id, kind) in [(1, EventKind::ShopBuy), (2, EventKind::Trade)] {
            port.submit(&event(id, kind), Time::ZERO).expect("there is room");
        }
        let mut turn = 0;
        let mut bought = ends.next(&mut turn).expect("submitted");
        let traded = ends.next(&mut turn).expect("submitted");
        // A trade is nobody's alone: choosing it does not help.
        assert_eq!((bought.flags, traded.flags), (WAL_ACK, 0));
        let payload = bought.payload.clone();
        ends.acknowledge(&mut bought);
        assert_eq!((bought.payload.clone(), port.in_flight()), (payload, 2));
        assert_eq!(port.completion(), Some((1, Settled::Durable)));
        assert_eq!((port.completion(), port.in_flight()), (None, 1));
        completions.tell(bought, Outcome::Applied);
        completions.tell(traded, Outcome::Applied);
        assert_eq!(port.completion(), Some((2, Settled::Decided(Outcome::Applied))));
        assert_eq!((port.completion(), port.in_flight()), (None, 0));
    }
}
