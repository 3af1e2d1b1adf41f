//! The key table: one row per setting, with its path, what it accepts, its default, its meaning and its field.
//!
//! The file reader, the environment, the flags, the default settings, the example file's test and the Markdown page all walk these rows.

use std::path::PathBuf;

use super::value::{Kind, Value};
use super::{Cpus, LogLevel, Runtime, Settings, WalMedium};

/// One setting.
pub(crate) struct Key {
    /// Dotted path, `section.key`.
    pub(crate) path: &'static str,
    /// What it accepts.
    pub(crate) kind: Kind,
    /// Its default, as text of a flag.
    default: &'static str,
    /// One sentence for the operator.
    pub(crate) doc: &'static str,
    /// Puts an accepted value into its field.
    pub(crate) put: fn(&mut Settings, &Value),
}

impl Key {
    /// The default.
    pub(crate) fn default_value(&self) -> Value {
        self.kind.accept(&self.kind.raw_of_text(self.default)).expect("the default of a key is within its own bounds")
    }

    /// The name of its environment variable: `MU__TICK__PLAYER_MS`.
    pub(crate) fn variable(&self) -> String {
        format!("MU__{}", self.path.replace('.', "__").to_uppercase())
    }
}

/// The known path nearest to `path`, if one is near enough to be what was meant.
pub(crate) fn nearest<'a>(path: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::normalized_damerau_levenshtein(path, name), name))
        .filter(|(likeness, _)| *likeness >= 0.55)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

/// Every word of a choice stands in its row's kind, so the last arm of each `put` is the remaining word.
const RUNTIMES: &[&str] = &["auto", "glommio", "mio"];
const MEDIA: &[&str] = &["mmap", "pwrite"];
/// The kinds of event that concern one character alone, as `mu_storage::event::EventKind::name` calls them.
const TOLD: &[&str] = &["pick_up", "shop_buy", "shop_sell", "level_up", "points_spend"];
const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

macro_rules! key {
    ($path:literal, $kind:expr, $default:literal, $doc:literal, $put:expr) => {
        Key { path: $path, kind: $kind, default: $default, doc: $doc, put: $put }
    };
}

