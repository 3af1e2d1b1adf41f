//! Getting in, and being kept out: cookies, tokens used twice, expired, misdirected, refused; what an unproven address gets.

use std::net::SocketAddr;
use std::time::Duration;

use mu_wire::{
    Client, ClientState, CloseReason, ConnectTicket, CookieMode, DropReason, HostKeys, Lane, Limits, Random,
    RejectCode, Server, ServerConfig, Time, TokenClaims,
};

use crate::link::{Link, MASTER, Outbox, Player, Shard, UNIX, Weather, claims, keys, server_address, ticket};

const START: Time = Time::from_micros(5_000_000);

fn at(ms: u64) -> Time {
    START + Duration::from_millis(ms)
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 2, 2, last], 5000))
}

fn server(config: ServerConfig) -> Server {
    Server::new(config, &keys(), [4; 32])
}

fn client(ticket: ConnectTicket) -> Client {
    Client::new(ticket, server_address(), &[0xc1, 0xc2], [5; 32], START)
}

fn sealed(change: impl FnOnce(&mut TokenClaims), shard: u8) -> ConnectTicket {
    let mut claims = claims(1);
    change(&mut claims);
    keys().sealer().seal(&claims, shard, &mut Random::from_seed([6; 32]))
}

/// The INIT a client sends at `now`.
fn init(client: &mut Client, now: Time) -> Vec<u8> {
    let mut out = Outbox::default();
    client.poll_transmit(now, &mut out);
    assert_eq!(out.0.len(), 1);
    out.0.remove(0).1
}

/// What the server answers to a datagram.
fn answer(server: &mut Server, shard: &mut Shard, now: Time, from: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
    let mut out = Outbox::default();
    server.receive(now, UNIX, from, &mut datagram.to_vec(), shard, &mut out);
    assert!(out.0.len() <= 1, "at most one answer");
    out.0.pop().map(|(to, bytes)| {
        assert_eq!(to, from, "the answer goes where the question came from");
        bytes
    })
}

fn refused(server: &mut Server, now: Time, datagram: &[u8], reason: DropReason) {
    let mut shard = Shard::default();
    let before = server.stats().dropped(reason);
    assert_eq!(answer(server, &mut shard, now, address(1), datagram), None, "{}", reason.name());
    assert_eq!(server.stats().dropped(reason), before + 1, "{}", reason.name());
    assert_eq!((shard.incoming, server.connections()), (0, 0), "{}", reason.name());
}

/// protocol.md 4.1, 4.7.
#[test]
fn a_calm_server_takes_one_round_trip_and_a_careful_one_two() {
    for (cookie, cookies, inits) in
        [(CookieMode::Never, 0, 1), (CookieMode::UnderLoad, 0, 1), (CookieMode::Always, 1, 2)]
    {
        let config = ServerConfig { cookie, ..ServerConfig::default() };
        let weather = Weather { delay: Duration::from_millis(30), ..Weather::default() };
        let mut link = Link::with(3, weather, config);
        link.run(Duration::from_millis(80 * inits));
        assert_eq!(link.client.state(), ClientState::Connected, "{cookie:?}");
        assert_eq!(link.client.stats().inits, inits);
        assert_eq!(link.server.stats().cookies, cookies);
    }
}

#[test]
fn a_cookie_from_another_address_is_answered_by_a_new_cookie() {
    let (mut server, mut shard) =
        (server(ServerConfig { cookie: CookieMode::Always, ..ServerConfig::default() }), Shard::default());
    let mut client = client(ticket(1));
    let first = init(&mut client, START);
    let mut cookie = answer(&mut server, &mut shard, START, address(1), &first).unwrap();
    assert_eq!(cookie.len(), 32, "30 bytes and the client's own two");
    client.receive(at(1), &mut cookie, &mut Player::default());
    let second = init(&mut client, at(1));
    let stolen = answer(&mut server, &mut shard, at(2), address(2), &second).unwrap();
    assert_eq!(stolen.len(), 32);
    assert_eq!((shard.incoming, server.connections()), (0, 0));
    assert_eq!(answer(&mut server, &mut shard, at(3), address(1), &second).unwrap().len(), 123);
}

#[test]
fn many_attempts_turn_cookies_on() {
    let limits = Limits { calm_init_per_s: 10, ..Limits::default() };
    let mut server = server(ServerConfig { limits, ..ServerConfig::default() });
    let mut shard = Shard::default();
    let lengths: Vec<usize> = (0..12)
        .map(|number| {
            let first = init(&mut client(ticket(number)), START);
            answer(&mut server, &mut shard, START, address(1), &first).unwrap().len()
        })
        .collect();
    assert_eq!(lengths[..10], [123; 10]);
    assert_eq!(lengths[10..], [32; 2]);
}

