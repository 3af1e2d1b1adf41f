//! What every handler shares: the rooms it may ask, the session table, the limits.
//!
//! Lives as long as the server; no handler keeps state of its own.

use std::sync::Arc;

use mu_storage::ids::AccountId;
use ring::rand::{SecureRandom, SystemRandom};

use super::database::DatabaseError;
use super::error::ApiError;
use super::ids::Ids;
use super::limit::PeerLimit;
use super::password::PasswordError;
use super::sessions::Sessions;
use super::token::Tokens;
use super::{GatewayParts, StatCount};

/// The gateway's state.
pub(crate) struct App {
    pub(crate) parts: GatewayParts,
    pub(crate) tokens: Tokens,
    pub(crate) sessions: Sessions,
    pub(crate) ids: Ids,
    pub(crate) login_limit: PeerLimit,
    pub(crate) register_limit: PeerLimit,
    pub(crate) random: SystemRandom,
}

impl App {
    pub(crate) fn new(parts: GatewayParts) -> Arc<Self> {
        Arc::new(Self {
            tokens: Tokens::new(&parts.session_key, parts.options.token_life_s),
            sessions: Sessions::default(),
            ids: Ids::default(),
            login_limit: PeerLimit::new(parts.options.login),
            register_limit: PeerLimit::new(parts.options.register),
            random: SystemRandom::new(),
            parts,
        })
    }

    /// Microseconds of Unix time.
    pub(crate) fn now_us(&self) -> u64 {
        (self.parts.unix_us)()
    }

    /// Seconds of Unix time.
    pub(crate) fn now_s(&self) -> u64 {
        self.now_us() / 1_000_000
    }

    /// The newest session generation of the account, from memory or from the store.
    pub(crate) async fn newest_generation(&self, account: AccountId) -> Result<u64, ApiError> {
        let miss = match self.sessions.newest(account) {
            Ok(newest) => return Ok(newest),
            Err(miss) => miss,
        };
        let stored = self
            .parts
            .database
            .run(move |store| store.account(account))
            .await
            .map_err(ApiError::from)?
            .ok_or_else(ApiError::unauthorized)?;
        Ok(self.sessions.fill(account, stored.generation, miss))
    }

    /// Random bytes for a secret.
    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N], ApiError> {
        let mut bytes = [0; N];
        match self.random.fill(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(_) => {
                log::error!("the operating system gave no random bytes");
                Err(ApiError::internal())
            }
        }
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Away => Self::unavailable("store_away", "the store is away; try again"),
            DatabaseError::Busy => Self::unavailable("busy", "too many requests wait; try again"),
            DatabaseError::Late => Self::unavailable("store_late", "the store did not answer in time; try again"),
            DatabaseError::Store(error) if error.is_retryable() => {
                Self::unavailable("store_away", "the store is away; try again")
            }
            DatabaseError::Store(error) => {
                log::error!("the store refused a request: {error}");
                Self::internal()
            }
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::unavailable("busy", "too many logins wait; try again"),
            PasswordError::Broken => {
                log::error!("{error}");
                Self::internal()
            }
        }
    }
}

/// Counts a request against its peer's limit.
pub(crate) fn admit(app: &App, limit: &PeerLimit, peer: std::net::IpAddr) -> Result<(), ApiError> {
    limit.check(peer).map_err(|wait| {
        app.parts.stats.rate_limited.up();
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        ApiError::new(
            axum::http::StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            format!("too many attempts from this address; wait {seconds} s"),
        )
        .retry_after(seconds)
    })
}
