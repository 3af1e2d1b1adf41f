//! Health, readiness, metrics and the operations paths; their figures come from whoever runs the server.
//!
//! `healthz` and `readyz` answer anybody with one bit. `metrics` and `/v1/ops/*` answer loopback peers, and others only
//! with the operations token.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::app::App;
use super::error::ApiError;
use super::extract::{Peer, bearer};

/// What only the running server knows. Called on the control thread; must not block.
pub trait OpsSource: Send + Sync {
    /// `GET /v1/ops/status`.
    fn status(&self) -> Value;
    /// Value events submitted and not decided yet; part of `GET /v1/ops/economy`.
    fn pending(&self) -> u64;
    /// `GET /metrics` in Prometheus text format.
    fn metrics(&self) -> String;
}

/// What `readyz` asks beside the store; set by whoever runs the server.
#[derive(Debug, Default)]
pub struct Readiness {
    /// What the last run left undecided in the journal is decided.
    pub replay_done: AtomicBool,
    /// Every shard ticks.
    pub shards_ticking: AtomicBool,
}

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> Json<Value> {
    Json(json!({ "alive": true }))
}

/// `GET /readyz`: players can log in and play.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    let parts = &app.parts;
    let mut missing = Vec::new();
    if !parts.readiness.replay_done.load(Ordering::Relaxed) {
        missing.push("the journal is being replayed");
    }
    if !parts.readiness.shards_ticking.load(Ordering::Relaxed) {
        missing.push("a shard does not tick");
    }
    if parts.directory.closing() {
        missing.push("the server is closing");
    }
    if parts.database.run(|store| store.ping()).await.is_err() {
        missing.push("the store does not answer");
    }
    if missing.is_empty() {
        Ok(Json(json!({ "ready": true })))
    } else {
        Err(ApiError::unavailable("not_ready", missing.join("; ")))
    }
}

/// The right to see the operations paths.
pub(crate) struct Operator;

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let peer = Peer::from_request_parts(parts, app).await?.ip();
        let token = app.parts.options.ops_token.as_deref();
        if may_operate(peer, token, bearer(&parts.headers)) {
            Ok(Self)
        } else {
            Err(ApiError::forbidden("only from this host, or with the operations token"))
        }
    }
}

/// Loopback always; others only when there is a token and they show it.
fn may_operate(peer: IpAddr, token: Option<&str>, shown: Option<&str>) -> bool {
    peer.to_canonical().is_loopback() || token.zip(shown).is_some_and(|(token, shown)| same(token, shown))
}

/// Compares digests: how long that takes says nothing about the token.
fn same(left: &str, right: &str) -> bool {
    digest(&SHA256, left.as_bytes()).as_ref() == digest(&SHA256, right.as_bytes()).as_ref()
}

/// `GET /metrics`
pub(crate) async fn metrics(State(app): State<Arc<App>>, _operator: Operator) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, app.parts.ops.metrics()).into_response()
}

/// `GET /v1/ops/status`
pub(crate) async fn status(State(app): State<Arc<App>>, _operator: Operator) -> Json<Value> {
    Json(app.parts.ops.status())
}

/// `GET /v1/ops/economy`
pub(crate) async fn economy(State(app): State<Arc<App>>, _operator: Operator) -> Result<Json<Value>, ApiError> {
    // Before the sums: an event decided in between is then counted twice as in flight, never missed.
    let pending = app.parts.ops.pending();
    let sums = app.parts.database.run(|store| store.economy()).await?;
    Ok(Json(json!({
        "zen_players": sums.zen_players,
        "zen_minted": sums.zen_minted,
        "zen_burned": sums.zen_burned,
        "items_live": sums.items_live,
        "items_minted": sums.items_minted,
        "items_burned": sums.items_burned,
        "applied_lsn": sums.applied_lsn,
        "pending": pending,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_need_the_token_and_a_server_without_one_has_no_strangers() {
        let (home, home6) = ("127.0.0.1".parse().unwrap(), "::ffff:127.0.0.1".parse().unwrap());
        let away = "192.0.2.1".parse().unwrap();
        assert!(may_operate(home, Some("secret"), None));
        assert!(may_operate(home6, None, None));
        assert!(may_operate(away, Some("secret"), Some("secret")));
        for (token, shown) in [(None, None), (None, Some("")), (Some("secret"), None), (Some("secret"), Some("secreT"))]
        {
            assert!(!may_operate(away, token, shown), "{token:?} {shown:?}");
        }
    }
}
