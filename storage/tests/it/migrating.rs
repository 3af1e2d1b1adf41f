//! Tables: created once, by whoever comes first.

use crate::stores::on_both;
use mu_storage::error::StoreError;
use mu_storage::store::{Role, open};

on_both! {
    fn a_second_migration_finds_nothing_to_do(database) {
        let mut store = database.open(Role::Tool);
        assert_eq!(store.migrate().unwrap().applied, 2);
        assert_eq!(store.migrate().unwrap().applied, 0);
        assert!(store.audit().unwrap().is_clean());
    }

    fn of_many_migrating_at_once_exactly_one_does_it(database) {
        let start = std::sync::Barrier::new(6);
        let applied: usize = std::thread::scope(|scope| {
            let migrate = || {
                let mut store = database.open(Role::Tool);
                start.wait();
                store.migrate().unwrap().applied
            };
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(migrate)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(applied, 2);
    }
}

#[test]
fn an_address_that_can_never_work_is_refused_for_good() {
    let addresses =
        ["", "mysql://db", "sqlite:/nowhere/at/all/store.db", "postgres://db?sslmode=require", "postgres://db:port"];
    for address in addresses {
        let opened = open(address, Role::Tool).map(|_| ());
        assert!(matches!(opened, Err(StoreError::Permanent(_))), "{address}: {opened:?}");
    }
}

#[test]
fn a_server_that_is_not_there_yet_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&mu_storage::testing::PrivatePostgres::url_in(folder.path()), Role::Tool).unwrap();
    let away = store.ping();
    assert!(matches!(away, Err(StoreError::Transient(_))), "{away:?}");
}
