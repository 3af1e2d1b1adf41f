//! ACCEPT: the server's half of the key exchange and the terms of the connection.
//!
//! ```text
//! 0x80 │ version << 4 │ 3   1
//! the client's own id       0–4
//! client nonce              8
//! Noise e                   32
//! sealed parameters         64 + 16
//!
//! parameters, 64 bytes:
//!   connection id 8 │ server time 8 (µs) │ time of tick 0, 8 (µs) │ tick length 2 (ms) │ max datagram 2 │ idle 2 (100 ms)
//!   ack delay 1 (ms) │ cipher 1 (1 = AES-256-GCM) │ max down 4 │ max up 4 │ capabilities 4 │ lane map 4 │ reset token 16
//! ```
//!
//! The lane map holds one nibble for each of eight lanes: 1 = reliable ordered, 0 = closed. Today it is 1: lane 0, control.

use super::{ClientId, Kind, long_byte};
use crate::codec::{NoRoom, Reader, Truncated, Writer};
use crate::crypto::TAG_LEN;
use crate::time::Time;

/// Length of ACCEPT without the client's own id.
pub(crate) const ACCEPT_LEN: usize = 1 + 8 + NOISE_LEN;

const NOISE_LEN: usize = 32 + PARAMS_LEN + TAG_LEN;
const PARAMS_LEN: usize = 64;

/// The terms of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AcceptParams {
    pub(crate) connection_id: u64,
    pub(crate) server_time: Time,
    pub(crate) tick_origin: Time,
    pub(crate) tick_ms: u16,
    pub(crate) max_datagram: u16,
    pub(crate) idle_100ms: u16,
    pub(crate) ack_delay_ms: u8,
    pub(crate) cipher: u8,
    pub(crate) max_down: u32,
    pub(crate) max_up: u32,
    pub(crate) capabilities: u32,
    pub(crate) lane_map: u32,
    pub(crate) reset_token: [u8; 16],
}

impl AcceptParams {
    pub(crate) fn encode(&self) -> [u8; PARAMS_LEN] {
        let mut out = [0; PARAMS_LEN];
        let written = self.write(&mut Writer::new(&mut out));
        debug_assert!(written.is_ok(), "the parameters have this length");
        out
    }

    fn write(&self, out: &mut Writer<'_>) -> Result<(), NoRoom> {
        out.u64(self.connection_id)?;
        out.u64(self.server_time.as_micros())?;
        out.u64(self.tick_origin.as_micros())?;
        out.u16(self.tick_ms)?;
        out.u16(self.max_datagram)?;
        out.u16(self.idle_100ms)?;
        out.u8(self.ack_delay_ms)?;
        out.u8(self.cipher)?;
        out.u32(self.max_down)?;
        out.u32(self.max_up)?;
        out.u32(self.capabilities)?;
        out.u32(self.lane_map)?;
        out.bytes(&self.reset_token)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(bytes);
        let params = Self {
            connection_id: reader.u64()?,
            server_time: Time::from_micros(reader.u64()?),
            tick_origin: Time::from_micros(reader.u64()?),
            tick_ms: reader.u16()?,
            max_datagram: reader.u16()?,
            idle_100ms: reader.u16()?,
            ack_delay_ms: reader.u8()?,
            cipher: reader.u8()?,
            max_down: reader.u32()?,
            max_up: reader.u32()?,
            capabilities: reader.u32()?,
            lane_map: reader.u32()?,
            reset_token: reader.array()?,
        };
        if reader.is_empty() { Ok(params) } else { Err(Truncated) }
    }
}

/// Writes ACCEPT around the second Noise message, which `noise` writes.
pub(crate) fn write_accept(
    client_id: &ClientId,
    nonce: u64,
    noise: impl FnOnce(&mut [u8]) -> Option<usize>,
    out: &mut [u8],
) -> Option<usize> {
    let mut writer = Writer::new(out);
    writer.u8(long_byte(Kind::Accept)).ok()?;
    writer.bytes(client_id.as_bytes()).ok()?;
    writer.u64(nonce).ok()?;
    let written = noise(writer.free())?;
    writer.advance(written);
    (written == NOISE_LEN).then(|| writer.len())
}

/// Reads what follows the client's own id: nonce and the second Noise message.
pub(crate) fn read_accept<'a>(reader: &mut Reader<'a>) -> Result<(u64, &'a [u8]), Truncated> {
    let nonce = reader.u64()?;
    let noise = reader.rest();
    if noise.len() == NOISE_LEN { Ok((nonce, noise)) } else { Err(Truncated) }
}

/// A buffer for the parameters inside the second Noise message.
pub(crate) const fn accept_noise() -> [u8; PARAMS_LEN] {
    [0; PARAMS_LEN]
}
