//! Fixed-width little-endian fields at fixed offsets of a slice that the caller has already sized.
//!
//! Knows nothing of what the fields mean. Every function panics when the slice is too short, which is the caller's bug:
//! layouts are fixed and the page or header is complete before a field of it is read.

macro_rules! field {
    ($read:ident, $write:ident, $type:ty, $width:literal) => {
        #[doc = concat!("The `", stringify!($type), "` at byte `at`.")]
        #[must_use]
        pub fn $read(bytes: &[u8], at: usize) -> $type {
            let field: [u8; $width] = bytes[at..at + $width].try_into().expect("the range has this width");
            <$type>::from_le_bytes(field)
        }

        #[doc = concat!("Writes a `", stringify!($type), "` at byte `at`.")]
        pub fn $write(bytes: &mut [u8], at: usize, value: $type) {
            bytes[at..at + $width].copy_from_slice(&value.to_le_bytes());
        }
    };
}

field!(u16_at, put_u16, u16, 2);
field!(u32_at, put_u32, u32, 4);
field!(u64_at, put_u64, u64, 8);
field!(u128_at, put_u128, u128, 16);

/// Whether every byte is zero.
#[must_use]
pub fn all_zero(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<16>();
    chunks.iter().all(|chunk| *chunk == [0; 16]) && rest.iter().all(|byte| *byte == 0)
}
