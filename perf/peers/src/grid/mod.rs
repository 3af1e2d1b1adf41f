//! Reliable messages over bad links, in virtual time: loss 0, 2, 5 and 10 % by round trips of 20, 50, 100 and 200 ms.
//!
//! The work is the same for all: every 50 ms the server sends 400 bytes that may be lost, every 100 ms each side a reliable, ordered
//! message of 64 bytes, at the same moment and before the 400 bytes; five times a second the client an input of 16 bytes that may be
//! lost. Every engine is stepped each 5 ms, renet each 20. Figures are the time until a message is handed to the application, both ways together,
//! and all bytes that either side sent, 28 for the headers of IP and UDP with each datagram.

mod enet;
mod link;
mod ours;
mod quic;
mod renet;

use mu_perf::host::exact;
use mu_perf::report::{Promise, Want};

use crate::Failed;
use link::{Link, Weather};

const LOSS_PERCENT: [u32; 4] = [0, 2, 5, 10];
const ROUND_TRIP_MS: [u64; 4] = [20, 50, 100, 200];
const STEP_US: u64 = 5_000;
const DATAGRAM: usize = 400;
const INPUT: usize = 16;
const MESSAGE: usize = 64;
/// And must bring this share of the 400 bytes that it brings.
const DATAGRAMS: f64 = 0.9;
/// Ours may send so many times the bytes of the fastest peer.
const BYTES: f64 = 1.1;

/// Which end does or hears something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Server,
    Client,
}

/// Both ends of a connection of one engine, without sockets or a clock.
trait Ends {
    /// Bytes that the engine's transport adds to each datagram where it is left out.
    const EXTRA: usize = 0;
    /// A datagram reaches an end.
    fn arrive(&mut self, now_us: u64, at: End, datagram: Vec<u8>) -> Result<(), Failed>;
    /// Timers run, and all that is due is sent: `out` gets who sent it.
    fn step(&mut self, now_us: u64, out: &mut dyn FnMut(End, Vec<u8>)) -> Result<(), Failed>;
    /// Whether both ends are connected.
    fn is_ready(&self) -> bool;
    /// Queues a reliable, ordered message.
    fn reliable(&mut self, from: End, message: &[u8]) -> Result<(), Failed>;
    /// Queues a datagram that may be lost: the server's 400 bytes, the client's inputs.
    fn unreliable(&mut self, from: End, payload: &[u8]) -> Result<(), Failed>;
    /// The reliable messages that came since the last call, with the end that heard them.
    fn heard(&mut self) -> Vec<(End, Vec<u8>)>;
    /// How many of the server's 400 bytes the client has got.
    fn datagrams(&self) -> u64;
}

/// What one engine did in one cell.
#[derive(Debug, Clone, Copy)]
struct Figures {
    p50_ms: f64,
    p99_ms: f64,
    bytes: u64,
    /// Reliable messages that never came.
    missing: u64,
    /// Share of the 400 bytes that came.
    datagrams: f64,
}

/// The engines in the order of the table; ours is the first.
const NAMES: [&str; 4] = ["ours", "quinn", "renet", "enet"];

/// Runs every engine in every cell.
pub(crate) fn run(quick: bool) -> Result<Vec<Promise>, Failed> {
    let (seconds, losses, trips) = if quick {
        (10, &LOSS_PERCENT[2..3], &ROUND_TRIP_MS[2..3])
    } else {
        (120, &LOSS_PERCENT[..], &ROUND_TRIP_MS[..])
    };
    let mut cells = Vec::new();
    for &loss in losses {
        for &round_trip in trips {
            let weather = Weather { loss_percent: loss, one_way_us: round_trip * 500, seed: loss + 1 };
            let cell = cell(weather, seconds)?;
            show(loss, round_trip, &cell);
            cells.push(cell);
        }
    }
    Ok(promises(&cells))
}

fn cell(weather: Weather, seconds: u64) -> Result<[Figures; 4], Failed> {
    Ok([
        play(&mut ours::Ours::new(), weather, seconds)?,
        play(&mut quic::Quic::new()?, weather, seconds)?,
        play(&mut renet::Renet::new(), weather, seconds)?,
        play(&mut enet::Enet::new()?, weather, seconds)?,
    ])
}

/// Virtual seconds without sending, in which what is on its way may still come.
const LINGER_S: u64 = 5;

