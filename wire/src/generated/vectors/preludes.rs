//! The smallest formats: varints, packet numbers, preludes with ranges.

use crate::codec::{Reader, Writer};
use crate::generated::json::Json;
use crate::generated::values::{hex, unhex};
use crate::packet::{Frame, Prelude, RangeList, next_frame, recover};

fn row(why: &str, bytes: &str) -> Json {
    Json::object([("why", why.into()), ("hex", bytes.into())])
}

/// Numbers in their one form, and other forms.
pub(super) fn varints() -> Json {
    let good =
        [0, 1, 127, 128, 300, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455, 268_435_456, u32::MAX].map(|value| {
            let mut buffer = [0; 5];
            let mut writer = Writer::new(&mut buffer);
            writer.varint(value).unwrap();
            let bytes = writer.written();
            assert_eq!(Reader::new(bytes).varint(), Ok(value));
            Json::object([("value", value.into()), ("hex", hex(bytes).into())])
        });
    let bad = [
        ("0 in two bytes", "8000"),
        ("1 in three bytes", "818000"),
        ("2^32", "8080808010"),
        ("six bytes", "808080808001"),
        ("no last byte", "ff"),
        ("nothing", ""),
    ];
    let bad = bad.map(|(why, bytes)| {
        assert!(Reader::new(&unhex(bytes)).varint().is_err(), "{why}");
        row(why, bytes)
    });
    Json::object([("good", good.to_vec().into()), ("malformed", bad.to_vec().into())])
}

/// Whole numbers from their low 16 bits; `largest` null: none yet.
pub(super) fn packet_numbers() -> Json {
    let cases: [(Option<u64>, u16); 9] = [
        (None, 0),
        (None, 3),
        (Some(0), 1),
        (Some(65_534), 65_535),
        (Some(65_535), 0),
        (Some(65_540), 65_530),
        (Some(70_000), 4_465),
        (Some(200_000), 0),
        (Some(32_000), 64_000),
    ];
    let rows = cases.map(|(largest, low)| {
        let expected = largest.map_or(0, |largest| largest + 1);
        let number = recover(expected, low);
        let largest = largest.map_or(Json::Null, Json::from);
        Json::object([("largest", largest), ("low", low.into()), ("number", number.into())])
    });
    rows.to_vec().into()
}

/// Beginnings of bodies: `sent` is the largest number that the one who reads has sent.
pub(super) fn preludes() -> Json {
    let good = [
        ("no acknowledgement", 0, "00"),
        ("the number before was left out", 0, "40"),
        ("number 0, at once", 0, "010000"),
        ("number 5, all before it, 2 ms ago", 5, "03050008"),
        ("largest delay", 5, "030500ff"),
        ("number 70,000, some of the mask missing", 70_003, "0d7011fe7f"),
        ("every mask byte, every second number", 500, "3df40155555555"),
        ("number 100 with ranges", 100, "0164000101000a"),
        ("number 100 with three ranges", 100, "01640001030a05021402 0a"),
        ("number 33: one number lies below the mask", 33, "012100 01010001"),
    ];
    let good = good.map(|(what, sent, bytes)| {
        let bytes = unhex(bytes);
        let (prelude, ranges) = read(&bytes, sent).unwrap_or_else(|| panic!("{what}"));
        let mut again = [0; 8];
        let mut writer = Writer::new(&mut again);
        prelude.write(&mut writer).unwrap();
        assert!(bytes.starts_with(writer.written()), "{what}");
        let row = Json::object([
            ("what", what.into()),
            ("sent", sent.into()),
            ("hex", hex(&bytes).into()),
            ("skipped", prelude.skipped_before.into()),
        ]);
        let Some(ack) = prelude.ack else { return row };
        let largest = recover(sent, ack.largest);
        row.with("largest", largest).with("delay", ack.delay).with("received", received(largest, ack.mask, &ranges))
    });
    Json::object([("good", good.to_vec().into()), ("malformed", malformed())])
}

fn malformed() -> Json {
    let bad = [
        ("nothing", 0, ""),
        ("bit 7", 0, "80"),
        ("a delay bit without an acknowledgement", 0, "02"),
        ("a mask bit without an acknowledgement", 0, "04"),
        ("a delay of 0 that is said", 5, "03050000"),
        ("a mask byte of 0xFF that is said", 5, "050500ff"),
        ("a number below zero that was not received", 5, "050500df"),
        ("an end inside", 5, "0105"),
        ("an end before the delay", 5, "030500"),
        ("ranges without an acknowledgement", 100, "000101000a"),
        ("no range", 100, "0164000100"),
        ("33 ranges", 100, "0164000121"),
        ("an empty range", 100, "016400010100 00"),
        ("two ranges that touch", 100, "0164000102000a000a"),
        ("a range below zero", 100, "016400 0101 3c09"),
        ("ranges when nothing lies below the mask", 32, "012000 01010001"),
        ("two frames of ranges", 100, "016400 0101000a 0101000a"),
    ];
    let bad = bad.map(|(why, sent, bytes)| {
        assert!(read(&unhex(bytes), sent).is_none(), "{why}");
        row(why, &hex(&unhex(bytes))).with("sent", sent)
    });
    bad.to_vec().into()
}

/// The prelude and the ranges of a body that holds nothing else.
fn read(bytes: &[u8], sent: u64) -> Option<(Prelude, RangeList)> {
    let mut reader = Reader::new(bytes);
    let prelude = Prelude::read(&mut reader).ok()?;
    let largest = prelude.ack.map(|ack| recover(sent, ack.largest));
    if prelude.ack.zip(largest).is_some_and(|(ack, largest)| !ack.is_whole_below_zero(largest)) {
        return None;
    }
    let mut ranges = RangeList::new();
    while let Some(frame) = next_frame(&mut reader, largest, &mut ranges).ok()? {
        assert_eq!(frame, Frame::AckRanges);
    }
    Some((prelude, ranges))
}

/// The numbers acknowledged, newest first.
fn received(largest: u64, mask: u32, ranges: &RangeList) -> Json {
    let masked = (0..32).filter(|bit| mask >> bit & 1 == 1).filter_map(|bit| largest.checked_sub(1 + bit));
    let ranged = ranges.iter().flat_map(|range| (range.low..=range.high).rev());
    Json::List([largest].into_iter().chain(masked).chain(ranged).map(Json::from).collect())
}
