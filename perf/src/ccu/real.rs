//! The product under the same load: the release server and the load generator, two processes on the same two CPUs.
//!
//! Each trial is a fresh server on an empty embedded store, so that no trial profits from the last one. The generator's own
//! judgement counts: a run it calls invalid is no run.

use std::error::Error;
use std::fs::{self, File};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mu_core::runtime::{Clock, cores};

use super::Cpus;

/// A server that is not ready after this long will not be.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Pause between two questions whether the server is ready.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Share of the ticks a server may leave out and still count as keeping up.
const SKIPPED_MOST: f64 = 0.001;
/// Exit code of the generator when it could not keep up itself.
const GENERATOR_BOUND: i32 = 98;

/// The two programs of the product, beside this one.
pub(crate) struct Binaries {
    server: PathBuf,
    generator: PathBuf,
}

/// What one run of the product showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RealResult {
    /// Time the shard worked in a tick.
    pub(crate) tick_p99_ms: f64,
    /// How late a step was, against the grid.
    lateness_p99_ms: f64,
    /// Share of the ticks that were left out.
    skipped: f64,
    /// Snapshots one client received each second.
    pub(crate) client_hz: f64,
    /// All bots stayed connected and the generator kept up.
    complete: bool,
    /// The generator did not keep up, so the run says nothing against the server.
    pub(crate) generator_bound: bool,
    /// CPU time of the server's process, in percent of one CPU.
    pub(crate) server_cpu_percent: f64,
    /// CPU time of the generator's process, in percent of one CPU.
    pub(crate) generator_cpu_percent: f64,
}

impl RealResult {
    /// Whether the server carried that many clients. Its tick is the simulation alone, while the raw loop's is all its work,
    /// so it must also be no later than a tick and leave none out.
    pub(crate) fn holds(&self) -> bool {
        let in_time = self.tick_p99_ms <= super::TICK_MS && self.lateness_p99_ms <= super::TICK_MS;
        self.complete && in_time && self.skipped <= SKIPPED_MOST && self.client_hz >= super::CLIENT_HZ
    }
}

impl Binaries {
    /// Finds them in the folder of this program.
    pub(crate) fn find() -> Result<Self, Box<dyn Error>> {
        let here = std::env::current_exe()?;
        let beside = |name: &str| {
            let path = here.with_file_name(name);
            if path.is_file() { Ok(path) } else { Err(format!("{} is not built", path.display())) }
        };
        Ok(Self { server: beside("mu-core")?, generator: beside("mu-loadgen")? })
    }

    /// Runs the server and this many bots for this long.
    pub(crate) fn trial(&self, dir: &Path, bots: u32, seconds: u64, cpus: Cpus) -> Result<RealResult, Box<dyn Error>> {
        let folder = tempfile::tempdir_in(dir)?;
        let (gateway, game) = free_ports()?;
        let config = folder.path().join("server.toml");
        fs::write(&config, settings(folder.path(), gateway, game, bots, cpus))?;
        let log = folder.path().join("server.log");
        let mut server = Command::new(&self.server);
        server.arg("serve").arg("--config").arg(&config).stdin(Stdio::null());
        server.stdout(File::create(&log)?).stderr(File::options().append(true).open(&log)?);
        let mut server = Running(server.spawn()?);
        server.await_ready(gateway, &log)?;

        let json = folder.path().join("run.json");
        let mut generator = Command::new(&self.generator);
        generator
            .args(["run", "--scenario", "ccu", "--seed", "1", "--gateway"])
            .arg(format!("http://127.0.0.1:{gateway}"));
        generator.args(["--bots", &bots.to_string(), "--seconds", &seconds.to_string(), "--json"]).arg(&json);
        generator.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(folder.path().join("bots.log"))?);
        // A child keeps the CPUs of the thread that starts it.
        let (starter, _) = cores::spawn_pinned("generator", &[cpus.clients], move || generator.status())?;
        let status =
            starter.join().map_err(|_| "the thread of the generator panicked")?.ok_or("it was not started")??;
        match fs::read_to_string(&json) {
            Ok(text) => read(&text, bots, status.code() == Some(GENERATOR_BOUND)),
            Err(_) => {
                let bots_log = fs::read_to_string(folder.path().join("bots.log")).unwrap_or_default();
                Err(format!("the load generator ended with {status} and no report\n{}", tail(&bots_log)).into())
            }
        }
    }
}

