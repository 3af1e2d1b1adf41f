//! The limits of an endpoint at the values it has by itself, each with what lies just within and just beyond.
//!
//! | limit | test |
//! |---|---|
//! | datagrams of a connection, of its token | `a_connection_has_its_rate`, `a_token_may_grant_less` |
//! | datagrams from elsewhere, moves | `a_handful_from_elsewhere_is_looked_at`, `paths::moving_back_and_forth_is_bounded_and_survived` |
//! | INIT, INIT per network | `attempts_are_bounded_but_for_good_cookies`, `handshake::one_network_cannot_take_all_attempts` |
//! | INIT without a cookie | `handshake::many_attempts_turn_cookies_on`, `many_half_open_turn_cookies_on` |
//! | key exchanges | `key_exchanges_have_a_rate` |
//! | half-open, used tokens | `handshake::half_open_connections_are_bounded_and_expire`, `handshake::a_full_replay_log_…` |
//! | RESET | `reset::each_network_gets_one_in_twenty_milliseconds` |
//! | inputs unacknowledged | `inputs_wait_up_to_sixty_four` |
//! | silence | `silence_is_broken_each_second`, `handshake::a_silent_peer_is_given_up_by_both_sides` |
//! | memory | `steady::an_idle_connection_takes_no_more_than_stated` |
//!
//! Keys are in `connection/renewal.rs`, lanes in `lanes/model.rs`, blocks in `blocks/tests.rs`, acknowledgements in `packet/`.

use std::net::SocketAddr;
use std::time::Duration;

use mu_wire::{Client, DropReason, KeyLimits, Lane, Limits, SendError, Server, ServerConfig, Time};

use crate::link::{Link, Outbox, Player, Shard, UNIX, Weather, claims, keys, server_address, ticket};

const START: Time = Time::from_micros(5_000_000);

fn connected(seed: u64) -> Link {
    let mut link = Link::new(seed, Weather { delay: Duration::from_millis(10), ..Weather::default() });
    link.run(Duration::from_secs(2));
    link.conn();
    link
}

/// A data packet of the connection that the server has not got.
fn packet(link: &mut Link) -> Vec<u8> {
    link.client.send(Lane::Control, b"hello").unwrap();
    let mut out = Outbox::default();
    link.client.poll_transmit(link.now, &mut out);
    out.0.remove(0).1
}

fn give(link: &mut Link, from: SocketAddr, datagram: &[u8]) {
    let mut out = Outbox::default();
    link.server.receive(link.now, UNIX, from, &mut datagram.to_vec(), &mut link.shard, &mut out);
}

/// How many of 15,000 datagrams in a second the connection is allowed.
fn allowed(link: &mut Link) -> u64 {
    let datagram = packet(link);
    link.run(Duration::from_secs(3));
    let before = link.server.stats().dropped(DropReason::PacketRate);
    for _ in 0..1_000 {
        link.now += Duration::from_millis(1);
        (0..15).for_each(|_| give(link, Link::client_address(), &datagram));
    }
    15_000 - (link.server.stats().dropped(DropReason::PacketRate) - before)
}

#[test]
fn a_connection_has_its_rate() {
    let looked_at = allowed(&mut connected(1));
    assert!((355..=360).contains(&looked_at), "{looked_at}: 240 at once and 120 a second");
}

#[test]
fn a_token_may_grant_less() {
    let mut link = connected(2);
    let mut granted = claims(77);
    granted.max_pps = 30;
    let ticket = keys().sealer().seal(&granted, 0, &mut mu_wire::Random::from_seed([7; 32]));
    link.client = Client::new(ticket, server_address(), &[], [6; 32], link.now);
    link.player = Player::default();
    link.run(Duration::from_secs(2));
    let looked_at = allowed(&mut link);
    assert!((260..=271).contains(&looked_at), "{looked_at}: 240 at once and 30 a second");
}

#[test]
fn a_handful_from_elsewhere_is_looked_at() {
    let mut link = connected(3);
    let mut forged = packet(&mut link);
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let elsewhere = |host: u16| SocketAddr::from(([10, 66, 0, 1], 1_000 + host));
    for step in 0..2_000 {
        link.now += Duration::from_millis(1);
        give(&mut link, elsewhere(step), &forged);
    }
    let forged = link.server.stats().dropped(DropReason::Forged);
    assert!((22..=25).contains(&forged), "{forged}: 8 at once and 8 a second");
    assert_eq!(link.server.stats().dropped(DropReason::StaleRate), 2_000 - forged);
}

fn init(number: u64, nonce: u8) -> Vec<u8> {
    let mut out = Outbox::default();
    Client::new(ticket(number), server_address(), &[], [nonce; 32], START).poll_transmit(START, &mut out);
    out.0.remove(0).1
}

/// Somebody in a network of his own.
fn stranger(number: u32) -> SocketAddr {
    let [_, a, b, c] = number.to_be_bytes();
    SocketAddr::from(([10 + a, b, c, 1], 7))
}

