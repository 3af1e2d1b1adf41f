//! The server's settings as the rest of the product reads them: one struct per section, units last in the names.
//!
//! Knows nothing of files or text. What each key means, its default and its bounds stand in `keys`, one row per key, and everything
//! that reads, checks or documents a key comes from that row.

mod check;
mod cpus;
mod keys;
mod markdown;
mod value;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

pub(crate) use check::check;
pub use cpus::Cpus;
pub(crate) use keys::{KEYS, Key, nearest};
pub use markdown::markdown;
pub(crate) use value::Raw;

/// Everything the operator can choose, after all layers are merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Section `host`.
    pub host: Host,
    /// Section `udp`.
    pub udp: Udp,
    /// Section `net`.
    pub net: Net,
    /// Section `gateway`.
    pub gateway: Gateway,
    /// Section `cores`.
    pub cores: Cores,
    /// Key `runtime`: what runs the shards.
    pub runtime: Runtime,
    /// Section `tick`.
    pub tick: TickTimes,
    /// Section `flush`.
    pub flush: Flush,
    /// Section `map`.
    pub map: MapLimits,
    /// Section `store`.
    pub store: StoreAddress,
    /// Section `wal`.
    pub wal: WalSettings,
    /// Section `backup`.
    pub backup: BackupSettings,
    /// How events of value are told.
    pub value: ValueSettings,
    /// Section `world`.
    pub world: WorldSource,
    /// Section `keys`.
    pub keys: KeyFile,
    /// Section `log`.
    pub log: LogSettings,
}

/// Who this host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Name in logs, metrics and reports.
    pub name: String,
    /// Realm number; a token of one realm is worth nothing in another.
    pub realm: u32,
    /// Address clients are told; `None` = the address in `udp.bind`.
    pub public_address: Option<IpAddr>,
}

/// The game port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Udp {
    /// Local address of every shard's socket.
    pub bind: IpAddr,
    /// Port of shard 0; shard k listens on `port + k`.
    pub port: u16,
    /// Receive buffer asked of the kernel for each shard's socket, in KiB.
    pub receive_buffer_kib: u32,
    /// Send buffer asked of the kernel for each shard's socket, in KiB.
    pub send_buffer_kib: u32,
    /// Most connections one shard holds.
    pub connections_max: u32,
}

/// Recording of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Net {
    /// Folder of the captures; `None` = nothing is recorded.
    pub capture: Option<PathBuf>,
    /// Longest capture of one shard, in MiB.
    pub capture_mib: u32,
}

/// The HTTP gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Address and port of the HTTP listener.
    pub bind: SocketAddr,
    /// Largest request body, in bytes.
    pub body_limit_bytes: u32,
    /// Lifetime of a session token, in minutes.
    pub token_minutes: u32,
    /// Logins one address may try each minute.
    pub login_per_minute: u32,
    /// Accounts one address may register each minute.
    pub register_per_minute: u32,
    /// Argon2id memory for one password hash, in KiB.
    pub argon2_memory_kib: u32,
    /// Argon2id passes over that memory.
    pub argon2_iterations: u32,
    /// Bearer token that opens the operations paths to other hosts; `None` = loopback peers only.
    pub ops_token: Option<String>,
    /// Threads for blocking queries of login and characters, one store connection each.
    pub database_threads: u16,
}

/// Which CPUs do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores {
    /// One shard per entry, pinned to that CPU; a CPU may be listed twice.
    pub map: Cpus,
    /// CPUs of every other thread.
    pub housekeeping: Cpus,
}

/// What runs the shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// glommio where io_uring works, mio elsewhere.
    Auto,
    /// glommio, or refuse to start.
    Glommio,
    /// mio.
    Mio,
}

/// The cadence of the simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickTimes {
    /// Players' tick, in milliseconds.
    pub player_ms: u16,
    /// Monsters' tick, in milliseconds; a multiple of `player_ms`.
    pub monster_ms: u16,
}

/// Hot state on its way to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flush {
    /// Period of the bulk flush, in milliseconds.
    pub tick_ms: u32,
    /// Oldest a character's stored state may become, in milliseconds.
    pub max_lag_ms: u32,
    /// Rows in one bulk write.
    pub batch: u16,
}

/// How full a map instance gets and how far a player sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapLimits {
    /// Players at which a new instance is preferred.
    pub soft_cap: u16,
    /// Players an instance never exceeds.
    pub hard_cap: u16,
    /// Radius of a player's view, in tiles.
    pub view_tiles: u16,
}

/// Where accounts, characters and the ledger live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreAddress {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
}

/// The journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalSettings {
    /// Folder of the segments.
    pub dir: PathBuf,
    /// Size of one segment, in MiB.
    pub segment_mib: u32,
    /// How a segment is written.
    pub medium: WalMedium,
    /// Decided segments that stay in the folder.
    pub keep_segments: u32,
    /// Folder of the archive; `None` keeps none.
    pub archive_dir: Option<PathBuf>,
    /// Days a segment stays in the archive.
    pub archive_days: u32,
    /// Size of the archive, in MiB.
    pub archive_mib: u32,
}

/// Backups made by the server itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSettings {
    /// Where to; `None` = the server makes none.
    pub dir: Option<PathBuf>,
    /// Hours between two full backups.
    pub full_hours: u32,
    /// Minutes between two incremental ones.
    pub incremental_minutes: u32,
    /// Minutes between two copies of what stands beside the journal.
    pub world_minutes: u32,
    /// Full backups kept, with everything that builds on them.
    pub keep_full: u32,
}

