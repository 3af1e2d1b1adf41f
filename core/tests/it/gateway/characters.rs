//! Creating and looking at characters: the whole kit or nothing, one name once, nobody else's.

use std::sync::Barrier;

use mu_config::Content;
use mu_storage::store::MAX_CHARACTERS;
use serde_json::json;

use super::town::Town;

#[test]
fn a_new_character_has_its_whole_kit_and_the_books_agree() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let content = Content::demo();
    let class = content.classes.last().unwrap();
    let asked = json!({ "name": "Kundun", "class": class.key });
    let made = session.post("/v1/characters", &asked).expect(201);
    assert_eq!((&made["name"], &made["class"], &made["level"]), (&json!("Kundun"), &json!(class.key), &json!(1)));

    let list = session.get("/v1/characters").expect(200);
    assert_eq!(list["characters"][0]["id"], made["id"]);
    let sheet = session.get(&format!("/v1/characters/{}", made["id"])).expect(200);
    assert_eq!(sheet["zen"], json!(class.kit.zen));
    let items: Vec<_> = sheet["items"].as_array().unwrap().iter().map(|item| item["template"].clone()).collect();
    let kit: Vec<_> = class.kit.items.iter().map(|item| json!(item.template)).collect();
    assert_eq!(items, kit);
    assert_eq!(sheet["map"], json!(content.start.0));
    let audit = town.store().audit().unwrap();
    assert!(audit.is_clean(), "{audit}");
    town.stop();
}

#[test]
fn names_and_classes_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    for bad in ["abc", "Kundun the 1st", "Kun dun", "Kúndun", ""] {
        session.create(bad).refused(400, "invalid");
    }
    let asked = json!({ "name": "Kundun", "class": "no such class" });
    session.post("/v1/characters", &asked).refused(400, "invalid");
    town.api.create("Kundun").refused(401, "unauthorized");
    session.character("Kundun");
    session.create("KUNDUN").refused(409, "name_taken");
    town.stop();
}

#[test]
fn of_many_who_want_one_name_exactly_one_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let sessions: Vec<_> = (0..6).map(|n| town.api.newcomer(&format!("player{n}"))).collect();
    let start = Barrier::new(sessions.len());
    let answers: Vec<_> = std::thread::scope(|scope| {
        let race = |session| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                super::api::Api::create(session, "Kundun")
            })
        };
        let racing: Vec<_> = sessions.iter().map(race).collect();
        racing.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let born = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(born, 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refused(409, "name_taken");
    }
    let mut store = town.store();
    let content = Content::demo();
    let economy = store.economy().unwrap();
    assert_eq!(economy.zen_players, i64::try_from(content.classes[0].kit.zen).unwrap());
    assert!(store.audit().unwrap().is_clean());
    town.stop();
}

#[test]
fn an_account_has_only_so_many_characters() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    for n in 0..MAX_CHARACTERS {
        session.character(&format!("Kundun{n}"));
    }
    session.create("OneMore").refused(409, "character_limit");
    let listed = session.get("/v1/characters").expect(200);
    assert_eq!(listed["characters"].as_array().unwrap().len(), MAX_CHARACTERS);
    town.stop();
}

#[test]
fn nobody_sees_or_enters_with_the_character_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let owner = town.api.newcomer("anamaria");
    let other = town.api.newcomer("bertold");
    let id = owner.character("Kundun");
    other.get(&format!("/v1/characters/{id}")).refused(403, "forbidden");
    other.select(id).refused(403, "forbidden");
    assert_eq!(town.directory.players(), 0);
    for nothing in ["999999", "0", "-1", "abc", "99999999999999999999"] {
        owner.get(&format!("/v1/characters/{nothing}")).refused(404, "not_found");
    }
    owner.select(999_999).refused(404, "not_found");
    town.stop();
}
