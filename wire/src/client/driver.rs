//! The client itself: which phase it is in, and what each call means there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::connect::{Connecting, Progress};
use super::handler::Listener;
use super::key_log::KeyLog;
use super::{Accepted, ClientHandler, ClientStats};
use crate::connection::{CloseCode, CloseReason, ClosingText, Connection, Extra, KeyLimits, Refusal, closing_text};
use crate::crypto::Random;
use crate::handshake::ClientId;
use crate::lanes::{Lane, SendError};
use crate::packet::{is_reset_token, reset_tail};
use crate::sink::DatagramSink;
use crate::time::{Tick, Time};
use crate::token::ConnectTicket;

/// CLOSE is sent so often, in case a datagram is lost.
const CLOSE_REPEATS: u8 = 3;
const CLOSE_INTERVAL: Duration = Duration::from_millis(100);
/// Datagrams written in one `poll_transmit` at most.
const BURST: usize = 64;

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// INIT is out.
    Connecting,
    /// Messages and inputs flow.
    Connected,
    /// CLOSE goes out a last few times.
    Closing,
    /// Over.
    Closed(CloseReason),
}

enum Phase {
    Connecting(Box<Connecting>),
    Connected(Box<Connection>),
    Closing(Box<Closing>),
    Closed,
}

struct Closing {
    connection: Box<Connection>,
    code: CloseCode,
    text: ClosingText,
    repeats: u8,
    next: Time,
}

/// One client. Owns no socket and reads no clock.
pub struct Client {
    phase: Phase,
    server: SocketAddr,
    accepted: Option<Accepted>,
    clock: Clock,
    stats: ClientStats,
    random: Random,
    key_limits: KeyLimits,
    /// With what the server's RESET for this connection ends.
    reset_token: Option<[u8; 16]>,
    /// Only if the application asked for it.
    key_log: Option<Box<KeyLog>>,
    /// Why it ended, and whether the handler still has to hear it.
    ended: Option<(CloseReason, bool)>,
    now: Time,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("server", &self.server).field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that will connect to `server` with `ticket`. The server repeats `client_id` (0–4 bytes) in each datagram to
    /// it, so that several clients can share a socket. `seed` must come from the operating system in production.
    ///
    /// # Panics
    /// If `client_id` is longer than four bytes.
    #[must_use]
    pub fn new(ticket: ConnectTicket, server: SocketAddr, client_id: &[u8], seed: [u8; 32], now: Time) -> Self {
        let id = ClientId::new(client_id);
        assert!(id.is_some(), "a client id has at most 4 bytes, not {}", client_id.len());
        let mut random = Random::from_seed(seed);
        let connecting = Connecting::new(ticket, id.unwrap_or_default(), now, &mut random);
        Self {
            ended: connecting.is_none().then_some((CloseReason::BadTicket, true)),
            phase: connecting.map_or(Phase::Closed, |c| Phase::Connecting(Box::new(c))),
            server,
            accepted: None,
            clock: Clock::default(),
            stats: ClientStats::default(),
            random,
            key_limits: KeyLimits::default(),
            reset_token: None,
            key_log: None,
            now,
        }
    }

    /// Has the handler told the packet keys, so that a capture of this connection can be read by whoever has the lines: for
    /// finding faults, never for players. To be called before the server has accepted; nothing is told otherwise.
    pub fn log_keys(&mut self) {
        if let Phase::Connecting(connecting) = &mut self.phase {
            connecting.log_keys();
        }
    }

    /// Takes one datagram from the server and decrypts it in place.
    pub fn receive(&mut self, now: Time, datagram: &mut [u8], handler: &mut impl ClientHandler) {
        self.now = self.now.max(now);
        let now = self.now;
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.len() as u64;
        match &mut self.phase {
            Phase::Connecting(connecting) => {
                match connecting.receive(now, datagram, self.key_limits, &mut self.random) {
                    Progress::None => self.stats.datagrams_dropped += 1,
                    Progress::Cookie => self.stats.cookies += 1,
                    Progress::Failed(reason) => {
                        self.ended = Some((reason, false));
                        self.phase = Phase::Closed;
                        handler.closed(reason);
                    }
                    Progress::Accepted(mut connection, params, key_log) => {
                        let accepted = Accepted::new(&params);
                        self.accepted = Some(accepted);
                        self.reset_token = Some(params.reset_token);
                        // The first packet confirms; it asks for the time.
                        connection.request_time(now);
                        self.clock.requested(now);
                        self.phase = Phase::Connected(connection);
                        if let Some(log) = &key_log {
                            log.begin(handler);
                        }
                        self.key_log = key_log;
                        handler.connected(&accepted);
                    }
                }
            }
            Phase::Connected(connection) => {
                let tail = reset_tail(datagram);
                let opened = match connection.open(now, datagram) {
                    Ok(opened) => opened,
                    Err(refusal) => return self.refused(refusal, tail, handler),
                };
                if let Some(log) = &mut self.key_log {
                    log.follow(connection.renewals(), handler);
                }
                let mut listener = Listener { now, clock: &mut self.clock, stats: &mut self.stats, handler };
                match connection.process(now, &opened, &mut listener) {
                    Ok(None) => {}
                    Ok(Some((code, text))) => {
                        let reason = CloseReason::Peer(code, text);
                        self.ended = Some((reason, false));
                        self.phase = Phase::Closed;
                        handler.closed(reason);
                    }
                    Err(violation) => {
                        self.end(CloseCode::VIOLATION, CloseReason::Violation(violation));
                    }
                }
            }
            Phase::Closing(_) => {
                self.stats.datagrams_dropped += 1;
                if self.is_reset(datagram) {
                    self.phase = Phase::Closed;
                }
            }
            Phase::Closed => self.stats.datagrams_dropped += 1,
        }
    }

