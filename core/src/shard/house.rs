//! Who is in this shard and where: rooms (map instances), seats (connections that stand in one), held places, queues.
//!
//! A character plays in exactly one room; a held place waits for its player. A seat ties a connection to a
//! player in a room; a player without a connection has no seat and leaves once its critical event is decided.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use mu_config::{Class, Portal};
use mu_storage::ids::{CharacterId, IdBlock};
use mu_storage::store::{HotRow, LoadedCharacter};
use mu_value::ValueStatus;
use mu_wire::motion::Tile;
use mu_wire::{CloseCode, ConnId, EntityId, Random, Time, TokenSealer};
use rtrb::{Consumer, Producer};
use tokio::sync::mpsc;

use super::command::{Command, InstanceId, Report, ShardId};
use super::peers::{Move, PeerLinks};
use super::reservations::Reservations;
use super::stop::StopFlag;
use crate::directory::RouteTable;
use crate::journal::ShardPort;
use crate::map::{Joining, Map, Transit};
use crate::persist::Row;

/// One map instance with the connections of its players.
pub(super) struct Room {
    pub(super) instance: InstanceId,
    pub(super) world: u16,
    pub(super) entry: u16,
    pub(super) map: Map,
    pub(super) portals: Vec<Portal>,
    pub(super) classes: Arc<[Class]>,
    /// The map as its block, the same for everyone who enters.
    pub(super) block: Arc<[u8]>,
    /// By the player's slot: which connection watches through it.
    pub(super) conns: Vec<Option<ConnId>>,
    /// Places held for players that have not connected yet.
    pub(super) held: usize,
}

impl Room {
    /// True while one more place can be held.
    pub(super) fn has_place(&self) -> bool {
        self.map.players() + self.held < self.map.player_capacity()
    }

    pub(super) fn conn(&self, player: EntityId) -> Option<ConnId> {
        *self.conns.get(usize::from(player.slot()))?
    }
}

/// A connection that stands in a room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    pub(super) conn: ConnId,
    pub(super) room: usize,
    pub(super) player: EntityId,
    /// Messages and inputs of it that could not be read.
    pub(super) malformed: u8,
}

/// So many messages and inputs of one connection may be malformed; with the last of them it is closed. A correct client sends
/// none: a few are a fault in it that its player need not pay for, more are a program that does not know the protocol.
pub(super) const MALFORMED_MAX: u8 = 16;

/// All seats, by connection slot.
pub(super) struct Seats {
    by_slot: Vec<Option<Seat>>,
    /// One past the highest slot ever used.
    high: usize,
}

impl Seats {
    pub(super) fn new(connections: usize) -> Self {
        Self { by_slot: vec![None; connections], high: 0 }
    }

    pub(super) fn take(&mut self, seat: Seat) {
        let slot = seat.conn.slot as usize;
        let before = self.by_slot[slot].replace(seat);
        assert!(before.is_none(), "slot {slot} has a seat already");
        self.high = self.high.max(slot + 1);
    }

    pub(super) fn leave(&mut self, conn: ConnId) -> Option<Seat> {
        self.find(conn)?;
        self.by_slot[conn.slot as usize].take()
    }

    pub(super) fn find(&self, conn: ConnId) -> Option<Seat> {
        (*self.by_slot.get(conn.slot as usize)?).filter(|seat| seat.conn == conn)
    }

    pub(super) fn find_mut(&mut self, conn: ConnId) -> Option<&mut Seat> {
        self.by_slot.get_mut(conn.slot as usize)?.as_mut().filter(|seat| seat.conn == conn)
    }

    /// The seats whose turn it is in a tick's `turn`-th step.
    pub(super) fn turn(&self, turn: usize) -> impl Iterator<Item = Seat> + use<'_> {
        self.by_slot[..self.high].iter().skip(turn).step_by(10).filter_map(|seat| *seat)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Seat> + use<'_> {
        self.by_slot[..self.high].iter().filter_map(|seat| *seat)
    }
}

/// A character that is to enter a room.
pub(super) enum Arrival {
    /// From the store.
    Fresh(Box<LoadedCharacter>),
    /// From another map.
    Transit { transit: Box<Transit>, to: Tile, heading: u8 },
}

impl Arrival {
    /// Puts the character into a map.
    ///
    /// # Panics
    /// When the map has no free slot: places are counted when they are held, and nobody else lets players in.
    pub(super) fn enter(self, map: &mut Map, connected: bool) -> EntityId {
        let joined = match self {
            Self::Fresh(loaded) => map.join(Joining::Fresh { character: &loaded, connected }),
            Self::Transit { mut transit, to, heading } => {
                transit.set_connected(connected);
                map.join(Joining::Transit { transit, to, heading })
            }
        };
        joined.expect("a held place is free")
    }
}

