//! The server's side of connection attempts: from INIT to ACCEPT, from INIT to COOKIE, and honest players behind a flood.

use std::time::Duration;

use mu_perf::rig::{self, Heard, Outbox, START};
use mu_wire::{CookieMode, Server, ServerConfig, Time, measure};

use mu_perf::report::{Promise, Want};
use mu_perf::timing::{Effort, median_ns, round_ns, undisturbed};

/// Handshakes a second on one core.
const PER_S: f64 = 7_000.0;
/// From INIT to COOKIE.
const COOKIE_NS: f64 = 1_000.0;

/// A server at which INITs arrive.
struct Door {
    server: Server,
    heard: Heard,
    out: Outbox,
    now: Time,
}

impl Door {
    fn new(config: ServerConfig) -> Self {
        let server = Server::new(config, &rig::keys(), [4; 32]);
        Self { server, heard: Heard::default(), out: Outbox::new(1), now: START }
    }

    fn knock(&mut self, number: u32, init: &mut [u8]) {
        self.now += Duration::from_micros(2);
        self.out.clear();
        self.server.receive(self.now, rig::UNIX, rig::client_address(number), init, &mut self.heard, &mut self.out);
    }
}

/// Handshakes a second, beside what their multiplications on the curve cost.
pub(super) fn per_second(effort: Effort) -> Promise {
    let keys = rig::keys();
    let calls = effort.calls;
    let mut numbers = 1_u32..;
    let mut each = Vec::new();
    for _ in 0..effort.rounds {
        let inits = numbers.by_ref().take(calls as usize).map(|number| (number, rig::newcomer(&keys, number, START).1));
        let mut inits: Vec<_> = inits.collect();
        let mut door = Door::new(rig::unlimited(calls as usize));
        each.extend(inits.iter_mut().map(|(number, init)| round_ns(1, || door.knock(*number, init))));
        assert_eq!(door.server.connections(), inits.len(), "every INIT is accepted");
    }
    let ns = undisturbed(&mut each);
    let calls = effort.rounds * 20;
    let (secret, peer) = ([5; 32], measure::curve_public(&[6; 32]));
    let each = |call: &dyn Fn()| undisturbed(&mut (0..calls).map(|_| round_ns(1, call)).collect::<Vec<_>>());
    let shared = each(&|| {
        std::hint::black_box(measure::curve_shared(&secret, &peer));
    });
    let public = each(&|| {
        std::hint::black_box(measure::curve_public(&secret));
    });
    let x25519 = 2.0 * shared + public;
    let fast = f64::from(u8::from(measure::curve_library() == "graviola"));
    let beside = [("handshake_ns", ns), ("x25519_ns", x25519), ("x25519_share", x25519 / ns), ("graviola", fast)];
    Promise::new("handshakes_per_s", 1e9 / ns, "1/s", Want::AtLeast(PER_S), &beside)
}

/// From INIT to COOKIE, which is all that a flood of INITs from invented addresses can cost.
pub(super) fn cookie(effort: Effort) -> Promise {
    let mut door = Door::new(ServerConfig { cookie: CookieMode::Always, ..rig::unlimited(1) });
    let mut init = rig::newcomer(&rig::keys(), 1, START).1;
    let ns = median_ns(effort, || door.knock(1, &mut init));
    assert_eq!(door.out.only().len(), 30, "the answer is COOKIE");
    Promise::new("init_to_cookie", ns, "ns", Want::AtMost(COOKIE_NS), &[])
}
