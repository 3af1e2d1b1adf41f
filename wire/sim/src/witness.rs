//! What everyone hears goes through the witness, who knows what was sent and says what must not be.

use std::net::SocketAddr;

use mu_wire::{BlockEnd, CloseReason, ConnId, Lane, RejectCode, SendError, Tick};

use crate::defect::Defect;
use crate::scene::Scene;
use crate::session::{Session, Stage};
use crate::tally::Tally;
use crate::trace::Trace;

/// A client waits so long for an answer, in µs.
const PATIENCE_US: u64 = 10_000_000;

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// When, in µs of the simulation.
    pub at_us: u64,
    /// What.
    pub what: String,
}

/// Everything that is known about a run.
#[derive(Debug)]
pub(crate) struct Witness {
    /// All attempts, in order.
    pub(crate) sessions: Vec<Session>,
    /// The map.
    pub(crate) scene: Scene,
    /// What happened, in order.
    pub(crate) trace: Trace,
    /// What happened, in numbers.
    pub(crate) tally: Tally,
    /// The first invariant that did not hold.
    pub(crate) fault: Option<Fault>,
    /// The time of the simulation in µs.
    pub(crate) now_us: u64,
    /// The time that the end which is at work takes it for.
    pub(crate) own_us: u64,
    /// Silence that an end endures, in µs.
    pub(crate) idle_us: u64,
    /// The planted fault, if any; taken once it has struck.
    pub(crate) defect: Option<Defect>,
    /// A message held back by a planted fault.
    pub(crate) held: Option<Vec<u8>>,
}

impl Witness {
    /// Something must not be. Only the first fault counts: others follow from it.
    pub(crate) fn blame(&mut self, session: usize, what: impl Into<String>) {
        let what = what.into();
        self.note(session, b"fault", || what.clone());
        if self.fault.is_none() {
            self.fault = Some(Fault { at_us: self.now_us, what: format!("session {session}: {what}") });
        }
    }

    /// Something happened.
    pub(crate) fn note(&mut self, session: usize, bytes: &[u8], words: impl FnOnce() -> String) {
        self.trace.note(self.now_us, bytes, || format!("session {session}: {}", words()));
    }

    /// Whether the planted fault is this one; it strikes once.
    pub(crate) fn strikes(&mut self, defect: Defect) -> bool {
        let strikes = self.defect == Some(defect);
        if strikes {
            self.defect = None;
        }
        strikes
    }

    /// The session of a connection that is open at the server.
    #[must_use]
    pub(crate) fn session_of(&self, conn: ConnId) -> Option<usize> {
        self.sessions.iter().rposition(|session| session.conn == Some(conn))
    }

    /// The server has opened a connection.
    pub(crate) fn server_opened(&mut self, index: usize, conn: ConnId) {
        self.note(index, b"server opened", || format!("the server has opened {conn:?}"));
        self.tally.opened += 1;
        let (own_us, taken) = (self.own_us, self.session_of(conn).is_some());
        let Some(session) = self.sessions.get_mut(index) else {
            return self.blame(index, "a connection of nobody");
        };
        let twice = session.server != Stage::Waiting;
        session.server = Stage::Open;
        session.conn = Some(conn);
        session.hearing_up.heard_us = own_us;
        session.hearing_down.spoke_us = own_us;
        if twice || taken || session.refused.is_some() {
            self.blame(index, format!("opened at the server twice, or refused before ({twice}, {taken})"));
        }
    }

    /// The server has moved a connection to another address.
    pub(crate) fn moved(&mut self, conn: ConnId, to: SocketAddr) {
        let Some(index) = self.session_of(conn) else {
            return self.blame(0, "a move of a connection that is not open");
        };
        self.note(index, b"moved", || format!("the server moves to {to}"));
        self.tally.moves += 1;
        let session = &mut self.sessions[index];
        session.server_address = to;
        if !session.has_lived_at(to) {
            self.blame(index, format!("moved to {to}, where the client never was"));
        }
    }