/// protocol.md 4.12, 4.13.
#[test]
fn a_repeated_init_earns_the_same_accept_three_times() {
    let (mut server, mut shard) = (server(ServerConfig::default()), Shard::default());
    let mut client = client(ticket(1));
    let first = init(&mut client, START);
    let accept = answer(&mut server, &mut shard, START, address(1), &first).unwrap();
    assert_eq!(accept.len(), 123);
    let again = init(&mut client, at(250));
    assert_eq!(again, first, "the client repeats itself exactly");
    for _ in 0..3 {
        assert_eq!(answer(&mut server, &mut shard, at(250), address(1), &again), Some(accept.clone()));
    }
    assert_eq!(answer(&mut server, &mut shard, at(250), address(1), &again), None, "and no more");
    assert_eq!((shard.incoming, server.connections()), (1, 1));
    let mut player = Player::default();
    client.receive(at(260), &mut accept.clone(), &mut player);
    client.receive(at(260), &mut accept.clone(), &mut player);
    assert!(player.accepted.is_some());
}

/// protocol.md 2.1, 4.12.
#[test]
fn a_token_is_used_once() {
    let (mut server, mut shard) = (server(ServerConfig::default()), Shard::default());
    let first = init(&mut client(ticket(1)), START);
    let thief = init(&mut Client::new(ticket(1), server_address(), &[], [6; 32], START), START);
    assert!(answer(&mut server, &mut shard, START, address(1), &first).is_some());
    assert_eq!(answer(&mut server, &mut shard, START, address(2), &first), None, "the same bytes from elsewhere");
    assert_eq!(answer(&mut server, &mut shard, START, address(1), &thief), None, "the same token, another client");
    assert_eq!(server.stats().dropped(DropReason::TokenReplayed), 2);
    assert_eq!((shard.incoming, server.connections()), (1, 1));
}

/// protocol.md 4.12.
#[test]
fn whoever_sees_a_token_on_the_wire_cannot_use_it_up() {
    let (mut server, mut shard) = (server(ServerConfig::default()), Shard::default());
    let genuine = init(&mut client(ticket(1)), START);
    let mut forged = genuine.clone();
    forged[13] ^= 1; // Another client nonce: a sender who does not know the token's secret.
    assert_eq!(answer(&mut server, &mut shard, START, address(2), &forged), None);
    assert_eq!(server.stats().dropped(DropReason::Handshake), 1);
    assert!(answer(&mut server, &mut shard, START, address(1), &genuine).is_some());
}

/// protocol.md 2.3, 4.11.
#[test]
fn tokens_for_others_are_refused_in_silence() {
    let mut server = server(ServerConfig::default());
    let with = |ticket| init(&mut client(ticket), START);
    refused(&mut server, START, &with(sealed(|c| c.expires_s = UNIX - 1, 0)), DropReason::Expired);
    refused(&mut server, START, &with(sealed(|c| c.expires_s = UNIX + 3_600, 0)), DropReason::Expired);
    refused(&mut server, START, &with(sealed(|_| (), 1)), DropReason::Routing);
    refused(&mut server, START, &with(sealed(|c| c.home_shard = 1, 0)), DropReason::Token);
    let other_host = HostKeys::from_master(&MASTER, 2);
    let other = other_host.sealer().seal(&claims(1), 0, &mut Random::from_seed([6; 32]));
    refused(&mut server, START, &with(other.clone()), DropReason::Routing);
    // Even with this host's routing id, the seal is another host's.
    let moved = ConnectTicket { routing_id: ticket(1).routing_id, ..other };
    refused(&mut server, START, &with(moved), DropReason::Token);
    let old_key = keys().with_key_ids(9, None).sealer().seal(&claims(1), 0, &mut Random::from_seed([6; 32]));
    refused(&mut server, START, &with(old_key), DropReason::Token);
    let mut changed = ticket(1);
    changed.sealed_token[100] ^= 1;
    refused(&mut server, START, &with(changed), DropReason::Token);
    let longer = ConnectTicket { expires_s: UNIX + 40, ..ticket(1) };
    refused(&mut server, START, &with(longer), DropReason::Token);
}

