//! Random histories of all kinds against a model: same outcomes, same holdings, clean books, however the journal is cut
//! into batches and however often parts of it are delivered again.
//!
//! The model is written from the rules over plain maps and shares no code with the store. It knows whether an event is
//! applied, rejected or quarantined, not the reason.

mod model;

use std::collections::{BTreeMap, BTreeSet};

use mu_storage::event::{
    Close, Currency, Deed, EventKind, Growth, ItemBurn, ItemMove, Letter, Listing, Place, Resolve, Standing, Text,
    ValueEvent,
};
use mu_storage::ids::{AccountId, CharacterId, Lsn};
use mu_storage::store::{Entry, Outcome, Role, Store};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use model::{Class, Model};

use crate::stores::{Database, LOG, account, birth};

/// Characters and accounts, 1 to this.
const PEOPLE: i64 = 4;

/// One event before the state it meets is known: what kind, three choices, an amount, whether it is spoilt, whether its
/// success was told.
type Op = (u8, usize, usize, usize, i64, bool, bool);

fn class(outcome: Outcome) -> Class {
    match outcome {
        Outcome::Applied => Class::Applied,
        Outcome::Rejected(_) => Class::Rejected,
        Outcome::Quarantined(_) => Class::Quarantined,
    }
}

impl Model {
    /// Makes the event of an operation for the world as it is; `None` where there is nothing to do it with.
    fn event(&mut self, id: u128, op: &Op) -> Option<ValueEvent> {
        let &(kind, a, b, c, amount, ..) = op;
        let person = |n: usize| i64::try_from(n).unwrap() % PEOPLE + 1;
        let (me, other) = (person(a), person(c));
        let pick = |items: Vec<(i64, i32, Place)>| items.get(b % items.len().max(1)).copied();
        let bag = self.free(|slot| Place::inventory(me, slot));
        let mine = pick(self.lying(Some(me), Place::INVENTORY));
        let moved = |(uid, version, from): (i64, i32, Place), to| ItemMove { uid, version, from, to };
        let burnt = |(uid, version, from): (i64, i32, Place)| ItemBurn { uid, version, from };
        let stored = self.free(|slot| Place::warehouse(me, slot));
        let dropped = self.free(|slot| Place::ground(me, slot));
        let grown = self.growth[&me];
        let growth = |level, points, stats| Growth { character: me, version: grown.0, level, points, stats };
        let ids: [i64; 4] = std::array::from_fn(|_| self.fresh());
        let (money, goods) = ([], [(ids[1], 7, 1)]);
        let letter = Letter { id: ids[0], to: other, zen: amount, items: &[], goods: &money };
        Some(match kind {
            0 => ValueEvent::warehouse_move(id, me, me, amount - 20, mine.map(|item| moved(item, stored))),
            1 => {
                let item = pick(self.lying(Some(me), Place::WAREHOUSE))?;
                ValueEvent::warehouse_move(id, me, if c == 0 { other } else { me }, -amount, [moved(item, bag)])
            }
            2 => ValueEvent::drop_items(id, [moved(mine?, dropped)]),
            3 => {
                let item = pick(self.lying(None, Place::GROUND))?;
                ValueEvent::pick_up(id, me, amount, [], [moved(item, bag)])
            }
            4 => ValueEvent::pick_up(id, me, amount, [(ids[0], 7, 1, bag.slot)], []),
            5 => ValueEvent::despawn(id, [burnt(pick(self.lying(None, Place::GROUND))?)]),
            6 => ValueEvent::shop_buy(id, me, amount + 2, 1, [(ids[0], 7, 1, bag.slot)]),
            7 => ValueEvent::shop_sell(id, me, amount, [burnt(mine?)]),
            8 => {
                let item = [mine?];
                ValueEvent::mail_send(
                    id,
                    me,
                    1,
                    &[Letter { id: ids[0], to: other, zen: amount, items: &item, goods: &[] }],
                )
            }
            9 => return self.claim(id, me, b),
            10..=13 => return self.auction(id, op, mine, ids),
            14 => ValueEvent::cash_credit(id, me, amount, "payment"),
            15 => ValueEvent::cash_spend(id, me, amount, "goods", &[Letter { zen: 0, goods: &goods, ..letter }]),
            16 => {
                ValueEvent::level_up(id, growth(grown.1 + 1, grown.2 + 5, if grown.0 == 0 { [9; 4] } else { grown.3 }))
            }
            17 => {
                let mut stats = grown.3;
                stats[b % 4] += 2;
                ValueEvent::points_spend(id, growth(grown.1, grown.2.wrapping_sub(2), stats))
            }
            18 => ValueEvent::gm_grant(id, "ada", "prize", &[letter]),
            19 => ValueEvent::gm_take(id, "ada", "cheated", mine.map(burnt), &[(me, Currency::Zen, amount)]),
            20 => ValueEvent::compensation(id, "ada", "lost", &[letter]),
            21 => {
                let mut trade = ValueEvent::new(id, EventKind::Trade);
                trade.pay(me, Currency::Zen, -amount);
                trade.pay(other, Currency::Zen, amount);
                trade
            }
            _ => return self.resolution(id, b, c, ids[0]),
        })
    }

