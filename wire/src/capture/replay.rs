//! An endpoint made again from its capture.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;

use super::calls::{ClientCall, ServerCall, Shelved, kind};
use super::digest::Digest;
use super::error::{CaptureError, CaptureFault};
use super::head::{ClientHead, ServerHead};
use super::listen::{Overheard, OverheardSink};
use super::recording::{FINISHED, OVERRUN};
use super::tape::{End, Record, Scan};
use crate::client::{Accepted, Client, ClientHandler};
use crate::codec::Truncated;
use crate::connection::CloseReason;
use crate::crypto::HostKeys;
use crate::handshake::RejectCode;
use crate::ids::ConnId;
use crate::lanes::Lane;
use crate::protocol::protocol_id;
use crate::server::{Admission, Server, ServerHandler};
use crate::sink::DatagramSink;
use crate::time::Tick;
use crate::token::TokenClaims;

/// What a replay shows while it runs.
#[derive(Debug)]
pub enum Moment<'m> {
    /// A call is about to be made on a server's endpoint; its record begins at the offset.
    ServerCall(u64, &'m ServerCall<'m>),
    /// A call is about to be made on a client.
    ClientCall(u64, &'m ClientCall<'m>),
    /// The endpoint puts out a datagram.
    Datagram(SocketAddr, &'m [u8]),
    /// The digest is the recorded one.
    Checkpoint(u64),
}

/// What a replay gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Calls that were made.
    pub calls: u64,
    /// Checkpoints at which the replay was the recorded story.
    pub checkpoints: u64,
    /// Datagrams that were put out.
    pub datagrams: u64,
    /// Events that the handler heard.
    pub events: u64,
    /// All of them as one number.
    pub digest: u64,
    /// Whether the recording was ended by its owner; otherwise the file was cut off between two records.
    pub finished: bool,
    /// Whether the recording ended because more waited than was allowed.
    pub overrun: bool,
}

/// What both replays have.
struct Replay<'a> {
    scan: Scan<'a>,
    digest: RefCell<Digest>,
    shelf: Vec<Arc<[u8]>>,
    summary: Summary,
    over: bool,
}

/// Fields that a reader did not understand, or a story that became another.
enum Wrong {
    Malformed,
    Diverged,
}

impl From<Truncated> for Wrong {
    fn from(_: Truncated) -> Self {
        Self::Malformed
    }
}

