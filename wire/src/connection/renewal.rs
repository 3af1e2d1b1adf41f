//! Renewing keys: on any link, in both directions at once, under forged phase bits; and what must not make it happen.

use std::time::Duration;

use proptest::prelude::*;

use super::{Connection, Events, Extra, KeyLimits, Refusal, Role, Terms};
use crate::crypto::{Direction, DirectionKeys, OpeningKey, Random, SealingKey};
use crate::lanes::{InputIn, InputOut, Lane};
use crate::packet::Header;
use crate::time::Time;

#[derive(Default)]
struct Heard(Vec<u32>);

impl Events for Heard {
    fn message(&mut self, _: Lane, bytes: &[u8]) {
        self.0.push(u32::from_le_bytes(bytes.try_into().expect("a number")));
    }
}

fn at(ms: u64) -> Time {
    Time::from_micros(1_000_000 + ms * 1_000)
}

fn pair(limits: [KeyLimits; 2]) -> [Connection; 2] {
    let (up, down) =
        (DirectionKeys::new([1; 32], Direction::ToServer, 1), DirectionKeys::new([2; 32], Direction::ToClient, 1));
    let (to_server, to_client) = (Header::to_server(7), Header::to_client(&[9]));
    let terms = |keys| Terms {
        ack_delay: Duration::from_millis(20),
        ack_control_at_once: false,
        idle: Duration::from_secs(10),
        coalesce: Duration::ZERO,
        ceiling: 0,
        max_datagram: 1_200,
        keys,
    };
    let mut random = Random::from_seed([3; 32]);
    let keys = (SealingKey::new(&up), OpeningKey::new(&down));
    let client = Role::Client(InputOut::new());
    let client = Connection::new(at(0), keys, (to_server, to_client), client, terms(limits[0]), &mut random);
    let keys = (SealingKey::new(&down), OpeningKey::new(&up));
    let server = Role::Server(InputIn::default());
    let server = Connection::new(at(0), keys, (to_client, to_server), server, terms(limits[1]), &mut random);
    [client, server]
}

const fn after(packets: u64) -> KeyLimits {
    KeyLimits { packets, age: Duration::from_secs(1_800), forged: u64::MAX }
}

/// What the network does, in thousandths and milliseconds.
#[derive(Debug, Clone, Copy)]
struct Link {
    loss: u64,
    delay: u64,
    jitter: u64,
    /// Before each datagram a copy of it with the other phase bit arrives.
    flipped: bool,
}

struct Net {
    ends: [Connection; 2],
    heard: [Heard; 2],
    flying: Vec<(u64, usize, Vec<u8>)>,
    link: Link,
    random: Random,
    now: u64,
}

