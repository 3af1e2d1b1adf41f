//! The handlers of both ends: they pass on to the witness what the endpoints tell them, or something else if a fault is planted.

use std::net::SocketAddr;

use mu_wire::{
    Accepted, Admission, BlockEnd, ClientHandler, CloseReason, ConnId, Lane, RejectCode, ServerHandler, Tick,
    TokenClaims, Violation,
};

use crate::defect::Defect;
use crate::meter;
use crate::witness::Witness;

/// A message with a planted fault, or as it is.
fn tamper(witness: &mut Witness, bytes: &[u8], mut take: impl FnMut(&mut Witness, &[u8])) {
    if witness.strikes(Defect::MessageLost) {
        return;
    }
    if witness.defect == Some(Defect::MessagesSwapped) {
        witness.defect = None;
        witness.held = Some(bytes.to_vec());
        return;
    }
    if !bytes.is_empty() && witness.strikes(Defect::MessageAltered) {
        let mut altered = bytes.to_vec();
        altered[bytes.len() / 2] ^= 0x10;
        return take(witness, &altered);
    }
    take(witness, bytes);
    if let Some(held) = witness.held.take() {
        take(witness, &held);
    }
    if witness.strikes(Defect::MessageTwice) {
        take(witness, bytes);
    }
}

fn message(witness: &mut Witness, index: usize, to_server: bool, lane: Lane, bytes: &[u8]) {
    witness.note(index, bytes, || format!("{lane:?} message came, {} bytes, to the server: {to_server}", bytes.len()));
    let tally = &mut witness.tally;
    let count = if to_server { &mut tally.messages_up } else { &mut tally.messages_down };
    *count += 1;
    tally.fragmented += u64::from(bytes.len() > mu_wire::MAX_UNFRAGMENTED);
    let session = &mut witness.sessions[index];
    let letters = if to_server { &mut session.up } else { &mut session.down };
    if let Err(wrong) = letters.take(lane, bytes) {
        witness.blame(index, format!("to the {}: {wrong}", if to_server { "server" } else { "client" }));
    }
}

fn block(witness: &mut Witness, index: usize, to_server: bool, kind: u16, bytes: &[u8]) {
    let times = 1 + u32::from(witness.strikes(Defect::BlockTwice));
    for _ in 0..times {
        witness.block_came(index, to_server, kind, bytes);
    }
}

fn closed(witness: &mut Witness, index: usize, at_server: bool, why: CloseReason) {
    if witness.strikes(Defect::ClosedNever) {
        return;
    }
    let why = if witness.strikes(Defect::Blamed) { CloseReason::Violation(Violation::Malformed) } else { why };
    witness.closed(index, at_server, why);
    if witness.strikes(Defect::ClosedTwice) {
        witness.closed(index, at_server, why);
    }
}

/// The shard's ears.
pub(crate) struct ServerEars<'a>(pub(crate) &'a mut Witness);

