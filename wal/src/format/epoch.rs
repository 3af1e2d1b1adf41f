//! The payload of the control record that opens each boot: [`EpochStart`].
//!
//! ```text
//!  offset  width  field
//!       0      4  boot number, from the database's fence
//!       4      4  length of the version text in bytes, at most 64
//!       8      8  hash of the configuration
//!      16      n  version of the program, UTF-8
//! ```

use super::bytes::{u32_at, u64_at};

/// Longest version text that is kept.
pub const VERSION_BYTES_MAX: usize = 64;

/// Which boot of which program wrote what follows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EpochStart {
    /// Boot number, from the database's fence; event ids carry it.
    pub boot: u32,
    /// Hash of the configuration, to tell apart boots with different settings.
    pub config_hash: u64,
    /// Version of the program; cut to 64 bytes.
    pub version: String,
}

impl EpochStart {
    /// The payload as it stands in the record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut end = self.version.len().min(VERSION_BYTES_MAX);
        while !self.version.is_char_boundary(end) {
            end -= 1;
        }
        let text = &self.version.as_bytes()[..end];
        let mut out = Vec::with_capacity(16 + text.len());
        out.extend_from_slice(&self.boot.to_le_bytes());
        out.extend_from_slice(&u32::try_from(text.len()).expect("at most 64").to_le_bytes());
        out.extend_from_slice(&self.config_hash.to_le_bytes());
        out.extend_from_slice(text);
        out
    }

    /// Reads a payload; `None` if it is not one.
    #[must_use]
    pub fn decode(payload: &[u8]) -> Option<Self> {
        if payload.len() < 16 {
            return None;
        }
        let length = u32_at(payload, 4) as usize;
        if length > VERSION_BYTES_MAX || payload.len() != 16 + length {
            return None;
        }
        let version = std::str::from_utf8(&payload[16..]).ok()?.to_owned();
        Some(EpochStart { boot: u32_at(payload, 0), config_hash: u64_at(payload, 8), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote_and_cuts_long_versions_between_characters() {
        let epoch = EpochStart { boot: 3, config_hash: 9, version: "ü".repeat(60) };
        let read = EpochStart::decode(&epoch.encode()).expect("own bytes");
        assert_eq!((read.boot, read.config_hash, read.version.len()), (3, 9, 64));
        let odd = EpochStart { version: format!("x{}", "ü".repeat(60)), ..epoch };
        assert_eq!(EpochStart::decode(&odd.encode()).expect("own bytes").version.len(), 63);
    }

    #[test]
    fn refuses_every_truncation() {
        let bytes = EpochStart { boot: 1, config_hash: 2, version: "0.1.0".into() }.encode();
        for length in 0..bytes.len() {
            assert_eq!(EpochStart::decode(&bytes[..length]), None, "{length} bytes");
        }
    }
}
