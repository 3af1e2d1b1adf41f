//! Bytes that no correct peer sends: every truncation and many random changes of every kind of packet, against both ends.
//!
//! No panic; nothing allocated before a token has opened; nothing kept that was not accepted; and no more than 0.11 bytes
//! out for a byte in from an address that has proven nothing.

use std::net::SocketAddr;
use std::time::Duration;

use mu_wire::{
    Client, ClientState, CloseCode, CookieMode, DropReason, Lane, Limits, Random, RejectCode, Server, ServerConfig,
    Time,
};

use crate::allocations::taken;
use crate::link::{Link, Outbox, Player, Shard, UNIX, Weather, keys, server_address, ticket};

const CHANGES: u64 = 100_000;
const START: Time = Time::from_micros(5_000_000);

fn address() -> SocketAddr {
    SocketAddr::from(([10, 2, 2, 1], 5000))
}

/// A random change: bits flipped, bytes overwritten, an end cut off, bytes added or a part moved.
fn change(random: &mut Random, original: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    let below = |random: &mut Random, end: usize| {
        usize::try_from(random.u64() % u64::try_from(end.max(1)).expect("small")).expect("small")
    };
    for _ in 0..=below(random, 3) {
        if bytes.is_empty() {
            break;
        }
        let at = below(random, bytes.len());
        match random.u64() % 8 {
            0..=3 => bytes[at] ^= 1 << (random.u64() % 8),
            4 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][below(random, 5)],
            5 => bytes.truncate(at),
            6 => bytes.extend_from_slice(&random.array::<7>()[..below(random, 8)]),
            _ => {
                let to = below(random, bytes.len());
                let len = below(random, (bytes.len() - at.max(to)).min(32));
                bytes.copy_within(at..at + len, to);
            }
        }
    }
    bytes
}

/// Every truncation of a packet, then random changes of it.
fn variants(seed: u8, original: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random::from_seed([seed; 32]);
    let original = original.to_vec();
    let whole = original.clone();
    (0..original.len())
        .map(move |len| original[..len].to_vec())
        .chain((0..CHANGES).map(move |_| change(&mut random, &whole)))
}

/// A server under attack.
struct Target {
    server: Server,
    shard: Shard,
    space: Vec<u8>,
}

fn target(cookie: CookieMode) -> Target {
    let limits = Limits {
        init_per_s: 1_000_000,
        handshakes_per_s: 1_000_000,
        init_per_prefix_per_s: 1_000_000,
        ..Limits::default()
    };
    let config = ServerConfig { max_connections: 4, cookie, limits, ..ServerConfig::default() };
    Target { server: Server::new(config, &keys(), [4; 32]), shard: Shard::default(), space: vec![0; 1452] }
}

/// COOKIE with the client's own id of one byte.
const COOKIE_LEN: usize = 31;

/// Reasons given before a token has opened.
const BEFORE_THE_TOKEN: [DropReason; 9] = [
    DropReason::Size,
    DropReason::Kind,
    DropReason::Malformed,
    DropReason::Protocol,
    DropReason::Routing,
    DropReason::Expired,
    DropReason::Token,
    DropReason::UnknownConnection,
    DropReason::TokenReplayed,
];

fn init() -> Vec<u8> {
    let mut out = Outbox::default();
    Client::new(ticket(1), server_address(), &[7], [5; 32], START).poll_transmit(START, &mut out);
    out.0.remove(0).1
}

fn attack_with_init(cookie: CookieMode, seed: u8) {
    let mut target = target(cookie);
    let mut now = START;
    for mut datagram in variants(seed, &init()) {
        now += Duration::from_micros(100);
        let cheap_before: u64 = BEFORE_THE_TOKEN.iter().map(|reason| target.server.stats().dropped(*reason)).sum();
        let len = datagram.len();
        let mut sink = SinkOnly { space: &mut target.space, written: 0 };
        let (server, shard) = (&mut target.server, &mut target.shard);
        let (memory, ()) = taken(|| server.receive(now, UNIX, address(), &mut datagram, shard, &mut sink));
        let written = sink.written;
        let cheap: u64 = BEFORE_THE_TOKEN.iter().map(|reason| target.server.stats().dropped(*reason)).sum();
        if cheap > cheap_before || written == COOKIE_LEN {
            assert_eq!(memory.blocks, 0, "an allocation before the token opened");
        }
        if target.shard.incoming == 0 {
            assert_eq!(memory.held, 0, "something was kept of a refused attempt");
        }
        assert!(written * 100 <= len * 11, "{written} bytes for {len}");
        if target.shard.incoming > 0 {
            // Changing only the cookie is no forgery when no cookie is asked for. The token is used up: start afresh.
            assert_eq!((target.shard.incoming, target.server.connections()), (1, 1));
            target = self::target(cookie);
        }
    }
}