    /// Kinds 10 to 13: an auction's beginning, bids, and end.
    fn auction(&self, id: u128, op: &Op, mine: Option<(i64, i32, Place)>, ids: [i64; 4]) -> Option<ValueEvent> {
        let &(kind, a, b, c, amount, ..) = op;
        let me = i64::try_from(a).unwrap() % PEOPLE + 1;
        let running: Vec<i64> = self.auctions.keys().copied().collect();
        let listing = running.get(b % running.len().max(1)).copied();
        Some(match kind {
            10 => {
                let terms = Listing { id: ids[0], seller: me, min_bid: amount, buy_out: amount * 2, ends_s: 9 };
                ValueEvent::auction_list(id, terms, 1, mine?)
            }
            11 => ValueEvent::auction_bid(id, &self.standing(listing?), me, amount, ids[0]),
            12 => {
                let price = self.auctions[&listing?].buy_out;
                let tax = if price > 2 { 1 } else { 0 };
                ValueEvent::auction_buy_out(id, &self.standing(listing?), me, price, tax, [ids[0], ids[1], ids[2]])
            }
            _ => {
                let how = [Close::Sold, Close::Expired, Close::Cancelled][c % 3];
                ValueEvent::auction_close(id, &self.standing(listing?), how, 0, [ids[0], ids[1]])
            }
        })
    }

    fn claim(&self, id: u128, me: i64, b: usize) -> Option<ValueEvent> {
        let open: Vec<_> = self.parcels.iter().filter(|(_, parcel)| parcel.3).collect();
        let (&parcel, &(to, zen, ..)) = *open.get(b % open.len().max(1))?;
        let owner = if b.is_multiple_of(5) { me } else { to };
        let mut slot = self.free(|slot| Place::inventory(owner, slot)).slot;
        let inside = self.lying(Some(parcel), Place::POST).into_iter().map(|(uid, version, from)| {
            slot += 100;
            ItemMove { uid, version, from, to: Place::inventory(owner, slot - 100) }
        });
        Some(ValueEvent::mail_claim(id, owner, parcel, zen, inside.collect::<Vec<_>>()))
    }

    fn standing(&self, listing: i64) -> Standing {
        let row = &self.auctions[&listing];
        let item_version = self.items.get(&row.item).map_or(1, |item| item.1);
        let (version, seller, bidder, bid) = (row.version, row.seller, row.bidder, row.bid);
        Standing { listing, version, seller, bidder, bid, item: row.item, item_version }
    }

    fn resolution(&self, id: u128, b: usize, c: usize, parcel: i64) -> Option<ValueEvent> {
        let event_id = self.waiting.get(b % self.waiting.len().max(1))?.event.event_id;
        let action = [Resolve::Apply, Resolve::Discard, Resolve::Compensate][c % 3];
        let second = Text::new(if b.is_multiple_of(2) { "bob" } else { "" });
        let deed = Deed::Resolution { event_id, action, operator: Text::new("ada"), reason: Text::new("seen"), second };
        let letter = [Letter { id: parcel, to: 1, zen: 5, items: &[], goods: &[] }];
        Some(ValueEvent::resolution(id, deed, if action == Resolve::Compensate { &letter } else { &[] }, None))
    }
}

