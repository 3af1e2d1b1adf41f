//! Our protocol: `mu-wire` on `mu-wire-io`'s batches; each client has a socket of its own.

use std::net::SocketAddr;

use mu_perf::rig;
use mu_wire::{
    Accepted, Admission, Client, ClientHandler, ClientState, CloseReason, ConnId, DatagramSink, Lane, Server as Wire,
    ServerConfig, ServerHandler, Tick, Time, TokenClaims,
};
use mu_wire_io::{DEFAULT_BATCH, RecvBatch, SendBatch, Socket, SocketOptions};

use super::engine::{ClientsEnd, ServerEnd, wall_ns};
use super::raw::Sockets;
use crate::Failed;

fn now() -> Time {
    Time::from_micros(wall_ns() / 1_000)
}

/// Sends the batch when it is full.
struct Sink<'a> {
    socket: &'a Socket,
    batch: &'a mut SendBatch,
}

impl DatagramSink for Sink<'_> {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        if self.batch.is_full() && self.socket.send(self.batch).is_err() {
            return false;
        }
        self.batch.push(to, write)
    }
}

#[derive(Default)]
struct Heard {
    open: Vec<ConnId>,
    inputs: u64,
}

impl ServerHandler for Heard {
    fn incoming(&mut self, _: &TokenClaims) -> Admission {
        Admission::Accept
    }
    fn connected(&mut self, conn: ConnId, _: &TokenClaims) {
        self.open.push(conn);
    }
    fn message(&mut self, _: ConnId, _: Lane, _: &[u8]) {}
    fn input(&mut self, _: ConnId, _: u32, _: &[u8]) {
        self.inputs += 1;
    }
    fn snapshot_delivered(&mut self, _: ConnId, _: u64) {}
    fn snapshot_lost(&mut self, _: ConnId, _: u64) {}
    fn closed(&mut self, _: ConnId, _: CloseReason) {}
}

pub(super) struct Server {
    socket: Socket,
    incoming: RecvBatch,
    outgoing: SendBatch,
    wire: Wire,
    heard: Heard,
    tick: u32,
}

impl Server {
    pub(super) fn new(clients: usize) -> Result<Self, Failed> {
        Ok(Self {
            socket: Socket::bind("127.0.0.1:0".parse()?, &SocketOptions::default())?,
            incoming: RecvBatch::new(DEFAULT_BATCH),
            outgoing: SendBatch::new(DEFAULT_BATCH),
            wire: Wire::new(ServerConfig { ..rig::unlimited(clients) }, &rig::keys(), [7; 32]),
            heard: Heard::default(),
            tick: 0,
        })
    }
}

impl ServerEnd for Server {
    fn invitation(&self) -> String {
        self.socket.local_addr().to_string()
    }

    fn receive(&mut self) -> Result<(), Failed> {
        let Self { socket, incoming, outgoing, wire, heard, tick } = self;
        let now = now();
        loop {
            let count = socket.recv(incoming)?;
            let mut out = Sink { socket, batch: outgoing };
            for (from, datagram) in incoming.iter_mut() {
                wire.receive(now, rig::UNIX, from, datagram, heard, &mut out);
            }
            if count < DEFAULT_BATCH {
                break;
            }
        }
        wire.handle_timeouts(now, heard);
        *tick += 1;
        Ok(())
    }

    fn ready(&self) -> usize {
        self.heard.open.len()
    }

    fn send(&mut self, client: usize, payload: &[u8]) -> Result<(), Failed> {
        let mut out = Sink { socket: &self.socket, batch: &mut self.outgoing };
        let mut write = |_, space: &mut [u8]| {
            let Some(space) = space.get_mut(..payload.len()) else { return 0 };
            space.copy_from_slice(payload);
            payload.len()
        };
        self.wire.transmit(now(), self.heard.open[client], Tick(self.tick / 10), &mut write, &mut out);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failed> {
        self.wire.transmit_due(now(), &mut Sink { socket: &self.socket, batch: &mut self.outgoing });
        self.socket.send(&mut self.outgoing)?;
        Ok(())
    }

    fn inputs(&self) -> u64 {
        self.heard.inputs
    }
}

/// Hands a client's snapshots on.
struct Ear<'h>(&'h mut dyn FnMut(&[u8]));

impl ClientHandler for Ear<'_> {
    fn connected(&mut self, _: &Accepted) {}
    fn message(&mut self, _: Lane, _: &[u8]) {}
    fn snapshot(&mut self, _: Tick, body: &[u8]) {
        (self.0)(body);
    }
    fn closed(&mut self, _: CloseReason) {}
}

/// Sends at once.
struct Direct<'a>(&'a std::net::UdpSocket);

impl DatagramSink for Direct<'_> {
    fn push(&mut self, _: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let mut buffer = [0; rig::ROOM];
        let len = write(&mut buffer);
        len == 0 || self.0.send(&buffer[..len]).is_ok()
    }
}

pub(super) struct Clients {
    sockets: Sockets,
    clients: Vec<Client>,
}

impl Clients {
    pub(super) fn new(clients: usize, invitation: &str) -> Result<Self, Failed> {
        let server: SocketAddr = invitation.parse()?;
        let keys = rig::keys();
        let make = |number: usize| {
            let mut seed = [1; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            Ok(Client::new(rig::ticket(&keys, u32::try_from(number)?), server, &[], seed, now()))
        };
        let clients = (0..clients).map(make).collect::<Result<Vec<_>, Failed>>()?;
        Ok(Self { sockets: Sockets::new(clients.len(), server)?, clients })
    }
}

impl ClientsEnd for Clients {
    fn step(&mut self, heard: &mut dyn FnMut(&[u8])) -> Result<(), Failed> {
        let Self { sockets, clients } = self;
        let now = now();
        let mut ear = Ear(heard);
        sockets.receive(&mut |at, datagram| clients[at].receive(now, datagram, &mut ear))?;
        for (client, socket) in clients.iter_mut().zip(&sockets.sockets) {
            if client.next_timeout().is_some_and(|at| at <= now) {
                client.handle_timeout(now, &mut ear);
            }
            client.poll_transmit(now, &mut Direct(socket));
        }
        Ok(())
    }

    fn ready(&self) -> usize {
        self.clients.iter().filter(|client| client.state() == ClientState::Connected).count()
    }

    fn input(&mut self, client: usize, payload: &[u8]) -> Result<(), Failed> {
        Ok(self.clients[client].input(payload).map(drop)?)
    }
}
