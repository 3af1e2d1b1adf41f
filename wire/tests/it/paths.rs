//! A client whose address changes goes on; nobody else moves it, starves it, or has the server send for him.

use std::net::SocketAddr;
use std::time::Duration;

use mu_wire::{CloseReason, DropReason, Lane, Random, Tick, Time};

use crate::link::{Link, Weather};

const DELAY: Duration = Duration::from_millis(30);
const TRIP: Duration = Duration::from_millis(60);
const STEP: Duration = Duration::from_millis(5);

fn other_port() -> SocketAddr {
    "10.2.2.2:5001".parse().unwrap()
}

fn other_network() -> SocketAddr {
    "10.7.7.7:900".parse().unwrap()
}

fn attacker() -> SocketAddr {
    "10.66.6.6:666".parse().unwrap()
}

fn connected(seed: u64) -> Link {
    let mut link = Link::new(seed, Weather { delay: DELAY, ..Weather::default() });
    link.run(Duration::from_secs(2));
    link.conn();
    link
}

/// What both sides say while something happens to the network.
#[derive(Default)]
struct Talk {
    up: Vec<Vec<u8>>,
    down: Vec<Vec<u8>>,
    steps: u32,
    /// The longest time in which no snapshot came, and since when.
    silence: Duration,
    heard: Option<(usize, Time)>,
}

impl Talk {
    /// One step: a message each way every 25 ms, a snapshot every 50 ms.
    fn step(&mut self, link: &mut Link) {
        self.steps += 1;
        if self.steps.is_multiple_of(5) {
            let message = self.steps.to_le_bytes().to_vec();
            if link.client.send(Lane::Control, &message).is_ok() {
                self.up.push(message.clone());
            }
            if link.server.send(link.conn(), Lane::Control, &message).is_ok() {
                self.down.push(message);
            }
        }
        let tick = self.steps.is_multiple_of(10).then_some(Tick(self.steps / 10));
        link.step(tick, &mut |_, space| space.len().min(100));
        let count = link.player.snapshots.len();
        match &mut self.heard {
            Some((heard, at)) if *heard == count => self.silence = self.silence.max(link.now.since(*at)),
            heard => *heard = Some((count, link.now)),
        }
    }

    fn run(&mut self, link: &mut Link, duration: Duration) {
        let until = link.now + duration;
        while link.now < until {
            self.step(link);
        }
    }

    /// All that was said was heard, once and in order.
    fn is_whole(&self, link: &mut Link) {
        link.weather.loss = 0;
        link.run(Duration::from_secs(4));
        assert_eq!((&link.shard.closed, &link.player.closed), (&vec![], &vec![]));
        assert!(self.up.len() > 20 && self.down.len() > 20);
        assert!(link.shard.messages == self.up, "{} of {} came up", link.shard.messages.len(), self.up.len());
        assert!(link.player.messages == self.down, "{} of {} came down", link.player.messages.len(), self.down.len());
    }
}

/// protocol.md 8.18.
#[test]
fn a_new_port_in_the_middle_of_a_transfer_costs_one_round_trip_and_nothing_else() {
    let mut link = connected(1);
    let mut talk = Talk::default();
    talk.run(&mut link, Duration::from_secs(1));
    let rtt = link.server.rtt(link.conn());
    link.client_at = other_port();
    // The first packet from there arrives within a message's interval and the way up.
    let changed = link.now;
    while link.server.stats().challenges == 0 {
        talk.step(&mut link);
    }
    assert!(link.now.since(changed) <= DELAY + 6 * STEP);
    let asked = link.now;
    while link.shard.moved.is_empty() {
        talk.step(&mut link);
    }
    let gap = link.now.since(asked);
    assert!(gap <= TRIP + 2 * STEP, "{gap:?} for a round trip of {TRIP:?}");
    assert_eq!(link.shard.moved, [other_port()]);
    assert!(link.server.rtt(link.conn()).is_some() && rtt.is_some(), "only the port changed: the path is the same");
    talk.run(&mut link, Duration::from_secs(1));
    let bound = 2 * TRIP + Duration::from_millis(50) + 6 * STEP;
    assert!(talk.silence <= bound, "no snapshot for {:?}", talk.silence);
    talk.is_whole(&mut link);
    assert_eq!((link.server.stats().moved, link.server.stats().challenges), (1, 1));
}

