//! UC-04: from "this character" to an address and a token with which its player may connect.
//!
//! ```text
//! ownership ─▶ seat ─▶ (evict and wait) ─▶ take from the store ─▶ instance ─▶ place at the shard ─▶ still newest? ─▶ token
//! ```
//!
//! The seat is taken before the character is, and the character is taken before the instance is chosen: what the last
//! holder stored is then what is read. Runs as a task of its own, so that a client that hangs up cannot leave a
//! character between two steps.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mu_storage::error::{StoreError, TakeError};
use mu_storage::event::EventKind;
use mu_storage::ids::{AccountId, CharacterId};
use mu_storage::store::{LoadedCharacter, ReviewEntry, Store};
use mu_wire::{ConnectTicket, Random, TokenClaims};
use serde::Deserialize;
use serde_json::{Value, json};

use super::StatCount;
use super::app::App;
use super::birth::{JournalPositions, start_position};
use super::characters::owned;
use super::error::ApiError;
use super::extract::{Caller, CharacterPath, JsonBody, no_such_character};
use crate::directory::{EnterRefusal, Entering, PlaceRefusal, Route};
use crate::shard::command::{EvictReason, ReserveRefusal};

/// How soon is looked again whether what a character did last is decided.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

#[derive(Deserialize)]
pub(crate) struct Choice {
    /// The entry point; without one, the emptiest that has room.
    entry: Option<u16>,
}

/// `POST /v1/characters/{id}/select`
pub(crate) async fn select(
    State(app): State<Arc<App>>,
    caller: Caller,
    CharacterPath(id): CharacterPath,
    JsonBody(choice): JsonBody<Choice>,
) -> Result<Json<Value>, ApiError> {
    let task = tokio::spawn(enter(app, caller, id, choice));
    task.await.unwrap_or_else(|_panicked| Err(ApiError::internal()))
}

async fn enter(app: Arc<App>, caller: Caller, id: CharacterId, choice: Choice) -> Result<Json<Value>, ApiError> {
    let parts = &app.parts;
    let stored = parts.database.run(move |store| store.character(id)).await?;
    owned(&stored.ok_or_else(no_such_character)?, caller)?;

    let entering = Entering { account: caller.account, character: id, generation: caller.generation };
    let claim = parts.directory.claim(entering, parts.options.leave_patience).await.map_err(not_entered)?;
    let mut character = take(&app, caller, id).await?;
    let map = stand_on_known_map(&app, &mut character);
    let route = claim.route(map, choice.entry).map_err(not_entered)?;
    character.hot.entry = i32::from(route.entry);

    let token_id = app.random()?;
    let (claims, ticket) = seal(&app, caller, id, &route, token_id)?;
    claim.place(&route, character, claims.token_id, parts.options.ticket_life_s).await.map_err(not_placed)?;

    // A login between the first check of the token and the claim found no seat to end.
    let newest = app.newest_generation(caller.account).await?;
    if newest != caller.generation {
        parts.directory.end_before(caller.account, newest, EvictReason::Replaced);
        return Err(ApiError::unauthorized());
    }
    parts.stats.selects.up();
    Ok(Json(answer(&route, &ticket)))
}

