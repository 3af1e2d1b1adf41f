//! Our protocol: messages on the lane of values, the 400 bytes as a snapshot, inputs as inputs.

use mu_perf::rig::{self, Outbox};
use mu_wire::{
    Accepted, Admission, Client, ClientHandler, ClientState, CloseReason, ConnId, Lane, Server, ServerHandler, Tick,
    Time, TokenClaims,
};

use super::{End, Ends};
use crate::Failed;

#[derive(Default)]
struct Ear {
    conn: Option<ConnId>,
    messages: Vec<Vec<u8>>,
    snapshots: u64,
    ended: bool,
}

impl ServerHandler for Ear {
    fn incoming(&mut self, _: &TokenClaims) -> Admission {
        Admission::Accept
    }
    fn connected(&mut self, conn: ConnId, _: &TokenClaims) {
        self.conn = Some(conn);
    }
    fn message(&mut self, _: ConnId, _: Lane, bytes: &[u8]) {
        self.messages.push(bytes.to_vec());
    }
    fn input(&mut self, _: ConnId, _: u32, _: &[u8]) {}
    fn snapshot_delivered(&mut self, _: ConnId, _: u64) {}
    fn snapshot_lost(&mut self, _: ConnId, _: u64) {}
    fn closed(&mut self, _: ConnId, _: CloseReason) {
        self.ended = true;
    }
}

impl ClientHandler for Ear {
    fn connected(&mut self, _: &Accepted) {}
    fn message(&mut self, _: Lane, bytes: &[u8]) {
        self.messages.push(bytes.to_vec());
    }
    fn snapshot(&mut self, _: Tick, _: &[u8]) {
        self.snapshots += 1;
    }
    fn closed(&mut self, _: CloseReason) {
        self.ended = true;
    }
}

pub(super) struct Ours {
    server: Server,
    client: Client,
    shard: Ear,
    player: Ear,
    out: Outbox,
    answers: Outbox,
    snapshot: Option<Vec<u8>>,
}

impl Ours {
    pub(super) fn new() -> Self {
        let keys = rig::keys();
        Self {
            server: Server::new(rig::unlimited(4), &keys, [4; 32]),
            client: rig::newcomer_waiting(&keys, 1, Time::from_micros(1_000_000)),
            shard: Ear::default(),
            player: Ear::default(),
            out: Outbox::new(64),
            answers: Outbox::new(64),
            snapshot: None,
        }
    }
}

impl Ends for Ours {
    fn arrive(&mut self, now_us: u64, at: End, mut datagram: Vec<u8>) -> Result<(), Failed> {
        let now = Time::from_micros(now_us);
        match at {
            End::Client => self.client.receive(now, &mut datagram, &mut self.player),
            End::Server => self.server.receive(
                now,
                rig::UNIX,
                rig::client_address(1),
                &mut datagram,
                &mut self.shard,
                &mut self.answers,
            ),
        }
        Ok(())
    }

    fn step(&mut self, now_us: u64, out: &mut dyn FnMut(End, Vec<u8>)) -> Result<(), Failed> {
        let now = Time::from_micros(now_us);
        if self.shard.ended || self.player.ended {
            return Err("a connection of ours ended".into());
        }
        self.server.handle_timeouts(now, &mut self.shard);
        if let (Some(body), Some(conn)) = (self.snapshot.take(), self.shard.conn) {
            let tick = Tick(u32::try_from(now_us / 50_000)?);
            let mut write = |_, space: &mut [u8]| {
                let Some(space) = space.get_mut(..body.len()) else { return 0 };
                space.copy_from_slice(&body);
                body.len()
            };
            self.server.transmit(now, conn, tick, &mut write, &mut self.answers);
        }
        self.server.transmit_due(now, &mut self.answers);
        for (_, datagram) in self.answers.iter_mut() {
            out(End::Server, datagram.to_vec());
        }
        self.answers.clear();
        if self.client.next_timeout().is_some_and(|at| at <= now) {
            self.client.handle_timeout(now, &mut self.player);
        }
        self.client.poll_transmit(now, &mut self.out);
        for (_, datagram) in self.out.iter_mut() {
            out(End::Client, datagram.to_vec());
        }
        self.out.clear();
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.shard.conn.is_some() && self.client.state() == ClientState::Connected
    }

    fn reliable(&mut self, from: End, message: &[u8]) -> Result<(), Failed> {
        match (from, self.shard.conn) {
            (End::Client, _) => self.client.send(Lane::Value, message)?,
            (End::Server, Some(conn)) => self.server.send(conn, Lane::Value, message)?,
            (End::Server, None) => return Err("not connected".into()),
        }
        Ok(())
    }

    fn unreliable(&mut self, from: End, payload: &[u8]) -> Result<(), Failed> {
        match from {
            End::Client => drop(self.client.input(payload)?),
            End::Server => self.snapshot = Some(payload.to_vec()),
        }
        Ok(())
    }

    fn heard(&mut self) -> Vec<(End, Vec<u8>)> {
        let server = self.shard.messages.drain(..).map(|message| (End::Server, message));
        server.chain(self.player.messages.drain(..).map(|message| (End::Client, message))).collect()
    }

    fn datagrams(&self) -> u64 {
        self.player.snapshots
    }
}
