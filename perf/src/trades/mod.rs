//! Trades a second, durable and applied, against PostgreSQL alone and against the disk alone, in one run.
//!
//! Everything is on one machine: the clients of PostgreSQL alone, the server's threads, and the PostgreSQL server share its CPUs.
//! The same trade on every side, all its rows ([`market`]). Both ways of PostgreSQL alone are tried with one to 64 clients,
//! and the best of all counts.

mod alone;
mod applied;
mod cpu;
mod durable;
mod market;
mod tick;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use mu_perf::host::exact;
use mu_perf::report::{Promise, Want};
use mu_storage::store::{Role, open};
use mu_storage::testing::{PostgresOptions, PrivatePostgres};

use alone::{Best, Way};
use applied::{Applied, Rig};
use market::{Market, PAIRS};

/// Durable trades a second, as a multiple of PostgreSQL alone.
const DURABLE: f64 = 30.0;
/// Applied trades a second, as a multiple of PostgreSQL alone.
const APPLIED: f64 = 4.0;
/// Durable trades a second, as a multiple of the serial loop.
const SERIAL: f64 = 20.0;
/// From confirmation to success, in milliseconds.
const LATENCY_MS: f64 = 100.0;
/// What value costs a tick, in microseconds.
const TICK_US: f64 = 20.0;
/// The tick that tells the players, in milliseconds.
const TICK_MS: f64 = 50.0;

/// A server as for a database of this size: enough memory, checkpoints by time.
const SERVER: PostgresOptions = PostgresOptions {
    fsync: true,
    settings: &["shared_buffers=512MB", "max_wal_size=4GB", "max_connections=100", "checkpoint_timeout=30min"],
};

/// Runs all sides one after the other.
pub(crate) fn run(dir: &Path, quick: bool) -> Result<Vec<Promise>, Box<dyn Error>> {
    let each = Duration::from_secs(if quick { 1 } else { 3 });
    let (statements, function) = postgres_alone(each)?;
    let best = statements.per_s.max(function.per_s);
    let mut market = Market::new((0, PAIRS), 1 << 40);
    let serial = durable::serial(dir, each)?;
    let durable = durable::ours(dir, &mut market, each * 2)?;
    let server = PrivatePostgres::start_with(SERVER);
    let (applied, latency) = through(&server.url(), Some(&server), dir, each * 3)?;
    drop(server);
    let embedded = tempfile::tempdir_in(dir)?;
    let (on_sqlite, sqlite_latency) =
        through(&format!("sqlite:{}", embedded.path().join("store.db").display()), None, dir, each)?;
    let cost = tick::cost(dir, &mut market, if quick { 2_000 } else { 20_000 })?;
    let alone = [
        ("alone_per_s", best),
        ("statements_per_s", statements.per_s),
        ("statements_clients", f64::from(statements.clients)),
        ("function_per_s", function.per_s),
        ("function_clients", f64::from(function.clients)),
        ("alone_cpu_us", statements.cpu_us.min(function.cpu_us)),
    ];
    let with = |ours: f64, more: &[(&'static str, f64)]| [&[("ours_per_s", ours)], more, &alone].concat();
    let group = [("group", durable.group), ("sync_us", durable.sync_us)];
    let disk = [("ours_per_s", durable.per_s), ("serial_per_s", serial)];
    let path = [("syncs_per_s", applied.syncs_per_s), ("ours_cpu_us", applied.cpu_us)];
    let cheapest = statements.cpu_us.min(function.cpu_us);
    Ok(vec![
        at_least("durable_vs_postgres_alone", durable.per_s / best, DURABLE, &with(durable.per_s, &group)),
        at_least("durable_vs_serial_sync", durable.per_s / serial, SERIAL, &disk),
        at_least("applied_vs_postgres_alone", applied.per_s / best, APPLIED, &with(applied.per_s, &path)),
        at_least("applied_vs_statements", applied.per_s / statements.per_s, APPLIED, &with(applied.per_s, &path)),
        at_least("applied_cpu_vs_alone", cheapest / applied.cpu_us, APPLIED, &with(applied.per_s, &path)),
        at_most("confirm_to_success_p99", latency, "ms", LATENCY_MS, &[("load_per_s", applied.per_s / 2.0)]),
        at_least("sqlite_applied_per_s", on_sqlite.per_s, 1.0, &[("confirm_to_success_p99_ms", sqlite_latency)]),
        at_most(
            "tick_cost_p999",
            exact(cost.ns.value_at_quantile(0.999)) / 1e3,
            "us",
            TICK_US,
            &[
                ("median_us", exact(cost.ns.value_at_quantile(0.5)) / 1e3),
                ("trades_per_tick", f64::from(tick::PER_TICK)),
            ],
        ),
        at_most("tick_blocking_calls", exact(cost.blocked), "calls", 0.0, &[("ticks", exact(cost.ns.len()))]),
    ])
}

fn at_least(name: &str, value: f64, want: f64, beside: &[(&'static str, f64)]) -> Promise {
    Promise::new(name, value, "x", Want::AtLeast(want), beside)
}

fn at_most(name: &str, value: f64, unit: &'static str, want: f64, beside: &[(&'static str, f64)]) -> Promise {
    Promise::new(name, value, unit, Want::AtMost(want), beside)
}

/// Both ways, each on a server of its own.
fn postgres_alone(each: Duration) -> Result<(Best, Best), Box<dyn Error>> {
    let best = |way| {
        let server = PrivatePostgres::start_with(SERVER);
        market::populate(&mut *open(&server.url(), Role::Applier)?)?;
        alone::best(&server, way, &mut Market::new((0, PAIRS), 1 << 24), each)
    };
    Ok((best(Way::Statements)?, best(Way::Function)?))
}

/// Our whole path on this store: full speed, then half of that; milliseconds from confirmation to success, 99 of 100.
fn through(
    url: &str,
    server: Option<&PrivatePostgres>,
    dir: &Path,
    run: Duration,
) -> Result<(Applied, f64), Box<dyn Error>> {
    let folder = tempfile::tempdir_in(dir)?;
    let mut rig = Rig::start(url, server, &folder.path().join("wal"))?;
    let mut market = Market::new((0, PAIRS), 1 << 40);
    let applied = rig.full_speed(&mut market, run)?;
    let took = rig.paced(&mut market, applied.per_s / 2.0, run)?;
    rig.audit()?;
    Ok((applied, exact(took.value_at_quantile(0.99)) / 1e3 + TICK_MS))
}
