//! The order of start (UC-01) and of stop (UC-14).
//!
//! [`start`] reads as that order. The journal is opened and everything undecided is decided before the first shard runs,
//! and the gateway listens last: whoever gets an answer can play.

pub mod keys;

mod control;
mod health;
mod plan;
mod running;
mod threads;
mod value;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use mu_config::{Plan, Settings};
use mu_storage::error::StoreError;
use mu_value::RecoverError;
use mu_wire::HostKeys;

use crate::runtime::cores::{self, CorePlanError};
use crate::runtime::{Clock, StartError};
use control::ControlParts;

pub use running::{Running, StopReport};
pub(crate) use value::open as open_value;

/// Why the server did not start; each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The CPUs asked for cannot be had.
    #[error(transparent)]
    Cores(#[from] CorePlanError),
    /// The key file.
    #[error(transparent)]
    Keys(#[from] keys::KeyError),
    /// The store, after waiting for it.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// The journal, or what it holds undecided.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The shards.
    #[error(transparent)]
    Runtime(#[from] StartError),
    /// The gateway's address.
    #[error("the gateway cannot listen on {address}: {source}; choose another gateway.bind")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of captures.
    #[error(transparent)]
    Capture(#[from] crate::capture::CaptureError),
    /// A thread.
    #[error("a thread could not be started or pinned: {0}")]
    Thread(#[source] io::Error),
}

/// What an operator decides at the command line, not in the configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct BootOptions {
    /// Begin a new journal although the store has applied one that is gone.
    pub accept_lost_journal: bool,
}

/// The protocol keys of a host with these settings and secrets.
#[must_use]
pub fn host_keys(settings: &Settings, keys: &keys::Keys) -> HostKeys {
    let (current, previous) = (settings.keys.token_key, settings.keys.token_key.wrapping_sub(1));
    HostKeys::from_master(&keys.master, settings.host.realm).with_key_ids(current, Some(previous))
}

/// Starts a server.
///
/// # Errors
/// See [`BootError`]; whatever was started before is stopped again.
pub fn start(plan: &Plan, options: BootOptions) -> Result<Running, BootError> {
    let settings = &plan.settings;
    let cores = cores::plan(&settings.cores.map, &settings.cores.housekeeping)?;
    // Every thread started from here on inherits this; shards pin themselves elsewhere.
    let main = cores::pin_current("mu-main", &cores.housekeeping).map_err(BootError::Thread)?;
    let keys = keys::load_or_create(&settings.keys.file)?;
    let host = Arc::new(host_keys(settings, &keys));

    let opened = value::open(settings, options)?;
    let boot = opened.boot;
    let layout = plan::layout(plan, &cores, boot, Clock::now());
    let mut threads = threads::Threads::start(settings, opened, layout.shards.len(), &cores)?;
    threads.placed.push(main);

    let gateway = control::bind(settings.gateway.bind)?;
    let shards = threads.start_shards(settings, &layout, &host, &cores)?;
    let parts = ControlParts {
        plan,
        listener: gateway,
        keys: &keys,
        host: &host,
        layout: &layout,
        shards: &shards,
        boot,
        housekeeping: &cores.housekeeping,
    };
    let control = control::start(parts, &mut threads)?;
    control.readiness.replay_done.store(true, Relaxed);
    Ok(Running::new(threads, shards, control, boot, cores.housekeeping))
}
