//! Rows to be written for decided events, beside the rows that changed in the world.

use super::rows::{Entity, GrowthRow};
use crate::event::{Birth, Place, Resolve};
use crate::ids::Lsn;
use crate::store::Outcome;

/// What an item's history row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Minted,
    Moved,
    Burned,
}

/// A row of an item's history.
#[derive(Debug, Clone)]
pub(crate) struct HistoryRow {
    pub(crate) uid: i64,
    pub(crate) seq: i32,
    pub(crate) event_id: u128,
    pub(crate) step: Step,
    pub(crate) from: Place,
    pub(crate) to: Place,
}

/// A row of the ledger.
#[derive(Debug, Clone)]
pub(crate) struct LedgerRow {
    pub(crate) event_id: u128,
    pub(crate) account: i64,
    pub(crate) currency: i32,
    pub(crate) delta: i64,
}

/// An outcome row.
#[derive(Debug, Clone)]
pub(crate) struct OutcomeRow {
    pub(crate) event_id: u128,
    pub(crate) lsn: Lsn,
    /// The code of the event's kind; −1 if it could not be read.
    pub(crate) kind: i32,
    pub(crate) outcome: Outcome,
    /// Ledger rows, history rows, and all other rows of the event.
    pub(crate) changes: usize,
    pub(crate) moves: usize,
    pub(crate) records: usize,
}

/// A row of the review table.
#[derive(Debug, Clone)]
pub(crate) struct ReviewRow {
    pub(crate) event_id: u128,
    pub(crate) schema: u16,
    pub(crate) payload: Vec<u8>,
    pub(crate) detail: String,
    /// The rows of what it names, as it found them.
    pub(crate) found: String,
}

/// A row of a character's growth.
#[derive(Debug, Clone)]
pub(crate) struct GrowthStep {
    pub(crate) character: i64,
    pub(crate) event_id: u128,
    pub(crate) growth: GrowthRow,
}

/// What happened to an auction. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListingAct {
    Listed = 0,
    Bid = 1,
    BoughtOut = 2,
    Sold = 3,
    Expired = 4,
    Cancelled = 5,
}

/// A row of an auction's history.
#[derive(Debug, Clone)]
pub(crate) struct ListingStep {
    pub(crate) listing: i64,
    pub(crate) version: i32,
    pub(crate) event_id: u128,
    pub(crate) act: ListingAct,
    pub(crate) bidder: i64,
    pub(crate) amount: i64,
}

/// A cash payment's reference.
#[derive(Debug, Clone)]
pub(crate) struct CashRow {
    pub(crate) event_id: u128,
    pub(crate) account: i64,
    pub(crate) reference: String,
}

/// An act of an operator.
#[derive(Debug, Clone)]
pub(crate) struct AuthorityRow {
    pub(crate) event_id: u128,
    pub(crate) operator: String,
    pub(crate) reason: String,
    pub(crate) second: String,
    /// The quarantined event it decides.
    pub(crate) resolves: Option<u128>,
}

/// A quarantined event that was decided.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) event_id: u128,
    pub(crate) by: u128,
    pub(crate) action: Resolve,
}

/// Rows to be written, beside the rows that changed in the world.
#[derive(Debug, Default, Clone)]
pub(crate) struct Effects {
    pub(crate) outcomes: Vec<OutcomeRow>,
    pub(crate) births: Vec<(Birth, u128)>,
    pub(crate) history: Vec<HistoryRow>,
    pub(crate) ledger: Vec<LedgerRow>,
    pub(crate) growth: Vec<GrowthStep>,
    pub(crate) listing_steps: Vec<ListingStep>,
    pub(crate) cash: Vec<CashRow>,
    pub(crate) authority: Vec<AuthorityRow>,
    pub(crate) reviews: Vec<ReviewRow>,
    pub(crate) frozen: Vec<(Entity, u128)>,
    pub(crate) resolved: Vec<Resolved>,
    /// Parcels made and claimed, one for each.
    pub(crate) parcel_acts: usize,
    counted: (usize, usize, usize),
}

impl Effects {
    /// Adds the outcome row of an event whose effects were added just before.
    pub(crate) fn decided(&mut self, event_id: u128, kind: i32, lsn: Lsn, outcome: Outcome) {
        let (ledger, history, records) = self.counted;
        let (changes, moves) = (self.ledger.len() - ledger, self.history.len() - history);
        let records = self.records() - records;
        self.counted = (self.ledger.len(), self.history.len(), self.records());
        self.outcomes.push(OutcomeRow { event_id, lsn, kind, outcome, changes, moves, records });
    }

    /// All rows that are neither of the ledger nor of the history of items.
    fn records(&self) -> usize {
        self.growth.len() + self.listing_steps.len() + self.cash.len() + self.authority.len() + self.parcel_acts
    }
}