    /// A datagram that did not open: the server's RESET, or nothing of this connection.
    fn refused(&mut self, refusal: Refusal, tail: Option<[u8; 16]>, handler: &mut impl ClientHandler) {
        if self.ends_with_token(tail) {
            self.ended = Some((CloseReason::Reset, false));
            self.phase = Phase::Closed;
            handler.closed(CloseReason::Reset);
            return;
        }
        self.stats.datagrams_dropped += 1;
        if refusal == Refusal::WornOut {
            self.end(CloseCode::FORGED, CloseReason::Local(CloseCode::FORGED));
        }
    }

    fn ends_with_token(&self, tail: Option<[u8; 16]>) -> bool {
        self.reset_token.zip(tail).is_some_and(|(token, tail)| is_reset_token(&token, &tail))
    }

    /// Whether the datagram is the server's RESET for this connection. A RESET does not carry the client's own id: where
    /// clients share a socket, what none of them took is to be offered to the others by this.
    #[must_use]
    pub fn is_reset(&self, datagram: &[u8]) -> bool {
        self.ends_with_token(reset_tail(datagram))
    }

    /// Renews keys at other limits than the usual; has an effect only before the server has accepted.
    pub const fn set_key_limits(&mut self, limits: KeyLimits) {
        self.key_limits = limits;
    }

    /// Queues a message; it leaves with the next `poll_transmit`.
    ///
    /// # Errors
    /// [`SendError`] if the connection is not open, the message too long or the lane full.
    pub fn send(&mut self, lane: Lane, bytes: &[u8]) -> Result<(), SendError> {
        match &mut self.phase {
            Phase::Connected(connection) => connection.send(self.now, lane, bytes),
            _ => Err(SendError::Closed),
        }
    }

    /// Queues a block of 1 byte to 1 MiB behind those that wait, at most 16 together; its id. It is shared, not copied.
    /// Blocks travel one after the other in what the game leaves of the line, and the handler hears how each ended.
    ///
    /// # Errors
    /// [`SendError`] if the connection is not open, the block empty or too long, or 16 blocks wait.
    pub fn send_block(&mut self, kind: u16, bytes: Arc<[u8]>) -> Result<u16, SendError> {
        match &mut self.phase {
            Phase::Connected(connection) => connection.send_block(self.now, kind, bytes),
            _ => Err(SendError::Closed),
        }
    }

    /// Queues an input and returns its sequence number; it leaves with the next `poll_transmit` and is repeated in each
    /// datagram until it is acknowledged.
    ///
    /// # Errors
    /// [`SendError`] if the connection is not open, the input too long or 64 inputs wait for acknowledgement.
    pub fn input(&mut self, bytes: &[u8]) -> Result<u32, SendError> {
        match &mut self.phase {
            Phase::Connected(connection) => connection.input(self.now, bytes),
            _ => Err(SendError::Closed),
        }
    }

    /// Writes everything that is due.
    pub fn poll_transmit(&mut self, now: Time, out: &mut impl DatagramSink) {
        self.now = self.now.max(now);
        for _ in 0..BURST {
            if !self.is_due() {
                return;
            }
            let (now, mut written) = (self.now, 0);
            let phase = &mut self.phase;
            let pushed = out.push(self.server, &mut |buffer| {
                written = match phase {
                    Phase::Connecting(connecting) => connecting.write(now, buffer),
                    Phase::Connected(connection) => connection.transmit(now, Extra::None, buffer),
                    Phase::Closing(closing) => closing.write(now, buffer),
                    Phase::Closed => 0,
                };
                written
            });
            if !pushed {
                return;
            }
            self.count(written);
            if matches!(&self.phase, Phase::Closing(closing) if closing.repeats == 0) {
                self.phase = Phase::Closed;
            }
            if written == 0 {
                return;
            }
        }
    }

    fn count(&mut self, written: usize) {
        if let Phase::Connected(connection) = &mut self.phase {
            self.stats.messages_dropped += connection.take_dropped();
        }
        if written > 0 {
            self.stats.datagrams_out += 1;
            self.stats.bytes_out += written as u64;
            self.stats.inits += u64::from(matches!(self.phase, Phase::Connecting(_)));
        }
    }

