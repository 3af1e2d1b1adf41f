//! Random journals against a model: same outcomes, same holdings, clean books, however the journal is cut into batches, how
//! often parts of it are delivered again, and however often the applier starts anew.
//!
//! The model is written from the rules, one event at a time over plain maps; it shares no code with the store.

use std::collections::{BTreeMap, BTreeSet};

use mu_storage::event::{BalanceChange, Birth, Currency, EventKind, Place, ValueEvent};
use mu_storage::ids::{CharacterId, Lsn};
use mu_storage::store::{Entry, Outcome, Reason, Role, Store};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::stores::{Database, LOG, account, birth, slot, trade};

/// Accounts that exist; characters are born on these and on one that does not.
const ACCOUNTS: i64 = 3;
/// Slots in which items of the model lie; few, so that places collide.
const SLOTS: u16 = 6;

/// One record of the journal before the state it meets is known.
#[derive(Debug, Clone)]
enum Op {
    Birth {
        account: i64,
        name: u8,
        zen: i64,
        items: usize,
    },
    /// Moves items (by rank among those of either side) and zen between two characters (by rank).
    Trade {
        a: usize,
        b: usize,
        zen: i64,
        picks: Vec<(bool, usize, u16)>,
        spoil: Spoil,
    },
    /// The same event again.
    Repeat {
        back: usize,
    },
    /// Money from nowhere.
    Malformed {
        who: usize,
    },
    Damaged,
    Other,
}

/// What is wrong with a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoil {
    Nothing,
    Version,
    Place,
    Item,
    Owner,
}

fn op() -> impl Strategy<Value = Op> {
    let spoil = prop_oneof![
        12 => Just(Spoil::Nothing), 1 => Just(Spoil::Version), 1 => Just(Spoil::Place), 1 => Just(Spoil::Item),
        1 => Just(Spoil::Owner),
    ];
    let picks = prop::collection::vec((any::<bool>(), 0..6_usize, 0..SLOTS), 0..4);
    let births = (1..=ACCOUNTS + 1, 0..8_u8, 0..200_i64, 0..4_usize);
    prop_oneof![
        8 => births.prop_map(|(account, name, zen, items)| Op::Birth { account, name, zen, items }),
        30 => (0..8_usize, 0..8_usize, -60..60_i64, picks, spoil)
            .prop_map(|(a, b, zen, picks, spoil)| Op::Trade { a, b, zen, picks, spoil }),
        3 => (1..6_usize).prop_map(|back| Op::Repeat { back }),
        1 => (0..8_usize).prop_map(|who| Op::Malformed { who }),
        1 => Just(Op::Damaged),
        2 => Just(Op::Other),
    ]
}

/// How the journal is delivered: sizes of batches, and before each how many records are delivered again and whether a new
/// applier takes over.
fn deliveries() -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    prop::collection::vec((1..12_usize, 0..10_usize, prop::bool::weighted(0.1)), 1..40)
}

#[derive(Debug, Clone)]
enum Record {
    Event(Box<ValueEvent>),
    Damaged(u128),
    Other,
}

/// The world by the rules.
#[derive(Default)]
struct Model {
    zen: BTreeMap<i64, i64>,
    home: BTreeMap<i64, (i64, String)>,
    items: BTreeMap<i64, (Place, i32)>,
    used: BTreeSet<i64>,
    frozen_characters: BTreeSet<i64>,
    frozen_items: BTreeSet<i64>,
    decided: BTreeMap<u128, Outcome>,
    next: i64,
}

impl Model {
    fn characters(&self) -> Vec<i64> {
        self.zen.keys().copied().collect()
    }

