//! `mu-core replay FILE`: the protocol of a recorded shard made again from its capture (docs/capture.md), offline.
//!
//! The endpoint is given every recorded call; at each checkpoint all that came out of it must be what came out then. It
//! opens no socket and writes nothing.

#![allow(clippy::print_stdout, reason = "this is the program's front end")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mu_wire::HostKeys;
use mu_wire::capture::{CaptureError, CaptureFault, ServerReplay, Summary};
use serde_json::json;

use super::CommandError;
use super::check::load;
use super::cli::ConfigArgs;
use crate::boot;

/// Something else came out than what was recorded.
const DIVERGED: u8 = 2;
/// The file ends before its recording does, or is damaged; up to there all is the same.
const CUT_OFF: u8 = 3;

/// Arguments of `mu-core replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The capture of a shard
    file: PathBuf,
    /// The settings of the host that was recorded: its keys open what players sent
    #[command(flatten)]
    config: ConfigArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How a replay ended.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    word: &'static str,
    exit_code: u8,
    /// What is wrong, and where.
    problem: Option<CaptureError>,
}

/// `mu-core replay`. Exit code 0: the same to the end; 2: it became another story; 3: the same as far as the file goes.
///
/// # Errors
/// [`CommandError`] when no answer was reached: no capture, another protocol, other keys.
pub fn run(args: &ReplayArgs) -> Result<ExitCode, CommandError> {
    let settings = load(&args.config)?.settings;
    let keys = boot::host_keys(&settings, &boot::keys::load(&settings.keys.file)?);
    let file = std::fs::read(&args.file).map_err(|source| CommandError::file(&args.file, source))?;
    let (verdict, summary) =
        replay(&file, &keys).map_err(|source| CommandError::Capture { path: args.file.clone(), source })?;
    if args.json {
        let report = json!({
            "file": args.file.display().to_string(),
            "result": verdict.word,
            "problem": verdict.problem.map(|problem| problem.to_string()),
            "calls": summary.calls,
            "checkpoints": summary.checkpoints,
            "datagrams": summary.datagrams,
            "events": summary.events,
            "state": format!("{:016x}", summary.digest),
            "ended_by_owner": summary.finished,
            "ended_full": summary.overrun,
        });
        println!("{report:#}");
    } else {
        let Summary { calls, checkpoints, datagrams, events, digest, .. } = summary;
        println!(
            "{}: {}: {calls} calls, {checkpoints} checkpoints, {datagrams} datagrams, {events} events, state {digest:016x}",
            args.file.display(),
            verdict.word
        );
        if let Some(problem) = verdict.problem {
            println!("  {problem}");
        }
    }
    Ok(ExitCode::from(verdict.exit_code))
}

/// Makes all calls, as far as the file goes. An error says that not even the first could be made.
fn replay(file: &[u8], keys: &HostKeys) -> Result<(Verdict, Summary), CaptureError> {
    let mut replay = ServerReplay::new(file, keys)?;
    let problem = replay.run(&mut |_| {}).err();
    let summary = replay.summary();
    let (word, exit_code) = match problem {
        None if summary.finished || summary.overrun => ("same", 0),
        // Calls after the last checkpoint were made, and nothing says what came out of them.
        None => ("cut off", CUT_OFF),
        Some(error) if error.fault == CaptureFault::Diverged => ("diverged", DIVERGED),
        Some(error) if error.fault == CaptureFault::CutOff => ("cut off", CUT_OFF),
        Some(_) => ("damaged", CUT_OFF),
    };
    Ok((Verdict { word, exit_code, problem }, summary))
}

#[cfg(test)]
mod tests {
    use mu_wire::capture::RecordedServer;
    use mu_wire::{ConnId, DatagramSink, Lane, ServerConfig, Time};

    use super::*;

    struct Nowhere;

    impl DatagramSink for Nowhere {
        fn push(&mut self, _: std::net::SocketAddr, _: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
            true
        }
    }

    fn keys(seed: u8) -> HostKeys {
        HostKeys::from_master(&[seed; 32], 1)
    }

    fn capture() -> (Vec<u8>, Vec<u8>) {
        let config = ServerConfig { max_connections: 4, max_half_open: 4, ..ServerConfig::default() };
        let mut server = RecordedServer::recorded(config, &keys(3), [1; 32], usize::MAX);
        for ms in 0..2_000 {
            server.transmit_due(Time::from_micros(ms), &mut Nowhere);
        }
        let before = server.take_tape();
        server.finish_tape();
        (before, server.take_tape())
    }

    #[test]
    fn a_whole_capture_is_the_same_to_its_end() {
        let (mut file, end) = capture();
        file.extend(end);
        let (verdict, summary) = replay(&file, &keys(3)).unwrap();
        assert_eq!((verdict.word, verdict.exit_code, verdict.problem), ("same", 0, None));
        assert_eq!((summary.calls, summary.checkpoints), (2_000, 2));
    }

    #[test]
    fn a_capture_without_its_end_says_so_and_is_the_same_up_to_there() {
        let (file, _) = capture();
        let (verdict, summary) = replay(&file, &keys(3)).unwrap();
        assert_eq!((verdict.word, verdict.exit_code, summary.calls), ("cut off", CUT_OFF, 2_000));
        let (verdict, summary) = replay(&file[..file.len() - 1], &keys(3)).unwrap();
        assert_eq!((verdict.word, verdict.exit_code, summary.calls), ("cut off", CUT_OFF, 1_999));
        assert!(verdict.problem.is_some());
    }

    #[test]
    fn damage_and_another_story_are_told_apart_from_each_other() {
        let (mut file, _) = capture();
        let last = file.len() - 1;
        file[last] ^= 1;
        assert_eq!(replay(&file, &keys(3)).unwrap().0.word, "damaged");
        assert_eq!(replay(&file, &keys(4)).unwrap_err().fault, CaptureFault::OtherKeys);
        let config = ServerConfig { max_connections: 4, max_half_open: 4, ..ServerConfig::default() };
        let mut server = RecordedServer::recorded(config, &keys(3), [1; 32], usize::MAX);
        let mut told = |calls: u32| {
            for _ in 0..calls {
                let _nobody = server.send(ConnId { slot: 0, generation: 0 }, Lane::Social, b"hello");
            }
            server.take_tape()
        };
        let [mut begin, _left_out, rest] = [told(10), told(10), told(1_100)];
        begin.extend(rest);
        let (verdict, summary) = replay(&begin, &keys(3)).unwrap();
        assert_eq!((verdict.word, verdict.exit_code, summary.checkpoints), ("diverged", DIVERGED, 0));
    }
}