    fn is_due(&self) -> bool {
        match &self.phase {
            Phase::Connecting(connecting) => connecting.is_due(self.now),
            Phase::Connected(connection) => connection.is_due(self.now),
            Phase::Closing(closing) => closing.next <= self.now,
            Phase::Closed => false,
        }
    }

    /// When `handle_timeout` and `poll_transmit` have something to do at the latest; `None` once it is over.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Time> {
        if self.ended.is_some_and(|(_, unheard)| unheard) {
            return Some(self.now);
        }
        match &self.phase {
            Phase::Connecting(connecting) => Some(connecting.deadline()),
            Phase::Connected(connection) => Some(connection.deadline().min(self.clock.next())),
            Phase::Closing(closing) => Some(closing.next),
            Phase::Closed => None,
        }
    }

    /// Runs the timers that are due.
    pub fn handle_timeout(&mut self, now: Time, handler: &mut impl ClientHandler) {
        self.now = self.now.max(now);
        let now = self.now;
        let over = match &mut self.phase {
            Phase::Connecting(connecting) if connecting.gives_up(now) => Some(CloseReason::NoAnswer),
            Phase::Connected(connection) if connection.is_idle(now) => Some(CloseReason::Idle),
            Phase::Connected(connection) => {
                if let Some(log) = &mut self.key_log {
                    log.follow(connection.renewals(), handler);
                }
                if self.clock.next() <= now {
                    self.clock.requested(now);
                    connection.request_time(now);
                }
                if connection.deadline() <= now {
                    let mut listener = Listener { now, clock: &mut self.clock, stats: &mut self.stats, handler };
                    connection.timeout(now, &mut listener);
                }
                None
            }
            _ => None,
        };
        if let Some(reason) = over {
            self.ended = Some((reason, true));
            self.phase = Phase::Closed;
        }
        if let Some((reason, unheard)) = &mut self.ended
            && std::mem::take(unheard)
        {
            handler.closed(*reason);
        }
    }

    /// Says goodbye. The handler hears of it in the next `handle_timeout`; `poll_transmit` sends it a few times.
    pub fn close(&mut self, code: CloseCode) {
        self.end(code, CloseReason::Local(code));
    }

    fn end(&mut self, code: CloseCode, reason: CloseReason) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some((reason, true));
        self.phase = match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Connected(connection) => Phase::Closing(Box::new(Closing {
                connection,
                code,
                text: closing_text(""),
                repeats: CLOSE_REPEATS,
                next: self.now,
            })),
            _ => Phase::Closed,
        };
    }

    /// Where the client stands.
    #[must_use]
    pub fn state(&self) -> ClientState {
        match (&self.phase, self.ended) {
            (Phase::Connecting(_), _) => ClientState::Connecting,
            (Phase::Connected(_), _) => ClientState::Connected,
            (Phase::Closing(_), _) => ClientState::Closing,
            (Phase::Closed, Some((reason, _))) => ClientState::Closed(reason),
            (Phase::Closed, None) => ClientState::Closed(CloseReason::Local(CloseCode::DONE)),
        }
    }

    /// The terms the server granted, once it accepted.
    #[must_use]
    pub const fn accepted(&self) -> Option<&Accepted> {
        self.accepted.as_ref()
    }

    /// The server's clock at this client's `now`, once the first TIME answer came.
    #[must_use]
    pub fn server_time(&self, now: Time) -> Option<Time> {
        self.clock.server_time(now)
    }

    /// The server's time at which `tick` is scheduled; the origin before the server accepted.
    #[must_use]
    pub fn tick_time(&self, tick: Tick) -> Time {
        self.accepted.map_or(Time::ZERO, |accepted| accepted.tick_time(tick))
    }

    /// Counters since the client was made.
    #[must_use]
    pub fn stats(&self) -> ClientStats {
        let mut stats = self.stats;
        if let Some(connection) = self.connection() {
            let received = connection.received();
            stats.packets_received = received.packets();
            stats.packet_highest = received.expected().saturating_sub(1);
            (stats.keys_renewed, stats.server_keys_renewed) = connection.renewals();
        }
        stats
    }

    pub(super) const fn connection(&self) -> Option<&Connection> {
        match &self.phase {
            Phase::Connected(connection) => Some(connection),
            Phase::Closing(closing) => Some(&closing.connection),
            Phase::Connecting(_) | Phase::Closed => None,
        }
    }
}

impl Closing {
    fn write(&mut self, now: Time, buffer: &mut [u8]) -> usize {
        let written = self.connection.transmit(now, Extra::Close(self.code, &self.text), buffer);
        // Some packets of last words may come before the one that says goodbye.
        if written == 0 || self.connection.has_said_goodbye() {
            self.repeats = self.repeats.saturating_sub(1);
            self.next = now + CLOSE_INTERVAL;
        }
        written
    }
}