struct SinkOnly<'a> {
    space: &'a mut Vec<u8>,
    written: usize,
}

impl mu_wire::DatagramSink for SinkOnly<'_> {
    fn push(&mut self, _: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        self.written += write(self.space);
        true
    }
}

/// protocol.md 1.4, 4.11.
#[test]
fn changed_init_packets_without_cookies() {
    attack_with_init(CookieMode::Never, 1);
}

#[test]
fn changed_init_packets_with_cookies() {
    attack_with_init(CookieMode::Always, 2);
}

/// COOKIE, ACCEPT and REJECT as a server sends them.
fn answers() -> Vec<(&'static str, Vec<u8>)> {
    let answer = |cookie, refuse| {
        let mut target = target(cookie);
        target.shard.refuse = refuse;
        let mut out = Outbox::default();
        target.server.receive(START, UNIX, address(), &mut init(), &mut target.shard, &mut out);
        out.0.remove(0).1
    };
    vec![
        ("cookie", answer(CookieMode::Always, None)),
        ("accept", answer(CookieMode::Never, None)),
        ("reject", answer(CookieMode::Never, Some(RejectCode::Full))),
    ]
}

#[test]
fn changed_answers_against_a_connecting_client() {
    for (seed, (kind, original)) in (10..).zip(answers()) {
        let mut client = Client::new(ticket(1), server_address(), &[7], [5; 32], START);
        let mut player = Player::default();
        for mut datagram in variants(seed, &original) {
            let genuine = datagram == original;
            client.receive(START, &mut datagram, &mut player);
            if client.state() != ClientState::Connecting {
                assert!(genuine, "a changed {kind} was believed");
                client = Client::new(ticket(1), server_address(), &[7], [5; 32], START);
                player = Player::default();
            }
        }
    }
}

/// protocol.md 1.4.
#[test]
fn changed_data_packets_against_both_ends() {
    let mut link = Link::new(1, Weather { delay: Duration::from_millis(10), ..Weather::default() });
    link.run(Duration::from_secs(1));
    let conn = link.conn();
    link.client.send(Lane::Control, b"a control message").unwrap();
    link.client.input(&[1, 2, 3]).unwrap();
    link.server.send(conn, Lane::Control, b"another").unwrap();
    let mut out = Outbox::default();
    link.client.poll_transmit(link.now, &mut out);
    let to_server = out.0.remove(0).1;
    link.server.transmit(link.now, conn, mu_wire::Tick(1), &mut |_, space| space.len().min(100), &mut out);
    let to_client = out.0.remove(0).1;
    let mut now = link.now;
    let (received, heard) = (link.client.stats().packets_received, link.shard.messages.len());
    for (mut up, mut down) in variants(20, &to_server).zip(variants(21, &to_client)) {
        if up == to_server || down == to_client {
            continue;
        }
        now += Duration::from_millis(9);
        let mut sink = SinkOnly { space: &mut Vec::new(), written: 0 };
        let (memory, ()) = taken(|| {
            link.server.receive(now, UNIX, Link::client_address(), &mut up, &mut link.shard, &mut sink);
            link.client.receive(now, &mut down, &mut link.player);
        });
        assert_eq!((sink.written, memory.blocks), (0, 0));
    }
    assert_eq!(link.client.stats().packets_received, received, "no changed packet is authentic");
    assert_eq!(link.shard.messages.len(), heard);
    assert!(link.server.stats().dropped(DropReason::Forged) > 10_000, "they did reach the cipher");
    // The genuine ones still count, and end the connection in order.
    link.server.receive(now, UNIX, Link::client_address(), &mut to_server.clone(), &mut link.shard, &mut out);
    assert_eq!(link.shard.messages.len(), heard + 1);
    link.client.receive(now, &mut to_client.clone(), &mut link.player);
    assert_eq!(link.client.stats().packets_received, received + 1);
    link.client.close(CloseCode::DONE);
}

#[test]
fn random_bytes_against_a_server() {
    let mut target = target(CookieMode::UnderLoad);
    let mut random = Random::from_seed([30; 32]);
    for number in 0..CHANGES {
        let len = usize::try_from(random.u64() % 1_500).expect("small");
        let mut datagram = vec![0; len];
        random.fill(&mut datagram);
        if number % 2 == 0 && len > 0 {
            datagram[0] = 0x40;
        }
        let mut sink = SinkOnly { space: &mut target.space, written: 0 };
        let (server, shard) = (&mut target.server, &mut target.shard);
        let (memory, ()) = taken(|| server.receive(START, UNIX, address(), &mut datagram, shard, &mut sink));
        assert_eq!((sink.written, memory.blocks), (0, 0));
    }
    assert_eq!(target.server.stats().dropped_total(), CHANGES);
}