impl ServerHandler for ServerEars<'_> {
    fn incoming(&mut self, claims: &TokenClaims) -> Admission {
        let _outside = meter::outside();
        let refused = usize::try_from(claims.character).ok().and_then(|index| self.0.sessions.get(index)?.refused);
        refused.map_or(Admission::Accept, |_| Admission::Refuse(RejectCode::RealmClosed))
    }

    fn connected(&mut self, conn: ConnId, claims: &TokenClaims) {
        let _outside = meter::outside();
        let index = usize::try_from(claims.character).unwrap_or(usize::MAX);
        self.0.server_opened(index, conn);
    }

    fn message(&mut self, conn: ConnId, lane: Lane, bytes: &[u8]) {
        let _outside = meter::outside();
        match self.0.session_of(conn) {
            Some(index) => tamper(self.0, bytes, |witness, bytes| message(witness, index, true, lane, bytes)),
            None => self.0.blame(0, "a message on a connection that is not open"),
        }
    }

    fn input(&mut self, conn: ConnId, sequence: u32, bytes: &[u8]) {
        let _outside = meter::outside();
        let Some(index) = self.0.session_of(conn) else {
            return self.0.blame(0, "an input on a connection that is not open");
        };
        for _ in 0..1 + u32::from(self.0.strikes(Defect::InputTwice)) {
            self.0.note(index, bytes, || format!("input {sequence} came"));
            self.0.tally.inputs += 1;
            let session = &mut self.0.sessions[index];
            let (expected, len) = session.input(sequence);
            let right = sequence == session.inputs_came && sequence < session.inputs_sent;
            session.inputs_came = sequence + 1;
            if !right || bytes != &expected[..len] {
                self.0.blame(index, format!("input {sequence} came, altered or not the next"));
            }
        }
    }

    fn snapshot_delivered(&mut self, conn: ConnId, packet: u64) {
        let _outside = meter::outside();
        if !self.0.strikes(Defect::FateForgotten) {
            self.0.fate_told(conn, packet, true);
        }
    }

    fn snapshot_lost(&mut self, conn: ConnId, packet: u64) {
        let _outside = meter::outside();
        let came = self.0.session_of(conn).is_some_and(|index| {
            let shots = &self.0.sessions[index].shots;
            shots.binary_search_by_key(&packet, |shot| shot.packet).is_ok_and(|place| shots[place].came)
        });
        let invented = !came && self.0.strikes(Defect::FateInvented);
        self.0.fate_told(conn, packet, invented);
    }

    fn moved(&mut self, conn: ConnId, to: SocketAddr) {
        let _outside = meter::outside();
        self.0.moved(conn, to);
    }

    fn block(&mut self, conn: ConnId, kind: u16, bytes: &[u8]) {
        let _outside = meter::outside();
        match self.0.session_of(conn) {
            Some(index) => block(self.0, index, true, kind, bytes),
            None => self.0.blame(0, "a block on a connection that is not open"),
        }
    }

    fn block_ended(&mut self, conn: ConnId, id: u16, end: BlockEnd) {
        let _outside = meter::outside();
        match self.0.session_of(conn) {
            Some(index) => self.0.block_ended(index, false, id, end),
            None => self.0.blame(0, "the end of a block on a connection that is not open"),
        }
    }

    fn closed(&mut self, conn: ConnId, why: CloseReason) {
        let _outside = meter::outside();
        match self.0.session_of(conn) {
            Some(index) => {
                closed(self.0, index, true, why);
                self.0.sessions[index].conn = None;
            }
            None => self.0.blame(0, "the end of a connection that is not open"),
        }
    }
}

/// The ears of the player in this session.
pub(crate) struct ClientEars<'a>(pub(crate) &'a mut Witness, pub(crate) usize);

impl ClientHandler for ClientEars<'_> {
    fn connected(&mut self, _: &Accepted) {
        let _outside = meter::outside();
        self.0.client_opened(self.1);
    }

    fn message(&mut self, lane: Lane, bytes: &[u8]) {
        let _outside = meter::outside();
        let index = self.1;
        tamper(self.0, bytes, |witness, bytes| message(witness, index, false, lane, bytes));
    }

    fn snapshot(&mut self, tick: Tick, body: &[u8]) {
        let _outside = meter::outside();
        if self.0.strikes(Defect::SnapshotAltered) {
            let mut altered = body.to_vec();
            altered[body.len() / 2] ^= 0x04;
            return self.0.snapshot_came(self.1, tick, &altered);
        }
        self.0.snapshot_came(self.1, tick, body);
    }

    fn block(&mut self, kind: u16, bytes: &[u8]) {
        let _outside = meter::outside();
        block(self.0, self.1, false, kind, bytes);
    }

    fn block_ended(&mut self, id: u16, end: BlockEnd) {
        let _outside = meter::outside();
        self.0.block_ended(self.1, true, id, end);
    }

    fn closed(&mut self, why: CloseReason) {
        let _outside = meter::outside();
        closed(self.0, self.1, false, why);
    }
}
