//! What a connection costs once it stands: no allocation for any packet, and a stated amount of memory.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use mu_wire::{
    Accepted, Admission, Client, ClientHandler, ClientState, CloseReason, ConnId, DatagramSink, Lane, Server,
    ServerConfig, ServerHandler, Tick, Time, TokenClaims,
};

use crate::allocations::taken;
use crate::link::{UNIX, keys, server_address, ticket};

/// The stated bound of an idle connection, at the server and at the client.
const IDLE: isize = 24 * 1024;

#[derive(Clone)]
struct Datagram {
    bytes: [u8; 1452],
    len: usize,
    peer: SocketAddr,
}

/// A network that takes no memory once it is warm; a rough one loses one datagram in `loss` and lets every fifth be overtaken.
struct Wire {
    queue: VecDeque<Datagram>,
    count: u64,
    loss: Option<u64>,
    /// Who sends, if the datagrams are to be known by that and not by where they go.
    sender: Option<SocketAddr>,
}

impl Wire {
    fn new() -> Self {
        Self { queue: VecDeque::with_capacity(4096), count: 0, loss: None, sender: None }
    }
}

impl DatagramSink for Wire {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let mut datagram = Datagram { bytes: [0; 1452], len: 0, peer: self.sender.unwrap_or(to) };
        datagram.len = write(&mut datagram.bytes);
        self.count += 1;
        if datagram.len == 0 || self.loss.is_some_and(|loss| self.count.is_multiple_of(loss)) {
            return true;
        }
        if self.loss.is_some() && self.count.is_multiple_of(5) && !self.queue.is_empty() {
            let last = self.queue.len() - 1;
            self.queue.insert(last, datagram);
        } else {
            self.queue.push_back(datagram);
        }
        true
    }
}

/// Counts and keeps nothing.
#[derive(Default)]
struct Quiet {
    open: Vec<ConnId>,
    heard: u64,
}

impl ServerHandler for Quiet {
    fn incoming(&mut self, _: &TokenClaims) -> Admission {
        Admission::Accept
    }
    fn connected(&mut self, conn: ConnId, _: &TokenClaims) {
        self.open.push(conn);
    }
    fn message(&mut self, _: ConnId, _: Lane, _: &[u8]) {
        self.heard += 1;
    }
    fn input(&mut self, _: ConnId, _: u32, _: &[u8]) {
        self.heard += 1;
    }
    fn snapshot_delivered(&mut self, _: ConnId, _: u64) {}
    fn snapshot_lost(&mut self, _: ConnId, _: u64) {}
    fn closed(&mut self, conn: ConnId, why: CloseReason) {
        panic!("{conn:?} closed: {why:?}");
    }
}

impl ClientHandler for Quiet {
    fn connected(&mut self, _: &Accepted) {}
    fn message(&mut self, _: Lane, _: &[u8]) {
        self.heard += 1;
    }
    fn snapshot(&mut self, _: Tick, _: &[u8]) {
        self.heard += 1;
    }
    fn closed(&mut self, why: CloseReason) {
        panic!("closed: {why:?}");
    }
}

struct Crowd {
    now: Time,
    server: Server,
    clients: Vec<Client>,
    shard: Quiet,
    player: Quiet,
    up: Wire,
    down: Wire,
    steps: u32,
}

fn address(number: usize) -> SocketAddr {
    let port = u16::try_from(number).expect("few clients") + 1;
    SocketAddr::from(([127, 0, 0, 1], port))
}

impl Crowd {
    fn new(clients: usize) -> Self {
        let now = Time::from_micros(1_000_000);
        let config = ServerConfig { max_connections: clients, ..ServerConfig::default() };
        let make = |number: usize| {
            let number = u64::try_from(number).expect("few");
            Client::new(ticket(number), server_address(), &[1], [7; 32], now)
        };
        Self {
            now,
            server: Server::new(config, &keys(), [4; 32]),
            clients: (0..clients).map(make).collect(),
            shard: Quiet { open: Vec::with_capacity(clients), heard: 0 },
            player: Quiet::default(),
            up: Wire::new(),
            down: Wire::new(),
            steps: 0,
        }
    }

    /// One step of 5 ms; with `talk`, snapshots, messages and inputs both ways.
    fn step(&mut self, talk: bool) {
        self.now += Duration::from_millis(5);
        self.steps += 1;
        let tick = Tick(self.steps / 10);
        while let Some(mut datagram) = self.up.queue.pop_front() {
            let bytes = &mut datagram.bytes[..datagram.len];
            self.server.receive(self.now, UNIX, datagram.peer, bytes, &mut self.shard, &mut self.down);
        }
        self.server.handle_timeouts(self.now, &mut self.shard);
        if talk && self.steps.is_multiple_of(10) {
            for conn in &self.shard.open {
                if self.steps.is_multiple_of(30) {
                    for lane in LANES {
                        self.server.send(*conn, lane, &[3; 100]).expect("there is room");
                    }
                    self.server.send_twice(*conn, Lane::Value, &[3; 1_500]).expect("there is room");
                }
                self.server.transmit(self.now, *conn, tick, &mut |_, space| space.len().min(300), &mut self.down);
            }
        }
        self.server.transmit_due(self.now, &mut self.down);
        while let Some(mut datagram) = self.down.queue.pop_front() {
            let number = usize::from(datagram.peer.port() - 1);
            let bytes = &mut datagram.bytes[..datagram.len];
            self.clients[number].receive(self.now, bytes, &mut self.player);
        }
        for (number, client) in self.clients.iter_mut().enumerate() {
            if talk && self.steps.is_multiple_of(20) && client.state() == ClientState::Connected {
                client.input(&[1, 2, 3]).expect("there is room");
                for lane in LANES {
                    client.send(lane, &[2; 40]).expect("there is room");
                }
                if self.steps.is_multiple_of(60) {
                    client.send(Lane::Social, &[2; 1_500]).expect("there is room");
                }
            }
            if client.next_timeout().is_some_and(|at| at <= self.now) {
                client.handle_timeout(self.now, &mut self.player);
            }
            self.up.sender = Some(address(number));
            client.poll_transmit(self.now, &mut self.up);
        }
    }

