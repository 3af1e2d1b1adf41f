//! Bad links: whatever is lost, late, doubled or out of order, the lanes keep their promises and the connection lives.

use std::collections::HashSet;
use std::time::Duration;

use mu_wire::{ClientState, KeyLimits, Lane, Limits, Random, SendError, ServerConfig, Tick};

use crate::link::{Link, Weather};

/// Seeds run in the ordinary test.
const SEEDS: u64 = 60;

struct Draw(Random);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0.u64() % end
    }

    fn bytes(&mut self, number: u32, longest: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.below(longest + 1)).expect("short")];
        self.0.fill(&mut bytes);
        // The number in front makes each message its own.
        [&number.to_le_bytes()[..], &bytes].concat()
    }
}

fn weather(draw: &mut Draw) -> Weather {
    Weather {
        loss: draw.below(200),
        duplicate: draw.below(60),
        delay: Duration::from_millis(draw.below(150)),
        jitter: Duration::from_millis(draw.below(80)),
    }
}

/// Everything one run sends, to be compared with what arrives.
#[derive(Default)]
struct Sent {
    to_server: Vec<Vec<u8>>,
    to_client: Vec<Vec<u8>>,
    inputs: Vec<Vec<u8>>,
    snapshots: Vec<(u64, Vec<u8>)>,
}

fn talk(link: &mut Link, draw: &mut Draw, sent: &mut Sent) {
    for step in 0..4_000_u32 {
        let conn = link.conn();
        if step < 3_500 && draw.below(8) == 0 {
            let message = draw.bytes(step, 1_000);
            match link.client.send(Lane::Control, &message) {
                Ok(()) => sent.to_server.push(message),
                Err(error) => assert_eq!(error, SendError::Full),
            }
        }
        if step < 3_500 && draw.below(8) == 0 {
            let longest = if draw.below(4) == 0 { 1_000 } else { 60 };
            let message = draw.bytes(step, longest);
            match link.server.send(conn, Lane::Control, &message) {
                Ok(()) => sent.to_client.push(message),
                Err(error) => assert_eq!(error, SendError::Full),
            }
        }
        if step < 3_500 && draw.below(12) == 0 {
            let input = draw.bytes(step, 28);
            match link.client.input(&input) {
                Ok(sequence) => {
                    assert_eq!(sequence as usize, sent.inputs.len());
                    sent.inputs.push(input);
                }
                Err(error) => assert_eq!(error, SendError::Full),
            }
        }
        let body = draw.bytes(step, 300);
        link.step((step % 10 == 0).then_some(Tick(step / 10)), &mut |packet, space| {
            if space.len() < body.len() {
                return 0;
            }
            space[..body.len()].copy_from_slice(&body);
            sent.snapshots.push((packet, body.clone()));
            body.len()
        });
    }
}

fn run(seed: u64) {
    let mut draw = Draw(Random::from_seed([u8::try_from(seed % 256).expect("a byte"); 32]));
    // Keys are worn after a few packets, so that each run renews them many times.
    let keys = KeyLimits { packets: 16 + draw.below(100), ..KeyLimits::default() };
    let limits = Limits { keys, ..Limits::default() };
    let mut link = Link::with(seed, weather(&mut draw), ServerConfig { limits, ..ServerConfig::default() });
    link.client.set_key_limits(keys);
    link.run(Duration::from_secs(9));
    assert_eq!(link.client.state(), ClientState::Connected, "seed {seed}: {:?}", link.weather);
    let mut sent = Sent::default();
    talk(&mut link, &mut draw, &mut sent);
    assert_eq!(link.client.state(), ClientState::Connected, "seed {seed}: {:?}", link.weather);
    link.weather = Weather { delay: Duration::from_millis(10), ..Weather::default() };
    link.run(Duration::from_secs(8));

    let context = format!("seed {seed}");
    let stats = link.client.stats();
    assert!(stats.keys_renewed > 1 && stats.server_keys_renewed > 1, "{context}: {stats:?}");
    assert!(link.shard.closed.is_empty() && link.player.closed.is_empty(), "{context}");
    assert!(sent.to_server.len() > 200 && sent.to_client.len() > 200 && sent.inputs.len() > 100, "{context}");
    assert!(link.shard.messages == sent.to_server, "{context}: control to the server");
    assert!(link.player.messages == sent.to_client, "{context}: control to the client");
    let inputs: Vec<_> = (0..).zip(sent.inputs).collect();
    assert!(link.shard.inputs == inputs, "{context}: inputs");
    check_fates(&link, &sent.snapshots, &context);
}

/// Each snapshot has one fate, and "delivered" is never said of one that did not come.
fn check_fates(link: &Link, snapshots: &[(u64, Vec<u8>)], context: &str) {
    let came: HashSet<&[u8]> = link.player.snapshots.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!(came.len(), link.player.snapshots.len(), "{context}: no snapshot comes twice");
    let mut told = HashSet::new();
    for packet in link.shard.delivered.iter().chain(&link.shard.lost) {
        assert!(told.insert(*packet), "{context}: packet {packet} has two fates");
    }
    for (packet, body) in snapshots {
        assert!(told.contains(packet), "{context}: packet {packet} has no fate");
        if link.shard.delivered.contains(packet) {
            assert!(came.contains(&body[..]), "{context}: packet {packet} is said to have come");
        }
    }
    assert_eq!(told.len(), snapshots.len(), "{context}");
}

/// protocol.md 8.6, 8.22.
#[test]
fn lanes_keep_their_promises_in_any_weather() {
    for seed in 0..SEEDS {
        run(seed);
    }
}

/// Both sides send more packets into the dark than they keep records of; when it lifts, everything comes through.
/// protocol.md 8.10.
#[test]
fn a_blackout_longer_than_the_records_is_survived() {
    let mut link = Link::new(9, Weather { delay: Duration::from_millis(20), ..Weather::default() });
    link.run(Duration::from_secs(1));
    let conn = link.conn();
    link.weather.loss = 1_000;
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for step in 0..1_200_u32 {
        let message = step.to_le_bytes().to_vec();
        if link.client.send(Lane::Control, &message).is_ok() {
            up.push(message.clone());
        }
        if link.server.send(conn, Lane::Control, &message).is_ok() {
            down.push(message);
        }
        link.step(Some(Tick(step)), &mut |_, space| space.len().min(10));
    }
    assert!(up.len() >= 1_000 && down.len() >= 1_000, "the lanes fill up: {} and {}", up.len(), down.len());
    link.weather.loss = 0;
    link.run(Duration::from_secs(5));
    assert_eq!(link.client.state(), ClientState::Connected);
    assert!(link.shard.messages == up && link.player.messages == down);
    // Nobody may have sent in a loop while nothing could be done about the silence.
    assert!(*link.sent.borrow() < 4_000, "{} datagrams", link.sent.borrow());
}
