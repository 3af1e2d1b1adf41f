//! The control thread: tokio, the gateway, the directory.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use mu_config::Plan;
use mu_storage::event::ValueEvent;
use mu_storage::ids::Lsn;
use mu_storage::store::{Outcome, Role, open as open_store};
use mu_value::ValueStatus;
use mu_wire::HostKeys;
use serde_json::Value;
use tokio::sync::oneshot;

use super::keys::Keys;
use super::plan::Layout;
use super::threads::{Handle, Shards, Threads};
use super::{BootError, health};
use crate::directory::Directory;
use crate::gateway::{
    self, DatabaseOptions, DatabasePool, GatewayOptions, GatewayParts, JournalBusy, JournalClient, JournalPositions,
    OpsSource, PasswordOptions, PasswordPool, Readiness,
};
use crate::journal::ControlPort;
use crate::map::event_ids::EventIds;
use crate::ops::metrics;
use crate::ops::status::Sources;
use crate::runtime::Clock;
use crate::runtime::cores::spawn_pinned;

/// The instance number in the event ids of births; map instances count from 0.
const EVENT_SOURCE: u32 = u32::MAX;

/// The running control thread.
pub(super) struct Control {
    pub(super) thread: Handle<()>,
    pub(super) directory: Directory,
    pub(super) readiness: Arc<Readiness>,
    pub(super) address: SocketAddr,
    pub(super) sources: Sources,
    /// Sent or dropped, the gateway ends.
    pub(super) shutdown: oneshot::Sender<()>,
    pub(super) port: ControlPort,
}

/// Binds the gateway's port before anything depends on it.
pub(super) fn bind(address: SocketAddr) -> Result<TcpListener, BootError> {
    let failed = |source| BootError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// What the control thread is made from.
pub(super) struct ControlParts<'a> {
    pub(super) plan: &'a Plan,
    pub(super) listener: TcpListener,
    pub(super) keys: &'a Keys,
    pub(super) host: &'a Arc<HostKeys>,
    pub(super) layout: &'a Layout,
    pub(super) shards: &'a Shards,
    pub(super) boot: u32,
    pub(super) housekeeping: &'a [usize],
}

/// Starts the control thread.
pub(super) fn start(parts: ControlParts<'_>, threads: &mut Threads) -> Result<Control, BootError> {
    let settings = &parts.plan.settings;
    let address = parts.listener.local_addr().map_err(BootError::Thread)?;
    let sources = sources(&parts, threads);
    let directory = Directory::new(
        Arc::clone(&parts.layout.routes),
        &parts.plan.content,
        u32::from(settings.map.hard_cap),
        parts.shards.links.clone(),
    );
    let url = settings.store.url.clone();
    let database_options =
        DatabaseOptions { threads: usize::from(settings.gateway.database_threads), ..DatabaseOptions::default() };
    let database = DatabasePool::start(database_options, Arc::new(move || open_store(&url, Role::Gateway)))
        .map_err(BootError::Thread)?;
    let passwords = PasswordPool::start(&PasswordOptions::of(&settings.gateway)).map_err(BootError::Thread)?;
    let port = threads.control_port.take().expect("the control thread is started once");
    let (_, reports) = threads.reports.take().expect("the control thread is started once");
    let readiness = Arc::new(Readiness::default());
    let gateway = GatewayParts {
        options: GatewayOptions::of(settings),
        content: Arc::new(parts.plan.content.clone()),
        directory: directory.clone(),
        database,
        passwords,
        journal: Arc::new(Births::new(settings.host.realm, parts.boot, port.clone(), threads)),
        sealer: parts.host.sealer(),
        session_key: parts.keys.session,
        ops: Arc::new(Page(sources.clone())),
        readiness: Arc::clone(&readiness),
        stats: Arc::clone(&sources.gateway),
        unix_us: Arc::new(|| Clock::unix_ms() * 1_000),
    };
    let (shutdown, stopped) = oneshot::channel::<()>();
    let listener = parts.listener;
    let (for_reports, for_health, ready) = (directory.clone(), sources.clone(), Arc::clone(&readiness));
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                log::error!("the control thread has no runtime: {error}");
                return;
            }
        };
        runtime.block_on(async move {
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => {
                    log::error!("the gateway's socket cannot be used: {error}");
                    return;
                }
            };
            tokio::spawn(health::watch(for_health, for_reports.clone(), ready));
            tokio::spawn(for_reports.run(reports));
            gateway::serve(gateway, listener, async move {
                // Dropped means the same as sent.
                let _asked = stopped.await;
            })
            .await;
        });
    };
    let (thread, placed) = spawn_pinned("mu-control", parts.housekeeping, body).map_err(BootError::Thread)?;
    threads.placed.push(placed);
    Ok(Control { thread, directory, readiness, address, sources, shutdown, port })
}

/// Where status and metrics read.
fn sources(parts: &ControlParts<'_>, threads: &Threads) -> Sources {
    Sources {
        audit: Arc::clone(&threads.audit),
        backup: Arc::clone(&threads.backup),
        runtime: parts.shards.running.kinds().first().map_or("none", |kind| kind.word()),
        shards: parts.shards.published.clone(),
        value: Arc::clone(&threads.value),
        persist: Arc::clone(&threads.flushed),
        gateway: Arc::default(),
        pulses: parts.shards.running.pulses().to_vec(),
    }
}

/// The gateway's way to the journal.
struct Births {
    ids: Mutex<EventIds>,
    port: ControlPort,
    log_id: u128,
    value: Arc<ValueStatus>,
}

impl Births {
    fn new(realm: u32, boot: u32, port: ControlPort, threads: &Threads) -> Self {
        let ids = Mutex::new(EventIds::new(realm, boot, EVENT_SOURCE));
        Self { ids, port, log_id: threads.log_id, value: Arc::clone(&threads.value) }
    }
}

impl JournalClient for Births {
    fn next_event_id(&self) -> u128 {
        // Only the control thread asks, so the lock is never waited for; a panic there cannot leave the counter half moved.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).issue()
    }

    fn submit(&self, event: &ValueEvent) -> Result<oneshot::Receiver<Outcome>, JournalBusy> {
        self.port.submit(event, Clock::now()).map_err(|_busy| JournalBusy)
    }

    fn positions(&self) -> Option<JournalPositions> {
        // The decided one first: it can only grow towards the other in between.
        let applied = Lsn(self.value.applied_lsn.load(Relaxed));
        Some(JournalPositions { log_id: self.log_id, durable: Lsn(self.value.durable_lsn.load(Relaxed)), applied })
    }
}

/// What the operations paths show.
struct Page(Sources);

impl OpsSource for Page {
    fn status(&self) -> Value {
        self.0.status()
    }

    fn pending(&self) -> u64 {
        self.0.value.pending()
    }

    fn metrics(&self) -> String {
        metrics::render(&self.0)
    }
}
