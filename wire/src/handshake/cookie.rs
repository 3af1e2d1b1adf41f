//! COOKIE: proof that a client receives at the address it sends from, without any state at the server.
//!
//! ```text
//! 0x80 │ version << 4 │ 2   1
//! the client's own id       0–4
//! client nonce              8
//! epoch                     1     1–255
//! cookie                    16    HMAC-SHA-256/128(secret of the epoch; ip 16, port 2, client nonce 8, token tag 16)
//! server time, low 32 bits  4     microseconds
//! ```
//!
//! A secret lives for 64 s as the current one and 64 s as the one before.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{ClientId, Kind, long_byte};
use crate::codec::{NoRoom, Reader, Truncated, Writer, low8, low32};
use crate::crypto::MacKey;
use crate::time::{Time, micros};

const EPOCH: Duration = Duration::from_secs(64);

/// A cookie as INIT carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cookie {
    pub(crate) epoch: u8,
    pub(crate) code: [u8; 16],
}

impl Cookie {
    /// Epoch 0 means no cookie, and its bytes must then be zero.
    pub(crate) fn from_fields(epoch: u8, code: [u8; 16]) -> Result<Option<Self>, ()> {
        match (epoch, code == [0; 16]) {
            (0, true) => Ok(None),
            (0, false) => Err(()),
            _ => Ok(Some(Self { epoch, code })),
        }
    }

    pub(crate) const fn fields(cookie: Option<Self>) -> (u8, [u8; 16]) {
        match cookie {
            Some(cookie) => (cookie.epoch, cookie.code),
            None => (0, [0; 16]),
        }
    }
}

/// Makes and checks cookies; two epochs live.
pub(crate) struct CookieJar {
    root: MacKey,
    epoch: u64,
    current: MacKey,
    previous: MacKey,
}

impl CookieJar {
    pub(crate) fn new(root: MacKey) -> Self {
        let (current, previous) = (secret(&root, 1), secret(&root, 0));
        Self { root, epoch: 1, current, previous }
    }

    /// The cookie for a client at `from`.
    pub(crate) fn bake(&mut self, now: Time, from: SocketAddr, nonce: u64, tag: &[u8]) -> Cookie {
        self.turn(now);
        Cookie { epoch: epoch_byte(self.epoch), code: code(&self.current, from, nonce, tag, MacKey::mac16) }
    }

    /// Whether the cookie was baked for this client at this address in one of the two living epochs.
    pub(crate) fn check(&mut self, now: Time, cookie: Cookie, from: SocketAddr, nonce: u64, tag: &[u8]) -> bool {
        self.turn(now);
        let key = if cookie.epoch == epoch_byte(self.epoch) {
            &self.current
        } else if cookie.epoch == epoch_byte(self.epoch - 1) {
            &self.previous
        } else {
            return false;
        };
        code(key, from, nonce, tag, |key, parts| key.verify16(parts, &cookie.code))
    }

    fn turn(&mut self, now: Time) {
        let epoch = now.as_micros() / micros(EPOCH) + 1;
        if epoch > self.epoch {
            self.current = secret(&self.root, epoch);
            self.previous = secret(&self.root, epoch - 1);
            self.epoch = epoch;
        }
    }
}

/// 1–255, so that 0 can mean "none".
fn epoch_byte(epoch: u64) -> u8 {
    low8(epoch % 255 + 1)
}

fn secret(root: &MacKey, epoch: u64) -> MacKey {
    MacKey::new(&root.mac(&[b"epoch", &epoch.to_le_bytes()]))
}

fn code<T>(key: &MacKey, from: SocketAddr, nonce: u64, tag: &[u8], then: impl FnOnce(&MacKey, &[&[u8]]) -> T) -> T {
    let ip = match from.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    then(key, &[&ip, &from.port().to_le_bytes(), &nonce.to_le_bytes(), tag])
}

/// Writes COOKIE.
pub(crate) fn write_cookie(
    client_id: &ClientId,
    nonce: u64,
    cookie: Cookie,
    now: Time,
    out: &mut [u8],
) -> Result<usize, NoRoom> {
    let mut writer = Writer::new(out);
    writer.u8(long_byte(Kind::Cookie))?;
    writer.bytes(client_id.as_bytes())?;
    writer.u64(nonce)?;
    writer.u8(cookie.epoch)?;
    writer.bytes(&cookie.code)?;
    writer.u32(low32(now.as_micros()))?;
    Ok(writer.len())
}

/// Reads what follows the client's own id: nonce and cookie.
pub(crate) fn read_cookie(reader: &mut Reader<'_>) -> Result<(u64, Cookie), Truncated> {
    let nonce = reader.u64()?;
    let cookie = Cookie { epoch: reader.u8()?, code: reader.array()? };
    let _server_time = reader.u32()?;
    if reader.is_empty() && cookie.epoch != 0 { Ok((nonce, cookie)) } else { Err(Truncated) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 4.7.
    #[test]
    fn a_cookie_is_bound_to_address_nonce_token_and_two_epochs() {
        let mut jar = CookieJar::new(MacKey::new(b"root"));
        let here: SocketAddr = "10.0.0.1:7".parse().unwrap();
        let start = Time::from_micros(0);
        let cookie = jar.bake(start, here, 5, &[1; 16]);
        assert!(jar.check(start, cookie, here, 5, &[1; 16]));
        assert!(!jar.check(start, cookie, "10.0.0.1:8".parse().unwrap(), 5, &[1; 16]));
        assert!(!jar.check(start, cookie, "10.0.0.2:7".parse().unwrap(), 5, &[1; 16]));
        assert!(!jar.check(start, cookie, here, 6, &[1; 16]));
        assert!(!jar.check(start, cookie, here, 5, &[2; 16]));
        assert!(jar.check(start + EPOCH, cookie, here, 5, &[1; 16]));
        assert!(!jar.check(start + EPOCH + EPOCH, cookie, here, 5, &[1; 16]));
    }
}