impl<'a> Replay<'a> {
    /// The head of a file, and what follows it.
    fn begin<H>(
        file: &'a [u8],
        end: End,
        read: impl FnOnce(&mut super::fields::FieldReader<'a>) -> Result<H, Truncated>,
        check: impl FnOnce(&H) -> Result<(), CaptureFault>,
    ) -> Result<(Self, H), CaptureError> {
        let mut scan = Scan::new(file, end)?;
        let first = scan.next()?;
        let mut record = first.ok_or(CaptureError { offset: file.len() as u64, fault: CaptureFault::CutOff })?;
        let fault = |fault| CaptureError { offset: record.offset, fault };
        if record.kind != kind::HEAD {
            return Err(fault(CaptureFault::Malformed));
        }
        let head = read(&mut record.fields).map_err(|_| fault(CaptureFault::Malformed))?;
        check(&head).map_err(fault)?;
        scan.finish(&record)?;
        let replay =
            Self { scan, digest: RefCell::default(), shelf: Vec::new(), summary: Summary::default(), over: false };
        Ok((replay, head))
    }

    /// The next record that is a call, with checkpoints and the end handled on the way; `None` at the end of the file.
    fn next(&mut self, on: &mut dyn FnMut(Moment<'_>)) -> Result<Option<Record<'a>>, CaptureError> {
        while let Some(mut record) = self.scan.next()? {
            let fault = |fault| CaptureError { offset: record.offset, fault };
            if self.over {
                return Err(fault(CaptureFault::Malformed));
            }
            match record.kind {
                kind::CHECK => {
                    let reader = &mut record.fields.reader;
                    let value = reader.u64().map_err(|_| fault(CaptureFault::Malformed))?;
                    let counts = (record.fields.number(), record.fields.number());
                    let digest = self.digest.borrow();
                    if (digest.value(), Ok(digest.datagrams), Ok(digest.events)) != (value, counts.0, counts.1) {
                        return Err(fault(CaptureFault::Diverged));
                    }
                    self.summary.checkpoints += 1;
                    on(Moment::Checkpoint(value));
                }
                kind::END => {
                    self.over = true;
                    match record.fields.u8() {
                        Ok(FINISHED) => self.summary.finished = true,
                        Ok(OVERRUN) => self.summary.overrun = true,
                        _ => return Err(fault(CaptureFault::Malformed)),
                    }
                }
                _ => return Ok(Some(record)),
            }
            self.scan.finish(&record)?;
        }
        Ok(None)
    }

    /// A record was a call, and was made.
    fn made(&mut self, record: &Record<'_>, result: Result<(), Wrong>) -> Result<(), CaptureError> {
        let fault = |fault| CaptureError { offset: record.offset, fault };
        result.map_err(|wrong| match wrong {
            Wrong::Malformed => fault(CaptureFault::Malformed),
            Wrong::Diverged => fault(CaptureFault::Diverged),
        })?;
        self.summary.calls += 1;
        self.scan.finish(record)
    }

    fn block(&mut self, shelved: Shelved<'_>) -> Result<Arc<[u8]>, Wrong> {
        match shelved {
            Shelved::New(bytes) => {
                let block: Arc<[u8]> = bytes.into();
                self.shelf.push(Arc::clone(&block));
                Ok(block)
            }
            Shelved::Again(place) => {
                let place = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
                place.and_then(|place| self.shelf.get(place)).cloned().ok_or(Wrong::Malformed)
            }
        }
    }

    fn summary(&self) -> Summary {
        let digest = self.digest.borrow();
        Summary { datagrams: digest.datagrams, events: digest.events, digest: digest.value(), ..self.summary }
    }
}

/// An endpoint made again; see [`ServerReplay`] and [`ClientReplay`].
pub struct Replayed<'a, E> {
    replay: Replay<'a>,
    end: E,
    make: Make<'a, E>,
}

/// A server's endpoint made again.
pub type ServerReplay<'a> = Replayed<'a, Server>;
/// A client made again.
pub type ClientReplay<'a> = Replayed<'a, Client>;

/// Makes the call of a record.
type Make<'a, E> = fn(&mut Replay<'a>, &mut E, &mut Record<'a>, on: &mut dyn FnMut(Moment<'_>)) -> Result<(), Wrong>;

impl<E: std::fmt::Debug> std::fmt::Debug for Replayed<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replayed").field("end", &self.end).finish_non_exhaustive()
    }
}

impl<E> Replayed<'_, E> {
    /// Makes the next call; false at the end.
    ///
    /// # Errors
    /// [`CaptureError`] with the offset of the record that is damaged, or at which the story became another.
    pub fn step(&mut self, on: &mut dyn FnMut(Moment<'_>)) -> Result<bool, CaptureError> {
        let Some(mut record) = self.replay.next(on)? else {
            return Ok(false);
        };
        let made = (self.make)(&mut self.replay, &mut self.end, &mut record, on);
        self.replay.made(&record, made)?;
        Ok(true)
    }

    /// Makes all calls that are left.
    ///
    /// # Errors
    /// As [`Replayed::step`].
    pub fn run(&mut self, on: &mut dyn FnMut(Moment<'_>)) -> Result<Summary, CaptureError> {
        while self.step(on)? {}
        Ok(self.replay.summary())
    }

    /// What there is so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.replay.summary()
    }
}

