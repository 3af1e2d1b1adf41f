//! The trades of a map: who trades with whom, what each offers, how far each trade has come.
//!
//! Rows are reused; a row is found from its players, or by event id when a decision arrives. The table bounds how
//! many trades run at once: every two players of a full map can have one.

use arrayvec::ArrayVec;
use mu_storage::store::{Outcome, Reason};
use mu_wire::EntityId;

use crate::map::inbox::OFFER_ITEMS;

/// What was decided about a submitted event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its changes are in the store.
    Applied,
    /// The store refused it; it changed nothing.
    Rejected(Reason),
    /// It lies in the review table; what it names stays frozen.
    Quarantined(Reason),
    /// The journal never took it: its queue was full. It changed nothing and never will.
    NotTaken,
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied => Self::Applied,
            Outcome::Rejected(reason) => Self::Rejected(reason),
            Outcome::Quarantined(reason) => Self::Quarantined(reason),
        }
    }
}

/// How far a trade has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The players change offers and confirm.
    Open,
    /// Both confirmed; the goods are held until the event is decided.
    Pending,
    /// Decided; settled in the next tick.
    Decided(Verdict),
}

/// One player's side.
#[derive(Debug, Clone)]
pub struct Side {
    /// The player.
    pub who: EntityId,
    /// Zen offered.
    pub zen: i64,
    /// Items offered.
    pub items: ArrayVec<i64, OFFER_ITEMS>,
    /// Whether it agreed to the offers as they are.
    pub confirmed: bool,
    /// Where the offered items lie, in their order; filled when held.
    pub held: ArrayVec<u8, OFFER_ITEMS>,
    /// Places reserved for the partner's items, in their order; filled when held.
    pub reserved: ArrayVec<u8, OFFER_ITEMS>,
}

impl Side {
    fn new(who: EntityId) -> Self {
        Self {
            who,
            zen: 0,
            items: ArrayVec::new_const(),
            confirmed: false,
            held: ArrayVec::new_const(),
            reserved: ArrayVec::new_const(),
        }
    }
}

/// One trade.
#[derive(Debug, Clone)]
pub struct Trade {
    /// The identity of the event it will become; made when the window opens.
    pub event_id: u128,
    /// The two players; the one who asked is first.
    pub sides: [Side; 2],
    /// Grows with each change of either offer; 0 when nothing was offered yet.
    pub revision: u32,
    /// How far it has come.
    pub stage: Stage,
}

impl Trade {
    /// Which side a player is, if it is one.
    #[must_use]
    pub fn side_of(&self, who: EntityId) -> Option<usize> {
        self.sides.iter().position(|side| side.who == who)
    }

    /// Whether the goods are held: the event was submitted and is not settled.
    #[must_use]
    pub fn is_in_flight(&self) -> bool {
        self.stage != Stage::Open
    }
}

/// The table.
#[derive(Debug)]
pub struct Trades {
    rows: Vec<Option<Trade>>,
    free: Vec<u16>,
    /// Event ids of rows whose stage is pending, 0 elsewhere: searched when a decision arrives.
    pending: Vec<u128>,
    /// Rows decided and not settled, in the order of the decisions.
    decided: Vec<u16>,
    settled: usize,
}

impl Trades {
    /// A table for a map of this many players.
    #[must_use]
    pub fn new(players: usize) -> Self {
        let rows = (players / 2).min(usize::from(u16::MAX));
        Self {
            rows: Vec::with_capacity(rows),
            free: Vec::with_capacity(rows),
            pending: Vec::with_capacity(rows),
            decided: Vec::with_capacity(rows),
            settled: 0,
        }
    }

    /// Opens a trade; `None` when the table is full.
    pub fn open(&mut self, event_id: u128, players: [EntityId; 2]) -> Option<u16> {
        let trade = Trade { event_id, sides: players.map(Side::new), revision: 0, stage: Stage::Open };
        if let Some(row) = self.free.pop() {
            self.rows[usize::from(row)] = Some(trade);
            return Some(row);
        }
        if self.rows.len() == self.rows.capacity() {
            return None;
        }
        self.rows.push(Some(trade));
        self.pending.push(0);
        u16::try_from(self.rows.len() - 1).ok()
    }

    /// The trade in a row.
    #[must_use]
    pub fn row(&self, row: u16) -> Option<&Trade> {
        self.rows.get(usize::from(row)).and_then(Option::as_ref)
    }

    /// The trade in a row, to change.
    pub fn row_mut(&mut self, row: u16) -> Option<&mut Trade> {
        self.rows.get_mut(usize::from(row)).and_then(Option::as_mut)
    }

    /// Notes that a row was submitted.
    pub fn submitted(&mut self, row: u16) {
        if let Some(trade) = self.rows.get_mut(usize::from(row)).and_then(Option::as_mut) {
            trade.stage = Stage::Pending;
            self.pending[usize::from(row)] = trade.event_id;
        }
    }

    /// Notes a decision; false when no undecided trade has this event id.
    pub fn decide(&mut self, event_id: u128, verdict: Verdict) -> bool {
        let row = self.pending.iter().position(|&id| id == event_id && id != 0);
        let Some((row, trade)) = row.and_then(|row| Some((row, self.rows[row].as_mut()?))) else {
            return false;
        };
        trade.stage = Stage::Decided(verdict);
        self.pending[row] = 0;
        self.decided.push(u16::try_from(row).unwrap_or(u16::MAX));
        true
    }

    /// The next row to settle, in the order of the decisions.
    pub fn next_decided(&mut self) -> Option<u16> {
        let next = self.decided.get(self.settled).copied();
        match next {
            Some(_) => self.settled += 1,
            None => {
                self.decided.clear();
                self.settled = 0;
            }
        }
        next
    }

    /// Ends a trade and frees its row.
    pub fn close(&mut self, row: u16) -> Option<Trade> {
        let trade = self.rows.get_mut(usize::from(row))?.take()?;
        self.pending[usize::from(row)] = 0;
        self.free.push(row);
        Some(trade)
    }

    /// How many rows were ever used; rows beyond do not exist.
    #[must_use]
    pub fn used(&self) -> u16 {
        u16::try_from(self.rows.len()).unwrap_or(u16::MAX)
    }

    /// How many trades wait for a decision or for being settled.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.rows.iter().flatten().filter(|trade| trade.is_in_flight()).count()
    }
}