    /// The client has heard that it was accepted.
    pub(crate) fn client_opened(&mut self, index: usize) {
        self.note(index, b"client opened", || "the client is connected".to_owned());
        let own_us = self.own_us;
        let session = &mut self.sessions[index];
        let twice = session.client != Stage::Waiting;
        session.client = Stage::Open;
        session.hearing_down.heard_us = own_us;
        session.hearing_up.spoke_us = own_us;
        if twice {
            self.blame(index, "opened at the client twice");
        }
    }

    /// An end was given a message to send.
    pub(crate) fn sent(&mut self, index: usize, to_server: bool, lane: Lane, len: usize, taken: Result<(), SendError>) {
        self.note(index, &[lane.number()], || format!("{lane:?} message of {len} bytes sent: {taken:?}"));
        let session = &mut self.sessions[index];
        match taken {
            Ok(()) => (if to_server { &mut session.up } else { &mut session.down }).sent(lane, len),
            Err(SendError::Full) => self.tally.lane_full += 1,
            Err(SendError::Closed) => {}
            Err(error) => self.blame(index, format!("{lane:?}: a message of {len} bytes was not taken: {error}")),
        }
    }

    /// An end was given a block to send.
    pub(crate) fn block_sent(&mut self, index: usize, to_server: bool, len: usize, taken: Result<u16, SendError>) {
        self.note(index, b"block", || format!("block of {len} bytes sent: {taken:?}"));
        let session = &mut self.sessions[index];
        match taken {
            Ok(id) => (if to_server { &mut session.blocks_up } else { &mut session.blocks_down }).sent(id, len),
            Err(SendError::Full) => self.tally.lane_full += 1,
            Err(SendError::Closed) => {}
            Err(error) => self.blame(index, format!("a block of {len} bytes was not taken: {error}")),
        }
    }

    /// A block came.
    pub(crate) fn block_came(&mut self, index: usize, to_server: bool, kind: u16, bytes: &[u8]) {
        self.note(index, bytes, || format!("block came, {} bytes", bytes.len()));
        self.tally.blocks += 1;
        self.tally.block_bytes += bytes.len() as u64;
        let session = &mut self.sessions[index];
        let parcels = if to_server { &mut session.blocks_up } else { &mut session.blocks_down };
        if let Err(wrong) = parcels.take(kind, bytes) {
            self.blame(index, wrong);
        }
    }

    /// An end was told how a block of its own ended.
    pub(crate) fn block_ended(&mut self, index: usize, to_server: bool, id: u16, end: BlockEnd) {
        self.note(index, &id.to_le_bytes(), || format!("block {id} ended: {end:?}"));
        self.tally.blocks_refused += u64::from(end == BlockEnd::Refused);
        let session = &mut self.sessions[index];
        let parcels = if to_server { &mut session.blocks_up } else { &mut session.blocks_down };
        if let Err(wrong) = parcels.ended(id, end) {
            self.blame(index, wrong);
        }
    }

    /// A snapshot body came to the client.
    pub(crate) fn snapshot_came(&mut self, index: usize, tick: Tick, body: &[u8]) {
        self.note(index, body, || format!("snapshot of {tick:?} came, {} bytes", body.len()));
        self.tally.snapshots_came += 1;
        let session = &mut self.sessions[index];
        let Ok(place) = session.shots.binary_search_by_key(&tick, |shot| shot.tick) else {
            return self.blame(index, format!("a snapshot of {tick:?}, which was not sent"));
        };
        if std::mem::replace(&mut session.shots[place].came, true) {
            return self.blame(index, format!("the snapshot of {tick:?} came twice"));
        }
        let mut events = Vec::new();
        if let Err(error) = session.replica.apply(tick, body, &mut |event| events.push(event)) {
            return self.blame(index, format!("the snapshot of {tick:?} cannot be read: {error}"));
        }
        let wrong = events.into_iter().find_map(|event| self.scene.check(&session.replica, event).err());
        if let Some(wrong) = wrong {
            self.blame(index, wrong);
        }
    }

