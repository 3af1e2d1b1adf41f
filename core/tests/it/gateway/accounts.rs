//! Register, log in, kick, log out; what malformed, expired and forged requests are answered.

use std::time::Duration;

use mu_core::shard::command::EvictReason;
use mu_storage::ids::CharacterId;
use serde_json::json;

use super::api::credentials;
use super::shard::Told;
use super::town::{Plan, Town};

#[test]
fn register_and_log_in() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let registered = town.api.register("Ana_7").expect(201);
    town.api.register("ana_7").refused(409, "name_taken");
    let login = town.api.login("ANA_7").expect(200);
    assert_eq!(login["account_id"], registered["account_id"]);
    assert!(login["expires_s"].as_u64().unwrap() > 1_700_000_000);
    let session = town.api.with_token(login["token"].as_str().unwrap());
    assert_eq!(session.get("/v1/characters").expect(200), json!({ "characters": [] }));
    town.stop();
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_answered_alike() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    town.api.register("anamaria").expect(201);
    let wrong = town.api.post("/v1/auth/login", &credentials("anamaria", "wrong horse"));
    let unknown = town.api.login("nobody");
    wrong.refused(401, "wrong_credentials");
    assert_eq!(wrong, unknown);
    town.stop();
}

#[test]
fn what_is_not_allowed_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let register = |body: &str| town.api.post_text("/v1/auth/register", body);
    for malformed in ["", "{", "[]", "null", r#"{"username":"anamaria"}"#, r#"{"username":1,"password":2}"#] {
        register(malformed).refused(400, "invalid");
    }
    for (name, password) in [("ana", "correct horse"), ("ana maria", "correct horse"), ("anamaria", "short")] {
        register(&credentials(name, password).to_string()).refused(400, "invalid");
    }
    let nested = "[".repeat(4_000);
    register(&nested).refused(400, "invalid");
    register(&" ".repeat(4_097)).refused(413, "too_large");
    town.api.get("/v1/nothing").refused(404, "not_found");
    town.api.get("/v1/auth/login").refused(405, "method_not_allowed");
    town.api.delete("/v1/characters").refused(405, "method_not_allowed");
    town.stop();
}

#[test]
fn only_a_live_token_of_this_server_opens_anything() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let token = session.token.clone().unwrap();
    town.api.get("/v1/characters").refused(401, "unauthorized");

    let mut forged = token.clone().into_bytes();
    let signature = forged.len() - 10;
    forged[signature] = if forged[signature] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for bad in [forged.as_str(), "nonsense", "a.b.c", &token[..token.len() - 1]] {
        town.api.with_token(bad).get("/v1/characters").refused(401, "unauthorized");
    }
    session.get("/v1/characters").expect(200);
    town.pass(Duration::from_secs(13 * 3600));
    session.get("/v1/characters").refused(401, "unauthorized");
    town.stop();
}

#[test]
fn a_new_login_ends_the_older_session_and_its_character_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let older = town.api.newcomer("anamaria");
    let id = older.character("Kundun");
    let answer = older.select(id).expect(200);
    let shard = town.shard_of(&answer);
    assert!(matches!(shard.told(), Told::Reserve { .. }));

    let newer = town.api.session("anamaria");
    assert_eq!(shard.told(), Told::Evict(CharacterId(id), EvictReason::Replaced));
    older.get("/v1/characters").refused(401, "unauthorized");
    older.select(id).refused(401, "unauthorized");
    older.logout().refused(401, "unauthorized");
    newer.get("/v1/characters").expect(200);
    town.stop();
}

#[test]
fn a_logout_waits_until_the_character_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");
    let answer = session.select(id).expect(200);
    let shard = town.shard_of(&answer);
    shard.told();

    town.manner.hold_leaving(true);
    let leaving = std::thread::spawn({
        let session = session.clone();
        move || session.logout()
    });
    assert_eq!(shard.told(), Told::Evict(CharacterId(id), EvictReason::Logout));
    assert!(!leaving.is_finished(), "answered before the character was stored");
    town.manner.hold_leaving(false);
    assert_eq!(leaving.join().unwrap().status, 204);
    assert_eq!(town.manner.loaded(), []);
    session.get("/v1/characters").refused(401, "unauthorized");
    town.stop();
}

#[test]
fn an_address_that_tries_too_often_must_wait() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { logins_at_once: 3, registers_at_once: 2, ..Plan::default() };
    let town = Town::start_with(folder.path(), &plan);
    town.api.register("anamaria").expect(201);
    town.api.register("anamaria").refused(409, "name_taken");
    let refused = town.api.register("other_one");
    refused.refused(429, "rate_limited");
    let wait: u32 = refused.retry_after.unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait} s");

    town.api.login("anamaria").expect(200);
    town.api.login("nobody").refused(401, "wrong_credentials");
    let session = town.api.session("anamaria");
    town.api.login("anamaria").refused(429, "rate_limited");
    session.get("/v1/characters").expect(200);
    town.stop();
}

#[test]
fn a_session_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let older = town.api.newcomer("anamaria").token.unwrap();
    let newer = town.api.session("anamaria").token.unwrap();
    town.stop();

    let town = Town::start(&folder);
    town.api.with_token(&newer).get("/v1/characters").expect(200);
    town.api.with_token(&older).get("/v1/characters").refused(401, "unauthorized");
    town.stop();
}
