//! Tickets: what a gateway answers when a character is selected, as a struct.

#![allow(unsafe_code, reason = "the C functions of this file; each block names the rule of the header it relies on")]
#![allow(clippy::missing_safety_doc, reason = "the rules of all functions stand once, in the header's head")]

use std::ffi::c_char;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mu_wire::{ConnectTicket, SEALED_TOKEN_LEN};
use serde::Deserialize;
use zeroize::Zeroize;

use crate::border::{guard, text, wanted, write};
use crate::status::{MU_ERROR_ARGUMENT, MU_ERROR_NULL, MU_ERROR_PROTOCOL, MU_ERROR_TICKET, Status};

/// An address and a port.
#[repr(C)]
#[derive(Debug, Clone, Copy, Zeroize)]
pub struct MuAddress {
    /// 4 or 6.
    pub family: u8,
    /// The address in network order; of IPv4 the first four bytes.
    pub ip: [u8; 16],
    /// The port as a number.
    pub port: u16,
}

/// All that is needed to connect, once and soon. It holds secrets: wipe it when it is used up.
#[repr(C)]
#[derive(Clone, Copy, Zeroize)]
pub struct MuTicket {
    /// Where to connect to.
    pub server: MuAddress,
    /// Names the shard.
    pub routing_id: u64,
    /// The last second it is valid, Unix time.
    pub expires_s: u64,
    /// Which key sealed the token.
    pub key_id: u8,
    /// The token, opaque.
    pub sealed_token: [u8; 392],
    /// The secret shared with the server.
    pub psk: [u8; 32],
    /// The server's key.
    pub server_key: [u8; 32],
}

const _: () = assert!(SEALED_TOKEN_LEN == 392, "the header says so");

impl std::fmt::Debug for MuTicket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MuTicket").field("server", &self.server).finish_non_exhaustive()
    }
}

impl MuAddress {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let mut ip = [0; 16];
        let (family, octets): (u8, &[u8]) = match &address.ip() {
            IpAddr::V4(v4) => (4, &v4.octets()),
            IpAddr::V6(v6) => (6, &v6.octets()),
        };
        for (to, from) in ip.iter_mut().zip(octets) {
            *to = *from;
        }
        Self { family, ip, port: address.port() }
    }

    pub(crate) fn socket(&self) -> Result<SocketAddr, Status> {
        let [a, b, c, d, ..] = self.ip;
        let ip = match self.family {
            4 => IpAddr::from([a, b, c, d]),
            6 => IpAddr::from(self.ip),
            _ => return Err(Status(MU_ERROR_ARGUMENT)),
        };
        Ok(SocketAddr::new(ip, self.port))
    }
}

impl MuTicket {
    pub(crate) fn new(server: SocketAddr, ticket: &ConnectTicket) -> Self {
        Self {
            server: MuAddress::new(server),
            routing_id: ticket.routing_id,
            expires_s: ticket.expires_s,
            key_id: ticket.key_id,
            sealed_token: ticket.sealed_token,
            psk: ticket.psk,
            server_key: ticket.server_key,
        }
    }

    pub(crate) const fn ticket(&self) -> ConnectTicket {
        ConnectTicket {
            routing_id: self.routing_id,
            key_id: self.key_id,
            expires_s: self.expires_s,
            sealed_token: self.sealed_token,
            psk: self.psk,
            server_key: self.server_key,
        }
    }
}

/// The gateway's answer; what else it says is not for the client core.
#[derive(Deserialize)]
struct Answer {
    endpoint: SocketAddr,
    routing_id: String,
    key_id: u8,
    expires_s: u64,
    token: String,
    psk: String,
    server_key: String,
    protocol: String,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.psk.zeroize();
    }
}

impl Answer {
    fn ticket(&self) -> Option<MuTicket> {
        fn array<const N: usize>(text: &str) -> Option<[u8; N]> {
            STANDARD.decode(text).ok()?.try_into().ok()
        }
        let ticket = ConnectTicket {
            routing_id: u64::from_str_radix(&self.routing_id, 16).ok()?,
            key_id: self.key_id,
            expires_s: self.expires_s,
            sealed_token: array(&self.token)?,
            psk: array(&self.psk)?,
            server_key: array(&self.server_key)?,
        };
        Some(MuTicket::new(self.endpoint, &ticket))
    }
}

/// The ticket in a gateway's answer to `POST /v1/characters/{id}/select`: the JSON object as it came, `length` bytes. Fails with
/// MU_ERROR_PROTOCOL if the server speaks another protocol than this library: the player has to update.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_ticket_from_json(json: *const c_char, length: usize, ticket: *mut MuTicket) -> i32 {
    guard(|| {
        wanted(ticket)?;
        // SAFETY: rule 2.
        let json = unsafe { text(json, length) }?;
        let answer: Answer = serde_json::from_str(json).map_err(|_| Status(MU_ERROR_TICKET))?;
        if u32::from_str_radix(&answer.protocol, 16) != Ok(mu_wire::protocol_id()) {
            return Err(Status(MU_ERROR_PROTOCOL));
        }
        let made = answer.ticket().ok_or(Status(MU_ERROR_TICKET))?;
        // SAFETY: rule 2.
        unsafe { write(ticket, made) }
    })
}

/// Overwrites a ticket with zeros.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_ticket_wipe(ticket: *mut MuTicket) -> i32 {
    guard(|| {
        // SAFETY: rule 2.
        unsafe { ticket.as_mut() }.ok_or(Status(MU_ERROR_NULL))?.zeroize();
        Ok(())
    })
}