    /// The server was told what became of a snapshot.
    pub(crate) fn fate_told(&mut self, conn: ConnId, packet: u64, delivered: bool) {
        let Some(index) = self.session_of(conn) else {
            return self.blame(0, "a fate on a connection that is not open");
        };
        self.note(index, &packet.to_le_bytes(), || format!("packet {packet} delivered: {delivered}"));
        self.tally.snapshots_lost += u64::from(!delivered);
        let session = &mut self.sessions[index];
        let Ok(place) = session.shots.binary_search_by_key(&packet, |shot| shot.packet) else {
            return self.blame(index, format!("a fate for packet {packet}, which carried no snapshot"));
        };
        let shot = &mut session.shots[place];
        let twice = std::mem::replace(&mut shot.told, true);
        let invented = delivered && !shot.came;
        if delivered {
            session.view.delivered(packet);
        } else {
            session.view.lost(packet);
        }
        // A view whose memory of packets was full may have something to say now.
        session.said = true;
        if twice {
            self.blame(index, format!("packet {packet} has two fates"));
        }
        if invented {
            self.blame(index, format!("packet {packet} is said to have come and did not"));
        }
    }

    /// An end has heard that it is over.
    pub(crate) fn closed(&mut self, index: usize, at_server: bool, why: CloseReason) {
        let end = if at_server { "server" } else { "client" };
        self.note(index, end.as_bytes(), || format!("over at the {end}: {why:?}"));
        let reason = self.wrong_end(index, at_server, why);
        let session = &mut self.sessions[index];
        let stage = if at_server { &mut session.server } else { &mut session.client };
        let twice = std::mem::replace(stage, Stage::Over) == Stage::Over;
        if twice {
            self.blame(index, format!("over at the {end} twice"));
        }
        if let Some(wrong) = reason {
            self.blame(index, format!("over at the {end}, {why:?}: {wrong}"));
        }
    }

    /// Why a connection must not have ended in this way, if so.
    fn wrong_end(&mut self, index: usize, at_server: bool, why: CloseReason) -> Option<String> {
        let why = if self.strikes(Defect::Impatient) { CloseReason::Idle } else { why };
        let session = &self.sessions[index];
        let (own, peer, hearing, stage) = if at_server {
            (session.server_closes, session.client_closes, &session.hearing_up, session.server)
        } else {
            (session.client_closes, session.server_closes, &session.hearing_down, session.client)
        };
        match why {
            CloseReason::Local(code) if own == Some(code) => {
                let count = if at_server { &mut self.tally.closed_by_server } else { &mut self.tally.closed_by_client };
                *count += 1;
                None
            }
            CloseReason::Local(_) => Some("it did not close".to_owned()),
            CloseReason::Peer(code, _) if peer == Some(code) => None,
            CloseReason::Peer(..) => Some("the peer did not close".to_owned()),
            CloseReason::Idle => {
                self.tally.idle += 1;
                let silence = self.own_us.saturating_sub(hearing.heard_us);
                (stage != Stage::Open || silence < self.idle_us)
                    .then(|| format!("it was silent for {silence} µs of {}", self.idle_us))
            }
            CloseReason::NoAnswer => {
                self.tally.no_answer += 1;
                let waited = self.own_us.saturating_sub(session.started_us);
                let wrong = at_server || stage != Stage::Waiting || session.answered || waited < PATIENCE_US;
                wrong.then(|| format!("answered: {}, waited {waited} µs", session.answered))
            }
            CloseReason::Rejected(code) => {
                self.tally.rejected += 1;
                let known = session.refused == Some(code) || code == RejectCode::Full;
                (at_server || !known).then(|| "nobody refused it".to_owned())
            }
            CloseReason::Reset => {
                self.tally.resets += 1;
                let known = session.server == Stage::Open && session.restarts == self.tally.restarts;
                (at_server || known).then(|| "the server knows the connection".to_owned())
            }
            CloseReason::Violation(_) | CloseReason::BadTicket => Some("the peer is honest".to_owned()),
        }
    }
}
