//! Accounts, sessions, ids and taking characters over.

use crate::stores::{Applier, account, birth, on_both};
use mu_storage::error::{AccountError, TakeError};
use mu_storage::ids::{AccountId, CharacterId, Sequence};
use mu_storage::store::{NewAccount, Outcome, Reason, Role};

fn new(id: i64, name: &str) -> NewAccount<'_> {
    NewAccount { id: AccountId(id), name, password: "$argon2id$v=19$test", created_us: 17 }
}

on_both! {
    fn an_account_is_found_by_its_name_in_any_case(database) {
        let mut store = database.ready(Role::Gateway);
        store.account_create(&new(5, "Ada_99")).unwrap();
        let found = store.account_by_name("aDA_99").unwrap().expect("it exists");
        assert_eq!((found.id, found.name.as_str(), found.generation), (AccountId(5), "Ada_99", 0));
        assert_eq!(found.password, "$argon2id$v=19$test");
        assert_eq!(store.account(AccountId(5)).unwrap(), Some(found));
        assert_eq!(store.account_by_name("ada_98").unwrap(), None);
    }

    fn a_taken_name_is_refused_in_any_case_but_the_same_request_may_be_repeated(database) {
        let mut store = database.ready(Role::Gateway);
        store.account_create(&new(1, "Hero")).unwrap();
        assert!(matches!(store.account_create(&new(2, "hERO")), Err(AccountError::NameTaken)));
        store.account_create(&new(1, "Hero")).unwrap();
        assert!(matches!(store.account_create(&new(3, "a b")), Err(AccountError::NameInvalid(_))));
    }

    fn of_many_who_want_a_name_at_once_exactly_one_gets_it(database) {
        database.ready(Role::Gateway);
        let start = std::sync::Barrier::new(8);
        let created = std::thread::scope(|scope| {
            let threads: Vec<_> = (1..=8)
                .map(|id| {
                    let (start, database) = (&start, database);
                    scope.spawn(move || {
                        let mut store = database.open(Role::Gateway);
                        start.wait();
                        store.account_create(&new(id, "wanted")).is_ok()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum::<usize>()
        });
        assert_eq!(created, 1);
    }

    fn each_session_has_the_next_generation(database) {
        let mut store = database.ready(Role::Gateway);
        account(&mut *store, 3, "player");
        assert_eq!(store.session_open(AccountId(3)).unwrap(), Some(1));
        assert_eq!(store.session_open(AccountId(3)).unwrap(), Some(2));
        assert_eq!(store.session_open(AccountId(4)).unwrap(), None);
        assert_eq!(store.account(AccountId(3)).unwrap().unwrap().generation, 2);
    }

    fn id_blocks_never_overlap_even_when_taken_at_once(database) {
        database.ready(Role::Gateway);
        let mut taken: Vec<i64> = std::thread::scope(|scope| {
            let take = || {
                let mut store = database.open(Role::Gateway);
                (0..10).flat_map(|_| { let first = store.id_block(Sequence::Item, 7).unwrap(); first..first + 7 }).collect::<Vec<_>>()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        taken.sort_unstable();
        assert_eq!(taken, (1..=280).collect::<Vec<_>>());
    }

    fn a_character_is_listed_loaded_and_taken_by_its_account_only(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 500, &[11, 12]);
        applier.player(2, 0, &[]);
        let store = &mut applier.store;
        let listed = store.characters(AccountId(1)).unwrap();
        assert_eq!((listed.len(), listed[0].name.as_str(), listed[0].level, listed[0].class), (1, "hero1", 1, 1));
        let seen = store.character(CharacterId(1)).unwrap().unwrap();
        let taken = store.character_take(CharacterId(1), AccountId(1)).unwrap();
        assert_eq!((seen.hot.owner_epoch, taken.hot.owner_epoch), (0, 1));
        assert_eq!((taken.hot.map, taken.hot.entry, taken.hot.x, taken.hot.y), (2, 1, 300, 400));
        assert_eq!((taken.hot.heading, taken.hot.hp, taken.hot.mp), (3, 100, 50));
        assert_eq!((taken.zen, taken.items.len()), (500, 2));
        assert_eq!((taken.items[1].uid.0, taken.items[1].slot, taken.items[1].template, taken.items[1].level), (12, 1, 7, 2));
        assert!(matches!(store.character_take(CharacterId(2), AccountId(1)), Err(TakeError::NotFound)));
        assert!(matches!(store.character_take(CharacterId(9), AccountId(1)), Err(TakeError::NotFound)));
        assert_eq!(store.character_take(CharacterId(1), AccountId(1)).unwrap().hot.owner_epoch, 2);
        assert_eq!(store.character(CharacterId(9)).unwrap(), None);
    }

    fn births_are_refused_for_a_taken_name_an_unknown_account_a_used_id_and_a_sixth_character(database) {
        let mut applier = Applier::new(database);
        applier.player(1, 10, &[]);
        let refused = |outcome| Outcome::Rejected(outcome);
        assert_eq!(applier.apply_one(&birth(2, 20, 1, "HERO1", 0, &[])), refused(Reason::NameTaken));
        assert_eq!(applier.apply_one(&birth(3, 21, 77, "other", 0, &[])), refused(Reason::AccountUnknown));
        assert_eq!(applier.apply_one(&birth(4, 1, 1, "other", 0, &[])), refused(Reason::CharacterExists));
        let more: Vec<_> = (0..5).map(|n| birth(10 + n, 30 + i64::try_from(n).unwrap(), 1, &format!("name{n}"), 0, &[])).collect();
        let outcomes = applier.apply(&more);
        assert_eq!(outcomes, [Outcome::Applied, Outcome::Applied, Outcome::Applied, Outcome::Applied, refused(Reason::CharacterLimit)]);
        let twins = [birth(50, 60, 1, "name4", 0, &[]), birth(51, 61, 1, "NAME4", 0, &[])];
        assert_eq!(applier.apply(&twins), [refused(Reason::CharacterLimit), refused(Reason::CharacterLimit)]);
        applier.account(2);
        let twins = [birth(52, 60, 2, "name4", 0, &[]), birth(53, 61, 2, "NAME4", 0, &[])];
        assert_eq!(applier.apply(&twins), [Outcome::Applied, refused(Reason::NameTaken)]);
        applier.assert_clean();
    }

    fn ten_thousand_accounts_with_characters_are_made_in_batches(database) {
        let mut applier = Applier::new(database);
        let names: Vec<String> = (1..=10_000).map(|n| format!("demo_{n}")).collect();
        let accounts: Vec<_> = names.iter().zip(1..).map(|(name, id)| new(id, name)).collect();
        assert_eq!(applier.store.accounts_create_many(&accounts).unwrap(), 10_000);
        assert_eq!(applier.store.accounts_create_many(&accounts[..10]).unwrap(), 0);
        let births: Vec<_> = (1..=10_000_i64).map(|id| birth(u128::from(id.unsigned_abs()), id, id, &format!("bot{id:05}"), 1_000, &[id * 2, id * 2 + 1])).collect();
        for batch in births.chunks(512) {
            assert!(applier.apply(batch).iter().all(|outcome| *outcome == Outcome::Applied));
        }
        let economy = applier.store.economy().unwrap();
        assert_eq!((economy.zen_players, economy.zen_minted, economy.zen_burned), (10_000_000, 10_000_000, 0));
        assert_eq!((economy.items_live, economy.items_minted, economy.items_burned), (20_000, 20_000, 0));
        assert_eq!(economy.applied_lsn, 10_000);
        applier.assert_clean();
    }
}
