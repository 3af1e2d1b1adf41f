//! A server that does not know a connection says so: soon, to the right one, and never more than it was sent.

use std::net::SocketAddr;
use std::time::Duration;

use mu_wire::{ClientState, CloseCode, CloseReason, DropReason, HostKeys, Lane, Random, Server, ServerConfig};

use crate::link::{Link, Outbox, Shard, UNIX, Weather, keys};

fn calm() -> Weather {
    Weather { delay: Duration::from_millis(10), ..Weather::default() }
}

/// A connection that stands, and a data packet of it.
fn standing(seed: u64) -> (Link, Vec<u8>) {
    let mut link = Link::new(seed, calm());
    link.run(Duration::from_secs(2));
    link.client.send(Lane::Control, b"hello").unwrap();
    let mut out = Outbox::default();
    link.client.poll_transmit(link.now, &mut out);
    (link, out.0.remove(0).1)
}

fn restarted(seed: u8) -> Server {
    Server::new(ServerConfig::default(), &keys(), [seed; 32])
}

/// protocol.md 8.19.
#[test]
fn a_restarted_server_ends_the_old_connection_within_one_packet() {
    let (mut link, _) = standing(1);
    link.server = restarted(77);
    link.shard = Shard::default();
    let sent = link.client.stats().datagrams_out;
    link.client.send(Lane::Control, b"are you there?").unwrap();
    link.run(Duration::from_millis(30));
    assert_eq!(link.player.closed, [CloseReason::Reset]);
    assert_eq!(link.client.state(), ClientState::Closed(CloseReason::Reset));
    assert_eq!(link.client.stats().datagrams_out - sent, 1);
    let stats = link.server.stats();
    assert_eq!((stats.resets, stats.dropped(DropReason::UnknownConnection)), (1, 1));
    assert!(stats.bytes_out < stats.bytes_in);
}

#[test]
fn a_client_that_waits_in_silence_is_reset_by_its_keep_alive() {
    let (mut link, _) = standing(2);
    link.server = restarted(78);
    link.run(Duration::from_millis(2_500));
    assert_eq!(link.player.closed, [CloseReason::Reset]);
}

/// What a server that knows no connection answers to these bytes.
fn answers(server: &mut Server, link: &Link, from: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Outbox::default();
    server.receive(link.now, UNIX, from, &mut datagram.to_vec(), &mut Shard::default(), &mut out);
    assert!(out.0.iter().all(|(to, _)| *to == from));
    out.0.into_iter().map(|(_, datagram)| datagram).collect()
}

/// protocol.md 8.19.
#[test]
fn it_answers_with_less_than_it_got_and_garbage_with_nothing() {
    let (link, packet) = standing(3);
    let mut server = restarted(79);
    let loopback = SocketAddr::from(([127, 0, 0, 1], 5_000));
    let mut random = Random::from_seed([1; 32]);
    for len in 0..1_472 {
        let mut datagram = packet.clone();
        datagram.resize(len, 0xaa);
        let answer = answers(&mut server, &link, loopback, &datagram);
        let bytes: usize = answer.iter().map(Vec::len).sum();
        assert!(bytes < len.max(1), "{bytes} for {len}");
        // The id with one bit changed, and bytes at random.
        if len > 9 {
            datagram[1 + len % 8] ^= 1 << (len % 7);
            assert_eq!(answers(&mut server, &link, loopback, &datagram), [] as [Vec<u8>; 0]);
            random.fill(&mut datagram[1..]);
            assert_eq!(answers(&mut server, &link, loopback, &datagram), [] as [Vec<u8>; 0]);
        }
    }
    assert!(server.stats().resets > 400, "{} of them", server.stats().resets);
}

#[test]
fn servers_do_not_answer_each_other_for_ever() {
    let (link, packet) = standing(4);
    let (mut one, mut two) = (restarted(80), restarted(81));
    let loopback = SocketAddr::from(([127, 0, 0, 1], 5_000));
    for round in 0..2_000_usize {
        // Even a RESET whose random bytes happen to be a good id dies out: each answer is shorter.
        let mut datagram = packet.clone();
        datagram.resize(22 + round % 300, 0xaa);
        let mut answer = answers(&mut one, &link, loopback, &datagram).pop();
        let mut bounces = 0;
        while let Some(mut datagram) = answer {
            if datagram.len() >= 9 {
                datagram[1..9].copy_from_slice(&packet[1..9]);
            }
            answer = answers(if bounces % 2 == 0 { &mut two } else { &mut one }, &link, loopback, &datagram).pop();
            bounces += 1;
            assert!(bounces < 21);
        }
    }
}

#[test]
fn each_network_gets_one_in_twenty_milliseconds() {
    let (mut link, packet) = standing(5);
    let mut server = restarted(82);
    let mut count =
        |link: &Link, host: u8| answers(&mut server, link, SocketAddr::from(([10, 9, host, 1], 5_000)), &packet).len();
    let mut answered = [0, 0];
    for _ in 0..1_000 {
        link.now += Duration::from_millis(1);
        for host in [0, 1] {
            answered[usize::from(host)] += count(&link, host);
        }
    }
    for answered in answered {
        assert!((45..=51).contains(&answered), "{answered} in a second");
    }
}

#[test]
fn another_hosts_ids_are_garbage() {
    let (link, packet) = standing(6);
    let mut server = Server::new(ServerConfig::default(), &HostKeys::from_master(&[8; 32], 1), [1; 32]);
    assert_eq!(answers(&mut server, &link, Link::client_address(), &packet), [] as [Vec<u8>; 0]);
}

/// protocol.md 8.19.
#[test]
fn only_the_right_token_ends_a_client() {
    let (mut link, packet) = standing(7);
    let (mut other, other_packet) = standing(8);
    let mut server = restarted(83);
    let ours = answers(&mut server, &link, SocketAddr::from(([10, 9, 0, 1], 1)), &packet).remove(0);
    // The second connection has the same slot of another server, and another generation.
    let theirs = answers(&mut server, &other, SocketAddr::from(([10, 9, 1, 1], 1)), &other_packet).remove(0);
    let mut random = Random::from_seed([2; 32]);
    for round in 0..5_000_usize {
        let mut forged = ours.clone();
        let last = forged.len() - 1;
        forged[last - round % 16] ^= 1 << (round % 8);
        link.client.receive(link.now, &mut forged, &mut link.player);
        random.fill(&mut forged[1..]);
        link.client.receive(link.now, &mut forged, &mut link.player);
    }
    assert!(!link.client.is_reset(&theirs) && other.client.is_reset(&theirs));
    link.client.receive(link.now, &mut theirs.clone(), &mut link.player);
    assert_eq!(link.client.state(), ClientState::Connected);
    // In a socket that clients share, whoever the random bytes seem to name hands it on.
    assert!(link.client.is_reset(&ours) && !other.client.is_reset(&ours));
    link.client.receive(link.now, &mut ours.clone(), &mut link.player);
    assert_eq!(link.player.closed, [CloseReason::Reset]);
    other.client.receive(other.now, &mut theirs.clone(), &mut other.player);
    assert_eq!(other.player.closed, [CloseReason::Reset]);
}

/// protocol.md 8.19.
#[test]
fn an_orderly_goodbye_is_not_answered() {
    let (mut link, _) = standing(9);
    link.client.close(CloseCode::DONE);
    link.run(Duration::from_secs(1));
    assert_eq!(link.shard.closed.len(), 1);
    assert_eq!(link.server.stats().resets, 0);
    assert_eq!(link.server.stats().dropped(DropReason::UnknownConnection), 2, "the repetitions");
}
