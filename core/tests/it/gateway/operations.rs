//! Health, readiness, figures, closing and stopping.

use std::net::TcpStream;
use std::sync::atomic::Ordering;

use mu_core::directory::Health;
use mu_core::shard::command::{EvictReason, Report, ShardId};
use mu_storage::ids::CharacterId;
use serde_json::{Value, json};

use super::shard::Told;
use super::town::Town;

#[test]
fn ready_means_store_replay_and_shards() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    town.api.get("/healthz").expect(200);
    town.api.get("/readyz").expect(200);
    for flag in [&town.readiness.replay_done, &town.readiness.shards_ticking] {
        flag.store(false, Ordering::SeqCst);
        town.api.get("/readyz").refused(503, "not_ready");
        flag.store(true, Ordering::SeqCst);
    }
    town.api.get("/readyz").expect(200);
    town.stop();
}

#[test]
fn an_operator_on_this_host_sees_the_figures() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    town.api.newcomer("anamaria").character("Kundun");
    assert_eq!(town.api.get("/metrics").expect(200), Value::from("mu_ticks_total 7\n"));
    assert_eq!(town.api.get("/v1/ops/status").expect(200), json!({ "tick": 7 }));
    let economy = town.api.get("/v1/ops/economy").expect(200);
    assert_eq!((&economy["pending"], &economy["applied_lsn"]), (&json!(3), &json!(1)));
    assert_eq!(economy["zen_players"], economy["zen_minted"]);
    assert_eq!(economy["items_live"], economy["items_minted"]);
    assert!(economy["items_live"].as_i64().unwrap() > 0);
    town.stop();
}

#[test]
fn a_closing_server_lets_nobody_in_and_tells_every_shard() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    town.directory.close(10);
    for shard in &town.shards {
        assert_eq!(shard.told(), Told::Close(10));
    }
    session.select(id).refused(503, "closing");
    session.create("Selupan").refused(503, "closing");
    town.api.get("/readyz").refused(503, "not_ready");
    town.stop();
}

#[test]
fn a_reservation_that_expires_frees_the_seat_and_a_late_report_frees_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    session.select(id).expect(200);
    let epoch = town.store().character(CharacterId(id)).unwrap().unwrap().hot.owner_epoch;
    let left = |owner_epoch| Report::Left { character: CharacterId(id), owner_epoch };
    town.directory.report(left(epoch - 1));
    assert_eq!(town.directory.players(), 1);
    town.directory.report(left(epoch));
    assert_eq!(town.directory.players(), 0);
    town.stop();
}

#[test]
fn a_shard_that_does_not_tick_gets_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    town.directory.set_health(ShardId(0), Health::Down);
    let answer = session.select(id).expect(200);
    assert!(answer["endpoint"].as_str().unwrap().ends_with(":7701"), "{answer}");
    town.directory.set_health(ShardId(1), Health::Down);
    session.select(id).refused(503, "map_down");
    town.stop();
}

#[test]
fn a_stopping_server_finishes_the_requests_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let mut town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    let answer = session.select(id).expect(200);
    town.manner.hold_leaving(true);
    let leaving = std::thread::spawn(move || session.logout());
    let shard = town.shard_of(&answer);
    assert!(matches!(shard.told(), Told::Reserve { .. }));
    assert_eq!(shard.told(), Told::Evict(CharacterId(id), EvictReason::Logout));

    town.begin_stop();
    let closed = (0..10_000).any(|_| TcpStream::connect(town.address).is_err());
    assert!(closed, "a stopping server still accepts");
    town.manner.hold_leaving(false);
    assert_eq!(leaving.join().unwrap().status, 204);
    town.stop();
}
