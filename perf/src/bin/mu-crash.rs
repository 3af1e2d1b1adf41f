//! `mu-crash`: ends a real server at random moments under real clients, and audits what is left. Exit code 0 only if
//! every promise held.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's front end")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use mu_perf::crash::{
    Blow, Broken, CrashOptions, Programs, StoreKind, die_at_points, kill_repeatedly, rewind, stop_repeatedly,
    store_outage, strike_repeatedly,
};

/// Ends a real server at random moments under real clients, restarts it, and audits everything each time.
#[derive(Debug, Parser)]
#[command(name = "mu-crash", version, max_term_width = 110)]
struct Cli {
    /// How the server ends
    #[arg(long, value_enum, default_value_t = How::Kill)]
    how: How,
    /// On which store
    #[arg(long, value_enum, default_value_t = Store::Sqlite)]
    store: Store,
    /// How often
    #[arg(long, default_value_t = 20, value_name = "N")]
    rounds: u32,
    /// Real clients meanwhile
    #[arg(long, default_value_t = 40, value_name = "N")]
    bots: u32,
    /// Decides the moments
    #[arg(long, default_value_t = 1, value_name = "X")]
    seed: u64,
    /// Where to leave the run's folder if a promise breaks
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    /// `kill -9` under trades
    Kill,
    /// TERM under walking players
    Term,
    /// The store is killed and comes back 10 s later (PostgreSQL)
    Outage,
    /// The server dies at named points of value's way; needs programs built with the feature `failpoints`
    Point,
    /// Backups are taken under trades and restored
    Rewind,
    /// The store is killed and comes back within 2 s (PostgreSQL)
    Store,
    /// Store and server are killed (PostgreSQL)
    Both,
    /// A commit is lost between server and store: its reply, itself, or it arrives late (PostgreSQL)
    Line,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Store {
    /// The embedded store
    Sqlite,
    /// A private PostgreSQL
    Postgres,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("BROKEN: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<String, Broken> {
    let here = std::env::current_exe().map_err(|error| Broken(error.to_string()))?;
    let programs = Programs::in_folder(here.parent().unwrap_or(&here))?;
    let store = match (cli.how, cli.store) {
        (How::Outage | How::Store | How::Both | How::Line, _) | (_, Store::Postgres) => StoreKind::Postgres,
        (_, Store::Sqlite) => StoreKind::Sqlite,
    };
    let options = CrashOptions {
        rounds: cli.rounds,
        store,
        bots: cli.bots,
        seed: cli.seed,
        programs,
        runtime: "auto",
        keep: cli.keep.clone(),
    };
    Ok(match cli.how {
        How::Kill => format!("{:?}", kill_repeatedly(&options)?),
        How::Term => format!("{:?}", stop_repeatedly(&options)?),
        How::Outage => format!("{:?}", store_outage(&options)?),
        How::Rewind => format!("{:?}", rewind(&options)?),
        How::Point => format!("{:?}", die_at_points(&options)?),
        How::Store => format!("{:?}", strike_repeatedly(&options, Blow::Store)?),
        How::Both => format!("{:?}", strike_repeatedly(&options, Blow::Both)?),
        How::Line => format!("{:?}", strike_repeatedly(&options, Blow::Line)?),
    })
}
