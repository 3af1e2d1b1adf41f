//! The worlds a player can enter (UC-03). Public: choosing comes before logging in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::app::App;

/// `GET /v1/worlds`
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "worlds": app.parts.directory.worlds() }))
}
