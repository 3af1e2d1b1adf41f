//! The endpoint of a shard: datagrams in, datagrams out, timers, and the shard's calls.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::config::ServerConfig;
use super::connection_id::{ConnectionIds, SLOT_BITS};
use super::handler::{Listener, ServerHandler};
use super::limits::{Bucket, PrefixTable, Rate};
use super::path::send_challenge;
use super::replay_log::ReplayLog;
use super::reset::ResetRates;
use super::slots::{Closing, Occupant, Slots, Stage};
use super::stats::{DropReason, ServerStats};
use super::wheel::Wheel;
use crate::blocks::BlockPool;
use crate::codec::low16;
use crate::connection::{CloseCode, CloseReason, Connection, Extra, closing_text};
use crate::crypto::{CheckedIds, HostKeys, MacKey, Random, ShortHash};
use crate::handshake::{CookieJar, Kind, kind_of};
use crate::ids::ConnId;
use crate::lanes::{Lane, SendError};
use crate::packet::{MAX_RECEIVED, SHORT_BYTE, SHORT_MASK};
use crate::protocol::protocol_id;
use crate::sink::DatagramSink;
use crate::time::{Tick, Time};

/// A closing side says so this often, in case a datagram is lost.
const CLOSE_REPEATS: u8 = 3;
const CLOSE_INTERVAL: Duration = Duration::from_millis(100);
/// How far on a connection is put whose deadline has passed but could not be acted on.
const LATER: Duration = Duration::from_millis(1);

/// The rates of connection attempts.
pub(super) struct Rates {
    pub(super) init: Bucket,
    pub(super) init_rate: Rate,
    pub(super) calm: Bucket,
    pub(super) calm_rate: Rate,
    pub(super) handshakes: Bucket,
    pub(super) handshake_rate: Rate,
    pub(super) prefixes: PrefixTable,
}

/// All connections of one shard. Owns no socket and reads no clock; one thread uses it.
pub struct Server {
    pub(super) config: ServerConfig,
    pub(super) keys: HostKeys,
    pub(super) protocol: u32,
    pub(super) random: Random,
    pub(super) routing: CheckedIds,
    pub(super) ids: ConnectionIds,
    pub(super) jar: CookieJar,
    pub(super) reset: MacKey,
    pub(super) resets: ResetRates,
    pub(super) rates: Rates,
    pub(super) stale_rate: Rate,
    pub(super) replay: ReplayLog,
    pub(super) slots: Slots,
    pub(super) wheel: Wheel,
    pub(super) half_open: usize,
    pub(super) blocks: BlockPool,
    pub(super) stats: ServerStats,
    /// Slots that have something to send.
    pub(super) dirty: VecDeque<u32>,
    /// Connections whose end the handler has not heard of.
    ended: Vec<ConnId>,
    now: Time,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("shard", &self.config.shard)
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// An endpoint without connections. `seed` must come from the operating system in production.
    ///
    /// # Panics
    /// If `max_connections` exceeds 2^20, which a connection id cannot name.
    #[must_use]
    pub fn new(config: ServerConfig, keys: &HostKeys, seed: [u8; 32]) -> Self {
        let capacity = config.max_connections;
        assert!(
            capacity <= 1 << SLOT_BITS,
            "max_connections is {capacity}, a connection id names at most {}",
            1 << SLOT_BITS
        );
        let mut random = Random::from_seed(seed);
        let limits = &config.limits;
        let rates = Rates {
            init: Bucket::default(),
            init_rate: Rate::new(limits.init_per_s, limits.init_per_s / 10),
            calm: Bucket::default(),
            calm_rate: Rate::new(limits.calm_init_per_s, limits.calm_init_per_s),
            handshakes: Bucket::default(),
            handshake_rate: Rate::new(limits.handshakes_per_s, limits.handshakes_per_s / 10),
            prefixes: PrefixTable::new(
                ShortHash::new(random.array()),
                Rate::new(limits.init_per_prefix_per_s, limits.init_per_prefix_burst),
            ),
        };
        let connection_ids = CheckedIds::new(keys.connection_hash(config.shard));
        Self {
            keys: keys.clone(),
            protocol: protocol_id(),
            routing: CheckedIds::new(keys.routing_hash()),
            ids: ConnectionIds::new(config.shard, connection_ids),
            jar: CookieJar::new(keys.cookie_key(config.shard)),
            reset: keys.reset_key(),
            resets: ResetRates::new(limits, &mut random),
            rates,
            stale_rate: Rate::new(limits.stale_per_s, limits.stale_per_s),
            replay: ReplayLog::new(limits.replay_log),
            slots: Slots::new(capacity, low16(random.u64())),
            wheel: Wheel::new(capacity),
            half_open: 0,
            blocks: BlockPool::new(limits.block_pool),
            stats: ServerStats::default(),
            dirty: VecDeque::with_capacity(capacity),
            ended: Vec::with_capacity(capacity),
            now: Time::ZERO,
            random,
            config,
        }
    }

