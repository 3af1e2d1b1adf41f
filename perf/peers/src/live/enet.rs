//! ENet, by `rusty_enet`: nothing is encrypted. All clients share a socket, as ENet's hosts allow. Its throttle, which
//! drops unreliable packets at random when round trips vary, is off.

use std::net::UdpSocket;

use rusty_enet::{EventNoRef, Host, HostSettings, Packet, PeerID};

use super::engine::{ClientsEnd, ServerEnd, roomy_socket};
use crate::Failed;

fn host(peers: usize) -> Result<Host<UdpSocket>, Failed> {
    let settings = HostSettings { peer_limit: peers.max(1), channel_limit: 1, ..HostSettings::default() };
    Host::new(roomy_socket()?, settings).map_err(|error| format!("{error:?}").into())
}

pub(super) struct Server {
    host: Host<UdpSocket>,
    peers: Vec<PeerID>,
    inputs: u64,
}

impl Server {
    pub(super) fn new(clients: usize) -> Result<Self, Failed> {
        Ok(Self { host: host(clients)?, peers: Vec::new(), inputs: 0 })
    }
}

impl ServerEnd for Server {
    fn invitation(&self) -> String {
        self.host.socket().local_addr().map_or_else(|error| error.to_string(), |address| address.to_string())
    }

    fn receive(&mut self) -> Result<(), Failed> {
        while let Some(event) = self.host.service()?.map(rusty_enet::Event::no_ref) {
            match event {
                EventNoRef::Connect { peer, .. } => self.peers.push(peer),
                EventNoRef::Receive { .. } => self.inputs += 1,
                EventNoRef::Disconnect { .. } => {}
            }
        }
        Ok(())
    }

    fn ready(&self) -> usize {
        self.peers.len()
    }

    fn send(&mut self, client: usize, payload: &[u8]) -> Result<(), Failed> {
        // A peer that is gone gets nothing, which counts as lost.
        let _gone = self.host.peer_mut(self.peers[client]).send(0, &Packet::always_unreliable(payload));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failed> {
        self.host.flush();
        Ok(())
    }

    fn inputs(&self) -> u64 {
        self.inputs
    }
}

pub(super) struct Clients {
    host: Host<UdpSocket>,
    peers: Vec<PeerID>,
    connected: usize,
}

impl Clients {
    pub(super) fn new(clients: usize, invitation: &str) -> Result<Self, Failed> {
        let server = invitation.parse()?;
        let mut host = host(clients)?;
        let mut peers = Vec::with_capacity(clients);
        for _ in 0..clients {
            peers.push(host.connect(server, 1, 0).map_err(|error| format!("{error:?}"))?.id());
        }
        Ok(Self { host, peers, connected: 0 })
    }
}

impl ClientsEnd for Clients {
    fn step(&mut self, heard: &mut dyn FnMut(&[u8])) -> Result<(), Failed> {
        while let Some(event) = self.host.service()?.map(rusty_enet::Event::no_ref) {
            match event {
                EventNoRef::Connect { .. } => self.connected += 1,
                EventNoRef::Receive { packet, .. } => heard(packet.data()),
                EventNoRef::Disconnect { .. } => {}
            }
        }
        Ok(())
    }

    fn ready(&self) -> usize {
        self.connected
    }

    fn input(&mut self, client: usize, payload: &[u8]) -> Result<(), Failed> {
        let _gone = self.host.peer_mut(self.peers[client]).send(0, &Packet::always_unreliable(payload));
        Ok(())
    }
}
