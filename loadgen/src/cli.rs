//! The command line.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Load tester of mu-core: bots that are ordinary clients.
#[derive(Debug, Parser)]
#[command(name = "mu-loadgen", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Log bots in, let them play a scenario, measure, judge.
    ///
    /// Exit codes: 0 every threshold held, 99 a threshold did not, 98 the generator itself was the bottleneck and the run is invalid,
    /// 1 it could not run. Ctrl-C or TERM ends the run early, with a report; a second one ends it at once.
    Run(RunArgs),
}

/// What a run is made of.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The gateway's address, like <http://127.0.0.1:7080>.
    #[arg(long, value_name = "URL")]
    pub gateway: String,
    /// How many bots.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub bots: u32,
    /// Length of the measured window; 0 = until Ctrl-C.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// walk, town, trade, economy, mix, ccu, or a file that ends in .toml.
    #[arg(long, default_value = "mix")]
    pub scenario: String,
    /// Seed of every decision.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write the report there.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Threads of bots.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,
    /// Threads that log in.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub login_threads: u16,
    /// Whether bots share sockets.
    #[arg(long, value_enum, default_value_t = Sockets::Shared)]
    pub sockets: Sockets,
    /// Local address of the sockets.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED))]
    pub bind: IpAddr,
    /// World content of the server, if it is not the demo world.
    #[arg(long, value_name = "DIR")]
    pub content: Option<PathBuf>,
    /// Account and character names are this and five digits; 1 to 5 letters or digits.
    #[arg(long, default_value = "bot", value_parser = prefix)]
    pub account_prefix: String,
    /// Password of all accounts.
    #[arg(long, default_value = "bot-password")]
    pub password: String,
    /// Bearer token of the operations paths, for a gateway on another host.
    #[arg(long, value_name = "TOKEN")]
    pub ops_token: Option<String>,
    /// Write each trade a bot is told the end of, one JSON line at a time.
    #[arg(long, value_name = "FILE")]
    pub trades: Option<PathBuf>,
    /// Write where each bot last stood, one JSON line at a time.
    #[arg(long, value_name = "FILE")]
    pub standing: Option<PathBuf>,
    /// Write the packet keys of every connection, for decrypting a capture. Whoever has this file can read all that the bots
    /// and the server say to each other.
    #[arg(long, value_name = "FILE")]
    pub keylog: Option<PathBuf>,
    /// Print one JSON line a second to standard output.
    #[arg(long)]
    pub live: bool,
    /// End when this process, which started us, is gone.
    #[arg(long, value_name = "PID")]
    pub parent: Option<u32>,
    /// Print no line a second, only the report.
    #[arg(long, conflicts_with = "live")]
    pub quiet: bool,
}

/// Whether bots share sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sockets {
    /// 64 bots share one.
    Shared,
    /// Each bot has its own.
    PerBot,
}

fn prefix(text: &str) -> Result<String, String> {
    let fine = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fine { Ok(text.to_owned()) } else { Err("1 to 5 letters or digits".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        assert_eq!(prefix("bot").as_deref(), Ok("bot"));
        assert!(prefix("").is_err() && prefix("longer").is_err() && prefix("a_b").is_err());
    }
}
