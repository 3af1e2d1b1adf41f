//! Our endpoint and its clients in memory and in virtual time: what the benches of the protocol are built from.
//!
//! Nothing here measures; nothing here opens a socket.

use std::net::SocketAddr;
use std::time::Duration;

use mu_wire::{
    Accepted, Admission, Client, ClientHandler, CloseReason, ConnId, ConnectTicket, CookieMode, DatagramSink, HostKeys,
    Lane, Limits, Random, Server, ServerConfig, ServerHandler, Tick, Time, TokenClaims,
};

/// The wall clock of all tokens, Unix seconds.
pub const UNIX: u64 = 1_800_000_000;
/// The moment at which a rig begins.
pub const START: Time = Time::from_micros(1_000_000);
/// Room for one datagram.
pub const ROOM: usize = 1_452;

/// Where the server is.
#[must_use]
pub fn server_address() -> SocketAddr {
    SocketAddr::from(([10, 1, 1, 1], 4_000))
}

/// Where client `number` is; up to 2^24 of them.
#[must_use]
pub fn client_address(number: u32) -> SocketAddr {
    let [_, a, b, c] = number.to_be_bytes();
    SocketAddr::from(([11, a, b, c], 5_000))
}

/// The host's secrets.
#[must_use]
pub fn keys() -> HostKeys {
    HostKeys::from_master(&[7; 32], 1)
}

/// A ticket for player `number`, to be used once.
#[must_use]
pub fn ticket(keys: &HostKeys, number: u32) -> ConnectTicket {
    let mut seed = [3; 32];
    for (to, from) in seed.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
    let mut random = Random::from_seed(seed);
    let claims = TokenClaims {
        token_id: random.array(),
        psk: random.array(),
        account: number.into(),
        character: number.into(),
        issued_s: UNIX,
        expires_s: UNIX + 30,
        max_pps: 60_000,
        ..TokenClaims::default()
    };
    keys.sealer().seal(&claims, 0, &mut random)
}

/// Terms under which no limit is met: what is measured is work, not refusals.
#[must_use]
pub fn unlimited(connections: usize) -> ServerConfig {
    let most = 1_000_000;
    ServerConfig {
        max_connections: connections,
        max_half_open: connections,
        cookie: CookieMode::Never,
        limits: Limits {
            init_per_s: most,
            init_per_prefix_per_s: most,
            init_per_prefix_burst: most,
            handshakes_per_s: most,
            packets_per_s: u16::MAX,
            packets_burst: u16::MAX,
            ..Limits::default()
        },
        ..ServerConfig::default()
    }
}

/// Keeps the datagrams of one step one after the other; takes no memory once it is warm.
#[derive(Debug)]
pub struct Outbox {
    bytes: Vec<[u8; ROOM]>,
    ends: Vec<(SocketAddr, usize)>,
}

impl Outbox {
    /// Room for so many datagrams.
    #[must_use]
    pub fn new(datagrams: usize) -> Self {
        Self { bytes: vec![[0; ROOM]; datagrams], ends: Vec::with_capacity(datagrams) }
    }

    /// Forgets what was kept.
    pub fn clear(&mut self) {
        self.ends.clear();
    }

    /// Datagrams kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The datagrams with their destinations.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (SocketAddr, &mut [u8])> {
        self.bytes.iter_mut().zip(&self.ends).map(|(bytes, &(to, len))| (to, &mut bytes[..len]))
    }

    /// The only datagram.
    ///
    /// # Panics
    /// If there is none, or another one.
    pub fn only(&mut self) -> &mut [u8] {
        assert_eq!(self.ends.len(), 1, "one datagram is expected");
        &mut self.bytes[0][..self.ends[0].1]
    }
}

impl DatagramSink for Outbox {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let Some(room) = self.bytes.get_mut(self.ends.len()) else { return false };
        let len = write(room);
        if len > 0 {
            self.ends.push((to, len));
        }
        true
    }
}

/// Counts what either side hears and keeps nothing of it.
#[derive(Debug, Default)]
pub struct Heard {
    /// Connections that opened.
    pub connected: Vec<ConnId>,
    /// Messages of any lane.
    pub messages: u64,
    /// Inputs.
    pub inputs: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Ends.
    pub closed: u64,
}

