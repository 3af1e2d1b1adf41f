//! A server's folder: configuration, keys, journal, store; and the commands an operator would give in it.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::pause::until;
use super::process::{Process, Programs};
use super::{Broken, StoreKind, broken, private_store};
use mu_storage::testing::PrivatePostgres;
use mu_storage::testing::cut::CutProxy;

/// Two shards, so that portals cross between them.
const SHARDS: u16 = 2;

/// From a start to `readyz`, recovery included.
const START_MAX: Duration = Duration::from_secs(30);

/// A configured server that is not running yet.
pub struct Site {
    folder: TempDir,
    programs: Programs,
    gateway: u16,
    /// The store's own server, if it has one.
    pub postgres: Option<PrivatePostgres>,
    url: String,
    runs: u32,
    crowds: u32,
}

impl Site {
    /// Writes the configuration of a server on free ports of the loopback address.
    ///
    /// # Errors
    /// When the folder or the store cannot be made.
    pub fn new(store: StoreKind, programs: Programs, runtime: &str) -> Result<Self, Broken> {
        let folder = tempfile::tempdir().map_err(|error| broken("a temporary folder", error))?;
        let postgres = private_store(store);
        let url = postgres
            .as_ref()
            .map_or_else(|| format!("sqlite:{}", folder.path().join("mu.db").display()), PrivatePostgres::url);
        let gateway = free_tcp()?;
        let udp = free_udp()?;
        let text = format!(
            "runtime = \"{runtime}\"\n[host]\nname = \"crash-test\"\n\
             [udp]\nbind = \"127.0.0.1\"\nport = {udp}\nconnections_max = 512\n\
             [gateway]\nbind = \"127.0.0.1:{gateway}\"\nlogin_per_minute = 1000000\nregister_per_minute = 1000000\n\
             argon2_memory_kib = 64\nargon2_iterations = 1\n\
             [cores]\nmap = [0, 1]\nhousekeeping = [0, 1]\n\
             [flush]\ntick_ms = 500\n\
             [store]\nurl = \"{url}\"\n\
             [wal]\ndir = \"wal\"\nsegment_mib = 1\n\
             [keys]\nfile = \"keys\"\n"
        );
        fs::write(folder.path().join("mu-core.toml"), text).map_err(|error| broken("the configuration", error))?;
        Ok(Self { folder, programs, gateway, postgres, url, runs: 0, crowds: 0 })
    }

    /// From now on the server and its commands reach the store through a proxy that can lose commits.
    ///
    /// # Errors
    /// When the store has no server of its own, or the configuration cannot be written again.
    pub(crate) fn put_proxy_before_store(&self) -> Result<CutProxy, Broken> {
        let server = self.postgres.as_ref().ok_or_else(|| broken("the store", "has no server of its own"))?;
        let proxy = CutProxy::before(server);
        let text = fs::read_to_string(self.config()).map_err(|error| broken("the configuration", error))?;
        fs::write(self.config(), text.replace(&self.url, &proxy.url()))
            .map_err(|error| broken("the configuration", error))?;
        Ok(proxy)
    }

    /// The server's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The address of its store.
    #[must_use]
    pub fn store_url(&self) -> &str {
        &self.url
    }

    /// The server's program.
    pub(crate) fn server_program(&self) -> &Path {
        &self.programs.server
    }

    pub(crate) fn config(&self) -> String {
        self.folder.path().join("mu-core.toml").display().to_string()
    }

    pub(crate) fn gateway(&self) -> String {
        format!("http://127.0.0.1:{}", self.gateway)
    }

    /// Starts the server and waits until players can log in.
    pub(crate) fn start_server(&mut self) -> Result<Process, Broken> {
        self.start_server_with(&[])
    }

    /// The same with variables of its environment.
    pub(crate) fn start_server_with(&mut self, environment: &[(&str, String)]) -> Result<Process, Broken> {
        let mut server = self.launch_server(environment)?;
        let ready = until("a ready server", START_MAX, || match server.ended() {
            Some(status) => Some(Err(Broken(format!("the server ended with {status}")))),
            None => self.ask("/readyz").ok().map(|_| Ok(())),
        });
        match ready {
            Ok(Ok(())) => Ok(server),
            Ok(Err(error)) | Err(error) => Err(server.with_output(error)),
        }
    }

    /// Starts the server with variables of its environment and does not wait for it.
    pub(crate) fn launch_server(&mut self, environment: &[(&str, String)]) -> Result<Process, Broken> {
        self.runs += 1;
        let output = self.folder.path().join(format!("server-{}.txt", self.runs));
        Process::start_with(&self.programs.server, &["serve", "--config", &self.config()], environment, output)
    }

