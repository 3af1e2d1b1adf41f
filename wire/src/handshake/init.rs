//! INIT, the client's only unproven packet: exactly 1,200 bytes, so that no answer can amplify it.
//!
//! ```text
//!    0  1    0x80 │ version << 4 │ 1
//!    1  4    protocol id
//!    5  8    routing id, from the ticket
//!   13  8    client nonce
//!   21  1    cookie epoch (0 = no cookie)
//!   22  16   cookie
//!   38  1    token key id
//!   39  8    token expiry, Unix seconds
//!   47  392  sealed token (salt 24, body 352, tag 16)
//!  439  32   Noise e
//!  471  48   sealed client parameters (32 + 16)
//!  519  1    length of the client's own id, 0–4
//!  520  4    that id, padded with zeros
//!  524  676  zeros
//! ```
//!
//! Well formed if: (1) 1,200 bytes; (2) first byte as above; (3) id length ≤ 4 and its padding zero; (4) the last 676 bytes
//! zero; (5) without a cookie the cookie bytes zero. The Noise prologue is bytes 0–4, 5–20, 38–46, 519–523 and the
//! SHA-256 of the sealed token: all of the clear part except the cookie, which changes between attempts.

use super::{ClientId, Cookie, Kind, long_byte};
use crate::codec::{NoRoom, Reader, Truncated, Writer};
use crate::crypto::sha256;
use crate::token::{ConnectTicket, SEALED_TOKEN_LEN, TokenBinding};

/// Length of INIT.
const INIT_LEN: usize = 1200;
/// Length of the first Noise message: key and sealed parameters.
pub(crate) const NOISE_INIT_LEN: usize = 32 + CLIENT_PARAMS_LEN + 16;

const CLIENT_PARAMS_LEN: usize = 32;
const PADDING: usize = 676;
const PROLOGUE_LEN: usize = 4 + 1 + 16 + 9 + 5 + 32;

/// What INIT says in the clear, without the token itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InitHeader {
    pub(crate) binding: TokenBinding,
    pub(crate) client_nonce: u64,
    pub(crate) cookie: Option<Cookie>,
    pub(crate) client_id: ClientId,
}

/// A well-formed INIT; nothing in it is proven.
#[derive(Debug)]
pub(crate) struct InitPacket<'a> {
    pub(crate) header: InitHeader,
    pub(crate) sealed_token: &'a [u8; SEALED_TOKEN_LEN],
    pub(crate) noise: &'a [u8],
}

/// What the client says about itself, sealed in INIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientParams {
    /// Bit 0: AES-256-GCM.
    pub(crate) ciphers: u8,
    /// Longest datagram it takes.
    pub(crate) max_datagram: u16,
    /// Bits for later versions; zero.
    pub(crate) capabilities: u32,
}

impl ClientParams {
    pub(crate) fn encode(self) -> [u8; CLIENT_PARAMS_LEN] {
        let mut out = [0; CLIENT_PARAMS_LEN];
        let mut writer = Writer::new(&mut out);
        let _fits = writer
            .u8(self.ciphers)
            .and_then(|()| writer.u16(self.max_datagram))
            .and_then(|()| writer.u32(self.capabilities));
        out
    }

    /// Unknown trailing bytes are a later version's and are ignored.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(bytes);
        Ok(Self { ciphers: reader.u8()?, max_datagram: reader.u16()?, capabilities: reader.u32()? })
    }
}

impl InitHeader {
    /// The bytes both ends mix into the handshake before anything else.
    pub(crate) fn prologue(&self, sealed_token: &[u8; SEALED_TOKEN_LEN]) -> [u8; PROLOGUE_LEN] {
        let mut out = [0; PROLOGUE_LEN];
        let mut writer = Writer::new(&mut out);
        let _fits = writer
            .u8(long_byte(Kind::Init))
            .and_then(|()| writer.u32(self.binding.protocol_id))
            .and_then(|()| writer.u64(self.binding.routing_id))
            .and_then(|()| writer.u64(self.client_nonce))
            .and_then(|()| writer.u8(self.binding.key_id))
            .and_then(|()| writer.u64(self.binding.expires_s))
            .and_then(|()| writer.bytes(&self.client_id.padded()))
            .and_then(|()| writer.bytes(&sha256(sealed_token)));
        debug_assert!(_fits.is_ok(), "the prologue has this length");
        out
    }
}

impl<'a> InitPacket<'a> {
    /// Reads an INIT; `None` if it is not well formed.
    pub(crate) fn parse(datagram: &'a [u8]) -> Option<Self> {
        if datagram.len() != INIT_LEN {
            return None;
        }
        Self::fields(&mut Reader::new(datagram)).ok().flatten()
    }

    fn fields(reader: &mut Reader<'a>) -> Result<Option<Self>, Truncated> {
        if reader.u8()? != long_byte(Kind::Init) {
            return Ok(None);
        }
        let protocol_id = reader.u32()?;
        let routing_id = reader.u64()?;
        let client_nonce = reader.u64()?;
        let cookie = Cookie::from_fields(reader.u8()?, reader.array()?);
        let key_id = reader.u8()?;
        let expires_s = reader.u64()?;
        let sealed_token = reader.bytes(SEALED_TOKEN_LEN)?.first_chunk().ok_or(Truncated)?;
        let noise = reader.bytes(NOISE_INIT_LEN)?;
        let client_id = ClientId::from_padded(reader.array()?);
        let padding = reader.rest();
        let (Some(client_id), Ok(cookie)) = (client_id, cookie) else {
            return Ok(None);
        };
        if padding.len() != PADDING || padding.iter().any(|byte| *byte != 0) {
            return Ok(None);
        }
        let binding = TokenBinding { protocol_id, key_id, expires_s, routing_id };
        Ok(Some(Self { header: InitHeader { binding, client_nonce, cookie, client_id }, sealed_token, noise }))
    }
}

/// Writes INIT.
pub(crate) fn write_init(
    header: &InitHeader,
    ticket: &ConnectTicket,
    noise: &[u8; NOISE_INIT_LEN],
    out: &mut [u8],
) -> Result<usize, NoRoom> {
    let mut writer = Writer::new(out);
    let (epoch, cookie) = Cookie::fields(header.cookie);
    writer.u8(long_byte(Kind::Init))?;
    writer.u32(header.binding.protocol_id)?;
    writer.u64(header.binding.routing_id)?;
    writer.u64(header.client_nonce)?;
    writer.u8(epoch)?;
    writer.bytes(&cookie)?;
    writer.u8(header.binding.key_id)?;
    writer.u64(header.binding.expires_s)?;
    writer.bytes(&ticket.sealed_token)?;
    writer.bytes(noise)?;
    writer.bytes(&header.client_id.padded())?;
    writer.bytes(&[0; PADDING])?;
    Ok(writer.len())
}
