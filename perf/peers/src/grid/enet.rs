//! ENet, by `rusty_enet`, over sockets in memory and a clock that is set.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rusty_enet::{EventNoRef, Host, HostSettings, MTU_MAX, Packet, PacketReceived, PeerID, Socket};

use super::{End, Ends};
use crate::Failed;

/// Channel of the reliable messages; the other one may lose.
const RELIABLE: u8 = 0;
const LOSSY: u8 = 1;

#[derive(Default)]
struct Queues {
    arrived: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Memory {
    peer: SocketAddr,
    queues: Rc<RefCell<Queues>>,
}

impl Socket for Memory {
    type Address = SocketAddr;
    type Error = Infallible;

    fn send(&mut self, _: SocketAddr, buffer: &[u8]) -> Result<usize, Infallible> {
        self.queues.borrow_mut().sent.push(buffer.to_vec());
        Ok(buffer.len())
    }

    fn receive(&mut self, buffer: &mut [u8; MTU_MAX]) -> Result<Option<(SocketAddr, PacketReceived)>, Infallible> {
        let Some(datagram) = self.queues.borrow_mut().arrived.pop_front() else { return Ok(None) };
        buffer[..datagram.len()].copy_from_slice(&datagram);
        Ok(Some((self.peer, PacketReceived::Complete(datagram.len()))))
    }
}

struct Node {
    host: Host<Memory>,
    queues: Rc<RefCell<Queues>>,
    peer: Option<PeerID>,
    heard: Vec<Vec<u8>>,
    datagrams: u64,
}

impl Node {
    fn new(peer: SocketAddr, clock: &Rc<Cell<Duration>>) -> Result<Self, Failed> {
        let (queues, clock) = (Rc::default(), Rc::clone(clock));
        let settings = HostSettings {
            peer_limit: 1,
            channel_limit: 2,
            time: Box::new(move || clock.get()),
            seed: Some(1),
            ..HostSettings::default()
        };
        let socket = Memory { peer, queues: Rc::clone(&queues) };
        let host = Host::new(socket, settings).map_err(|error| format!("{error:?}"))?;
        Ok(Self { host, queues, peer: None, heard: Vec::new(), datagrams: 0 })
    }

    fn step(&mut self) -> Result<Vec<Vec<u8>>, Failed> {
        while let Some(event) = self.host.service()?.map(rusty_enet::Event::no_ref) {
            match event {
                EventNoRef::Connect { peer, .. } => self.peer = Some(peer),
                EventNoRef::Receive { channel_id: RELIABLE, packet, .. } => self.heard.push(packet.data().to_vec()),
                EventNoRef::Receive { .. } => self.datagrams += 1,
                EventNoRef::Disconnect { .. } => return Err("an ENet connection ended".into()),
            }
        }
        self.host.flush();
        Ok(std::mem::take(&mut self.queues.borrow_mut().sent))
    }

    fn send(&mut self, channel: u8, packet: &Packet) -> Result<(), Failed> {
        let peer = self.peer.ok_or("not connected")?;
        self.host.peer_mut(peer).send(channel, packet).map_err(|error| format!("{error:?}").into())
    }
}

pub(super) struct Enet {
    server: Node,
    client: Node,
    clock: Rc<Cell<Duration>>,
}

impl Enet {
    pub(super) fn new() -> Result<Self, Failed> {
        let clock = Rc::new(Cell::new(Duration::from_secs(1)));
        let address = |last| SocketAddr::from(([10, 0, 0, last], 4_000));
        let server = Node::new(address(2), &clock)?;
        let mut client = Node::new(address(1), &clock)?;
        client.host.connect(address(1), 2, 0).map_err(|error| format!("{error:?}"))?;
        Ok(Self { server, client, clock })
    }

    fn end(&mut self, end: End) -> &mut Node {
        if end == End::Server { &mut self.server } else { &mut self.client }
    }
}

impl Ends for Enet {
    fn arrive(&mut self, _: u64, at: End, datagram: Vec<u8>) -> Result<(), Failed> {
        self.end(at).queues.borrow_mut().arrived.push_back(datagram);
        Ok(())
    }

    fn step(&mut self, now_us: u64, out: &mut dyn FnMut(End, Vec<u8>)) -> Result<(), Failed> {
        self.clock.set(Duration::from_micros(now_us));
        for end in [End::Server, End::Client] {
            for datagram in self.end(end).step()? {
                out(end, datagram);
            }
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.server.peer.is_some() && self.client.peer.is_some()
    }

    fn reliable(&mut self, from: End, message: &[u8]) -> Result<(), Failed> {
        self.end(from).send(RELIABLE, &Packet::reliable(message))
    }

    fn unreliable(&mut self, from: End, payload: &[u8]) -> Result<(), Failed> {
        self.end(from).send(LOSSY, &Packet::always_unreliable(payload))
    }

    fn heard(&mut self) -> Vec<(End, Vec<u8>)> {
        let server = self.server.heard.drain(..).map(|message| (End::Server, message));
        server.chain(self.client.heard.drain(..).map(|message| (End::Client, message))).collect()
    }

    fn datagrams(&self) -> u64 {
        self.client.datagrams
    }
}