impl<'a> Replayed<'a, Server> {
    /// The endpoint as it began. `keys` are those of the host that was recorded.
    ///
    /// # Errors
    /// [`CaptureError`] if the file does not begin as a server's capture of this protocol and host.
    pub fn new(file: &'a [u8], keys: &HostKeys) -> Result<Self, CaptureError> {
        let (replay, head) = Replay::begin(file, End::Server, ServerHead::read, |head| {
            if head.protocol != protocol_id() {
                return Err(CaptureFault::OtherProtocol(head.protocol));
            }
            if head.static_public == keys.static_public() { Ok(()) } else { Err(CaptureFault::OtherKeys) }
        })?;
        Ok(Self { replay, end: Server::new(head.config, keys, head.seed), make: make_server_call })
    }

    /// The endpoint as it is.
    #[must_use]
    pub const fn server(&self) -> &Server {
        &self.end
    }
}

impl<'a> Replayed<'a, Client> {
    /// The client as it began.
    ///
    /// # Errors
    /// [`CaptureError`] if the file does not begin as a client's capture of this protocol.
    pub fn new(file: &'a [u8]) -> Result<Self, CaptureError> {
        let (replay, head) = Replay::begin(file, End::Client, ClientHead::read, |head| {
            if head.protocol == protocol_id() { Ok(()) } else { Err(CaptureFault::OtherProtocol(head.protocol)) }
        })?;
        let client = Client::new(head.ticket.clone(), head.server, &head.client_id, *head.seed, head.now);
        Ok(Self { replay, end: client, make: make_client_call })
    }

    /// The client as it is.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.end
    }
}

fn make_server_call<'a>(
    replay: &mut Replay<'a>,
    server: &mut Server,
    record: &mut Record<'a>,
    on: &mut dyn FnMut(Moment<'_>),
) -> Result<(), Wrong> {
    let call = ServerCall::read(record.kind, &mut record.fields)?.ok_or(Wrong::Malformed)?;
    on(Moment::ServerCall(record.offset, &call));
    match call {
        ServerCall::Receive { now, unix_s, from, datagram, admission, refused } => {
            let mut stage = Stage::new(&refused, on);
            let mut sink = OverheardSink::new(&mut stage, &replay.digest);
            let mut echo = Echo(admission);
            let mut ear = Overheard::new(&mut echo, &replay.digest);
            server.receive(now, unix_s, from, &mut datagram.to_vec(), &mut ear, &mut sink);
            if ear.admission != admission {
                return Err(Wrong::Diverged);
            }
        }
        ServerCall::Send { conn, lane, bytes } => {
            let result = server.send(conn, lane, bytes);
            replay.digest.borrow_mut().answer(result.map(|()| 0_u64));
        }
        ServerCall::SendTwice { conn, lane, bytes } => {
            let result = server.send_twice(conn, lane, bytes);
            replay.digest.borrow_mut().answer(result.map(|()| 0_u64));
        }
        ServerCall::SendBlock { conn, block_kind, block } => {
            let result = server.send_block(conn, block_kind, replay.block(block)?);
            replay.digest.borrow_mut().answer(result);
        }
        ServerCall::Close { conn, code, text } => server.close(conn, code, text),
        ServerCall::Transmit { now, conn, tick, snapshot, refused } => {
            let (mut asked, mut fits) = (false, true);
            let mut write = |_: u64, space: &mut [u8]| {
                asked = true;
                let body = snapshot.unwrap_or(&[]);
                let Some(space) = space.get_mut(..body.len()) else {
                    fits = false;
                    return 0;
                };
                space.copy_from_slice(body);
                body.len()
            };
            let mut stage = Stage::new(&refused, on);
            let mut sink = OverheardSink::new(&mut stage, &replay.digest);
            server.transmit(now, conn, tick, &mut write, &mut sink);
            if !fits || asked != snapshot.is_some() {
                return Err(Wrong::Diverged);
            }
        }
        ServerCall::TransmitDue { now, refused } => {
            let mut stage = Stage::new(&refused, on);
            server.transmit_due(now, &mut OverheardSink::new(&mut stage, &replay.digest));
        }
        ServerCall::HandleTimeouts { now } => {
            server.handle_timeouts(now, &mut Overheard::new(&mut Echo(None), &replay.digest));
        }
    }
    Ok(())
}

