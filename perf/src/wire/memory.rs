//! What a connection holds at the server, idle and at the worst.
//!
//! The worst: the server queues on every lane until each refuses, the client acknowledges nothing, and everything it sends
//! arrives but for the first datagrams, so that the server keeps what came early.

use std::time::Duration;

use mu_perf::rig::Pair;
use mu_wire::Lane;

use crate::counting;
use mu_perf::host::exact;
use mu_perf::report::{Promise, Want};

const IDLE_KIB: f64 = 24.0;
const WORST_KIB: f64 = 64.0;
/// Messages offered to each lane at most.
const MESSAGES: u32 = 5_000;

/// Two promises.
pub(super) fn promises() -> [Promise; 2] {
    let idle = kib(counting::held_during(|| connection(|_| ())) - counting::held_during(without));
    let worst = kib(counting::held_during(|| connection(fill)) - counting::held_during(without));
    [
        Promise::new("memory_idle", idle, "KiB", Want::AtMost(IDLE_KIB), &[]),
        Promise::new("memory_worst", worst, "KiB", Want::AtMost(WORST_KIB), &[]),
    ]
}

fn kib(bytes: i64) -> f64 {
    exact(u64::try_from(bytes).unwrap_or(0)) / 1_024.0
}

/// An endpoint with one connection, after `act`; only the endpoint is kept.
fn connection(act: impl FnOnce(&mut Pair)) -> mu_wire::Server {
    let mut pair = Pair::new();
    for _ in 0..100 {
        pair.step(Duration::from_millis(50));
    }
    act(&mut pair);
    assert_eq!((pair.shard.closed, pair.server.connections()), (0, 1), "the connection stands");
    pair.server
}

/// The same endpoint after the connection is gone.
fn without() -> mu_wire::Server {
    let mut server = connection(|_| ());
    let mut heard = mu_perf::rig::Heard::default();
    server.handle_timeouts(mu_perf::rig::START + Duration::from_secs(3_600), &mut heard);
    assert_eq!(server.connections(), 0, "it was idle for too long");
    server
}

fn fill(pair: &mut Pair) {
    const LANES: [Lane; 6] = [Lane::Control, Lane::Value, Lane::Social, Lane::Unordered, Lane::Effects, Lane::Position];
    for lane in LANES {
        for len in [1_000, 100, 1] {
            // Lanes that forget their oldest never refuse.
            for _ in 0..MESSAGES {
                if pair.server.send(pair.conn, lane, &vec![5; len]).is_err() {
                    break;
                }
            }
            for _ in 0..MESSAGES {
                if pair.client.send(lane, &vec![6; len]).is_err() {
                    break;
                }
            }
        }
    }
    // The client never hears the server. Its first datagrams are lost, what follows is kept until they are sent again.
    for step in 0..400 {
        pair.now += Duration::from_millis(5);
        pair.server.handle_timeouts(pair.now, &mut pair.shard);
        pair.server.transmit_due(pair.now, &mut pair.down);
        pair.down.clear();
        pair.client.poll_transmit(pair.now, &mut pair.up);
        if step < 2 {
            pair.up.clear();
        }
        pair.deliver_up();
        pair.down.clear();
    }
}
