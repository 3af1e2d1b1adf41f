//! `mu-peers NAME`: the same work on our protocol and on its peers, in one run.

#![allow(clippy::print_stdout, reason = "this is a front end: the figures are its output")]

mod grid;
mod live;
mod path;
mod quic;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use mu_perf::host::{CpuTimes, Host};
use mu_perf::report::Report;

/// A promise does not hold.
const FALLS_SHORT: u8 = 99;

/// Why a bench could not run.
pub(crate) type Failed = Box<dyn std::error::Error>;

/// Measures our protocol beside its peers.
#[derive(Debug, Parser)]
struct Options {
    /// What to measure.
    bench: Bench,
    /// Shorter runs: enough to see that it works, too noisy to compare.
    #[arg(long)]
    quick: bool,
    /// Where to write the report as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// What the binaries were built from, for the report.
    #[arg(long, default_value = concat!("v", env!("CARGO_PKG_VERSION")))]
    build: String,
    /// serve: which engine.
    #[arg(long, default_value = "ours")]
    engine: live::Engine,
    /// serve: how many clients; peers: compare at so many and do not search.
    #[arg(long)]
    clients: Option<usize>,
    /// serve: for how long.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bench {
    /// The same clients on every engine, over loopback; then `grid`.
    Peers,
    /// Only the second half of `peers`: reliable messages over bad links, in virtual time.
    Grid,
    /// One small datagram from the wire to an event, ours and `quinn-proto`; prints JSON.
    Path,
    /// The server of a trial; `peers` starts it.
    #[value(hide = true)]
    Serve,
}

fn run(options: &Options) -> Result<bool, Failed> {
    match options.bench {
        Bench::Path => {
            let figures = path::run(if options.quick { 50 } else { 1_000 })?;
            println!("{}", serde_json::to_string(&figures)?);
            Ok(true)
        }
        Bench::Serve => {
            live::serve(options.engine, options.clients.unwrap_or(1), options.seconds)?;
            Ok(true)
        }
        Bench::Peers | Bench::Grid => {
            let before = CpuTimes::read();
            let mut plan = live::Plan::new(options.quick);
            if let Some(clients) = options.clients {
                plan = live::Plan { common: clients, search: false, ..plan };
            }
            let mut promises = if options.bench == Bench::Peers { live::run(plan)? } else { Vec::new() };
            promises.extend(grid::run(options.quick)?);
            let host = Host::new(&options.build, before, CpuTimes::read());
            let report = Report::new("peers", host, promises);
            println!("{report}");
            if let Some(path) = &options.json {
                std::fs::write(path, serde_json::to_string(&report)? + "\n")?;
            }
            Ok(report.holds())
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FALLS_SHORT),
        Err(error) => {
            println!("{:?} could not run: {error}", options.bench);
            ExitCode::FAILURE
        }
    }
}