fn make_client_call<'a>(
    replay: &mut Replay<'a>,
    client: &mut Client,
    record: &mut Record<'a>,
    on: &mut dyn FnMut(Moment<'_>),
) -> Result<(), Wrong> {
    let call = ClientCall::read(record.kind, &mut record.fields)?.ok_or(Wrong::Malformed)?;
    on(Moment::ClientCall(record.offset, &call));
    let answer = match call {
        ClientCall::Receive { now, datagram } => {
            client.receive(now, &mut datagram.to_vec(), &mut Overheard::new(&mut Silent, &replay.digest));
            None
        }
        ClientCall::PollTransmit { now, refused } => {
            let mut stage = Stage::new(&refused, on);
            client.poll_transmit(now, &mut OverheardSink::new(&mut stage, &replay.digest));
            None
        }
        ClientCall::HandleTimeout { now } => {
            client.handle_timeout(now, &mut Overheard::new(&mut Silent, &replay.digest));
            None
        }
        ClientCall::Close { code } => {
            client.close(code);
            None
        }
        ClientCall::SetKeyLimits { limits } => {
            client.set_key_limits(limits);
            None
        }
        ClientCall::Send { lane, bytes } => Some(client.send(lane, bytes).map(|()| 0_u64)),
        ClientCall::SendBlock { block_kind, block } => {
            Some(client.send_block(block_kind, replay.block(block)?).map(u64::from))
        }
        ClientCall::Input { bytes } => Some(client.input(bytes).map(u64::from)),
    };
    if let Some(answer) = answer {
        replay.digest.borrow_mut().answer(answer);
    }
    Ok(())
}

/// A sink that has room where the recorded one had.
struct Stage<'s> {
    refused: &'s [u32],
    offered: u32,
    on: &'s mut dyn FnMut(Moment<'_>),
}

impl<'s> Stage<'s> {
    fn new(refused: &'s [u32], on: &'s mut dyn FnMut(Moment<'_>)) -> Self {
        Self { refused, offered: 0, on }
    }
}

impl DatagramSink for Stage<'_> {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let room = !self.refused.contains(&self.offered);
        self.offered += 1;
        if room {
            let mut buffer = [0; 1_472];
            let len = write(&mut buffer);
            if let Some(bytes) = buffer.get(..len).filter(|bytes| !bytes.is_empty()) {
                (self.on)(Moment::Datagram(to, bytes));
            }
        }
        room
    }
}

/// A shard that answers as the recorded one did, and hears nothing.
struct Echo(Option<Admission>);

impl ServerHandler for Echo {
    fn incoming(&mut self, _: &TokenClaims) -> Admission {
        // Asked for the first time: the caller sees that the recorded one was not.
        self.0.unwrap_or(Admission::Refuse(RejectCode::Closing))
    }

    fn connected(&mut self, _: ConnId, _: &TokenClaims) {}
    fn message(&mut self, _: ConnId, _: Lane, _: &[u8]) {}
    fn input(&mut self, _: ConnId, _: u32, _: &[u8]) {}
    fn snapshot_delivered(&mut self, _: ConnId, _: u64) {}
    fn snapshot_lost(&mut self, _: ConnId, _: u64) {}
    fn closed(&mut self, _: ConnId, _: CloseReason) {}
}

/// A player that hears nothing.
struct Silent;

impl ClientHandler for Silent {
    fn connected(&mut self, _: &Accepted) {}
    fn message(&mut self, _: Lane, _: &[u8]) {}
    fn snapshot(&mut self, _: Tick, _: &[u8]) {}
    fn closed(&mut self, _: CloseReason) {}
}
