//! The gateway's limits and lifetimes: what the operator sets, and what follows from how the product works.

use std::num::NonZeroU32;
use std::time::Duration;

use super::limit::RateLimit;
use super::password::PasswordOptions;

/// Limits and lifetimes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayOptions {
    /// The realm route tokens are for.
    pub realm: u32,
    /// Largest request body.
    pub body_limit_bytes: usize,
    /// Longest wait for a whole request head; a connection that is slower, or idle for longer, is closed.
    pub head_timeout: Duration,
    /// Longest a request may take. Longer than every wait inside, so that each wait can give its own reason.
    pub request_timeout: Duration,
    /// Connections at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// Lifetime of a session token.
    pub token_life_s: u64,
    /// Lifetime of a route token and of the place kept for it.
    pub ticket_life_s: u16,
    /// Logins of one address.
    pub login: RateLimit,
    /// Registrations of one address.
    pub register: RateLimit,
    /// Opens the operations paths to other hosts.
    pub ops_token: Option<String>,
    /// Longest wait for an evicted character's final state to be stored.
    pub leave_patience: Duration,
    /// Longest wait for the outcome of a character's birth.
    pub outcome_patience: Duration,
    /// Longest wait for requests in progress when the server stops.
    pub drain: Duration,
}

impl GatewayOptions {
    /// What the settings say.
    #[must_use]
    pub fn of(settings: &mu_config::Settings) -> Self {
        let gateway = &settings.gateway;
        Self {
            realm: settings.host.realm,
            body_limit_bytes: gateway.body_limit_bytes as usize,
            head_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(15),
            connections_max: 4_096,
            token_life_s: u64::from(gateway.token_minutes) * 60,
            ticket_life_s: 30,
            login: per_minute(gateway.login_per_minute),
            register: per_minute(gateway.register_per_minute),
            ops_token: gateway.ops_token.clone(),
            leave_patience: Duration::from_secs(8),
            outcome_patience: Duration::from_secs(8),
            drain: Duration::from_secs(2),
        }
    }
}

impl PasswordOptions {
    /// What the settings say.
    #[must_use]
    pub fn of(settings: &mu_config::Gateway) -> Self {
        Self { memory_kib: settings.argon2_memory_kib, passes: settings.argon2_iterations, ..Self::default() }
    }
}

/// A minute's worth at once, then evenly.
fn per_minute(requests: u32) -> RateLimit {
    let requests = NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN);
    RateLimit { per_minute: requests, burst: requests }
}