/// Makes an event stale or impossible.
fn spoil(event: &mut ValueEvent, how: usize) {
    match (how % 4, event.moves.first_mut(), event.burns.first_mut()) {
        (0, Some(item), _) => item.version += 1,
        (0 | 1, _, Some(item)) => item.version += 1,
        (1, Some(item), _) => item.to.slot = item.from.slot,
        // Money from nowhere: no rule allows it.
        (2, ..) => {
            event.balances.push(mu_storage::event::BalanceChange { account: 1, currency: Currency::Zen, delta: 1 })
        }
        _ => event.balances.iter_mut().for_each(|change| change.delta *= 1_000),
    }
}

/// The journal of these operations, with what the model says about each record.
fn journal(model: &mut Model, ops: &[Op]) -> Vec<(ValueEvent, bool, Class)> {
    let mut journal: Vec<(ValueEvent, bool, Class)> = Vec::new();
    for id in 1..=PEOPLE {
        model.money.insert((id, 0), 100);
        model.growth.insert(id, (0, 1, 0, [0; 4]));
        let uids: Vec<i64> = (0..3).map(|n| 1_000_000 + id * 10 + n).collect();
        for (&uid, slot) in uids.iter().zip(0..) {
            model.used.insert(uid);
            model.items.insert(uid, (Place::inventory(id, slot), 1));
        }
        let born = birth(u128::from(id.unsigned_abs()) << 64, id, id, &format!("hero{id}"), 100, &uids);
        journal.push((born, false, Class::Applied));
    }
    for op in ops {
        let event_id = u128::from(model.fresh().unsigned_abs());
        let Some(mut event) = model.event(event_id, op) else { continue };
        if op.5 {
            spoil(&mut event, op.3);
        }
        let told = op.6 && event.kind.may_be_told();
        let class = model.decide(&event, told);
        journal.push((event, told, class));
    }
    journal
}

/// Compares one history; which kinds of events were applied in it.
fn check(database: &Database, ops: &[Op], cuts: &[(usize, usize)]) -> BTreeSet<EventKind> {
    let mut model = Model { next: 1_000, ..Model::default() };
    let journal = journal(&mut model, ops);
    let mut store = database.ready(Role::Applier);
    for id in 1..=PEOPLE {
        account(&mut *store, id, &format!("account_{id}"));
    }
    store.fence(LOG).unwrap();
    let (mut done, mut turns) = (0, cuts.iter().cycle());
    while done < journal.len() {
        let &(size, again) = turns.next().unwrap();
        let (from, to) = (done.saturating_sub(again), (done + size).min(journal.len()));
        let batch: Vec<_> = (from..to)
            .map(|at| {
                let (event, told, _) = &journal[at];
                (Lsn(u64::try_from(at).unwrap() + 1), Entry::Event { event, told: *told })
            })
            .collect();
        let mut outcomes = Vec::new();
        store.apply(&batch, &mut outcomes).unwrap();
        for (at, outcome) in (from..to).zip(&outcomes) {
            assert_eq!(class(*outcome), journal[at].2, "record {at}: {outcome:?}, {:?}", journal[at].0);
        }
        let report = store.audit_since(Lsn(u64::try_from(done).unwrap())).unwrap();
        assert!(report.is_clean(), "since {done}: {report}");
        done = to;
    }
    compare(&mut *store, &model);
    journal.iter().filter(|record| record.2 == Class::Applied).map(|record| record.0.kind).collect()
}

