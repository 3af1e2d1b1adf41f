//! All lanes against what each of them promises, whatever a network does with the packets between the two ends.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::codec::{Reader, Writer};
use crate::packet::{FRAGMENT_LEN, Frame, MAX_UNFRAGMENTED, RangeList, next_frame};
use crate::recovery::Runs;
use crate::time::Time;

/// Bytes of a packet's body that messages may fill.
const ROOM: usize = 1_160;

const MESSAGE_LANES: [Lane; 6] =
    [Lane::Control, Lane::Value, Lane::Social, Lane::Unordered, Lane::Effects, Lane::Position];

/// A packet on its way.
struct Packet {
    runs: Runs,
    bytes: Vec<u8>,
}

/// Two ends, what was put in and what came out.
struct Ends {
    now: Time,
    out: LanesOut,
    lanes: LanesIn,
    put: Vec<(Lane, Vec<u8>)>,
    got: Vec<(Lane, Vec<u8>)>,
    lossy: bool,
}

impl Ends {
    fn new() -> Self {
        Self {
            now: Time::from_micros(1_000_000),
            out: LanesOut::new(LOOSE_FRAGMENTS_DOWN, 400 * 1024),
            lanes: LanesIn::new(LOOSE_FRAGMENTS_DOWN),
            put: Vec::new(),
            got: Vec::new(),
            lossy: false,
        }
    }

    /// Queues a message of this length whose content is its own.
    fn push(&mut self, lane: Lane, len: usize) -> Result<(), SendError> {
        self.push_copies(lane, len, 1)
    }

    fn push_copies(&mut self, lane: Lane, len: usize, copies: u8) -> Result<(), SendError> {
        let number = u32::try_from(self.put.len()).expect("few");
        let mut message = number.to_le_bytes().to_vec();
        message.extend((0..len.saturating_sub(4)).map(|at| u8::try_from((at + self.put.len()) % 251).expect("a byte")));
        self.out.push(self.now, lane, &message, copies)?;
        self.put.push((lane, message));
        Ok(())
    }

    fn packet(&mut self) -> Packet {
        let mut buffer = [0; ROOM];
        let mut writer = Writer::new(&mut buffer);
        let mut runs = Runs::default();
        self.out.begin(self.lossy);
        self.out.fill_control(&mut writer, &mut runs, 0);
        self.out.fill_others(self.now, &mut writer, &mut runs, 0);
        self.out.fill_echoes(&mut 300, &mut writer, &mut runs, 0);
        Packet { runs, bytes: writer.written().to_vec() }
    }

    fn arrive(&mut self, packet: &Packet) {
        let mut reader = Reader::new(&packet.bytes);
        while let Some(frame) = next_frame(&mut reader, None, &mut RangeList::new()).expect("correct frames") {
            let got = &mut self.got;
            let taken = self.lanes.take(self.now, &frame, |lane, message| got.push((lane, message.to_vec())));
            assert_eq!(taken, Ok(true), "the sender keeps its windows: {frame:?}");
        }
    }

    fn delivered(&mut self, packet: &Packet) {
        packet.runs.iter().for_each(|run| self.out.delivered(*run));
    }

    fn lost(&mut self, packet: &Packet) {
        packet.runs.iter().for_each(|run| self.out.lost(*run));
    }

    fn exchange(&mut self) {
        let packet = self.packet();
        self.arrive(&packet);
        self.delivered(&packet);
    }

    fn drain(&mut self) {
        for _ in 0..10_000 {
            if !self.out.is_reliable_ready() {
                return;
            }
            self.exchange();
        }
        panic!("lanes wait for each other");
    }

    fn of(list: &[(Lane, Vec<u8>)], lane: Lane) -> Vec<&[u8]> {
        list.iter().filter(|(of, _)| *of == lane).map(|(_, message)| &message[..]).collect()
    }

