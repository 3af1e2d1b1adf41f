//! The client before the server's answer: one INIT, repeated by timer, until ACCEPT, REJECT or the end of patience.
//!
//! The handshake message inside is written once, so that every repetition is the same INIT and earns the same ACCEPT.

use std::time::Duration;

use super::key_log::KeyLog;
use crate::codec::{Reader, low16};
use crate::connection::{CloseReason, Connection, KeyLimits, Role, Terms};
use crate::crypto::{Initiator, OpeningKey, PublicKey, Random, SealingKey};
use crate::handshake::{
    AcceptParams, ClientId, ClientParams, Cookie, InitHeader, Kind, NOISE_INIT_LEN, accept_noise, kind_of, read_accept,
    read_cookie, read_reject, write_init,
};
use crate::lanes::InputOut;
use crate::packet::{Header, LONGEST_DATAGRAM};
use crate::protocol::protocol_id;
use crate::time::Time;
use crate::token::{ConnectTicket, TokenBinding};

const FIRST_REPEAT: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(10);
/// So many cookies are followed at once; further ones wait for the timer, so that forged ones cannot drive the client.
const COOKIES: u64 = 3;

/// An attempt to connect.
pub(super) struct Connecting {
    ticket: ConnectTicket,
    header: InitHeader,
    initiator: Initiator,
    noise: [u8; NOISE_INIT_LEN],
    next: Time,
    delay: Duration,
    give_up: Time,
    cookies: u64,
    /// Whether the keys are told.
    logs_keys: bool,
}

/// What a datagram did to an attempt.
pub(super) enum Progress {
    /// Nothing: not for us, or forged.
    None,
    /// INIT goes out again with a cookie.
    Cookie,
    /// The connection exists.
    Accepted(Box<Connection>, AcceptParams, Option<Box<KeyLog>>),
    /// It will not.
    Failed(CloseReason),
}

impl Connecting {
    /// `None` if the ticket holds no usable key.
    pub(super) fn new(ticket: ConnectTicket, client_id: ClientId, now: Time, random: &mut Random) -> Option<Self> {
        let header = InitHeader {
            binding: TokenBinding {
                protocol_id: protocol_id(),
                key_id: ticket.key_id,
                expires_s: ticket.expires_s,
                routing_id: ticket.routing_id,
            },
            client_nonce: random.u64(),
            cookie: None,
            client_id,
        };
        let prologue = header.prologue(&ticket.sealed_token);
        let server = PublicKey(ticket.server_key);
        let mut initiator = Initiator::new(&server, &ticket.psk, &prologue, random)?;
        let params = ClientParams { ciphers: 1, max_datagram: low16(LONGEST_DATAGRAM as u64), capabilities: 0 };
        let mut noise = [0; NOISE_INIT_LEN];
        let written = initiator.write(&params.encode(), &mut noise)?;
        (written == NOISE_INIT_LEN).then_some(Self {
            ticket,
            header,
            initiator,
            noise,
            next: now,
            delay: FIRST_REPEAT,
            give_up: now + PATIENCE,
            cookies: 0,
            logs_keys: false,
        })
    }

    /// Tells the keys with ACCEPT.
    pub(super) const fn log_keys(&mut self) {
        self.logs_keys = true;
    }

    pub(super) fn deadline(&self) -> Time {
        self.next.min(self.give_up)
    }

    pub(super) fn gives_up(&self, now: Time) -> bool {
        now >= self.give_up
    }

    pub(super) fn is_due(&self, now: Time) -> bool {
        now >= self.next
    }

    /// Writes INIT and sets the timer for the next one.
    pub(super) fn write(&mut self, now: Time, out: &mut [u8]) -> usize {
        self.next = now + self.delay;
        self.delay += self.delay / 2;
        write_init(&self.header, &self.ticket, &self.noise, out).unwrap_or(0)
    }

    /// Reads an answer.
    pub(super) fn receive(&mut self, now: Time, datagram: &[u8], limits: KeyLimits, random: &mut Random) -> Progress {
        let mut reader = Reader::new(datagram);
        let Ok(first) = reader.u8() else {
            return Progress::None;
        };
        let id = self.header.client_id;
        if reader.bytes(id.as_bytes().len()) != Ok(id.as_bytes()) {
            return Progress::None;
        }
        match kind_of(first) {
            Some(Kind::Cookie) => match read_cookie(&mut reader) {
                Ok((nonce, cookie)) if nonce == self.header.client_nonce => self.cookie(now, cookie),
                _ => Progress::None,
            },
            Some(Kind::Accept) => match read_accept(&mut reader) {
                Ok((nonce, noise)) if nonce == self.header.client_nonce => {
                    self.accept(now, noise, limits, random).unwrap_or(Progress::None)
                }
                _ => Progress::None,
            },
            Some(Kind::Reject) => match read_reject(&mut reader, &self.ticket.psk) {
                Ok((nonce, code)) if nonce == self.header.client_nonce => Progress::Failed(CloseReason::Rejected(code)),
                _ => Progress::None,
            },
            Some(Kind::Init) | None => Progress::None,
        }
    }

    fn cookie(&mut self, now: Time, cookie: Cookie) -> Progress {
        self.header.cookie = Some(cookie);
        self.cookies += 1;
        if self.cookies <= COOKIES {
            self.next = now;
        }
        Progress::Cookie
    }

    fn accept(&mut self, now: Time, noise: &[u8], limits: KeyLimits, random: &mut Random) -> Option<Progress> {
        let mut payload = accept_noise();
        let read = self.initiator.read(noise, &mut payload)?;
        let params = AcceptParams::decode(payload.get(..read)?).ok()?;
        let keys = self.initiator.packet_keys(self.header.binding.protocol_id);
        let incoming = Header::to_client(self.header.client_id.as_bytes());
        let connection = Connection::new(
            now,
            (SealingKey::new(&keys.to_server), OpeningKey::new(&keys.to_client)),
            (Header::to_server(params.connection_id), incoming),
            Role::Client(InputOut::new()),
            Terms {
                ack_delay: Duration::from_millis(params.ack_delay_ms.into()),
                ack_control_at_once: true,
                idle: Duration::from_millis(100) * u32::from(params.idle_100ms),
                coalesce: Duration::ZERO,
                keys: limits,
                ceiling: params.max_up,
                max_datagram: params.max_datagram,
            },
            random,
        );
        let log = self.logs_keys.then(|| Box::new(KeyLog::new(params.connection_id, self.header.client_id, keys)));
        Some(Progress::Accepted(Box::new(connection), params, log))
    }
}
