//! The HTTP interface, request by request.
//!
//! Blocking: one worker thread per request in flight. Knows no retry; what to do about a refusal is the caller's business.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mu_wire::ConnectTicket;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Response;

/// The longest one request may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The gateway was not reached or did not answer.
    #[error("the gateway does not answer: {0}")]
    Transport(String),
    /// The gateway answered with an error.
    #[error("{status} {code}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The stable code.
        code: String,
        /// The sentence for people.
        message: String,
        /// What `Retry-After` asks for.
        retry_after: Option<Duration>,
    },
    /// The answer is not what the interface promises.
    #[error("the gateway's answer is not understood: {0}")]
    Malformed(String),
}

impl HttpError {
    /// The HTTP status of a refusal, 0 for anything else.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Refused { status, .. } => *status,
            _ => 0,
        }
    }
}

/// A gateway's address and the connections kept to it.
#[derive(Debug, Clone)]
pub struct Gateway {
    agent: Agent,
    base: String,
    ops_token: Option<String>,
}

/// A login that succeeded.
#[derive(Debug, Clone, Deserialize)]
pub struct Session {
    /// Bearer token.
    pub token: String,
}

/// One character of an account.
#[derive(Debug, Clone, Deserialize)]
pub struct Character {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
}

/// Where a selected character enters the world.
pub struct Selected {
    /// The shard's address.
    pub endpoint: SocketAddr,
    /// What the shard's handshake needs.
    pub ticket: ConnectTicket,
}

#[derive(Deserialize)]
struct Characters {
    characters: Vec<Character>,
}

#[derive(Deserialize)]
struct SelectAnswer {
    endpoint: SocketAddr,
    routing_id: String,
    key_id: u8,
    expires_s: u64,
    token: String,
    psk: String,
    server_key: String,
}

#[derive(Deserialize)]
struct Worlds {
    worlds: Vec<World>,
}

#[derive(Deserialize)]
struct World {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: u16,
}

#[derive(Deserialize, Default)]
struct ErrorBody {
    error: ErrorText,
}

#[derive(Deserialize, Default)]
struct ErrorText {
    code: String,
    message: String,
}

impl Gateway {
    /// A gateway at `base`, like `http://127.0.0.1:7080`.
    #[must_use]
    pub fn new(base: &str, ops_token: Option<String>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_idle_connections(64)
            .max_idle_connections_per_host(64)
            .user_agent("mu-loadgen");
        Self { agent: config.build().new_agent(), base: base.trim_end_matches('/').to_owned(), ops_token }
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`HttpError`]; 409 when the name is taken.
    pub fn register(&self, username: &str, password: &str) -> Result<(), HttpError> {
        self.post::<Value>("/v1/auth/register", None, &json!({ "username": username, "password": password })).map(drop)
    }

    /// Opens a session; it ends any older one of the account.
    ///
    /// # Errors
    /// [`HttpError`]; 401 when the account is unknown or the password wrong.
    pub fn login(&self, username: &str, password: &str) -> Result<Session, HttpError> {
        self.post("/v1/auth/login", None, &json!({ "username": username, "password": password }))
    }

    /// The account's characters.
    ///
    /// # Errors
    /// [`HttpError`]
    pub fn characters(&self, session: &Session) -> Result<Vec<Character>, HttpError> {
        self.get::<Characters>("/v1/characters", Some(&session.token)).map(|answer| answer.characters)
    }

    /// Makes a character.
    ///
    /// # Errors
    /// [`HttpError`]; 409 when the name is taken.
    pub fn create(&self, session: &Session, name: &str, class: &str) -> Result<Character, HttpError> {
        self.post("/v1/characters", Some(&session.token), &json!({ "name": name, "class": class }))
    }

    /// Asks for a place in the world.
    ///
    /// # Errors
    /// [`HttpError`]
    pub fn select(&self, session: &Session, character: u64, entry: Option<u16>) -> Result<Selected, HttpError> {
        let path = format!("/v1/characters/{character}/select");
        let body = entry.map_or_else(|| json!({}), |entry| json!({ "entry": entry }));
        let answer: SelectAnswer = self.post(&path, Some(&session.token), &body)?;
        answer.selected().ok_or_else(|| HttpError::Malformed("the fields of a ticket have other lengths".to_owned()))
    }

    /// The ids of all entry points.
    ///
    /// # Errors
    /// [`HttpError`]
    pub fn entries(&self) -> Result<Vec<u16>, HttpError> {
        let worlds: Worlds = self.get("/v1/worlds", None)?;
        let mut ids: Vec<u16> =
            worlds.worlds.into_iter().flat_map(|world| world.entries).map(|entry| entry.id).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// An answer of the operations paths.
    ///
    /// # Errors
    /// [`HttpError`]; 403 when this host may not ask.
    pub(super) fn ops<T: DeserializeOwned>(&self, path: &str) -> Result<T, HttpError> {
        self.get(path, self.ops_token.as_deref())
    }

    fn get<T: DeserializeOwned>(&self, path: &str, token: Option<&str>) -> Result<T, HttpError> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        answer(request.call())
    }

    fn post<T: DeserializeOwned>(&self, path: &str, token: Option<&str>, body: &Value) -> Result<T, HttpError> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        answer(request.send_json(body))
    }
}

impl SelectAnswer {
    fn selected(self) -> Option<Selected> {
        let ticket = ConnectTicket {
            routing_id: u64::from_str_radix(&self.routing_id, 16).ok()?,
            key_id: self.key_id,
            expires_s: self.expires_s,
            sealed_token: bytes(&self.token)?,
            psk: bytes(&self.psk)?,
            server_key: bytes(&self.server_key)?,
        };
        Some(Selected { endpoint: self.endpoint, ticket })
    }
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn answer<T: DeserializeOwned>(result: Result<Response<ureq::Body>, ureq::Error>) -> Result<T, HttpError> {
    let mut response = result.map_err(|error| HttpError::Transport(error.to_string()))?;
    let status = response.status().as_u16();
    if response.status().is_success() {
        return response.body_mut().read_json().map_err(|error| malformed(&error));
    }
    let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let body: ErrorBody = response.body_mut().read_json().unwrap_or_default();
    let ErrorText { code, message } = body.error;
    Err(HttpError::Refused { status, code, message, retry_after: wait.map(Duration::from_secs) })
}

/// A body that ends early is the network's fault, anything else the interface's.
fn malformed(error: &ureq::Error) -> HttpError {
    match error {
        ureq::Error::Io(inner) if inner.kind() != io::ErrorKind::InvalidData => HttpError::Transport(error.to_string()),
        _ => HttpError::Malformed(error.to_string()),
    }
}