/// How a segment is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalMedium {
    /// Memory-mapped, then `fdatasync`.
    Mmap,
    /// `pwrite`, then `fdatasync`.
    Pwrite,
}

/// How events of value are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueSettings {
    /// Names of the kinds of event that are told as soon as they are durable.
    pub wal_ack: Vec<String>,
    /// Seconds between two looks at what was decided; 0 = none.
    pub audit_seconds: u32,
}

/// Where the world content comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldSource {
    /// Folder with `world.toml`; `None` = the demo world inside the binary.
    pub dir: Option<PathBuf>,
}

/// The host's master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// File with the master key; made on the first start, readable by its owner only.
    pub file: PathBuf,
    /// Number of the key that seals route tokens; tokens under the number before it are still taken.
    pub token_key: u8,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Least severity that is written.
    pub level: LogLevel,
    /// Folder of the log files; `None` = standard error only.
    pub dir: Option<PathBuf>,
}

/// Least severity that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// A human must look.
    Error,
    /// Will become an error if it lasts.
    Warn,
    /// Lifecycle.
    Info,
    /// For whoever looks for a fault.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The word used in the configuration and by log libraries.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Default for Settings {
    /// The defaults of the key table.
    fn default() -> Self {
        let mut settings = blank();
        for key in KEYS {
            (key.put)(&mut settings, &key.default_value());
        }
        settings
    }
}

impl Settings {
    /// Settings of `mu-core dev`: embedded store, journal and keys under `data_dir`, demo world, no limit that would stop a crowd of
    /// bots on this machine from logging in, and a cheap password hash. Never for players.
    #[must_use]
    pub fn demo(data_dir: &Path) -> Self {
        let mut settings = Self::default();
        settings.host.name = "demo".to_owned();
        settings.gateway.login_per_minute = 1_000_000;
        settings.gateway.register_per_minute = 1_000_000;
        settings.gateway.argon2_memory_kib = 64;
        settings.gateway.argon2_iterations = 1;
        settings.store.url = format!("sqlite:{}", data_dir.join("mu.db").display());
        settings.wal.dir = data_dir.join("wal");
        settings.keys.file = data_dir.join("keys");
        settings.log.dir = Some(data_dir.join("log"));
        settings
    }

    /// The address clients are told for the game port. An unspecified bind address without a public one means this machine only.
    #[must_use]
    pub fn public_ip(&self) -> IpAddr {
        match self.host.public_address {
            Some(address) => address,
            None if self.udp.bind.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            None => self.udp.bind,
        }
    }

    /// Makes every relative path start at `folder`.
    pub(crate) fn resolve(&mut self, folder: &Path) {
        let path = self.store.url.strip_prefix("sqlite:");
        if let Some(path) = path.filter(|path| *path != ":memory:" && Path::new(path).is_relative()) {
            self.store.url = format!("sqlite:{}", folder.join(path).display());
        }
        self.wal.dir = folder.join(&self.wal.dir);
        self.wal.archive_dir = self.wal.archive_dir.take().map(|dir| folder.join(dir));
        self.backup.dir = self.backup.dir.take().map(|dir| folder.join(dir));
        self.keys.file = folder.join(&self.keys.file);
        self.world.dir = self.world.dir.take().map(|dir| folder.join(dir));
        self.net.capture = self.net.capture.take().map(|dir| folder.join(dir));
        self.log.dir = self.log.dir.take().map(|dir| folder.join(dir));
    }
}

/// A value of every field for the key table to overwrite; a test proves that it overwrites each of them.
fn blank() -> Settings {
    let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    Settings {
        host: Host { name: String::new(), realm: 0, public_address: Some(nowhere) },
        udp: Udp { bind: nowhere, port: 0, receive_buffer_kib: 0, send_buffer_kib: 0, connections_max: 0 },
        net: Net { capture: Some(PathBuf::new()), capture_mib: 0 },
        gateway: Gateway {
            bind: SocketAddr::new(nowhere, 0),
            body_limit_bytes: 0,
            token_minutes: 0,
            login_per_minute: 0,
            register_per_minute: 0,
            argon2_memory_kib: 0,
            argon2_iterations: 0,
            ops_token: Some(String::new()),
            database_threads: 0,
        },
        cores: Cores { map: Cpus::Listed(Vec::new()), housekeeping: Cpus::Listed(Vec::new()) },
        runtime: Runtime::Mio,
        tick: TickTimes { player_ms: 0, monster_ms: 0 },
        flush: Flush { tick_ms: 0, max_lag_ms: 0, batch: 0 },
        map: MapLimits { soft_cap: 0, hard_cap: 0, view_tiles: 0 },
        store: StoreAddress { url: String::new() },
        wal: WalSettings {
            dir: PathBuf::new(),
            segment_mib: 0,
            medium: WalMedium::Pwrite,
            keep_segments: 0,
            archive_dir: Some(PathBuf::new()),
            archive_days: 0,
            archive_mib: 0,
        },
        backup: BackupSettings {
            dir: Some(PathBuf::new()),
            full_hours: 0,
            incremental_minutes: 0,
            world_minutes: 0,
            keep_full: 0,
        },
        value: ValueSettings { wal_ack: Vec::new(), audit_seconds: 1 },
        world: WorldSource { dir: Some(PathBuf::new()) },
        keys: KeyFile { file: PathBuf::new(), token_key: 0 },
        log: LogSettings { level: LogLevel::Error, dir: Some(PathBuf::new()) },
    }
}
