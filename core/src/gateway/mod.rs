//! The HTTP side of the server: accounts, characters, and the way into the world (UC-01 to UC-04, UC-13).
//!
//! Runs on the control thread, a current-thread runtime of tokio; nothing here blocks it. Passwords are hashed on
//! threads of [`PasswordPool`], the store is asked on threads of [`DatabasePool`], births go to the journal through
//! [`JournalClient`], characters enter and leave through [`crate::directory::Directory`]. Bounds: connections, head and
//! body size, request time, both pools' queues, requests per peer for what costs hashing; each refuses with a code.
//! Knows no UDP, no map and no SQL.
//!
//! How boot puts it together:
//!
//! ```text
//! let placed  = directory::place_instances(&content.worlds, shards);          // before the shards are built
//! let routes  = Arc::new(RouteTable::new(&placed, |shard| endpoint_of(shard))); // shards get a clone for portals
//! let dir     = Directory::new(routes, &content, hard_cap, links);
//! spawn(dir.clone().run(reports_receiver));
//! let database  = DatabasePool::start(options, Arc::new(|| store::open(&url, Role::Gateway)))?;
//! let passwords = PasswordPool::start(&PasswordOptions::of(&settings.gateway))?;
//! gateway::serve(GatewayParts { … }, listener, shutdown).await;
//! ```

mod accounts;
mod app;
mod birth;
mod characters;
mod database;
mod error;
mod extract;
mod ids;
mod limit;
mod names;
mod ops;
mod options;
mod password;
mod router;
mod select;
mod server;
mod sessions;
mod token;
mod worlds;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mu_config::Content;
use mu_wire::TokenSealer;
use tokio::net::TcpListener;

use crate::directory::Directory;

pub use birth::{JournalBusy, JournalClient, JournalPositions};
pub use database::{DatabaseError, DatabaseOptions, DatabasePool, Opener};
pub use limit::RateLimit;
pub use ops::{OpsSource, Readiness};
pub use options::GatewayOptions;
pub use password::{PasswordError, PasswordOptions, PasswordPool};

/// Everything the gateway works with.
pub struct GatewayParts {
    /// Limits and lifetimes.
    pub options: GatewayOptions,
    /// The world content: classes, kits, the start area.
    pub content: Arc<Content>,
    /// Who is in the world and where there is room.
    pub directory: Directory,
    /// The store's threads.
    pub database: DatabasePool,
    /// The hashing threads.
    pub passwords: PasswordPool,
    /// The way to the journal.
    pub journal: Arc<dyn JournalClient>,
    /// Seals route tokens for this host's shards.
    pub sealer: TokenSealer,
    /// Signs session tokens; the same over restarts, so that sessions survive them.
    pub session_key: [u8; 32],
    /// Figures of the running server.
    pub ops: Arc<dyn OpsSource>,
    /// What `readyz` asks.
    pub readiness: Arc<Readiness>,
    /// Counted here, shown by `ops`.
    pub stats: Arc<GatewayStats>,
    /// Microseconds of Unix time.
    pub unix_us: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// What the gateway counts, since boot.
#[derive(Debug, Default)]
pub struct GatewayStats {
    /// Requests answered with success.
    pub requests_ok: AtomicU64,
    /// Requests refused with a 4xx.
    pub requests_refused: AtomicU64,
    /// Requests refused with a 5xx.
    pub requests_failed: AtomicU64,
    /// Requests refused because their peer asked too often.
    pub rate_limited: AtomicU64,
    /// Logins.
    pub logins: AtomicU64,
    /// Logins with wrong credentials.
    pub logins_refused: AtomicU64,
    /// Logouts.
    pub logouts: AtomicU64,
    /// Characters created.
    pub births: AtomicU64,
    /// Characters sent to a shard.
    pub selects: AtomicU64,
}

/// One more.
pub(crate) trait StatCount {
    fn up(&self);
}

impl StatCount for AtomicU64 {
    fn up(&self) {
        self.fetch_add(1, Ordering::Relaxed);
    }
}

/// Serves HTTP on `listener` until `shutdown` resolves, then lets requests in progress finish within the drain time of
/// the options. Must run on a runtime of tokio with time and I/O enabled.
pub async fn serve(parts: GatewayParts, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
    let options = parts.options.clone();
    let router = router::router(app::App::new(parts));
    server::run(router, listener, shutdown, &options).await;
}
