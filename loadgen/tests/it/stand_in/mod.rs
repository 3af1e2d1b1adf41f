//! A server of a few hundred lines that does just enough for bots: it hands out places, moves entities, trades, and sends a character
//! through a portal to its other endpoint. What it tells and what it keeps can be made to differ, so that tests see the figures fail.

mod http;
mod world;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use mu_wire::{HostKeys, Random, TokenClaims, TokenSealer};

/// What goes wrong on purpose.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// A trade's items and zen are told to have moved and are lost.
    pub(crate) trades_lose: bool,
    /// Every connection is closed once, this many ticks after the first.
    pub(crate) drop_all_at: Option<u32>,
    /// The endpoint forgets all its connections once, as a process that was killed and started again, this many ticks
    /// after the first.
    pub(crate) restart_at: Option<u32>,
    /// Each account's first login is answered 429.
    pub(crate) rate_limited: bool,
}

/// What HTTP and UDP share.
pub(crate) struct Shared {
    pub(crate) faults: Faults,
    /// Character id by name, and whether the account was turned away once.
    pub(crate) accounts: Mutex<BTreeMap<String, (u64, bool)>>,
    /// Zen and items by character.
    pub(crate) purses: Mutex<BTreeMap<u64, (u64, Vec<u64>)>>,
    pub(crate) minted: AtomicU64,
    pub(crate) ticks: AtomicU64,
    pub(crate) tokens: AtomicU64,
    pub(crate) endpoints: [SocketAddr; 2],
    sealer: Mutex<(TokenSealer, Random)>,
    pub(crate) stop: AtomicBool,
}

/// The server.
pub(crate) struct StandIn {
    pub(crate) url: String,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StandIn {
    pub(crate) fn start(faults: Faults) -> Self {
        let keys = HostKeys::from_master(&[7; 32], 1);
        let (worlds, endpoints) = world::bind();
        let shared = Arc::new(Shared {
            faults,
            accounts: Mutex::default(),
            purses: Mutex::default(),
            minted: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            tokens: AtomicU64::new(1),
            endpoints,
            sealer: Mutex::new((keys.sealer(), Random::from_seed([9; 32]))),
            stop: AtomicBool::new(false),
        });
        let (url, http) = http::serve(&shared);
        let udp = world::serve(worlds, &keys, &shared);
        Self { url, shared, threads: vec![http, udp] }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A panic of the stand-in has been printed; the test fails by what the run then reports.
            drop(thread.join());
        }
    }
}

impl Shared {
    /// A ticket for a character and an endpoint. The character's number is its account's too.
    pub(crate) fn ticket(&self, character: u64, shard: u8) -> mu_wire::ConnectTicket {
        let mut guard = lock(&self.sealer);
        let (sealer, random) = &mut *guard;
        let mut claims = TokenClaims { account: character, character, home_shard: shard, ..TokenClaims::default() };
        claims.token_id[..8].copy_from_slice(&self.tokens.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        claims.issued_s = mu_loadgen::clock::unix_micros() / 1_000_000;
        claims.expires_s = claims.issued_s + 20;
        sealer.seal(&claims, shard, random)
    }
}
