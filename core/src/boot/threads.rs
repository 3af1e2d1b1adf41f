//! The threads beside the shards, and the rings between all of them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use mu_config::{Runtime, Settings};
use mu_storage::event::EventKind;
use mu_storage::ids::IdBlock;
use mu_value::ValueStatus;
use mu_wire::HostKeys;
use rtrb::{Consumer, Producer, RingBuffer};
use tokio::sync::mpsc;

use super::BootError;
use super::plan::Layout;
use super::value::Opened;
use crate::backup::schedule::{self, BackupStatus, Schedule};
use crate::capture::{self, Outlet};
use crate::directory::{COMMANDS_MAX, REPORTS_MAX, ShardLink};
use crate::journal::{
    APPLY_QUEUE_MAX, ApplierParts, ControlPort, ShardPort, WalAck, WriterParts, journal_ports, run_applier, run_writer,
};
use crate::ops::auditor::{self, AuditStatus};
use crate::persist::{PersistParts, PersistStatus, Row, persist_ring, run_persist, uid_ring};
use crate::runtime::cores::{CorePlan, Placed, spawn_pinned};
use crate::runtime::{self, Cause, RuntimeChoice, RuntimeOptions, ShardEnd, ShardLoop, ShardSpec};
use crate::shard::command::Report;
use crate::shard::figures::{Published, ShardFigures};
use crate::shard::{ShardPlan, ShardSeams, StopFlag, build, peer_links};

/// What the main thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wakeup {
    /// TERM, INT or the program itself; true to skip the notice.
    Stop(bool),
    /// A shard ended by itself: a panic.
    ShardFailed(u8),
}

/// A joinable thread that returns `T`.
pub(super) type Handle<T> = JoinHandle<Option<T>>;

/// The running threads and what is shared with them.
pub(super) struct Threads {
    pub(super) writer: Handle<()>,
    pub(super) applier: Handle<()>,
    pub(super) persist: Handle<usize>,
    /// Writes captures, if there are any.
    pub(super) capture: Option<Handle<()>>,
    /// The journal's name.
    pub(super) log_id: u128,
    pub(super) value: Arc<ValueStatus>,
    pub(super) flushed: Arc<PersistStatus>,
    pub(super) backup: Arc<BackupStatus>,
    pub(super) audit: Arc<AuditStatus>,
    pub(super) control_port: Option<ControlPort>,
    pub(super) reports: Option<(mpsc::Sender<Report>, mpsc::Receiver<Report>)>,
    pub(super) stop: StopFlag,
    pub(super) give_up: Arc<AtomicBool>,
    pub(super) wake: std_mpsc::Sender<Wakeup>,
    pub(super) wakeups: std_mpsc::Receiver<Wakeup>,
    pub(super) placed: Vec<Placed>,
    ports: Vec<ShardPort>,
    rows: Vec<Producer<Row>>,
    outlets: Vec<Outlet>,
    uids: Vec<Consumer<IdBlock>>,
}

/// The running shards.
pub(super) struct Shards {
    pub(super) running: runtime::Running,
    pub(super) links: Vec<ShardLink>,
    pub(super) published: Vec<Published>,
}

impl Threads {
    /// Starts the wal thread, the applier and the persist thread.
    pub(super) fn start(
        settings: &Settings,
        opened: Opened,
        shards: usize,
        cores: &CorePlan,
    ) -> Result<Self, BootError> {
        let cpus = &cores.housekeeping;
        let net = &settings.net;
        let folder = net.capture.as_ref();
        let recording =
            folder.map(|folder| capture::open(folder, opened.boot, shards, u64::from(net.capture_mib) << 20));
        let (files, outlets) = recording.transpose()?.unzip();
        let value = Arc::new(ValueStatus::default());
        value.durable_lsn.store(opened.recovered.safe.0, Relaxed);
        value.applied_lsn.store(opened.recovered.safe.0, Relaxed);
        value.safe_lsn.store(opened.recovered.safe.0, Relaxed);
        value.replayed.store(opened.recovered.replayed.len() as u64, Relaxed);
        let give_up = Arc::new(AtomicBool::new(false));
        let (ports, control_port, ends, completions) = journal_ports(shards, wal_ack(settings));
        let safe = opened.recovered.safe;
        let log_id = opened.recovered.journal.log_id().0;
        let (logged, to_apply) = RingBuffer::new(APPLY_QUEUE_MAX);
        let writer = WriterParts { journal: opened.recovered.journal, ends, logged, status: Arc::clone(&value) };
        let applier = ApplierParts {
            store: opened.applier,
            safe,
            logged: to_apply,
            completions,
            status: Arc::clone(&value),
            give_up: Arc::clone(&give_up),
        };
        let flushed = Arc::new(PersistStatus::default());
        let (reports, for_directory) = mpsc::channel(REPORTS_MAX);
        let (rows, rings) = (0..shards).map(|_| persist_ring(settings.udp.connections_max as usize * 4)).unzip();
        let (uid_rings, uids) = (0..shards).map(|_| uid_ring()).unzip();
        let persist = PersistParts {
            store: opened.flusher,
            rings,
            uids: uid_rings,
            reports: reports.clone(),
            status: Arc::clone(&flushed),
            flush_every: Duration::from_millis(u64::from(settings.flush.tick_ms)),
            lag_max: Duration::from_millis(u64::from(settings.flush.max_lag_ms)),
            batch_max: usize::from(settings.flush.batch),
            give_up: Arc::clone(&give_up),
        };
        let mut placed = Vec::new();
        let writer = spawn("mu-wal", cpus, &mut placed, move || run_writer(writer))?;
        let applier = spawn("mu-applier", cpus, &mut placed, move || run_applier(applier))?;
        let persist = spawn("mu-persist", cpus, &mut placed, move || run_persist(persist))?;
        let capture = files.map(|files| spawn("mu-capture", cpus, &mut placed, move || files.run())).transpose()?;
        let (backup, audit) = start_keepers(settings, &value, cpus, &mut placed)?;
        let (wake, wakeups) = std_mpsc::channel();
        Ok(Self {
            writer,
            applier,
            persist,
            capture,
            log_id,
            value,
            flushed,
            backup,
            audit,
            control_port: Some(control_port),
            reports: Some((reports, for_directory)),
            stop: StopFlag::default(),
            give_up,
            wake,
            wakeups,
            placed,
            ports,
            rows,
            outlets: outlets.unwrap_or_default(),
            uids,
        })
    }

