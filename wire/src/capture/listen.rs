//! What stands between an endpoint and its owner while it is recorded or replayed: everything that comes out enters the digest
//! on its way, and what the owner answers is written down or read back.

use std::cell::RefCell;
use std::net::SocketAddr;

use super::digest::{Digest, Mark};
use super::fields::address_bytes;
use crate::blocks::BlockEnd;
use crate::client::{Accepted, ClientHandler};
use crate::connection::{CloseReason, Violation};
use crate::ids::ConnId;
use crate::lanes::Lane;
use crate::server::{Admission, ServerHandler};
use crate::sink::DatagramSink;
use crate::time::Tick;
use crate::token::TokenClaims;

/// The owner's sink, overheard.
pub(super) struct OverheardSink<'a, S> {
    pub(super) inner: &'a mut S,
    pub(super) digest: &'a RefCell<Digest>,
    pub(super) offered: u32,
    pub(super) refused: Vec<u32>,
}

impl<'a, S> OverheardSink<'a, S> {
    pub(super) const fn new(inner: &'a mut S, digest: &'a RefCell<Digest>) -> Self {
        Self { inner, digest, offered: 0, refused: Vec::new() }
    }
}

impl<S: DatagramSink> DatagramSink for OverheardSink<'_, S> {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let digest = self.digest;
        let pushed = self.inner.push(to, &mut |buffer| {
            let len = write(buffer);
            if let Some(bytes) = buffer.get(..len).filter(|bytes| !bytes.is_empty()) {
                digest.borrow_mut().datagram(to, bytes);
            }
            len
        });
        if !pushed {
            self.refused.push(self.offered);
        }
        self.offered += 1;
        pushed
    }
}

/// The owner's handler, overheard.
pub(super) struct Overheard<'a, H> {
    pub(super) inner: &'a mut H,
    pub(super) digest: &'a RefCell<Digest>,
    pub(super) admission: Option<Admission>,
}

impl<'a, H> Overheard<'a, H> {
    pub(super) const fn new(inner: &'a mut H, digest: &'a RefCell<Digest>) -> Self {
        Self { inner, digest, admission: None }
    }

    fn on(&mut self, mark: Mark, conn: ConnId, number: u64, bytes: &[u8]) {
        self.digest.borrow_mut().event(mark, &[conn.slot.into(), conn.generation.into(), number], bytes);
    }
}

impl<H: ServerHandler> ServerHandler for Overheard<'_, H> {
    fn incoming(&mut self, claims: &TokenClaims) -> Admission {
        self.digest.borrow_mut().event(Mark::Incoming, &[claims.account, claims.character], &claims.token_id);
        let answer = self.inner.incoming(claims);
        self.admission = Some(answer);
        answer
    }

    fn connected(&mut self, conn: ConnId, claims: &TokenClaims) {
        self.on(Mark::Connected, conn, claims.character, &[]);
        self.inner.connected(conn, claims);
    }

    fn message(&mut self, conn: ConnId, lane: Lane, bytes: &[u8]) {
        self.on(Mark::Message, conn, lane.number().into(), bytes);
        self.inner.message(conn, lane, bytes);
    }

    fn input(&mut self, conn: ConnId, sequence: u32, bytes: &[u8]) {
        self.on(Mark::Input, conn, sequence.into(), bytes);
        self.inner.input(conn, sequence, bytes);
    }

    fn snapshot_delivered(&mut self, conn: ConnId, packet: u64) {
        self.on(Mark::Delivered, conn, packet, &[]);
        self.inner.snapshot_delivered(conn, packet);
    }

    fn snapshot_lost(&mut self, conn: ConnId, packet: u64) {
        self.on(Mark::Lost, conn, packet, &[]);
        self.inner.snapshot_lost(conn, packet);
    }

    fn block(&mut self, conn: ConnId, kind: u16, bytes: &[u8]) {
        self.on(Mark::Block, conn, kind.into(), bytes);
        self.inner.block(conn, kind, bytes);
    }

    fn block_ended(&mut self, conn: ConnId, id: u16, end: BlockEnd) {
        self.on(Mark::BlockEnded, conn, u64::from(id) << 8 | end_number(end), &[]);
        self.inner.block_ended(conn, id, end);
    }

    fn moved(&mut self, conn: ConnId, to: SocketAddr) {
        let (ip, port) = address_bytes(to);
        self.on(Mark::Moved, conn, port.into(), &ip);
        self.inner.moved(conn, to);
    }

    fn closed(&mut self, conn: ConnId, why: CloseReason) {
        let (number, text) = reason(&why);
        self.on(Mark::Closed, conn, number, text.as_bytes());
        self.inner.closed(conn, why);
    }
}

impl<H: ClientHandler> ClientHandler for Overheard<'_, H> {
    fn connected(&mut self, info: &Accepted) {
        self.digest.borrow_mut().event(Mark::Connected, &[info.server_time.as_micros()], &[]);
        self.inner.connected(info);
    }

    fn message(&mut self, lane: Lane, bytes: &[u8]) {
        self.digest.borrow_mut().event(Mark::Message, &[lane.number().into()], bytes);
        self.inner.message(lane, bytes);
    }

    fn snapshot(&mut self, tick: Tick, body: &[u8]) {
        self.digest.borrow_mut().event(Mark::Snapshot, &[tick.0.into()], body);
        self.inner.snapshot(tick, body);
    }

    fn key_log(&mut self, line: &str) {
        // The keys themselves stay out of the digest: whether they are asked for is no part of the story.
        self.inner.key_log(line);
    }

    fn block(&mut self, kind: u16, bytes: &[u8]) {
        self.digest.borrow_mut().event(Mark::Block, &[kind.into()], bytes);
        self.inner.block(kind, bytes);
    }

    fn block_ended(&mut self, id: u16, end: BlockEnd) {
        self.digest.borrow_mut().event(Mark::BlockEnded, &[id.into(), end_number(end)], &[]);
        self.inner.block_ended(id, end);
    }

    fn closed(&mut self, why: CloseReason) {
        let (number, text) = reason(&why);
        self.digest.borrow_mut().event(Mark::Closed, &[number], text.as_bytes());
        self.inner.closed(why);
    }
}

const fn end_number(end: BlockEnd) -> u64 {
    match end {
        BlockEnd::Taken => 0,
        BlockEnd::Refused => 1,
        BlockEnd::Damaged => 2,
    }
}

/// A reason as it enters the digest.
fn reason(why: &CloseReason) -> (u64, &str) {
    let number = |kind: u64, code: u16| kind << 16 | u64::from(code);
    match why {
        CloseReason::Local(code) => (number(1, code.0), ""),
        CloseReason::Peer(code, text) => (number(2, code.0), text.as_str()),
        CloseReason::Idle => (number(3, 0), ""),
        CloseReason::Violation(violation) => (number(4, violation_number(*violation)), ""),
        CloseReason::NoAnswer => (number(5, 0), ""),
        CloseReason::Rejected(code) => (number(6, code.to_u16()), ""),
        CloseReason::BadTicket => (number(7, 0), ""),
        CloseReason::Reset => (number(8, 0), ""),
    }
}

const fn violation_number(violation: Violation) -> u16 {
    violation as u16
}