impl Net {
    fn new(ends: [Connection; 2], link: Link, seed: u64) -> Self {
        let mut bytes = [5; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let heard = [Heard::default(), Heard::default()];
        Self { ends, heard, flying: Vec::new(), link, random: Random::from_seed(bytes), now: 0 }
    }

    fn step(&mut self) {
        self.now += 2;
        let now = self.now;
        let mut due = Vec::new();
        self.flying.retain(|item| {
            if item.0 <= now {
                due.push(item.clone());
            }
            item.0 > now
        });
        due.sort_by_key(|item| item.0);
        for (_, to, datagram) in due {
            if self.link.flipped {
                let mut forged = datagram.clone();
                forged[0] ^= 0x20;
                assert!(self.ends[to].open(at(now), &mut forged).is_err());
            }
            self.take(to, datagram);
        }
        for from in 0..2 {
            if self.ends[from].deadline() <= at(now) {
                self.ends[from].timeout(at(now), &mut self.heard[from]);
            }
            if self.ends[from].is_due(at(now)) {
                self.post(from);
            }
        }
    }

    fn take(&mut self, to: usize, mut datagram: Vec<u8>) {
        if let Ok(opened) = self.ends[to].open(at(self.now), &mut datagram) {
            self.ends[to].process(at(self.now), &opened, &mut self.heard[to]).expect("a correct peer");
        }
    }

    fn post(&mut self, from: usize) {
        let mut buffer = [0; 1_452];
        let len = self.ends[from].transmit(at(self.now), Extra::None, &mut buffer);
        if len > 0 && self.random.u64() % 1_000 >= self.link.loss {
            let arrives = self.now + self.link.delay + self.random.u64() % (self.link.jitter + 1);
            self.flying.push((arrives, 1 - from, buffer[..len].to_vec()));
        }
    }

    /// Both ends send a number every 10 ms; all must come through.
    fn talk(&mut self, numbers: u32) {
        let mut sent = [0, 0];
        for step in 0..40_000 {
            for (end, sent) in sent.iter_mut().enumerate() {
                if step % 5 == 0 && *sent < numbers {
                    let message = sent.to_le_bytes();
                    *sent += u32::from(self.ends[end].send(at(self.now), Lane::Control, &message).is_ok());
                }
            }
            self.step();
            if self.heard.iter().all(|heard| heard.0.len() >= numbers as usize) {
                break;
            }
        }
        for heard in &self.heard {
            assert!(heard.0.iter().copied().eq(0..numbers), "{:?}: {} of {numbers}", self.link, heard.0.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn nothing_is_lost_while_both_ends_renew(
        seed: u64,
        loss in 0_u64..250,
        delay in 0_u64..80,
        jitter in 0_u64..60,
        flipped: bool,
        packets in 4_u64..60,
    ) {
        let ends = pair([after(packets), after(packets / 2)]);
        let mut net = Net::new(ends, Link { loss, delay, jitter, flipped }, seed);
        net.talk(400);
        let [(up, up_seen), (down, down_seen)] = [net.ends[0].renewals(), net.ends[1].renewals()];
        prop_assert!(up >= 3 && down >= 3, "{up} and {down} renewals");
        // A receiver is at most one step behind, and never ahead.
        prop_assert!(up - down_seen <= 1 && down - up_seen <= 1);
    }
}

/// protocol.md 5.6.
#[test]
fn packets_late_over_the_boundary_count() {
    let [mut client, mut server] = pair([after(2), after(u64::MAX)]);
    let mut buffer = [0; 1_452];
    let mut packet = |from: &mut Connection, ms: u64| {
        from.send(at(ms), Lane::Control, &[0; 4]).unwrap();
        let len = from.transmit(at(ms), Extra::None, &mut buffer);
        buffer[..len].to_vec()
    };
    let take = |to: &mut Connection, ms: u64, datagram: &[u8]| {
        let mut copy = datagram.to_vec();
        let opened = to.open(at(ms), &mut copy)?;
        to.process(at(ms), &opened, &mut Heard::default()).expect("correct");
        Ok(())
    };
    // The first is acknowledged, the second and third leave under the first key.
    let first = packet(&mut client, 1);
    take(&mut server, 2, &first).unwrap();
    let answer = packet(&mut server, 3);
    let late = [packet(&mut client, 3), packet(&mut client, 3)];
    take(&mut client, 4, &answer).unwrap();
    let new = packet(&mut client, 5);
    assert_eq!((late[1][0], new[0]), (0x40, 0x60));
    take(&mut server, 6, &new).unwrap();
    take(&mut server, 7, &late[1]).unwrap();
    assert_eq!(take(&mut server, 7, &new), Err(Refusal::Repeated));
    // Three probe timeouts later the former key is gone.
    assert_eq!(take(&mut server, 60_000, &late[0]), Err(Refusal::Forged));
}

/// protocol.md 5.5.
#[test]
fn a_key_is_not_renewed_before_the_peer_has_it() {
    let [mut client, mut server] = pair([after(1), after(1)]);
    let mut buffer = [0; 1_452];
    let mut packet = |from: &mut Connection, ms: u64| {
        from.send(at(ms), Lane::Control, &[0; 4]).unwrap();
        let len = from.transmit(at(ms), Extra::None, &mut buffer);
        buffer[..len].to_vec()
    };
    for ms in 0..20 {
        packet(&mut client, ms);
    }
    assert_eq!(client.renewals().0, 0, "nothing was acknowledged");
    let mut seen = packet(&mut client, 20);
    let opened = server.open(at(20), &mut seen).unwrap();
    server.process(at(20), &opened, &mut Heard::default()).unwrap();
    let mut answer = packet(&mut server, 21);
    let opened = client.open(at(21), &mut answer).unwrap();
    client.process(at(21), &opened, &mut Heard::default()).unwrap();
    for ms in 22..40 {
        packet(&mut client, ms);
    }
    assert_eq!(client.renewals().0, 1, "of the second key nothing was acknowledged");
}

/// protocol.md 5.4, 5.5.
#[test]
fn a_key_is_renewed_when_it_is_old() {
    let young = KeyLimits { packets: u64::MAX, age: Duration::from_secs(2), forged: u64::MAX };
    let link = Link { loss: 0, delay: 10, jitter: 0, flipped: false };
    let mut net = Net::new(pair([young, after(u64::MAX)]), link, 1);
    while net.now < 9_900 {
        net.step();
    }
    let (renewed, peer) = net.ends[0].renewals();
    assert!((3..=4).contains(&renewed), "{renewed} in ten seconds");
    assert_eq!(peer, 0);
    assert_eq!(net.ends[1].renewals(), (0, renewed));
}

/// protocol.md 5.7.
#[test]
fn too_many_forged_packets_end_it() {
    let limits = KeyLimits { forged: 3, ..after(u64::MAX) };
    let [mut client, mut server] = pair([after(u64::MAX), limits]);
    let mut buffer = [0; 1_452];
    client.send(at(0), Lane::Control, &[0; 4]).unwrap();
    let len = client.transmit(at(0), Extra::None, &mut buffer);
    let genuine = buffer[..len].to_vec();
    let mut forged = |bit: u8| {
        let mut copy = genuine.clone();
        copy[0] ^= bit;
        copy[len - 1] ^= 1;
        server.open(at(1), &mut copy).map(|_| ())
    };
    let refusals = [forged(0), forged(0x20), forged(0), forged(0)];
    assert_eq!(refusals, [Err(Refusal::Forged), Err(Refusal::Forged), Err(Refusal::WornOut), Err(Refusal::WornOut)]);
    assert_eq!(server.open(at(1), &mut genuine.clone()).map(|_| ()), Err(Refusal::WornOut), "not even a genuine one");
}
