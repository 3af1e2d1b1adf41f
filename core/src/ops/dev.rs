//! `mu-core dev`: a demo world on the embedded store, demo accounts, and bots as real clients in a process of their own.
//!
//! The bots are `mu-loadgen`, found beside this program; its report is this command's report. Everything lives under one
//! folder (`var/dev` by default) and survives from run to run.

#![allow(clippy::print_stdout, reason = "this is the program's front end")]

use std::io::{IsTerminal as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

use clap::Args;
use mu_config::Plan;

use super::live::LiveLine;
use super::{CommandError, logging, seed};
use crate::boot::{self, BootOptions, Running};
use crate::runtime::signals::{self, StopRequest};

/// Arguments of `mu-core dev`.
#[derive(Debug, Args)]
pub struct DevArgs {
    /// Bots: separate real clients in their own process
    #[arg(long, default_value_t = 0, value_name = "N")]
    bots: u32,
    /// End after this many seconds of load; without it, run until Ctrl-C
    #[arg(long, value_name = "S")]
    seconds: Option<u32>,
    /// What the bots do: walk, town, trade, economy, mix or ccu
    #[arg(long, default_value = "mix", value_name = "NAME")]
    scenario: String,
    /// Makes the bots' decisions repeatable
    #[arg(long, default_value_t = 1, value_name = "X")]
    seed: u64,
    /// Write the bots' report to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the demo's data live
    #[arg(long, default_value = "var/dev", value_name = "DIR")]
    data: PathBuf,
    /// Override one setting, such as `--set udp.port=7000`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Longest run without `--seconds`, in seconds: a forgotten demo ends after a day.
const LONGEST_S: u32 = 86_400;

/// Runs the demo. The exit code is the bots' verdict (`mu-loadgen`'s codes), or 0 without bots.
///
/// # Errors
/// [`CommandError`] when the server or the bots cannot start.
pub fn run(args: &DevArgs) -> Result<ExitCode, CommandError> {
    let mut plan =
        mu_config::load_demo(&args.data, mu_config::environment(), &args.set).map_err(CommandError::Config)?;
    make_room(&mut plan, args.bots);
    std::fs::create_dir_all(&args.data).map_err(|source| CommandError::file(&args.data, source))?;
    let _log = logging::start_quiet(&plan.settings.log)?;
    let server = boot::start(&plan, BootOptions::default())?;
    let accounts = seed::demo_accounts(&plan, &server, args.bots)?;
    banner(&server, &accounts);
    let signals = server.watch_signals()?;
    let mut bots = (args.bots > 0).then(|| start_bots(args, &server)).transpose()?;
    let verdict = live(args, &server, bots.as_mut())?;
    server.request_stop(StopRequest::Ordered);
    drop(signals);
    let report = server.wait();
    println!("{report}");
    if !report.is_whole() {
        return Ok(ExitCode::FAILURE);
    }
    Ok(verdict)
}

/// Bots wander: any map of the demo may hold half of them. Players of a real server are kept apart by the setting.
fn make_room(plan: &mut Plan, bots: u32) {
    let half = u16::try_from(bots / 2).unwrap_or(u16::MAX);
    plan.settings.map.hard_cap = plan.settings.map.hard_cap.max(half);
    plan.settings.udp.connections_max = plan.settings.udp.connections_max.max(bots.saturating_mul(2));
}

fn banner(server: &Running, accounts: &seed::DemoAccounts) {
    println!("mu-core {} on {} — demo world", super::status::build(), server.sources().runtime);
    println!("  gateway   http://{}", server.gateway());
    for endpoint in server.endpoints() {
        println!("  shard     udp {endpoint}");
    }
    println!("  accounts  {}  password {}", accounts.names.join(" "), accounts.password);
    println!("  status    http://{}/v1/ops/status   metrics http://{}/metrics", server.gateway(), server.gateway());
    println!("  stop      Ctrl-C");
    println!("{}", server.placement());
}

/// Starts the load generator on the housekeeping CPUs' side of the machine.
fn start_bots(args: &DevArgs, server: &Running) -> Result<Child, CommandError> {
    let program = std::env::current_exe()
        .map(|server| server.with_file_name("mu-loadgen"))
        .map_err(|error| CommandError::Loadgen(format!("this program does not know where it lies: {error}")))?;
    let mut command = Command::new(&program);
    command
        .arg("run")
        .arg("--quiet")
        .args(["--parent", &std::process::id().to_string()])
        // The terminal's Ctrl-C is ours alone: we pass it on once.
        .process_group(0)
        .args(["--gateway", &format!("http://{}", server.gateway())])
        .args(["--bots", &args.bots.to_string()])
        .args(["--seconds", &args.seconds.unwrap_or(LONGEST_S).to_string()])
        .args(["--scenario", &args.scenario])
        .args(["--seed", &args.seed.to_string()])
        .args(["--account-prefix", seed::BOT_PREFIX])
        .args(["--password", seed::PASSWORD]);
    if let Some(json) = &args.json {
        command.arg("--json").arg(json);
    }
    command.spawn().map_err(|error| {
        CommandError::Loadgen(format!(
            "{} cannot be run ({error}); build it: cargo build --release -p mu-loadgen",
            program.display()
        ))
    })
}

/// One line a second until the bots are done, a stop is asked for, or the server ends by itself.
fn live(args: &DevArgs, server: &Running, mut bots: Option<&mut Child>) -> Result<ExitCode, CommandError> {
    let mut status = LiveLine::new(server.sources());
    let terminal = std::io::stdout().is_terminal();
    let mut seconds = 0;
    loop {
        let stopping = server.wait_stop(Duration::from_secs(1));
        if let Some(bots) = bots.as_deref_mut() {
            if stopping {
                return finish_bots(bots);
            }
            let ended = bots.try_wait().map_err(|error| CommandError::Loadgen(error.to_string()))?;
            if let Some(status) = ended {
                return Ok(exit_code(status));
            }
        } else if stopping || args.seconds.is_some_and(|limit| seconds >= limit) {
            return Ok(ExitCode::SUCCESS);
        }
        seconds += 1;
        let text = status.line();
        if terminal {
            print!("\r\x1b[2K{text}");
            let _terminal_gone = std::io::stdout().flush();
        } else {
            println!("{text}");
        }
    }
}

/// Asks the bots to end, and waits for their report.
fn finish_bots(bots: &mut Child) -> Result<ExitCode, CommandError> {
    println!();
    if let Ok(pid) = i32::try_from(bots.id()) {
        // It may have ended already.
        let _ended = signals::terminate(pid);
    }
    let status = bots.wait().map_err(|error| CommandError::Loadgen(error.to_string()))?;
    Ok(exit_code(status))
}

fn exit_code(status: std::process::ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
