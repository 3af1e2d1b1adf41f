//! A network in memory and in virtual time: datagrams wait in a list until their moment comes. Loss, delay, reordering and
//! duplication are drawn from a seed.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use mu_wire::{
    Accepted, Admission, BlockEnd, Client, ClientHandler, CloseReason, ConnId, ConnectTicket, DatagramSink, HostKeys,
    Lane, Random, Server, ServerConfig, ServerHandler, Tick, Time, TokenClaims,
};

pub(crate) const UNIX: u64 = 1_800_000_000;
pub(crate) const MASTER: [u8; 32] = [7; 32];

pub(crate) fn server_address() -> SocketAddr {
    "10.1.1.1:4000".parse().expect("an address")
}

pub(crate) fn keys() -> HostKeys {
    HostKeys::from_master(&MASTER, 1)
}

pub(crate) fn claims(number: u64) -> TokenClaims {
    let mut token_id = [0; 16];
    token_id[..8].copy_from_slice(&number.to_le_bytes());
    let mut psk = [0x11; 32];
    psk[..8].copy_from_slice(&number.to_le_bytes());
    TokenClaims {
        token_id,
        account: number,
        character: number + 1,
        issued_s: UNIX,
        expires_s: UNIX + 30,
        realm: 0,
        home_shard: 0,
        flags: 0,
        psk,
        max_down: 0,
        max_pps: 0,
        max_up: 0,
        user_data: [0; 248],
    }
}

pub(crate) fn ticket(number: u64) -> ConnectTicket {
    let mut seed = [3; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    keys().sealer().seal(&claims(number), 0, &mut Random::from_seed(seed))
}

/// Collects datagrams with their destination.
#[derive(Default)]
pub(crate) struct Outbox(pub(crate) Vec<(SocketAddr, Vec<u8>)>);

impl DatagramSink for Outbox {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let mut buffer = [0; 1452];
        let len = write(&mut buffer);
        if len > 0 {
            self.0.push((to, buffer[..len].to_vec()));
        }
        true
    }
}

/// What a shard heard.
#[derive(Default)]
pub(crate) struct Shard {
    pub(crate) connected: Vec<ConnId>,
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) inputs: Vec<(u32, Vec<u8>)>,
    pub(crate) blocks: Vec<(u16, Vec<u8>)>,
    pub(crate) ended: Vec<(u16, BlockEnd)>,
    pub(crate) delivered: Vec<u64>,
    pub(crate) lost: Vec<u64>,
    pub(crate) closed: Vec<(ConnId, CloseReason)>,
    pub(crate) moved: Vec<SocketAddr>,
    pub(crate) incoming: usize,
    pub(crate) refuse: Option<mu_wire::RejectCode>,
}

impl ServerHandler for Shard {
    fn incoming(&mut self, claims: &TokenClaims) -> Admission {
        assert_eq!(claims.psk, [0; 32], "the secret is gone before the shard sees the claims");
        self.incoming += 1;
        self.refuse.map_or(Admission::Accept, Admission::Refuse)
    }

    fn connected(&mut self, conn: ConnId, _: &TokenClaims) {
        self.connected.push(conn);
    }

    fn message(&mut self, _: ConnId, _: Lane, bytes: &[u8]) {
        self.messages.push(bytes.to_vec());
    }

    fn input(&mut self, _: ConnId, sequence: u32, bytes: &[u8]) {
        self.inputs.push((sequence, bytes.to_vec()));
    }

    fn block(&mut self, _: ConnId, kind: u16, bytes: &[u8]) {
        self.blocks.push((kind, bytes.to_vec()));
    }

    fn block_ended(&mut self, _: ConnId, id: u16, end: BlockEnd) {
        self.ended.push((id, end));
    }

    fn snapshot_delivered(&mut self, _: ConnId, packet: u64) {
        self.delivered.push(packet);
    }

    fn snapshot_lost(&mut self, _: ConnId, packet: u64) {
        self.lost.push(packet);
    }

    fn moved(&mut self, _: ConnId, to: SocketAddr) {
        self.moved.push(to);
    }

    fn closed(&mut self, conn: ConnId, why: CloseReason) {
        self.closed.push((conn, why));
    }
}

/// What a player heard.
#[derive(Default)]
pub(crate) struct Player {
    pub(crate) accepted: Option<Accepted>,
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) blocks: Vec<(u16, Vec<u8>)>,
    pub(crate) ended: Vec<(u16, BlockEnd)>,
    pub(crate) snapshots: Vec<(Tick, Vec<u8>)>,
    pub(crate) closed: Vec<CloseReason>,
    pub(crate) keys: Vec<String>,
}

impl ClientHandler for Player {
    fn connected(&mut self, info: &Accepted) {
        assert!(self.accepted.is_none());
        self.accepted = Some(*info);
    }

    fn message(&mut self, _: Lane, bytes: &[u8]) {
        self.messages.push(bytes.to_vec());
    }

    fn block(&mut self, kind: u16, bytes: &[u8]) {
        self.blocks.push((kind, bytes.to_vec()));
    }

    fn block_ended(&mut self, id: u16, end: BlockEnd) {
        self.ended.push((id, end));
    }

    fn snapshot(&mut self, tick: Tick, body: &[u8]) {
        self.snapshots.push((tick, body.to_vec()));
    }

    fn key_log(&mut self, line: &str) {
        self.keys.push(line.to_owned());
    }

