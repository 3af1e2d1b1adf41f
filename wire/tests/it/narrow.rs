//! A road with a bandwidth and a queue in front of it, one server, one client, in virtual time of a millisecond a step.

use std::collections::VecDeque;
use std::time::Duration;

use mu_wire::{Client, Lane, Server, ServerConfig, Tick, Time};

use crate::dice::Dice;
use crate::link::{Link, Outbox, Player, Shard, UNIX, claims, keys, server_address};

/// One direction of a road.
pub(crate) struct Pipe {
    /// Bytes a second; a datagram's 28 bytes of IP and UDP count.
    pub(crate) bytes_per_s: u64,
    /// Bytes that may wait; what finds no room is lost.
    pub(crate) queue: u64,
    pub(crate) delay: Duration,
    /// Of a thousand datagrams.
    pub(crate) loss: u64,
    /// Each datagram takes up to so much longer, without overtaking.
    pub(crate) jitter_us: u64,
    /// Longer datagrams vanish.
    pub(crate) mtu: usize,
    pub(crate) carried: u64,
    /// The longest that came through.
    pub(crate) longest: usize,
    free_at: Time,
    flying: VecDeque<(Time, Vec<u8>)>,
    dice: Dice,
}

impl Pipe {
    pub(crate) const fn wide(seed: u64, delay: Duration) -> Self {
        Self {
            bytes_per_s: 12_500_000,
            queue: 1 << 20,
            delay,
            loss: 0,
            jitter_us: 0,
            mtu: 1_500 - 28,
            carried: 0,
            longest: 0,
            free_at: Time::ZERO,
            flying: VecDeque::new(),
            dice: Dice(seed),
        }
    }

    pub(crate) fn put(&mut self, now: Time, bytes: Vec<u8>) {
        let size = u64::try_from(bytes.len()).unwrap() + 28;
        self.carried += size;
        let begin = self.free_at.max(now);
        let waiting = u64::try_from(begin.since(now).as_micros()).unwrap() * self.bytes_per_s / 1_000_000;
        if waiting + size > self.queue || bytes.len() > self.mtu {
            return;
        }
        self.longest = self.longest.max(bytes.len());
        self.free_at = begin + Duration::from_micros(size * 1_000_000 / self.bytes_per_s);
        if self.dice.below(1_000) < self.loss {
            return;
        }
        let jitter = Duration::from_micros(self.dice.below(self.jitter_us + 1));
        let at = self.free_at + self.delay + jitter;
        let last = self.flying.back().map_or(at, |(last, _)| at.max(*last));
        self.flying.push_back((last, bytes));
    }

    pub(crate) fn take(&mut self, now: Time) -> Option<Vec<u8>> {
        self.flying.front().is_some_and(|(at, _)| *at <= now).then(|| self.flying.pop_front().unwrap().1)
    }
}

/// Both ends and the road between them.
pub(crate) struct Narrow {
    pub(crate) now: Time,
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) shard: Shard,
    pub(crate) player: Player,
    pub(crate) down: Pipe,
    pub(crate) up: Pipe,
    pub(crate) tick: Tick,
    /// When each snapshot that came was written, and when it came.
    pub(crate) ages: Vec<(Time, Duration, usize)>,
    /// When each message to the client was given to its lane, and how long those that came took.
    pub(crate) told: VecDeque<Time>,
    pub(crate) told_after: Vec<Duration>,
    /// The same of those to the server.
    pub(crate) asked: VecDeque<Time>,
    pub(crate) asked_after: Vec<Duration>,
}