#[test]
fn the_token_key_before_the_current_one_still_opens() {
    let ticket = keys().with_key_ids(3, None).sealer().seal(&claims(1), 0, &mut Random::from_seed([6; 32]));
    let rotated = keys().with_key_ids(4, Some(3));
    let mut server = Server::new(ServerConfig::default(), &rotated, [4; 32]);
    let first = init(&mut client(ticket), START);
    assert!(answer(&mut server, &mut Shard::default(), START, address(1), &first).is_some());
}

/// protocol.md 4.10.
#[test]
fn a_refusal_reaches_only_the_holder_of_the_secret() {
    let (mut server, mut shard) = (server(ServerConfig::default()), Shard::default());
    shard.refuse = Some(RejectCode::Closing);
    let (mut honest, mut player) = (client(ticket(1)), Player::default());
    let first = init(&mut honest, START);
    let reject = answer(&mut server, &mut shard, START, address(1), &first).unwrap();
    assert_eq!(reject.len(), 34);
    assert_eq!(answer(&mut server, &mut shard, START, address(1), &first), Some(reject.clone()), "and again");
    assert_eq!(shard.incoming, 1);
    let mut forged = reject.clone();
    forged[11] ^= 2;
    honest.receive(at(1), &mut forged, &mut player);
    assert_eq!(honest.state(), ClientState::Connecting);
    honest.receive(at(1), &mut reject.clone(), &mut player);
    assert_eq!(honest.state(), ClientState::Closed(CloseReason::Rejected(RejectCode::Closing)));
    assert_eq!(player.closed, [CloseReason::Rejected(RejectCode::Closing)]);
    assert_eq!(server.connections(), 0);
}

/// protocol.md 4.10.
#[test]
fn a_full_server_and_another_realm_say_so() {
    let mut shard = Shard::default();
    let mut full = server(ServerConfig { max_connections: 1, ..ServerConfig::default() });
    let one = init(&mut client(ticket(1)), START);
    let two = init(&mut client(ticket(2)), START);
    assert_eq!(answer(&mut full, &mut shard, START, address(1), &one).unwrap().len(), 123);
    assert_eq!(answer(&mut full, &mut shard, START, address(2), &two).unwrap().len(), 34);
    let mut realm = server(ServerConfig { realm: 9, ..ServerConfig::default() });
    assert_eq!(answer(&mut realm, &mut shard, START, address(1), &one).unwrap().len(), 34);
    assert_eq!(shard.incoming, 1);
}

/// protocol.md 4.14.
#[test]
fn half_open_connections_are_bounded_and_expire() {
    let config = ServerConfig { max_half_open: 2, ..ServerConfig::default() };
    let (mut server, mut shard) = (server(config), Shard::default());
    let inits: Vec<_> = (0..4).map(|number| init(&mut client(ticket(number)), START)).collect();
    for first in &inits[..2] {
        assert!(answer(&mut server, &mut shard, START, address(1), first).is_some());
    }
    assert_eq!(answer(&mut server, &mut shard, START, address(1), &inits[2]), None);
    assert_eq!(server.stats().dropped(DropReason::HalfOpenFull), 1);
    let mut out = Outbox::default();
    for ms in (0..2_990).step_by(5) {
        server.handle_timeouts(at(ms), &mut shard);
        server.transmit_due(at(ms), &mut out);
    }
    assert!(out.0.is_empty(), "nothing but ACCEPT goes to an unproven address");
    assert_eq!(server.connections(), 2);
    server.handle_timeouts(at(3_005), &mut shard);
    assert_eq!((server.connections(), server.stats().half_open_expired), (0, 2));
    assert!(shard.closed.is_empty() && shard.connected.is_empty());
    assert!(answer(&mut server, &mut shard, at(3_005), address(1), &inits[3]).is_some());
}

#[test]
fn a_full_replay_log_takes_no_more_tokens_until_some_expire() {
    let limits = Limits { replay_log: 2, ..Limits::default() };
    let (mut server, mut shard) = (server(ServerConfig { limits, ..ServerConfig::default() }), Shard::default());
    let inits: Vec<_> = (0..3).map(|number| init(&mut client(ticket(number)), START)).collect();
    for first in &inits[..2] {
        assert!(answer(&mut server, &mut shard, START, address(1), first).is_some());
    }
    assert_eq!(answer(&mut server, &mut shard, START, address(1), &inits[2]), None);
    assert_eq!(server.stats().dropped(DropReason::ReplayLogFull), 1);
    let late = sealed(|claims| claims.expires_s = UNIX + 60, 0);
    let first = init(&mut client(late), START);
    let mut out = Outbox::default();
    server.receive(START, UNIX + 31, address(1), &mut first.clone(), &mut shard, &mut out);
    assert_eq!(out.0.len(), 1);
}

