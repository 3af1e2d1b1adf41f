//! The same work over loopback: N clients, 20 datagrams of 400 bytes a second to each, 5 inputs of 16 bytes a second from each.
//!
//! The server is a process of its own, so that its CPU time is its own; the clients share this one. A number of clients is held if
//! at least 99.9 % of the datagrams arrive and 99 % of those within 100 ms. Every engine sends to a tenth of its clients in each
//! step of 5 ms, so none gains by bursts.

mod enet;
mod engine;
mod ours;
mod quic;
mod raw;
mod renet;
mod serve;
mod trial;

use clap::ValueEnum;
use mu_perf::host::exact;
use mu_perf::report::{Promise, Want};

use crate::Failed;
pub(crate) use serve::serve;
use trial::Outcome;

/// Bytes of a datagram to a client, before the protocol adds its own.
const DOWN_BYTES: usize = 400;
/// Bytes of an input.
const UP_BYTES: usize = 16;
/// Steps of a tick of 50 ms.
const TICK_STEPS: u64 = 10;
/// Steps between two inputs of a client.
const INPUT_STEPS: u64 = 40;
const STEP_MS: u64 = 5;
/// Ours needs at most this share of what the best encrypted peer needs.
const ENCRYPTED: f64 = 2.0;
/// And at most so many times what the bare loop needs.
const RAW: f64 = 1.3;

/// What carries the datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// `mu-wire` on `mu-wire-io`.
    Ours,
    /// The same datagrams without a protocol, in the same batches.
    Raw,
    /// `renet` with `renet_netcode`, encrypted.
    Renet,
    /// `quinn` datagrams, rustls with ring.
    Quinn,
    /// `rusty_enet`, not encrypted.
    Enet,
}

impl Engine {
    const ALL: [Self; 5] = [Self::Ours, Self::Raw, Self::Renet, Self::Quinn, Self::Enet];

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Raw => "raw",
            Self::Renet => "renet",
            Self::Quinn => "quinn",
            Self::Enet => "enet",
        }
    }

    /// Clients at most: renet's own limit, ENet's peer numbers, and what one process may open.
    fn most(self) -> usize {
        match self {
            Self::Renet => 1_024,
            Self::Enet => 4_000,
            Self::Ours | Self::Raw | Self::Quinn => 16_000,
        }
    }
}

/// How long and how far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Seconds of each trial.
    pub(crate) seconds: u64,
    /// Clients at which all are compared.
    pub(crate) common: usize,
    /// Whether the largest number of clients is looked for.
    pub(crate) search: bool,
    /// Trials of each engine at the common number; the one with the least CPU time counts.
    pub(crate) repeats: u32,
}

impl Plan {
    pub(crate) fn new(quick: bool) -> Self {
        if quick {
            Self { seconds: 2, common: 200, search: false, repeats: 1 }
        } else {
            Self { seconds: 6, common: 500, search: true, repeats: 3 }
        }
    }
}

/// Runs every engine.
pub(crate) fn run(plan: Plan) -> Result<Vec<Promise>, Failed> {
    let mut common = Vec::new();
    for engine in Engine::ALL {
        common.push(best(engine, plan)?);
    }
    let mut most = Vec::new();
    if plan.search {
        for engine in Engine::ALL {
            most.push(largest(engine, plan));
        }
    }
    Ok(promises(&common, &most))
}

/// Turns of interference only add CPU time, so the least is the truest.
fn best(engine: Engine, plan: Plan) -> Result<Outcome, Failed> {
    let mut best: Option<Outcome> = None;
    for _ in 0..plan.repeats {
        let outcome = trial::run(engine, plan.common, plan.seconds)?;
        progress(engine, &outcome);
        if best.as_ref().is_none_or(|best| outcome.cpu_s_per_million() < best.cpu_s_per_million()) {
            best = Some(outcome);
        }
    }
    best.ok_or_else(|| "no trial was made".into())
}

