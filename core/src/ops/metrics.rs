//! The Prometheus page: every figure is read at the scrape from what the threads published.
//!
//! Names begin with `mu_` and end in their unit; labels come from closed sets (shard, outcome), never a player.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use hdrhistogram::Histogram;
use mu_wire::{DropReason, ServerStats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric as _, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::process;
use super::status::Sources;
use crate::backup::Kind;
use crate::journal::since_origin;
use crate::runtime::Clock;
use crate::shard::figures::ShardFigures;

/// Upper bounds of the time histograms, in microseconds: around the 5 ms step and the 50 ms tick.
const BOUNDS_US: [u32; 12] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

/// Renders the page.
#[must_use]
pub fn render(sources: &Sources) -> String {
    let mut registry = Registry::with_prefix("mu");
    registry.register_collector(Box::new(Page(sources.clone())));
    let mut page = String::new();
    match text::encode(&mut page, &registry) {
        Ok(()) => page,
        Err(fmt::Error) => String::new(),
    }
}

#[derive(Debug)]
struct Page(Sources);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let e = &mut encoder;
        self.process(e)?;
        self.shards(e)?;
        self.value(e)?;
        self.backup(e)?;
        self.persist(e)?;
        self.gateway(e)
    }
}

impl Page {
    fn process(&self, e: &mut DescriptorEncoder<'_>) -> fmt::Result {
        gauge(e, "resident_bytes", "Resident memory of the process", process::resident_bytes())?;
        gauge(e, "cpu_seconds", "CPU time of all threads since the start", process::cpu_seconds())
    }

    fn shards(&self, e: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let figures = self.0.figures();
        let players = |s: &ShardFigures| u64::from(s.players());
        by_shard(e, &figures, "players", "Players on the shard", MetricType::Gauge, players)?;
        by_shard(e, &figures, "ticks", "Ticks run", MetricType::Counter, |s| s.ticks)?;
        by_shard(
            e,
            &figures,
            "ticks_skipped",
            "Ticks left out because the shard was late",
            MetricType::Counter,
            |s| s.ticks_skipped,
        )?;
        by_shard(e, &figures, "datagrams_in", "Datagrams received", MetricType::Counter, |s| s.datagrams_in)?;
        by_shard(e, &figures, "datagrams_out", "Datagrams sent", MetricType::Counter, |s| s.datagrams_out)?;
        by_shard(e, &figures, "received_bytes", "Bytes received", MetricType::Counter, |s| s.bytes_in)?;
        by_shard(e, &figures, "sent_bytes", "Bytes sent", MetricType::Counter, |s| s.bytes_out)?;
        by_shard(
            e,
            &figures,
            "socket_drops",
            "Datagrams the kernel dropped at the full socket",
            MetricType::Counter,
            |s| s.socket_drops,
        )?;
        by_shard(e, &figures, "datagrams_refused", "Datagrams the protocol refused", MetricType::Counter, |s| {
            s.refused_datagrams
        })?;
        self.wire(e)?;
        by_shard(
            e,
            &figures,
            "messages_malformed",
            "Messages and inputs that cannot be read",
            MetricType::Counter,
            |s| s.messages_malformed,
        )?;
        by_shard(
            e,
            &figures,
            "malformed_closed",
            "Connections closed for malformed messages",
            MetricType::Counter,
            |s| s.malformed_closed,
        )?;
        by_shard(
            e,
            &figures,
            "events_refused",
            "Events refused because too many were undecided",
            MetricType::Counter,
            |s| s.events_refused,
        )?;
        by_shard(e, &figures, "transfers", "Players that went to another shard", MetricType::Counter, |s| s.transfers)?;
        by_shard(e, &figures, "hot_rows_dropped", "Hot rows not handed over", MetricType::Counter, |s| s.rows_dropped)?;
        by_shard(e, &figures, "blocks_sent", "Blocks that clients took", MetricType::Counter, |s| s.blocks_sent)?;
        by_shard(e, &figures, "blocks_unsent", "Blocks without room, or not taken", MetricType::Counter, |s| {
            s.blocks_unsent
        })?;
        by_shard(e, &figures, "capture_bytes", "Bytes of the protocol's recording", MetricType::Counter, |s| {
            s.capture_bytes
        })?;
        by_shard(e, &figures, "captures_ended", "Recordings that ended before the shard", MetricType::Counter, |s| {
            s.captures_ended
        })?;
        let roused = self.0.pulses.iter().map(|pulse| pulse.roused()).sum::<u64>();
        counter(e, "shards_roused", "Times a shard's executor slept past its timer and was woken", roused)?;
        times(e, &figures, "tick_seconds", "Duration of a tick", |s| &s.tick_us)?;
        times(e, &figures, "step_lateness_seconds", "How late a step began", |s| &s.lateness_us)
    }