    /// Starts bots that log what they are told about their trades and where they stood.
    pub(crate) fn start_bots(&self, bots: u32, scenario: &str, seed: u64, files: &BotFiles) -> Result<Process, Broken> {
        self.start_bots_for(bots, (scenario, 600), seed, files)
    }

    /// Starts bots for a number of seconds, after which they report and leave.
    pub(crate) fn start_bots_for(
        &self,
        bots: u32,
        (scenario, seconds): (&str, u32),
        seed: u64,
        files: &BotFiles,
    ) -> Result<Process, Broken> {
        let output = self.folder.path().join(format!("bots-{}.txt", self.runs));
        let arguments = [
            "run",
            "--gateway",
            &self.gateway(),
            "--bots",
            &bots.to_string(),
            "--seconds",
            &seconds.to_string(),
            "--scenario",
            scenario,
            "--seed",
            &seed.to_string(),
            "--password",
            "crash-test",
            "--trades",
            &files.told.display().to_string(),
            "--standing",
            &files.standing.display().to_string(),
            "--json",
            &files.report.display().to_string(),
        ];
        Process::start(&self.programs.bots, &arguments, output)
    }

    /// The files of the next bots: names that no others had.
    pub(crate) fn bot_files(&mut self) -> BotFiles {
        self.crowds += 1;
        let file = |name: &str| self.folder.path().join(name.replace('#', &self.crowds.to_string()));
        BotFiles { told: file("told-#.jsonl"), standing: file("standing-#.jsonl"), report: file("report-#.json") }
    }

    /// `mu-core audit` with everything players were told so far; fails unless every invariant holds.
    pub(crate) fn audit(&self, told: &[PathBuf]) -> Result<(), Broken> {
        let mut command = Command::new(&self.programs.server);
        command.args(["audit", "--config", &self.config()]);
        for file in told.iter().filter(|file| file.exists()) {
            command.arg("--told").arg(file);
        }
        let output = command.output().map_err(|error| broken("mu-core audit", error))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(Broken(format!("the audit fails with {}:\n{said}{errors}", output.status)))
    }

    /// A JSON answer of the gateway.
    pub(crate) fn ask(&self, path: &str) -> Result<Value, Broken> {
        let mut answer = ureq::get(format!("{}{path}", self.gateway())).call().map_err(|error| broken(path, error))?;
        answer.body_mut().read_json().map_err(|error| broken(path, error))
    }

    /// A number in the gateway's answer to `path`.
    pub(crate) fn number(&self, path: &str, pointer: &str) -> Result<u64, Broken> {
        let answer = self.ask(path)?;
        answer
            .pointer(pointer)
            .and_then(Value::as_u64)
            .ok_or_else(|| Broken(format!("{path} has no number at {pointer}: {answer}")))
    }

    /// The failure with the server's own figures.
    pub(crate) fn with_status(&self, error: Broken) -> Broken {
        let status = match self.ask("/v1/ops/status") {
            Ok(status) => format!("{status:#}"),
            Err(silent) => silent.0,
        };
        Broken(format!("{error}\n--- the server's figures ---\n{status}"))
    }

    /// Keeps the folder for somebody to look at.
    pub(crate) fn keep(self, to: &Path) {
        let from = self.folder.keep();
        // Another file system: the folder stays where it is.
        let kept = if fs::rename(&from, to).is_ok() { to } else { &from };
        log::info!("the run's folder is kept: {}", kept.display());
    }
}

/// What bots write during a run.
#[derive(Debug, Clone)]
pub(crate) struct BotFiles {
    /// What they were told about their trades.
    pub(crate) told: PathBuf,
    /// Where they stood when their connection ended.
    pub(crate) standing: PathBuf,
    /// Their report, if they ended by themselves.
    pub(crate) report: PathBuf,
}

fn free_tcp() -> Result<u16, Broken> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|socket| socket.local_addr())
        .map(|address| address.port())
        .map_err(|error| broken("a free port", error))
}

/// The first of [`SHARDS`] free neighbours.
fn free_udp() -> Result<u16, Broken> {
    for _ in 0..100 {
        let first = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| broken("a free port", error))?;
        let port = first.local_addr().map_err(|error| broken("a free port", error))?.port();
        let neighbours_free = (1..SHARDS).all(|next| {
            port.checked_add(next).is_some_and(|next| UdpSocket::bind((Ipv4Addr::LOCALHOST, next)).is_ok())
        });
        if neighbours_free {
            return Ok(port);
        }
    }
    Err(Broken("no two neighbouring UDP ports are free".to_owned()))
}
