//! What operators and load testers may ask a running server: status as JSON, figures for Prometheus, the economy.
//!
//! Reads only what the threads publish; asks no shard anything and delays no tick.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2Serializer};
use mu_value::ValueStatus;
use mu_wire::DropReason;
use serde_json::{Value, json};

use super::auditor::AuditStatus;
use super::process;
use crate::backup::schedule::BackupStatus;
use crate::gateway::GatewayStats;
use crate::journal::since_origin;
use crate::persist::PersistStatus;
use crate::runtime::{Clock, Pulse};
use crate::shard::figures::{Published, ShardFigures, times};

/// Where the figures come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// `glommio` or `mio`.
    pub runtime: &'static str,
    /// One per shard.
    pub shards: Vec<Published>,
    /// Journal and applier.
    pub value: Arc<ValueStatus>,
    /// Hot state.
    pub persist: Arc<PersistStatus>,
    /// The books proved while they are written.
    pub audit: Arc<AuditStatus>,
    /// Backups made by the server itself.
    pub backup: Arc<BackupStatus>,
    /// What the gateway counts.
    pub gateway: Arc<GatewayStats>,
    /// Signs of life, one per shard.
    pub pulses: Vec<Arc<Pulse>>,
}

impl Sources {
    /// Every shard's last published figures.
    #[must_use]
    pub fn figures(&self) -> Vec<Arc<ShardFigures>> {
        self.shards.iter().map(|shard| shard.load_full()).collect()
    }

    /// All ticks of all shards.
    #[must_use]
    pub fn tick_us(&self) -> Histogram<u64> {
        merged(self.figures().iter().map(|shard| &shard.tick_us))
    }

    /// The body of `/v1/ops/status`.
    #[must_use]
    pub fn status(&self) -> Value {
        let figures = self.figures();
        let now = Clock::now();
        json!({
            "build": build(),
            "runtime": self.runtime,
            "tick": figures.iter().map(|shard| shard.tick).max().unwrap_or(0),
            "ticks": figures.iter().map(|shard| shard.ticks).sum::<u64>(),
            "ticks_skipped": figures.iter().map(|shard| shard.ticks_skipped).sum::<u64>(),
            "roused": self.pulses.iter().map(|pulse| pulse.roused()).sum::<u64>(),
            "rss_bytes": process::resident_bytes(),
            "cpu_seconds": process::cpu_seconds(),
            "tick_hist": encoded(&merged(figures.iter().map(|shard| &shard.tick_us))),
            "lateness_hist": encoded(&merged(figures.iter().map(|shard| &shard.lateness_us))),
            "shards": figures.iter().map(|shard| shard_json(shard)).collect::<Vec<_>>(),
            "trades": {
                "submitted": self.value.logged.load(Relaxed),
                "applied": self.value.applied.load(Relaxed),
                "rejected": self.value.rejected.load(Relaxed),
                "quarantined": self.value.quarantined.load(Relaxed),
                "pending": self.value.pending(),
            },
            "journal": {
                "durable_lsn": self.value.durable_lsn.load(Relaxed),
                "applied_lsn": self.value.applied_lsn.load(Relaxed),
                "safe_lsn": self.value.safe_lsn.load(Relaxed),
                "syncs": self.value.syncs.load(Relaxed),
                "sync_us": self.value.sync_us.load(Relaxed),
                "replayed": self.value.replayed.load(Relaxed),
                "apply_retries": self.value.apply_retries.load(Relaxed),
                "redriven": self.value.redriven.load(Relaxed),
                "open": self.value.open(since_origin(now)),
            },
            "store": {
                "lag_ms": self.persist.lag_ms.load(Relaxed),
                "available": !self.persist.away.load(Relaxed) && self.value.open(since_origin(now)),
                "rows_written": self.persist.written.load(Relaxed),
                "rows_stale": self.persist.stale.load(Relaxed),
                "retries": self.persist.retries.load(Relaxed),
            },
        })
    }
}

/// Version and profile, as printed by `--version` and in every report.
#[must_use]
pub fn build() -> String {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!("{} {profile}", env!("CARGO_PKG_VERSION"))
}

fn shard_json(shard: &ShardFigures) -> Value {
    json!({
        "id": shard.shard.0,
        "cpu": shard.cpu,
        "endpoint": shard.endpoint.to_string(),
        "players": shard.players(),
        "instances": shard.instances.iter().map(|instance| json!({
            "instance": instance.instance.0, "players": instance.players })).collect::<Vec<_>>(),
        "ticks": shard.ticks,
        "ticks_skipped": shard.ticks_skipped,
        "tick_p99_ms": millis(shard.tick_us.value_at_quantile(0.99)),
        "datagrams_in": shard.datagrams_in,
        "datagrams_out": shard.datagrams_out,
        "bytes_in": shard.bytes_in,
        "bytes_out": shard.bytes_out,
        "socket_drops": shard.socket_drops,
        "refused_datagrams": shard.refused_datagrams,
        "messages_malformed": shard.messages_malformed,
        "malformed_closed": shard.malformed_closed,
        "dropped": DropReason::ALL.iter().map(|reason| (reason.name(), shard.wire.dropped(*reason)))
            .collect::<BTreeMap<_, _>>(),
        "moved": shard.wire.moved,
        "resets": shard.wire.resets,
        "trades": shard.trades,
        "transfers": shard.transfers,
        "events": shard.events,
        "events_refused": shard.events_refused,
        "events_in_flight": shard.events_in_flight,
        "rows_dropped": shard.rows_dropped,
        "capture_bytes": shard.capture_bytes,
        "captures_ended": shard.captures_ended,
    })
}

/// Microseconds as milliseconds with their fraction.
#[must_use]
pub fn millis(us: u64) -> f64 {
    // Histograms end at 60 s, far below 2^32 µs.
    f64::from(u32::try_from(us).unwrap_or(u32::MAX)) / 1_000.0
}

fn merged<'a>(histograms: impl Iterator<Item = &'a Histogram<u64>>) -> Histogram<u64> {
    let mut all = times();
    for histogram in histograms {
        all.add(histogram).expect("all histograms have the same bounds");
    }
    all
}

/// HdrHistogram V2 format, Base64.
fn encoded(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(histogram, &mut bytes).expect("a vector takes all bytes");
    BASE64.encode(bytes)
}
