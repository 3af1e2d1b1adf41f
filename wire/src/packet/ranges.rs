//! ACK_RANGES: received numbers below the 33 that the prelude covers, after bursts of loss.
//!
//! ```text
//! 0x01 │ count 1 (1–32) │ count × ( gap varint │ length varint )
//! ```
//!
//! Reading goes downwards from `largest − 33`: `gap` numbers not received, then `length` received. Canonical if: (1) count
//! is 1–32; (2) every length is at least 1; (3) every gap but the first is at least 1; (4) nothing reaches below zero.

use arrayvec::ArrayVec;

use super::ReplayWindow;
use crate::codec::{NoRoom, Reader, Truncated, Writer, low8, low32, varint_len};

/// Most ranges in one frame.
pub(crate) const MAX_RANGES: usize = 32;
/// A writer leaves out the oldest ranges rather than exceed this, so that the longest message always fits beside it.
pub(crate) const MAX_RANGES_LEN: usize = 48;
/// Numbers that the prelude covers: the largest and 32 below it.
pub(crate) const PRELUDE_NUMBERS: u64 = 33;

/// Received numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AckRange {
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// The ranges of a frame, newest first.
pub(crate) type RangeList = ArrayVec<AckRange, MAX_RANGES>;

/// Reads a frame's ranges after its id into `ranges`, which is empty, for an acknowledgement whose largest number is `largest`.
pub(crate) fn read_ranges(reader: &mut Reader<'_>, largest: u64, ranges: &mut RangeList) -> Result<(), Truncated> {
    let count = reader.u8()?;
    if !(1..=MAX_RANGES).contains(&usize::from(count)) {
        return Err(Truncated);
    }
    // One above the next number to be described.
    let mut above = (largest + 1).checked_sub(PRELUDE_NUMBERS).ok_or(Truncated)?;
    for index in 0..count {
        let (gap, length) = (u64::from(reader.varint()?), u64::from(reader.varint()?));
        if length == 0 || (gap == 0 && index > 0) {
            return Err(Truncated);
        }
        let top = above.checked_sub(gap).ok_or(Truncated)?;
        let low = top.checked_sub(length).ok_or(Truncated)?;
        ranges.push(AckRange { low, high: top - 1 });
        above = low;
    }
    Ok(())
}

/// Writes a frame for the received numbers in `floor ..` below the prelude's, newest first, or nothing if there are none.
/// False if some had to be left out.
pub(crate) fn write_ranges(window: &ReplayWindow, floor: u64, out: &mut Writer<'_>) -> Result<bool, NoRoom> {
    let Some(top) = window.next().checked_sub(PRELUDE_NUMBERS) else {
        return Ok(true);
    };
    let mut complete = true;
    let mut pairs = ArrayVec::<(u32, u32), MAX_RANGES>::new();
    let mut size = 2;
    let mut above = top;
    while let Some(range) = next_range(window, floor, above) {
        let pair = (low32(above - 1 - range.high), low32(range.high - range.low + 1));
        size += varint_len(pair.0) + varint_len(pair.1);
        if size > MAX_RANGES_LEN.min(out.remaining()) || pairs.try_push(pair).is_err() {
            complete = false;
            break;
        }
        above = range.low;
    }
    if pairs.is_empty() {
        return Ok(complete);
    }
    out.u8(super::frame_id::ACK_RANGES)?;
    out.u8(low8(pairs.len() as u64))?;
    for (gap, length) in pairs {
        out.varint(gap)?;
        out.varint(length)?;
    }
    Ok(complete)
}

/// The newest run of received numbers in `floor .. above`.
fn next_range(window: &ReplayWindow, floor: u64, above: u64) -> Option<AckRange> {
    let high = (floor..above).rev().find(|number| window.contains(*number))?;
    let run = (floor..high).rev().take_while(|number| window.contains(*number));
    Some(AckRange { low: run.last().unwrap_or(high), high })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn written_ranges_say_what_was_received(
            received in prop::collection::btree_set(0_u64..900, 1..300),
            floor in 0_u64..600,
        ) {
            let mut window = ReplayWindow::default();
            for number in &received {
                window.commit(*number);
            }
            let largest = window.largest().unwrap();
            let mut buffer = [0; 100];
            let mut writer = Writer::new(&mut buffer);
            write_ranges(&window, floor, &mut writer).unwrap();
            let bytes = writer.written().to_vec();
            prop_assert!(bytes.len() <= MAX_RANGES_LEN);
            let told: Vec<u64> = if bytes.is_empty() {
                Vec::new()
            } else {
                let mut reader = Reader::new(&bytes[1..]);
                let mut ranges = RangeList::new();
                read_ranges(&mut reader, largest, &mut ranges).unwrap();
                prop_assert!(reader.is_empty());
                ranges.iter().rev().flat_map(|range| range.low..=range.high).collect()
            };
            let below: Vec<u64> = received.iter().copied()
                .filter(|n| *n >= floor && n + PRELUDE_NUMBERS <= largest).collect();
            // The oldest may be left out for size; what is told is exactly the newest of what was received.
            prop_assert_eq!(&below[below.len() - told.len()..], &told[..]);
            prop_assert!(told.len() == below.len() || bytes.len() > MAX_RANGES_LEN - 6 || bytes[1] == 32);
        }
    }

    /// protocol.md 7.3.
    #[test]
    fn other_encodings_of_the_same_are_refused() {
        let read = |bytes: &[u8], largest| {
            let mut ranges = RangeList::new();
            read_ranges(&mut Reader::new(bytes), largest, &mut ranges).map(|()| ranges)
        };
        assert!(read(&[1, 0, 5], 100).is_ok());
        assert!(read(&[0], 100).is_err(), "no range");
        assert!(read(&[33], 100).is_err(), "too many");
        assert!(read(&[1, 0, 0], 100).is_err(), "empty range");
        assert!(read(&[2, 0, 5, 0, 5], 100).is_err(), "two ranges that touch");
        assert!(read(&[1, 60, 9], 100).is_err(), "below zero");
        assert!(read(&[1, 0, 1], 31).is_err(), "nothing lies below the prelude");
        assert_eq!(read(&[1, 0, 1], 33).unwrap()[0], AckRange { low: 0, high: 0 });
    }
}
