//! REJECT: a refusal that only the holder of the token's secret can have received from the server.
//!
//! ```text
//! 0x80 │ version << 4 │ 4   1
//! the client's own id       0–4
//! client nonce              8
//! code                      2
//! detail                    4
//! zero                      1
//! code of the packet        16   HMAC-SHA-256/128(key from the token's secret; client nonce, code, detail)
//! ```

use super::{ClientId, Kind, long_byte};
use crate::codec::{NoRoom, Reader, Truncated, Writer};
use crate::crypto::{MacKey, hkdf};

/// Why a server refuses a genuine token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectCode {
    /// No free connection.
    Full,
    /// The player may not enter.
    Banned,
    /// This realm is closed, or the token is for another.
    RealmClosed,
    /// The server is about to stop.
    Closing,
    /// Client and server have no cipher in common.
    NoCommonCipher,
    /// The place kept for the player was given up.
    Expired,
    /// A reason of the application, 0x100 and up.
    Application(u16),
}

impl RejectCode {
    /// The number on the wire.
    #[must_use]
    pub const fn to_u16(self) -> u16 {
        match self {
            Self::Full => 1,
            Self::Banned => 2,
            Self::RealmClosed => 3,
            Self::Closing => 4,
            Self::NoCommonCipher => 5,
            Self::Expired => 6,
            Self::Application(code) => code,
        }
    }

    /// What a player may be told.
    #[must_use]
    pub const fn player_text(self) -> &'static str {
        match self {
            Self::Full => "The server is full.",
            Self::Banned => "You may not enter.",
            Self::RealmClosed => "This realm is closed.",
            Self::Closing => "The server is closing.",
            Self::NoCommonCipher => "This program is too old for the server.",
            Self::Expired => "Your place was given up; please log in again.",
            Self::Application(_) => "The server did not let you in.",
        }
    }

    /// The reason behind a number; unknown ones are the application's.
    #[must_use]
    pub const fn from_u16(code: u16) -> Self {
        match code {
            1 => Self::Full,
            2 => Self::Banned,
            3 => Self::RealmClosed,
            4 => Self::Closing,
            5 => Self::NoCommonCipher,
            6 => Self::Expired,
            other => Self::Application(other),
        }
    }
}

fn key(psk: &[u8; 32]) -> MacKey {
    MacKey::new(&*zeroize::Zeroizing::new(hkdf::<32>(psk, b"mu-wire reject", &[])))
}

/// Writes REJECT.
pub(crate) fn write_reject(
    client_id: &ClientId,
    nonce: u64,
    code: RejectCode,
    psk: &[u8; 32],
    out: &mut [u8],
) -> Result<usize, NoRoom> {
    let (nonce, code, detail) = (nonce.to_le_bytes(), code.to_u16().to_le_bytes(), [0; 4]);
    let mut writer = Writer::new(out);
    writer.u8(long_byte(Kind::Reject))?;
    writer.bytes(client_id.as_bytes())?;
    writer.bytes(&nonce)?;
    writer.bytes(&code)?;
    writer.bytes(&detail)?;
    writer.u8(0)?;
    writer.bytes(&key(psk).mac16(&[&nonce, &code, &detail]))?;
    Ok(writer.len())
}

/// Reads what follows the client's own id; an error if it is not from a server that knows the token's secret.
pub(crate) fn read_reject(reader: &mut Reader<'_>, psk: &[u8; 32]) -> Result<(u64, RejectCode), Truncated> {
    let nonce: [u8; 8] = reader.array()?;
    let code: [u8; 2] = reader.array()?;
    let detail: [u8; 4] = reader.array()?;
    let zero = reader.u8()?;
    let mac: [u8; 16] = reader.array()?;
    let genuine = key(psk).verify16(&[&nonce, &code, &detail], &mac);
    if zero == 0 && reader.is_empty() && genuine {
        let code = RejectCode::from_u16(u16::from_le_bytes(code));
        Ok((u64::from_le_bytes(nonce), code))
    } else {
        Err(Truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 4.10.
    #[test]
    fn only_the_right_secret_reads_a_rejection() {
        let mut out = [0; 64];
        let id = ClientId::new(&[1]).unwrap();
        let len = write_reject(&id, 7, RejectCode::Full, &[3; 32], &mut out).unwrap();
        assert_eq!(len, 33);
        let mut reader = Reader::new(&out[2..len]);
        assert_eq!(read_reject(&mut reader, &[3; 32]), Ok((7, RejectCode::Full)));
        assert!(read_reject(&mut Reader::new(&out[2..len]), &[4; 32]).is_err());
        assert!(read_reject(&mut Reader::new(&out[2..len - 1]), &[3; 32]).is_err());
    }
}