/// Takes the character over from whoever had it, with everything anybody may have been told of it: what is durable at this
/// moment is decided first, and a store that came back knowing less is not believed until it knows as much again.
async fn take(app: &App, caller: Caller, id: CharacterId) -> Result<LoadedCharacter, ApiError> {
    let parts = &app.parts;
    let journal = parts.journal.positions();
    let deadline = tokio::time::Instant::now() + parts.options.outcome_patience;
    loop {
        let decided = match (journal, parts.journal.positions()) {
            (Some(asked), Some(now)) => now.applied >= asked.durable,
            (None, _) | (_, None) => true,
        };
        if decided {
            let taken = parts.database.run(move |store| take_once(store, caller.account, id, journal)).await?;
            match taken {
                Taken::Character(character) => return Ok(*character),
                Taken::Frozen(by) => return Err(is_frozen(by.as_ref())),
                Taken::Unknown => return Err(no_such_character()),
                Taken::Behind => {}
            }
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(ApiError::unavailable(
                "undecided",
                "what the character did last is not decided yet; try again",
            ));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What became of taking a character.
enum Taken {
    Character(Box<LoadedCharacter>),
    Frozen(Option<ReviewEntry>),
    Unknown,
    /// The store knows less than was decided: it has just come back and is being told again.
    Behind,
}

fn take_once(
    store: &mut dyn Store,
    account: AccountId,
    id: CharacterId,
    journal: Option<JournalPositions>,
) -> Result<Taken, StoreError> {
    let knows_all = |store: &mut dyn Store| match journal {
        Some(asked) => Ok(store.applied(asked.log_id)? >= asked.durable),
        None => Ok::<_, StoreError>(true),
    };
    if !knows_all(store)? {
        return Ok(Taken::Behind);
    }
    match store.character_take(id, account) {
        // Asked again: the store may have lost its end between the two.
        Ok(_) if !knows_all(store)? => Ok(Taken::Behind),
        Ok(loaded) => Ok(Taken::Character(Box::new(loaded))),
        Err(TakeError::Store(error)) => Err(error),
        Err(TakeError::Frozen) => Ok(Taken::Frozen(store.frozen(id)?)),
        Err(TakeError::NotFound) => Ok(Taken::Unknown),
    }
}

/// A player is told what happened to the character, in words that say nothing of anybody else.
fn is_frozen(by: Option<&ReviewEntry>) -> ApiError {
    let what = by.and_then(|entry| entry.kind).map_or_else(String::new, |kind| format!(": its last {}", words(kind)));
    let event = by.map_or_else(String::new, |entry| format!(" (ask the operator about {:032x})", entry.event_id));
    ApiError::conflict(
        "frozen",
        format!("the character is frozen{what} could not be completed and is being looked at{event}"),
    )
}

/// An event's kind as a player would say it.
fn words(kind: EventKind) -> String {
    kind.name().replace('_', " ")
}

/// The map the character stands on. If the content no longer has it, the character starts again where new ones do.
fn stand_on_known_map(app: &App, character: &mut LoadedCharacter) -> u16 {
    let content = &app.parts.content;
    let known = u16::try_from(character.hot.map).ok().filter(|map| content.map(*map).is_some());
    known.unwrap_or_else(|| {
        let (map, x, y) = start_position(content, character.character.id.0);
        character.hot.map = i32::from(map);
        character.hot.x = i32::from(x);
        character.hot.y = i32::from(y);
        map
    })
}

/// The route token for this player on this shard.
fn seal(
    app: &App,
    caller: Caller,
    id: CharacterId,
    route: &Route,
    token_id: [u8; 16],
) -> Result<(TokenClaims, ConnectTicket), ApiError> {
    let options = &app.parts.options;
    let issued_s = app.now_s();
    let claims = TokenClaims {
        token_id,
        account: caller.account.0.unsigned_abs(),
        character: id.0.unsigned_abs(),
        issued_s,
        expires_s: issued_s + u64::from(options.ticket_life_s),
        realm: options.realm,
        home_shard: route.shard.0,
        flags: 0,
        psk: app.random()?,
        max_down: 0,
        max_pps: 0,
        max_up: 0,
        user_data: [0; mu_wire::USER_DATA_LEN],
    };
    let mut random = Random::from_seed(app.random()?);
    let ticket = app.parts.sealer.seal(&claims, route.shard.0, &mut random);
    Ok((claims, ticket))
}

fn answer(route: &Route, ticket: &ConnectTicket) -> Value {
    json!({
        "endpoint": route.endpoint.to_string(),
        "routing_id": format!("{:016x}", ticket.routing_id),
        "key_id": ticket.key_id,
        "expires_s": ticket.expires_s,
        "token": STANDARD.encode(ticket.sealed_token),
        "psk": STANDARD.encode(ticket.psk),
        "server_key": STANDARD.encode(ticket.server_key),
        "protocol": format!("{:08x}", mu_wire::protocol_id()),
        "world": route.world,
        "entry": route.entry,
        "map": route.map,
        "instance": route.instance.0,
    })
}

fn not_entered(refusal: EnterRefusal) -> ApiError {
    match refusal {
        EnterRefusal::Closing => ApiError::unavailable("closing", "the server is closing"),
        EnterRefusal::NoRoute => ApiError::invalid("entry: no such entry point has the character's map"),
        EnterRefusal::Full => ApiError::unavailable("full", "every place on the character's map is taken"),
        EnterRefusal::Down => ApiError::unavailable("map_down", "the character's map does not run now"),
        EnterRefusal::Superseded => ApiError::unauthorized(),
        EnterRefusal::InUse => in_use(),
        EnterRefusal::StillLeaving => {
            ApiError::unavailable("still_leaving", "the account's last character is still being stored; try again")
        }
    }
}

fn not_placed(refusal: PlaceRefusal) -> ApiError {
    match refusal {
        PlaceRefusal::Refused(ReserveRefusal::Full) => not_entered(EnterRefusal::Full),
        PlaceRefusal::Refused(ReserveRefusal::Closing) => not_entered(EnterRefusal::Closing),
        PlaceRefusal::Refused(ReserveRefusal::AlreadyHere) => in_use(),
        PlaceRefusal::Refused(ReserveRefusal::UnknownInstance) => {
            log::error!("a shard does not know an instance the directory sends players to");
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the map was not found")
        }
        PlaceRefusal::Busy => ApiError::unavailable("busy", "too many players enter at once; try again"),
        PlaceRefusal::Gone => not_entered(EnterRefusal::Down),
        PlaceRefusal::Ended => ApiError::unauthorized(),
    }
}

fn in_use() -> ApiError {
    ApiError::conflict("in_use", "another request is bringing a character of this account in")
}
