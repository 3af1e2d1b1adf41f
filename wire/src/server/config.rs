//! What the shard decides about its endpoint, with defaults that hold on a public network.

use std::time::Duration;

use crate::blocks::MAX_BLOCK_UP;
use crate::connection::KeyLimits;
use crate::time::{Tick, Time};

/// When a client must first prove that it receives at its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CookieMode {
    /// Never: only for closed networks.
    Never,
    /// When connection attempts exceed [`Limits::calm_init_per_s`] or [`Limits::calm_half_open`].
    #[default]
    UnderLoad,
    /// Always.
    Always,
}

/// The terms of a server endpoint.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Number of the shard; the first byte of its connection ids.
    pub shard: u8,
    /// Connections at most, at most 2^20.
    pub max_connections: usize,
    /// Of these, connections that have not sent their first data packet.
    pub max_half_open: usize,
    /// Length of a tick, told to clients.
    pub tick_ms: u16,
    /// The moment of tick 0, told to clients.
    pub tick_origin: Time,
    /// Silence of this length ends a connection; at most 6,553 s.
    pub idle: Duration,
    /// Longest time either side holds an acknowledgement back; at most 255 ms.
    pub ack_delay: Duration,
    /// Longest time a control message waits to share the datagram of a snapshot.
    pub coalesce: Duration,
    /// The realm whose tokens are taken.
    pub realm: u32,
    /// When cookies are asked for.
    pub cookie: CookieMode,
    /// Rates and bounds.
    pub limits: Limits,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            shard: 0,
            max_connections: 4096,
            max_half_open: 1024,
            tick_ms: Tick::MILLIS,
            tick_origin: Time::ZERO,
            idle: Duration::from_secs(10),
            ack_delay: Duration::from_millis(50),
            coalesce: Duration::from_millis(50),
            realm: 0,
            cookie: CookieMode::UnderLoad,
            limits: Limits::default(),
        }
    }
}

/// Rates and bounds of a server endpoint.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connection attempts a second that are looked at.
    pub init_per_s: u32,
    /// The same from one /24 (IPv4) or /56 (IPv6).
    pub init_per_prefix_per_s: u32,
    /// How many of these may come at once.
    pub init_per_prefix_burst: u32,
    /// Whether loopback addresses are free of the limits per prefix: load generators on the host itself.
    pub loopback_is_free: bool,
    /// Key exchanges a second: each costs about 100 µs.
    pub handshakes_per_s: u32,
    /// Attempts a second above which cookies are asked for.
    pub calm_init_per_s: u32,
    /// Half-open connections above which cookies are asked for.
    pub calm_half_open: usize,
    /// Datagrams a second from one connection, if its token says nothing.
    pub packets_per_s: u16,
    /// How many of these may come at once.
    pub packets_burst: u16,
    /// Token ids remembered until they expire; when full, no more tokens are taken.
    pub replay_log: usize,
    /// A token whose expiry lies further ahead is refused.
    pub token_lifetime_s: u64,
    /// How long a connection may stay half-open.
    pub half_open: Duration,
    /// Longest block taken from a client, at most 1 MiB; 0 refuses them all.
    pub block_max: usize,
    /// Bytes that half blocks of all clients may take together.
    pub block_pool: usize,
    /// How often ACCEPT or REJECT is repeated for a repeated INIT.
    pub answer_repeats: u8,
    /// Datagrams a second that are looked at although they come from another address than the connection's, and how many
    /// at once.
    pub stale_per_s: u32,
    /// Shortest time between two moves of a connection to another address.
    pub move_rest: Duration,
    /// RESET answers a second.
    pub resets_per_s: u32,
    /// The same to one /24 (IPv4) or /56 (IPv6), evenly spread.
    pub resets_per_prefix_per_s: u32,
    /// When keys are renewed, and how many forged packets a connection bears.
    pub keys: KeyLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            init_per_s: 5_000,
            init_per_prefix_per_s: 64,
            init_per_prefix_burst: 256,
            loopback_is_free: true,
            handshakes_per_s: 3_000,
            calm_init_per_s: 500,
            calm_half_open: 512,
            packets_per_s: 120,
            packets_burst: 240,
            replay_log: 65_536,
            token_lifetime_s: 60,
            half_open: Duration::from_secs(3),
            block_max: MAX_BLOCK_UP,
            block_pool: 64 * 1024 * 1024,
            answer_repeats: 3,
            stale_per_s: 8,
            move_rest: Duration::from_secs(2),
            resets_per_s: 5_000,
            resets_per_prefix_per_s: 50,
            keys: KeyLimits::default(),
        }
    }
}
