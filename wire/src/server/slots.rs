//! The table of connections: an array indexed by slot, each use of a slot with its own generation.
//!
//! Connections are boxed so that an unused slot costs 24 bytes. Freed slots are reused oldest first, which keeps a
//! generation away for as long as possible.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::limits::{Bucket, Rate};
use super::path::Path;
use crate::codec::low32;
use crate::connection::{CloseCode, CloseReason, ClosingText, Connection};
use crate::ids::ConnId;
use crate::time::Time;
use crate::token::TokenClaims;

/// Longest ACCEPT: with the longest client id.
pub(super) const ACCEPT_MAX: usize = crate::handshake::ACCEPT_LEN + crate::handshake::MAX_CLIENT_ID;

/// How far a connection has come.
pub(super) enum Stage {
    /// ACCEPT is out; only a first data packet counts.
    HalfOpen(Box<HalfOpen>),
    /// Data flows.
    Open,
    /// CLOSE goes out a few times; what comes in is dropped.
    Closing(Closing),
}

/// What is kept until the first data packet.
pub(super) struct HalfOpen {
    pub(super) claims: TokenClaims,
    pub(super) accept: [u8; ACCEPT_MAX],
    pub(super) accept_len: usize,
    pub(super) expires: Time,
}

/// The last words of a connection.
pub(super) struct Closing {
    pub(super) code: CloseCode,
    pub(super) text: ClosingText,
    /// What the handler hears; taken when it did.
    pub(super) reason: Option<CloseReason>,
    pub(super) repeats: u8,
    pub(super) next: Time,
}

/// One connection and what the endpoint knows beside it.
pub(super) struct Occupant {
    /// Its name on the wire.
    pub(super) id: u64,
    pub(super) address: SocketAddr,
    /// Where it may have moved to.
    pub(super) path: Path,
    pub(super) bucket: Bucket,
    pub(super) rate: Rate,
    pub(super) stage: Stage,
    /// It stands in the list of those who have something to send.
    pub(super) dirty: bool,
    pub(super) connection: Connection,
}

impl Occupant {
    /// The first moment at which an open connection has something to do, and whether it has something to send now, with or
    /// without a snapshot.
    pub(super) fn deadline(&self, now: Time) -> (Time, bool) {
        let waits = self.connection.waits();
        let wake = self.path.deadline().map_or(waits.wake, |at| at.min(waits.wake));
        (wake, waits.send <= now || self.path.is_due(now))
    }
}

struct Slot {
    occupant: Option<Box<Occupant>>,
    generation: u16,
    /// Until then the last generation's late packets earn no RESET: the peer ended it itself.
    quiet_until: Time,
}

/// The table.
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: VecDeque<u32>,
}

impl Slots {
    /// A table of `capacity` slots whose first generations are `generation`.
    pub(super) fn new(capacity: usize, generation: u16) -> Self {
        let slots = (0..capacity).map(|_| Slot { occupant: None, generation, quiet_until: Time::ZERO });
        Self { slots: slots.collect(), free: (0..low32(capacity as u64)).collect() }
    }

    /// The handle that the next [`Slots::insert`] will use, if a slot is free.
    pub(super) fn vacant(&self) -> Option<ConnId> {
        let slot = *self.free.front()?;
        let generation = self.slots.get(slot as usize)?.generation;
        Some(ConnId { slot, generation })
    }

    /// Fills the slot that [`Slots::vacant`] named.
    pub(super) fn insert(&mut self, occupant: Box<Occupant>) -> Option<ConnId> {
        let conn = self.vacant()?;
        self.free.pop_front();
        self.slots.get_mut(conn.slot as usize)?.occupant = Some(occupant);
        Some(conn)
    }

    /// Empties a slot; its handle finds nothing from now on, and is not answered until then.
    pub(super) fn remove(&mut self, conn: ConnId, quiet_until: Time) {
        if self.find(conn).is_some()
            && let Some(slot) = self.slots.get_mut(conn.slot as usize)
        {
            slot.occupant = None;
            slot.generation = slot.generation.wrapping_add(1);
            slot.quiet_until = quiet_until;
            self.free.push_back(conn.slot);
        }
    }

    /// Whether the connection ended a moment ago by its peer's own word.
    pub(super) fn is_quiet(&self, now: Time, conn: ConnId) -> bool {
        self.slots
            .get(conn.slot as usize)
            .is_some_and(|slot| slot.quiet_until > now && slot.generation == conn.generation.wrapping_add(1))
    }

    pub(super) fn find(&mut self, conn: ConnId) -> Option<&mut Occupant> {
        let slot = self.slots.get_mut(conn.slot as usize)?;
        if slot.generation == conn.generation { slot.occupant.as_deref_mut() } else { None }
    }

    /// Whoever is in a slot now.
    pub(super) fn at(&mut self, slot: u32) -> Option<(ConnId, &mut Occupant)> {
        let entry = self.slots.get_mut(slot as usize)?;
        let conn = ConnId { slot, generation: entry.generation };
        Some((conn, entry.occupant.as_deref_mut()?))
    }

    /// Slots in use.
    pub(super) fn used(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
