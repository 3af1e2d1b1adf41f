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

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mu_storage::error::TakeError;
use mu_storage::event::EventKind;
use mu_storage::ids::CharacterId;
use mu_storage::store::{LoadedCharacter, ReviewEntry};
use mu_wire::{ConnectTicket, Random, TokenClaims};
use serde::Deserialize;
use serde_json::{Value, json};

use super::StatCount;
use super::app::App;
use super::birth::start_position;
use super::characters::owned;
use super::error::ApiError;
use super::extract::{Caller, CharacterPath, JsonBody, no_such_character};
use crate::directory::{EnterRefusal, Entering, PlaceRefusal, Route};
use crate::shard::command::{EvictReason, ReserveRefusal};

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

/// Takes the character over from whoever had it.
async fn take(app: &App, caller: Caller, id: CharacterId) -> Result<LoadedCharacter, ApiError> {
    let account = caller.account;
    let taken = app
        .parts
        .database
        .run(move |store| match store.character_take(id, account) {
            Ok(loaded) => Ok(Ok(loaded)),
            Err(TakeError::Store(error)) => Err(error),
            Err(TakeError::Frozen) => Ok(Err(Some(store.frozen(id)?))),
            Err(TakeError::NotFound) => Ok(Err(None)),
        })
        .await?;
    taken.map_err(|frozen| frozen.map_or_else(no_such_character, |by| is_frozen(by.as_ref())))
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