/// What enters which room once its player connects.
pub(super) struct Entering {
    pub(super) room: usize,
    pub(super) arrival: Arrival,
}

/// A connection that is closed at `at`: its player has moved on and its last messages must arrive before, or it may not stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parting {
    pub(super) conn: ConnId,
    pub(super) at: Time,
    pub(super) why: PartingReason,
}

/// Why a connection is closed at the next tick or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartingReason {
    /// The player is on another shard, or nowhere.
    Moved,
    /// It sent [`MALFORMED_MAX`] messages that cannot be read.
    Malformed,
}

impl PartingReason {
    /// What the client is told.
    pub(super) const fn told(self) -> (CloseCode, &'static str) {
        match self {
            Self::Moved => (CloseCode::MOVED, "moved to another shard"),
            Self::Malformed => (CloseCode::VIOLATION, "the program sends what cannot be read"),
        }
    }
}

/// Counts of what was refused or lost at the edges of other threads.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) events_refused: u64,
    pub(super) rows_dropped: u64,
    /// Messages and inputs that could not be read.
    pub(super) malformed: u64,
    /// Connections closed because of too many.
    pub(super) malformed_closed: u64,
    /// Blocks of newcomers that found no room.
    pub(super) blocks_unsent: u64,
    /// Players that went to another shard.
    pub(super) transfers: u64,
}

/// Everything of a shard but its socket and its protocol.
pub(super) struct House {
    pub(super) id: ShardId,
    pub(super) rooms: Vec<Room>,
    pub(super) seats: Seats,
    pub(super) places: Reservations<Entering>,
    /// Characters inside a room, and their player there.
    pub(super) people: BTreeMap<CharacterId, (usize, EntityId)>,
    /// Players offered to another shard that has not answered; frozen in their room.
    pub(super) moves: Vec<Move>,
    pub(super) partings: Vec<Parting>,
    pub(super) routes: Arc<RouteTable>,
    pub(super) sealer: TokenSealer,
    pub(super) random: Random,
    pub(super) peers: PeerLinks,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) reports: mpsc::Sender<Report>,
    /// Reports the directory had no room for yet.
    pub(super) reports_waiting: VecDeque<Report>,
    pub(super) rows: Producer<Row>,
    /// Final rows the persist thread had no room for yet; at most one per player.
    pub(super) rows_waiting: VecDeque<Row>,
    /// Ids for items that the maps create.
    pub(super) uids: Consumer<IdBlock>,
    pub(super) value: ShardPort,
    pub(super) value_status: Arc<ValueStatus>,
    pub(super) counts: Counts,
    pub(super) stop: StopFlag,
    pub(super) closing: bool,
    pub(super) realm: u32,
}

impl House {
    pub(super) fn room_of(&self, instance: InstanceId) -> Option<usize> {
        self.rooms.iter().position(|room| room.instance == instance)
    }

    /// A client sent what cannot be read: counted, and with the last that is borne its connection ends.
    pub(super) fn malformed(&mut self, conn: ConnId) {
        self.counts.malformed += 1;
        let Some(seat) = self.seats.find_mut(conn) else { return };
        seat.malformed = seat.malformed.saturating_add(1);
        if seat.malformed == MALFORMED_MAX {
            self.counts.malformed_closed += 1;
            self.partings.push(Parting { conn, at: Time::ZERO, why: PartingReason::Malformed });
        }
    }

    /// Tells the directory; what finds no room goes out at the next step, in order.
    pub(super) fn report(&mut self, report: Report) {
        self.reports_waiting.push_back(report);
        self.send_waiting();
    }

    /// Hands the character's last state to the persist thread, which reports it as left once it is stored.
    pub(super) fn store_final(&mut self, row: HotRow) {
        self.rows_waiting.push_back(Row::Final(row));
        self.send_waiting();
    }

    /// Hands over hot state; without room it is dropped: a newer row or the final one follows.
    pub(super) fn store(&mut self, row: HotRow) {
        // Final rows first, so that a character's rows stay in order.
        if !self.rows_waiting.is_empty() || self.rows.push(Row::Hot(row)).is_err() {
            self.counts.rows_dropped += 1;
        }
    }

    /// Passes on what waits for room in a queue of another thread.
    pub(super) fn send_waiting(&mut self) {
        while let Some(report) = self.reports_waiting.front() {
            match self.reports.try_send(*report) {
                Err(mpsc::error::TrySendError::Full(_)) => break,
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => self.reports_waiting.pop_front(),
            };
        }
        while let Some(row) = self.rows_waiting.front() {
            if self.rows.push(*row).is_err() {
                break;
            }
            self.rows_waiting.pop_front();
        }
    }
}
