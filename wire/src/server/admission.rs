//! From INIT to a half-open connection: every check that is cheaper than the next one comes before it.
//!
//! ```text
//! size, type, padding → protocol id → routing check → rates → expiry → cookie → token (0.6 µs) → used before?
//!   → key exchange (100 µs) → the shard's word → a slot
//! ```
//!
//! Nothing is allocated before the token has opened and was not used before. From there on an attempt costs the handshake
//! state (freed at the end), one entry of the replay log and, if accepted, one connection; half-open connections are
//! bounded by `max_half_open`. At most one answer leaves for each INIT, and the longest is 125 of its 1,200 bytes.

use std::net::SocketAddr;

use zeroize::Zeroize;

use super::config::CookieMode;
use super::endpoint::Server;
use super::handler::{Admission, ServerHandler};
use super::replay_log::{Use, Used};
use super::slots::{ACCEPT_MAX, HalfOpen, Occupant, Stage};
use super::stats::DropReason;
use crate::codec::{low8, low16};
use crate::connection::{Connection, Role, Terms};
use crate::crypto::{OpeningKey, Responder, SealingKey};
use crate::handshake::{AcceptParams, ClientParams, InitPacket, RejectCode, write_accept, write_cookie, write_reject};
use crate::ids::ConnId;
use crate::lanes::{InputIn, Lane};
use crate::packet::{Header, LONGEST_DATAGRAM, MAX_DATAGRAM};
use crate::sink::DatagramSink;
use crate::time::{Time, micros};
use crate::token::{self, TokenClaims};

/// The cipher's number on the wire and its bit in the client's offer.
const CIPHER_AES_256_GCM: u8 = 1;

/// An INIT on its way through the checks.
struct Attempt<'a> {
    now: Time,
    unix_s: u64,
    from: SocketAddr,
    init: InitPacket<'a>,
}

impl Server {
    /// Handles an INIT; the answer, if there is one, goes to `out` at once.
    pub(super) fn receive_init(
        &mut self,
        (now, unix_s, from): (Time, u64, SocketAddr),
        datagram: &[u8],
        handler: &mut impl ServerHandler,
        out: &mut impl DatagramSink,
    ) -> Result<(), DropReason> {
        let init = InitPacket::parse(datagram).ok_or(DropReason::Malformed)?;
        let attempt = Attempt { now, unix_s, from, init };
        self.screen(&attempt)?;
        if !self.is_address_proven(&attempt) {
            return self.answer_cookie(&attempt, out);
        }
        let header = &attempt.init.header;
        let mut claims = token::open(&self.keys, header.binding, attempt.init.sealed_token)
            .filter(|claims| claims.home_shard == self.config.shard)
            .ok_or(DropReason::Token)?;
        if let Some(first) = self.replay.find(claims.expires_s, claims.token_id) {
            let genuine = first.client_nonce == header.client_nonce && first.from == from;
            if !genuine || first.repeats >= self.config.limits.answer_repeats {
                return Err(DropReason::TokenReplayed);
            }
            first.repeats += 1;
            let used = first.used;
            return self.repeat_answer(&attempt, used, &claims, out);
        }
        let admitted = self.admit(&attempt, &mut claims, handler, out);
        claims.psk.zeroize();
        admitted
    }

    /// The checks that need no cipher.
    fn screen(&mut self, attempt: &Attempt<'_>) -> Result<(), DropReason> {
        let binding = attempt.init.header.binding;
        if binding.protocol_id != self.protocol {
            return Err(DropReason::Protocol);
        }
        let routed = self.routing.verify(binding.routing_id).map(low8);
        if routed != Some(self.config.shard) {
            return Err(DropReason::Routing);
        }
        // Whoever has a good cookie receives at its address: no flood from made-up ones keeps it out.
        if !self.rates.init.take(attempt.now, self.rates.init_rate) && !self.has_good_cookie(attempt) {
            return Err(DropReason::InitRate);
        }
        let limits = &self.config.limits;
        let free = limits.loopback_is_free && attempt.from.ip().to_canonical().is_loopback();
        if !free && !self.rates.prefixes.take(attempt.now, attempt.from) {
            return Err(DropReason::PrefixRate);
        }
        let latest = attempt.unix_s.saturating_add(limits.token_lifetime_s);
        if !(attempt.unix_s..=latest).contains(&binding.expires_s) {
            return Err(DropReason::Expired);
        }
        Ok(())
    }

