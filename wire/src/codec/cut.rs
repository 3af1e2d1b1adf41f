//! The low bits of a number, for fields that carry only those: truncation by name instead of by accident.

/// The low 8 bits.
pub(crate) const fn low8(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

/// The low 16 bits.
pub(crate) const fn low16(value: u64) -> u16 {
    let [a, b, ..] = value.to_le_bytes();
    u16::from_le_bytes([a, b])
}

/// The low 32 bits.
pub(crate) const fn low32(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
