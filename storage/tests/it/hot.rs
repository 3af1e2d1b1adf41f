//! Hot state: the newest of (owner epoch, version) wins, whatever the order of arrival.

use proptest::prelude::*;

use crate::stores::{Applier, Database, on_both};
use mu_storage::ids::{AccountId, CharacterId};
use mu_storage::store::{FlushReport, HotRow, MAX_FLUSH_ROWS};

fn row(character: i64, owner_epoch: i64, version: i64, x: i32) -> HotRow {
    HotRow {
        character: CharacterId(character),
        owner_epoch,
        version,
        map: 1,
        entry: 2,
        x,
        y: 4,
        heading: 5,
        hp: 6,
        mp: 7,
    }
}

on_both! {
    fn a_flushed_state_is_loaded_again(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 0, &[]);
        let state = row(1, 1, 1, 1234);
        applier.store.character_take(CharacterId(1), AccountId(1)).unwrap();
        assert_eq!(applier.store.flush_hot(&[state]).unwrap(), FlushReport { written: 1, stale: vec![] });
        assert_eq!(applier.store.character(CharacterId(1)).unwrap().unwrap().hot, state);
    }

    fn stale_rows_never_win_and_are_reported(database) {
        let mut applier = Applier::new(database);
        for id in 1..=3 {
            applier.player(id, 0, &[]);
        }
        let store = &mut applier.store;
        let first = store.character_take(CharacterId(1), AccountId(1)).unwrap().hot;
        let second = store.character_take(CharacterId(1), AccountId(1)).unwrap().hot;
        assert_eq!((first.owner_epoch, second.owner_epoch), (1, 2));
        // The new holder writes, then everything late arrives: the old holder with a high version, a repetition, an older one.
        assert_eq!(store.flush_hot(&[row(1, 2, 5, 50), row(2, 0, 1, 51)]).unwrap().written, 2);
        let late = [row(1, 1, 900, 9), row(2, 0, 1, 9), row(3, 0, 1, 52), row(44, 0, 1, 9)];
        let report = store.flush_hot(&late).unwrap();
        assert_eq!(report, FlushReport { written: 1, stale: vec![CharacterId(1), CharacterId(2), CharacterId(44)] });
        assert_eq!(store.flush_hot(&[row(1, 2, 4, 9)]).unwrap().stale, [CharacterId(1)]);
        let x = |store: &mut Box<dyn mu_storage::store::Store>, id| store.character(CharacterId(id)).unwrap().unwrap().hot.x;
        assert_eq!([x(store, 1), x(store, 2), x(store, 3)], [50, 51, 52]);
    }

    fn of_several_rows_of_one_character_in_a_call_the_newest_is_stored(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 0, &[]);
        let rows = [row(1, 0, 2, 20), row(1, 0, 3, 30), row(1, 0, 1, 10)];
        assert_eq!(applier.store.flush_hot(&rows).unwrap().written, 1);
        assert_eq!(applier.store.character(CharacterId(1)).unwrap().unwrap().hot.x, 30);
        assert_eq!(applier.store.flush_hot(&[]).unwrap(), FlushReport::default());
    }

    fn a_full_call_writes_every_row(database) {
        let mut applier = Applier::new(database);
        let count = i64::try_from(MAX_FLUSH_ROWS).unwrap();
        let names: Vec<String> = (1..=count).map(|n| format!("demo_{n}")).collect();
        let accounts: Vec<_> = names.iter().zip(1..)
            .map(|(name, id)| mu_storage::store::NewAccount { id: AccountId(id), name, password: "-", created_us: 0 })
            .collect();
        applier.store.accounts_create_many(&accounts).unwrap();
        let births: Vec<_> = (1..=count).map(|id| crate::stores::birth(u128::from(id.unsigned_abs()), id, id, &format!("bot{id:05}"), 0, &[])).collect();
        applier.apply(&births);
        let rows: Vec<_> = (1..=count).map(|id| row(id, 0, 1, i32::try_from(id).unwrap())).collect();
        assert_eq!(applier.store.flush_hot(&rows).unwrap(), FlushReport { written: MAX_FLUSH_ROWS, stale: vec![] });
        assert_eq!(database.count("SELECT COUNT(*) FROM char_hot WHERE x = id AND version = 1"), count);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rows arrive in any order, any number of times and in any calls; what remains is the newest.
    #[test]
    fn the_newest_state_remains_whatever_the_order(
        calls in prop::collection::vec(prop::collection::vec((1..4_i64, 0..4_i64, 0..6_i64), 1..8), 1..8),
    ) {
        let database = Database::sqlite();
        let mut applier = Applier::new(&database);
        for id in 1..4 {
            applier.player(id, 0, &[]);
        }
        let mut newest = std::collections::BTreeMap::from([(1, (0, 0)), (2, (0, 0)), (3, (0, 0))]);
        for call in &calls {
            let rows: Vec<_> = call.iter().map(|&(id, epoch, version)| row(id, epoch, version, 1)).collect();
            let report = applier.store.flush_hot(&rows).unwrap();
            let mut written = 0;
            for id in 1..4 {
                let best = call.iter().filter(|r| r.0 == id).map(|r| (r.1, r.2)).max();
                let better = best.filter(|best| *best > newest[&id]);
                written += usize::from(better.is_some());
                prop_assert_eq!(report.stale.contains(&CharacterId(id)), best.is_some() && better.is_none());
                newest.extend(better.map(|better| (id, better)));
            }
            prop_assert_eq!(report.written, written);
        }
        for (id, (epoch, version)) in newest {
            let hot = applier.store.character(CharacterId(id)).unwrap().unwrap().hot;
            prop_assert_eq!((hot.owner_epoch, hot.version), (epoch, version));
        }
    }
}
