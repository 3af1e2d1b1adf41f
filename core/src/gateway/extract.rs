//! What handlers are given instead of raw requests: a JSON body, the peer's address, the caller behind the token.
//!
//! Every refusal here is an [`ApiError`], so that a malformed request is answered in the same shape as any other.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use mu_storage::ids::{AccountId, CharacterId};
use serde::de::DeserializeOwned;

use super::app::App;
use super::error::ApiError;

/// The body, read as JSON whatever its content type says. An empty body reads as `{}`.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "the request body is larger than this server reads",
            ),
            _ => ApiError::invalid("the request body did not arrive"),
        })?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Self).map_err(|error| ApiError::invalid(format!("body: {error}")))
    }
}

/// The address at the other end of the connection; put into each request by the server loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Peer {
    pub(crate) fn ip(self) -> IpAddr {
        self.0.ip()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().copied().ok_or_else(ApiError::internal)
    }
}

/// The account whose newest session presented the token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    pub(crate) generation: u64,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers).ok_or_else(ApiError::unauthorized)?;
        let claims = app.tokens.read(token, app.now_s()).ok_or_else(ApiError::unauthorized)?;
        if app.newest_generation(claims.account).await? != claims.generation {
            return Err(ApiError::unauthorized());
        }
        Ok(Self { account: claims.account, generation: claims.generation })
    }
}

/// The credentials of `Authorization: Bearer …`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(credentials.trim())
}

/// The `{id}` of `/v1/characters/{id}`; what is no id is a character that does not exist.
pub(crate) struct CharacterPath(pub(crate) CharacterId);

impl<S: Send + Sync> FromRequestParts<S> for CharacterPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| no_such_character())?;
        match text.parse() {
            Ok(id) if id > 0 => Ok(Self(CharacterId(id))),
            _ => Err(no_such_character()),
        }
    }
}

/// 404 for a character.
pub(crate) fn no_such_character() -> ApiError {
    ApiError::not_found("there is no such character")
}
