//! Parsers one by one: what is read is in range, and what has a writer is written back the same.

use std::collections::HashSet;

use super::data::Data;
use crate::codec::{Reader, Writer, low16, varint_len};
use crate::crypto::{CheckedIds, ShortHash};
use crate::messages::{ClientMessage, Input, MAX_INPUT_BYTES, ServerMessage};
use crate::packet::{Freshness, Header, Prelude, RangeList, ReplayWindow, next_frame, read_ranges, recover};
use crate::snapshot::Replica;
use crate::time::Tick;

/// Longer than any message's encoding.
const ROOM: usize = 64 * 1024;

pub(super) fn header(bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let (expected, id, own) = (data.u64() >> 1, data.u64(), data.part());
    let datagram = data.take(usize::MAX);
    for header in [Header::to_server(id), Header::to_client(own)] {
        if let Ok((_, low)) = header.read(datagram) {
            let number = recover(expected, low);
            assert_eq!(low16(number), low);
            let distance = number.abs_diff(expected);
            assert!(distance <= 1 << 15 || (number < 1 << 16 && number > expected), "{number} for {expected}");
        }
    }
}

pub(super) fn prelude(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    if let Ok(prelude) = Prelude::read(&mut reader) {
        let mut again = [0; 16];
        let mut writer = Writer::new(&mut again);
        prelude.write(&mut writer).expect("a prelude has at most 8 bytes");
        assert_eq!(Some(writer.written()), bytes.get(..bytes.len() - reader.remaining()));
    }
}

pub(super) fn ranges(bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let largest = data.u64() >> 1;
    let body = data.take(usize::MAX);
    let (mut reader, mut ranges) = (Reader::new(body), RangeList::new());
    if read_ranges(&mut reader, largest, &mut ranges).is_err() {
        return;
    }
    let mut above = largest + 1 - 33;
    let mut size = 1;
    for range in &ranges {
        assert!(range.low <= range.high && range.high < above);
        let parts = [above - 1 - range.high, range.high - range.low + 1];
        size += parts.iter().map(|part| varint_len(u32::try_from(*part).expect("as it was read"))).sum::<usize>();
        above = range.low;
    }
    assert_eq!(size, body.len() - reader.remaining(), "one meaning has one encoding");
}

pub(super) fn frames(bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let largest = (data.u8() & 1 == 1).then(|| data.u64() >> 1);
    let mut reader = Reader::new(data.take(usize::MAX));
    let mut ranges = RangeList::new();
    loop {
        let before = reader.remaining();
        match next_frame(&mut reader, largest, &mut ranges) {
            Ok(Some(_)) => assert!(reader.remaining() < before, "each frame takes at least its id"),
            Ok(None) => {
                assert_eq!(reader.remaining(), 0);
                return;
            }
            Err(_) => return,
        }
    }
}

pub(super) fn replay_window(bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let (mut window, mut seen, mut next) = (ReplayWindow::default(), HashSet::new(), 0_u64);
    let mut around = data.u64() >> 1;
    while !data.is_empty() {
        let step = data.u16();
        let number = if step & 0x8000 == 0 {
            around.saturating_add(step.into())
        } else {
            around.saturating_sub((step & 0x7fff).into())
        };
        let truth = if number < next && next - number > 1024 {
            Freshness::TooOld
        } else if seen.contains(&number) {
            Freshness::Repeated
        } else {
            Freshness::Fresh
        };
        assert_eq!(window.look(number), truth, "{number} with {next} the next");
        if truth == Freshness::Fresh && number < u64::MAX {
            window.commit(number);
            seen.insert(number);
            next = next.max(number + 1);
        }
        around = number;
    }
}

pub(super) fn connection_id(bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let ids = CheckedIds::new(ShortHash::new(data.array()));
    let id = data.u64();
    if let Some(content) = ids.verify(id) {
        assert_eq!(ids.stamp(content), id);
    }
    assert_eq!(ids.verify(ids.stamp(id)), Some(id & ((1 << 44) - 1)));
}

pub(super) fn messages(bytes: &[u8]) {
    let mut room = [0; ROOM];
    if let Ok(message) = ClientMessage::decode(bytes) {
        let len = message.encode(&mut room).expect("what was read can be written");
        assert_eq!(room.get(..len), Some(bytes));
    }
    if let Ok(message) = ServerMessage::decode(bytes) {
        let len = message.encode(&mut room).expect("what was read can be written");
        assert_eq!(room.get(..len), Some(bytes));
    }
}

pub(super) fn inputs(bytes: &[u8]) {
    if let Ok(input) = Input::decode(bytes) {
        let mut room = [0; MAX_INPUT_BYTES];
        let len = input.encode(&mut room).expect("what was read can be written");
        assert_eq!(room.get(..len), Some(bytes));
    }
}

pub(super) fn snapshots(bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let mut replica = Replica::new();
    let mut tick = u32::from(data.u16());
    while !data.is_empty() {
        tick = tick.wrapping_add_signed(i32::from(i8::from_le_bytes([data.u8()])));
        if replica.apply(Tick(tick), data.part(), &mut |_| {}).is_err() {
            return;
        }
        assert!(replica.len() <= 256, "an alias has 8 bits");
        assert_eq!(replica.len(), replica.iter().count());
        for seen in replica.iter() {
            assert!(replica.get(seen.identity.entity).is_some());
        }
    }
}
