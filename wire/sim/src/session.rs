//! One attempt of a player to be connected, from both ends: what was sent, what came, and who knows that it is over.

use std::net::SocketAddr;

use mu_wire::snapshot::{Replica, View};
use mu_wire::{CloseCode, ConnId, MAX_RELIABLE, RejectCode, Tick};

use crate::dice::scramble;
use crate::letters::Letters;
use crate::marks::Marks;
use crate::parcels::Parcels;

/// Longest message to the server: of reliable lanes, of the others.
const LONGEST_UP: (usize, usize) = (MAX_RELIABLE, 2 * FRAGMENT);
/// The same to clients.
const LONGEST_DOWN: (usize, usize) = (MAX_RELIABLE, 4 * FRAGMENT);
/// Bytes in a fragment.
const FRAGMENT: usize = 1_024;

/// Where one end stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has not heard that the connection is open.
    Waiting,
    /// Open.
    Open,
    /// It has heard the end.
    Over,
}

/// A snapshot on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shot {
    /// The packet that carries it.
    pub(crate) packet: u64,
    /// Its tick.
    pub(crate) tick: Tick,
    /// Whether it came.
    pub(crate) came: bool,
    /// Whether the server was told its fate.
    pub(crate) told: bool,
}

/// One direction's hearing, in the listener's own time.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    /// When the listener last received something new, in µs.
    pub(crate) heard_us: u64,
    /// When the speaker last spoke, in µs of its own time.
    pub(crate) spoke_us: u64,
    /// Datagrams spoken so far.
    pub(crate) spoken: u32,
    /// Which of them were heard.
    pub(crate) heard: Marks,
    /// Each that was the newest when it was heard, and when, in µs of the listener's time.
    leaders: Vec<(u32, u64)>,
}

impl Hearing {
    /// The speaker speaks; the number of what it says.
    pub(crate) const fn speak(&mut self, own_us: u64) -> u32 {
        self.spoke_us = own_us;
        self.spoken += 1;
        self.spoken - 1
    }

    /// The listener took in a datagram at this time of its own.
    pub(crate) fn heard_at(&mut self, serial: u32, own_us: u64) {
        self.heard_us = own_us;
        if self.leaders.last().is_none_or(|(newest, _)| *newest < serial) {
            self.leaders.push((serial, own_us));
        }
    }

    /// When the first datagram that is newer than this one was taken in, if one was.
    pub(crate) fn overtaken_us(&self, serial: u32) -> Option<u64> {
        let newer = self.leaders.partition_point(|(leader, _)| *leader <= serial);
        self.leaders.get(newer).map(|(_, own_us)| *own_us)
    }
}

/// One attempt and the connection that came of it.
#[derive(Debug)]
pub(crate) struct Session {
    /// Whose.
    pub(crate) player: usize,
    /// The client's address now.
    pub(crate) address: SocketAddr,
    /// Addresses it had before.
    pub(crate) former: Vec<SocketAddr>,
    /// Where the server sends to.
    pub(crate) server_address: SocketAddr,
    /// The client's end.
    pub(crate) client: Stage,
    /// The server's end.
    pub(crate) server: Stage,
    /// The server's handle, once it is open there.
    pub(crate) conn: Option<ConnId>,
    /// The code with which the client closed.
    pub(crate) client_closes: Option<CloseCode>,
    /// The code with which the server closed.
    pub(crate) server_closes: Option<CloseCode>,
    /// Servers that were there before its own.
    pub(crate) restarts: u64,
    /// Why the shard did not want it.
    pub(crate) refused: Option<RejectCode>,
    /// Whether an ACCEPT came to the client unharmed.
    pub(crate) answered: bool,
    /// When the client started, in its own µs.
    pub(crate) started_us: u64,
    /// Messages to the server.
    pub(crate) up: Letters,
    /// Messages to the client.
    pub(crate) down: Letters,
    /// Blocks to the server.
    pub(crate) blocks_up: Parcels,
    /// Blocks to the client.
    pub(crate) blocks_down: Parcels,
    /// Inputs that were sent.
    pub(crate) inputs_sent: u32,
    /// Inputs that came.
    pub(crate) inputs_came: u32,
    /// To the server.
    pub(crate) hearing_up: Hearing,
    /// To the client.
    pub(crate) hearing_down: Hearing,
    /// What the client is to see.
    pub(crate) view: View,
    /// What it sees.
    pub(crate) replica: Replica,
    /// Whether there may be something to say in snapshots.
    pub(crate) said: bool,
    /// Snapshots in the order they were sent.
    pub(crate) shots: Vec<Shot>,
    salt: u64,
}

