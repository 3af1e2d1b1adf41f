//! Packets of a connection that stands, both ways, and what is thrown away: nanoseconds and allocator calls.
//!
//! The server's calls are timed and nothing else. The client's datagrams are made beforehand, 32 at a time; acknowledgements
//! go back between two rounds.

use std::time::Duration;

use mu_perf::rig::{self, Pair};
use mu_wire::{Lane, Tick};

use crate::counting;
use mu_perf::host::exact;
use mu_perf::report::{Promise, Want};
use mu_perf::timing::{Effort, median_of, round_ns};

/// From connection id to event, one small message.
const RECEIVE_NS: f64 = 500.0;
/// A short packet of no connection.
const GARBAGE_NS: f64 = 150.0;
/// Datagrams of a round.
const BURST: u32 = 32;
const GAP: Duration = Duration::from_millis(2);
const SMALL: [u8; 16] = [7; 16];
const SNAPSHOT: usize = 360;

/// Everything about packets.
pub(super) fn promises(effort: Effort) -> Vec<Promise> {
    vec![
        small_message(effort),
        snapshots(effort),
        allocations(),
        garbage_of_nobody(effort),
        garbage_of_somebody(effort),
    ]
}

/// A client's datagrams with one small message each, into `up`.
fn messages(pair: &mut Pair, lane: Lane) {
    for _ in 0..BURST {
        pair.now += GAP;
        pair.client.send(lane, &SMALL).expect("all is acknowledged");
        pair.client.poll_transmit(pair.now, &mut pair.up);
    }
}

/// Both ends hear of each other until nothing is left to say.
fn settle(pair: &mut Pair) {
    for _ in 0..3 {
        pair.step(Duration::from_millis(60));
    }
}

fn receive_ns(effort: Effort, lane: Lane) -> f64 {
    let mut pair = Pair::new();
    median_of(effort.rounds * 20, || {
        messages(&mut pair, lane);
        let before = pair.shard.messages;
        let count = u32::try_from(pair.up.len()).expect("few");
        let ns = round_ns(count, || pair.deliver_up());
        assert_eq!(pair.shard.messages - before, u64::from(BURST), "every message is an event");
        settle(&mut pair);
        ns
    })
}

fn small_message(effort: Effort) -> Promise {
    let unreliable = receive_ns(effort, Lane::Effects);
    let ordered = receive_ns(effort, Lane::Control);
    let beside = [("reliable_ordered_ns", ordered), ("bytes", 16.0)];
    Promise::new("receive_small_message", unreliable, "ns", Want::AtMost(RECEIVE_NS), &beside)
}

/// A tick's datagram out and the inputs in, as a shard pays for them.
fn snapshots(effort: Effort) -> Promise {
    let mut pair = Pair::new();
    let (mut out, mut inputs) = (Vec::new(), Vec::new());
    for tick in 1..=u32::try_from(effort.rounds * 100).unwrap_or(u32::MAX) {
        pair.now += Duration::from_millis(50);
        out.push(round_ns(1, || {
            let (now, conn) = (pair.now, pair.conn);
            pair.server.transmit(now, conn, Tick(tick), &mut |_, space| space.len().min(SNAPSHOT), &mut pair.down);
        }));
        pair.deliver_down();
        pair.client.input(&[1, 2, 3, 4]).expect("all is acknowledged");
        pair.client.poll_transmit(pair.now, &mut pair.up);
        inputs.push(round_ns(1, || pair.deliver_up()));
        pair.step(Duration::ZERO);
    }
    let (out, inputs) = (mu_perf::timing::median(&mut out), mu_perf::timing::median(&mut inputs));
    Promise::new(
        "packet_both_ways",
        out + inputs,
        "ns",
        Want::AtMost(2.0 * RECEIVE_NS),
        &[("send_snapshot_ns", out), ("receive_input_ns", inputs), ("snapshot_bytes", exact(SNAPSHOT as u64))],
    )
}

/// Calls of the allocator for packets of all kinds, once warm.
fn allocations() -> Promise {
    let mut pair = Pair::new();
    let mut tick = 0;
    let mut talk = |pair: &mut Pair, steps: u32| {
        for _ in 0..steps {
            tick += 1;
            pair.client.input(&[1, 2, 3, 4]).expect("there is room");
            for lane in [Lane::Control, Lane::Unordered, Lane::Effects, Lane::Position] {
                pair.client.send(lane, &SMALL).expect("there is room");
                pair.server.send(pair.conn, lane, &SMALL).expect("there is room");
            }
            let (now, conn) = (pair.now, pair.conn);
            pair.server.transmit(now, conn, Tick(tick), &mut |_, space| space.len().min(SNAPSHOT), &mut pair.down);
            pair.step(Duration::from_millis(50));
        }
    };
    talk(&mut pair, 4_000);
    let before = pair.shard.messages + pair.player.messages;
    let calls = counting::calls_during(|| talk(&mut pair, 1_000));
    let messages = pair.shard.messages + pair.player.messages - before;
    assert!(messages >= 7_900, "{messages} messages arrived");
    Promise::new("allocator_calls_both_ways", exact(calls), "calls", Want::AtMost(0.0), &[("steps", 1_000.0)])
}

/// Short packets that name no connection.
fn garbage_of_nobody(effort: Effort) -> Promise {
    let mut pair = Pair::new();
    let mut datagrams: Vec<[u8; 64]> = (0..BURST).map(noise).collect();
    let ns = median_of(effort.rounds * 20, || round_ns(BURST, || throw(&mut pair, &mut datagrams)));
    Promise::new("garbage_short_packet", ns, "ns", Want::AtMost(GARBAGE_NS), &[("bytes", 64.0)])
}

/// Short packets with a right connection id from the right address that no key opens.
fn garbage_of_somebody(effort: Effort) -> Promise {
    let mut pair = Pair::new();
    messages(&mut pair, Lane::Control);
    let mut id = [0; 9];
    let (_, genuine) = pair.up.iter_mut().next().expect("one was sent");
    id.copy_from_slice(&genuine[..9]);
    pair.deliver_up();
    settle(&mut pair);
    let mut forged = |len: usize| {
        let mut datagrams: Vec<_> = (0..BURST).map(|number| [noise(number); 20].concat()[..len].to_vec()).collect();
        for datagram in &mut datagrams {
            datagram[..9].copy_from_slice(&id);
        }
        median_of(effort.rounds * 20, || {
            pair.step(Duration::from_millis(1));
            round_ns(BURST, || throw(&mut pair, &mut datagrams))
        })
    };
    let (short, long) = (forged(64), forged(1_200));
    // As much as a genuine one: the cipher is the check.
    Promise::new("forged_packet", short, "ns", Want::AtMost(RECEIVE_NS), &[("bytes", 64.0), ("of_1200_bytes_ns", long)])
}

fn throw<D: AsMut<[u8]>>(pair: &mut Pair, datagrams: &mut [D]) {
    let Pair { server, shard, down, now, .. } = pair;
    for datagram in datagrams {
        server.receive(*now, rig::UNIX, rig::client_address(1), datagram.as_mut(), shard, down);
    }
    assert!(down.is_empty(), "garbage is answered with {} datagrams", down.len());
}

/// Bytes of a short packet that mean nothing, but for this shard's number in the connection id.
fn noise(number: u32) -> [u8; 64] {
    let mut random = mu_wire::Random::from_seed([number.to_le_bytes()[0]; 32]);
    let mut bytes: [u8; 64] = random.array();
    bytes[..2].copy_from_slice(&[0x40, 0]);
    bytes
}