impl Narrow {
    pub(crate) fn new(seed: u64, trip: Duration, max_down: u32) -> Self {
        let now = Time::from_micros(1_000_000);
        let mut claims = claims(seed);
        claims.max_down = max_down;
        let ticket = keys().sealer().seal(&claims, 0, &mut mu_wire::Random::from_seed([5; 32]));
        Self {
            now,
            server: Server::new(ServerConfig { tick_origin: now, ..ServerConfig::default() }, &keys(), [3; 32]),
            client: Client::new(ticket, server_address(), &[], [4; 32], now),
            shard: Shard::default(),
            player: Player::default(),
            down: Pipe::wide(seed, trip / 2),
            up: Pipe::wide(seed + 1, trip / 2),
            tick: Tick(0),
            ages: Vec::new(),
            told: VecDeque::new(),
            told_after: Vec::new(),
            asked: VecDeque::new(),
            asked_after: Vec::new(),
        }
    }

    /// One millisecond. At each fiftieth the server writes a snapshot of `wanted` bytes, as many of them as it may.
    pub(crate) fn step(&mut self, wanted: usize) {
        self.now += Duration::from_millis(1);
        let now = self.now;
        let mut out = Outbox::default();
        while let Some(mut datagram) = self.up.take(now) {
            self.server.receive(now, UNIX, Link::client_address(), &mut datagram, &mut self.shard, &mut out);
        }
        self.server.handle_timeouts(now, &mut self.shard);
        if now.as_micros().is_multiple_of(50_000) {
            self.tick = self.tick + 1;
            if let Some(conn) = self.shard.connected.last() {
                self.server.transmit(now, *conn, self.tick, &mut |_, space| space.len().min(wanted), &mut out);
            }
        }
        self.server.transmit_due(now, &mut out);
        for (_, datagram) in out.0 {
            self.down.put(now, datagram);
        }
        self.hear(now);
        let mut out = Outbox::default();
        if self.client.next_timeout().is_some_and(|at| at <= now) {
            self.client.handle_timeout(now, &mut self.player);
        }
        self.client.poll_transmit(now, &mut out);
        for (_, datagram) in out.0 {
            self.up.put(now, datagram);
        }
    }

    fn hear(&mut self, now: Time) {
        while let Some(mut datagram) = self.down.take(now) {
            self.client.receive(now, &mut datagram, &mut self.player);
        }
        for (tick, body) in self.player.snapshots.drain(..) {
            let back = Duration::from_millis(50) * self.tick.since(tick);
            let phase = Duration::from_micros(now.as_micros() % 50_000);
            self.ages.push((now, back + phase, body.len()));
        }
        for _ in self.player.messages.drain(..) {
            let at = self.told.pop_front().unwrap();
            self.told_after.push(now.since(at));
        }
        for _ in self.shard.messages.drain(..) {
            let at = self.asked.pop_front().unwrap();
            self.asked_after.push(now.since(at));
        }
    }

    /// Runs for so many milliseconds.
    pub(crate) fn run(&mut self, millis: u64, wanted: usize) {
        for _ in 0..millis {
            self.step(wanted);
        }
    }

    pub(crate) fn conn(&self) -> mu_wire::ConnId {
        *self.shard.connected.last().expect("the client has connected")
    }

    /// The server says something to the client.
    pub(crate) fn tell(&mut self, message: &[u8]) {
        let conn = *self.shard.connected.last().unwrap();
        if self.server.send(conn, Lane::Control, message).is_ok() {
            self.told.push_back(self.now);
        }
    }

    /// The client says something to the server.
    pub(crate) fn ask(&mut self, message: &[u8]) {
        if self.client.send(Lane::Control, message).is_ok() {
            self.asked.push_back(self.now);
        }
    }

    /// Ages of the snapshots that came from `from` on, shortest first, and their mean size.
    pub(crate) fn ages_from(&self, from: Time) -> (Vec<Duration>, usize) {
        let late: Vec<_> = self.ages.iter().filter(|(at, ..)| *at >= from).collect();
        let mut ages: Vec<_> = late.iter().map(|(_, age, _)| *age).collect();
        ages.sort_unstable();
        let bytes: usize = late.iter().map(|(.., bytes)| bytes).sum();
        (ages, bytes / late.len().max(1))
    }
}

/// The value below which `percent` of the sorted values lie.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}