    fn fresh(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// Makes the record of an operation for the world as it is now.
    fn record(&mut self, op: &Op, before: &[Record]) -> Record {
        let event_id = u128::from(self.fresh().unsigned_abs()) << 32;
        let characters = self.characters();
        let pick = |rank: usize| characters.get(rank % characters.len().max(1)).copied().unwrap_or(999);
        match op {
            Op::Birth { account, name, zen, items } => {
                let character = self.fresh();
                let items: Vec<i64> = (0..*items).map(|_| self.fresh()).collect();
                let event = birth(event_id, character, *account, &format!("Name{name}"), *zen, &items);
                Record::Event(Box::new(event))
            }
            Op::Trade { a, b, zen, picks, spoil } => {
                Record::Event(Box::new(self.trade(event_id, pick(*a), pick(*b), *zen, picks, *spoil)))
            }
            Op::Repeat { back } => match before.len().checked_sub(*back) {
                Some(at) => before[at].clone(),
                None => Record::Other,
            },
            Op::Malformed { who } => {
                let mut event = ValueEvent::new(event_id, EventKind::Trade);
                event.balances.push(BalanceChange { account: pick(*who), currency: Currency::Zen, delta: 1 });
                Record::Event(Box::new(event))
            }
            Op::Damaged => Record::Damaged(event_id),
            Op::Other => Record::Other,
        }
    }

    fn trade(
        &self,
        event_id: u128,
        a: i64,
        b: i64,
        zen: i64,
        picks: &[(bool, usize, u16)],
        spoil: Spoil,
    ) -> ValueEvent {
        let mut moves: Vec<(i64, i32, Place, Place)> = Vec::new();
        for &(from_a, rank, to_slot) in picks {
            let (from, to) = if from_a { (a, b) } else { (b, a) };
            let owned: Vec<_> = self.items.iter().filter(|(_, (place, _))| place.owner == from).collect();
            let Some(&(&uid, &(place, version))) = owned.get(rank % owned.len().max(1)) else { continue };
            let target = slot(to, to_slot);
            if moves.iter().all(|m| m.0 != uid && m.3 != target) {
                moves.push((uid, version, place, target));
            }
        }
        if let Some(first) = moves.first_mut() {
            match spoil {
                Spoil::Nothing => {}
                Spoil::Version => first.1 += 1,
                Spoil::Place => first.2.slot += 100,
                Spoil::Item => first.0 = 1_000_000,
                Spoil::Owner => first.3.owner = 1_000_000,
            }
        }
        trade(event_id, a, b, if a == b { 0 } else { zen }, &moves)
    }

    fn decide(&mut self, record: &Record) -> Outcome {
        let (id, outcome) = match record {
            Record::Other => return Outcome::Applied,
            Record::Damaged(id) => (*id, Outcome::Quarantined(Reason::Undecodable)),
            Record::Event(event) => match self.decided.get(&event.event_id) {
                Some(&outcome) => return outcome,
                None => (event.event_id, self.decide_event(event)),
            },
        };
        *self.decided.entry(id).or_insert(outcome)
    }

    fn decide_event(&mut self, event: &ValueEvent) -> Outcome {
        let moves: i64 = event.balances.iter().map(|change| change.delta).sum();
        if moves != 0 {
            self.freeze(event);
            return Outcome::Quarantined(Reason::Malformed);
        }
        let (people, items) = named(event);
        if people.iter().any(|id| self.frozen_characters.contains(id))
            || items.iter().any(|uid| self.frozen_items.contains(uid))
        {
            self.freeze(event);
            return Outcome::Quarantined(Reason::Frozen);
        }
        let done = match event.birth() {
            Some(birth) => self.born(event, birth),
            None => self.traded(event, &people),
        };
        done.map_or_else(Outcome::Rejected, |()| Outcome::Applied)
    }

    fn freeze(&mut self, event: &ValueEvent) {
        let (people, items) = named(event);
        self.frozen_characters.extend(people);
        self.frozen_items.extend(items);
    }

    fn born(&mut self, event: &ValueEvent, birth: &Birth) -> Result<(), Reason> {
        if birth.account > ACCOUNTS {
            return Err(Reason::AccountUnknown);
        }
        if self.home.values().filter(|(account, _)| *account == birth.account).count() >= 5 {
            return Err(Reason::CharacterLimit);
        }
        let name = birth.name.as_str().to_lowercase();
        if self.home.values().any(|(_, taken)| *taken == name) {
            return Err(Reason::NameTaken);
        }
        self.home.insert(birth.character, (birth.account, name));
        let zen = event.balances.iter().find(|change| change.account > 0).map_or(0, |change| change.delta);
        self.zen.insert(birth.character, zen);
        for mint in &event.mints {
            assert!(self.used.insert(mint.uid), "the model never makes an item twice");
            self.items.insert(mint.uid, (mint.to, 1));
        }
        Ok(())
    }

    fn traded(&mut self, event: &ValueEvent, people: &BTreeSet<i64>) -> Result<(), Reason> {
        if people.iter().any(|id| !self.zen.contains_key(id)) {
            return Err(Reason::CharacterUnknown);
        }
        for change in &event.moves {
            let &(place, version) = self.items.get(&change.uid).ok_or(Reason::ItemMissing)?;
            if version != change.version {
                return Err(Reason::ItemVersion);
            }
            if place != change.from {
                return Err(Reason::ItemElsewhere);
            }
        }
        let moving: BTreeSet<i64> = event.moves.iter().map(|m| m.uid).collect();
        let stays = |place: Place| self.items.iter().any(|(uid, (at, _))| *at == place && !moving.contains(uid));
        if event.moves.iter().any(|m| stays(m.to)) {
            return Err(Reason::PlaceTaken);
        }
        if event.balances.iter().any(|change| self.zen[&change.account] + change.delta < 0) {
            return Err(Reason::BalanceTooLow);
        }
        for change in &event.moves {
            self.items.insert(change.uid, (change.to, change.version + 1));
        }
        for change in &event.balances {
            *self.zen.get_mut(&change.account).unwrap() += change.delta;
        }
        Ok(())
    }
}

/// The characters and items an event names.
fn named(event: &ValueEvent) -> (BTreeSet<i64>, BTreeSet<i64>) {
    let mut people: BTreeSet<i64> = event.birth().into_iter().map(|birth| birth.character).collect();
    people.extend(event.balances.iter().map(|change| change.account).filter(|id| *id > 0));
    people.extend(event.moves.iter().flat_map(|m| [m.from.owner, m.to.owner]));
    let items = event.mints.iter().map(|m| m.uid).chain(event.moves.iter().map(|m| m.uid)).collect();
    (people, items)
}

fn entry(record: &Record) -> Entry<'_> {
    match record {
        Record::Event(event) => Entry::strict(event),
        Record::Damaged(event_id) => Entry::Damaged { event_id: *event_id, payload: &[1, 2, 3] },
        Record::Other => Entry::Other,
    }
}

