//! Honest players who connect while the same thread takes a flood, under the limits of production.
//!
//! The flood is garbage that looks like packets, and INITs with a genuine head and an invented token, each from another network.
//! It cannot read answers. Honest datagrams arrive in between, at random moments, and follow the client's own timers.

use std::time::Duration;

use mu_perf::host::exact;
use mu_perf::report::{Promise, Want};
use mu_perf::rig::{self, Heard, Outbox, START};
use mu_perf::timing::round_cpu_ns;
use mu_wire::{Client, Random, Server, ServerConfig, Time};

/// A millisecond of the flood.
const SHORT_PER_MS: u64 = 50;
const INITS_PER_MS: u64 = 15;
/// Honest players, one each ten milliseconds.
const PLAYERS: u32 = 200;
const APART_MS: u64 = 10;
/// A client gives up after ten seconds.
const PATIENCE_MS: u64 = 10_500;

struct Siege {
    server: Server,
    heard: Heard,
    out: Outbox,
    now: Time,
    random: Random,
    forged: Vec<u8>,
    waiting: Vec<(u32, Client)>,
    connected: u32,
}

/// The share of honest players who came in.
pub(super) fn promise(quick: bool) -> Promise {
    let keys = rig::keys();
    let mut siege = Siege {
        server: Server::new(ServerConfig::default(), &keys, [4; 32]),
        heard: Heard::default(),
        out: Outbox::new(1),
        now: START,
        random: Random::from_seed([9; 32]),
        forged: rig::newcomer(&keys, u32::MAX, START).1,
        waiting: Vec::new(),
        connected: 0,
    };
    let players = if quick { PLAYERS / 10 } else { PLAYERS };
    let (mut ms, mut came, mut flood_ns) = (0_u64, 0, 0.0);
    while (came < players || !siege.waiting.is_empty()) && ms < u64::from(players) * APART_MS + PATIENCE_MS {
        ms += 1;
        siege.now = START + Duration::from_millis(ms);
        if ms.is_multiple_of(APART_MS) && came < players {
            came += 1;
            siege.waiting.push((came, rig::newcomer_waiting(&keys, came, siege.now)));
        }
        let before = siege.random.u64() % INITS_PER_MS;
        flood_ns += round_cpu_ns(1, || siege.flood(before));
        siege.honest();
        flood_ns += round_cpu_ns(1, || siege.flood(INITS_PER_MS - before));
        siege.server.handle_timeouts(siege.now, &mut siege.heard);
    }
    let beside = [
        ("flood_datagrams_per_s", exact(SHORT_PER_MS + INITS_PER_MS) * 1e3),
        ("inits_per_s", exact(INITS_PER_MS) * 1e3),
        ("cpu_share_of_flood", flood_ns / 1e6 / exact(ms)),
        ("seconds", exact(ms) / 1e3),
    ];
    let share = f64::from(siege.connected) / f64::from(players);
    Promise::new("honest_connect_in_a_flood", share, "ratio", Want::AtLeast(1.0), &beside)
}

impl Siege {
    fn knock(&mut self, from: u32, datagram: &mut [u8]) {
        self.out.clear();
        self.server.receive(self.now, rig::UNIX, rig::client_address(from), datagram, &mut self.heard, &mut self.out);
    }

    fn flood(&mut self, inits: u64) {
        let noise = self.random.array::<32>();
        for n in 0..SHORT_PER_MS * inits / INITS_PER_MS {
            let mut garbage = [0x40; 64];
            garbage[2..34].copy_from_slice(&noise);
            garbage[2..10].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
            garbage[1] = 0;
            self.knock(0x0020_0000, &mut garbage);
        }
        let mut forged = std::mem::take(&mut self.forged);
        for _ in 0..inits {
            let number = self.random.array::<4>();
            forged[13..17].copy_from_slice(&number);
            forged[100..104].copy_from_slice(&number);
            let [_, a, b, c] = number;
            self.knock(u32::from_be_bytes([0, a | 0x80, b, c]), &mut forged);
        }
        self.forged = forged;
    }

    fn honest(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain_mut(|(number, client)| !self.attempt(*number, client));
        self.waiting = waiting;
    }

    /// What a client says now goes to the server and the answers come back; whether it is connected there.
    fn attempt(&mut self, number: u32, client: &mut Client) -> bool {
        let (mut up, mut player) = (Outbox::new(8), Heard::default());
        for _ in 0..3 {
            if client.next_timeout().is_some_and(|at| at <= self.now) {
                client.handle_timeout(self.now, &mut player);
            }
            up.clear();
            client.poll_transmit(self.now, &mut up);
            for (_, datagram) in up.iter_mut() {
                // Each from a network of its own.
                self.knock(number << 8, datagram);
                for (_, answer) in self.out.iter_mut() {
                    client.receive(self.now, answer, &mut player);
                }
            }
            if !std::mem::take(&mut self.heard.connected).is_empty() {
                self.connected += 1;
                return true;
            }
        }
        false
    }
}
