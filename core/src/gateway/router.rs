//! Every path of the gateway, and what is around every path: a body limit, a time limit, an answer in JSON.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::app::App;
use super::error::ApiError;
use super::{StatCount, accounts, characters, ops, select, worlds};

pub(crate) fn router(app: Arc<App>) -> Router {
    let body_limit = app.parts.options.body_limit_bytes;
    Router::new()
        .route("/v1/auth/register", post(accounts::register))
        .route("/v1/auth/login", post(accounts::login))
        .route("/v1/auth/logout", post(accounts::logout))
        .route("/v1/worlds", get(worlds::list))
        .route("/v1/characters", get(characters::list).post(characters::create))
        .route("/v1/characters/{id}", get(characters::get))
        .route("/v1/characters/{id}/select", post(select::select))
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics))
        .route("/v1/ops/status", get(ops::status))
        .route("/v1/ops/economy", get(ops::economy))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(from_fn_with_state(Arc::clone(&app), bounded))
        .with_state(app)
}

async fn no_such_path() -> ApiError {
    ApiError::not_found("there is no such path")
}

async fn no_such_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take this method")
}

/// Ends a request that takes too long, its body's arrival included, and counts how requests end.
async fn bounded(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let limit = app.parts.options.request_timeout;
    let response = match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => ApiError::unavailable("timeout", "the request took too long").into_response(),
    };
    let stats = &app.parts.stats;
    match response.status().as_u16() {
        ..400 => stats.requests_ok.up(),
        400..500 => stats.requests_refused.up(),
        _ => stats.requests_failed.up(),
    }
    response
}