/// protocol.md 8.18.
#[test]
fn another_network_is_measured_anew() {
    let mut link = connected(2);
    let mut talk = Talk::default();
    talk.run(&mut link, Duration::from_secs(1));
    link.client_at = other_network();
    while link.shard.moved.is_empty() {
        talk.step(&mut link);
    }
    assert_eq!(link.server.rtt(link.conn()), None, "nothing is known of the new path");
    talk.run(&mut link, Duration::from_secs(1));
    assert!(link.server.rtt(link.conn()).is_some_and(|rtt| rtt.abs_diff(TRIP) < Duration::from_millis(15)));
    talk.is_whole(&mut link);
}

/// protocol.md 8.18.
#[test]
fn lost_challenges_and_answers_are_repeated() {
    for seed in 0..40 {
        let mut link = connected(100 + seed);
        link.weather.loss = 300;
        let mut talk = Talk::default();
        talk.run(&mut link, Duration::from_millis(500));
        link.client_at = if seed % 2 == 0 { other_port() } else { other_network() };
        talk.run(&mut link, Duration::from_secs(4));
        assert_eq!(link.shard.moved, [link.client_at], "seed {seed}");
        talk.is_whole(&mut link);
    }
}

/// protocol.md 8.18.
#[test]
fn moving_back_and_forth_is_bounded_and_survived() {
    let mut link = connected(3);
    let mut talk = Talk::default();
    let began = link.now;
    for round in 0..40 {
        link.client_at = if round % 2 == 0 { other_network() } else { Link::client_address() };
        talk.run(&mut link, Duration::from_millis(300));
    }
    let seconds = link.now.since(began).as_secs();
    let moves = link.server.stats().moved;
    assert!((2..=seconds / 2 + 1).contains(&moves), "{moves} moves in {seconds} s");
    talk.run(&mut link, Duration::from_secs(3));
    talk.is_whole(&mut link);
}

/// Lets somebody send, for each datagram of the client, what `make` makes of it, so that it arrives after `takes`.
fn attacked(
    link: &mut Link,
    talk: &mut Talk,
    duration: Duration,
    takes: Duration,
    mut make: impl FnMut(&[u8]) -> Vec<Vec<u8>>,
) -> usize {
    let until = link.now + duration;
    let (mut sent, mut seen) = (0, 0);
    link.capture = Some(Vec::new());
    while link.now < until {
        talk.step(link);
        let captured = link.capture.as_ref().unwrap();
        let fresh: Vec<Vec<u8>> =
            captured.iter().skip(seen).filter(|(_, up, _)| *up).map(|(_, _, bytes)| bytes.clone()).collect();
        seen = captured.len();
        for bytes in fresh.iter().flat_map(|bytes| make(bytes)) {
            sent += bytes.len();
            link.inject(attacker(), bytes, takes);
        }
    }
    link.capture = None;
    sent
}

/// protocol.md 8.18.
#[test]
fn packets_repeated_from_elsewhere_move_nothing() {
    let mut link = connected(4);
    let mut talk = Talk::default();
    attacked(&mut link, &mut talk, Duration::from_secs(5), DELAY + STEP, |bytes| vec![bytes.to_vec(); 3]);
    let stats = link.server.stats();
    assert_eq!((stats.moved, stats.challenges), (0, 0));
    assert!(stats.dropped(DropReason::Address) > 300, "refused by their numbers alone");
    assert!(link.astray.is_empty(), "the attacker is sent nothing");
    talk.is_whole(&mut link);
}

