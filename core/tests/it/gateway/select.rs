//! Into the world: the ticket, the instance, and never two copies of a character.

use std::sync::mpsc::channel;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mu_core::directory::SeatState;
use mu_core::shard::command::{EvictReason, Report, ReserveRefusal};
use mu_storage::ids::{AccountId, CharacterId};
use serde_json::Value;

use super::api::Api;
use super::shard::Told;
use super::town::{Plan, Town};

fn bytes(answer: &Value, field: &str) -> Vec<u8> {
    STANDARD.decode(answer[field].as_str().unwrap()).unwrap()
}

#[test]
fn a_ticket_leads_to_the_place_that_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    let answer = session.select(id).expect(200);
    assert_eq!(bytes(&answer, "token").len(), 392);
    assert_eq!(bytes(&answer, "psk").len(), 32);
    assert_eq!(bytes(&answer, "server_key").len(), 32);
    assert_eq!(answer["routing_id"].as_str().unwrap().len(), 16);
    assert_eq!(answer["protocol"].as_str().unwrap().len(), 8);
    assert_eq!(answer["expires_s"], 1_700_000_030u64);

    let Told::Reserve { character, instance, map, .. } = town.shard_of(&answer).told() else {
        panic!("the first thing a shard is told is to keep a place")
    };
    let route = *town.directory.routes().instance(instance).unwrap();
    assert_eq!(character, CharacterId(id));
    assert_eq!(answer["endpoint"], route.endpoint.to_string());
    assert_eq!(answer["instance"], route.instance.0);
    assert_eq!((&answer["map"], i32::from(route.map)), (&Value::from(route.map), map));
    assert_eq!(town.directory.players(), 1);
    town.stop();
}

#[test]
fn each_ticket_is_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    let (one, two) = (session.select(id).expect(200), session.select(id).expect(200));
    assert_ne!(one["token"], two["token"]);
    assert_ne!(one["psk"], two["psk"]);
    assert_ne!(one["routing_id"], two["routing_id"]);
    town.stop();
}

#[test]
fn of_many_selects_at_once_exactly_one_wins() {
    const MANY: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    town.manner.hold_answers(true);
    let (done, answers) = channel();
    std::thread::scope(|scope| {
        for _ in 0..MANY {
            let (session, done) = (session.clone(), done.clone());
            scope.spawn(move || done.send(session.select(id)).unwrap());
        }
        for _ in 1..MANY {
            answers.recv().unwrap().refused(409, "in_use");
        }
        town.manner.hold_answers(false);
        answers.recv().unwrap().expect(200);
    });
    assert_eq!(town.manner.loaded(), [CharacterId(id)]);
    assert_eq!(town.manner.twice(), []);
    town.stop();
}

#[test]
fn who_selects_again_is_evicted_stored_and_only_then_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let (elf, wizard) = (session.character("Kundun"), session.character("Selupan"));
    let first = session.select_in(elf, 1).expect(200);
    let shard = town.shard_of(&first);
    assert!(matches!(shard.told(), Told::Reserve { .. }));
    town.reports.blocking_send(entered(&town, elf)).unwrap();

    session.select_in(wizard, 1).expect(200);
    assert_eq!(shard.told(), Told::Evict(CharacterId(elf), EvictReason::Replaced));
    assert!(matches!(shard.told(), Told::Reserve { character: CharacterId(id), .. } if id == wizard));
    assert_eq!(town.manner.loaded(), [CharacterId(wizard)], "one character per account");
    town.stop();
}

fn entered(town: &Town, id: i64) -> Report {
    let route = town.directory.routes().all()[0];
    let account = town.store().character(CharacterId(id)).unwrap().unwrap().character.account;
    Report::Entered { account, character: CharacterId(id), instance: route.instance }
}

#[test]
fn sessions_that_fight_over_a_character_never_load_it_twice() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let id = town.api.newcomer("anamaria").character("Kundun");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let session = town.api.session("anamaria");
                    for _ in 0..2 {
                        let answer = session.select(id);
                        assert!(matches!(answer.status, 200 | 401 | 409), "{answer:?}");
                    }
                }
            });
        }
    });
    assert_eq!(town.manner.twice(), []);
    let last = town.api.session("anamaria");
    last.select(id).expect(200);
    assert_eq!(town.manner.loaded(), [CharacterId(id)]);
    last.logout();
    assert_eq!(town.directory.players(), 0);
    town.stop();
}