#[test]
fn attempts_are_bounded_but_for_good_cookies() {
    let (mut server, mut shard) = (Server::new(ServerConfig::default(), &keys(), [4; 32]), Shard::default());
    let mut out = Outbox::default();
    let mut garbage = init(1, 1);
    garbage[100] ^= 1;
    let flood = |server: &mut Server, now: Time| {
        for number in 0..20_000 {
            let mut out = Outbox::default();
            server.receive(now, UNIX, stranger(number), &mut garbage.clone(), &mut Shard::default(), &mut out);
        }
    };
    flood(&mut server, START);
    let refused = server.stats().dropped(DropReason::InitRate);
    assert_eq!(20_000 - refused, 500, "a tenth of 5,000 at once");
    // A client whose first INIT came between gets a cookie, and with it in, however long the flood lasts.
    let (mut client, mut player) = (Client::new(ticket(2), server_address(), &[], [2; 32], START), Player::default());
    let now = START + Duration::from_millis(1);
    client.poll_transmit(now, &mut out);
    server.receive(now, UNIX, stranger(77), &mut out.0.remove(0).1, &mut shard, &mut out);
    let mut cookie = out.0.remove(0).1;
    assert_eq!(cookie.len(), 30, "COOKIE");
    client.receive(now, &mut cookie, &mut player);
    flood(&mut server, now);
    client.poll_transmit(now, &mut out);
    server.receive(now, UNIX, stranger(77), &mut out.0.remove(0).1, &mut shard, &mut out);
    assert_eq!(out.0.remove(0).1.len(), 121, "ACCEPT");
}

#[test]
fn many_half_open_turn_cookies_on() {
    let limits = Limits { calm_half_open: 3, ..Limits::default() };
    let mut server = Server::new(ServerConfig { limits, ..ServerConfig::default() }, &keys(), [4; 32]);
    let lengths: Vec<usize> = (0..6)
        .map(|number| {
            let mut out = Outbox::default();
            server.receive(START, UNIX, stranger(1), &mut init(number, 1), &mut Shard::default(), &mut out);
            out.0.remove(0).1.len()
        })
        .collect();
    assert_eq!(lengths, [121, 121, 121, 121, 30, 30]);
    assert_eq!(Limits::default().calm_half_open, 512);
}

#[test]
fn key_exchanges_have_a_rate() {
    let limits = Limits { handshakes_per_s: 50, ..Limits::default() };
    let mut server = Server::new(ServerConfig { limits, ..ServerConfig::default() }, &keys(), [4; 32]);
    for number in 0..20 {
        let mut out = Outbox::default();
        server.receive(START, UNIX, stranger(1), &mut init(number, 1), &mut Shard::default(), &mut out);
    }
    assert_eq!(server.stats().accepts, 5, "a tenth of a second's worth at once");
    assert_eq!(server.stats().dropped(DropReason::HandshakeRate), 15);
    assert_eq!(Limits::default().handshakes_per_s, 3_000);
}

#[test]
fn inputs_wait_up_to_sixty_four() {
    let mut link = connected(4);
    link.weather.loss = 1_000;
    for number in 0..64 {
        assert_eq!(link.client.input(&[1]), Ok(number));
    }
    assert_eq!(link.client.input(&[1]), Err(SendError::Full));
    link.weather.loss = 0;
    link.run(Duration::from_secs(3));
    assert_eq!(link.shard.inputs.len(), 64);
}

#[test]
fn silence_is_broken_each_second() {
    let mut link = connected(5);
    link.run(Duration::from_secs(5));
    let (up, down) = (link.client.stats().datagrams_out, link.server.stats().datagrams_out);
    link.run(Duration::from_secs(20));
    let sent = (link.client.stats().datagrams_out - up, link.server.stats().datagrams_out - down);
    // Each PING is acknowledged, and every 2 s a time request is answered.
    assert!((20..=60).contains(&sent.0) && (20..=60).contains(&sent.1), "{sent:?} in 20 s");
    assert!(link.shard.closed.is_empty() && link.player.closed.is_empty());
}

#[test]
fn the_values_are_those_of_the_document() {
    let limits = Limits::default();
    assert_eq!((limits.packets_per_s, limits.packets_burst), (120, 240));
    assert_eq!((limits.stale_per_s, limits.move_rest), (8, Duration::from_secs(2)));
    assert_eq!((limits.init_per_s, limits.init_per_prefix_per_s, limits.init_per_prefix_burst), (5_000, 64, 256));
    assert_eq!((limits.calm_init_per_s, limits.half_open, limits.replay_log), (500, Duration::from_secs(3), 65_536));
    assert_eq!((limits.resets_per_s, limits.resets_per_prefix_per_s), (5_000, 50));
    let worn = KeyLimits { packets: 1 << 20, age: Duration::from_secs(1_800), forged: 1 << 30 };
    assert_eq!(limits.keys, worn);
    let config = ServerConfig::default();
    assert_eq!((config.max_half_open, config.idle), (1_024, Duration::from_secs(10)));
}
