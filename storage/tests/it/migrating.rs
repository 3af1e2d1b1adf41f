//! Tables: created once, by whoever comes first.

use crate::stores::on_both;
use mu_storage::store::Role;

on_both! {
    fn a_second_migration_finds_nothing_to_do(database) {
        let mut store = database.open(Role::Tool);
        assert_eq!(store.migrate().unwrap().applied, 1);
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
        assert_eq!(applied, 1);
    }
}
