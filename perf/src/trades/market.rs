//! Who trades what: pairs of players that swap two items each for two, and zen.
//!
//! Every trade of the bench is of this one shape on every side that is measured: 2 players, 4 items, zen; one outcome row, two
//! ledger rows, four history rows, four items moved, two balances changed.

use std::error::Error;

use mu_storage::event::{BalanceChange, Birth, CharacterName, Currency, EventKind, ItemMove, Place, ValueEvent};
use mu_storage::ids::{AccountId, Lsn};
use mu_storage::store::{Entry, MAX_BATCH, NewAccount, Outcome, Store};

/// Pairs of players.
pub(super) const PAIRS: u32 = 2_000;
/// The characters' numbers end here.
pub(super) const PLAYERS: i64 = 4_000;
/// Slots that a pair's items move through, two at a time: the target of a trade is always free.
const SLOTS: u32 = 16;
/// What everybody begins with.
const ZEN: i64 = 1_000_000;
/// Event ids kept for one part.
const IDS: u128 = 1 << 20;
/// What changes hands.
const PRICE: i64 = 10;

/// Makes trades, pair after pair; what it made so far decides the versions and places of the next.
#[derive(Debug, Clone)]
pub(super) struct Market {
    /// Trades made of each pair.
    made: Vec<u32>,
    /// The pairs this market uses, from and to.
    pairs: (u32, u32),
    next: u32,
    event_id: u128,
}

impl Market {
    /// A market over a part of the pairs, so that several can be used side by side. Event ids begin behind `event_id`.
    pub(super) fn new(pairs: (u32, u32), event_id: u128) -> Self {
        Self { made: vec![0; PAIRS as usize], pairs, next: pairs.0, event_id }
    }

    /// Markets over parts of this one's pairs, each with event ids of its own.
    pub(super) fn split(&mut self, parts: impl Iterator<Item = (u32, u32)>) -> Vec<Self> {
        let part = |pairs: (u32, u32)| {
            self.event_id += IDS;
            Self { pairs, next: pairs.0, made: self.made.clone(), event_id: self.event_id }
        };
        parts.map(part).collect()
    }

    /// Takes over what a part has made.
    pub(super) fn join(&mut self, part: &Self) {
        for pair in part.pairs.0..part.pairs.1 {
            self.made[pair as usize] = part.made[pair as usize];
        }
        self.event_id += IDS;
    }

    /// The id of the last trade made.
    pub(super) fn last_id(&self) -> u128 {
        self.event_id
    }

    /// The next trade.
    pub(super) fn trade(&mut self) -> ValueEvent {
        let pair = self.next;
        self.next = if pair + 1 == self.pairs.1 { self.pairs.0 } else { pair + 1 };
        self.event_id += 1;
        let made = &mut self.made[pair as usize];
        let event = trade(self.event_id, pair, *made);
        *made += 1;
        event
    }
}

/// The trade number `made` of a pair.
fn trade(event_id: u128, pair: u32, made: u32) -> ValueEvent {
    let first = i64::from(pair) * 2 + 1;
    let (giver, taker) = if made.is_multiple_of(2) { (first, first + 1) } else { (first + 1, first) };
    let uid = i64::from(pair) * 4 + 1;
    let version = i32::try_from(made).expect("a bench is short") + 1;
    let slot = |turn: u32, of: u32| u16::try_from((2 * turn + of) % SLOTS).expect("few slots");
    let mut event = ValueEvent::new(event_id, EventKind::Trade);
    for (uid, from, to, of) in
        [(uid, giver, taker, 0), (uid + 1, giver, taker, 1), (uid + 2, taker, giver, 0), (uid + 3, taker, giver, 1)]
    {
        let (from, to) = (Place::inventory(from, slot(made, of)), Place::inventory(to, slot(made + 1, of)));
        event.moves.push(ItemMove { uid, version, from, to });
    }
    event.balances.push(BalanceChange { account: giver, currency: Currency::Zen, delta: -PRICE });
    event.balances.push(BalanceChange { account: taker, currency: Currency::Zen, delta: PRICE });
    event
}

/// Creates the players' accounts.
pub(super) fn accounts(store: &mut dyn Store) -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = (1..=PLAYERS).map(|id| format!("trader{id}")).collect();
    let accounts: Vec<NewAccount<'_>> = (1..)
        .zip(&names)
        .map(|(id, name)| NewAccount { id: AccountId(id), name, password: "$argon2id$bench", created_us: 1 })
        .collect();
    store.accounts_create_many(&accounts)?;
    Ok(())
}

/// The players, each with its items.
pub(super) fn births() -> impl Iterator<Item = ValueEvent> {
    (1..=PLAYERS).map(birth)
}

/// A store with all of it; its journal has no file.
pub(super) fn populate(store: &mut dyn Store) -> Result<(), Box<dyn Error>> {
    store.migrate()?;
    store.fence(1)?;
    accounts(store)?;
    let births: Vec<ValueEvent> = births().collect();
    let mut next = Lsn(1);
    for births in births.chunks(MAX_BATCH) {
        let mut batch = Vec::with_capacity(births.len());
        for event in births {
            batch.push((next, Entry::strict(event)));
            next = next.next();
        }
        let mut outcomes = Vec::new();
        store.apply(&batch, &mut outcomes)?;
        if outcomes.iter().any(|outcome| *outcome != Outcome::Applied) {
            return Err("a character was not born".into());
        }
    }
    Ok(())
}

fn birth(character: i64) -> ValueEvent {
    let name = CharacterName::new(&format!("trader{character}")).expect("a valid name");
    let birth =
        Birth { character, account: character, name, class: 1, entry: 0, map: 1, x: 0, y: 0, heading: 0, hp: 1, mp: 1 };
    // The odd one of a pair has the first two items, the even one the others.
    let uid = (character - 1) * 2 + 1;
    ValueEvent::character_birth(
        1 << 100 | u128::from(character.unsigned_abs()),
        birth,
        ZEN,
        [(uid, 7, 0, 0), (uid + 1, 7, 0, 1)],
    )
}
