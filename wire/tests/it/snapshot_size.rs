//! What a change costs on the wire, measured over walks as players make them, and who goes first when not all fits.

use mu_wire::{
    Tick,
    snapshot::{Replica, ReplicaEvent, Replicator, View},
};

use crate::{dice::Dice, walkers};

/// Bits that one moved entity may cost in the mean: what the best published hand-packed codec takes for a changed entity.
const BITS_PER_MOVE: f64 = 57.0;

/// Walkers that change their way now and then, and a client with 100 ms between sending and acknowledgement.
pub(crate) struct Crowd {
    pub(crate) dice: Dice,
    pub(crate) world: Replicator,
    pub(crate) view: View,
    pub(crate) replica: Replica,
    pub(crate) tick: Tick,
    packet: u64,
    unacknowledged: Vec<(Tick, u64)>,
}

impl Crowd {
    pub(crate) fn new(seed: u64, count: u16) -> Self {
        let mut crowd = Self {
            dice: Dice(seed),
            world: Replicator::new(count.into()),
            view: View::new(count.into()),
            replica: Replica::new(),
            tick: Tick(1),
            packet: 0,
            unacknowledged: Vec::with_capacity(16),
        };
        for slot in 0..count {
            let state = walkers::somewhere(&mut crowd.dice);
            crowd.world.insert(slot, walkers::identity(slot, 1), state, Tick(1));
            assert!(crowd.view.enter(slot));
        }
        crowd
    }

    /// Each walker that has arrived, and `percent` of those under way, choose a new way. Says how many did.
    pub(crate) fn walk(&mut self, percent: u64) -> usize {
        let mut moved = 0;
        for slot in 0..u16::try_from(self.world.capacity()).unwrap() {
            let state = *self.world.state(slot).unwrap();
            if self.dice.chance(percent) || (!state.motion.is_moving_at(self.tick) && self.dice.chance(20)) {
                let next = walkers::walk(&mut self.dice, &state, self.tick);
                moved += usize::from(next.is_some_and(|next| self.world.update(slot, next, self.tick)));
            }
        }
        moved
    }

    /// One tick with its packet there and its acknowledgement back. Says how many bytes the packet had.
    pub(crate) fn exchange(&mut self) -> usize {
        let mut body = [0; 8_192];
        self.packet += 1;
        let bytes = self.view.write(self.packet, self.tick, &mut self.world, &mut body);
        if bytes > 0 {
            self.replica.apply(self.tick, &body[..bytes], &mut |_| ()).unwrap();
            self.unacknowledged.push((self.tick, self.packet));
        }
        let (tick, view) = (self.tick, &mut self.view);
        self.unacknowledged.retain(|&(sent, packet)| {
            let waits = sent + 2 > tick;
            if !waits {
                view.delivered(packet);
            }
            waits
        });
        self.tick = self.tick + 1;
        bytes
    }
}

#[test]
fn a_moved_entity_costs_no_more_than_57_bits() {
    let mut crowd = Crowd::new(7, 120);
    for _ in 0..100 {
        crowd.walk(4);
        crowd.exchange();
    }
    let (mut moves, mut bytes) = (0, 0);
    for _ in 0..1_000 {
        moves += crowd.walk(4);
        bytes += crowd.exchange();
    }
    assert!(moves > 4_000, "{moves} moves");
    let bits = bytes as f64 * 8.0 / moves as f64;
    println!("{moves} moves, {bits:.1} bits each, the filling of the last bytes among them");
    assert!(bits <= BITS_PER_MOVE, "{bits:.1} bits for a moved entity");
}

/// protocol.md 12.1.4.
#[test]
fn nothing_changed_is_nothing_written() {
    let mut crowd = Crowd::new(8, 20);
    assert!(crowd.exchange() > 0);
    for _ in 0..5 {
        assert_eq!(crowd.exchange(), 0);
    }
}

#[test]
fn bits_are_made_once_for_all_viewers() {
    let mut crowd = Crowd::new(9, 60);
    let mut others: Vec<View> = (0..49).map(|_| View::new(60)).collect();
    for (i, view) in others.iter_mut().enumerate() {
        for slot in 0..60 {
            // The aliases differ, the shared bits do not.
            assert!(view.enter((slot + u16::try_from(i).unwrap()) % 60));
        }
    }
    let mut body = [0; 8_192];
    for packet in 1..=200 {
        crowd.walk(4);
        for view in &mut others {
            view.write(packet, crowd.tick, &mut crowd.world, &mut body);
            view.delivered(packet);
        }
        crowd.exchange();
    }
    let stats = crowd.world.stats();
    let share = stats.copied as f64 / stats.encoded as f64;
    println!("{} made, {} copied: {share:.0} copies of each", stats.encoded, stats.copied);
    assert!(share > 20.0, "{share:.1} copies of each record for 50 viewers");
}

