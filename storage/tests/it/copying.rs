//! A store is copied while it is used, restored elsewhere, and goes on from there.

use mu_storage::copies;
use mu_storage::event::Place;
use mu_storage::ids::{CharacterId, Lsn, Sequence};
use mu_storage::store::{Entry, HotRow, Outcome, Role, open};

use crate::stores::{Applier, Database, LOG, on_both, trade};

/// An empty place for a store of the same kind.
fn elsewhere(database: &Database, folder: &std::path::Path) -> String {
    match database {
        Database::Sqlite(_) => format!("sqlite:{}", folder.join("restored.db").display()),
        Database::Postgres(_) | Database::Address(_) => {
            database.by_hand("CREATE DATABASE restored");
            database.url().replace("/postgres?", "/restored?")
        }
    }
}

on_both! {
    /// The copy is one moment; what the journal holds behind it brings the restored store to the same books.
    fn a_restored_copy_goes_on_with_the_journal(database) {
        let folder = tempfile::tempdir().unwrap();
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[11]);
        applier.player(2, 0, &[]);
        let first = trade(1, 1, 2, 30, &[(11, 1, Place::inventory(1, 0), Place::inventory(2, 4))]);
        assert_eq!(applier.apply_one(&first), Outcome::Applied);
        let copy = folder.path().join("copy");
        assert_eq!(copies::copy(&database.url(), &copy).unwrap(), [(LOG, Lsn(3))]);

        let second = trade(2, 1, 2, 50, &[]);
        assert_eq!(applier.apply_one(&second), Outcome::Applied);
        applier.account(3);
        let hot = HotRow { x: 777, owner_epoch: 1, version: 9, ..applier.store.character(CharacterId(2)).unwrap().unwrap().hot };
        applier.store.flush_hot(&[hot]).unwrap();
        let beside = applier.store.beside().unwrap();
        assert_eq!((beside.accounts.len(), beside.hot.len()), (3, 2));

        let url = elsewhere(database, folder.path());
        copies::restore(&url, &copy).unwrap();
        let mut restored = open(&url, Role::Applier).unwrap();
        assert_eq!(restored.migrate().unwrap().applied, 0);
        assert!(restored.audit().unwrap().is_clean());
        let zen = |store: &mut dyn mu_storage::store::Store, id| store.character(CharacterId(id)).unwrap().unwrap().zen;
        assert_eq!((zen(&mut *restored, 1), zen(&mut *restored, 2)), (70, 30));

        restored.restore_accounts(&beside.accounts).unwrap();
        assert_eq!(restored.fence(LOG).unwrap().applied, Lsn(3));
        let mut outcomes = Vec::new();
        restored.apply(&[(Lsn(4), Entry::strict(&second))], &mut outcomes).unwrap();
        restored.raise_sequences(&beside.sequences).unwrap();
        restored.flush_hot(&beside.hot).unwrap();
        assert_eq!((zen(&mut *restored, 1), zen(&mut *restored, 2)), (20, 80));
        assert_eq!(restored.beside().unwrap(), beside);
        assert!(restored.audit().unwrap().is_clean());
        let next = applier.store.id_block(Sequence::Item, 1).unwrap();
        assert_eq!(restored.id_block(Sequence::Item, 1).unwrap(), next);
    }

    fn a_store_that_holds_anything_is_not_restored_over(database) {
        let folder = tempfile::tempdir().unwrap();
        let mut applier = Applier::new(database);
        applier.player(1, 100, &[]);
        let copy = folder.path().join("copy");
        copies::copy(&database.url(), &copy).unwrap();
        let refused = copies::restore(&database.url(), &copy).unwrap_err().to_string();
        assert!(refused.contains("a restore fills only"), "{refused}");
        assert_eq!(applier.holdings(1).0, 100);
    }
}