/// All settings, in the order of the file and of the page.
pub(crate) const KEYS: &[Key] = &[
    key!(
        "runtime",
        Kind::Word(RUNTIMES),
        "auto",
        "What runs the shards: glommio needs io_uring, mio does not; auto takes glommio where it works.",
        |s, v| {
            s.runtime = match v.text() {
                "glommio" => Runtime::Glommio,
                "mio" => Runtime::Mio,
                _ => Runtime::Auto,
            }
        }
    ),
    key!("host.name", Kind::Text, "mu-core", "Name of this host in logs, metrics and reports.", |s, v| s.host.name =
        v.text().to_owned()),
    key!(
        "host.realm",
        Kind::Integer(0, 0xffff_ffff),
        "1",
        "Realm number; a route token of one realm is refused by another.",
        |s, v| {
            s.host.realm = v.number();
        }
    ),
    key!(
        "host.public_address",
        Kind::AddressOrAuto,
        "auto",
        "Address clients are told for the game port; auto is udp.bind.",
        |s, v| {
            s.host.public_address = v.text().parse().ok();
        }
    ),
    key!(
        "udp.bind",
        Kind::Address,
        "127.0.0.1",
        "Local address of the game port; 0.0.0.0 for every interface.",
        |s, v| {
            s.udp.bind = v.text().parse().expect("an address was accepted");
        }
    ),
    key!(
        "udp.port",
        Kind::Integer(1, 65_535),
        "7700",
        "Game port of shard 0; shard k listens on this plus k.",
        |s, v| {
            s.udp.port = v.number();
        }
    ),
    key!(
        "udp.receive_buffer_kib",
        Kind::Integer(64, 1_048_576),
        "8192",
        "Receive buffer asked of the kernel for each shard.",
        |s, v| {
            s.udp.receive_buffer_kib = v.number();
        }
    ),
    key!(
        "udp.send_buffer_kib",
        Kind::Integer(64, 1_048_576),
        "8192",
        "Send buffer asked of the kernel for each shard.",
        |s, v| {
            s.udp.send_buffer_kib = v.number();
        }
    ),
    key!(
        "udp.connections_max",
        Kind::Integer(1, 65_535),
        "4096",
        "Most connections one shard holds; more are refused.",
        |s, v| {
            s.udp.connections_max = v.number();
        }
    ),
    key!(
        "net.capture",
        Kind::PathOr("off"),
        "off",
        "Folder for captures of the game protocol, one file for each shard and start; off records nothing. They are as secret as the keys.",
        |s, v| {
            s.net.capture = Some(v.text()).filter(|text| *text != "off").map(PathBuf::from);
        }
    ),
    key!(
        "net.capture_mib",
        Kind::Integer(1, 1_048_576),
        "256",
        "Longest capture of one shard; there its recording ends and the shard goes on.",
        |s, v| {
            s.net.capture_mib = v.number();
        }
    ),
    key!("gateway.bind", Kind::AddressAndPort, "127.0.0.1:7080", "Address and port of the HTTP gateway.", |s, v| {
        s.gateway.bind = v.text().parse().expect("an address and port was accepted");
    }),
    key!("gateway.body_limit_bytes", Kind::Integer(1024, 1_048_576), "16384", "Largest request body.", |s, v| {
        s.gateway.body_limit_bytes = v.number();
    }),
    key!("gateway.token_minutes", Kind::Integer(1, 43_200), "720", "Lifetime of a session token.", |s, v| s
        .gateway
        .token_minutes =
        v.number()),
    key!(
        "gateway.login_per_minute",
        Kind::Integer(1, 1_000_000),
        "30",
        "Logins one address may try each minute.",
        |s, v| {
            s.gateway.login_per_minute = v.number();
        }
    ),
    key!(
        "gateway.register_per_minute",
        Kind::Integer(1, 1_000_000),
        "10",
        "Accounts one address may register each minute.",
        |s, v| {
            s.gateway.register_per_minute = v.number();
        }
    ),
    key!(
        "gateway.argon2_memory_kib",
        Kind::Integer(8, 4_194_304),
        "19456",
        "Memory of one Argon2id password hash.",
        |s, v| {
            s.gateway.argon2_memory_kib = v.number();
        }
    ),
    key!("gateway.argon2_iterations", Kind::Integer(1, 64), "2", "Passes of one Argon2id password hash.", |s, v| {
        s.gateway.argon2_iterations = v.number();
    }),
    key!(
        "gateway.ops_token",
        Kind::OptionalText,
        "",
        "Bearer token that opens the operations paths to other hosts; empty leaves them to loopback peers.",
        |s, v| {
            s.gateway.ops_token = Some(v.text().to_owned()).filter(|token| !token.is_empty());
        }
    ),
    key!(
        "gateway.database_threads",
        Kind::Integer(1, 64),
        "2",
        "Threads for the queries of login and characters, one store connection each.",
        |s, v| {
            s.gateway.database_threads = v.number();
        }
    ),
    key!(
        "cores.map",
        Kind::Cpus,
        "auto",
        "CPUs of the shards, one shard for each entry; a CPU may be listed twice.",
        |s, v| s.cores.map = cpus(v)
    ),
    key!("cores.housekeeping", Kind::Cpus, "auto", "CPUs of every other thread.", |s, v| s.cores.housekeeping =
        cpus(v)),
    key!(
        "tick.player_ms",
        Kind::Integer(50, 50),
        "50",
        "Players' tick; the client protocol counts time in ticks of 50 ms.",
        |s, v| {
            s.tick.player_ms = v.number();
        }
    ),
    key!(
        "tick.monster_ms",
        Kind::Integer(50, 1000),
        "150",
        "Monsters' tick, a multiple of tick.player_ms; 100 to 200 is usual.",
        |s, v| {
            s.tick.monster_ms = v.number();
        }
    ),
    key!("flush.tick_ms", Kind::Integer(50, 60_000), "2000", "Period of the bulk flush of hot state.", |s, v| s
        .flush
        .tick_ms =
        v.number()),
    key!(
        "flush.max_lag_ms",
        Kind::Integer(1000, 600_000),
        "15000",
        "Oldest a character's stored position, health and mana may become.",
        |s, v| {
            s.flush.max_lag_ms = v.number();
        }
    ),
    key!("flush.batch", Kind::Integer(1, 1000), "500", "Rows in one bulk write; 200 to 500 is usual.", |s, v| s
        .flush
        .batch =
        v.number()),
    key!(
        "map.soft_cap",
        Kind::Integer(1, 10_000),
        "250",
        "Players at which a new instance of a map is preferred.",
        |s, v| s.map.soft_cap = v.number()
    ),
    key!("map.hard_cap", Kind::Integer(1, 10_000), "350", "Players an instance of a map never exceeds.", |s, v| s
        .map
        .hard_cap =
        v.number()),
    key!("map.view_tiles", Kind::Integer(4, 64), "16", "Radius of a player's view.", |s, v| s.map.view_tiles =
        v.number()),
    key!("store.url", Kind::StoreUrl, "sqlite:var/mu.db", "Where accounts, characters and the ledger live.", |s, v| {
        s.store.url = v.text().to_owned()
    }),
    key!("wal.dir", Kind::Path, "var/wal", "Folder of the journal.", |s, v| s.wal.dir = PathBuf::from(v.text())),
    key!("wal.segment_mib", Kind::Integer(1, 1024), "64", "Size of one journal segment.", |s, v| s.wal.segment_mib =
        v.number()),
    key!(
        "wal.medium",
        Kind::Word(MEDIA),
        "mmap",
        "How the journal is written; both are made durable by fdatasync.",
        |s, v| {
            s.wal.medium = if v.text() == "pwrite" { WalMedium::Pwrite } else { WalMedium::Mmap };
        }
    ),
    key!(
        "wal.keep_segments",
        Kind::Integer(0, 4096),
        "16",
        "Decided segments that stay in the journal's folder before they are used again.",
        |s, v| s.wal.keep_segments = v.number()
    ),
    key!(
        "wal.archive_dir",
        Kind::PathOr("none"),
        "none",
        "Folder that decided segments are copied to before they are used again; none keeps no archive.",
        |s, v| {
            s.wal.archive_dir = Some(v.text()).filter(|text| *text != "none").map(PathBuf::from);
        }
    ),
    key!("wal.archive_days", Kind::Integer(1, 3650), "14", "Days a segment stays in the archive.", |s, v| s
        .wal
        .archive_days =
        v.number()),
    key!(
        "wal.archive_mib",
        Kind::Integer(64, 16_777_216),
        "16384",
        "Size of the archive; beyond it the oldest segments are removed.",
        |s, v| s.wal.archive_mib = v.number()
    ),
    key!(
        "backup.dir",
        Kind::PathOr("off"),
        "off",
        "Folder of the backups the server makes; off makes none.",
        |s, v| {
            s.backup.dir = Some(v.text()).filter(|text| *text != "off").map(PathBuf::from);
        }
    ),
    key!("backup.full_hours", Kind::Integer(1, 744), "24", "Between two full backups.", |s, v| s.backup.full_hours =
        v.number()),
    key!("backup.incremental_minutes", Kind::Integer(1, 1_440), "60", "Between two incremental backups.", |s, v| s
        .backup
        .incremental_minutes =
        v.number()),
    key!(
        "backup.world_minutes",
        Kind::Integer(1, 1_440),
        "5",
        "Between two copies of accounts, sequences and where everybody stands.",
        |s, v| s.backup.world_minutes = v.number()
    ),
    key!(
        "backup.keep_full",
        Kind::Integer(1, 1_000),
        "7",
        "Full backups kept, with everything that builds on them.",
        |s, v| s.backup.keep_full = v.number()
    ),
    key!(
        "value.wal_ack",
        Kind::Words(TOLD),
        "pick_up, shop_buy, shop_sell",
        "Kinds of event whose player is told as soon as the journal has them; every other waits for the store.",
        |s, v| s.value.wal_ack = v.words()
    ),
    key!(
        "value.audit_seconds",
        Kind::Integer(0, 3_600),
        "5",
        "Between two audits of what was decided since the one before; 0 makes none.",
        |s, v| s.value.audit_seconds = v.number()
    ),
    key!(
        "world.dir",
        Kind::PathOr("demo"),
        "demo",
        "Folder of the world content; demo is the world inside the binary.",
        |s, v| {
            s.world.dir = Some(v.text()).filter(|text| *text != "demo").map(PathBuf::from);
        }
    ),
    key!("keys.file", Kind::Path, "var/keys", "File of the host's master key; made on the first start.", |s, v| s
        .keys
        .file =
        PathBuf::from(v.text())),
    key!(
        "keys.token_key",
        Kind::Integer(0, 255),
        "0",
        "Number of the key that seals route tokens; tokens under the number before it (before 0: 255) are still taken.",
        |s, v| s.keys.token_key = v.number()
    ),
    key!("log.level", Kind::Word(LEVELS), "info", "Least severity that is written.", |s, v| {
        s.log.level = match v.text() {
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "debug" => LogLevel::Debug,
            "trace" => LogLevel::Trace,
            _ => LogLevel::Info,
        }
    }),
    key!("log.dir", Kind::PathOr("stderr"), "stderr", "Folder of the log files; stderr writes no files.", |s, v| {
        s.log.dir = Some(v.text()).filter(|text| *text != "stderr").map(PathBuf::from);
    }),
];

fn cpus(value: &Value) -> Cpus {
    match value {
        Value::Cpus(list) => Cpus::Listed(list.clone()),
        _ => Cpus::Auto,
    }
}
