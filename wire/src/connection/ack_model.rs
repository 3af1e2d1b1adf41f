//! Acknowledgements against an ideal that sees both ends: a fate is told once, it is true, and in the end each packet has one.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::received::Received;
use crate::codec::{Reader, Writer};
use crate::packet::{Prelude, RangeList, next_frame, recover};
use crate::recovery::{AckedNumbers, Fate, Recovery, Sent};
use crate::time::Time;

#[derive(Debug, Clone)]
enum Step {
    Send {
        eliciting: bool,
        size: u16,
        skip: bool,
    },
    Arrive(Index),
    Vanish(Index),
    Acknowledge,
    /// The acknowledgement arrives, and its sender hears of that or does not.
    AckArrives(Index, bool),
    AckVanishes(Index),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (prop::bool::weighted(0.8), 30..1_200_u16, prop::bool::weighted(0.05))
            .prop_map(|(eliciting, size, skip)| Step::Send { eliciting, size, skip }),
        7 => any::<Index>().prop_map(Step::Arrive),
        2 => any::<Index>().prop_map(Step::Vanish),
        4 => Just(Step::Acknowledge),
        4 => (any::<Index>(), any::<bool>()).prop_map(|(which, known)| Step::AckArrives(which, known)),
        1 => any::<Index>().prop_map(Step::AckVanishes),
        3 => (1..120_u64).prop_map(Step::Wait),
    ]
}

/// What is true of a packet.
#[derive(Debug, Clone)]
struct Truth {
    at: Time,
    eliciting: bool,
    size: u16,
    sent: bool,
    skipped_before: bool,
    arrived: bool,
    fates: Vec<Fate>,
}

struct Ack {
    number: u64,
    bytes: Vec<u8>,
    whole: bool,
    told_below: u32,
    /// The numbers received when it was written, up to 32 below the largest.
    of: Vec<u64>,
}

struct Ends {
    now: Time,
    recovery: Recovery,
    received: Received,
    truth: Vec<Truth>,
    flying: Vec<u64>,
    acks: Vec<Ack>,
    next_ack: u64,
    largest: Option<u64>,
}

impl Ends {
    fn new() -> Self {
        Self {
            now: Time::from_micros(1_000_000),
            recovery: Recovery::new(Duration::from_millis(50)),
            received: Received::default(),
            truth: Vec::new(),
            flying: Vec::new(),
            acks: Vec::new(),
            next_ack: 0,
            largest: None,
        }
    }

    fn send(&mut self, eliciting: bool, size: u16, skip: bool) {
        if !self.recovery.has_room() {
            return;
        }
        let mut truth = Truth {
            at: self.now,
            eliciting,
            size,
            sent: false,
            skipped_before: false,
            arrived: false,
            fates: Vec::new(),
        };
        if skip && !self.truth.is_empty() {
            self.recovery.skip();
            self.truth.push(truth.clone());
            truth.skipped_before = true;
        }
        truth.sent = true;
        self.recovery.sent(Sent { at: self.now, eliciting, size, ..Sent::default() });
        self.flying.push(u64::try_from(self.truth.len()).unwrap());
        self.truth.push(truth);
    }

    fn arrive(&mut self, which: Index) {
        let number = self.flying.swap_remove(which.index(self.flying.len()));
        let truth = &mut self.truth[usize::try_from(number).unwrap()];
        truth.arrived = true;
        self.received.commit(self.now, number, truth.skipped_before, self.next_ack);
    }

    fn acknowledge(&mut self) {
        let mut buffer = [0; 128];
        let mut out = Writer::new(&mut buffer);
        self.received.prelude(self.now, false).write(&mut out).unwrap();
        let whole = self.received.write_ranges(&mut out);
        let largest = self.received.expected();
        let near = largest.saturating_sub(33)..largest;
        let of = near.filter(|number| self.truth[usize::try_from(*number).unwrap()].arrived).collect();
        let (bytes, told_below) = (out.written().to_vec(), self.received.told_below());
        self.acks.push(Ack { number: self.next_ack, bytes, whole, told_below, of });
        self.next_ack += 1;
    }