    /// What the protocol's endpoints did and refused.
    fn wire(&self, e: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let figures = self.0.figures();
        let mut dropped = e.encode_descriptor(
            "datagrams_dropped",
            "Datagrams the protocol dropped, by reason",
            None,
            MetricType::Counter,
        )?;
        for shard in &figures {
            let number = shard.shard.0.to_string();
            for reason in DropReason::ALL {
                let labels = [("shard", number.as_str()), ("reason", reason.name())];
                ConstCounter::new(shard.wire.dropped(reason)).encode(dropped.encode_family(&labels)?)?;
            }
        }
        let mut counted = |name, help, count: fn(&ServerStats) -> u64| {
            by_shard(e, &figures, name, help, MetricType::Counter, |s| count(&s.wire))
        };
        counted("connections_opened", "Connections opened", |s| s.opened)?;
        counted("connections_closed", "Connections that ended", |s| s.closed)?;
        counted("connections_moved", "Connections that went on at another address", |s| s.moved)?;
        counted("path_challenges", "Questions sent to new addresses of clients", |s| s.challenges)?;
        counted("cookies", "Cookies asked of connecting clients", |s| s.cookies)?;
        counted("resets", "Packets of unknown connections that were told so", |s| s.resets)?;
        counted("violations", "Connections closed because the peer broke the protocol", |s| s.violations)
    }

    fn value(&self, e: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let value = &self.0.value;
        let mut events = e.encode_descriptor("events", "Events decided, by outcome", None, MetricType::Counter)?;
        for (outcome, count) in
            [("applied", &value.applied), ("rejected", &value.rejected), ("quarantined", &value.quarantined)]
        {
            ConstCounter::new(count.load(Relaxed)).encode(events.encode_family(&[("outcome", outcome)])?)?;
        }
        gauge(e, "events_pending", "Durable events without an outcome", value.pending())?;
        gauge(e, "journal_durable_lsn", "Highest durable position", value.durable_lsn.load(Relaxed))?;
        gauge(e, "journal_applied_lsn", "Highest decided position", value.applied_lsn.load(Relaxed))?;
        gauge(e, "journal_safe_lsn", "Highest position on the store's own disk", value.safe_lsn.load(Relaxed))?;
        counter(e, "journal_syncs", "Syncs of the journal", value.syncs.load(Relaxed))?;
        counter(e, "journal_sync_microseconds", "Time spent in syncs", value.sync_us.load(Relaxed))?;
        counter(e, "apply_retries", "Batches the store did not decide at once", value.apply_retries.load(Relaxed))?;
        counter(e, "redriven", "Events decided again because the store forgot them", value.redriven.load(Relaxed))?;
        let open = value.open(since_origin(Clock::now()));
        gauge(e, "value_open", "1 while new trades are accepted", u64::from(open))
    }

    fn backup(&self, e: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let backup = &self.0.backup;
        let help = "When the newest backup was begun, in seconds since 1970; 0 if there is none";
        let mut newest = e.encode_descriptor("backup_newest_seconds", help, None, MetricType::Gauge)?;
        for kind in [Kind::Full, Kind::Incremental, Kind::World] {
            let seconds = backup.newest_us(kind) / 1_000_000;
            ConstGauge::new(seconds).encode(newest.encode_family(&[("kind", kind.word())])?)?;
        }
        let audit = &self.0.audit;
        gauge(
            e,
            "audit_checked_lsn",
            "Everything up to here was proved since the start",
            audit.checked_lsn.load(Relaxed),
        )?;
        counter(e, "audit_runs", "Looks at what was decided since the look before", audit.runs.load(Relaxed))?;
        counter(
            e,
            "audit_violations",
            "Violations of the books: anything above 0 is an alarm",
            audit.violations.load(Relaxed),
        )?;
        counter(e, "backup_failures", "Backups that could not be made", backup.failures.load(Relaxed))
    }

