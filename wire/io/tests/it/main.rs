//! Real sockets on the loopback interface: what arrives, what is refused, what is counted.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use mu_wire_io::{MAX_DATAGRAM, RecvBatch, SendBatch, SendReport, Socket, SocketOptions};

const V4: &str = "127.0.0.1:0";
const V6: &str = "[::1]:0";

fn bind(address: &str) -> Socket {
    Socket::bind(address.parse().expect("a valid address"), &SocketOptions::default()).expect("loopback can be bound")
}

fn push(batch: &mut SendBatch, to: SocketAddr, bytes: &[u8]) {
    assert!(batch.push(to, &mut |space| {
        space[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    }));
}

/// Loopback delivers inside the sending call, so what was sent is there.
fn received(socket: &Socket, batch: &mut RecvBatch) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut all = Vec::new();
    while socket.recv(batch).expect("the socket is usable") > 0 {
        all.extend(batch.iter_mut().map(|(from, bytes)| (from, bytes.to_vec())));
    }
    all
}

fn round_trip(address: &str) {
    let (client, server) = (bind(address), bind(address));
    let (mut outgoing, mut incoming) = (SendBatch::new(8), RecvBatch::new(4));
    for n in 0..6_u8 {
        push(&mut outgoing, server.local_addr(), &[n; 5]);
    }
    let report = client.send(&mut outgoing).expect("the socket is usable");
    assert_eq!(report, SendReport { sent: 6, failed: 0, kept: 0 });

    let arrived = received(&server, &mut incoming);
    let expected: Vec<_> = (0..6_u8).map(|n| (client.local_addr(), vec![n; 5])).collect();
    assert_eq!(arrived, expected);

    // The answer goes to the address as it was received.
    push(&mut outgoing, arrived[0].0, b"back");
    server.send(&mut outgoing).expect("the socket is usable");
    assert_eq!(received(&client, &mut incoming), [(server.local_addr(), b"back".to_vec())]);
}

#[test]
fn batches_travel_both_ways_on_ipv4() {
    round_trip(V4);
}

#[test]
fn batches_travel_both_ways_on_ipv6() {
    round_trip(V6);
}

#[test]
fn an_empty_socket_gives_nothing_and_does_not_wait() {
    let mut batch = RecvBatch::new(4);
    assert_eq!(bind(V4).recv(&mut batch).expect("usable"), 0);
    assert_eq!(batch.iter_mut().count(), 0);
}

#[test]
fn an_empty_datagram_arrives_as_one() {
    let server = bind(V4);
    let client = UdpSocket::bind(V4).expect("loopback can be bound");
    client.send_to(&[], server.local_addr()).expect("sent");
    let arrived = received(&server, &mut RecvBatch::new(4));
    assert_eq!(arrived, [(client.local_addr().expect("bound"), Vec::new())]);
}

#[test]
fn a_cut_datagram_is_dropped_and_counted_and_its_neighbours_are_not() {
    let server = bind(V4);
    let client = UdpSocket::bind(V4).expect("loopback can be bound");
    let longest = vec![7; MAX_DATAGRAM];
    client.send_to(b"before", server.local_addr()).expect("sent");
    client.send_to(&vec![8; MAX_DATAGRAM + 1], server.local_addr()).expect("sent");
    client.send_to(&longest, server.local_addr()).expect("sent");

    let mut batch = RecvBatch::new(8);
    let arrived: Vec<_> = received(&server, &mut batch).into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(arrived, [b"before".to_vec(), longest]);
    assert_eq!(batch.dropped(), 1);
}

#[test]
fn a_slot_shows_nothing_of_the_datagram_it_held_before() {
    let (client, server) = (bind(V4), bind(V4));
    let (mut outgoing, mut incoming) = (SendBatch::new(1), RecvBatch::new(1));
    for bytes in [b"a long first datagram".as_slice(), b"short"] {
        push(&mut outgoing, server.local_addr(), bytes);
        client.send(&mut outgoing).expect("usable");
        assert_eq!(received(&server, &mut incoming), [(client.local_addr(), bytes.to_vec())]);
    }
}

