//! One who has a place on the server and keeps to no rule: a real connection whose packets are sealed by hand.
//!
//! It connects as an ordinary client does, takes its own keys from the key log, and from then on writes what it likes.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use mu_loadgen::clock::Clock;
use mu_loadgen::gateway::{Gateway, Selected};
use mu_wire::{
    Accepted, Client, ClientHandler, ClientState, CloseReason, ConnectTicket, DatagramSink, Lane, MAX_DATAGRAM, Tick,
};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::crash::pause::{pause, until};
use crate::crash::{Broken, broken};

/// From INIT to the open connection.
const CONNECT_MAX: Duration = Duration::from_secs(15);
/// Far above what the client itself has sent.
const FIRST_NUMBER: u64 = 1_000;

/// Thirty-two bytes nobody can foretell.
pub(super) fn seed() -> Result<[u8; 32], Broken> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|error| broken("random bytes", error))?;
    Ok(seed)
}

/// A place on the server for a fresh account, through an entry point.
pub(super) fn place(gateway: &Gateway, name: &str, entry: u16) -> Result<Selected, Broken> {
    let answered = |error: mu_loadgen::gateway::HttpError| broken("a place for an attacker", error);
    gateway.register(name, "floods-floods").map_err(answered)?;
    let session = gateway.login(name, "floods-floods").map_err(answered)?;
    let character = gateway.create(&session, name, "knight").map_err(answered)?;
    gateway.select(&session, character.id, Some(entry)).map_err(answered)
}

/// A connection and the means to misuse it.
pub(super) struct Attacker {
    pub(super) socket: UdpSocket,
    pub(super) server: SocketAddr,
    pub(super) id: u64,
    client: Client,
    key: LessSafeKey,
    iv: [u8; 12],
    number: u64,
    reset: bool,
}

impl Attacker {
    /// Connects; false promises come later.
    pub(super) fn connect(place: Selected) -> Result<Self, Broken> {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).map_err(|error| broken("an attacker's socket", error))?;
        socket.set_nonblocking(true).map_err(|error| broken("an attacker's socket", error))?;
        let (clock, mut ears) = (Clock::start(), Ears::default());
        let mut client = Client::new(place.ticket, place.endpoint, &[], seed()?, clock.now());
        client.log_keys();
        until("an attacker's connection", CONNECT_MAX, || {
            let mut buffer = [0; 2_048];
            while let Ok(length) = socket.recv(&mut buffer) {
                client.receive(clock.now(), &mut buffer[..length], &mut ears);
            }
            client.handle_timeout(clock.now(), &mut ears);
            client.poll_transmit(clock.now(), &mut Out(&socket));
            // A round trip shows that the server has opened it too.
            (client.state() == ClientState::Connected && client.rtt().is_some()).then_some(())
        })?;
        let words: Vec<&str> = ears.line.split(' ').collect();
        let (id, key, iv) = match words[..] {
            ["MU_WIRE", id, _, key, iv, ..] => (u64::from_str_radix(id, 16).ok(), bytes::<32>(key), bytes::<12>(iv)),
            _ => (None, None, None),
        };
        let (Some(id), Some(key), Some(iv)) = (id, key, iv) else {
            return Err(Broken(format!("a key log of another form: {} words", words.len())));
        };
        let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|error| broken("a packet key", error))?;
        let (server, key) = (place.endpoint, LessSafeKey::new(key));
        Ok(Self { socket, server, id, client, key, iv, number: FIRST_NUMBER, reset: false })
    }

    /// Sends an authentic packet with this body.
    pub(super) fn send(&mut self, body: &[u8]) {
        let header = header(self.id, self.number);
        let mut nonce = self.iv;
        for (byte, part) in nonce.iter_mut().skip(4).zip(self.number.to_be_bytes()) {
            *byte ^= part;
        }
        self.number += 1;
        let mut packet = header.to_vec();
        let mut sealed = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        if self.key.seal_in_place_append_tag(nonce, Aad::from(&header), &mut sealed).is_ok() {
            packet.append(&mut sealed);
            // A full buffer is the flood's own loss.
            let _lost = self.socket.send_to(&packet, self.server);
        }
    }

    /// Takes in what came without reading it; true once the server has said that it does not know the connection.
    pub(super) fn was_reset(&mut self) -> bool {
        let mut buffer = [0; 2_048];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            self.reset |= self.client.is_reset(&buffer[..length]);
        }
        self.reset
    }
}

/// The clear part of a data packet to the server.
pub(super) fn header(id: u64, number: u64) -> [u8; 11] {
    let mut header = [0x40; 11];
    header[1..9].copy_from_slice(&id.to_le_bytes());
    header[9..].copy_from_slice(&number.to_le_bytes()[..2]);
    header
}

/// INIT of a ticket.
pub(super) fn init(ticket: ConnectTicket, server: SocketAddr) -> Result<Vec<u8>, Broken> {
    struct Kept(Vec<u8>);
    impl DatagramSink for Kept {
        fn push(&mut self, _: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
            let mut buffer = [0; MAX_DATAGRAM];
            let length = write(&mut buffer);
            self.0 = buffer[..length].to_vec();
            true
        }
    }
    let (clock, mut kept) = (Clock::start(), Kept(Vec::new()));
    Client::new(ticket, server, &[], seed()?, clock.now()).poll_transmit(clock.now(), &mut kept);
    Ok(kept.0)
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    for (byte, at) in out.iter_mut().zip((0..2 * N).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    (text.len() == 2 * N).then_some(out)
}

struct Out<'a>(&'a UdpSocket);

impl DatagramSink for Out<'_> {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let mut buffer = [0; 1_472];
        let length = write(&mut buffer);
        if length > 0 && self.0.send_to(&buffer[..length], to).is_err() {
            pause(Duration::from_millis(1));
        }
        true
    }
}

#[derive(Default)]
struct Ears {
    line: String,
}

impl ClientHandler for Ears {
    fn connected(&mut self, _: &Accepted) {}
    fn message(&mut self, _: Lane, _: &[u8]) {}
    fn snapshot(&mut self, _: Tick, _: &[u8]) {}
    fn key_log(&mut self, line: &str) {
        line.clone_into(&mut self.line);
    }
    fn closed(&mut self, _: CloseReason) {}
}