    fn run(&mut self, seconds: u32, talk: bool) {
        for _ in 0..seconds * 200 {
            self.step(talk);
        }
    }
}

#[test]
fn packets_take_no_memory_once_warm() {
    for rough in [false, true] {
        let mut crowd = Crowd::new(8);
        crowd.run(1, false);
        assert_eq!(crowd.shard.open.len(), 8);
        // Warm from worse than what is measured, so that every queue was once longer than it will be.
        (crowd.up.loss, crowd.down.loss) = (rough.then_some(3), rough.then_some(3));
        crowd.run(60, true);
        (crowd.up.loss, crowd.down.loss) = (rough.then_some(7), rough.then_some(7));
        crowd.run(10, true);
        let before = (crowd.shard.heard, crowd.player.heard);
        let (memory, ()) = taken(|| crowd.run(20, true));
        assert!(crowd.shard.heard > before.0 + 3_000 && crowd.player.heard > before.1 + 3_000);
        assert_eq!((memory.blocks, memory.held), (0, 0), "rough: {rough}");
    }
}

/// Bytes that a crowd of one holds: an endpoint, and a client if it is kept, connected or not yet.
fn held(connected: bool, client: bool) -> isize {
    let (memory, _crowd) = taken(|| {
        let mut crowd = Crowd::new(1);
        crowd.run(if connected { 5 } else { 0 }, false);
        assert_eq!(crowd.shard.open.len(), usize::from(connected));
        if !client {
            crowd.clients = Vec::new();
        }
        crowd
    });
    memory.held
}

#[test]
fn an_idle_connection_takes_no_more_than_stated() {
    let server = held(true, false) - held(false, false);
    let client = held(true, true) - held(true, false);
    println!("an idle connection takes {server} bytes at the server and {client} at the client");
    assert!((8_192..=IDLE).contains(&server), "{server} bytes at the server");
    assert!((8_192..=IDLE).contains(&client), "{client} bytes at the client");
}

/// Lanes of messages.
const LANES: [Lane; 6] = [Lane::Control, Lane::Value, Lane::Social, Lane::Unordered, Lane::Effects, Lane::Position];

#[test]
fn a_peer_that_reads_nothing_costs_no_more_than_the_queue() {
    for len in [1, 10, 1_000, 1_500, 4_000] {
        let mut crowd = Crowd::new(1);
        crowd.run(1, false);
        let conn = crowd.shard.open[0];
        let (memory, sent) = taken(|| {
            // Each lane is full once before the next, so that each has taken its room.
            let fill = |lane| (0..5_000).take_while(|_| crowd.server.send(conn, lane, &vec![1; len]).is_ok()).count();
            LANES.map(fill)
        });
        println!("{len}: {sent:?}, {} bytes held", memory.held);
        assert!(sent[..4].iter().sum::<usize>() * (len + 6) > 12 * 1024, "{sent:?}");
        assert!(memory.held <= 17 * 1024, "{} bytes held", memory.held);
    }
}

/// The stated bound of a connection at its worst, at the server, without blocks.
const WORST: isize = 64 * 1024;
/// What came early or in part takes at most so much; an honest client cannot make it that, so a test of the lanes does.
const EARLY: isize = 27 * 1024;

/// The client's first datagram is lost, so that all it sends afterwards is kept; nothing the server says is heard.
#[test]
fn a_connection_takes_no_more_than_stated_at_its_worst() {
    let idle = held(true, false) - held(false, false);
    let mut crowd = Crowd::new(1);
    crowd.run(1, false);
    let conn = crowd.shard.open[0];
    let queued = taken(|| {
        for lane in LANES {
            let _until_full = (0..30).take_while(|_| crowd.server.send(conn, lane, &[1; 1_000]).is_ok()).count();
        }
    });
    let (mut early, mut first) = (0, true);
    for round in 0..40 {
        crowd.now += Duration::from_millis(1);
        for lane in LANES {
            // What is refused is all that there may be. The first messages are short and lost.
            let _full = crowd.clients[0].send(lane, &[2; 1_500][..if round == 0 { 4 } else { 1_500 }]);
        }
        crowd.clients[0].poll_transmit(crowd.now, &mut crowd.up);
        if std::mem::take(&mut first) {
            assert_eq!(crowd.up.queue.len(), 1);
            crowd.up.queue.clear();
        }
        while let Some(mut datagram) = crowd.up.queue.pop_front() {
            let bytes = &mut datagram.bytes[..datagram.len];
            let receive =
                || crowd.server.receive(crowd.now, UNIX, address(0), bytes, &mut crowd.shard, &mut crowd.down);
            early += taken(receive).0.held;
        }
    }
    println!("{idle} idle, {} queued, {early} early: {} bytes", queued.0.held, idle + queued.0.held + early);
    assert!(early > 14 * 1024, "{early} bytes came early");
    assert!(idle + queued.0.held + early.max(EARLY) <= WORST, "{idle} idle, {} queued, {early} early", queued.0.held);
}