    /// Takes one datagram and decrypts it in place. Answers of the handshake go to `out` at once, all else waits.
    /// `unix_s` is the wall clock in seconds, for the expiry of tokens.
    pub fn receive(
        &mut self,
        now: Time,
        unix_s: u64,
        from: SocketAddr,
        datagram: &mut [u8],
        handler: &mut impl ServerHandler,
        out: &mut impl DatagramSink,
    ) {
        self.now = self.now.max(now);
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.len() as u64;
        let first = datagram.first().copied().unwrap_or(0);
        let done = if datagram.is_empty() || datagram.len() > MAX_RECEIVED {
            Err(DropReason::Size)
        } else if first & SHORT_MASK == SHORT_BYTE {
            self.receive_data((self.now, &from), datagram, handler, out)
        } else if kind_of(first) == Some(Kind::Init) {
            self.receive_init((self.now, unix_s, from), datagram, handler, out)
        } else {
            Err(DropReason::Kind)
        };
        if let Err(reason) = done {
            self.stats.drop_for(reason);
        }
    }

    /// Queues a message. It leaves with the connection's next snapshot, or alone after the coalescing time.
    ///
    /// # Errors
    /// [`SendError`] if the connection is not open, the message too long or the lane full.
    pub fn send(&mut self, conn: ConnId, lane: Lane, bytes: &[u8]) -> Result<(), SendError> {
        self.queue(conn, |connection, now| connection.send(now, lane, bytes))
    }

    /// Queues a message as [`Server::send`] does, which leaves twice if its lane is reliable: in two datagrams that follow
    /// each other without waiting, so that the loss of one costs no time.
    ///
    /// # Errors
    /// As [`Server::send`].
    pub fn send_twice(&mut self, conn: ConnId, lane: Lane, bytes: &[u8]) -> Result<(), SendError> {
        self.queue(conn, |connection, now| connection.send_twice(now, lane, bytes))
    }

    fn queue(
        &mut self,
        conn: ConnId,
        send: impl FnOnce(&mut Connection, Time) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let now = self.now;
        let occupant = self.slots.find(conn).ok_or(SendError::Closed)?;
        if !matches!(occupant.stage, Stage::Open) {
            return Err(SendError::Closed);
        }
        send(&mut occupant.connection, now)?;
        self.stats.messages_dropped += occupant.connection.take_dropped();
        let waits = occupant.connection.waits();
        if waits.send <= now {
            mark(&mut self.dirty, conn.slot, occupant);
        }
        self.wheel.schedule(conn.slot, waits.wake);
        Ok(())
    }

    /// Queues a block of 1 byte to 8 MiB behind those that wait, at most 16 together; its id. It is shared, not copied: the
    /// same block for many connections is one buffer. Blocks of a connection travel one after the other in what the game
    /// leaves of its line, and the handler hears how each ended.
    ///
    /// # Errors
    /// [`SendError`] if the connection is not open, the block empty or too long, or 16 blocks wait.
    pub fn send_block(&mut self, conn: ConnId, kind: u16, bytes: Arc<[u8]>) -> Result<u16, SendError> {
        let now = self.now;
        let occupant = self.slots.find(conn).ok_or(SendError::Closed)?;
        if !matches!(occupant.stage, Stage::Open) {
            return Err(SendError::Closed);
        }
        let id = occupant.connection.send_block(now, kind, bytes)?;
        let waits = occupant.connection.waits();
        if waits.send <= now {
            mark(&mut self.dirty, conn.slot, occupant);
        }
        self.wheel.schedule(conn.slot, waits.wake);
        Ok(id)
    }