#[test]
fn a_login_while_the_place_is_being_kept_ends_that_select() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let older = town.api.newcomer("anamaria");
    let id = older.character("Kundun");
    town.manner.hold_answers(true);
    let selecting = std::thread::spawn(move || older.select_in(id, 1));
    let route = town.directory.routes().find(1, 1, mu_config::Content::demo().start.0).unwrap();
    let shard = &town.shards[usize::from(route.shard.0)];
    assert!(matches!(shard.told(), Told::Reserve { .. }));
    let newer = town.api.session("anamaria");
    town.manner.hold_answers(false);
    selecting.join().unwrap().refused(401, "unauthorized");
    assert_eq!(shard.told(), Told::Evict(CharacterId(id), EvictReason::Replaced));
    newer.select(id).expect(200);
    assert_eq!(town.manner.twice(), []);
    town.stop();
}

#[test]
fn a_character_that_does_not_leave_is_not_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { leave_patience: Duration::from_millis(200), ..Plan::default() };
    let town = Town::start_with(folder.path(), &plan);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    let first = session.select(id).expect(200);
    town.manner.hold_leaving(true);
    session.select(id).refused(503, "still_leaving");
    let account = AccountId(town.api.login("anamaria").expect(200)["account_id"].as_i64().unwrap());
    assert_eq!(town.directory.character_of(account), Some((CharacterId(id), SeatState::Leaving)));

    town.manner.hold_leaving(false);
    let shard = town.shard_of(&first);
    assert!(matches!(shard.told(), Told::Reserve { .. }));
    assert!(matches!(shard.told(), Told::Evict(..)));
    let again = retry(&town.api.session("anamaria"), id);
    assert_eq!(again["map"], first["map"]);
    assert_eq!(town.manner.twice(), []);
    town.stop();
}

/// Selects as a client does: again when told to try again.
fn retry(session: &Api, id: i64) -> Value {
    for _ in 0..100 {
        let answer = session.select(id);
        if answer.status != 503 {
            return answer.expect(200);
        }
    }
    panic!("the character never became free");
}

#[test]
fn an_instance_never_exceeds_its_cap_and_the_emptiest_entry_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { hard_cap: 1, ..Plan::default() };
    let town = Town::start_with(folder.path(), &plan);
    let enter = |name: &str, entry: Option<u16>| {
        let session = town.api.newcomer(name);
        let id = session.character(name);
        match entry {
            Some(entry) => session.select_in(id, entry),
            None => session.select(id),
        }
    };
    assert_eq!(enter("player1", Some(1)).expect(200)["entry"], 1);
    enter("player2", Some(1)).refused(503, "full");
    assert_eq!(enter("player3", None).expect(200)["entry"], 2);
    enter("player4", None).refused(503, "full");
    enter("player5", Some(77)).refused(400, "invalid");
    assert_eq!(town.directory.players(), 2, "a refused character keeps no seat");

    let worlds = town.api.get("/v1/worlds").expect(200);
    let entry = &worlds["worlds"][0]["entries"][0];
    assert_eq!((&entry["players"], &entry["maps"][0]["capacity"]), (&Value::from(1), &Value::from(1)));
    town.stop();
}

#[test]
fn a_place_the_shard_refuses_leaves_the_character_free() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    for (refusal, code) in [(ReserveRefusal::Full, "full"), (ReserveRefusal::Closing, "closing")] {
        town.manner.refuse(Some(refusal));
        session.select(id).refused(503, code);
        assert_eq!(town.directory.players(), 0);
    }
    town.manner.refuse(None);
    session.select(id).expect(200);
    town.stop();
}

#[test]
fn the_worlds_are_listed_with_the_emptier_entry_first() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    session.select_in(id, 1).expect(200);
    let worlds = town.api.get("/v1/worlds").expect(200);
    let entries = worlds["worlds"][0]["entries"].as_array().unwrap();
    let seen: Vec<_> =
        entries.iter().map(|entry| (entry["id"].clone(), entry["players"].clone(), entry["health"].clone())).collect();
    let expected = [(2, 0, "healthy"), (1, 1, "healthy")];
    assert_eq!(
        seen,
        expected.map(|(id, players, health)| (Value::from(id), Value::from(players), Value::from(health)))
    );
    assert_eq!(entries[0]["maps"].as_array().unwrap().len(), 3);
    town.stop();
}

#[test]
fn a_copy_the_directory_does_not_know_must_leave_first() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    town.manner.plant(CharacterId(id), 0);
    town.manner.refuse(Some(ReserveRefusal::AlreadyHere));
    town.manner.hold_leaving(true);
    session.select_in(id, 1).refused(409, "in_use");
    assert_eq!(town.directory.players(), 1, "the copy keeps the seat until it has left");
    town.manner.refuse(None);
    town.manner.hold_leaving(false);
    session.select_in(id, 1).expect(200);
    assert_eq!(town.manner.twice(), []);
    town.stop();
}
