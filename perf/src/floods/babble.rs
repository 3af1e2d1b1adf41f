//! A client that talks nonsense: a few messages that cannot be read are borne, one too many ends its connection with a reason.

use std::net::UdpSocket;
use std::time::Duration;

use mu_loadgen::clock::Clock;
use mu_loadgen::gateway::Gateway;
use mu_wire::{
    Accepted, Client, ClientHandler, ClientState, CloseCode, CloseReason, DatagramSink, Lane, MAX_DATAGRAM, Tick,
};

use super::attacker::{place, seed};
use crate::crash::pause::until;
use crate::crash::{Broken, Programs, Site, StoreKind, broken};

/// What happens takes at most so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// Messages that are borne: one fewer than end a connection (docs/protocol.md 10.2).
const BORNE: u64 = 15;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BabbleReport {
    /// Nonsense the server counted while the client was still connected.
    pub counted: u64,
    /// The code and the words with which it was closed afterwards.
    pub told: (CloseCode, String),
    /// Connections that the server says it closed for it.
    pub closed: u64,
}

#[derive(Default)]
struct Ears {
    closed: Option<CloseReason>,
}

impl ClientHandler for Ears {
    fn connected(&mut self, _: &Accepted) {}
    fn message(&mut self, _: Lane, _: &[u8]) {}
    fn snapshot(&mut self, _: Tick, _: &[u8]) {}
    fn closed(&mut self, reason: CloseReason) {
        self.closed = Some(reason);
    }
}

struct Out<'a>(&'a UdpSocket);

impl DatagramSink for Out<'_> {
    fn push(&mut self, to: std::net::SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let mut buffer = [0; MAX_DATAGRAM];
        let length = write(&mut buffer);
        // What does not leave is lost like anything else on the way.
        let _lost = self.0.send_to(&buffer[..length], to);
        true
    }
}

struct Player {
    socket: UdpSocket,
    client: Client,
    clock: Clock,
    ears: Ears,
}

impl Player {
    fn new(gateway: &Gateway, name: &str) -> Result<Self, Broken> {
        let entries = gateway.entries().map_err(|error| broken("the entry points", error))?;
        let entry = entries.first().copied().ok_or_else(|| Broken("the world has no entry point".to_owned()))?;
        let place = place(gateway, name, entry)?;
        let socket = UdpSocket::bind(("127.0.0.1", 0)).map_err(|error| broken("a player's socket", error))?;
        socket.set_nonblocking(true).map_err(|error| broken("a player's socket", error))?;
        let clock = Clock::start();
        let client = Client::new(place.ticket, place.endpoint, &[], seed()?, clock.now());
        Ok(Self { socket, client, clock, ears: Ears::default() })
    }

    /// Does what is due, until something is seen.
    fn until<T>(&mut self, what: &str, mut seen: impl FnMut(&mut Self) -> Option<T>) -> Result<T, Broken> {
        until(what, PATIENCE, || {
            let mut buffer = [0; 2_048];
            while let Ok(length) = self.socket.recv(&mut buffer) {
                self.client.receive(self.clock.now(), &mut buffer[..length], &mut self.ears);
            }
            self.client.handle_timeout(self.clock.now(), &mut self.ears);
            self.client.poll_transmit(self.clock.now(), &mut Out(&self.socket));
            seen(self)
        })
    }

    fn babble(&mut self, times: u64) -> Result<(), Broken> {
        for _ in 0..times {
            // No message has this number.
            self.client.send(Lane::Social, &[0xff, 1, 2]).map_err(|error| broken("a message", error))?;
        }
        Ok(())
    }
}

/// Lets one client babble at a server of its own.
///
/// # Errors
/// A client that was closed too early, not at all or without words, or what could not be run.
pub fn babble(programs: Programs) -> Result<BabbleReport, Broken> {
    let mut site = Site::new(StoreKind::Sqlite, programs, "auto")?;
    let mut server = site.start_server()?;
    let sum = |pointer: &str| -> u64 {
        let shard = |shard| site.number("/v1/ops/status", &format!("/shards/{shard}/{pointer}")).unwrap_or(0);
        shard(0) + shard(1)
    };
    let mut player = Player::new(&Gateway::new(&site.gateway(), None), "babbler")?;
    player.until("a connection", |player| {
        (player.client.state() == ClientState::Connected && player.client.rtt().is_some()).then_some(())
    })?;
    player.babble(BORNE)?;
    player.until("that the server counts it", |_| (sum("messages_malformed") >= BORNE).then_some(()))?;
    if let Some(reason) = player.ears.closed {
        return Err(Broken(format!("closed after {BORNE} messages: {reason:?}")));
    }
    let counted = sum("messages_malformed");
    player.babble(1)?;
    let reason = player.until("the end of the connection", |player| player.ears.closed)?;
    let CloseReason::Peer(code, text) = reason else {
        return Err(Broken(format!("it ended otherwise: {reason:?}")));
    };
    let told = (code, text.to_string());
    let closed = until("that it is counted", PATIENCE, || Some(sum("malformed_closed")).filter(|closed| *closed > 0))?;
    server.terminate()?;
    server.finish(Duration::from_secs(6))?;
    Ok(BabbleReport { counted, told, closed })
}
