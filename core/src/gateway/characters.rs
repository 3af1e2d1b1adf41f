//! The account's characters: list, look at one, create one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mu_config::Content;
use mu_storage::event::CharacterName;
use mu_storage::ids::Sequence;
use mu_storage::store::{Character, LoadedCharacter, MAX_CHARACTERS, Outcome, Reason};
use serde::Deserialize;
use serde_json::{Value, json};

use super::StatCount;
use super::app::App;
use super::birth::{NewCharacter, birth_event};
use super::error::ApiError;
use super::extract::{Caller, CharacterPath, JsonBody, no_such_character};

/// `GET /v1/characters`
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, ApiError> {
    let found = app.parts.database.run(move |store| store.characters(caller.account)).await?;
    let content = &app.parts.content;
    let characters: Vec<Value> = found.iter().map(|one| summary(content, one)).collect();
    Ok(Json(json!({ "characters": characters })))
}

/// `GET /v1/characters/{id}`: what the store has; positions are 8.8 fixed point tiles and may be seconds old while the
/// character is in the world.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    CharacterPath(id): CharacterPath,
) -> Result<Json<Value>, ApiError> {
    let loaded = app.parts.database.run(move |store| store.character(id)).await?.ok_or_else(no_such_character)?;
    owned(&loaded, caller)?;
    Ok(Json(sheet(&app.parts.content, &loaded)))
}

/// 403 unless the character is the caller's.
pub(super) fn owned(loaded: &LoadedCharacter, caller: Caller) -> Result<(), ApiError> {
    if loaded.character.account == caller.account {
        Ok(())
    } else {
        Err(ApiError::forbidden("this character belongs to another account"))
    }
}

#[derive(Deserialize)]
pub(crate) struct Creation {
    name: String,
    /// The content's word for the class; its first class if not given.
    class: Option<String>,
}

/// `POST /v1/characters`
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(asked): JsonBody<Creation>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let parts = &app.parts;
    if parts.directory.closing() {
        return Err(ApiError::unavailable("closing", "the server is closing"));
    }
    let name = CharacterName::new(&asked.name).map_err(|broken| ApiError::invalid(format!("name {broken}")))?;
    let class = class_of(&parts.content, asked.class.as_deref())?;
    let account = caller.account;
    let existing = parts.database.run(move |store| store.characters(account)).await?;
    if existing.len() >= MAX_CHARACTERS {
        return Err(limit_reached());
    }

    let id = app.ids.take(&parts.database, Sequence::Character, 1).await?[0];
    let kit_len = class.kit.items.len();
    let item_ids = app.ids.take(&parts.database, Sequence::Item, kit_len).await?;
    let new = NewCharacter { account, id, name, class };
    let event = birth_event(&parts.content, parts.journal.next_event_id(), &new, &item_ids);
    let outcome = parts
        .journal
        .submit(&event)
        .map_err(|_busy| ApiError::unavailable("busy", "too many events wait to be stored; try again"))?;
    match tokio::time::timeout(parts.options.outcome_patience, outcome).await {
        Ok(Ok(Outcome::Applied)) => {}
        Ok(Ok(refused)) => return Err(not_born(refused)),
        Ok(Err(_)) | Err(_) => {
            return Err(ApiError::unavailable(
                "undecided",
                "the character is not decided yet; look at the list before trying again",
            ));
        }
    }
    parts.stats.births.up();
    let answer = json!({
        "id": id,
        "name": name.as_str(),
        "class": class.key,
        "level": 1,
        "zen": class.kit.zen,
        "map": parts.content.start.0,
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

fn class_of<'a>(content: &'a Content, asked: Option<&str>) -> Result<&'a mu_config::Class, ApiError> {
    let found = match asked {
        Some(key) => content.classes.iter().find(|class| class.key == key),
        None => content.classes.first(),
    };
    found.ok_or_else(|| {
        let keys: Vec<&str> = content.classes.iter().map(|class| class.key.as_str()).collect();
        ApiError::invalid(format!("class: allowed are {}", keys.join(", ")))
    })
}

fn limit_reached() -> ApiError {
    ApiError::conflict("character_limit", format!("an account has at most {MAX_CHARACTERS} characters"))
}

fn not_born(outcome: Outcome) -> ApiError {
    match outcome {
        Outcome::Rejected(Reason::NameTaken) => ApiError::conflict("name_taken", "this name is taken"),
        Outcome::Rejected(Reason::CharacterLimit) => limit_reached(),
        Outcome::Rejected(Reason::AccountUnknown) => ApiError::unauthorized(),
        refused => {
            log::error!("the birth of a character was not applied: {refused:?}");
            ApiError::internal()
        }
    }
}

fn class_key(content: &Content, class: i32) -> Value {
    let known = u16::try_from(class).ok().and_then(|id| content.class(id));
    known.map_or_else(|| json!(class), |class| json!(class.key))
}

fn summary(content: &Content, one: &Character) -> Value {
    json!({
        "id": one.id.0,
        "name": one.name,
        "class": class_key(content, one.class),
        "level": one.level,
    })
}

fn sheet(content: &Content, loaded: &LoadedCharacter) -> Value {
    let items: Vec<Value> = loaded
        .items
        .iter()
        .map(|item| {
            json!({
                "uid": item.uid.0,
                "template": item.template,
                "level": item.level,
                "container": item.container,
                "slot": item.slot,
            })
        })
        .collect();
    let hot = &loaded.hot;
    json!({
        "id": loaded.character.id.0,
        "name": loaded.character.name,
        "class": class_key(content, loaded.character.class),
        "level": loaded.character.level,
        "map": hot.map,
        "entry": hot.entry,
        "x": hot.x,
        "y": hot.y,
        "heading": hot.heading,
        "hp": hot.hp,
        "mp": hot.mp,
        "zen": loaded.zen,
        "items": items,
    })
}
