//! `mu-perf NAME`: one bench, its promises beside their limits, and an exit code: 0 all hold, 99 one falls short, 1 it could not
//! run.

#![allow(clippy::print_stdout, reason = "this is a front end: the table is its output")]

mod ccu;
mod counting;
mod recovery;
mod tick;
mod trades;
mod wal;
mod wire;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use mu_perf::host::{CpuTimes, Host};
use mu_perf::report::Report;

/// A promise does not hold.
const FALLS_SHORT: u8 = 99;

/// Measures what the product promises beside the limit of this machine, in one run.
#[derive(Debug, Parser)]
struct Options {
    /// Which bench; `all` runs the table.
    bench: Bench,
    /// Where to write the report as JSON; with `all`, one line per bench.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Shorter runs: enough to see that it works, too noisy to compare.
    #[arg(long)]
    quick: bool,
    /// Folder for what a bench writes; it should be on the disk that is to be measured.
    #[arg(long, default_value = "var/bench")]
    dir: PathBuf,
    /// What the binaries were built from, for the report.
    #[arg(long, default_value = concat!("v", env!("CARGO_PKG_VERSION")))]
    build: String,
    /// ccu: do not search, run the raw loop and the server with exactly this many clients.
    #[arg(long)]
    clients: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bench {
    /// Clients the server carries, against a loop without a game.
    Ccu,
    /// Durable records a second, against the disk's own sync.
    Wal,
    /// Reading 1 GiB of journal, and deciding what the last run left undecided.
    Recovery,
    /// A tick of a thousand players.
    Tick,
    /// Trades a second, against PostgreSQL alone.
    Trades,
    /// What the protocol costs: packets, handshakes, memory, snapshots.
    Wire,
    /// Every bench of the table.
    All,
}

impl Bench {
    fn run(self, options: &Options) -> Result<Report, Box<dyn Error>> {
        let before = CpuTimes::read();
        let (name, promises) = match self {
            Self::Ccu => ("ccu", ccu::run(&options.dir, options.quick, options.clients)?),
            Self::Wal => ("wal", wal::run(&options.dir, options.quick)?),
            Self::Recovery => ("recovery", recovery::run(&options.dir, options.quick)?),
            Self::Tick => ("tick", tick::run(options.quick)?),
            Self::Trades => ("trades", trades::run(&options.dir, options.quick)?),
            Self::Wire => ("wire", wire::run(options.quick)?),
            Self::All => unreachable!("all is not one bench"),
        };
        Ok(Report::new(name, Host::new(&options.build, before, CpuTimes::read()), promises))
    }
}

fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    std::fs::create_dir_all(&options.dir)?;
    let benches = match options.bench {
        Bench::All => vec![Bench::Wal, Bench::Recovery, Bench::Trades, Bench::Tick, Bench::Wire, Bench::Ccu],
        one => vec![one],
    };
    let mut lines = String::new();
    let mut all_hold = true;
    for bench in benches {
        let report = bench.run(options)?;
        println!("{report}");
        lines += &serde_json::to_string(&report)?;
        lines.push('\n');
        all_hold &= report.holds();
    }
    if let Some(path) = &options.json {
        std::fs::write(path, lines)?;
    }
    Ok(all_hold)
}

fn main() -> ExitCode {
    let options = Options::parse();
    let logger = flexi_logger::Logger::try_with_str("warn").and_then(flexi_logger::Logger::start);
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FALLS_SHORT),
        Err(error) => {
            drop(logger);
            println!("{:?} could not run: {error}", options.bench);
            ExitCode::FAILURE
        }
    }
}
