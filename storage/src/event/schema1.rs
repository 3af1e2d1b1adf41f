//! The event as schema 1 wrote it: births and trades only. Its bytes are read for ever and turned into today's event.

use arrayvec::ArrayVec;
use rkyv::{Archive, Deserialize, Serialize};

use super::{
    BalanceChange, Birth, Currency, Deed, EventKind, ItemBurn, ItemMint, ItemMove, MAX_BALANCES, MAX_BURNS, MAX_MINTS,
    MAX_MOVES, ValueEvent,
};

/// The schema number.
pub(super) const SCHEMA: u16 = 1;

#[derive(Debug, Clone, Archive, Serialize, Deserialize)]
pub(super) struct ValueEvent1 {
    pub(super) event_id: u128,
    pub(super) kind: EventKind1,
    pub(super) birth: Option<Birth>,
    pub(super) mints: ArrayVec<ItemMint, MAX_MINTS>,
    pub(super) moves: ArrayVec<ItemMove, MAX_MOVES>,
    pub(super) burns: ArrayVec<ItemBurn, MAX_BURNS>,
    pub(super) balances: ArrayVec<BalanceChange1, MAX_BALANCES>,
}

#[derive(Debug, Clone, Copy, Archive, Serialize, Deserialize)]
pub(super) enum EventKind1 {
    CharacterBirth,
    Trade,
}

#[derive(Debug, Clone, Copy, Archive, Serialize, Deserialize)]
pub(super) enum Currency1 {
    Zen,
}

#[derive(Debug, Clone, Copy, Archive, Serialize, Deserialize)]
pub(super) struct BalanceChange1 {
    pub(super) account: i64,
    pub(super) currency: Currency1,
    pub(super) delta: i64,
}

impl From<ValueEvent1> for ValueEvent {
    fn from(old: ValueEvent1) -> Self {
        let kind = match old.kind {
            EventKind1::CharacterBirth => EventKind::CharacterBirth,
            EventKind1::Trade => EventKind::Trade,
        };
        let change = |c: BalanceChange1| {
            let Currency1::Zen = c.currency;
            BalanceChange { account: c.account, currency: Currency::Zen, delta: c.delta }
        };
        Self {
            event_id: old.event_id,
            kind,
            deed: old.birth.map(Deed::Birth),
            parcels: ArrayVec::new(),
            mints: old.mints,
            moves: old.moves,
            burns: old.burns,
            balances: old.balances.into_iter().map(change).collect(),
        }
    }
}