    /// Bytes that half blocks of clients take now.
    #[must_use]
    pub fn block_memory(&self) -> usize {
        self.blocks.taken()
    }

    /// Ends a connection. Reliable messages on their way go out with the goodbye; the handler hears of the end in the next
    /// `handle_timeouts`. An unknown connection is ignored.
    pub fn close(&mut self, conn: ConnId, code: CloseCode, text: &str) {
        self.end(conn, code, text, CloseReason::Local(code));
    }

    /// Writes this step's datagram of one connection: acknowledgements, control messages and a snapshot whose body
    /// `snapshot(packet, space)` writes (0 = nothing to say). True if a datagram was written.
    pub fn transmit(
        &mut self,
        now: Time,
        conn: ConnId,
        tick: Tick,
        snapshot: &mut impl FnMut(u64, &mut [u8]) -> usize,
        out: &mut impl DatagramSink,
    ) -> bool {
        self.now = self.now.max(now);
        let now = self.now;
        let Some(occupant) = self.slots.find(conn) else {
            return false;
        };
        if !matches!(occupant.stage, Stage::Open) {
            return false;
        }
        let (mut written, mut carried) = (0, false);
        let connection = &mut occupant.connection;
        out.push(occupant.address, &mut |buffer| {
            let mut counted = |packet, space: &mut [u8]| {
                let length = snapshot(packet, space);
                carried = length > 0;
                length
            };
            written = connection.transmit(now, Extra::Snapshot(tick, &mut counted), buffer);
            written
        });
        self.stats.messages_dropped += connection.take_dropped();
        if written > 0 {
            let waits = connection.waits();
            self.wheel.schedule(conn.slot, waits.wake);
            if waits.send <= now {
                mark(&mut self.dirty, conn.slot, occupant);
            }
        }
        self.stats.wrote(written);
        self.stats.snapshots += u64::from(carried && written > 0);
        written > 0
    }

    /// Writes one datagram for each connection that has something due without a snapshot.
    pub fn transmit_due(&mut self, now: Time, out: &mut impl DatagramSink) {
        self.now = self.now.max(now);
        for _ in 0..self.dirty.len() {
            let Some(slot) = self.dirty.pop_front() else {
                return;
            };
            if !self.transmit_slot(slot, out) {
                // The sink is full: this one is first at the next step.
                self.dirty.push_front(slot);
                return;
            }
        }
    }

    /// False if the sink has no room.
    fn transmit_slot(&mut self, slot: u32, out: &mut impl DatagramSink) -> bool {
        let now = self.now;
        let Some((_, occupant)) = self.slots.at(slot) else {
            return true;
        };
        if matches!(occupant.stage, Stage::Open) && !send_challenge(now, occupant, &mut self.stats, out) {
            return false;
        }
        let connection = &mut occupant.connection;
        let extra = match &mut occupant.stage {
            Stage::HalfOpen(_) => None,
            Stage::Open => connection.is_due(now).then_some(Extra::None),
            Stage::Closing(closing) if closing.repeats > 0 && closing.next <= now => {
                Some(Extra::Close(closing.code, &closing.text))
            }
            Stage::Closing(_) => None,
        };
        let (mut written, offered) = (0, extra.is_some());
        if let Some(mut extra) = extra {
            let pushed = out.push(occupant.address, &mut |buffer| {
                let extra = std::mem::replace(&mut extra, Extra::None);
                written = connection.transmit(now, extra, buffer);
                written
            });
            if !pushed {
                return false;
            }
        }
        occupant.dirty = false;
        self.stats.messages_dropped += connection.take_dropped();
        let (deadline, more) = match &mut occupant.stage {
            Stage::Closing(closing) => {
                // Some packets of last words may come before the one that says goodbye.
                if offered && (written == 0 || connection.has_said_goodbye()) {
                    closing.repeats = closing.repeats.saturating_sub(1);
                    closing.next = now + CLOSE_INTERVAL;
                }
                (closing.next, closing.next <= now)
            }
            Stage::Open => occupant.deadline(now),
            Stage::HalfOpen(_) => (occupant.connection.deadline(), false),
        };
        if written > 0 && more {
            mark(&mut self.dirty, slot, occupant);
        }
        self.wheel.schedule(slot, deadline.max(now + LATER));
        self.stats.wrote(written);
        true
    }