/// Doubles until a number is too many, then halves the interval a few times. True if the clients' CPU ended it.
fn largest(engine: Engine, plan: Plan) -> (usize, bool) {
    let (mut low, mut high, mut next, mut client_bound) = (0, None, plan.common, false);
    loop {
        let once = || attempt(engine, next, plan.seconds);
        let outcome = once().filter(Outcome::holds).or_else(once);
        if outcome.as_ref().is_some_and(Outcome::holds) {
            low = next;
        } else {
            high = Some(next);
            client_bound = outcome.is_some_and(|outcome| outcome.client_bound());
        }
        next = match high {
            None if low == engine.most() => return (low, false),
            None => (low * 2).min(engine.most()),
            Some(high) if high - low <= (high / 6).max(20) => return (low, client_bound),
            Some(high) => low + (high - low) / 2,
        };
    }
}

/// A trial whose clients do not all come is one that does not hold.
#[expect(clippy::print_stdout, reason = "the search takes minutes; each trial is a line")]
fn attempt(engine: Engine, clients: usize, seconds: u64) -> Option<Outcome> {
    match trial::run(engine, clients, seconds) {
        Ok(outcome) => {
            progress(engine, &outcome);
            Some(outcome)
        }
        Err(error) => {
            println!("  {:<6} {clients:>6} clients: {error}", engine.name());
            None
        }
    }
}

fn promises(common: &[Outcome], most: &[(usize, bool)]) -> Vec<Promise> {
    let figures = |figure: &dyn Fn(&Outcome) -> f64| -> Vec<(&'static str, f64)> {
        Engine::ALL.iter().zip(common).map(|(engine, outcome)| (engine.name(), figure(outcome))).collect()
    };
    let cpu = figures(&Outcome::cpu_s_per_million);
    let of = |engine: Engine| cpu.iter().find(|(name, _)| *name == engine.name()).map_or(f64::NAN, |(_, cpu)| *cpu);
    let peer = of(Engine::Renet).min(of(Engine::Quinn));
    let latency = figures(&|outcome| outcome.p99_ms);
    let mut promises = vec![
        Promise::new("encrypted_peer_cpu_vs_ours", peer / of(Engine::Ours), "ratio", Want::AtLeast(ENCRYPTED), &cpu),
        Promise::new("ours_cpu_vs_raw_loop", of(Engine::Ours) / of(Engine::Raw), "ratio", Want::AtMost(RAW), &cpu),
        Promise::new(
            "p99_delivery",
            latency.first().map_or(f64::NAN, |(_, ms)| *ms),
            "ms",
            Want::AtMost(100.0),
            &latency,
        ),
    ];
    if let Some((ours, _)) = most.first() {
        let largest = |peer: &Engine| {
            most.iter().zip(Engine::ALL).find(|(_, engine)| engine == peer).map_or(0, |(most, _)| most.0)
        };
        let peer = [Engine::Renet, Engine::Quinn].iter().map(largest).max().unwrap_or(0);
        let mut beside: Vec<_> = Engine::ALL
            .iter()
            .zip(most)
            .map(|(engine, (clients, _))| (engine.name(), exact(*clients as u64)))
            .collect();
        let bound = most.iter().filter(|(_, client_bound)| *client_bound).count();
        beside.push(("ended_by_the_clients_cpu", exact(bound as u64)));
        promises.push(Promise::new(
            "largest_clients",
            exact(*ours as u64),
            "clients",
            Want::AtLeast(exact(peer as u64)),
            &beside,
        ));
    }
    promises
}

#[expect(clippy::print_stdout, reason = "the search takes minutes; each trial is a line")]
fn progress(engine: Engine, outcome: &Outcome) {
    println!(
        "  {:<6} {:>6} clients: {:6.2} s CPU a million datagrams, p99 {:6.1} ms, {:7.3} % arrived, {} inputs, client CPU {:3.0} %, {}",
        engine.name(),
        outcome.clients,
        outcome.cpu_s_per_million(),
        outcome.p99_ms,
        outcome.arrived() * 100.0,
        outcome.inputs,
        outcome.client_cpu * 100.0,
        if outcome.holds() {
            "held"
        } else if outcome.client_bound() {
            "too many for the clients' CPU"
        } else {
            "too many"
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_carries_a_few_clients() {
        for engine in Engine::ALL {
            let outcome = trial::in_this_process(engine, 5, 1).expect("it runs");
            assert!(outcome.arrived() > 0.5, "{engine:?}: {outcome:?}");
            assert!(outcome.sent >= 5 * 10 && outcome.inputs > 0, "{engine:?}: {outcome:?}");
            assert!(outcome.cpu_s_per_million() > 0.0);
        }
    }
}
