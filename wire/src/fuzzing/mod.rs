//! Entry points for fuzzing: each takes any bytes and panics when something that must always hold does not.
//!
//! The targets are those of the parsers that strangers reach, of the parsers behind the cipher that only an authentic peer
//! reaches, and of whole ends driven by a script. Nothing here draws its own bytes: a fuzzer does (`wire/fuzz`), the
//! corpus in `wire/fuzz/corpus` and the tests below it repeat what was found.

mod captures;
mod data;
mod packets;
mod peers;
mod script;
mod strangers;
#[cfg(test)]
mod tests;

/// One entry point.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: the folder of its corpus.
    pub name: &'static str,
    /// Takes the bytes; panics if an invariant breaks.
    pub run: fn(&[u8]),
    /// Bytes that a run may hold at once, beside 1,024 and 64 for each byte of input.
    pub budget: usize,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "header", run: packets::header, budget: 0 },
    Target { name: "prelude", run: packets::prelude, budget: 0 },
    Target { name: "ranges", run: packets::ranges, budget: 0 },
    Target { name: "frames", run: packets::frames, budget: 0 },
    Target { name: "replay_window", run: packets::replay_window, budget: 256 * 1024 },
    Target { name: "connection_id", run: packets::connection_id, budget: 0 },
    Target { name: "init", run: strangers::init, budget: 0 },
    Target { name: "answers", run: strangers::answers, budget: 0 },
    Target { name: "token", run: strangers::token, budget: 0 },
    Target { name: "claims", run: strangers::claims, budget: 0 },
    Target { name: "server", run: strangers::server, budget: 512 * 1024 },
    Target { name: "captures", run: captures::captures, budget: 96 * 1024 * 1024 },
    Target { name: "messages", run: packets::messages, budget: 0 },
    Target { name: "inputs", run: packets::inputs, budget: 0 },
    Target { name: "snapshots", run: packets::snapshots, budget: 4 * 1024 * 1024 },
    Target { name: "peer_of_server", run: peers::of_server, budget: 2 * 1024 * 1024 },
    Target { name: "peer_of_client", run: peers::of_client, budget: 2 * 1024 * 1024 },
    Target { name: "two_ends", run: script::two_ends, budget: 4 * 1024 * 1024 },
];