    /// Runs the timers that are due: lost packets, probes, idle and half-open connections, and the ends that the handler
    /// has not heard of.
    pub fn handle_timeouts(&mut self, now: Time, handler: &mut impl ServerHandler) {
        self.now = self.now.max(now);
        while let Some(conn) = self.ended.pop() {
            if let Some(Stage::Closing(closing)) = self.slots.find(conn).map(|o| &mut o.stage)
                && let Some(reason) = closing.reason.take()
            {
                self.stats.closed += 1;
                handler.closed(conn, reason);
            }
        }
        while let Some(slot) = self.wheel.pop_due(self.now) {
            self.handle_slot(slot, handler);
        }
    }

    fn handle_slot(&mut self, slot: u32, handler: &mut impl ServerHandler) {
        let now = self.now;
        let Some((conn, occupant)) = self.slots.at(slot) else {
            return;
        };
        let deadline = match &mut occupant.stage {
            Stage::HalfOpen(half) if half.expires > now => half.expires,
            Stage::HalfOpen(_) => {
                self.half_open -= 1;
                self.stats.half_open_expired += 1;
                self.forget(conn);
                return;
            }
            Stage::Open if occupant.connection.is_idle(now) => {
                self.forget(conn);
                self.stats.closed += 1;
                handler.closed(conn, CloseReason::Idle);
                return;
            }
            Stage::Open => {
                occupant.connection.timeout(now, &mut Listener { conn, stats: &mut self.stats, handler });
                occupant.path.timeout(now);
                let (deadline, is_due) = occupant.deadline(now);
                if is_due {
                    mark(&mut self.dirty, slot, occupant);
                }
                deadline
            }
            Stage::Closing(closing) if closing.repeats == 0 => {
                self.forget(conn);
                return;
            }
            Stage::Closing(closing) => {
                let next = closing.next;
                if next <= now {
                    mark(&mut self.dirty, slot, occupant);
                }
                next
            }
        };
        self.wheel.schedule(slot, deadline.max(now + LATER));
    }

    /// Starts the end of a connection: CLOSE goes out, then the slot is free.
    pub(super) fn end(&mut self, conn: ConnId, code: CloseCode, text: &str, reason: CloseReason) {
        let now = self.now;
        let Some(occupant) = self.slots.find(conn) else {
            return;
        };
        match occupant.stage {
            Stage::Closing(_) => {}
            Stage::HalfOpen(_) => {
                self.half_open -= 1;
                self.forget(conn);
            }
            Stage::Open => {
                occupant.stage = Stage::Closing(Closing {
                    code,
                    text: closing_text(text),
                    reason: Some(reason),
                    repeats: CLOSE_REPEATS,
                    next: now,
                });
                mark(&mut self.dirty, conn.slot, occupant);
                self.ended.push(conn);
                self.wheel.schedule(conn.slot, now + CLOSE_INTERVAL);
            }
        }
    }

    pub(super) fn forget(&mut self, conn: ConnId) {
        self.forget_quietly(conn, Time::ZERO);
    }

    /// As [`Server::forget`], and late packets earn no RESET until then.
    pub(super) fn forget_quietly(&mut self, conn: ConnId, until: Time) {
        self.wheel.remove(conn.slot);
        self.slots.remove(conn, until);
    }

    /// The rate of datagrams that a token grants; the configured one at most, and if it says nothing.
    pub(super) fn packet_rate(&self, granted: u16) -> Rate {
        let limits = &self.config.limits;
        let per_s = match granted {
            0 => limits.packets_per_s,
            granted => granted.min(limits.packets_per_s),
        };
        Rate::new(per_s.into(), limits.packets_burst.into())
    }

    /// Connections, half-open and closing ones included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.slots.used()
    }

    /// Counters since the endpoint was made.
    #[must_use]
    pub const fn stats(&self) -> &ServerStats {
        &self.stats
    }
}

/// Puts a connection into the list of those who have something to send, once.
pub(super) fn mark(dirty: &mut VecDeque<u32>, slot: u32, occupant: &mut Occupant) {
    if !std::mem::replace(&mut occupant.dirty, true) {
        dirty.push_back(slot);
    }
}
