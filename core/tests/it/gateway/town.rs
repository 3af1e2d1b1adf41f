//! One running gateway with everything around it, and the handles a test pulls.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use mu_config::{Content, Settings};
use mu_core::directory::{Directory, REPORTS_MAX, RouteTable, ShardLink, place_instances};
use mu_core::gateway::{
    DatabaseOptions, DatabasePool, GatewayOptions, GatewayParts, GatewayStats, OpsSource, PasswordOptions,
    PasswordPool, RateLimit, Readiness, serve,
};
use mu_core::shard::command::{Report, ShardId};
use mu_storage::store::{Role, Store, open};
use mu_wire::HostKeys;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use super::api::Api;
use super::shard::{Manner, Shard};
use super::store::{Journal, Switched};

/// Where the clock of every test begins, in microseconds of Unix time.
const NOW_US: u64 = 1_700_000_000_000_000;

/// What a test may want to be otherwise.
pub(crate) struct Plan {
    pub(crate) hard_cap: u32,
    pub(crate) logins_at_once: u32,
    pub(crate) registers_at_once: u32,
    pub(crate) leave_patience: Duration,
    pub(crate) body_limit_bytes: usize,
    pub(crate) head_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) connections_max: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            hard_cap: 100,
            logins_at_once: 10_000,
            registers_at_once: 10_000,
            leave_patience: Duration::from_secs(10),
            body_limit_bytes: 4_096,
            head_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(15),
            connections_max: 1_000,
        }
    }
}

/// A running gateway over two shards.
pub(crate) struct Town {
    pub(crate) api: Api,
    pub(crate) address: SocketAddr,
    pub(crate) directory: Directory,
    pub(crate) manner: Arc<Manner>,
    pub(crate) shards: Vec<Shard>,
    pub(crate) reports: mpsc::Sender<Report>,
    pub(crate) away: Arc<AtomicBool>,
    pub(crate) readiness: Arc<Readiness>,
    now_us: Arc<AtomicU64>,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Town {
    /// A gateway over a fresh store in `folder`.
    pub(crate) fn start(folder: &TempDir) -> Self {
        Self::start_with(folder.path(), &Plan::default())
    }

    pub(crate) fn start_with(folder: &Path, plan: &Plan) -> Self {
        let url = format!("sqlite:{}", folder.join("mu.db").display());
        open(&url, Role::Tool).unwrap().migrate().unwrap();
        let content = Arc::new(Content::demo());

        let manner = Arc::new(Manner::default());
        let (reports, reports_in) = mpsc::channel(REPORTS_MAX);
        let shards: Vec<Shard> = (0..2).map(|_| Shard::start(Arc::clone(&manner), reports.clone())).collect();
        let endpoint = |shard: ShardId| SocketAddr::from(([127, 0, 0, 1], 7_700 + u16::from(shard.0)));
        let links = shards.iter().zip(0u8..).map(|(shard, id)| ShardLink {
            shard: ShardId(id),
            endpoint: endpoint(ShardId(id)),
            commands: shard.commands.clone(),
        });
        let placed = place_instances(&content.worlds, 2);
        let routes = Arc::new(RouteTable::new(&placed, |shard| Some(endpoint(shard))));
        let directory = Directory::new(routes, &content, plan.hard_cap, links.collect());

        let away = Arc::new(AtomicBool::new(false));
        let now_us = Arc::new(AtomicU64::new(NOW_US));
        let readiness = Arc::new(Readiness::default());
        readiness.replay_done.store(true, Ordering::SeqCst);
        readiness.shards_ticking.store(true, Ordering::SeqCst);
        let parts = GatewayParts {
            options: options(plan),
            content,
            directory: directory.clone(),
            database: database(&url, &away),
            passwords: PasswordPool::start(&PasswordOptions {
                memory_kib: 64,
                passes: 1,
                ..PasswordOptions::default()
            })
            .unwrap(),
            journal: Arc::new(Journal::start(&url)),
            sealer: HostKeys::from_master(&[3; 32], 1).sealer(),
            session_key: [5; 32],
            ops: Arc::new(Figures),
            readiness: Arc::clone(&readiness),
            stats: Arc::new(GatewayStats::default()),
            unix_us: {
                let now_us = Arc::clone(&now_us);
                Arc::new(move || now_us.load(Ordering::SeqCst))
            },
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = std::thread::spawn(move || run(parts, listener, reports_in, stopped));
        Self {
            api: Api::new(address),
            address,
            directory,
            manner,
            shards,
            reports,
            away,
            readiness,
            now_us,
            url,
            stop: Some(stop),
            server: Some(server),
        }
    }

    /// Moves the gateway's clock.
    pub(crate) fn pass(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap();
        self.now_us.fetch_add(us, Ordering::SeqCst);
    }

    /// The shard an answer of `select` leads to.
    pub(crate) fn shard_of(&self, answer: &Value) -> &Shard {
        let endpoint: SocketAddr = answer["endpoint"].as_str().unwrap().parse().unwrap();
        &self.shards[usize::from(endpoint.port() - 7_700)]
    }

    /// A connection of its own to the store.
    pub(crate) fn store(&self) -> Box<dyn Store> {
        open(&self.url, Role::Tool).unwrap()
    }

    /// Tells the server to stop.
    pub(crate) fn begin_stop(&mut self) {
        let stop = self.stop.take().expect("stopped once");
        stop.send(()).expect("the server runs");
    }

    /// Stops the server and everything around it.
    pub(crate) fn stop(mut self) {
        if self.stop.is_some() {
            self.begin_stop();
        }
        let server = self.server.take().expect("stopped once");
        server.join().expect("the server ends well");
        drop(self.directory);
        for shard in self.shards {
            shard.join();
        }
    }
}

fn run(parts: GatewayParts, listener: TcpListener, reports: mpsc::Receiver<Report>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let consumer = tokio::spawn(parts.directory.clone().run(reports));
        serve(parts, listener, async {
            let _dropped_too = stopped.await;
        })
        .await;
        consumer.abort();
    });
}

fn options(plan: &Plan) -> GatewayOptions {
    let at_once = |requests: u32| RateLimit { per_minute: NonZeroU32::MIN, burst: NonZeroU32::new(requests).unwrap() };
    let mut options = GatewayOptions::of(&Settings::default());
    options.login = at_once(plan.logins_at_once);
    options.register = at_once(plan.registers_at_once);
    options.leave_patience = plan.leave_patience;
    options.body_limit_bytes = plan.body_limit_bytes;
    options.head_timeout = plan.head_timeout;
    options.request_timeout = plan.request_timeout;
    options.connections_max = plan.connections_max;
    options
}

fn database(url: &str, away: &Arc<AtomicBool>) -> DatabasePool {
    let (url, away) = (url.to_owned(), Arc::clone(away));
    let open_switched = move || {
        let inner = open(&url, Role::Gateway)?;
        let away = Arc::clone(&away);
        Ok(Box::new(Switched { inner, away }) as Box<dyn Store>)
    };
    DatabasePool::start(DatabaseOptions::default(), Arc::new(open_switched)).unwrap()
}

struct Figures;

impl OpsSource for Figures {
    fn status(&self) -> Value {
        json!({ "tick": 7 })
    }

    fn pending(&self) -> u64 {
        3
    }

    fn metrics(&self) -> String {
        "mu_ticks_total 7\n".to_owned()
    }
}
