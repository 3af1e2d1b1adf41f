//! Both halves of the bulk lane against each other over packets that are lost, late, doubled and out of order; and a
//! receiver against peers that break the rules.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::codec::Reader;
use crate::packet::{Frame, RangeList, next_frame};
use crate::recovery::Runs;

const T0: Time = Time::from_micros(1_000_000);

/// A packet on its way: what its sender's record says, and its bytes.
#[derive(Clone)]
struct Packet {
    notes: BlockNotes,
    runs: Runs,
    bytes: Vec<u8>,
}

/// One end and what it heard.
struct End {
    blocks: Blocks,
    got: Vec<(u16, Vec<u8>)>,
    ended: Vec<(u16, BlockEnd)>,
}

impl End {
    fn new() -> Self {
        Self { blocks: Blocks::new(MAX_BLOCK_DOWN, MAX_BLOCK_DOWN), got: Vec::new(), ended: Vec::new() }
    }

    fn packet(&mut self, room: usize, probe: bool) -> Option<Packet> {
        let mut buffer = vec![0; room];
        let mut writer = Writer::new(&mut buffer);
        let (mut notes, mut runs) = (BlockNotes::default(), Runs::default());
        let news = self.blocks.write_news(&mut writer, &mut notes);
        let slices = self.blocks.outbound.write_slices(&mut writer, probe, usize::MAX, &mut runs);
        let bytes = writer.written().to_vec();
        (news || slices > 0).then_some(Packet { notes, runs, bytes })
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), BlockFault> {
        let mut reader = Reader::new(bytes);
        while let Ok(Some(frame)) = next_frame(&mut reader, None, &mut RangeList::new()) {
            let blocks = &mut self.blocks;
            match frame {
                Frame::BlockBegin { block, kind, len, crc } => {
                    blocks.inbound.begin(T0, Begin { block, kind, len, crc })?;
                }
                Frame::BlockSlice { block, index, bytes } => {
                    let got = &mut self.got;
                    blocks.inbound.slice(T0, (block, index), bytes, |kind, bytes| got.push((kind, bytes.to_vec())))?;
                }
                Frame::BlockCredit { block, slices } => blocks.outbound.credit(block, slices)?,
                Frame::BlockEnd { block, status } => self.ended.extend(blocks.outbound.end(block, status)?),
                other => panic!("{other:?}"),
            }
        }
        Ok(())
    }

    fn tell(&mut self, packet: &Packet, delivered: bool) {
        for run in packet.runs.iter() {
            if delivered {
                self.blocks.delivered(*run);
            } else {
                self.blocks.lost(*run);
            }
        }
        if !delivered {
            self.blocks.lost_news(packet.notes);
        }
    }
}

