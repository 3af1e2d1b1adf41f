//! The server's endpoint with a tape beside it.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::calls::{ServerCall, kind};
use super::head::ServerHead;
use super::listen::{Overheard, OverheardSink};
use super::recording::Recording;
use super::tape::{End, Tape};
use crate::budget::LinkBudget;
use crate::connection::CloseCode;
use crate::crypto::HostKeys;
use crate::ids::ConnId;
use crate::lanes::{Lane, SendError};
use crate::protocol::protocol_id;
use crate::server::{Server, ServerConfig, ServerHandler};
use crate::sink::DatagramSink;
use crate::time::{Tick, Time};

/// A [`Server`] that writes down its calls when asked to, and is nothing but the server otherwise. The functions are the
/// server's own. Recording must begin with the endpoint: its state cannot be written down later.
#[derive(Debug)]
pub struct RecordedServer {
    server: Server,
    recording: Option<Box<Recording>>,
}

impl Deref for RecordedServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl RecordedServer {
    /// An endpoint that is not recorded; see [`Server::new`].
    ///
    /// # Panics
    /// As [`Server::new`].
    #[must_use]
    pub fn new(config: ServerConfig, keys: &HostKeys, seed: [u8; 32]) -> Self {
        Self { server: Server::new(config, keys, seed), recording: None }
    }

    /// An endpoint whose calls are written down. At most `most` bytes wait to be carried away by
    /// [`RecordedServer::take_tape`]; when there are more the recording ends, and the endpoint goes on without.
    ///
    /// # Panics
    /// As [`Server::new`].
    #[must_use]
    pub fn recorded(config: ServerConfig, keys: &HostKeys, seed: [u8; 32], most: usize) -> Self {
        let mut recording = Box::new(Recording::new(Tape::new(End::Server, most)));
        let head =
            ServerHead { protocol: protocol_id(), static_public: keys.static_public(), seed, config: config.clone() };
        recording.call(kind::HEAD, |out| head.write(out));
        Self { server: Server::new(config, keys, seed), recording: Some(recording) }
    }