impl ServerHandler for Heard {
    fn incoming(&mut self, _: &TokenClaims) -> Admission {
        Admission::Accept
    }
    fn connected(&mut self, conn: ConnId, _: &TokenClaims) {
        self.connected.push(conn);
    }
    fn message(&mut self, _: ConnId, _: Lane, _: &[u8]) {
        self.messages += 1;
    }
    fn input(&mut self, _: ConnId, _: u32, _: &[u8]) {
        self.inputs += 1;
    }
    fn snapshot_delivered(&mut self, _: ConnId, _: u64) {}
    fn snapshot_lost(&mut self, _: ConnId, _: u64) {}
    fn closed(&mut self, _: ConnId, _: CloseReason) {
        self.closed += 1;
    }
}

impl ClientHandler for Heard {
    fn connected(&mut self, _: &Accepted) {}
    fn message(&mut self, _: Lane, _: &[u8]) {
        self.messages += 1;
    }
    fn snapshot(&mut self, _: Tick, _: &[u8]) {
        self.snapshots += 1;
    }
    fn closed(&mut self, _: CloseReason) {
        self.closed += 1;
    }
}

/// A client that has said nothing yet.
#[must_use]
pub fn newcomer_waiting(keys: &HostKeys, number: u32, now: Time) -> Client {
    let mut seed = [5; 32];
    for (to, from) in seed.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
    Client::new(ticket(keys, number), server_address(), &[], seed, now)
}

/// A client that has not connected, and its INIT.
#[must_use]
pub fn newcomer(keys: &HostKeys, number: u32, now: Time) -> (Client, Vec<u8>) {
    let mut client = newcomer_waiting(keys, number, now);
    let mut out = Outbox::new(1);
    client.poll_transmit(now, &mut out);
    let init = out.only().to_vec();
    (client, init)
}

/// One server and one client that are connected.
#[derive(Debug)]
pub struct Pair {
    /// The moment both have reached.
    pub now: Time,
    /// The server's end.
    pub server: Server,
    /// The client's end.
    pub client: Client,
    /// The connection's name at the server.
    pub conn: ConnId,
    /// What the server heard.
    pub shard: Heard,
    /// What the client heard.
    pub player: Heard,
    /// What the server sent in the last step.
    pub down: Outbox,
    /// What the client sent in the last step.
    pub up: Outbox,
}

impl Pair {
    /// Both ends after the handshake.
    ///
    /// # Panics
    /// If they do not connect, which would be a defect of the protocol.
    #[must_use]
    pub fn new() -> Self {
        let keys = keys();
        let mut server = Server::new(unlimited(4), &keys, [4; 32]);
        let (mut client, mut init) = newcomer(&keys, 1, START);
        let (mut shard, mut player) = (Heard::default(), Heard::default());
        let (mut down, mut up) = (Outbox::new(64), Outbox::new(64));
        server.receive(START, UNIX, client_address(1), &mut init, &mut shard, &mut down);
        client.receive(START, down.only(), &mut player);
        client.poll_transmit(START, &mut up);
        server.receive(START, UNIX, client_address(1), up.only(), &mut shard, &mut down);
        let conn = shard.connected.pop().expect("the handshake is complete");
        down.clear();
        up.clear();
        Self { now: START, server, client, conn, shard, player, down, up }
    }

    /// Time passes; both ends run their timers and send what is due, without loss or delay.
    pub fn step(&mut self, by: Duration) {
        self.now += by;
        self.server.handle_timeouts(self.now, &mut self.shard);
        self.server.transmit_due(self.now, &mut self.down);
        self.deliver_down();
        if self.client.next_timeout().is_some_and(|at| at <= self.now) {
            self.client.handle_timeout(self.now, &mut self.player);
        }
        self.client.poll_transmit(self.now, &mut self.up);
        self.deliver_up();
    }

    /// Hands the client what the server sent.
    pub fn deliver_down(&mut self) {
        for (_, datagram) in self.down.iter_mut() {
            self.client.receive(self.now, datagram, &mut self.player);
        }
        self.down.clear();
    }

    /// Hands the server what the client sent; its answers wait in `down`.
    pub fn deliver_up(&mut self) {
        for (_, datagram) in self.up.iter_mut() {
            self.server.receive(self.now, UNIX, client_address(1), datagram, &mut self.shard, &mut self.down);
        }
        self.up.clear();
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_talks() {
        let mut pair = Pair::new();
        for _ in 0..40 {
            pair.client.send(Lane::Control, &[1; 20]).expect("there is room");
            pair.server.send(pair.conn, Lane::Control, &[2; 20]).expect("there is room");
            pair.step(Duration::from_millis(50));
        }
        assert_eq!((pair.shard.closed, pair.player.closed), (0, 0));
        assert!(pair.shard.messages >= 39 && pair.player.messages >= 39, "{:?} {:?}", pair.shard, pair.player);
    }
}