#[test]
fn bad_addresses_in_the_middle_are_skipped_and_counted() {
    let (client, server) = (bind(V4), bind(V4));
    let mut outgoing = SendBatch::new(8);
    push(&mut outgoing, server.local_addr(), b"1");
    push(&mut outgoing, "127.0.0.1:0".parse().expect("valid"), b"port 0 does not exist");
    push(&mut outgoing, server.local_addr(), b"2");
    push(&mut outgoing, "[::1]:9".parse().expect("valid"), b"not this socket's family");
    push(&mut outgoing, "255.255.255.255:9".parse().expect("valid"), b"broadcast was not allowed");
    push(&mut outgoing, server.local_addr(), b"3");

    let report = client.send(&mut outgoing).expect("the socket is usable");
    assert_eq!(report, SendReport { sent: 3, failed: 3, kept: 0 });
    let arrived: Vec<_> = received(&server, &mut RecvBatch::new(8)).into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(arrived, [b"1", b"2", b"3"]);
}

#[test]
fn the_kernel_reports_what_it_dropped() {
    let small = SocketOptions { recv_bytes: 4_096, send_bytes: 1 << 20 };
    let server = Socket::bind(V4.parse().expect("valid"), &small).expect("loopback can be bound");
    let client = bind(V4);
    let mut outgoing = SendBatch::new(64);
    for _ in 0..64 {
        push(&mut outgoing, server.local_addr(), &[1; 1_000]);
    }
    client.send(&mut outgoing).expect("usable");
    let memory = server.memory().expect("the kernel knows SO_MEMINFO");
    assert!(memory.recv_queued > 0, "something waits: {memory:?}");
    let arrived = received(&server, &mut RecvBatch::new(64)).len();
    assert_eq!(u32::try_from(arrived).expect("few") + memory.drops, 64);
    assert!(memory.drops > 0, "a 4 KiB buffer cannot hold 64 datagrams of 1,000 bytes");
}

#[test]
fn granted_buffers_are_reported_as_the_kernel_gave_them() {
    let modest = SocketOptions { recv_bytes: 65_536, send_bytes: 65_536 };
    let socket = Socket::bind(V4.parse().expect("valid"), &modest).expect("loopback can be bound");
    assert_eq!((socket.recv_granted(), socket.send_granted()), (65_536, 65_536));
}

#[test]
fn a_taken_port_is_an_error() {
    let first = bind(V4);
    let Err(error) = Socket::bind(first.local_addr(), &SocketOptions::default()) else {
        panic!("two sockets were bound to {}", first.local_addr());
    };
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn readiness_shows_once_per_arrival() {
    let mut server = bind(V4);
    let client = bind(V4);
    let mut poll = Poll::new().expect("a poll");
    let mut events = Events::with_capacity(8);
    poll.registry().register(&mut server, Token(5), Interest::READABLE).expect("registered");

    let mut outgoing = SendBatch::new(4);
    push(&mut outgoing, server.local_addr(), b"1");
    push(&mut outgoing, server.local_addr(), b"2");
    client.send(&mut outgoing).expect("usable");
    poll.poll(&mut events, Some(Duration::from_secs(5))).expect("polled");
    assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [Token(5)]);

    // A budget ended the loop with one datagram left: no new edge comes, so the owner must remember it.
    let mut one = RecvBatch::new(1);
    assert_eq!(server.recv(&mut one).expect("usable"), 1);
    poll.poll(&mut events, Some(Duration::ZERO)).expect("polled");
    assert!(events.is_empty(), "readiness is edge-triggered");
    assert_eq!(received(&server, &mut one).len(), 1);

    poll.registry().deregister(&mut server).expect("deregistered");
    push(&mut outgoing, server.local_addr(), b"3");
    client.send(&mut outgoing).expect("usable");
    poll.poll(&mut events, Some(Duration::ZERO)).expect("polled");
    assert!(events.is_empty(), "a deregistered socket wakes nobody");
}

#[test]
fn a_batch_can_be_moved_to_another_thread_and_used_there() {
    let (client, server) = (bind(V4), bind(V4));
    let (mut outgoing, mut incoming) = (SendBatch::new(2), RecvBatch::new(2));
    push(&mut outgoing, server.local_addr(), b"moved");
    let arrived = std::thread::spawn(move || {
        client.send(&mut outgoing).expect("usable");
        received(&server, &mut incoming)
    })
    .join()
    .expect("no panic");
    assert_eq!(arrived[0].1, b"moved");
}
