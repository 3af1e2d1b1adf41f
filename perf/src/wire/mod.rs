//! What the protocol costs, part by part, in memory and on one thread.
//!
//! Figures are medians of many rounds; what is compared takes turns. The same packet through `quinn-proto` is measured by the
//! `mu-peers` binary beside this one, which alone depends on peers.

mod cipher;
mod flood;
mod handshake;
mod memory;
mod packets;
mod snapshots;
mod walkers;

use std::error::Error;
use std::process::Command;

use mu_perf::report::{Promise, Want};
use mu_perf::timing::Effort;

/// Runs all parts.
pub(crate) fn run(quick: bool) -> Result<Vec<Promise>, Box<dyn Error>> {
    let effort = if quick { Effort { rounds: 5, calls: 50 } } else { Effort { rounds: 25, calls: 100 } };
    let mut promises = measure(effort, quick);
    promises.push(against_quinn(quick)?);
    Ok(promises)
}

/// How many times cheaper a small message is than through `quinn-proto`, with all that either end does about it.
const QUINN: f64 = 5.0;

fn against_quinn(quick: bool) -> Result<Promise, Box<dyn Error>> {
    let peers = std::env::current_exe()?.with_file_name("mu-peers");
    let mut command = Command::new(&peers);
    command.arg("path").args(quick.then_some("--quick"));
    let output = command.output().map_err(|error| format!("{} does not run: {error}", peers.display()))?;
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let figure = |name: &str| figures[name].as_f64().ok_or(format!("mu-peers says nothing of {name}"));
    let (ours, theirs) = (figure("ours_whole_ns")?, figure("quinn_proto_whole_ns")?);
    let beside = [
        ("ours_ns", ours),
        ("quinn_proto_ns", theirs),
        ("ours_to_event_ns", figure("ours_ns")?),
        ("quinn_proto_to_event_ns", figure("quinn_proto_ns")?),
    ];
    Ok(Promise::new("receive_vs_quinn_proto", theirs / ours, "ratio", Want::AtLeast(QUINN), &beside))
}

fn measure(effort: Effort, quick: bool) -> Vec<Promise> {
    let mut promises = cipher::promises(effort);
    promises.extend(packets::promises(effort));
    promises.push(handshake::cookie(effort));
    promises.push(handshake::per_second(effort));
    promises.push(flood::promise(quick));
    promises.extend(memory::promises());
    promises.extend(snapshots::promises(effort));
    promises
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest form: every figure is there, and those that do not depend on the clock hold.
    #[test]
    fn every_figure_is_there() {
        let promises = measure(Effort { rounds: 2, calls: 20 }, true);
        let names: Vec<_> = promises.iter().map(Promise::name).collect();
        let expected = [
            "seal_64_over_aead",
            "open_64_over_aead",
            "seal_256_over_aead",
            "open_256_over_aead",
            "seal_1200_over_aead",
            "open_1200_over_aead",
            "receive_small_message",
            "packet_both_ways",
            "allocator_calls_both_ways",
            "garbage_short_packet",
            "forged_packet",
            "init_to_cookie",
            "handshakes_per_s",
            "honest_connect_in_a_flood",
            "memory_idle",
            "memory_worst",
            "bits_per_moved_entity",
            "cache_at_50_viewers",
        ];
        assert_eq!(names, expected);
        for promise in &promises {
            let timed = ["ns", "1/s", "ratio"].contains(&promise.unit());
            assert!(timed || promise.holds(), "{promise:?}");
        }
    }
}