    fn persist(&self, e: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let persist = &self.0.persist;
        gauge(e, "flush_lag_milliseconds", "Age of the oldest hot row not stored", persist.lag_ms.load(Relaxed))?;
        counter(e, "hot_rows_written", "Hot rows stored", persist.written.load(Relaxed))?;
        counter(e, "hot_rows_stale", "Hot rows the store had newer", persist.stale.load(Relaxed))?;
        counter(e, "flush_retries", "Flushes the store did not take at once", persist.retries.load(Relaxed))
    }
}

impl Page {
    fn gateway(&self, e: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let gateway = &self.0.gateway;
        let mut requests =
            e.encode_descriptor("requests", "Requests answered, by result", None, MetricType::Counter)?;
        for (result, count) in
            [("ok", &gateway.requests_ok), ("refused", &gateway.requests_refused), ("failed", &gateway.requests_failed)]
        {
            ConstCounter::new(count.load(Relaxed)).encode(requests.encode_family(&[("result", result)])?)?;
        }
        for (name, help, count) in [
            ("requests_rate_limited", "Requests refused because their peer asked too often", &gateway.rate_limited),
            ("logins", "Logins", &gateway.logins),
            ("logins_refused", "Logins with wrong credentials", &gateway.logins_refused),
            ("logouts", "Logouts", &gateway.logouts),
            ("births", "Characters created", &gateway.births),
            ("selects", "Characters sent to a shard", &gateway.selects),
        ] {
            counter(e, name, help, count.load(Relaxed))?;
        }
        Ok(())
    }
}

fn gauge<N: EncodeGaugeValue>(e: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: N) -> fmt::Result {
    ConstGauge::new(value).encode(e.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn counter<N: EncodeCounterValue>(e: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: N) -> fmt::Result {
    ConstCounter::new(value).encode(e.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn by_shard<S: AsRef<ShardFigures>>(
    e: &mut DescriptorEncoder<'_>,
    shards: &[S],
    name: &str,
    help: &str,
    kind: MetricType,
    value: impl Fn(&ShardFigures) -> u64,
) -> fmt::Result {
    let counts = matches!(kind, MetricType::Counter);
    let mut family = e.encode_descriptor(name, help, None, kind)?;
    for shard in shards {
        let shard = shard.as_ref();
        let labels = [("shard", u64::from(shard.shard.0))];
        let one: MetricEncoder<'_> = family.encode_family(&labels)?;
        if counts {
            ConstCounter::new(value(shard)).encode(one)?;
        } else {
            ConstGauge::new(value(shard)).encode(one)?;
        }
    }
    Ok(())
}

fn times<S: AsRef<ShardFigures>>(
    e: &mut DescriptorEncoder<'_>,
    shards: &[S],
    name: &str,
    help: &str,
    histogram: impl Fn(&ShardFigures) -> &Histogram<u64>,
) -> fmt::Result {
    let mut family = e.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for shard in shards {
        let shard = shard.as_ref();
        let (sum, count, buckets) = buckets(histogram(shard));
        let labels = [("shard", u64::from(shard.shard.0))];
        family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
    }
    Ok(())
}

/// Sum in seconds, count, and the count inside each bound (not cumulative: the encoder adds up).
fn buckets(histogram: &Histogram<u64>) -> (f64, u64, Vec<(f64, u64)>) {
    let mut buckets = Vec::with_capacity(BOUNDS_US.len() + 1);
    let mut below = 0;
    for bound in BOUNDS_US {
        let within = histogram.count_between(0, u64::from(bound));
        buckets.push((f64::from(bound) / 1e6, within - below));
        below = within;
    }
    buckets.push((f64::MAX, histogram.len() - below));
    let mean_us = histogram.mean();
    // A count of recorded ticks stays far below 2^53; the sum is only as exact as the histogram is.
    let count = f64::from(u32::try_from(histogram.len()).unwrap_or(u32::MAX));
    (mean_us * count / 1e6, histogram.len(), buckets)
}