/// Applies the journal in the given deliveries to an empty store and compares it with the model.
fn check(database: &Database, ops: &[Op], deliveries: &[(usize, usize, bool)]) {
    let mut model = Model::default();
    let (mut journal, mut expected) = (Vec::new(), Vec::new());
    for op in ops {
        let record = model.record(op, &journal);
        expected.push(model.decide(&record));
        journal.push(record);
    }

    let mut store = database.ready(Role::Applier);
    for id in 1..=ACCOUNTS {
        account(&mut *store, id, &format!("account_{id}"));
    }
    store.fence(LOG).unwrap();
    let mut done = 0;
    let mut turns = deliveries.iter().cycle();
    while done < journal.len() {
        let &(size, again, restart) = turns.next().unwrap();
        if restart {
            store = database.open(Role::Applier);
            assert_eq!(store.fence(LOG).unwrap().applied, Lsn(u64::try_from(done).unwrap()));
        }
        let from = done.saturating_sub(again);
        let to = (done + size).min(journal.len());
        let numbered = (from..to).map(|at| (Lsn(u64::try_from(at).unwrap() + 1), entry(&journal[at])));
        let mut outcomes = Vec::new();
        store.apply(&numbered.collect::<Vec<_>>(), &mut outcomes).unwrap();
        assert_eq!(outcomes, expected[from..to], "records {from}..{to}");
        done = to;
    }
    compare(&mut *store, &model);
}

fn compare(store: &mut dyn Store, model: &Model) {
    for (&id, &zen) in &model.zen {
        let loaded = store.character(CharacterId(id)).unwrap().expect("the model has it");
        let stored: BTreeMap<i64, (i32, i32)> = loaded.items.iter().map(|i| (i.uid.0, (i.slot, i.version))).collect();
        let owned = model.items.iter().filter(|(_, (place, _))| place.owner == id);
        let owned: BTreeMap<i64, (i32, i32)> = owned.map(|(&uid, &(place, v))| (uid, (place.slot.into(), v))).collect();
        assert_eq!((loaded.zen, stored), (zen, owned), "character {id}");
    }
    let report = store.audit().unwrap();
    assert!(report.is_clean(), "{report}");
    let economy = store.economy().unwrap();
    assert_eq!(economy.zen_players, model.zen.values().sum::<i64>());
    assert_eq!(usize::try_from(economy.items_live).unwrap(), model.items.len());
}

/// `PROPTEST_CASES` journals; one in `one_in` of them.
fn run(one_in: u32, mut check: impl FnMut(&[Op], &[(usize, usize, bool)])) {
    let config = ProptestConfig::default();
    let cases = (config.cases / one_in).max(1);
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..config });
    let inputs = (prop::collection::vec(op(), 1..120), deliveries());
    let cell = std::cell::RefCell::new(&mut check);
    let result = runner.run(&inputs, |(ops, deliveries)| {
        (cell.borrow_mut())(&ops, &deliveries);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn random_journals_on_sqlite_agree_with_the_model() {
    run(2, |ops, deliveries| check(&Database::sqlite(), ops, deliveries));
}

#[test]
fn random_journals_on_postgres_agree_with_the_model() {
    let database = Database::postgres();
    run(10, |ops, deliveries| {
        database.by_hand("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        check(&database, ops, deliveries);
    });
}