/// protocol.md 12.1.5.
#[test]
fn the_longest_unsent_go_first_and_pinned_ones_before_them() {
    let mut crowd = Crowd::new(10, 60);
    crowd.exchange();
    crowd.view.delivered(1);
    assert!(crowd.view.pin(37));
    // Everybody changes in every tick, and there is room for a fraction only.
    let mut last_seen = [crowd.tick; 60];
    for packet in 2..400 {
        for slot in 0..60 {
            let state = *crowd.world.state(slot).unwrap();
            let turned = mu_wire::snapshot::EntityState { heading: state.heading.wrapping_add(1), ..state };
            crowd.world.update(slot, walkers::walk(&mut crowd.dice, &state, crowd.tick).unwrap_or(turned), crowd.tick);
        }
        let mut body = [0; 90];
        let len = crowd.view.write(packet, crowd.tick, &mut crowd.world, &mut body);
        crowd.view.delivered(packet);
        let tick = crowd.tick;
        let note = &mut |event| {
            if let ReplicaEvent::Changed { entity, .. } = event {
                last_seen[usize::from(entity.slot())] = tick;
            }
        };
        crowd.replica.apply(tick, &body[..len], note).unwrap();
        assert_eq!(last_seen[37], tick, "the pinned one waited");
        for (slot, seen) in last_seen.iter().enumerate() {
            assert!(tick.since(*seen) <= 30, "slot {slot} has waited {} ticks", tick.since(*seen));
        }
        crowd.tick = crowd.tick + 1;
    }
}

/// A weight for each slot: a few heavy ones, many light ones.
fn weight(slot: u16) -> u8 {
    match slot % 10 {
        0 => 16,
        1 | 2 => 4,
        _ => 1,
    }
}

/// Everyone changes now and then, packets are lost and small; how often each was told, and the longest that one waited for
/// a change to be told.
fn crowded(seed: u64, room: usize, changes: u64) -> ([u32; 60], u32) {
    let mut crowd = Crowd::new(seed, 60);
    crowd.exchange();
    crowd.view.delivered(1);
    let (mut told, mut waits, mut longest) = ([0; 60], [None; 60], 0);
    for packet in 2..1_500 {
        for slot in 0..60 {
            let state = *crowd.world.state(slot).unwrap();
            let turned = mu_wire::snapshot::EntityState { heading: state.heading.wrapping_add(1), ..state };
            if crowd.dice.chance(changes) && crowd.world.update(slot, turned, crowd.tick) {
                waits[usize::from(slot)].get_or_insert(crowd.tick);
            }
        }
        let mut body = vec![0; room];
        let len = crowd.view.write_weighed(packet, crowd.tick, &mut crowd.world, weight, &mut body);
        if crowd.dice.chance(10) {
            crowd.view.lost(packet);
        } else {
            crowd.view.delivered(packet);
            let note = &mut |event| {
                if let ReplicaEvent::Changed { entity, .. } = event {
                    told[usize::from(entity.slot())] += 1;
                    waits[usize::from(entity.slot())] = None;
                }
            };
            crowd.replica.apply(crowd.tick, &body[..len], note).unwrap();
        }
        let waiting = waits.iter().flatten().map(|since: &Tick| crowd.tick.since(*since)).max();
        longest = longest.max(waiting.unwrap_or(0));
        crowd.tick = crowd.tick + 1;
    }
    (told, longest)
}

#[test]
fn heavy_ones_are_told_more_often_and_nobody_waits_for_ever() {
    for (seed, room, changes) in [(1, 56, 100), (2, 90, 100), (3, 90, 60), (4, 160, 100)] {
        let (told, longest) = crowded(seed, room, changes);
        let mean = |of: u8| {
            let told: Vec<u32> =
                (0..60).filter(|slot| weight(*slot) == of).map(|slot| told[usize::from(slot)]).collect();
            told.iter().sum::<u32>() / u32::try_from(told.len()).unwrap()
        };
        let (heavy, middle, light) = (mean(16), mean(4), mean(1));
        println!("room {room}: {heavy} {middle} {light}, longest wait {longest}");
        assert!(heavy >= middle && middle > light, "room {room}: told {heavy}, {middle} and {light} times");
        assert!(2 * heavy > 3 * light, "room {room}: told {heavy} and {light} times");
        // A turn in which each light one is told once takes less than 20,000 bits; whose packet is lost waits for another turn.
        let bound = u32::try_from(2 * 20_000 / (8 * room) + 20).unwrap();
        assert!(longest <= bound, "room {room}: one waited {longest} ticks, not {bound}");
    }
}
