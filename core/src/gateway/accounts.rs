//! Register, log in, log out (UC-02, UC-13).
//!
//! A login ends the account's older session: the store counts the generation up, the table follows, and the older
//! session's character is told to leave. Whether an account exists cannot be learned from a login: the answer and the
//! work are the same.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mu_storage::error::AccountError;
use mu_storage::ids::{AccountId, Sequence};
use mu_storage::store::NewAccount;
use serde::Deserialize;
use serde_json::{Value, json};

use super::StatCount;
use super::app::{App, admit};
use super::error::ApiError;
use super::extract::{Caller, JsonBody, Peer};
use super::names;
use crate::shard::command::EvictReason;

/// Longest password worth checking: none longer was ever accepted.
const PASSWORD_CHECKED_MAX: usize = 128;

#[derive(Deserialize)]
pub(crate) struct Credentials {
    username: String,
    password: String,
}

/// `POST /v1/auth/register`
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    peer: Peer,
    JsonBody(asked): JsonBody<Credentials>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    admit(&app, &app.register_limit, peer.ip())?;
    names::username(&asked.username)?;
    names::password(&asked.password)?;
    let database = &app.parts.database;
    let id = app.ids.take(database, Sequence::Account, 1).await?;
    let id = AccountId(id[0]);
    let password = app.parts.passwords.hash(asked.password).await?;
    let created_us = i64::try_from(app.now_us()).unwrap_or(i64::MAX);
    let created = database
        .run(move |store| {
            let account = NewAccount { id, name: &asked.username, password: &password, created_us };
            match store.account_create(&account) {
                Ok(()) => Ok(Ok(())),
                Err(AccountError::Store(error)) => Err(error),
                Err(refusal) => Ok(Err(refusal)),
            }
        })
        .await?;
    match created {
        Ok(()) => Ok((StatusCode::CREATED, Json(json!({ "account_id": id.0 })))),
        Err(AccountError::NameTaken) => Err(ApiError::conflict("name_taken", "this username is taken")),
        Err(refusal) => Err(ApiError::invalid(refusal.to_string())),
    }
}

/// `POST /v1/auth/login`
pub(crate) async fn login(
    State(app): State<Arc<App>>,
    peer: Peer,
    JsonBody(asked): JsonBody<Credentials>,
) -> Result<Json<Value>, ApiError> {
    admit(&app, &app.login_limit, peer.ip())?;
    if asked.password.len() > PASSWORD_CHECKED_MAX {
        return Err(wrong_credentials());
    }
    let database = &app.parts.database;
    let username = asked.username;
    let account = database.run(move |store| store.account_by_name(&username)).await?;
    let stored = account.as_ref().map(|account| account.password.clone());
    let matches = app.parts.passwords.verify(asked.password, stored).await?;
    let Some(account) = account.filter(|_| matches) else {
        app.parts.stats.logins_refused.up();
        return Err(wrong_credentials());
    };
    let id = account.id;
    let generation = database.run(move |store| store.session_open(id)).await?.ok_or_else(wrong_credentials)?;
    app.sessions.raise(id, generation);
    app.parts.directory.end_before(id, generation, EvictReason::Replaced);
    let (token, expires_s) = app.tokens.issue(id, generation, app.now_s()).map_err(|error| {
        log::error!("a session token could not be signed: {error}");
        ApiError::internal()
    })?;
    app.parts.stats.logins.up();
    Ok(Json(json!({ "token": token, "account_id": id.0, "expires_s": expires_s })))
}

/// `POST /v1/auth/logout`
///
/// Answers when the character's final state is stored, or after the patience set for it: the session is over either
/// way, and nobody can load the character before that state is stored.
pub(crate) async fn logout(State(app): State<Arc<App>>, caller: Caller) -> Result<StatusCode, ApiError> {
    let account = caller.account;
    let generation = app
        .parts
        .database
        .run(move |store| {
            // A login that came in between has already ended this session; it must not lose its own.
            let newest = store.account(account)?.map(|account| account.generation);
            if newest != Some(caller.generation) {
                return Ok(None);
            }
            store.session_open(account)
        })
        .await?;
    let Some(generation) = generation else {
        return Err(ApiError::unauthorized());
    };
    app.sessions.raise(account, generation);
    let directory = &app.parts.directory;
    directory.end_before(account, generation, EvictReason::Logout);
    if !directory.vacated(account, app.parts.options.leave_patience).await {
        log::warn!("account {account} logged out; its character is still being stored");
    }
    app.parts.stats.logouts.up();
    Ok(StatusCode::NO_CONTENT)
}

fn wrong_credentials() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "wrong_credentials", "username or password is wrong")
}