    /// Whether calls are being written down.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| !recording.is_over())
    }

    /// Bytes that wait to be carried away.
    #[must_use]
    pub fn tape_waiting(&self) -> usize {
        self.recording.as_ref().map_or(0, |recording| recording.tape.waiting())
    }

    /// What has been written down since the last time; empty if nothing was. Pieces behind each other make the file.
    pub fn take_tape(&mut self) -> Vec<u8> {
        self.recording.as_mut().map(|recording| recording.tape.take()).unwrap_or_default()
    }

    /// Ends the recording with a checkpoint; [`RecordedServer::take_tape`] then gives the rest.
    pub fn finish_tape(&mut self) {
        if let Some(recording) = &mut self.recording {
            recording.finish();
        }
    }

    /// See [`Server::receive`].
    pub fn receive(
        &mut self,
        now: Time,
        unix_s: u64,
        from: SocketAddr,
        datagram: &mut [u8],
        handler: &mut impl ServerHandler,
        out: &mut impl DatagramSink,
    ) {
        let Some(recording) = &mut self.recording else {
            return self.server.receive(now, unix_s, from, datagram, handler, out);
        };
        let kept = recording.keep(datagram);
        let mut sink = OverheardSink::new(out, &recording.digest);
        let mut ear = Overheard::new(handler, &recording.digest);
        self.server.receive(now, unix_s, from, datagram, &mut ear, &mut sink);
        let (admission, refused) = (ear.admission, sink.refused);
        let call = ServerCall::Receive { now, unix_s, from, datagram: &kept, admission, refused };
        recording.call(call.kind(), |out| call.write(out));
        recording.give_back(kept);
    }

    /// See [`Server::send`].
    ///
    /// # Errors
    /// As [`Server::send`].
    pub fn send(&mut self, conn: ConnId, lane: Lane, bytes: &[u8]) -> Result<(), SendError> {
        let result = self.server.send(conn, lane, bytes);
        if let Some(recording) = &mut self.recording {
            recording.digest.borrow_mut().answer(result.map(|()| 0_u64));
            let call = ServerCall::Send { conn, lane, bytes };
            recording.call(call.kind(), |out| call.write(out));
        }
        result
    }

    /// See [`Server::send_twice`].
    ///
    /// # Errors
    /// As [`Server::send_twice`].
    pub fn send_twice(&mut self, conn: ConnId, lane: Lane, bytes: &[u8]) -> Result<(), SendError> {
        let result = self.server.send_twice(conn, lane, bytes);
        if let Some(recording) = &mut self.recording {
            recording.digest.borrow_mut().answer(result.map(|()| 0_u64));
            let call = ServerCall::SendTwice { conn, lane, bytes };
            recording.call(call.kind(), |out| call.write(out));
        }
        result
    }

    /// See [`Server::send_block`].
    ///
    /// # Errors
    /// As [`Server::send_block`].
    pub fn send_block(&mut self, conn: ConnId, block_kind: u16, bytes: Arc<[u8]>) -> Result<u16, SendError> {
        let Some(recording) = &mut self.recording else {
            return self.server.send_block(conn, block_kind, bytes);
        };
        let result = self.server.send_block(conn, block_kind, Arc::clone(&bytes));
        recording.digest.borrow_mut().answer(result);
        let call = ServerCall::SendBlock { conn, block_kind, block: recording.shelve(&bytes) };
        recording.call(call.kind(), |out| call.write(out));
        result
    }

    /// See [`Server::close`].
    pub fn close(&mut self, conn: ConnId, code: CloseCode, text: &str) {
        self.server.close(conn, code, text);
        if let Some(recording) = &mut self.recording {
            let call = ServerCall::Close { conn, code, text };
            recording.call(call.kind(), |out| call.write(out));
        }
    }

    /// See [`Server::transmit`].
    pub fn transmit(
        &mut self,
        now: Time,
        conn: ConnId,
        tick: Tick,
        snapshot: &mut impl FnMut(u64, &mut [u8]) -> usize,
        out: &mut impl DatagramSink,
    ) -> bool {
        let Some(recording) = &mut self.recording else {
            return self.server.transmit(now, conn, tick, snapshot, out);
        };
        let (mut body, mut asked) = (recording.keep(&[]), false);
        let mut sink = OverheardSink::new(out, &recording.digest);
        let mut write = |packet, space: &mut [u8]| {
            let len = snapshot(packet, space).min(space.len());
            asked = true;
            body.extend_from_slice(space.get(..len).unwrap_or(&[]));
            len
        };
        let written = self.server.transmit(now, conn, tick, &mut write, &mut sink);
        let refused = sink.refused;
        let call = ServerCall::Transmit { now, conn, tick, snapshot: asked.then_some(&body[..]), refused };
        recording.call(call.kind(), |out| call.write(out));
        recording.give_back(body);
        written
    }

    /// See [`Server::transmit_due`].
    pub fn transmit_due(&mut self, now: Time, out: &mut impl DatagramSink) {
        let Some(recording) = &mut self.recording else {
            return self.server.transmit_due(now, out);
        };
        let mut sink = OverheardSink::new(out, &recording.digest);
        self.server.transmit_due(now, &mut sink);
        let call = ServerCall::TransmitDue { now, refused: sink.refused };
        recording.call(call.kind(), |out| call.write(out));
    }

    /// See [`Server::handle_timeouts`].
    pub fn handle_timeouts(&mut self, now: Time, handler: &mut impl ServerHandler) {
        let Some(recording) = &mut self.recording else {
            return self.server.handle_timeouts(now, handler);
        };
        self.server.handle_timeouts(now, &mut Overheard::new(handler, &recording.digest));
        let call = ServerCall::HandleTimeouts { now };
        recording.call(call.kind(), |out| call.write(out));
    }

    /// See [`Server::rtt`].
    pub fn rtt(&mut self, conn: ConnId) -> Option<Duration> {
        self.server.rtt(conn)
    }

    /// See [`Server::budget`].
    pub fn budget(&mut self, conn: ConnId) -> Option<LinkBudget> {
        self.server.budget(conn)
    }

    /// See [`Server::client_budget`].
    pub fn client_budget(&mut self, conn: ConnId) -> Option<LinkBudget> {
        self.server.client_budget(conn)
    }
}