fn compare(store: &mut dyn Store, model: &Model) {
    let lying = |owner, container| -> BTreeMap<i64, (i32, i32)> {
        let items = model.lying(Some(owner), container);
        items.into_iter().map(|(uid, version, place)| (uid, (place.slot.into(), version))).collect()
    };
    let stored = |items: &[mu_storage::store::Item]| -> BTreeMap<i64, (i32, i32)> {
        items.iter().map(|item| (item.uid.0, (item.slot, item.version))).collect()
    };
    for id in 1..=PEOPLE {
        let loaded = store.character(CharacterId(id)).unwrap().expect("it was born");
        let money = (loaded.zen, loaded.stored_zen, store.cash(AccountId(id)).unwrap());
        let expected =
            (model.has(id, Currency::Zen), model.has(id, Currency::ZenStored), model.has(id, Currency::Cash));
        assert_eq!(money, expected, "money of {id}");
        assert_eq!(stored(&loaded.items), lying(id, Place::INVENTORY), "bag of {id}");
        assert_eq!(stored(&loaded.warehouse), lying(id, Place::WAREHOUSE), "warehouse of {id}");
        assert_eq!(stored(&loaded.ground), lying(id, Place::GROUND), "ground of {id}");
        let growth = (loaded.growth.version, loaded.growth.level, loaded.growth.points, loaded.growth.stats);
        assert_eq!(growth, model.growth[&id], "growth of {id}");
        let parcels: BTreeMap<_, _> = store
            .parcels(CharacterId(id))
            .unwrap()
            .into_iter()
            .map(|p| (p.id, (id, p.zen, p.items.len(), true)))
            .collect();
        let expected: BTreeMap<_, _> =
            model.parcels.iter().filter(|(_, p)| p.0 == id && p.3).map(|(&id, &p)| (id, p)).collect();
        assert_eq!(parcels, expected, "parcels of {id}");
        let frozen = model.waiting.iter().find(|w| w.names.contains(&(0, id)) || w.names.contains(&(2, id)));
        let found = store.frozen(CharacterId(id)).unwrap().map(|entry| entry.event_id);
        assert_eq!(found, frozen.map(|w| w.event.event_id), "frozen {id}");
    }
    let running: BTreeMap<i64, i64> = store.listings().unwrap().into_iter().map(|l| (l.id, l.bid)).collect();
    let expected: BTreeMap<i64, i64> =
        model.auctions.iter().filter(|(_, row)| row.open).map(|(&id, row)| (id, row.bid)).collect();
    assert_eq!(running, expected, "auctions");
    let waiting: Vec<u128> = store.review_list(false).unwrap().into_iter().map(|entry| entry.event_id).collect();
    assert_eq!(waiting, model.waiting.iter().map(|w| w.event.event_id).collect::<Vec<_>>(), "reviews");
    let economy = store.economy().unwrap();
    assert_eq!(economy.zen_players, economy.zen_minted - economy.zen_burned, "{economy:?}");
    let report = store.audit().unwrap();
    assert!(report.is_clean(), "{report}");
}

/// `PROPTEST_CASES` histories; one in `one_in` of them. Which kinds of events were applied in them.
fn run(one_in: u32, mut check: impl FnMut(&[Op], &[(usize, usize)]) -> BTreeSet<EventKind>) -> BTreeSet<EventKind> {
    let config = ProptestConfig::default();
    let cases = (config.cases / one_in).max(1);
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..config });
    let op = (0..26_u8, 0..8_usize, 0..60_usize, 0..8_usize, 1..40_i64, prop::bool::weighted(0.08), any::<bool>());
    let cuts = prop::collection::vec((1..20_usize, 0..6_usize), 1..20);
    let cell = std::cell::RefCell::new((&mut check, BTreeSet::new()));
    let result = runner.run(&(prop::collection::vec(op, 1..150), cuts), |(ops, cuts)| {
        let (check, applied) = &mut *cell.borrow_mut();
        applied.extend(check(&ops, &cuts));
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    cell.into_inner().1
}

#[test]
fn random_histories_on_sqlite_agree_with_the_model() {
    let applied = run(4, |ops, cuts| check(&Database::sqlite(), ops, cuts));
    // A few histories need not hold everything; the usual number does.
    if ProptestConfig::default().cases >= 256 {
        assert!(applied.iter().eq(EventKind::ALL), "some kinds were never applied: {applied:?}");
    }
}

#[test]
fn random_histories_on_postgres_agree_with_the_model() {
    let database = Database::postgres();
    run(16, |ops, cuts| {
        database.by_hand("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        check(&database, ops, cuts)
    });
}
