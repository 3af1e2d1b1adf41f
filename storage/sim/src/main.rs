//! `mu-value-sim`: runs seeds, prints what happened, how fast, and which rare things were met.
#![expect(clippy::print_stdout, reason = "a command line tool")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use clap::Parser;
use mu_value_sim::{Marks, run};

/// Crashes and recoveries of the value path in virtual time.
#[derive(Debug, Parser)]
struct Options {
    /// Worlds to run.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Go on until so many crashes were recovered from, instead of a number of seeds.
    #[arg(long)]
    crashes: Option<u64>,
    /// Only this seed, twice, with its hash.
    #[arg(long)]
    seed: Option<u64>,
    /// With --seed: print every step.
    #[arg(long)]
    trace: bool,
    /// Hunt for every planted mistake, with at most `--seeds` worlds each, and print a line per mistake: package, name,
    /// seeds until it was seen or `-`, what it does, what was seen.
    #[cfg(feature = "planted")]
    #[arg(long)]
    planted: bool,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: u64,
}

/// Sums over worlds.
#[derive(Debug, Default)]
struct Sums {
    worlds: u64,
    recoveries: u64,
    events: u64,
    virtual_s: f64,
    marks: Marks,
    failures: Vec<(u64, String)>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    std::panic::set_hook(Box::new(|_| {}));
    #[cfg(feature = "planted")]
    if options.planted {
        return hunt_all(options.seeds);
    }
    match options.seed {
        Some(seed) => one(seed, options.trace),
        None => many(&options),
    }
}

#[cfg(feature = "planted")]
fn hunt_all(seeds: u64) -> ExitCode {
    for mistake in mu_value_sim::planted::all() {
        let seen = mu_value_sim::planted::hunt(mistake.name, seeds);
        let (after, what) = seen.map_or(("-".to_owned(), String::new()), |(after, what)| (after.to_string(), what));
        let what = what.lines().next().unwrap_or_default();
        println!("{}\t{}\t{after}\t{}\t{what}", mistake.package, mistake.name, mistake.does);
    }
    ExitCode::SUCCESS
}

fn one(seed: u64, trace: bool) -> ExitCode {
    match (run(seed, trace), run(seed, false)) {
        (Ok(first), Ok(second)) => {
            for line in &first.trace {
                println!("{line}");
            }
            let same = first.hash == second.hash;
            println!("seed {seed}: {} recoveries, hash {:016x}, the same twice: {same}", first.recoveries, first.hash);
            if same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        (Err((violation, trace)), second) => {
            for line in trace {
                println!("{line}");
            }
            println!("seed {seed}: {}\nagain: {:?}", violation.0, second.err().map(|failed| failed.0.0));
            ExitCode::FAILURE
        }
        (Ok(_), Err((violation, _))) => {
            println!("seed {seed}: the second run differs: {}", violation.0);
            ExitCode::FAILURE
        }
    }
}

fn many(options: &Options) -> ExitCode {
    let began = cpu_seconds();
    let next = AtomicU64::new(options.first);
    let recovered = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let work = || {
        let mut sums = Sums::default();
        loop {
            let seed = next.fetch_add(1, Relaxed);
            let done = match options.crashes {
                Some(crashes) => recovered.load(Relaxed) >= crashes,
                None => seed >= options.first + options.seeds,
            };
            if done || stop.load(Relaxed) {
                return sums;
            }
            sums.worlds += 1;
            match run(seed, false) {
                Ok(report) => {
                    recovered.fetch_add(report.recoveries, Relaxed);
                    sums.recoveries += report.recoveries;
                    sums.events += report.events;
                    sums.virtual_s += report.virtual_time.as_secs_f64();
                    sums.marks.add(&report.marks);
                }
                Err((violation, _)) => {
                    println!("seed {seed}: {}", violation.0);
                    sums.failures.push((seed, violation.0));
                    stop.store(sums.failures.len() >= 5, Relaxed);
                }
            }
        }
    };
    let sums = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut all = Sums::default();
        for thread in threads {
            if let Ok(sums) = thread.join() {
                all.worlds += sums.worlds;
                all.recoveries += sums.recoveries;
                all.events += sums.events;
                all.virtual_s += sums.virtual_s;
                all.marks.add(&sums.marks);
                all.failures.extend(sums.failures);
            }
        }
        all
    });
    print(&sums, began);
    if sums.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// CPU time of this process.
fn cpu_seconds() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    std::time::Duration::try_from(spent).unwrap_or_default().as_secs_f64()
}

fn print(sums: &Sums, began: f64) {
    let cpu = (cpu_seconds() - began).max(1e-9);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = |count: u64| count as f64 / cpu;
    let years = sums.virtual_s / (365.25 * 86_400.0);
    println!("{:>12}  worlds, {} failed", sums.worlds, sums.failures.len());
    println!("{:>12}  crash-recoveries, {:.0} per CPU second", sums.recoveries, rate(sums.recoveries));
    println!("{:>12}  events, {:.0} per CPU second", sums.events, rate(sums.events));
    println!("{years:>12.2}  simulated years, {:.1} per CPU hour", years / cpu * 3_600.0);
    println!("{cpu:>12.1}  CPU seconds");
    for (name, count) in sums.marks.rows() {
        println!("{count:>12}  {name}");
    }
    let missing: Vec<&str> = sums.marks.rows().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect();
    if !missing.is_empty() {
        println!("never met: {}", missing.join("; "));
    }
    let failed: Vec<String> = sums.failures.iter().map(|(seed, _)| seed.to_string()).collect();
    if !failed.is_empty() {
        println!("failed seeds: {}", failed.join(" "));
    }
}