    /// What each lane promises of what has been put in and has come out.
    fn check(&self) {
        for lane in MESSAGE_LANES {
            let (put, mut got) = (Self::of(&self.put, lane), Self::of(&self.got, lane));
            match lane.mode() {
                Mode::ReliableOrdered => assert!(put == got, "{lane:?}: {} of {}", got.len(), put.len()),
                Mode::ReliableUnordered => {
                    got.sort_unstable_by_key(|message| message.first_chunk::<4>().map(|n| u32::from_le_bytes(*n)));
                    assert!(put == got, "{lane:?}: {} of {}", got.len(), put.len());
                }
                Mode::Sequenced | Mode::Unreliable => {
                    let places: Vec<_> = got.iter().map(|message| put.iter().position(|put| put == message)).collect();
                    assert!(places.iter().all(Option::is_some), "{lane:?}: nobody said that");
                    let ordered = places.windows(2).all(|pair| pair[0] < pair[1]);
                    assert!(ordered || lane.mode() == Mode::Unreliable, "{lane:?}: an older one after a newer");
                    let mut once = places.clone();
                    once.sort_unstable();
                    once.dedup();
                    assert_eq!(once.len(), places.len(), "{lane:?}: something came twice");
                }
                Mode::Blocks => {}
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push {
        lane: usize,
        len: usize,
        twice: bool,
    },
    Send,
    Lose(prop::sample::Index),
    Arrive(prop::sample::Index),
    /// Arrives, but its acknowledgement does not: what it held comes again.
    ArriveUnnoticed(prop::sample::Index),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![4 => 4_usize..100, 3 => 4_usize..1_200, 1 => 1_000_usize..4_000, 1 => 4_usize..=MAX_RELIABLE];
    prop_oneof![
        6 => (0..6_usize, len, any::<bool>()).prop_map(|(lane, len, twice)| Step::Push { lane, len, twice }),
        6 => Just(Step::Send),
        2 => any::<prop::sample::Index>().prop_map(Step::Lose),
        4 => any::<prop::sample::Index>().prop_map(Step::Arrive),
        1 => any::<prop::sample::Index>().prop_map(Step::ArriveUnnoticed),
        1 => (1..60_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn every_lane_keeps_its_promise(steps in prop::collection::vec(step(), 1..500), lossy: bool) {
        let mut ends = Ends { lossy, ..Ends::new() };
        let mut flying: Vec<Packet> = Vec::new();
        for step in steps {
            let any = !flying.is_empty();
            match step {
                Step::Push { lane, len, twice } => {
                    let lane = MESSAGE_LANES[lane];
                    match ends.push_copies(lane, len, 1 + u8::from(twice)) {
                        Ok(()) | Err(SendError::Full) => {}
                        Err(SendError::TooLong { max, .. }) => prop_assert!(len > max && !lane.mode().is_reliable()),
                        Err(error) => panic!("{error}"),
                    }
                }
                Step::Send => {
                    let packet = ends.packet();
                    if !packet.bytes.is_empty() { flying.push(packet); }
                }
                Step::Lose(which) if any => {
                    let packet = flying.swap_remove(which.index(flying.len()));
                    ends.lost(&packet);
                }
                Step::Arrive(which) if any => {
                    let packet = flying.swap_remove(which.index(flying.len()));
                    ends.arrive(&packet);
                    ends.delivered(&packet);
                }
                Step::ArriveUnnoticed(which) if any => {
                    let packet = flying.swap_remove(which.index(flying.len()));
                    ends.arrive(&packet);
                    ends.lost(&packet);
                }
                Step::Wait(ms) => ends.now += Duration::from_millis(ms),
                _ => {}
            }
        }
        for packet in flying { ends.lost(&packet); }
        ends.drain();
        ends.check();
    }
}

/// protocol.md 8.20, 8.21.
#[test]
fn long_messages_of_every_size_come_whole() {
    let mut ends = Ends::new();
    for len in [4, 1_100, 1_101, 1_124, 1_125, 2_047, 2_048, 2_049, 16_383, 16_384] {
        for lane in [Lane::Control, Lane::Social, Lane::Unordered] {
            ends.push(lane, len).unwrap();
        }
        ends.drain();
    }
    assert_eq!(ends.got.len(), 30);
    ends.check();
    assert_eq!(ends.push(Lane::Value, 16_385), Err(SendError::TooLong { len: 16_385, max: 16_384 }));
    assert_eq!(ends.push(Lane::Effects, 4_097), Err(SendError::TooLong { len: 4_097, max: 4_096 }));
}

/// protocol.md 8.1.
#[test]
fn a_loss_on_one_lane_delays_no_other() {
    let mut ends = Ends::new();
    ends.push(Lane::Social, 50).unwrap();
    let lost = ends.packet();
    // Social fills its window behind the lost message; the others do not notice.
    for round in 0..200 {
        for lane in [Lane::Control, Lane::Value, Lane::Social, Lane::Effects] {
            ends.push(lane, 300).unwrap();
        }
        for _ in 0..2 {
            ends.exchange();
        }
        for lane in [Lane::Control, Lane::Value, Lane::Effects] {
            assert_eq!(Ends::of(&ends.got, lane).len(), round + 1, "{lane:?}");
        }
    }
    assert!(Ends::of(&ends.got, Lane::Social).is_empty());
    ends.lost(&lost);
    ends.drain();
    ends.check();
}

/// protocol.md 8.29.
#[test]
fn lanes_share_a_packet_by_bytes() {
    let mut ends = Ends::new();
    let mut sizes = [0_usize; 2];
    for _ in 0..400 {
        // Long messages on one lane, many short ones on the other; both always have something to say.
        while ends.push(Lane::Value, MAX_UNFRAGMENTED).is_ok() {}
        while ends.push(Lane::Social, 60).is_ok() {}
        let before = ends.got.len();
        ends.exchange();
        for (lane, message) in &ends.got[before..] {
            sizes[usize::from(*lane == Lane::Social)] += message.len();
        }
        ends.put.clear();
    }
    let [value, social] = sizes;
    assert!(value > 150_000, "{value} bytes");
    assert!(value < social * 3 / 2 && social < value * 3 / 2, "{value} and {social} bytes");
}

/// protocol.md 8.29.
#[test]
fn control_comes_before_all_others() {
    let mut ends = Ends::new();
    for lane in MESSAGE_LANES.into_iter().rev() {
        ends.push(lane, 100).unwrap();
    }
    ends.exchange();
    let order: Vec<Lane> = ends.got.iter().map(|(lane, _)| *lane).collect();
    assert_eq!(order, MESSAGE_LANES, "one packet, in the order of the lanes");
}

/// protocol.md 8.28.
#[test]
fn a_critical_message_leaves_twice_at_once() {
    let mut ends = Ends::new();
    ends.push_copies(Lane::Value, 40, 2).unwrap();
    let (first, second) = (ends.packet(), ends.packet());
    assert_eq!(first.bytes, second.bytes);
    assert!(ends.packet().bytes.is_empty());
    ends.arrive(&second);
    assert_eq!(ends.got.len(), 1, "the first may be lost");
    ends.delivered(&second);
    ends.lost(&first);
    assert!(!ends.out.is_reliable_ready());
    ends.arrive(&first);
    assert_eq!(ends.got.len(), 1);
}

#[test]
fn queues_are_bounded() {
    let mut ends = Ends::new();
    let fill = |ends: &mut Ends, lane, len| (0..5_000).take_while(|_| ends.push(lane, len).is_ok()).count();
    assert_eq!(fill(&mut ends, Lane::Social, 8), 1_024, "messages");
    assert_eq!(fill(&mut ends, Lane::Control, 1_024), 256, "256 KiB");
    assert_eq!(ends.push(Lane::Control, 8), Err(SendError::Full));
    assert_eq!(ends.push(Lane::Value, 8), Ok(()), "a full lane is full for itself");
    // All lanes together, at the size that connections use; what may be lost gives way.
    let mut ends = Ends { out: LanesOut::new(LOOSE_FRAGMENTS_DOWN, QUEUE_ROOM), ..Ends::new() };
    assert_eq!(ends.push(Lane::Effects, 4_000), Ok(()));
    assert_eq!(ends.push(Lane::Control, MAX_RELIABLE), Ok(()), "the longest message finds room");
    assert_eq!(ends.out.take_dropped(), 1);
    assert_eq!(fill(&mut ends, Lane::Value, 100), (QUEUE_ROOM - MAX_RELIABLE - 16 * 6) / 106);
    assert_eq!((ends.push(Lane::Effects, 100), ends.out.take_dropped()), (Ok(()), 1));
}

/// protocol.md 8.23.
#[test]
fn each_lane_has_a_window_of_its_own_and_a_share_of_the_common_one() {
    let sent = |fill: &[Lane]| {
        let mut ends = Ends::new();
        for lane in fill {
            (0..80).for_each(|_| ends.push(*lane, 256).unwrap());
        }
        let mut carried = Vec::new();
        while ends.out.is_reliable_ready() {
            carried.push(ends.packet());
        }
        let bytes = |lane: &Lane| {
            let runs = carried.iter().flat_map(|packet| packet.runs.iter());
            runs.filter(|run| run.lane == lane.number()).flat_map(|run| run.ids()).count() * 256
        };
        fill.iter().map(bytes).collect::<Vec<_>>()
    };
    assert_eq!(sent(&[Lane::Social]), [MAX_RELIABLE], "alone, a lane has all");
    let all = sent(&[Lane::Control, Lane::Value, Lane::Social, Lane::Unordered]);
    assert!(all.iter().all(|bytes| *bytes >= OWN_WINDOW), "{all:?}");
    assert_eq!(all.iter().sum::<usize>(), 4 * OWN_WINDOW + COMMON_WINDOW);
    let mut ends = Ends::new();
    for _ in 0..300 {
        ends.push(Lane::Value, 4).unwrap();
    }
    let packets = std::iter::repeat_with(|| ends.packet()).take_while(|packet| !packet.bytes.is_empty());
    assert_eq!(
        packets.flat_map(|packet| packet.runs.iter().flat_map(|run| run.ids()).collect::<Vec<_>>()).count(),
        256
    );
}

/// protocol.md 8.9.
#[test]
fn a_probe_sends_the_oldest_part_again() {
    let mut ends = Ends::new();
    ends.push(Lane::Social, 10).unwrap();
    ends.push(Lane::Social, 11).unwrap();
    let first = ends.packet();
    assert!(ends.packet().bytes.is_empty());
    ends.out.probe();
    let again: Vec<u16> = ends.packet().runs.iter().flat_map(|run| run.ids()).collect();
    assert_eq!(again, [0]);
    ends.delivered(&first);
    ends.out.probe();
    assert!(ends.packet().bytes.is_empty());
}

/// protocol.md 8.28.
#[test]
fn what_may_be_lost_is_dropped_when_it_is_late_or_too_much() {
    let mut ends = Ends::new();
    for _ in 0..70 {
        ends.push(Lane::Effects, 10).unwrap();
        ends.push(Lane::Position, 10).unwrap();
    }
    assert_eq!(ends.out.take_dropped(), 6, "64 effects wait; a newer position replaces an older");
    ends.now += Duration::from_millis(101);
    assert!(ends.packet().bytes.is_empty());
    assert_eq!(ends.out.take_dropped(), 65);
    assert!(!ends.out.is_ready());
}

/// protocol.md 8.26.
#[test]
fn an_older_position_never_comes_after_a_newer() {
    let mut ends = Ends::new();
    let mut packets = Vec::new();
    for len in [10, 3_000, 20] {
        ends.push(Lane::Position, len).unwrap();
        while ends.out.is_ready() {
            packets.push(ends.packet());
        }
    }
    assert_eq!(packets.len(), 5, "the second one is three fragments");
    for index in [4, 0, 1, 2, 3] {
        ends.arrive(&packets[index]);
    }
    assert_eq!(ends.got, [ends.put[2].clone()]);
}

/// protocol.md 8.27.
#[test]
fn a_message_in_pieces_is_given_up_after_100_ms_or_for_a_newer_one() {
    let mut ends = Ends::new();
    let packets = |ends: &mut Ends| {
        ends.push(Lane::Effects, 2_000).unwrap();
        [ends.packet(), ends.packet()]
    };
    let [first, second] = packets(&mut ends);
    ends.arrive(&first);
    ends.now += Duration::from_millis(101);
    ends.arrive(&second);
    assert!(ends.got.is_empty(), "too late");
    let [first, second] = packets(&mut ends);
    let newer = packets(&mut ends);
    ends.arrive(&first);
    newer.iter().for_each(|packet| ends.arrive(packet));
    ends.arrive(&second);
    assert_eq!(ends.got, [ends.put[2].clone()], "the newer one took its place");
}

/// A frame as the hostile side writes it.
fn fragment(lane: Lane, id: u16, index: u8, count: u8, bytes: &[u8]) -> Frame<'_> {
    Frame::Fragment { lane, id, index, count, bytes }
}

/// protocol.md 8.24.
#[test]
fn each_breach_of_the_windows_and_of_the_fragment_rules_is_named() {
    let (now, full) = (Time::ZERO, [1; FRAGMENT_LEN]);
    let verdict = |frames: &[Frame<'_>]| {
        let mut lanes = LanesIn::new(LOOSE_FRAGMENTS_UP);
        frames.iter().map(|frame| lanes.take(now, frame, |_, _| {})).find(Result::is_err).unwrap_or(Ok(true))
    };
    let whole = |lane, id| Frame::Reliable { lane, id, bytes: b"x" };
    for lane in [Lane::Control, Lane::Value, Lane::Unordered] {
        assert_eq!(verdict(&[whole(lane, 255)]), Ok(true));
        assert_eq!(verdict(&[whole(lane, 256)]), Err(LaneFault::Overrun));
        assert_eq!(verdict(&[whole(lane, 0x8000)]), Ok(true), "a copy");
        let part = |id, index, count| fragment(lane, id, index, count, &full);
        assert_eq!(verdict(&[part(0, 0, 2), part(0, 0, 2)]), Ok(true), "a copy");
        assert_eq!(verdict(&[part(1, 2, 3)]), Err(LaneFault::Fragment), "begins before what was handed on");
        assert_eq!(verdict(&[part(5, 0, 3), part(6, 1, 4)]), Err(LaneFault::Fragment), "another count");
        assert_eq!(verdict(&[part(5, 0, 3), part(6, 2, 3)]), Err(LaneFault::Fragment), "another beginning");
        assert_eq!(verdict(&[part(5, 0, 3), whole(lane, 7)]), Err(LaneFault::Fragment), "a whole one inside");
        assert_eq!(verdict(&[whole(lane, 7), part(5, 0, 3)]), Err(LaneFault::Fragment), "a whole one inside");
        assert_eq!(verdict(&[part(5, 0, 3), part(5, 1, 3)]), Err(LaneFault::Fragment), "one id, two places");
        assert_eq!(verdict(&[part(5, 0, 3), whole(lane, 8), part(9, 0, 2)]), Ok(true), "side by side");
        let many: Vec<_> = (0..17).map(|id| part(1 + 2 * id, 0, 2)).collect();
        assert_eq!(verdict(&many), Err(LaneFault::Overrun), "17 KiB");
    }
    let spread = [Lane::Value, Lane::Social, Lane::Unordered];
    let many = |count| (0..count).map(|n| fragment(spread[usize::from(n % 3)], 1 + 2 * (n / 3), 0, 2, &full));
    assert_eq!(verdict(&many(18).collect::<Vec<_>>()), Ok(true));
    assert_eq!(verdict(&many(19).collect::<Vec<_>>()), Err(LaneFault::Overrun), "19 KiB on three lanes");
    for lane in [Lane::Effects, Lane::Position] {
        assert_eq!(verdict(&[fragment(lane, 9, 0, 2, &full)]), Ok(true));
        assert_eq!(verdict(&[fragment(lane, 9, 0, 3, &full)]), Err(LaneFault::Fragment), "too many to the server");
    }
    let mut lanes = LanesIn::new(LOOSE_FRAGMENTS_DOWN);
    assert_eq!(lanes.take(now, &fragment(Lane::Effects, 9, 0, 2, &full), |_, _| {}), Ok(true));
    assert_eq!(lanes.take(now, &fragment(Lane::Effects, 9, 1, 3, &full), |_, _| {}), Err(LaneFault::Fragment));
}

/// Ids of the parts that a packet holds.
fn ids(packet: &Packet) -> Vec<u16> {
    packet.runs.iter().flat_map(|run| run.ids()).collect()
}

/// protocol.md 8.36.
#[test]
fn on_a_link_that_loses_short_messages_leave_in_two_packets() {
    let mut ends = Ends { lossy: true, ..Ends::new() };
    for len in [40, 199, 150, 150] {
        ends.push(Lane::Control, len).unwrap();
    }
    let first = ends.packet();
    assert_eq!(ids(&first), [0, 1, 2, 3]);
    // 200 bytes with its head is the longest; of the others 300 bytes in all.
    let second = ends.packet();
    assert_eq!(ids(&second), [0, 2]);
    assert!(ends.packet().bytes.is_empty(), "each has one chance");
    // What is still on its way does not leave a third time.
    ends.lost(&first);
    let third = ends.packet();
    assert_eq!(ids(&third), [1, 3]);
    for packet in [second, third] {
        ends.arrive(&packet);
        ends.delivered(&packet);
    }
    ends.drain();
    ends.check();
}

/// protocol.md 8.36.
#[test]
fn what_was_lost_leaves_in_two_packets_on_any_link() {
    let mut ends = Ends::new();
    ends.push(Lane::Social, 900).unwrap();
    let first = ends.packet();
    assert!(ends.packet().bytes.is_empty());
    ends.lost(&first);
    let (repair, echo) = (ends.packet(), ends.packet());
    assert_eq!((ids(&repair), ids(&echo)), (vec![0], vec![0]));
    assert!(ends.packet().bytes.is_empty());
    ends.lost(&repair);
    assert!(!ends.out.is_reliable_ready(), "the other is on its way");
    ends.lost(&echo);
    assert!(ends.out.is_reliable_ready());
    ends.drain();
    ends.check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever fragments come, however many, what is kept of them has a bound.
    #[test]
    fn a_spray_of_fragments_takes_no_more_than_stated(
        spray in prop::collection::vec((0..6_usize, 0..700_u16, 0..16_u8, 2..=16_u8, any::<bool>()), 1..400),
    ) {
        for (most, stated) in [(LOOSE_FRAGMENTS_UP, 27 * 1024), (LOOSE_FRAGMENTS_DOWN, 31 * 1024)] {
            let mut lanes = LanesIn::new(most);
            let (full, mut faults) = ([1; FRAGMENT_LEN], 0);
            for (lane, id, index, count, whole) in &spray {
                let lane = MESSAGE_LANES[*lane];
                let count = if lane.mode().is_reliable() { *count } else { (*count).min(most) };
                let frame = if *whole && lane.mode().is_reliable() {
                    Frame::Reliable { lane, id: *id, bytes: &full }
                } else {
                    fragment(lane, *id, index % count, count, &full)
                };
                faults += usize::from(lanes.take(Time::ZERO, &frame, |_, _| {}).is_err());
                prop_assert!(lanes.memory() <= stated, "{} bytes after {faults} faults", lanes.memory());
            }
        }
    }
}