/// The figures of the generator's report.
fn read(json: &str, bots: u32, generator_bound: bool) -> Result<RealResult, Box<dyn Error>> {
    let report: serde_json::Value = serde_json::from_str(json)?;
    let number = |path: &str| report.pointer(path).and_then(serde_json::Value::as_f64);
    let required = |path: &'static str| number(path).ok_or(format!("the generator's report has no {path}"));
    let connected = required("/clients/connected")? >= f64::from(bots);
    let stayed = required("/clients/disconnected")? == 0.0;
    let generator_bound = generator_bound || report["valid"] != true;
    Ok(RealResult {
        // A run without ticks has none to show.
        tick_p99_ms: number("/server/tick_ms/p99").unwrap_or(f64::INFINITY),
        lateness_p99_ms: number("/server/lateness_ms/p99").unwrap_or(f64::INFINITY),
        skipped: required("/server/ticks_skipped")? / required("/server/ticks")?.max(1.0),
        client_hz: required("/snapshots/per_bot_hz")?,
        complete: connected && stayed && !generator_bound,
        generator_bound,
        server_cpu_percent: number("/server/cpu_percent").unwrap_or(0.0),
        generator_cpu_percent: number("/generator/cpu_percent").unwrap_or(0.0),
    })
}

fn settings(folder: &Path, gateway: u16, game: u16, bots: u32, cpus: Cpus) -> String {
    let folder = folder.display();
    let Cpus { server, clients } = cpus;
    let connections = bots + bots / 10 + 100;
    // The demo world has two entry points, and newcomers stand in the first map of either.
    let hard_cap = (connections / 2).max(350);
    // Passwords are hashed as cheaply as allowed: ten thousand logins are not what is measured.
    format!(
        "[udp]\nport = {game}\nconnections_max = {connections}\n\
         [gateway]\nbind = \"127.0.0.1:{gateway}\"\nlogin_per_minute = 1000000\nregister_per_minute = 1000000\n\
         argon2_memory_kib = 64\nargon2_iterations = 1\n\
         [map]\nhard_cap = {hard_cap}\n[cores]\nmap = [{server}]\nhousekeeping = [{clients}]\n\
         [store]\nurl = \"sqlite:{folder}/mu.db\"\n[wal]\ndir = \"{folder}/wal\"\n[keys]\nfile = \"{folder}/keys\"\n\
         [log]\nlevel = \"warn\"\n"
    )
}

/// A port for HTTP and one for the game that nobody has now.
fn free_ports() -> Result<(u16, u16), Box<dyn Error>> {
    let gateway = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    Ok((gateway, UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port()))
}

/// The last lines of a log, enough to see why.
fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

/// A child that does not outlive its owner.
struct Running(Child);

impl Running {
    #[expect(clippy::disallowed_methods, reason = "a foreign process says that it is ready only when asked over HTTP")]
    fn await_ready(&mut self, gateway: u16, log: &Path) -> Result<(), Box<dyn Error>> {
        let url = format!("http://127.0.0.1:{gateway}/readyz");
        let end = Clock::now() + READY_WITHIN;
        while Clock::now() < end {
            if ureq::get(&url).call().is_ok() {
                return Ok(());
            }
            if let Some(status) = self.0.try_wait()? {
                let log = fs::read_to_string(log).unwrap_or_default();
                return Err(format!("the server ended with {status}\n{}", tail(&log)).into());
            }
            std::thread::sleep(ASK_EVERY);
        }
        let log = fs::read_to_string(log).unwrap_or_default();
        Err(format!("the server was not ready after {READY_WITHIN:?}\n{}", tail(&log)).into())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What is measured is over and the folder is thrown away, so it need not stop in order; it may also have ended itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{ "valid": true, "clients": { "connected": 100, "disconnected": 0 },
        "snapshots": { "per_bot_hz": 19.9 }, "server": { "tick_ms": { "p99": 12.5 }, "lateness_ms": { "p99": 3.5 }, "ticks": 200, "ticks_skipped": 0 } }"#;

    #[test]
    fn a_report_holds_only_if_all_bots_stayed_and_the_generator_kept_up() {
        assert!(read(REPORT, 100, false).expect("complete").holds());
        assert!(!read(REPORT, 101, false).expect("complete").holds(), "one never connected");
        assert!(!read(REPORT, 100, true).expect("complete").holds(), "the generator was the limit");
        assert!(!read(&REPORT.replace("12.5", "50.1"), 100, false).expect("complete").holds(), "late ticks");
        assert!(!read(&REPORT.replace("3.5", "50.1"), 100, false).expect("complete").holds(), "late steps");
        let skipping = REPORT.replace("\"ticks_skipped\": 0", "\"ticks_skipped\": 1");
        assert!(!read(&skipping, 100, false).expect("complete").holds(), "ticks left out");
        assert!(!read(&REPORT.replace("19.9", "18.9"), 100, false).expect("complete").holds(), "snapshots are missing");
        assert!(read("{}", 100, false).is_err(), "a report without figures is no report");
    }

    #[test]
    fn the_settings_are_what_the_server_accepts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("server.toml");
        fs::write(&path, settings(folder.path(), 7_080, 7_700, 10_000, Cpus { server: 1, clients: 0 }))
            .expect("written");
        let plan = mu_config::load(&path, [], [""; 0]).map_err(|diagnostics| diagnostics.to_string());
        assert_eq!(plan.map(|plan| plan.settings.udp.connections_max), Ok(11_100));
    }
}
