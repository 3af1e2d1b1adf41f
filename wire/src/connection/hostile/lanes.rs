//! What an authentic peer could do with the message lanes and with fragments.

use super::super::pair::{UP, forge, pair, up};
use super::{at, take};
use crate::connection::{KeyLimits, Violation};

/// What a server on whose lanes nothing came says to these frames, each in a packet of its own.
fn verdict(frames: &[Vec<u8>]) -> Result<(), Violation> {
    let (_, mut server) = pair(at(0), 9, KeyLimits::default());
    (0..).zip(frames).try_for_each(|(number, frame)| {
        let body = [&[0], &frame[..]].concat();
        take(&mut server, at(1), &mut forge(&up(), UP, number, &body))
    })
}

fn reliable(lane: u8, id: u16, len: u8) -> Vec<u8> {
    let [low, high] = id.to_le_bytes();
    [vec![0x20 + lane, low, high, len], vec![7; len.into()]].concat()
}

fn fragment(lane: u8, id: u16, (index, count): (u8, u8), len: u16) -> Vec<u8> {
    let [low, high] = id.to_le_bytes();
    let mut frame = vec![0x40, lane, low, high, index, count];
    // The lengths of fragments have two bytes, but for short last ones.
    match len {
        0..=127 => frame.push(len.to_le_bytes()[0]),
        _ => frame.extend([(len & 0x7f).to_le_bytes()[0] | 0x80, (len >> 7).to_le_bytes()[0]]),
    }
    frame.extend(vec![7; len.into()]);
    frame
}

#[test]
fn every_lane_takes_its_own_frames_only() {
    for lane in 0..=3 {
        assert_eq!(verdict(&[reliable(lane, 0, 9)]), Ok(()));
        assert_eq!(verdict(&[fragment(lane, 0, (0, 16), 1_024)]), Ok(()));
    }
    for (lane, order) in [(4, &[][..]), (5, &[9, 0][..])] {
        let whole = |id: u8| [&[id][..], order, &[3, 1, 2, 3]].concat();
        assert_eq!(verdict(&[whole(0x30 + lane)]), Ok(()));
        assert_eq!(verdict(&[whole(0x20 + lane)]), Err(Violation::UnknownFrame), "no reliable lane");
        assert_eq!(verdict(&[fragment(lane, 0, (0, 2), 1_024)]), Ok(()));
    }
    for lane in [6, 7, 8, 255] {
        assert_eq!(verdict(&[fragment(lane, 0, (0, 2), 1_024)]), Err(Violation::Malformed), "lane {lane}");
    }
    for lane in [0, 3, 6, 7] {
        assert_eq!(verdict(&[vec![0x30 + lane, 0]]), Err(Violation::UnknownFrame), "no unreliable lane");
    }
}

#[test]
fn each_breach_of_the_fragment_rules_is_named() {
    let one = |lane, place, len| verdict(&[fragment(lane, 40, place, len)]);
    for lane in [0, 3] {
        assert_eq!(one(lane, (0, 2), 1_023), Err(Violation::Malformed), "a short one that is not the last");
        assert_eq!(one(lane, (1, 2), 76), Err(Violation::Malformed), "1,100 bytes need no fragments");
        assert_eq!(one(lane, (1, 2), 77), Ok(()));
        assert_eq!(one(lane, (1, 3), 0), Err(Violation::Malformed), "empty");
        assert_eq!(one(lane, (2, 2), 1_024), Err(Violation::Malformed), "none of two");
        assert_eq!(one(lane, (0, 1), 1_024), Err(Violation::Malformed), "alone");
        assert_eq!(one(lane, (0, 17), 1_024), Err(Violation::Malformed), "17 fragments");
        assert_eq!(one(lane, (0, 3), 1_025), Err(Violation::Malformed), "too long");
        let pair = |second| verdict(&[fragment(lane, 40, (0, 3), 1_024), second]);
        assert_eq!(pair(fragment(lane, 41, (1, 4), 1_024)), Err(Violation::Fragment), "another count");
        assert_eq!(pair(fragment(lane, 41, (2, 3), 9)), Err(Violation::Fragment), "another beginning");
        assert_eq!(pair(reliable(lane, 41, 9)), Err(Violation::Fragment), "a whole message inside");
        assert_eq!(verdict(&[fragment(lane, 1, (2, 3), 9)]), Err(Violation::Fragment), "begins before all");
    }
    for lane in [4, 5] {
        assert_eq!(one(lane, (0, 3), 1_024), Err(Violation::Fragment), "three to the server");
    }
}

#[test]
fn each_breach_of_the_windows_is_named() {
    for lane in 0..=3 {
        assert_eq!(verdict(&[reliable(lane, 255, 1)]), Ok(()));
        assert_eq!(verdict(&[reliable(lane, 256, 1)]), Err(Violation::LaneOverrun), "256 ahead");
        let early = |count| (1..=count).map(|id| fragment(lane, 16 * id, (0, 2), 1_024)).collect::<Vec<_>>();
        assert_eq!(verdict(&early(15)), Ok(()));
        let spread: Vec<_> =
            (0..4).flat_map(|lane| (1..9).map(move |id| fragment(lane, 16 * id, (0, 2), 1_024))).collect();
        assert_eq!(verdict(&spread), Err(Violation::LaneOverrun), "more than the common window");
    }
}