    fn closed(&mut self, why: CloseReason) {
        self.closed.push(why);
    }
}

/// What the network does to datagrams, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) loss: u64,
    pub(crate) duplicate: u64,
    pub(crate) delay: Duration,
    /// Each datagram takes up to this much longer.
    pub(crate) jitter: Duration,
}

/// A server, a client and the network between them.
pub(crate) struct Link {
    pub(crate) now: Time,
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) shard: Shard,
    pub(crate) player: Player,
    pub(crate) weather: Weather,
    pub(crate) sent: Rc<RefCell<u64>>,
    pub(crate) step: Duration,
    pub(crate) offset: Duration,
    /// Longer datagrams to the server vanish.
    pub(crate) longest_up: usize,
    /// Every datagram that was sent: when, whether to the server, and its bytes.
    pub(crate) capture: Option<Vec<(Time, bool, Vec<u8>)>>,
    /// Where the client is now.
    pub(crate) client_at: SocketAddr,
    /// What arrived where the client is not.
    pub(crate) astray: Vec<(SocketAddr, Vec<u8>)>,
    random: Random,
    flying: Vec<Flight>,
}

/// A datagram on its way, and the client's end of it.
#[derive(Clone)]
struct Flight {
    arrives: Time,
    to_server: bool,
    peer: SocketAddr,
    bytes: Vec<u8>,
}

impl Link {
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        Self::with(seed, weather, ServerConfig::default())
    }

    pub(crate) fn with(seed: u64, weather: Weather, config: ServerConfig) -> Self {
        let mut bytes = [9; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut random = Random::from_seed(bytes);
        let now = Time::from_micros(1_000_000);
        Self {
            now,
            server: Server::new(config, &keys(), random.array()),
            client: Client::new(ticket(seed), server_address(), &[], random.array(), now),
            shard: Shard::default(),
            player: Player::default(),
            weather,
            sent: Rc::default(),
            step: Duration::from_millis(5),
            offset: Duration::ZERO,
            longest_up: usize::MAX,
            capture: None,
            client_at: Self::client_address(),
            astray: Vec::new(),
            random,
            flying: Vec::new(),
        }
    }

    pub(crate) fn client_address() -> SocketAddr {
        "10.2.2.2:5000".parse().expect("an address")
    }

    /// Somebody's datagram to the server.
    pub(crate) fn inject(&mut self, from: SocketAddr, bytes: Vec<u8>, takes: Duration) {
        self.flying.push(Flight { arrives: self.now + takes, to_server: true, peer: from, bytes });
    }

    fn post(&mut self, to_server: bool, peer: SocketAddr, datagram: Vec<u8>) {
        *self.sent.borrow_mut() += 1;
        if to_server && datagram.len() > self.longest_up {
            return;
        }
        if let Some(capture) = &mut self.capture {
            capture.push((self.now, to_server, datagram.clone()));
        }
        let copies = 1 + usize::from(self.random.u64() % 1000 < self.weather.duplicate);
        for _ in 0..copies {
            if self.random.u64() % 1000 < self.weather.loss {
                continue;
            }
            let jitter = self.random.u64() % (u64::try_from(self.weather.jitter.as_micros()).expect("short") + 1);
            let arrives = self.now + self.weather.delay + Duration::from_micros(jitter);
            self.flying.push(Flight { arrives, to_server, peer, bytes: datagram.clone() });
        }
    }

    /// One step of the shard and of the client; `snapshot` writes the server's snapshot body when there is one.
    pub(crate) fn step(&mut self, tick: Option<Tick>, snapshot: &mut impl FnMut(u64, &mut [u8]) -> usize) {
        self.now += self.step;
        let mut due: Vec<_> = Vec::new();
        let now = self.now;
        self.flying.retain(|item| {
            if item.arrives <= now {
                due.push(item.clone());
            }
            item.arrives > now
        });
        due.sort_by_key(|item| item.arrives);
        let mut out = Outbox::default();
        for Flight { to_server, peer, mut bytes, .. } in due {
            if to_server {
                let server_now = now + self.offset;
                self.server.receive(server_now, UNIX, peer, &mut bytes, &mut self.shard, &mut out);
            } else if peer == self.client_at {
                self.client.receive(now, &mut bytes, &mut self.player);
            } else {
                self.astray.push((peer, bytes));
            }
        }
        let server_now = now + self.offset;
        self.server.handle_timeouts(server_now, &mut self.shard);
        if let (Some(tick), Some(conn)) = (tick, self.shard.connected.last()) {
            self.server.transmit(server_now, *conn, tick, snapshot, &mut out);
        }
        self.server.transmit_due(server_now, &mut out);
        for (to, datagram) in out.0 {
            self.post(false, to, datagram);
        }
        let mut out = Outbox::default();
        if self.client.next_timeout().is_some_and(|at| at <= now) {
            self.client.handle_timeout(now, &mut self.player);
        }
        self.client.poll_transmit(now, &mut out);
        for (to, datagram) in out.0 {
            assert_eq!(to, server_address());
            self.post(true, self.client_at, datagram);
        }
    }

    /// Steps without snapshots.
    pub(crate) fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        while self.now < until {
            self.step(None, &mut |_, _| 0);
        }
    }

    pub(crate) fn conn(&self) -> ConnId {
        *self.shard.connected.last().expect("the client has connected")
    }
}