#[test]
fn whoever_is_faster_than_the_client_does_not_get_its_connection() {
    let mut link = connected(5);
    let mut talk = Talk::default();
    let sent = attacked(&mut link, &mut talk, Duration::from_secs(10), DELAY - STEP, |bytes| vec![bytes.to_vec()]);
    let stats = link.server.stats();
    assert_eq!(stats.moved, 0);
    assert!(stats.challenges > 2, "it was asked");
    let got: usize = link
        .astray
        .iter()
        .map(|(to, bytes)| {
            assert_eq!(*to, attacker());
            bytes.len()
        })
        .sum();
    assert!(got > 0 && got <= 3 * sent, "{got} bytes for {sent}");
    assert!(link.astray.iter().all(|(_, bytes)| bytes.len() <= 40), "challenges and nothing else");
    // The client itself is heard and answered all the time.
    assert!(talk.silence <= Duration::from_millis(100), "{:?}", talk.silence);
    talk.is_whole(&mut link);
}

#[test]
fn forged_packets_from_elsewhere_do_not_starve_the_client() {
    let mut link = connected(6);
    let mut talk = Talk::default();
    let mut random = Random::from_seed([8; 32]);
    // Some 15,000 a second, all with the right connection id; half of them guess the next number.
    let before = link.server.stats().clone();
    attacked(&mut link, &mut talk, Duration::from_secs(3), DELAY, |bytes| {
        let forged = |number: usize| {
            let mut bytes = bytes.to_vec();
            let end = bytes.len();
            if number.is_multiple_of(2) {
                random.fill(&mut bytes[9..11]);
            } else {
                bytes[9] = bytes[9].wrapping_add(20);
            }
            random.fill(&mut bytes[11..end]);
            bytes
        };
        (0..300).map(forged).collect()
    });
    let stats = link.server.stats();
    let new = |reason| stats.dropped(reason) - before.dropped(reason);
    assert!(new(DropReason::StaleRate) + new(DropReason::Address) > 30_000, "{stats:?}");
    assert!((8..=32).contains(&new(DropReason::Forged)), "{} opened in vain", new(DropReason::Forged));
    assert_eq!((new(DropReason::PacketRate), stats.moved, stats.challenges), (0, 0, 0));
    assert!(talk.silence <= Duration::from_millis(100), "{:?}", talk.silence);
    talk.is_whole(&mut link);
}

#[test]
fn a_client_moves_even_while_others_spray_its_id() {
    let mut link = connected(7);
    let mut talk = Talk::default();
    let mut random = Random::from_seed([9; 32]);
    link.client_at = other_port();
    attacked(&mut link, &mut talk, Duration::from_secs(6), DELAY, |bytes| {
        let forged = |_| {
            let mut bytes = bytes.to_vec();
            random.fill(&mut bytes[9..]);
            bytes
        };
        (0..20).map(forged).collect()
    });
    assert_eq!(link.shard.moved, [other_port()]);
    talk.is_whole(&mut link);
}

/// protocol.md 8.18.
#[test]
fn a_half_open_connection_stays_where_it_began() {
    let mut link = Link::new(8, Weather { delay: DELAY, ..Weather::default() });
    while link.server.stats().accepts == 0 {
        link.step(None, &mut |_, _| 0);
    }
    // The client gets ACCEPT, but its first packet is lost and the next ones come from elsewhere.
    link.weather.loss = 1_000;
    link.run(DELAY);
    assert!(link.player.accepted.is_some());
    link.weather.loss = 0;
    link.client_at = other_port();
    link.run(Duration::from_secs(1));
    assert!(link.shard.connected.is_empty());
    assert!(link.server.stats().dropped(DropReason::Address) > 0);
    link.run(Duration::from_secs(4));
    assert_eq!((link.server.connections(), link.player.closed.as_slice()), (0, &[CloseReason::Reset][..]));
}
