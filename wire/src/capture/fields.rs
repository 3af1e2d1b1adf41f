//! The fields of records: numbers, times, addresses and bytes.
//!
//! ```text
//! number   1–10 bytes, seven bits each, least significant first, the high bit says that more follow
//! time     number: µs since the last time in the file, zigzag (0, −1, 1, −2, …)
//! bytes    length (number) │ bytes
//! address  4 │ IPv4 4 │ port 2      or      6 │ IPv6 16 │ port 2 │ flow 4 │ scope 4
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use crate::codec::{Reader, Truncated, low8};
use crate::ids::ConnId;
use crate::time::{Time, micros};

/// Writes fields behind each other.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) bytes: Vec<u8>,
    last_us: u64,
}

impl Fields {
    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(super) fn number(&mut self, value: u64) {
        let mut rest = value;
        while rest > 0x7f {
            self.bytes.push(low8(rest & 0x7f) | 0x80);
            rest >>= 7;
        }
        self.bytes.push(low8(rest));
    }

    pub(super) fn size(&mut self, value: usize) {
        self.number(value as u64);
    }

    pub(super) fn time(&mut self, time: Time) {
        let delta = time.as_micros().wrapping_sub(self.last_us).cast_signed();
        self.number(((delta << 1) ^ (delta >> 63)).cast_unsigned());
        self.last_us = time.as_micros();
    }

    pub(super) fn duration(&mut self, duration: Duration) {
        self.number(micros(duration));
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn long(&mut self, bytes: &[u8]) {
        self.size(bytes.len());
        self.raw(bytes);
    }

    pub(super) fn conn(&mut self, conn: ConnId) {
        self.number(conn.slot.into());
        self.number(conn.generation.into());
    }

    pub(super) fn address(&mut self, address: SocketAddr) {
        match address {
            SocketAddr::V4(v4) => {
                self.u8(4);
                self.raw(&v4.ip().octets());
                self.raw(&v4.port().to_le_bytes());
            }
            SocketAddr::V6(v6) => {
                self.u8(6);
                self.raw(&v6.ip().octets());
                self.raw(&v6.port().to_le_bytes());
                self.raw(&v6.flowinfo().to_le_bytes());
                self.raw(&v6.scope_id().to_le_bytes());
            }
        }
    }
}

/// Reads what [`Fields`] wrote.
#[derive(Debug)]
pub(super) struct FieldReader<'a> {
    pub(super) reader: Reader<'a>,
    last_us: u64,
}

impl<'a> FieldReader<'a> {
    /// Fields after a record whose last time was `last_us`.
    pub(super) const fn new(bytes: &'a [u8], last_us: u64) -> Self {
        Self { reader: Reader::new(bytes), last_us }
    }

    /// The last time that was read.
    pub(super) const fn last_us(&self) -> u64 {
        self.last_us
    }

    pub(super) fn u8(&mut self) -> Result<u8, Truncated> {
        self.reader.u8()
    }

    pub(super) fn number(&mut self) -> Result<u64, Truncated> {
        let mut value = 0_u64;
        for index in 0..10_u32 {
            let byte = self.reader.u8()?;
            let part = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if index == 9 && part > 1 {
                return Err(Truncated);
            }
            value |= part << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Truncated)
    }

    pub(super) fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, Truncated> {
        T::try_from(self.number()?).map_err(|_| Truncated)
    }

    pub(super) fn flag(&mut self) -> Result<bool, Truncated> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Truncated),
        }
    }

    pub(super) fn time(&mut self) -> Result<Time, Truncated> {
        let zigzag = self.number()?;
        let delta = (zigzag >> 1) ^ (zigzag & 1).wrapping_neg();
        self.last_us = self.last_us.wrapping_add(delta);
        Ok(Time::from_micros(self.last_us))
    }

    pub(super) fn duration(&mut self) -> Result<Duration, Truncated> {
        self.number().map(Duration::from_micros)
    }

    pub(super) fn long(&mut self) -> Result<&'a [u8], Truncated> {
        let len = self.narrow()?;
        self.reader.bytes(len)
    }

    pub(super) fn conn(&mut self) -> Result<ConnId, Truncated> {
        Ok(ConnId { slot: self.narrow()?, generation: self.narrow()? })
    }

    pub(super) fn address(&mut self) -> Result<SocketAddr, Truncated> {
        match self.u8()? {
            4 => {
                let ip = Ipv4Addr::from(self.reader.array::<4>()?);
                Ok(SocketAddrV4::new(ip, self.reader.u16()?).into())
            }
            6 => {
                let ip = Ipv6Addr::from(self.reader.array::<16>()?);
                let (port, flow, scope) = (self.reader.u16()?, self.reader.u32()?, self.reader.u32()?);
                Ok(SocketAddrV6::new(ip, port, flow, scope).into())
            }
            _ => Err(Truncated),
        }
    }
}

/// An address as it enters the digest.
pub(super) fn address_bytes(address: SocketAddr) -> ([u8; 16], u16) {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    (ip.octets(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_back_as_it_was() {
        let addresses: [SocketAddr; 3] =
            ["1.2.3.4:5".parse().unwrap(), "[2001:db8::1]:6".parse().unwrap(), "[::ffff:1.2.3.4]:7".parse().unwrap()];
        let scoped: SocketAddr = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 8, 9, 10).into();
        let times = [5, 0, u64::MAX, 1, 1 << 63].map(Time::from_micros);
        let numbers = [0, 1, 127, 128, u64::MAX, 1 << 63, 1 << 62];
        let mut fields = Fields::default();
        times.into_iter().for_each(|time| fields.time(time));
        numbers.into_iter().for_each(|number| fields.number(number));
        addresses.into_iter().chain([scoped]).for_each(|address| fields.address(address));
        fields.long(b"abc");
        let mut reader = FieldReader::new(&fields.bytes, 0);
        for time in times {
            assert_eq!(reader.time(), Ok(time));
        }
        for number in numbers {
            assert_eq!(reader.number(), Ok(number));
        }
        for address in addresses.into_iter().chain([scoped]) {
            assert_eq!(reader.address(), Ok(address));
        }
        assert_eq!(reader.long(), Ok(&b"abc"[..]));
        assert!(reader.reader.is_empty());
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert_eq!(FieldReader::new(&[0xff; 10], 0).number(), Err(Truncated));
        let mut eleven = [0x80; 11];
        eleven[10] = 0;
        assert_eq!(FieldReader::new(&eleven, 0).number(), Err(Truncated));
        assert_eq!(FieldReader::new(&[0x80, 0x02], 0).narrow::<u8>(), Err(Truncated));
        assert_eq!(FieldReader::new(&[200, 1, 1], 0).long(), Err(Truncated));
    }
}