    /// Whether no cookie is needed, or a good one came.
    fn is_address_proven(&mut self, attempt: &Attempt<'_>) -> bool {
        let calm = self.rates.calm.take(attempt.now, self.rates.calm_rate)
            && self.half_open <= self.config.limits.calm_half_open;
        let needed = match self.config.cookie {
            CookieMode::Never => false,
            CookieMode::UnderLoad => !calm,
            CookieMode::Always => true,
        };
        !needed || self.has_good_cookie(attempt)
    }

    fn has_good_cookie(&mut self, attempt: &Attempt<'_>) -> bool {
        let header = &attempt.init.header;
        header.cookie.is_some_and(|cookie| {
            let (nonce, tag) = (header.client_nonce, token_tag(attempt));
            self.jar.check(attempt.now, cookie, attempt.from, nonce, tag)
        })
    }

    fn answer_cookie(&mut self, attempt: &Attempt<'_>, out: &mut impl DatagramSink) -> Result<(), DropReason> {
        let header = &attempt.init.header;
        let (nonce, tag) = (header.client_nonce, token_tag(attempt));
        let cookie = self.jar.bake(attempt.now, attempt.from, nonce, tag);
        self.answer(attempt.from, out, |buffer| {
            write_cookie(&header.client_id, nonce, cookie, attempt.now, buffer).unwrap_or(0)
        })?;
        self.stats.cookies += 1;
        Ok(())
    }

    /// The key exchange and what follows from it.
    fn admit(
        &mut self,
        attempt: &Attempt<'_>,
        claims: &mut TokenClaims,
        handler: &mut impl ServerHandler,
        out: &mut impl DatagramSink,
    ) -> Result<(), DropReason> {
        let header = &attempt.init.header;
        if !self.replay.has_room(attempt.unix_s) {
            return Err(DropReason::ReplayLogFull);
        }
        if self.half_open >= self.config.max_half_open {
            return Err(DropReason::HalfOpenFull);
        }
        if !self.rates.handshakes.take(attempt.now, self.rates.handshake_rate) {
            return Err(DropReason::HandshakeRate);
        }
        let prologue = header.prologue(attempt.init.sealed_token);
        let mut noise = Responder::new(self.keys.identity(), &claims.psk, &prologue, &mut self.random)
            .ok_or(DropReason::Handshake)?;
        let mut payload = [0; 64];
        let read = noise.read(attempt.init.noise, &mut payload).ok_or(DropReason::Handshake)?;
        let params = ClientParams::decode(payload.get(..read).unwrap_or(&[])).map_err(|_| DropReason::Handshake)?;
        // From here on the sender is known to hold the token's secret, and the token is used up.
        let psk = zeroize::Zeroizing::new(claims.psk);
        claims.psk.zeroize();
        let used = match self.refusal(claims, params, handler) {
            Some(code) => Used::Rejected(code),
            None => match self.slots.vacant() {
                Some(conn) => Used::Accepted(conn),
                None => Used::Rejected(RejectCode::Full),
            },
        };
        let first = Use { client_nonce: header.client_nonce, from: attempt.from, used, repeats: 0 };
        self.replay.insert(claims.expires_s, claims.token_id, first);
        match used {
            Used::Accepted(conn) => self.accept(attempt, claims, params.max_datagram, conn, noise, out),
            Used::Rejected(code) => {
                self.stats.rejects += 1;
                self.answer_reject(attempt, code, &psk, out)
            }
        }
    }

    /// Why a genuine token is not let in, if so.
    fn refusal(
        &mut self,
        claims: &TokenClaims,
        params: ClientParams,
        handler: &mut impl ServerHandler,
    ) -> Option<RejectCode> {
        if params.ciphers & CIPHER_AES_256_GCM == 0 || usize::from(params.max_datagram) < MAX_DATAGRAM {
            return Some(RejectCode::NoCommonCipher);
        }
        if claims.realm != self.config.realm {
            return Some(RejectCode::RealmClosed);
        }
        if self.slots.vacant().is_none() {
            return Some(RejectCode::Full);
        }
        match handler.incoming(claims) {
            Admission::Accept => None,
            Admission::Refuse(code) => Some(code),
        }
    }