fn play<E: Ends>(ends: &mut E, weather: Weather, seconds: u64) -> Result<Figures, Failed> {
    let mut link = Link::new(Weather { loss_percent: 0, ..weather }, E::EXTRA);
    let mut now = 1_000_000;
    while !ends.is_ready() {
        link.step(now, ends)?;
        now += STEP_US;
        if now > 30_000_000 {
            return Err("the two ends do not connect".into());
        }
    }
    link.set(weather);
    let mut latency_us = mu_perf::report::histogram();
    let (mut sent, mut came, mut bytes) = (0_u64, 0_u64, 0);
    let before = ends.datagrams();
    let steps_per_s = 1_000_000 / STEP_US;
    for step in 0..(seconds + LINGER_S) * steps_per_s {
        if step < seconds * steps_per_s {
            if step % 20 == 0 {
                let mut message = [0x33; MESSAGE];
                message[..8].copy_from_slice(&now.to_le_bytes());
                ends.reliable(End::Server, &message)?;
                ends.reliable(End::Client, &message)?;
                sent += 2;
            }
            if step % 10 == 0 {
                ends.unreliable(End::Server, &[0x44; DATAGRAM])?;
            }
            if step % 40 == 5 {
                ends.unreliable(End::Client, &[0x55; INPUT])?;
            }
            bytes = link.bytes();
        }
        link.step(now, ends)?;
        for (_, message) in ends.heard() {
            let stamp = message.first_chunk::<8>().map_or(now, |stamp| u64::from_le_bytes(*stamp));
            latency_us.saturating_record(now.saturating_sub(stamp).max(1));
            came += 1;
        }
        now += STEP_US;
    }
    Ok(Figures {
        p50_ms: exact(latency_us.value_at_quantile(0.5)) / 1e3,
        p99_ms: exact(latency_us.value_at_quantile(0.99)) / 1e3,
        bytes,
        missing: sent.saturating_sub(came),
        datagrams: exact(ends.datagrams() - before) / exact(seconds * steps_per_s / 10),
    })
}

/// The fastest peer of a cell: all of its messages came.
fn fastest(cell: &[Figures; 4]) -> Figures {
    let complete = cell[1..].iter().filter(|peer| peer.missing == 0).copied();
    complete.min_by(|a, b| a.p99_ms.total_cmp(&b.p99_ms)).unwrap_or(cell[1])
}

fn promises(cells: &[[Figures; 4]]) -> Vec<Promise> {
    let count = |holds: &dyn Fn(&[Figures; 4]) -> bool| exact(cells.iter().filter(|cell| holds(cell)).count() as u64);
    let most = |ratio: &dyn Fn(&[Figures; 4]) -> f64| cells.iter().map(ratio).fold(0.0, f64::max);
    let all = exact(cells.len() as u64);
    let p99 = |cell: &[Figures; 4]| cell[0].p99_ms / fastest(cell).p99_ms;
    let bytes = |cell: &[Figures; 4]| exact(cell[0].bytes) / exact(fastest(cell).bytes);
    let missing: u64 = cells.iter().map(|cell| cell[0].missing).sum();
    vec![
        Promise::new(
            "cells_with_p99_of_the_fastest_peer",
            count(&|cell| p99(cell) <= 1.0),
            "cells",
            Want::AtLeast(all),
            &[("of", all), ("worst_ratio", most(&p99))],
        ),
        Promise::new(
            "cells_with_its_bytes",
            count(&|cell| bytes(cell) <= BYTES),
            "cells",
            Want::AtLeast(all),
            &[("of", all), ("worst_ratio", most(&bytes))],
        ),
        // What does not fit a shrunken budget is not sent, so fewer bytes alone say little.
        Promise::new(
            "datagrams_arrived_of_the_fastest_peers",
            cells.iter().map(|cell| cell[0].datagrams / fastest(cell).datagrams).fold(f64::INFINITY, f64::min),
            "ratio",
            Want::AtLeast(DATAGRAMS),
            &[],
        ),
        Promise::new("reliable_messages_missing", exact(missing), "messages", Want::AtMost(0.0), &[]),
    ]
}

#[expect(clippy::print_stdout, reason = "the grid itself is what is asked for")]
fn show(loss: u32, round_trip: u64, cell: &[Figures; 4]) {
    let figures = NAMES.iter().zip(cell).map(|(name, figures)| {
        let missing = if figures.missing > 0 { format!(" ({} missing)", figures.missing) } else { String::new() };
        let Figures { p50_ms, p99_ms, bytes, datagrams, .. } = figures;
        format!("{name} {p50_ms:.0}/{p99_ms:.0} ms {} kB {:.0} %{missing}", bytes / 1_000, datagrams * 100.0)
    });
    println!(
        "  loss {loss:>2} %, round trip {round_trip:>3} ms; p50/p99, bytes, datagrams arrived: {}",
        figures.collect::<Vec<_>>().join("   ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_delivers_over_a_lossy_link() {
        let cell = cell(Weather { loss_percent: 5, one_way_us: 25_000, seed: 1 }, 10).expect("all connect");
        for (name, figures) in NAMES.iter().zip(cell) {
            assert_eq!(figures.missing, 0, "{name}: {figures:?}");
            assert!(
                (25.0..1_000.0).contains(&figures.p50_ms) && figures.p99_ms >= figures.p50_ms,
                "{name}: {figures:?}"
            );
            assert!(figures.bytes > 10 * 20 * 400, "{name}: {figures:?}");
        }
    }
}