fn content(number: u16, len: usize) -> Vec<u8> {
    (0..len).map(|at| crate::codec::low8((at as u64 / 7) ^ at as u64 ^ u64::from(number))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// Whatever happens to packets, each block arrives once, as it was, and its sender hears so in order.
    #[test]
    fn each_block_arrives_once_and_unchanged(
        lens in prop::collection::vec(prop_oneof![1_usize..3_000, 60_000..140_000_usize], 1..5),
        steps in prop::collection::vec((0..6_u8, any::<prop::sample::Index>()), 0..600),
    ) {
        let (mut ends, mut flying) = ([End::new(), End::new()], [Vec::new(), Vec::new()]);
        let mut sent = Vec::new();
        for (number, len) in (0..).zip(&lens) {
            let bytes = content(number, *len);
            prop_assert_eq!(ends[0].blocks.push(number + 40, Arc::from(&bytes[..])), Ok(number));
            sent.push((number + 40, bytes));
        }
        for (step, which) in steps {
            for side in [0, 1] {
                if step < 3 {
                    flying[side].extend(ends[side].packet(1_150, false));
                } else if !flying[side].is_empty() {
                    let index = which.index(flying[side].len());
                    let packet: Packet = flying[side].swap_remove(index);
                    match step {
                        3 => ends[side].tell(&packet, false),
                        4 => {
                            ends[1 - side].take(&packet.bytes).unwrap();
                            ends[side].tell(&packet, true);
                        }
                        // It came, but nobody hears of it: what it held comes again.
                        _ => {
                            ends[1 - side].take(&packet.bytes).unwrap();
                            ends[side].tell(&packet, false);
                        }
                    }
                }
            }
        }
        for side in [0, 1] {
            for packet in std::mem::take(&mut flying[side]) {
                ends[side].tell(&packet, false);
            }
        }
        let mut idle = 0;
        while idle < 2 {
            idle += 1;
            for side in [0, 1] {
                while let Some(packet) = ends[side].packet(1_150, false) {
                    ends[1 - side].take(&packet.bytes).unwrap();
                    ends[side].tell(&packet, true);
                    idle = 0;
                }
            }
        }
        prop_assert!(ends[1].got == sent);
        let ended: Vec<_> = (0..).zip(&lens).map(|(id, _)| (id, BlockEnd::Taken)).collect();
        prop_assert_eq!(&ends[0].ended, &ended);
        prop_assert!(ends[0].blocks.outbound.flying() == 0 && !ends[0].blocks.has_news());
    }

    /// Frames put together at random, behind a real beginning: a fault or none, never a panic.
    #[test]
    fn any_frames_are_a_fault_or_harmless(
        begin in (0..2_u16, 1..200_000_u32),
        frames in prop::collection::vec((0..4_u8, 0..3_u16, 0..200_u16, 0..1_025_usize), 0..200),
    ) {
        let mut end = End::new();
        end.blocks.push(1, Arc::from(&content(1, 70_000)[..])).unwrap();
        let _ = end.packet(1_150, false);
        let _ = end.blocks.inbound.begin(T0, Begin { block: begin.0, kind: 1, len: begin.1, crc: 5 });
        for (kind, block, value, len) in frames {
            let _ = match kind {
                0 => end.blocks.inbound.begin(T0, Begin { block, kind: 2, len: u32::from(value) + 1, crc: 0 }),
                1 => end.blocks.inbound.slice(T0, (block, value), &vec![7; len], |_, _| ()),
                2 => end.blocks.outbound.credit(block, value),
                _ => end.blocks.outbound.end(block, crate::codec::low8(value.into())).map(|_| ()),
            };
            let _ = end.packet(1_150, value % 3 == 0);
        }
    }
}

/// A receiver to which this block was announced.
fn announced(len: u32) -> BlockIn {
    let mut lane = BlockIn::new(MAX_BLOCK_UP);
    lane.begin(T0, Begin { block: 0, kind: 1, len, crc: 0 }).unwrap();
    lane
}

const SLICE: [u8; 1024] = [0; 1024];

fn slice(lane: &mut BlockIn, block: u16, index: u16, bytes: &[u8]) -> Result<(), BlockFault> {
    lane.slice(T0, (block, index), bytes, |_, _| panic!("nothing is whole"))
}

/// protocol.md 8.55.
#[test]
fn a_receiver_knows_what_no_sender_does() {
    let fault = Err(BlockFault);
    let begin = |block, len| Begin { block, kind: 1, len, crc: 0 };
    assert_eq!(slice(&mut BlockIn::new(100), 0, 0, b"x"), fault, "a slice of nothing");
    assert_eq!(BlockIn::new(1_000).begin(T0, begin(0, 1_001)), fault, "longer than any");
    assert_eq!(BlockIn::new(1_000).begin(T0, begin(1, 10)), fault, "out of order");
    let lane = || announced(100 * 1024 - 1);
    assert_eq!(lane().begin(T0, begin(0, 100 * 1024 - 1)), Ok(()), "a copy");
    assert_eq!(lane().begin(T0, begin(0, 5)), fault, "the same in other words");
    assert_eq!(lane().begin(T0, begin(1, 5)), fault, "another before the end of the first");
    assert_eq!(lane().begin(T0, begin(0xFFFF, 5)), Ok(()), "a late one of an earlier block");
    assert_eq!(slice(&mut lane(), 0, 0, &SLICE), Ok(()));
    assert_eq!(slice(&mut lane(), 0, 63, &SLICE), Ok(()));
    assert_eq!(slice(&mut lane(), 0, 64, &SLICE), fault, "beyond the credit");
    assert_eq!(slice(&mut lane(), 0, 0, &SLICE[1..]), fault, "too short");
    assert_eq!(slice(&mut lane(), 1, 0, &SLICE), fault, "of a block to come");
    assert_eq!(slice(&mut lane(), 0xFFFF, 0, &SLICE), Ok(()), "of an earlier block");
    assert_eq!(slice(&mut announced(1_025), 0, 1, &[1, 2]), fault, "a last slice that is too long");
}

/// protocol.md 8.55.
#[test]
fn a_sender_knows_what_no_receiver_does() {
    let fault = Err(BlockFault);
    let idle = || BlockOut::new(MAX_BLOCK_UP);
    assert_eq!(idle().credit(0, 1), fault, "nothing began");
    assert_eq!(idle().end(0, 1), Err(BlockFault), "nothing began");
    assert_eq!(idle().credit(0xFFFF, 1), Ok(()), "of an earlier block");
    let begun = |len| {
        let mut lane = idle();
        lane.push(1, Arc::from(vec![0; len])).unwrap();
        assert_eq!(lane.credit(0, 1), Err(BlockFault), "BEGIN has not left");
        assert!(lane.write_begin(&mut Writer::new(&mut [0; 100])));
        lane
    };
    assert_eq!(begun(200_000).credit(0, 64), Ok(()));
    assert_eq!(begun(200_000).credit(0, 65), fault, "more than the window");
    assert_eq!(begun(2_000).credit(0, 64), Ok(()), "more than there is");
    assert_eq!(begun(2_000).credit(0, 0), fault, "for nothing");
    assert_eq!(begun(2_000).credit(1, 1), fault, "for a block to come");
    assert_eq!(begun(2_000).end(0, 0), Err(BlockFault), "taken, but never sent");
    assert_eq!(begun(2_000).end(0, 2), Err(BlockFault), "damaged, but never sent");
    assert_eq!(begun(2_000).end(0, 3), Err(BlockFault), "an unknown end");
    assert_eq!(begun(2_000).end(0, 1), Ok(Some((0, BlockEnd::Refused))));
    let mut lane = begun(2_000);
    lane.push(2, Arc::from([1; 10])).unwrap();
    lane.end(0, 1).unwrap();
    assert_eq!(lane.end(0, 1), Ok(None), "said before");
    assert!(lane.begin_waits(), "the next one begins");
}

#[test]
fn the_queue_is_bounded_and_ids_go_on() {
    let mut lane = BlockOut::new(1_000);
    assert_eq!(lane.push(1, Arc::from([])), Err(SendError::Empty));
    assert_eq!(lane.push(1, Arc::from([0; 1_001])), Err(SendError::TooLong { len: 1_001, max: 1_000 }));
    for id in 0..16 {
        assert_eq!(lane.push(1, Arc::from([0; 1_000])), Ok(id));
    }
    assert_eq!(lane.push(1, Arc::from([0; 10])), Err(SendError::Full));
    assert!(lane.write_begin(&mut Writer::new(&mut [0; 100])));
    lane.end(0, 1).unwrap();
    assert_eq!(lane.push(1, Arc::from([0; 10])), Ok(16));
}

#[test]
fn a_late_fate_of_an_earlier_block_is_not_taken_for_this_one() {
    let mut lane = BlockOut::new(MAX_BLOCK_UP);
    lane.push(1, Arc::from([1; 10])).unwrap();
    lane.push(1, Arc::from([2; 10])).unwrap();
    let mut buffer = [0; 100];
    let mut send = |lane: &mut BlockOut, block| {
        let mut runs = Runs::default();
        let mut out = Writer::new(&mut buffer);
        assert!(lane.write_begin(&mut out));
        lane.credit(block, 1).unwrap();
        assert!(lane.write_slices(&mut out, false, 1_000, &mut runs) > 0);
        *runs.iter().next().unwrap()
    };
    let first = send(&mut lane, 0);
    lane.end(0, 0).unwrap();
    let second = send(&mut lane, 1);
    lane.delivered(first);
    assert_eq!(lane.flying(), 1, "that was the other block's");
    lane.lost(second);
    assert!(lane.has_slices());
}

/// protocol.md 8.54.
#[test]
fn a_changed_block_is_not_handed_on() {
    let mut lane = BlockIn::new(MAX_BLOCK_UP);
    lane.begin(T0, Begin { block: 0, kind: 1, len: 3, crc: crc32fast::hash(b"abc") }).unwrap();
    slice(&mut lane, 0, 0, b"abd").unwrap();
    let mut buffer = [0; 10];
    let mut out = Writer::new(&mut buffer);
    assert!(lane.write_end(&mut out));
    assert_eq!(out.written(), [0x53, 0, 0, 2]);
    lane.begin(T0, Begin { block: 1, kind: 9, len: 3, crc: crc32fast::hash(b"abc") }).unwrap();
    let mut got = None;
    lane.slice(T0, (1, 0), b"abc", |kind, bytes| got = Some((kind, bytes.to_vec()))).unwrap();
    assert_eq!(got, Some((9, b"abc".to_vec())));
}

/// protocol.md 8.56.
#[test]
fn a_block_whose_slices_stay_away_is_let_go() {
    let s = Duration::from_secs;
    let mut lane = announced(100 * 1024);
    assert_eq!(lane.deadline(), Some(T0 + s(30)));
    lane.slice(T0 + s(20), (0, 0), &SLICE, |_, _| ()).unwrap();
    lane.slice(T0 + s(25), (0, 0), &SLICE, |_, _| ()).unwrap();
    assert_eq!(lane.deadline(), Some(T0 + s(50)), "a copy is no progress");
    lane.timeout(T0 + s(49));
    assert!(lane.deadline().is_some());
    lane.timeout(T0 + s(50));
    assert_eq!(lane.deadline(), None);
    let mut buffer = [0; 10];
    let mut out = Writer::new(&mut buffer);
    assert!(lane.write_end(&mut out));
    assert_eq!(out.written(), [0x53, 0, 0, 1]);
    assert_eq!(slice(&mut lane, 0, 1, &SLICE), Ok(()), "what was on its way is ignored");

    // One slice every 29 s: never a stall, but 100 slices are whole 130 s after BEGIN or not at all.
    let mut lane = announced(100 * 1024);
    for index in 0..5 {
        lane.slice(T0 + s(29) * u32::from(index), (0, index), &SLICE, |_, _| ()).unwrap();
    }
    assert_eq!(lane.deadline(), Some(T0 + s(130)));
}

/// protocol.md 8.56.
#[test]
fn room_is_taken_for_what_came_and_given_back() {
    let pool = BlockPool::new(64 * 1024);
    let mut lanes: VecDeque<BlockIn> = (0..8)
        .map(|_| {
            let mut lane = BlockIn::new(MAX_BLOCK_DOWN);
            lane.limit(MAX_BLOCK_DOWN, pool.clone());
            lane.begin(T0, Begin { block: 0, kind: 1, len: 8 << 20, crc: 0 }).unwrap();
            lane
        })
        .collect();
    assert_eq!(pool.taken(), 0, "a header takes nothing");
    for lane in &mut lanes {
        slice(lane, 0, 40, &SLICE).unwrap();
    }
    assert_eq!(pool.taken(), 8 * 1024, "one slice each, wherever it belongs");
    // The first ones fill the pool; who finds no room is refused and gives back what it had.
    for index in 0..20 {
        for lane in lanes.iter_mut().take(3) {
            let _ = slice(lane, 0, index, &SLICE);
            assert!(pool.taken() <= 64 * 1024);
        }
    }
    assert!(lanes.iter().take(3).any(|lane| lane.deadline().is_none()), "not all three fit");
    assert!(lanes.iter().take(3).any(|lane| lane.deadline().is_some()), "but one goes on");
    let mut late = BlockIn::new(MAX_BLOCK_UP);
    late.limit(MAX_BLOCK_UP, pool.clone());
    let mut filler = super::pool::Charge::new(pool.clone());
    assert!(filler.take(48 * 1024 - pool.taken()));
    late.begin(T0, Begin { block: 0, kind: 1, len: 5, crc: 0 }).unwrap();
    assert!(late.has_news() && late.deadline().is_none(), "no new block in the last quarter");
    drop(filler);
    lanes.clear();
    assert_eq!(pool.taken(), 0);
    late.begin(T0, Begin { block: 1, kind: 1, len: 5, crc: 0 }).unwrap();
    assert!(late.deadline().is_some());
}

#[test]
fn a_refused_size_is_no_fault() {
    let mut lane = BlockIn::new(MAX_BLOCK_UP);
    lane.limit(0, BlockPool::unbounded());
    lane.begin(T0, Begin { block: 0, kind: 1, len: 5, crc: 0 }).unwrap();
    let mut buffer = [0; 10];
    let mut out = Writer::new(&mut buffer);
    assert!(lane.write_end(&mut out));
    assert_eq!(out.written(), [0x53, 0, 0, 1]);
    assert_eq!(slice(&mut lane, 0, 0, b"12345"), Ok(()), "it may have left before the refusal came");
}
