//! 64-bit packet numbers from the 16 bits that travel.
//!
//! The number nearest to the one expected next is meant. At most 1,000 packets a second and ten idle seconds leave
//! 10,000 numbers between two packets that arrive, far below the 32,768 at which a guess could be wrong.

/// The number nearest to `expected` whose low 16 bits are `low`.
pub(crate) const fn recover(expected: u64, low: u16) -> u64 {
    const SPAN: u64 = 1 << 16;
    let candidate = (expected & !(SPAN - 1)) | low as u64;
    if candidate > expected {
        // Not below zero: numbers start there.
        if candidate - expected > SPAN / 2 && candidate >= SPAN {
            return candidate - SPAN;
        }
    } else if expected - candidate >= SPAN / 2
        && let Some(above) = candidate.checked_add(SPAN)
    {
        return above;
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::recover;
    use crate::codec::low16;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_number_within_half_the_span_is_recovered(expected: u64, distance in -32_767_i64..=32_767) {
            if let Some(number) = expected.checked_add_signed(distance) {
                prop_assert_eq!(recover(expected, low16(number)), number);
            }
        }

        #[test]
        fn the_low_bits_are_always_those_given(expected: u64, low: u16) {
            prop_assert_eq!(low16(recover(expected, low)), low);
        }
    }

    #[test]
    fn the_ends_of_the_number_space_do_not_wrap() {
        assert_eq!(recover(0, 0xffff), 0xffff);
        assert_eq!(recover(u64::MAX, 0), u64::MAX - 0xffff);
        assert_eq!(recover(0x1_0000, 0xffff), 0xffff);
        assert_eq!(recover(0xffff, 0), 0x1_0000);
    }
}