    /// Starts every shard on its CPU and waits until each is ready.
    pub(super) fn start_shards(
        &mut self,
        settings: &Settings,
        layout: &Layout,
        host: &Arc<HostKeys>,
        cores: &CorePlan,
    ) -> Result<Shards, BootError> {
        let mut specs = Vec::new();
        let mut links = Vec::new();
        let mut published = Vec::new();
        let peers = peer_links(layout.shards.len());
        let ends = self.ports.drain(..).zip(self.rows.drain(..)).zip(self.uids.drain(..)).zip(peers);
        let mut outlets = self.outlets.drain(..);
        for (plan, (((value, rows), uids), peers)) in layout.shards.iter().zip(ends) {
            let endpoint = super::plan::endpoint(settings, plan.shard);
            let (commands, for_shard) = mpsc::channel(COMMANDS_MAX);
            let mut figures = ShardFigures::new(plan.shard, endpoint);
            figures.cpu = Some(plan.cpu);
            let page: Published = Arc::new(ArcSwap::from_pointee(figures));
            links.push(ShardLink { shard: plan.shard, endpoint, commands });
            published.push(Arc::clone(&page));
            let reports = self.reports.as_ref().map(|(sender, _)| sender.clone());
            let seams = ShardSeams {
                keys: Arc::clone(host),
                sealer: host.sealer(),
                routes: Arc::clone(&layout.routes),
                peers,
                commands: for_shard,
                reports: reports.expect("the control thread, which takes the receiver, starts after the shards"),
                rows,
                uids,
                value,
                value_status: Arc::clone(&self.value),
                published: page,
                capture: outlets.next(),
                stop: self.stop.clone(),
            };
            specs.push(spec(plan.clone(), seams));
        }
        let wake = self.wake.clone();
        let mut options = RuntimeOptions::new(choice(settings.runtime), cores.housekeeping.clone());
        options.origin = layout.origin;
        options.on_end = Arc::new(move |end: &ShardEnd| {
            if matches!(end.cause, Cause::Panicked(_)) {
                // Without a listener the process is ending already.
                let _ending = wake.send(Wakeup::ShardFailed(end.shard));
            }
        });
        let running = runtime::start(specs, &options)?;
        self.placed.extend(running.placed().iter().cloned());
        Ok(Shards { running, links, published })
    }
}

fn wal_ack(settings: &Settings) -> WalAck {
    // The settings accept the names of such kinds only.
    WalAck::of(settings.value.wal_ack.iter().filter_map(|name| EventKind::from_name(name)))
}

fn choice(configured: Runtime) -> RuntimeChoice {
    match configured {
        Runtime::Auto => RuntimeChoice::Auto,
        Runtime::Glommio => RuntimeChoice::Glommio,
        Runtime::Mio => RuntimeChoice::Mio,
    }
}

fn spec(plan: ShardPlan, seams: ShardSeams) -> ShardSpec {
    let (shard, cpu) = (plan.shard.0, plan.cpu);
    let build = Box::new(move || build(&plan, seams).map(|shard| Box::new(shard) as Box<dyn ShardLoop>));
    ShardSpec { shard, cpu, build }
}

/// Starts the threads that make backups and look at the books, as far as the settings ask for them. Neither is joined: a stop
/// does not wait for a backup, and the other one only reads.
fn start_keepers(
    settings: &Settings,
    value: &Arc<ValueStatus>,
    cpus: &[usize],
    placed: &mut Vec<Placed>,
) -> Result<(Arc<BackupStatus>, Arc<AuditStatus>), BootError> {
    let (backup, audit) = (Arc::<BackupStatus>::default(), Arc::<AuditStatus>::default());
    if let Some(schedule) = Schedule::of(settings) {
        let (value, status) = (Arc::clone(value), Arc::clone(&backup));
        let _detached = spawn("mu-backup", cpus, placed, move || schedule::run(schedule, &value, status))?;
    }
    if settings.value.audit_seconds > 0 {
        let every = Duration::from_secs(u64::from(settings.value.audit_seconds));
        let (url, value, status) = (settings.store.url.clone(), Arc::clone(value), Arc::clone(&audit));
        let _detached = spawn("mu-auditor", cpus, placed, move || auditor::run(&url, every, &value, &status))?;
    }
    Ok((backup, audit))
}

fn spawn<T: Send + 'static>(
    name: &str,
    cpus: &[usize],
    placed: &mut Vec<Placed>,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<Handle<T>, BootError> {
    let (handle, place): (_, Placed) =
        spawn_pinned(name, cpus, body).map_err(|error: io::Error| BootError::Thread(error))?;
    placed.push(place);
    Ok(handle)
}
