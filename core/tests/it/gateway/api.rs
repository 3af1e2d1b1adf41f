//! A client of the HTTP interface: one call per path, answers as status and JSON.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

/// What a request was answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) retry_after: Option<String>,
}

impl Answer {
    /// The body, if the status is the one expected.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Asserts a refusal in the shape every refusal has.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        let error = &self.body["error"];
        assert_eq!((self.status, error["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{}", self.body);
    }
}

/// A client; with a token once logged in.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    agent: Agent,
    pub(crate) token: Option<String>,
}

impl Api {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let config =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(30))).build();
        Self { base: format!("http://{address}"), agent: Agent::new_with_config(config), token: None }
    }

    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        read(request.call().expect("the gateway answers"))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, &body.to_string())
    }

    pub(crate) fn post_text(&self, path: &str, body: &str) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        read(request.send(body).expect("the gateway answers"))
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        read(self.agent.delete(format!("{}{path}", self.base)).call().expect("the gateway answers"))
    }

    pub(crate) fn register(&self, name: &str) -> Answer {
        self.post("/v1/auth/register", &credentials(name, "correct horse"))
    }

    pub(crate) fn login(&self, name: &str) -> Answer {
        self.post("/v1/auth/login", &credentials(name, "correct horse"))
    }

    /// Logs in and gives the client of the new session.
    #[track_caller]
    pub(crate) fn session(&self, name: &str) -> Self {
        let body = self.login(name).expect(200);
        self.with_token(body["token"].as_str().expect("a token"))
    }

    /// Registers, logs in and gives the client of the session.
    #[track_caller]
    pub(crate) fn newcomer(&self, name: &str) -> Self {
        self.register(name).expect(201);
        self.session(name)
    }

    pub(crate) fn create(&self, name: &str) -> Answer {
        self.post("/v1/characters", &json!({ "name": name }))
    }

    /// Creates a character and gives its id.
    #[track_caller]
    pub(crate) fn character(&self, name: &str) -> i64 {
        self.create(name).expect(201)["id"].as_i64().expect("an id")
    }

    pub(crate) fn select(&self, id: i64) -> Answer {
        self.post_text(&format!("/v1/characters/{id}/select"), "")
    }

    pub(crate) fn select_in(&self, id: i64, entry: u16) -> Answer {
        self.post(&format!("/v1/characters/{id}/select"), &json!({ "entry": entry }))
    }

    pub(crate) fn logout(&self) -> Answer {
        self.post_text("/v1/auth/logout", "")
    }
}

pub(crate) fn credentials(name: &str, password: &str) -> Value {
    json!({ "username": name, "password": password })
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Answer {
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().expect("an ASCII header").to_owned())
    };
    let retry_after = header("retry-after");
    let is_json = header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    let text = response.body_mut().read_to_string().expect("a text");
    let body = match text.as_str() {
        "" => Value::Null,
        json if is_json => serde_json::from_str(json).expect("JSON"),
        other => Value::String(other.to_owned()),
    };
    Answer { status: response.status().as_u16(), body, retry_after }
}
