//! `renet` without its transport: the bytes that `renet_netcode` would add are counted instead. Stepped every 20 ms, because each
//! step sends an acknowledgement either way.

use std::time::Duration;

use renet::{ConnectionConfig, DefaultChannel, RenetClient, RenetServer};

use super::{End, Ends};
use crate::Failed;

const ID: u64 = 1;
const STEP_US: u64 = 20_000;

pub(super) struct Renet {
    server: RenetServer,
    client: RenetClient,
    last_us: u64,
    datagrams: u64,
}

impl Renet {
    pub(super) fn new() -> Self {
        let mut server = RenetServer::new(ConnectionConfig::default());
        server.add_connection(ID);
        let mut client = RenetClient::new(ConnectionConfig::default());
        client.set_connected();
        Self { server, client, last_us: 0, datagrams: 0 }
    }
}

impl Ends for Renet {
    /// A byte of type, two of sequence number, sixteen of tag.
    const EXTRA: usize = 19;

    fn arrive(&mut self, _: u64, at: End, datagram: Vec<u8>) -> Result<(), Failed> {
        match at {
            End::Client => self.client.process_packet(&datagram),
            End::Server => self.server.process_packet_from(&datagram, ID).map_err(|error| error.to_string())?,
        }
        Ok(())
    }

    fn step(&mut self, now_us: u64, out: &mut dyn FnMut(End, Vec<u8>)) -> Result<(), Failed> {
        if now_us < self.last_us + STEP_US {
            return Ok(());
        }
        let passed = Duration::from_micros(if self.last_us == 0 { 0 } else { now_us - self.last_us });
        self.last_us = now_us;
        self.server.update(passed);
        self.client.update(passed);
        for packet in self.server.get_packets_to_send(ID).map_err(|error| error.to_string())? {
            out(End::Server, packet.to_vec());
        }
        for packet in self.client.get_packets_to_send() {
            out(End::Client, packet.to_vec());
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.client.is_connected()
    }

    fn reliable(&mut self, from: End, message: &[u8]) -> Result<(), Failed> {
        match from {
            End::Client => self.client.send_message(DefaultChannel::ReliableOrdered, message.to_vec()),
            End::Server => self.server.send_message(ID, DefaultChannel::ReliableOrdered, message.to_vec()),
        }
        Ok(())
    }

    fn unreliable(&mut self, from: End, payload: &[u8]) -> Result<(), Failed> {
        match from {
            End::Client => self.client.send_message(DefaultChannel::Unreliable, payload.to_vec()),
            End::Server => self.server.send_message(ID, DefaultChannel::Unreliable, payload.to_vec()),
        }
        Ok(())
    }

    fn heard(&mut self) -> Vec<(End, Vec<u8>)> {
        while self.client.receive_message(DefaultChannel::Unreliable).is_some() {
            self.datagrams += 1;
        }
        while self.server.receive_message(ID, DefaultChannel::Unreliable).is_some() {}
        let mut heard = Vec::new();
        while let Some(message) = self.client.receive_message(DefaultChannel::ReliableOrdered) {
            heard.push((End::Client, message.to_vec()));
        }
        while let Some(message) = self.server.receive_message(ID, DefaultChannel::ReliableOrdered) {
            heard.push((End::Server, message.to_vec()));
        }
        heard
    }

    fn datagrams(&self) -> u64 {
        self.datagrams
    }
}
