//! `renet` with its own transport `renet_netcode`: encrypted, one socket for each client, a call for each datagram.
//!
//! Its loop is run every fourth step: each time it looks at every client and sends every one an acknowledgement, which is
//! acknowledged in turn, so a shorter step costs it far more than it gains.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use renet::{ConnectionConfig, DefaultChannel, RenetClient, RenetServer};
use renet_netcode::{
    ClientAuthentication, ConnectToken, NetcodeClientTransport, NetcodeServerTransport, ServerAuthentication,
    ServerConfig,
};

use super::engine::{ClientsEnd, ServerEnd, roomy_socket, wall_ns};
use crate::Failed;

const KEY: [u8; 32] = [9; 32];
const PROTOCOL: u64 = 1;
const EVERY: u64 = 4;

fn now() -> Duration {
    Duration::from_nanos(wall_ns())
}

pub(super) struct Server {
    address: SocketAddr,
    transport: NetcodeServerTransport,
    server: RenetServer,
    last: Duration,
    steps: u64,
    inputs: u64,
}

impl Server {
    pub(super) fn new(clients: usize) -> Result<Self, Failed> {
        let socket = roomy_socket()?;
        let address = socket.local_addr()?;
        let config = ServerConfig {
            current_time: now(),
            max_clients: clients,
            protocol_id: PROTOCOL,
            public_addresses: vec![address],
            authentication: ServerAuthentication::Secure { private_key: KEY },
        };
        let transport = NetcodeServerTransport::new(config, socket)?;
        let server = RenetServer::new(ConnectionConfig::default());
        Ok(Self { address, transport, server, last: now(), steps: 0, inputs: 0 })
    }
}

impl ServerEnd for Server {
    fn invitation(&self) -> String {
        self.address.to_string()
    }

    fn receive(&mut self) -> Result<(), Failed> {
        self.steps += 1;
        if !self.steps.is_multiple_of(EVERY) {
            return Ok(());
        }
        let now = now();
        let passed = now.saturating_sub(self.last);
        self.last = now;
        self.server.update(passed);
        self.transport.update(passed, &mut self.server)?;
        while self.server.get_event().is_some() {}
        for id in self.server.clients_id() {
            while self.server.receive_message(id, DefaultChannel::Unreliable).is_some() {
                self.inputs += 1;
            }
        }
        Ok(())
    }

    fn ready(&self) -> usize {
        self.server.connected_clients()
    }

    fn send(&mut self, client: usize, payload: &[u8]) -> Result<(), Failed> {
        let id = u64::try_from(client)? + 1;
        self.server.send_message(id, DefaultChannel::Unreliable, payload.to_vec());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failed> {
        if self.steps.is_multiple_of(EVERY) {
            self.transport.send_packets(&mut self.server);
        }
        Ok(())
    }

    fn inputs(&self) -> u64 {
        self.inputs
    }
}

pub(super) struct Clients {
    clients: Vec<(NetcodeClientTransport, RenetClient)>,
    last: Duration,
    steps: u64,
}

impl Clients {
    pub(super) fn new(clients: usize, invitation: &str) -> Result<Self, Failed> {
        let server: SocketAddr = invitation.parse()?;
        let make = |number: usize| {
            let id = u64::try_from(number)? + 1;
            let connect_token = ConnectToken::generate(now(), PROTOCOL, 300, id, 15, vec![server], None, &KEY)?;
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            let transport = NetcodeClientTransport::new(now(), ClientAuthentication::Secure { connect_token }, socket)?;
            Ok((transport, RenetClient::new(ConnectionConfig::default())))
        };
        let clients = (0..clients).map(make).collect::<Result<_, Failed>>()?;
        Ok(Self { clients, last: now(), steps: 0 })
    }
}

impl ClientsEnd for Clients {
    fn step(&mut self, heard: &mut dyn FnMut(&[u8])) -> Result<(), Failed> {
        self.steps += 1;
        if !self.steps.is_multiple_of(EVERY) {
            return Ok(());
        }
        let now = now();
        let passed = now.saturating_sub(self.last);
        self.last = now;
        for (transport, client) in &mut self.clients {
            client.update(passed);
            // One that was thrown out hears nothing any more, which counts as lost.
            let _gone = transport.update(passed, client);
            while let Some(message) = client.receive_message(DefaultChannel::Unreliable) {
                heard(&message);
            }
            let _gone = transport.send_packets(client);
        }
        Ok(())
    }

    fn ready(&self) -> usize {
        self.clients.iter().filter(|(_, client)| client.is_connected()).count()
    }

    fn input(&mut self, client: usize, payload: &[u8]) -> Result<(), Failed> {
        self.clients[client].1.send_message(DefaultChannel::Unreliable, payload.to_vec());
        Ok(())
    }
}