impl Session {
    /// Nothing has happened yet.
    #[must_use]
    pub(crate) fn new(player: usize, number: u64, address: SocketAddr, visible: usize) -> Self {
        let salt = scramble(number);
        Self {
            player,
            address,
            former: Vec::new(),
            server_address: address,
            client: Stage::Waiting,
            server: Stage::Waiting,
            conn: None,
            client_closes: None,
            server_closes: None,
            restarts: 0,
            refused: None,
            answered: false,
            started_us: 0,
            up: Letters::new(scramble(salt), LONGEST_UP),
            down: Letters::new(scramble(salt ^ 1), LONGEST_DOWN),
            blocks_up: Parcels::new(salt ^ 3),
            blocks_down: Parcels::new(salt ^ 4),
            inputs_sent: 0,
            inputs_came: 0,
            hearing_up: Hearing::default(),
            hearing_down: Hearing::default(),
            view: View::new(visible),
            replica: Replica::new(),
            said: false,
            shots: Vec::new(),
            salt,
        }
    }

    /// Whether this is or was its address.
    pub(crate) fn has_lived_at(&self, address: SocketAddr) -> bool {
        self.address == address || self.former.contains(&address)
    }

    /// Whether both ends think that they talk to each other, and nobody has said goodbye.
    #[must_use]
    pub(crate) fn is_whole(&self) -> bool {
        self.client == Stage::Open
            && self.server == Stage::Open
            && self.client_closes.is_none()
            && self.server_closes.is_none()
    }

    /// Whether both ends know that it is over, or it never was.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        self.client == Stage::Over && self.server != Stage::Open
    }

    /// The bytes of an input.
    #[must_use]
    pub(crate) fn input(&self, sequence: u32) -> ([u8; 32], usize) {
        let mut bytes = [0; 32];
        let mut state = scramble(self.salt ^ 2 ^ u64::from(sequence) << 20);
        let len = usize::try_from(state % 33).unwrap_or(0);
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&state.to_le_bytes());
            state = scramble(state);
        }
        (bytes, len)
    }

    /// What is not settled yet although the network may be calm.
    #[must_use]
    pub(crate) fn unsettled(&self) -> Option<String> {
        let lane = |way: &str, letters: &Letters| {
            letters.missing().map(|(lane, came, sent)| format!("{lane:?} {way}: {came} of {sent} messages came"))
        };
        let untold = self.shots.iter().filter(|shot| !shot.told).count();
        lane("to the server", &self.up).or_else(|| lane("to the client", &self.down)).or_else(|| {
            if self.inputs_came != self.inputs_sent {
                Some(format!("{} of {} inputs came", self.inputs_came, self.inputs_sent))
            } else if self.blocks_up.waiting() + self.blocks_down.waiting() > 0 {
                let (up, down) = (self.blocks_up.waiting(), self.blocks_down.waiting());
                Some(format!("{up} blocks to the server and {down} to the client have no end"))
            } else if self.server_address != self.address {
                Some("the server still speaks to an old address".to_owned())
            } else if untold > 0 {
                Some(format!("{untold} snapshots have no fate"))
            } else {
                self.said.then(|| "there is still something to say in snapshots".to_owned())
            }
        })
    }

    /// Bytes of blocks whose end is not told, in the fuller direction.
    #[must_use]
    pub(crate) fn bulk_bytes(&self) -> usize {
        self.blocks_up.waiting_bytes().max(self.blocks_down.waiting_bytes())
    }

    /// Bytes that both ends together may have queued at most.
    #[must_use]
    pub(crate) fn queued_most(&self) -> usize {
        let blocks = self.blocks_up.waiting_bytes() + self.blocks_down.waiting_bytes();
        2 * (self.up.waiting_bytes() + self.down.waiting_bytes() + blocks)
    }
}
