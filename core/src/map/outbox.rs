//! What a tick wants done: messages to send, events to journal, players to hand over, hot state to store.
//!
//! Filled by [`super::Map::tick`], read by whoever owns the connections and the queues, cleared by the next tick.
//! Each message is encoded once into one arena, however many players it goes to. All memory is taken at load.
//!
//! Nothing that must arrive is ever dropped: a system that is about to produce such things asks for
//! [`Outbox::has_room`] first, and the work it does not start waits in its own queue for the next tick. What may be
//! lost (chat to a listener) is dropped and counted.

use std::ops::Range;

use mu_storage::event::ValueEvent;
use mu_storage::ids::{AccountId, CharacterId};
use mu_storage::store::HotRow;
use mu_wire::messages::ServerMessage;
use mu_wire::{EntityId, Lane};

/// Most bytes one input, request, decision or departure can produce: two inventories and two notices.
const ROOM_BYTES: usize = 4 * 1_100;
/// Most entries one of them can produce.
const ROOM_ENTRIES: usize = 12;
/// Critical events one tick can submit. A trade takes two confirmations; more than this many in 50 ms wait for the
/// next confirmation.
pub const CRITICAL_PER_TICK: usize = 64;

/// One thing to be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// Send these bytes, one encoded [`ServerMessage`], on its lane.
    Send {
        /// To whom.
        to: EntityId,
        /// The message's lane.
        lane: Lane,
        /// The message.
        bytes: &'a [u8],
        /// Whether it may be dropped when the player's lane is full. If not, a full lane means the player is
        /// disconnected.
        lossy: bool,
    },
    /// Journal this event and answer with [`super::Map::settle`], whatever happens.
    Critical(&'a ValueEvent),
    /// The player has been told where it stands and what it carries; what else a newcomer should know is the shard's.
    Entered(EntityId),
    /// The player stands in this portal and stays frozen until it is handed over or [`super::Map::stay`] is called.
    Portal {
        /// Who.
        player: EntityId,
        /// The portal's number on this map.
        portal: u16,
    },
    /// The player is gone from the map.
    Departed(Departure),
    /// Store this state some time; a later one replaces it.
    Dirty(HotRow),
}

/// Somebody who left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// The handle it had; dead now.
    pub player: EntityId,
    /// Its account.
    pub account: AccountId,
    /// Its final state; store this before the character is loaded again.
    pub hot: HotRow,
    /// Whether a client was still connected: it asked to leave and its connection is to be closed.
    pub connected: bool,
}

impl Departure {
    /// Which character left.
    #[must_use]
    pub fn character(&self) -> CharacterId {
        self.hot.character
    }
}

#[derive(Debug, Clone)]
enum Entry {
    Send { to: EntityId, message: Encoded, lossy: bool },
    Critical(usize),
    Entered(EntityId),
    Portal { player: EntityId, portal: u16 },
    Departed(Departure),
    Dirty(HotRow),
}

/// One encoded message, to be sent to several players.
#[derive(Debug, Clone)]
pub struct Encoded {
    lane: Lane,
    bytes: Range<u32>,
}

/// The arena and the list.
#[derive(Debug)]
pub struct Outbox {
    bytes: Box<[u8]>,
    used: usize,
    entries: Vec<Entry>,
    limit: usize,
    critical: Vec<ValueEvent>,
    dropped: u64,
}

impl Outbox {
    /// An outbox for maps of up to this many players.
    #[must_use]
    pub fn new(players: usize) -> Self {
        let bytes = ROOM_BYTES * 16 + players * 512;
        let limit = ROOM_ENTRIES * 64 + players * 24;
        Self {
            bytes: vec![0; bytes].into_boxed_slice(),
            used: 0,
            entries: Vec::with_capacity(limit),
            limit,
            critical: Vec::with_capacity(CRITICAL_PER_TICK),
            dropped: 0,
        }
    }

    /// Everything to be done, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Event<'_>> {
        self.entries.iter().map(|entry| match entry {
            Entry::Send { to, message: Encoded { lane, bytes }, lossy } => Event::Send {
                to: *to,
                lane: *lane,
                bytes: &self.bytes[bytes.start as usize..bytes.end as usize],
                lossy: *lossy,
            },
            Entry::Critical(index) => Event::Critical(&self.critical[*index]),
            Entry::Entered(player) => Event::Entered(*player),
            Entry::Portal { player, portal } => Event::Portal { player: *player, portal: *portal },
            Entry::Departed(departure) => Event::Departed(*departure),
            Entry::Dirty(row) => Event::Dirty(*row),
        })
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.used = 0;
        self.entries.clear();
        self.critical.clear();
    }

    /// How many lossy messages found no room so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether the outcome of one more input, request, decision or departure fits for certain.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.used + ROOM_BYTES <= self.bytes.len() && self.entries.len() + ROOM_ENTRIES <= self.limit
    }

    /// Whether one more critical event fits.
    #[must_use]
    pub fn has_critical_room(&self) -> bool {
        self.critical.len() < CRITICAL_PER_TICK
    }

    /// Sends a message that must arrive to one player.
    ///
    /// # Panics
    /// When the caller did not ask for room, or the message breaks a bound of its own table.
    pub fn send(&mut self, to: EntityId, message: &ServerMessage<'_>) {
        let message = self.encode(message).expect("whoever must be heard asks for room first");
        self.entries.push(Entry::Send { to, message, lossy: false });
    }

    /// Encodes a message once for several players; `None` when the arena is full.
    pub fn encode(&mut self, message: &ServerMessage<'_>) -> Option<Encoded> {
        let start = u32::try_from(self.used).ok()?;
        let Some(length) = message.encode(&mut self.bytes[self.used..]).ok() else {
            self.dropped += 1;
            return None;
        };
        self.used += length;
        Some(Encoded { lane: message.lane(), bytes: start..u32::try_from(self.used).ok()? })
    }

    /// Sends an encoded message that may be lost. It never takes the room of what must arrive.
    pub fn spread(&mut self, to: EntityId, message: &Encoded) {
        if self.entries.len() + ROOM_ENTRIES * 32 > self.limit {
            self.dropped += 1;
            return;
        }
        self.entries.push(Entry::Send { to, message: message.clone(), lossy: true });
    }

    /// Adds a critical event. The caller has asked for room.
    pub fn critical(&mut self, event: ValueEvent) {
        self.entries.push(Entry::Critical(self.critical.len()));
        self.critical.push(event);
    }

    /// Adds a player that came to this map.
    pub fn entered(&mut self, player: EntityId) {
        self.entries.push(Entry::Entered(player));
    }

    /// Adds a player that stepped through a portal.
    pub fn portal(&mut self, player: EntityId, portal: u16) {
        self.entries.push(Entry::Portal { player, portal });
    }

    /// Adds a departure.
    pub fn departed(&mut self, departure: Departure) {
        self.entries.push(Entry::Departed(departure));
    }

    /// Adds hot state; false when there is no room, then it is offered again later.
    pub fn dirty(&mut self, row: HotRow) -> bool {
        let room = self.entries.len() < self.limit;
        if room {
            self.entries.push(Entry::Dirty(row));
        }
        room
    }
}
