//! `mu-floods`: floods a real server in every way a stranger or a player can, one after the other, while others play. Exit
//! code 0 only if nobody noticed.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's front end")]

use std::process::ExitCode;

use clap::Parser;
use mu_perf::crash::{Broken, Programs};
use mu_perf::floods::{Flood, FloodOptions, flood};

/// Floods a real server on the loopback address while others play, and compares what they feel.
#[derive(Debug, Parser)]
#[command(name = "mu-floods", version, max_term_width = 110)]
struct Cli {
    /// Players that must not notice
    #[arg(long, default_value_t = 100, value_name = "N")]
    bots: u32,
    /// Length of each measured window
    #[arg(long, default_value_t = 15, value_name = "S")]
    seconds: u32,
    /// Milliseconds a figure may lie above the quiet one, if that is more than twice it
    #[arg(long, default_value_t = 5.0, value_name = "MS")]
    slack_ms: f64,
    /// All floods at once instead of one after the other
    #[arg(long)]
    together: bool,
    /// Only this one: packets, garbage, elsewhere, init, fragments, readers
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("could not run: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<bool, Broken> {
    let here = std::env::current_exe().map_err(|error| Broken(error.to_string()))?;
    let programs = Programs::in_folder(here.parent().unwrap_or(&here))?;
    let options = FloodOptions { bots: cli.bots, seconds: cli.seconds, slack_ms: cli.slack_ms, programs };
    let chosen: Vec<Flood> =
        Flood::ALL.into_iter().filter(|flood| cli.only.as_deref().is_none_or(|only| only == flood.name())).collect();
    let runs: Vec<&[Flood]> = if cli.together { vec![&chosen] } else { chosen.chunks(1).collect() };
    let mut held = true;
    for floods in runs {
        let report = flood(floods, &options)?;
        println!("{report}");
        if let Some(broken) = report.broken(&options) {
            println!("  BROKEN: {broken}");
            held = false;
        }
    }
    Ok(held)
}
