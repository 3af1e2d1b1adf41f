//! The command line: parse, run, print, exit.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use mu_loadgen::cli::{Cli, Command, RunArgs};
use mu_loadgen::figures::Report;
use mu_loadgen::run::{exit_code, run};
use mu_loadgen::stop::Stop;

fn main() -> ExitCode {
    let Command::Run(args) = Cli::parse().command;
    let logger = flexi_logger::Logger::try_with_env_or_str("warn").and_then(flexi_logger::Logger::start);
    let stop = match Stop::on_signals() {
        Ok(stop) => stop,
        Err(error) => return failed(&format!("signals cannot be handled: {error}")),
    };
    let code = match run(&args, &stop) {
        Ok(report) => finish(&args, &report),
        Err(error) => failed(&error.to_string()),
    };
    drop(logger);
    code
}

fn finish(args: &RunArgs, report: &Report) -> ExitCode {
    // Standard output belongs to the live lines when a program reads them.
    let mut people: Box<dyn std::io::Write> =
        if args.live { Box::new(std::io::stderr()) } else { Box::new(std::io::stdout()) };
    let _reader_gone = write!(people, "{report}");
    if let Some(path) = &args.json
        && let Err(error) = write_json(path, report)
    {
        return failed(&format!("{}: {error}", path.display()));
    }
    ExitCode::from(exit_code(report))
}

fn write_json(path: &Path, report: &Report) -> std::io::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    std::fs::write(path, text + "\n")
}

fn failed(message: &str) -> ExitCode {
    let _reader_gone = writeln!(std::io::stderr(), "mu-loadgen: {message}");
    ExitCode::FAILURE
}
