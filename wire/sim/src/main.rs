//! `mu-sim`: runs many seeds and says what happened in them, or one seed with its story.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use mu_wire_sim::{Options, Report, run, run_all};

/// Failures after which no more seeds are begun.
const FAILURES_MAX: usize = 10;

/// Simulates the client protocol over bad networks, in virtual time.
#[derive(Debug, Parser)]
#[command(name = "mu-sim")]
struct Cli {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Threads; one for each core if left out.
    #[arg(long)]
    threads: Option<usize>,
    /// Runs only this seed.
    #[arg(long, conflicts_with_all = ["seeds", "first", "threads"])]
    seed: Option<u64>,
    /// Prints what happens in it, line by line.
    #[arg(long, requires = "seed")]
    trace: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let good = match cli.seed {
        Some(seed) => one(seed, cli.trace),
        None => many(&cli),
    };
    match good {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // The reader has gone; nobody is left to be told.
        Err(_) => ExitCode::from(2),
    }
}

#[expect(clippy::disallowed_methods, reason = "how fast the simulator runs is measured by the real clock")]
fn clock() -> Instant {
    Instant::now()
}

fn one(seed: u64, trace: bool) -> std::io::Result<bool> {
    let mut out = std::io::stdout().lock();
    let outcome = run(seed, Options { in_words: trace, ..Options::default() });
    for line in &outcome.lines {
        writeln!(out, "{line}")?;
    }
    write!(out, "{}", outcome.tally)?;
    writeln!(out, "seed {seed}: trace {:016x}", outcome.hash)?;
    if let Some(fault) = &outcome.fault {
        writeln!(out, "FAILED at {:.6} s: {}", Duration::from_micros(fault.at_us).as_secs_f64(), fault.what)?;
    }
    Ok(outcome.fault.is_none())
}

fn many(cli: &Cli) -> std::io::Result<bool> {
    let threads = cli.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let begun = clock();
    let shown = std::io::stderr().is_terminal();
    let report = run_all((cli.first, cli.seeds), threads, FAILURES_MAX, &|done| {
        if shown && done.is_multiple_of(1_000) {
            let _reader_gone = write!(std::io::stderr(), "\r{done} of {} seeds", cli.seeds);
        }
    });
    print(&report, begun.elapsed(), threads)?;
    Ok(report.failures.is_empty())
}

fn print(report: &Report, took: Duration, threads: usize) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    write!(out, "{}", report.tally)?;
    let virtual_hours = Duration::from_micros(report.tally.virtual_us).as_secs_f64() / 3_600.0;
    let per_s = f64::from(u32::try_from(report.runs).unwrap_or(u32::MAX)) / took.as_secs_f64();
    writeln!(
        out,
        "{} seeds, {virtual_hours:.1} virtual hours in {:.1} s on {threads} threads: {per_s:.0} seeds/s, trace {:016x}",
        report.runs,
        took.as_secs_f64(),
        report.hash
    )?;
    for failure in &report.failures {
        writeln!(
            out,
            "FAILED seed {} {}\n       again with its story: mu-sim --seed {} --trace",
            failure.seed, failure.what, failure.seed
        )?;
    }
    Ok(())
}
