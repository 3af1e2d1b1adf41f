//! The floods: what each sends, how often, and which counters must tell of it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use mu_loadgen::gateway::Gateway;

use super::attacker::{Attacker, header, init, place};
use crate::crash::{Broken, Moments, broken};

/// PING, without any acknowledgement.
const PING: [u8; 2] = [0, 2];
/// Sockets from which datagrams come that belong to nobody.
const STRANGERS: u8 = 50;
/// Requests in each of their packets: less than a player may ask in a tick.
const ASKED: u64 = 3;
/// Slow readers.
const READERS: usize = 8;

/// One way to be a nuisance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flood {
    /// Authentic packets of one connection, each with a number of its own.
    Packets,
    /// Garbage with a good connection id, from the connection's own address.
    Garbage,
    /// Garbage with a good connection id, from many other addresses.
    Elsewhere,
    /// INIT with made-up tokens, from many addresses.
    Init,
    /// First fragments of messages that never become whole.
    Fragments,
    /// Clients that ask for answers and acknowledge none.
    Readers,
}

impl Flood {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Packets, Self::Garbage, Self::Elsewhere, Self::Init, Self::Fragments, Self::Readers];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Garbage => "garbage",
            Self::Elsewhere => "elsewhere",
            Self::Init => "init",
            Self::Fragments => "fragments",
            Self::Readers => "readers",
        }
    }

    /// Reasons for which the server must have dropped some of it.
    #[must_use]
    pub const fn reasons(self) -> &'static [&'static str] {
        match self {
            Self::Packets | Self::Garbage | Self::Fragments => &["packet_rate"],
            Self::Elsewhere => &["address", "stale_rate"],
            Self::Init => &["init_rate"],
            Self::Readers => &["unknown_connection"],
        }
    }

    /// Datagrams a second.
    #[must_use]
    pub const fn rate(self) -> u32 {
        match self {
            // A hundred packets from each, which is less than a connection may send.
            Self::Readers => 800,
            _ => 15_000,
        }
    }
}

/// A flood that is ready to flow.
pub(super) struct Source {
    pub(super) flood: Flood,
    attackers: Vec<Attacker>,
    strangers: Vec<UdpSocket>,
    server: SocketAddr,
    template: Vec<u8>,
    moments: Moments,
    sent: u64,
}

impl Source {
    /// Takes the places it needs, at the shard of this entry point.
    pub(super) fn new(flood: Flood, gateway: &Gateway, name: &str, entry: u16) -> Result<Self, Broken> {
        let attackers = if flood == Flood::Readers { READERS } else { 1 };
        let attackers: Vec<Attacker> = (0..attackers)
            .map(|number| Attacker::connect(place(gateway, &format!("{name}{number}"), entry)?))
            .collect::<Result<_, _>>()?;
        let server = attackers.first().map(|attacker| attacker.server).ok_or_else(|| Broken("no attacker".into()))?;
        let strangers = match flood {
            Flood::Elsewhere | Flood::Init => (1..=STRANGERS).map(stranger).collect::<Result<_, _>>()?,
            _ => Vec::new(),
        };
        let template = match flood {
            Flood::Init => init(place(gateway, &format!("{name}i"), entry)?.ticket, server)?,
            _ => Vec::new(),
        };
        Ok(Self { flood, attackers, strangers, server, template, moments: Moments::new(u64::from(entry)), sent: 0 })
    }

    /// Sends the next datagram.
    pub(super) fn send(&mut self) {
        self.sent += 1;
        match self.flood {
            Flood::Packets => self.attackers[0].send(&PING),
            Flood::Fragments => {
                let fragment = fragment(self.sent);
                self.attackers[0].send(&fragment);
            }
            Flood::Readers => self.ask(),
            Flood::Garbage => {
                let packet = self.garbage();
                let attacker = &self.attackers[0];
                let _lost = attacker.socket.send_to(&packet, attacker.server);
            }
            Flood::Elsewhere => {
                let packet = self.garbage();
                self.as_stranger(&packet);
            }
            Flood::Init => {
                let mut packet = std::mem::take(&mut self.template);
                for at in (13..21).chain(47..439) {
                    packet[at] = self.byte();
                }
                self.as_stranger(&packet);
                self.template = packet;
            }
        }
        // Nothing that comes back is answered, but what waits must not hide the last word.
        if self.sent.is_multiple_of(100) {
            let _ended = self.ended();
        }
    }

    /// How many of its connections the server has ended.
    pub(super) fn ended(&mut self) -> usize {
        self.attackers.iter_mut().map(Attacker::was_reset).filter(|reset| *reset).count()
    }

    pub(super) const fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn connections(&self) -> usize {
        self.attackers.len()
    }

    /// A request that is answered by a message of the control lane, from each reader in turn.
    fn ask(&mut self) {
        let readers = self.attackers.len() as u64;
        let (reader, turn) = (usize::try_from(self.sent % readers).unwrap_or(0), (self.sent - 1) / readers);
        let mut body = vec![0];
        for id in turn * ASKED..(turn + 1) * ASKED {
            // REL of lane 0: UsePortal of a portal that is not there.
            body.push(0x20);
            body.extend(id.to_le_bytes().into_iter().take(2));
            body.extend([3, 2, 0xff, 0xff]);
        }
        self.attackers[reader].send(&body);
    }

    fn garbage(&mut self) -> Vec<u8> {
        let number = self.sent;
        let mut packet = header(self.attackers[0].id, number).to_vec();
        packet.extend((0..40).map(|_| self.byte()));
        packet
    }

    fn as_stranger(&self, packet: &[u8]) {
        let count = self.strangers.len().max(1) as u64;
        if let Some(stranger) = usize::try_from(self.sent % count).ok().and_then(|at| self.strangers.get(at)) {
            let _lost = stranger.send_to(packet, self.server);
        }
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.moments.below(256)).unwrap_or(0)
    }
}

/// The first of two fragments of an unreliable message.
fn fragment(number: u64) -> Vec<u8> {
    let mut body = vec![0, 0x40, 4];
    body.extend(number.to_le_bytes().into_iter().take(2));
    body.extend([0, 2, 0x80, 0x08]);
    body.resize(body.len() + 1_024, 0xf5);
    body
}

/// A socket on an address of the loopback network that nobody else uses.
fn stranger(number: u8) -> Result<UdpSocket, Broken> {
    let address = Ipv4Addr::new(127, 7, number, 9);
    UdpSocket::bind((address, 0)).map_err(|error| broken("a stranger's socket", error))
}