    /// Makes the half-open connection and answers.
    fn accept(
        &mut self,
        attempt: &Attempt<'_>,
        claims: &TokenClaims,
        max_datagram: u16,
        conn: ConnId,
        mut noise: Responder,
        out: &mut impl DatagramSink,
    ) -> Result<(), DropReason> {
        let header = &attempt.init.header;
        let id = self.ids.pack(conn);
        let params = self.terms(attempt.now, id, claims).encode();
        let mut accept = [0; ACCEPT_MAX];
        let accept_len =
            write_accept(&header.client_id, header.client_nonce, |space| noise.write(&params, space), &mut accept)
                .ok_or(DropReason::Handshake)?;
        let keys = noise.packet_keys(self.protocol);
        let mut connection = Connection::new(
            attempt.now,
            (SealingKey::new(&keys.to_client), OpeningKey::new(&keys.to_server)),
            (Header::to_client(header.client_id.as_bytes()), Header::to_server(id)),
            Role::Server(InputIn::default()),
            Terms {
                ack_delay: self.config.ack_delay,
                ack_control_at_once: false,
                idle: self.config.idle,
                coalesce: self.config.coalesce,
                keys: self.config.limits.keys,
                ceiling: claims.max_down,
                max_datagram,
            },
            &mut self.random,
        );
        connection.limit_blocks(self.config.limits.block_max, self.blocks.clone());
        let expires = attempt.now + self.config.limits.half_open;
        let occupant = Occupant {
            id,
            address: attempt.from,
            path: super::path::Path::default(),
            bucket: super::limits::Bucket::default(),
            rate: self.packet_rate(claims.max_pps),
            stage: Stage::HalfOpen(Box::new(HalfOpen { claims: claims.clone(), accept, accept_len, expires })),
            dirty: false,
            connection,
        };
        self.slots.insert(Box::new(occupant));
        self.half_open += 1;
        self.wheel.schedule(conn.slot, expires);
        self.stats.accepts += 1;
        self.answer(attempt.from, out, |buffer| copy(&accept, accept_len, buffer))
    }

    fn terms(&self, now: Time, connection_id: u64, claims: &TokenClaims) -> AcceptParams {
        AcceptParams {
            connection_id,
            server_time: now,
            tick_origin: self.config.tick_origin,
            tick_ms: self.config.tick_ms,
            max_datagram: low16(LONGEST_DATAGRAM as u64),
            idle_100ms: low16((micros(self.config.idle) / 100_000).min(u64::from(u16::MAX))),
            ack_delay_ms: low8((micros(self.config.ack_delay) / 1_000).min(255)),
            cipher: CIPHER_AES_256_GCM,
            max_down: claims.max_down,
            max_up: claims.max_up,
            capabilities: 0,
            lane_map: Lane::MAP,
            reset_token: self.reset_token(connection_id),
        }
    }

    /// The same INIT again: the same answer again.
    fn repeat_answer(
        &mut self,
        attempt: &Attempt<'_>,
        used: Used,
        claims: &TokenClaims,
        out: &mut impl DatagramSink,
    ) -> Result<(), DropReason> {
        match used {
            Used::Rejected(code) => self.answer_reject(attempt, code, &claims.psk, out)?,
            Used::Accepted(conn) => {
                let Some(Stage::HalfOpen(half)) = self.slots.find(conn).map(|o| &o.stage) else {
                    return Err(DropReason::TokenReplayed);
                };
                let (accept, len) = (half.accept, half.accept_len);
                self.answer(attempt.from, out, |buffer| copy(&accept, len, buffer))?;
            }
        }
        self.stats.repeats += 1;
        Ok(())
    }

    fn answer_reject(
        &mut self,
        attempt: &Attempt<'_>,
        code: RejectCode,
        psk: &[u8; 32],
        out: &mut impl DatagramSink,
    ) -> Result<(), DropReason> {
        let header = &attempt.init.header;
        self.answer(attempt.from, out, |buffer| {
            write_reject(&header.client_id, header.client_nonce, code, psk, buffer).unwrap_or(0)
        })
    }

    fn answer(
        &mut self,
        to: SocketAddr,
        out: &mut impl DatagramSink,
        mut write: impl FnMut(&mut [u8]) -> usize,
    ) -> Result<(), DropReason> {
        let mut written = 0;
        let pushed = out.push(to, &mut |buffer| {
            written = write(buffer);
            written
        });
        self.stats.wrote(written);
        if pushed { Ok(()) } else { Err(DropReason::NoRoom) }
    }
}

/// The sealed token's tag stands for the token in a cookie.
fn token_tag<'a>(attempt: &Attempt<'a>) -> &'a [u8] {
    attempt.init.sealed_token.last_chunk::<16>().map_or(&[], |tag| tag)
}

fn copy(packet: &[u8], len: usize, buffer: &mut [u8]) -> usize {
    match (packet.get(..len), buffer.get_mut(..len)) {
        (Some(from), Some(to)) => {
            to.copy_from_slice(from);
            len
        }
        _ => 0,
    }
}
