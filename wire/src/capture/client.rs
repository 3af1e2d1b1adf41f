//! A client with a tape beside it.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::calls::{ClientCall, kind};
use super::head::ClientHead;
use super::listen::{Overheard, OverheardSink};
use super::recording::Recording;
use super::tape::{End, Tape};
use crate::client::{Client, ClientHandler};
use crate::connection::{CloseCode, KeyLimits};
use crate::lanes::{Lane, SendError};
use crate::protocol::protocol_id;
use crate::sink::DatagramSink;
use crate::time::Time;
use crate::token::ConnectTicket;

/// A [`Client`] that writes down its calls when asked to, and is nothing but the client otherwise. The functions are the
/// client's own.
#[derive(Debug)]
pub struct RecordedClient {
    client: Client,
    recording: Option<Box<Recording>>,
}

impl Deref for RecordedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl RecordedClient {
    /// A client that is not recorded; see [`Client::new`].
    ///
    /// # Panics
    /// As [`Client::new`].
    #[must_use]
    pub fn new(ticket: ConnectTicket, server: SocketAddr, client_id: &[u8], seed: [u8; 32], now: Time) -> Self {
        Self { client: Client::new(ticket, server, client_id, seed, now), recording: None }
    }

    /// A client whose calls are written down. At most `most` bytes wait to be carried away, then
    /// the recording ends.
    ///
    /// # Panics
    /// As [`Client::new`].
    #[must_use]
    pub fn recorded(
        ticket: ConnectTicket,
        server: SocketAddr,
        client_id: &[u8],
        seed: [u8; 32],
        now: Time,
        most: usize,
    ) -> Self {
        let mut recording = Box::new(Recording::new(Tape::new(End::Client, most)));
        let head = ClientHead {
            protocol: protocol_id(),
            seed: Zeroizing::new(seed),
            now,
            server,
            client_id: client_id.to_vec(),
            ticket: ticket.clone(),
        };
        recording.call(kind::HEAD, |out| head.write(out));
        Self { client: Client::new(ticket, server, client_id, seed, now), recording: Some(recording) }
    }

    /// What has been written down since the last time; empty if nothing was. Pieces behind each other make the file.
    pub fn take_tape(&mut self) -> Vec<u8> {
        self.recording.as_mut().map(|recording| recording.tape.take()).unwrap_or_default()
    }

    /// Ends the recording with a checkpoint; [`RecordedClient::take_tape`] then gives the rest.
    pub fn finish_tape(&mut self) {
        if let Some(recording) = &mut self.recording {
            recording.finish();
        }
    }

    /// See [`Client::receive`].
    pub fn receive(&mut self, now: Time, datagram: &mut [u8], handler: &mut impl ClientHandler) {
        let Some(recording) = &mut self.recording else {
            return self.client.receive(now, datagram, handler);
        };
        let kept = recording.keep(datagram);
        self.client.receive(now, datagram, &mut Overheard::new(handler, &recording.digest));
        let call = ClientCall::Receive { now, datagram: &kept };
        recording.call(call.kind(), |out| call.write(out));
        recording.give_back(kept);
    }

    /// See [`Client::set_key_limits`].
    pub fn set_key_limits(&mut self, limits: KeyLimits) {
        self.client.set_key_limits(limits);
        self.call(&ClientCall::SetKeyLimits { limits });
    }

    /// See [`Client::log_keys`].
    pub fn log_keys(&mut self) {
        self.client.log_keys();
    }

    /// See [`Client::send`].
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn send(&mut self, lane: Lane, bytes: &[u8]) -> Result<(), SendError> {
        let result = self.client.send(lane, bytes);
        self.answer(result.map(|()| 0_u64), &ClientCall::Send { lane, bytes });
        result
    }

    /// See [`Client::send_block`].
    ///
    /// # Errors
    /// As [`Client::send_block`].
    pub fn send_block(&mut self, block_kind: u16, bytes: Arc<[u8]>) -> Result<u16, SendError> {
        let result = self.client.send_block(block_kind, Arc::clone(&bytes));
        if let Some(recording) = &mut self.recording {
            recording.digest.borrow_mut().answer(result);
            let call = ClientCall::SendBlock { block_kind, block: recording.shelve(&bytes) };
            recording.call(call.kind(), |out| call.write(out));
        }
        result
    }

    /// See [`Client::input`].
    ///
    /// # Errors
    /// As [`Client::input`].
    pub fn input(&mut self, bytes: &[u8]) -> Result<u32, SendError> {
        let result = self.client.input(bytes);
        self.answer(result, &ClientCall::Input { bytes });
        result
    }

    /// See [`Client::poll_transmit`].
    pub fn poll_transmit(&mut self, now: Time, out: &mut impl DatagramSink) {
        let Some(recording) = &mut self.recording else {
            return self.client.poll_transmit(now, out);
        };
        let mut sink = OverheardSink::new(out, &recording.digest);
        self.client.poll_transmit(now, &mut sink);
        let call = ClientCall::PollTransmit { now, refused: sink.refused };
        recording.call(call.kind(), |out| call.write(out));
    }

    /// See [`Client::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Time, handler: &mut impl ClientHandler) {
        let Some(recording) = &mut self.recording else {
            return self.client.handle_timeout(now, handler);
        };
        self.client.handle_timeout(now, &mut Overheard::new(handler, &recording.digest));
        let call = ClientCall::HandleTimeout { now };
        recording.call(call.kind(), |out| call.write(out));
    }

    /// See [`Client::close`].
    pub fn close(&mut self, code: CloseCode) {
        self.client.close(code);
        self.call(&ClientCall::Close { code });
    }

    fn call(&mut self, call: &ClientCall<'_>) {
        if let Some(recording) = &mut self.recording {
            recording.call(call.kind(), |out| call.write(out));
        }
    }

    fn answer<T: Copy + Into<u64>>(&mut self, result: Result<T, SendError>, call: &ClientCall<'_>) {
        if let Some(recording) = &mut self.recording {
            recording.digest.borrow_mut().answer(result);
            recording.call(call.kind(), |out| call.write(out));
        }
    }
}
