//! A private PostgreSQL server for tests: its own cluster in a temporary folder, reached over a Unix socket in that folder,
//! so that nothing that already runs on the machine is used or touched. It can be killed and started again.
//!
//! The server programs come from the distribution's `postgresql` package. Without them a test fails and says so; it is
//! never skipped.

pub mod cut;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

/// The database's own name for a running server.
const READY: &str = "database system is ready to accept connections";
/// Starts tried after a kill: the old server's children may still hold its memory for a moment.
const STARTS: usize = 100;

/// How a private server is set up.
#[derive(Debug, Clone, Copy)]
pub struct PostgresOptions {
    /// Whether commits reach the disk. Off is only for tests that never kill the machine and want speed.
    pub fsync: bool,
    /// More of the server's settings, `name=value`.
    pub settings: &'static [&'static str],
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { fsync: true, settings: &[] }
    }
}

/// A running private server; stopped and removed when dropped.
#[derive(Debug)]
pub struct PrivatePostgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    options: PostgresOptions,
    server: Option<Child>,
}

impl PrivatePostgres {
    /// Creates a cluster and starts its server with the default options.
    ///
    /// # Panics
    ///
    /// With what to install or what the server said, if it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(PostgresOptions::default())
    }

    /// Creates a cluster and starts its server.
    ///
    /// # Panics
    ///
    /// With what to install or what the server said, if it cannot be started.
    #[must_use]
    pub fn start_with(options: PostgresOptions) -> Self {
        let programs = programs()
            .unwrap_or_else(|| panic!("PostgreSQL's server programs are not installed: apt-get install -y postgresql"));
        let folder = tempfile::Builder::new().prefix("mu-pg-").tempdir().expect("a temporary folder");
        let user = unprivileged_user();
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).expect("the folder is ours to give away");
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).expect("the folder exists");
        let mut this = Self { folder, programs, user, options, server: None };
        this.create_cluster();
        this.restart();
        this
    }

    /// The address for [`crate::store::open`].
    #[must_use]
    pub fn url(&self) -> String {
        Self::url_in(self.folder.path())
    }

    /// The address of a server whose socket lies in `folder`.
    #[must_use]
    pub fn url_in(folder: &Path) -> String {
        format!("postgres://mu@/postgres?host={}", folder.display())
    }

    /// The folder of the server's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    /// Kills the server and its children as a crash would, and returns when the server is gone.
    pub fn kill(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let pid = server.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        signal("KILL", &format!("{pid} {children}"));
        server.wait().expect("the server is our child");
    }

    /// Starts the server again on the same cluster; returns when it accepts connections.
    ///
    /// # Panics
    ///
    /// With what the server said, if it does not start.
    pub fn restart(&mut self) {
        self.kill();
        let mut said = String::new();
        for _ in 0..STARTS {
            let server = self.spawn();
            let server = self.server.insert(server);
            said.clear();
            if ready(server, &mut said) {
                return;
            }
            self.kill();
        }
        panic!("the private PostgreSQL does not start: {said}");
    }

    fn create_cluster(&self) {
        let data = self.folder.path().join("data");
        let mut command = self.command("initdb");
        command.arg("-D").arg(data).args(["-U", "mu", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let output = command.output().expect("initdb can be run");
        assert!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn spawn(&self) -> Child {
        let fsync = if self.options.fsync { "fsync=on" } else { "fsync=off" };
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.folder.path().join("data")).arg("-k").arg(self.folder.path());
        command.args(["-c", "listen_addresses=", "-c", fsync, "-c", "shared_buffers=32MB", "-c", "max_connections=40"]);
        command.args(["-c", "log_min_messages=log", "-c", "lc_messages=C", "-c", "logging_collector=off"]);
        for setting in self.options.settings {
            command.args(["-c", setting]);
        }
        command.spawn().expect("postgres can be run")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads what a starting server says until it is ready; false if it ended instead.
fn ready(server: &mut Child, said: &mut String) -> bool {
    let mut lines = BufReader::new(server.stderr.take().expect("the command pipes it"));
    loop {
        let start = said.len();
        let read = lines.read_line(said).unwrap_or(0);
        if said[start..].contains(READY) {
            drain(lines);
            return true;
        }
        if read == 0 {
            return false;
        }
    }
}

/// Reads on in the background, so that the server never waits for its own log.
fn drain(mut lines: BufReader<ChildStderr>) {
    std::thread::spawn(move || {
        let mut rest = [0; 4096];
        while lines.read(&mut rest).is_ok_and(|read| read > 0) {}
    });
}

/// Sends a signal to processes by number.
fn signal(name: &str, pids: &str) {
    // A child that is gone already is no failure.
    let _ = Command::new("sh").arg("-c").arg(format!("kill -{name} {pids} 2>/dev/null")).status();
}

/// Where the newest installed server's programs are.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    found.sort();
    let newest_first = found.into_iter().rev().map(|(_, path)| path);
    let candidates = newest_first.chain(["/usr/local/bin", "/usr/bin", "/usr/local/pgsql/bin"].map(PathBuf::from));
    candidates.into_iter().find(|path| path.join("postgres").exists() && path.join("initdb").exists())
}

/// The server refuses to run as root: who runs it instead, if we are root.
fn unprivileged_user() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").expect("proc is mounted").uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("the machine has users");
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody")).or(Some((65_534, 65_534)))
}
