//! The reply to a commit is lost on the way: through a proxy between the applier and a private PostgreSQL.

use mu_storage::error::StoreError;
use mu_storage::ids::Lsn;
use mu_storage::store::{Entry, Outcome, Role, open};
use mu_storage::testing::cut::{Cut, CutProxy};

use crate::stores::{Applier, Database, LOG, trade};

/// One batch whose commit meets `cut`, then the same batch again.
fn ask_again_after(cut: Cut) {
    let database = Database::postgres();
    let Database::Postgres(server) = &database else { unreachable!("made above") };
    let mut direct = Applier::new(&database);
    direct.player(1, 100, &[]);
    direct.player(2, 0, &[]);

    let proxy = CutProxy::before(server);
    let mut store = open(&proxy.url(), Role::Applier).unwrap();
    assert_eq!(store.fence(LOG).unwrap().applied, Lsn(2));
    let events = [trade(1, 1, 2, 30, &[]), trade(2, 1, 2, 500, &[])];
    let batch = [(Lsn(3), Entry::strict(&events[0])), (Lsn(4), Entry::strict(&events[1]))];
    let mut outcomes = Vec::new();
    proxy.cut_next(cut);
    let lost = store.apply(&batch, &mut outcomes);
    assert!(matches!(lost, Err(StoreError::Unknown(_))), "{lost:?}");
    assert_eq!(outcomes, []);
    assert_eq!(proxy.cuts(), 1);

    // Whatever became of the first commit, asking again gives the one answer.
    store.apply(&batch, &mut outcomes).unwrap();
    assert_eq!(outcomes[0], Outcome::Applied);
    assert!(matches!(outcomes[1], Outcome::Rejected(_)), "{outcomes:?}");
    assert_eq!((direct.holdings(1).0, direct.holdings(2).0), (70, 30));
    direct.assert_clean();
}

#[test]
fn a_commit_whose_reply_is_lost_is_found_decided() {
    ask_again_after(Cut::Reply);
}

#[test]
fn a_commit_that_never_arrived_is_applied_now() {
    ask_again_after(Cut::Request);
}

#[test]
fn a_commit_that_arrives_while_asking_again_is_waited_for() {
    ask_again_after(Cut::DeliverLate);
}