    fn ack_arrives(&mut self, which: Index, known: bool) {
        let ack = self.acks.swap_remove(which.index(self.acks.len()));
        let mut reader = Reader::new(&ack.bytes);
        let prelude = Prelude::read(&mut reader).unwrap();
        let Some(head) = prelude.ack else {
            return;
        };
        let largest = recover(self.recovery.next_number(), head.largest);
        let mut ranges = RangeList::new();
        while next_frame(&mut reader, Some(largest), &mut ranges).unwrap().is_some() {}
        let delay = Duration::from_micros(u64::from(head.delay) * super::received::DELAY_UNIT_US);
        let numbers = AckedNumbers { largest, mask: head.mask, ranges: &ranges, delay: Some(delay) };
        self.largest = self.largest.max(Some(largest));
        let (now, seen, truth) = (self.now, self.largest, &mut self.truth);
        let told =
            |number, _: &Sent, fate| check(&mut truth[usize::try_from(number).unwrap()], now, number, seen, fate);
        self.recovery.acknowledged(now, &numbers, told).expect("an honest acknowledgement");
        for number in &ack.of {
            let known = self.recovery.next_number() - number > 256
                || !self.truth[usize::try_from(*number).unwrap()].fates.is_empty();
            assert!(known, "{number} was acknowledged and has no fate");
        }
        if known && ack.whole {
            self.received.told(ack.number, ack.told_below);
        }
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        let (now, seen, truth) = (self.now, self.largest, &mut self.truth);
        self.recovery.timeout(now, |number, _, fate| {
            let truth = &mut truth[usize::try_from(number).unwrap()];
            // The third probe gives up whatever is on its way.
            assert_eq!(fate, Fate::Lost);
            assert!(now.since(truth.at) >= Duration::from_millis(2), "{number}");
            check(truth, now, number, seen.max(Some(number + 3)), fate);
        });
    }

    fn check_bytes(&self) {
        let flying = self.truth.iter().filter(|truth| truth.sent && truth.eliciting && truth.fates.is_empty());
        let bytes: u64 = flying.map(|truth| u64::from(truth.size)).sum();
        assert_eq!(self.recovery.flying_bytes(), bytes);
    }
}

/// What may be told of a packet.
fn check(truth: &mut Truth, now: Time, number: u64, largest: Option<u64>, fate: Fate) {
    assert!(truth.sent, "{number} was left out");
    match fate {
        Fate::Delivered => assert!(truth.arrived && truth.fates.is_empty(), "{number}: {truth:?}"),
        Fate::Late => assert!(truth.arrived && truth.fates == [Fate::Lost], "{number}: {truth:?}"),
        Fate::Lost => {
            assert!(truth.eliciting && truth.fates.is_empty(), "{number}: {truth:?}");
            let overtaken = largest.is_some_and(|largest| largest >= number + 3);
            let old = now.since(truth.at) >= Duration::from_millis(2) && largest > Some(number);
            assert!(overtaken || old, "{number} is lost for no reason");
        }
    }
    truth.fates.push(fate);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn fates_are_told_once_and_true(steps in prop::collection::vec(step(), 1..600)) {
        let mut ends = Ends::new();
        for step in steps {
            match step {
                Step::Send { eliciting, size, skip } => ends.send(eliciting, size, skip),
                Step::Arrive(which) if !ends.flying.is_empty() => ends.arrive(which),
                Step::Vanish(which) if !ends.flying.is_empty() => {
                    ends.flying.swap_remove(which.index(ends.flying.len()));
                }
                Step::Acknowledge => ends.acknowledge(),
                Step::AckArrives(which, known) if !ends.acks.is_empty() => ends.ack_arrives(which, known),
                Step::AckVanishes(which) if !ends.acks.is_empty() => {
                    ends.acks.swap_remove(which.index(ends.acks.len()));
                }
                Step::Wait(ms) => ends.wait(ms),
                _ => {}
            }
            ends.check_bytes();
        }
        // Silence for ever: the timers give up what is left.
        for _ in 0..200 {
            ends.wait(1_000);
        }
        prop_assert_eq!(ends.recovery.flying_bytes(), 0);
        prop_assert!(ends.truth.iter().all(|truth| !truth.sent || !truth.eliciting || !truth.fates.is_empty()));
    }
}
