//! The first record: what an endpoint was made from.
//!
//! ```text
//! server   protocol id 4 │ static public key 32 │ seed 32 │ terms: every field of the configuration in its order, numbers,
//!          durations in µs, flags of one byte
//! client   protocol id 4 │ seed 32 │ time │ server's address │ own id (bytes) │ ticket: routing id │ key id │ expiry
//!          │ sealed token 392 │ psk 32 │ server key 32
//! ```
//!
//! A server's head does not hold the host's secrets: whoever replays it must have them.

use std::net::SocketAddr;

use zeroize::Zeroizing;

use super::calls::{read_key_limits, write_key_limits};
use super::fields::{FieldReader, Fields};
use crate::codec::Truncated;
use crate::server::{CookieMode, Limits, ServerConfig};
use crate::time::Time;
use crate::token::ConnectTicket;

/// What a server was made from, but for its keys.
pub(super) struct ServerHead {
    pub(super) protocol: u32,
    pub(super) static_public: [u8; 32],
    pub(super) seed: [u8; 32],
    pub(super) config: ServerConfig,
}

/// What a client was made from.
pub(super) struct ClientHead {
    pub(super) protocol: u32,
    pub(super) seed: Zeroizing<[u8; 32]>,
    pub(super) now: Time,
    pub(super) server: SocketAddr,
    pub(super) client_id: Vec<u8>,
    pub(super) ticket: ConnectTicket,
}

impl ServerHead {
    pub(super) fn write(&self, out: &mut Fields) {
        out.raw(&self.protocol.to_le_bytes());
        out.raw(&self.static_public);
        out.raw(&self.seed);
        write_config(&self.config, out);
    }

    pub(super) fn read(fields: &mut FieldReader<'_>) -> Result<Self, Truncated> {
        Ok(Self {
            protocol: fields.reader.u32()?,
            static_public: fields.reader.array()?,
            seed: fields.reader.array()?,
            config: read_config(fields)?,
        })
    }
}

impl ClientHead {
    pub(super) fn write(&self, out: &mut Fields) {
        out.raw(&self.protocol.to_le_bytes());
        out.raw(&*self.seed);
        out.time(self.now);
        out.address(self.server);
        out.long(&self.client_id);
        let ticket = &self.ticket;
        out.number(ticket.routing_id);
        out.u8(ticket.key_id);
        out.number(ticket.expires_s);
        out.raw(&ticket.sealed_token);
        out.raw(&ticket.psk);
        out.raw(&ticket.server_key);
    }

    pub(super) fn read(fields: &mut FieldReader<'_>) -> Result<Self, Truncated> {
        Ok(Self {
            protocol: fields.reader.u32()?,
            seed: Zeroizing::new(fields.reader.array()?),
            now: fields.time()?,
            server: fields.address()?,
            client_id: Some(fields.long()?).filter(|id| id.len() <= crate::MAX_CLIENT_ID).ok_or(Truncated)?.to_vec(),
            ticket: ConnectTicket {
                routing_id: fields.number()?,
                key_id: fields.u8()?,
                expires_s: fields.number()?,
                sealed_token: fields.reader.array()?,
                psk: fields.reader.array()?,
                server_key: fields.reader.array()?,
            },
        })
    }
}

/// Every field by name, so that a new one cannot be forgotten here.
fn write_config(config: &ServerConfig, out: &mut Fields) {
    let ServerConfig {
        shard,
        max_connections,
        max_half_open,
        tick_ms,
        tick_origin,
        idle,
        ack_delay,
        coalesce,
        realm,
        cookie,
        limits,
    } = config;
    out.u8(*shard);
    out.size(*max_connections);
    out.size(*max_half_open);
    out.number((*tick_ms).into());
    out.number(tick_origin.as_micros());
    out.duration(*idle);
    out.duration(*ack_delay);
    out.duration(*coalesce);
    out.number((*realm).into());
    out.u8(match cookie {
        CookieMode::Never => 0,
        CookieMode::UnderLoad => 1,
        CookieMode::Always => 2,
    });
    write_limits(limits, out);
}

fn read_config(fields: &mut FieldReader<'_>) -> Result<ServerConfig, Truncated> {
    Ok(ServerConfig {
        shard: fields.u8()?,
        // What a connection id can name; more would be a panic.
        max_connections: Some(fields.narrow()?).filter(|count| *count <= 1 << 20).ok_or(Truncated)?,
        max_half_open: fields.narrow()?,
        tick_ms: fields.narrow()?,
        tick_origin: Time::from_micros(fields.number()?),
        idle: fields.duration()?,
        ack_delay: fields.duration()?,
        coalesce: fields.duration()?,
        realm: fields.narrow()?,
        cookie: match fields.u8()? {
            0 => CookieMode::Never,
            1 => CookieMode::UnderLoad,
            2 => CookieMode::Always,
            _ => return Err(Truncated),
        },
        limits: read_limits(fields)?,
    })
}

fn write_limits(limits: &Limits, out: &mut Fields) {
    let Limits {
        init_per_s,
        init_per_prefix_per_s,
        init_per_prefix_burst,
        loopback_is_free,
        handshakes_per_s,
        calm_init_per_s,
        calm_half_open,
        packets_per_s,
        packets_burst,
        replay_log,
        token_lifetime_s,
        half_open,
        block_max,
        block_pool,
        answer_repeats,
        stale_per_s,
        move_rest,
        resets_per_s,
        resets_per_prefix_per_s,
        keys,
    } = limits;
    for number in [init_per_s, init_per_prefix_per_s, init_per_prefix_burst, handshakes_per_s, calm_init_per_s] {
        out.number((*number).into());
    }
    out.u8((*loopback_is_free).into());
    out.size(*calm_half_open);
    out.number((*packets_per_s).into());
    out.number((*packets_burst).into());
    out.size(*replay_log);
    out.number(*token_lifetime_s);
    out.duration(*half_open);
    out.size(*block_max);
    out.size(*block_pool);
    out.u8(*answer_repeats);
    out.number((*stale_per_s).into());
    out.duration(*move_rest);
    out.number((*resets_per_s).into());
    out.number((*resets_per_prefix_per_s).into());
    write_key_limits(keys, out);
}

fn read_limits(fields: &mut FieldReader<'_>) -> Result<Limits, Truncated> {
    let (init_per_s, init_per_prefix_per_s, init_per_prefix_burst) =
        (fields.narrow()?, fields.narrow()?, fields.narrow()?);
    let (handshakes_per_s, calm_init_per_s, loopback_is_free) = (fields.narrow()?, fields.narrow()?, fields.flag()?);
    Ok(Limits {
        init_per_s,
        init_per_prefix_per_s,
        init_per_prefix_burst,
        loopback_is_free,
        handshakes_per_s,
        calm_init_per_s,
        calm_half_open: fields.narrow()?,
        packets_per_s: fields.narrow()?,
        packets_burst: fields.narrow()?,
        replay_log: fields.narrow()?,
        token_lifetime_s: fields.number()?,
        half_open: fields.duration()?,
        block_max: fields.narrow()?,
        block_pool: fields.narrow()?,
        answer_repeats: fields.u8()?,
        stale_per_s: fields.narrow()?,
        move_rest: fields.duration()?,
        resets_per_s: fields.narrow()?,
        resets_per_prefix_per_s: fields.narrow()?,
        keys: read_key_limits(fields)?,
    })
}
