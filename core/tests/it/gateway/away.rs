//! The store goes away and comes back: refused at once with a reason, then served again, nothing to restart.

use std::sync::atomic::Ordering;

use super::town::Town;

#[test]
fn while_the_store_is_away_requests_are_refused_and_afterwards_served() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");

    town.away.store(true, Ordering::SeqCst);
    town.api.login("anamaria").refused(503, "store_away");
    town.api.register("bertold").refused(503, "store_away");
    session.get("/v1/characters").refused(503, "store_away");
    session.create("Selupan").refused(503, "store_away");
    session.select(id).refused(503, "store_away");
    session.logout().refused(503, "store_away");
    town.api.get("/readyz").refused(503, "not_ready");
    town.api.get("/healthz").expect(200);
    assert_eq!(town.directory.players(), 0, "a refused select keeps no seat");

    town.away.store(false, Ordering::SeqCst);
    let back = (0..10_000).any(|_| town.api.get("/readyz").status == 200);
    assert!(back, "the threads never found the store again");
    session.select(id).expect(200);
    town.stop();
}
