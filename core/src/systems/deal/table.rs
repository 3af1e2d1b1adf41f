//! The deals of a map: what each undecided operation of one character holds, and what it will change.
//!
//! A row lists, item by item and purse by purse, what an applied event does here; settling follows the list, releasing
//! undoes its holds. Rows are reused; a row is found by event id when a decision arrives. The table bounds how many run
//! at once.

use arrayvec::ArrayVec;
use mu_wire::EntityId;
use mu_wire::messages::Deal as Kind;

use crate::map::inbox::DEAL_ITEMS;
use crate::map::inventory::Item;
use crate::planted::{self, Bug};
use crate::systems::trade::Verdict;

/// Most undecided deals of one character.
pub const DEALS_PER_PLAYER: u8 = 4;

/// One of a player's two containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bag {
    /// What it carries.
    Carried,
    /// Its account's warehouse.
    Stored,
}

/// What happens to one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It goes from a place where it is held to a place that is reserved.
    Move {
        /// Where it is held.
        from: (Bag, u8),
        /// What is reserved.
        to: (Bag, u8),
    },
    /// It comes to be in a place that is reserved.
    Come {
        /// What is reserved.
        to: (Bag, u8),
        /// The item.
        item: Item,
    },
    /// It ceases to be where it is held.
    Go {
        /// Where it is held.
        from: (Bag, u8),
    },
    /// It goes from what is carried, where it is held, to the ground.
    Drop {
        /// Where it is held.
        from: u8,
        /// Its place on the ground of its dropper.
        place: u16,
    },
    /// What lies on the ground is gone from there.
    Despawn {
        /// Its entity.
        pile: EntityId,
    },
}

/// What happens to one purse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purse {
    /// How much of it is held.
    pub held: i64,
    /// How much comes or goes.
    pub delta: i64,
}

/// How far a deal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Submitted.
    Pending,
    /// Decided; settled in the next tick.
    Decided(Verdict),
}

/// One undecided operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deal {
    /// The event.
    pub event_id: u128,
    /// Whose; nobody's if it is the map's own.
    pub who: EntityId,
    /// What it is.
    pub kind: Kind,
    /// How far it has come.
    pub stage: Stage,
    /// What happens to each item.
    pub steps: ArrayVec<Step, DEAL_ITEMS>,
    /// What happens to the carried zen.
    pub carried: Purse,
    /// What happens to the zen in the warehouse.
    pub stored: Purse,
}

impl Deal {
    /// A deal that changes nothing yet.
    #[must_use]
    pub fn new(event_id: u128, who: EntityId, kind: Kind) -> Self {
        Self {
            event_id,
            who,
            kind,
            stage: Stage::Pending,
            steps: ArrayVec::new_const(),
            carried: Purse::default(),
            stored: Purse::default(),
        }
    }
}

/// The table.
#[derive(Debug)]
pub struct Deals {
    rows: Vec<Option<Deal>>,
    free: Vec<u16>,
    /// Event ids of rows that are pending, 0 elsewhere: searched when a decision arrives.
    pending: Vec<u128>,
    /// Rows decided and not settled, in the order of the decisions.
    decided: Vec<u16>,
    settled: usize,
}

impl Deals {
    /// A table for a map of this many players.
    #[must_use]
    pub fn new(players: usize) -> Self {
        let rows = (players * usize::from(DEALS_PER_PLAYER)).min(usize::from(u16::MAX));
        Self {
            rows: Vec::with_capacity(rows),
            free: Vec::with_capacity(rows),
            pending: Vec::with_capacity(rows),
            decided: Vec::with_capacity(rows),
            settled: 0,
        }
    }

    /// Whether one more fits.
    #[must_use]
    pub fn has_room(&self) -> bool {
        !self.free.is_empty() || self.rows.len() < self.rows.capacity()
    }

    /// Whether less than half of it is used: room for what need not happen at once.
    #[must_use]
    pub fn is_spacious(&self) -> bool {
        self.in_flight() * 2 < self.rows.capacity()
    }

    /// Adds a submitted deal; false when the table is full.
    pub fn submitted(&mut self, deal: Deal) -> bool {
        if !self.has_room() {
            return false;
        }
        let event_id = deal.event_id;
        match self.free.pop() {
            Some(row) => {
                self.rows[usize::from(row)] = Some(deal);
                self.pending[usize::from(row)] = event_id;
            }
            None => {
                self.rows.push(Some(deal));
                self.pending.push(event_id);
            }
        }
        true
    }

    /// Notes a decision; false when no undecided deal has this event id.
    pub fn decide(&mut self, event_id: u128, verdict: Verdict) -> bool {
        let row = self.pending.iter().position(|&id| id == event_id && id != 0);
        let Some((row, deal)) = row.and_then(|row| Some((row, self.rows[row].as_mut()?))) else {
            return false;
        };
        deal.stage = Stage::Decided(verdict);
        if !planted::is(Bug::DecidedTwice) {
            self.pending[row] = 0;
        }
        self.decided.push(u16::try_from(row).unwrap_or(u16::MAX));
        true
    }

    /// Takes out the next deal to settle, in the order of the decisions.
    pub fn next_decided(&mut self) -> Option<(Deal, Verdict)> {
        let Some(row) = self.decided.get(self.settled).copied() else {
            self.decided.clear();
            self.settled = 0;
            return None;
        };
        self.settled += 1;
        let deal = self.rows[usize::from(row)].take().expect("a decided row is there until it is settled");
        self.free.push(row);
        match deal.stage {
            Stage::Decided(verdict) => Some((deal, verdict)),
            Stage::Pending => unreachable!("only decided rows are listed"),
        }
    }

    /// Every row ever used, in order, for the state hash.
    pub fn rows(&self) -> impl Iterator<Item = Option<&Deal>> {
        self.rows.iter().map(Option::as_ref)
    }

    /// How many wait for a decision or for being settled.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.rows.len() - self.free.len()
    }
}