#[test]
fn one_network_cannot_take_all_attempts() {
    let (mut server, mut shard) = (server(ServerConfig::default()), Shard::default());
    let garbage = {
        let mut first = init(&mut client(ticket(1)), START);
        first[100] ^= 1;
        first
    };
    for number in 0..300 {
        let from = SocketAddr::from(([10, 9, 9, u8::try_from(number % 250).expect("a byte")], 7));
        assert_eq!(answer(&mut server, &mut shard, START, from, &garbage), None);
    }
    assert_eq!(server.stats().dropped(DropReason::Token), 256);
    assert_eq!(server.stats().dropped(DropReason::PrefixRate), 44);
    let neighbour = init(&mut client(ticket(1)), START);
    assert!(answer(&mut server, &mut shard, START, address(1), &neighbour).is_some());
}

/// protocol.md 4.6.
#[test]
fn a_client_repeats_init_by_timer_and_gives_up() {
    let (mut client, mut player) = (client(ticket(1)), Player::default());
    let mut sent = Vec::new();
    let mut now = START;
    while let Some(next) = client.next_timeout() {
        now = now.max(next);
        let mut out = Outbox::default();
        client.handle_timeout(now, &mut player);
        client.poll_transmit(now, &mut out);
        sent.extend(out.0.iter().map(|_| u64::try_from(now.since(START).as_millis()).expect("short")));
    }
    assert_eq!(sent, [0, 250, 625, 1_187, 2_031, 3_296, 5_195, 8_042]);
    assert_eq!(now, at(10_000));
    assert_eq!(player.closed, [CloseReason::NoAnswer]);
    assert_eq!(client.state(), ClientState::Closed(CloseReason::NoAnswer));
}

/// protocol.md 4.7, 4.8.
#[test]
fn forged_answers_do_not_disturb_a_client() {
    let (mut server, mut shard) = (server(ServerConfig::default()), Shard::default());
    let (mut client, mut player) = (client(ticket(1)), Player::default());
    let first = init(&mut client, START);
    let accept = answer(&mut server, &mut shard, START, address(1), &first).unwrap();
    for index in 0..accept.len() {
        let mut forged = accept.clone();
        forged[index] ^= 0x10;
        client.receive(at(1), &mut forged, &mut player);
        assert_eq!(client.state(), ClientState::Connecting, "byte {index}");
    }
    for len in 0..accept.len() {
        client.receive(at(1), &mut accept[..len].to_vec(), &mut player);
    }
    client.receive(at(2), &mut accept.clone(), &mut player);
    assert_eq!(client.state(), ClientState::Connected);
}

/// protocol.md 8.15.
#[test]
fn a_silent_peer_is_given_up_by_both_sides() {
    let mut link = Link::new(5, Weather { delay: Duration::from_millis(10), ..Weather::default() });
    link.run(Duration::from_secs(30));
    assert_eq!(link.client.state(), ClientState::Connected, "keep-alives hold an unused connection");
    let before = *link.sent.borrow();
    link.run(Duration::from_secs(10));
    let idle = *link.sent.borrow() - before;
    assert!((10..=60).contains(&idle), "{idle} datagrams in ten idle seconds");
    link.weather.loss = 1_000;
    link.run(Duration::from_secs(12));
    assert_eq!(link.player.closed, [CloseReason::Idle]);
    assert!(matches!(link.shard.closed[..], [(_, CloseReason::Idle)]));
    assert_eq!(link.server.connections(), 0);
}

/// protocol.md 8.16.
#[test]
fn the_server_says_goodbye_with_its_last_messages() {
    let mut link = Link::new(6, Weather { delay: Duration::from_millis(10), ..Weather::default() });
    link.run(Duration::from_secs(1));
    let conn = link.conn();
    link.server.send(conn, Lane::Control, b"you were kicked").unwrap();
    link.server.close(conn, mu_wire::CloseCode::KICKED, "for a reason");
    assert!(link.server.send(conn, Lane::Control, b"too late").is_err());
    link.run(Duration::from_secs(1));
    assert_eq!(link.player.messages, [b"you were kicked"]);
    assert!(
        matches!(link.player.closed[..], [CloseReason::Peer(mu_wire::CloseCode::KICKED, text)] if &*text == "for a reason")
    );
    assert!(matches!(link.shard.closed[..], [(_, CloseReason::Local(mu_wire::CloseCode::KICKED))]));
    assert_eq!(link.server.connections(), 0);
}
