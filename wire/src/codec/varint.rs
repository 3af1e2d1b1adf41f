//! Numbers of one to five bytes: seven bits a byte, least significant first, the high bit says that more follow.
//!
//! Only the shortest form is valid, so one value has one encoding and re-encoding a parsed packet gives its bytes back.

use super::{NoRoom, Reader, Truncated, Writer, low8};

/// How many bytes `value` takes.
#[must_use]
pub const fn varint_len(value: u32) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        0x20_0000..=0xfff_ffff => 4,
        _ => 5,
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<u32, Truncated> {
    let mut value = 0_u64;
    for index in 0..5_u32 {
        let byte = reader.u8()?;
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            // A final zero byte adds nothing: the value has a shorter form.
            if byte == 0 && index > 0 {
                return Err(Truncated);
            }
            return u32::try_from(value).map_err(|_| Truncated);
        }
    }
    Err(Truncated)
}

pub(super) fn write(writer: &mut Writer<'_>, value: u32) -> Result<(), NoRoom> {
    let mut rest = u64::from(value);
    let mut bytes = [0_u8; 5];
    let length = varint_len(value);
    for (index, byte) in bytes.iter_mut().take(length).enumerate() {
        let more = if index + 1 < length { 0x80 } else { 0 };
        *byte = low8(rest & 0x7f) | more;
        rest >>= 7;
    }
    writer.bytes(bytes.get(..length).unwrap_or(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 1.3.
    #[test]
    fn every_length_boundary_round_trips_in_its_shortest_form() {
        for shift in 0..32 {
            for value in [(1_u32 << shift) - 1, 1 << shift, (1 << shift) | 1, u32::MAX] {
                let mut buffer = [0; 5];
                let mut writer = Writer::new(&mut buffer);
                write(&mut writer, value).unwrap();
                let length = writer.len();
                assert_eq!(length, varint_len(value), "{value}");
                let mut reader = Reader::new(&buffer[..length]);
                assert_eq!(reader.varint(), Ok(value));
                assert!(reader.is_empty());
            }
        }
    }

    /// protocol.md 1.3.
    #[test]
    fn longer_forms_and_values_above_32_bits_are_refused() {
        for bytes in [&[0x80, 0x00][..], &[0xff, 0x80, 0x00], &[0xff; 5], &[0xff, 0xff, 0xff, 0xff, 0x10], &[0x80], &[]]
        {
            assert_eq!(Reader::new(bytes).varint(), Err(Truncated), "{bytes:x?}");
        }
    }
}
