//! What one client sees of a map instance, what it is known to hold, and what it has to be told next.
//!
//! The caller says who is seen and what became of each packet; this decides what the next packet says. A record goes out
//! once and again only when its packet is lost. An alias is given to another entity only after the client has
//! acknowledged that the former one is gone, so that a record can never be taken for another entity's.
//!
//! All memory is taken at the start: for 128 visible entities 5.8 KiB.

use super::{
    MAX_LATE_TICKS, MAX_STEP,
    aliases::{Alias, AliasSet, Use},
    packets::{Life, Packets, Sent},
    record::{HEAD_BITS, LEAVE_BITS, MAX_STEP_BITS, MAX_WHOLE_BITS, MIN_RECORD_BITS},
    replicator::Replicator,
};
use crate::{bits::BitWriter, time::Tick};

/// Entities a client can see at most: aliases have one byte.
const MAX_VISIBLE: usize = 256;

/// An entity that is seen.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The version that the client is known to hold, if [`Entry::KNOWN`].
    acked: u16,
    /// The tick of the last record; while it is due, the tick since which it waits. Low bits.
    since: u16,
    /// Who lived in the slot when it was first told.
    generation: u16,
    alias: u8,
    /// The place of the packet with the last record.
    place: u8,
    flags: u8,
}

impl Entry {
    /// Nothing was ever told about it.
    const FRESH: u8 = 1;
    /// The client is known to hold a version.
    const KNOWN: u8 = 2;
    /// Goes before all others.
    const PINNED: u8 = 4;
    /// There is something to say about it.
    const DUE: u8 = 8;

    const fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// What one client sees.
#[derive(Debug)]
pub struct View {
    /// The slots that are seen, dense; the two columns beside it belong to the same entry.
    slots: Vec<u16>,
    /// The version last told. The scan for what is new compares only this column with the map's.
    sent: Vec<u16>,
    entries: Vec<Entry>,
    max_visible: usize,
    aliases: Box<[Alias]>,
    free: AliasSet,
    /// Aliases whose leave has to be told.
    leaves: AliasSet,
    packets: Packets,
    /// How many entries are [`Entry::FRESH`].
    fresh: usize,
    /// The tick of the last packet.
    written: Option<Tick>,
}

impl View {
    /// A view of at most `max_visible` entities (256 at most) that has seen nothing yet.
    #[must_use]
    pub fn new(max_visible: usize) -> Self {
        let max_visible = max_visible.clamp(1, MAX_VISIBLE);
        let aliases = (2 * max_visible).min(MAX_VISIBLE);
        let mut view = Self {
            slots: Vec::with_capacity(max_visible),
            sent: Vec::with_capacity(max_visible),
            entries: Vec::with_capacity(max_visible),
            max_visible,
            aliases: vec![Alias { life: Life::default(), used: Use::Free }; aliases].into(),
            free: AliasSet::default(),
            leaves: AliasSet::default(),
            packets: Packets::new(4 * max_visible.max(64)),
            fresh: 0,
            written: None,
        };
        view.reset();
        view
    }

    /// Forgets everything, for another connection. On the same connection use [`View::leave_all`].
    pub fn reset(&mut self) {
        self.slots.clear();
        self.sent.clear();
        self.entries.clear();
        for alias in &mut self.aliases {
            alias.used = Use::Free;
        }
        self.free = AliasSet::default();
        for alias in 0..self.aliases.len() {
            self.free.insert(u8::try_from(alias).expect("256 aliases"));
        }
        self.leaves = AliasSet::default();
        self.packets.clear();
        self.fresh = 0;
        self.written = None;
    }

    /// How many entities are seen.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing is seen.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The slots that are seen, in no order.
    #[must_use = "iterators do nothing unless consumed"]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u16> {
        self.slots.iter().copied()
    }

    /// Whether this slot's entity is seen.
    #[must_use]
    pub fn contains(&self, slot: u16) -> bool {
        self.slots.contains(&slot)
    }

    /// Packets whose fate is not known yet.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.packets.len()
    }

    /// The slot's entity comes into sight. `false` when there is no room: the view is full, or too many that left are not
    /// acknowledged yet; try again at a later tick.
    pub fn enter(&mut self, slot: u16) -> bool {
        if self.contains(slot) {
            return true;
        }
        let Some(alias) = self.free.first().filter(|_| self.slots.len() < self.max_visible) else {
            return false;
        };
        self.free.remove(alias);
        let index = u8::try_from(self.slots.len()).expect("fewer than 256 entries before this one");
        self.aliases[usize::from(alias)].used = Use::Seen(index);
        self.fresh += 1;
        self.slots.push(slot);
        self.sent.push(0);
        self.entries.push(Entry {
            acked: 0,
            since: self.written.map_or(0, low16),
            generation: 0,
            alias,
            place: 0,
            flags: Entry::FRESH,
        });
        true
    }

    /// The slot's entity goes out of sight. Nothing happens if it was not seen.
    pub fn leave(&mut self, slot: u16) {
        if let Some(index) = self.slots.iter().position(|&seen| seen == slot) {
            self.retire(index);
        }
    }

    /// Everything goes out of sight: the character leaves the map but not the connection.
    pub fn leave_all(&mut self) {
        while !self.slots.is_empty() {
            self.retire(self.slots.len() - 1);
        }
    }

    /// The slot's entity goes before all others from now on: the client's own, its partner in a trade. `false` when it is
    /// not seen. Ends with [`View::unpin`] or when the entity leaves.
    pub fn pin(&mut self, slot: u16) -> bool {
        self.entry(slot).is_some_and(|entry| {
            entry.flags |= Entry::PINNED;
            true
        })
    }

    /// The slot's entity is one among others again.
    pub fn unpin(&mut self, slot: u16) {
        if let Some(entry) = self.entry(slot) {
            entry.flags &= !Entry::PINNED;
        }
    }

    /// [`View::write_weighed`] with the same weight for all.
    pub fn write(&mut self, packet: u64, tick: Tick, world: &mut Replicator, out: &mut [u8]) -> usize {
        self.write_weighed(packet, tick, world, |_| 1, out)
    }

    /// Writes what is to be said at `tick` into `out` and says how many bytes that took; 0 when there is nothing to say,
    /// and then `packet` was not used.
    ///
    /// What does not fit waits. Each entity that waits gains priority in every tick, as much as the `weight` of its slot
    /// says (0 counts as 1), twice that if the client never heard of it; the highest go first, and who was told begins
    /// anew. So a light one waits longer, but never for ever. `weight` is asked only when not all fits.
    ///
    /// Packet numbers grow. One body is written in a tick; a second attempt writes nothing.
    pub fn write_weighed(
        &mut self,
        packet: u64,
        tick: Tick,
        world: &mut Replicator,
        weight: impl Fn(u16) -> u8,
        out: &mut [u8],
    ) -> usize {
        if self.written.is_some_and(|written| tick <= written) {
            return 0;
        }
        while let Some(overdue) = self.packets.overdue(tick) {
            self.lost(overdue);
        }
        let mut due = [0; MAX_VISIBLE];
        let (due, most_bits) = self.find_due(world, tick, &mut due);
        let mut writer = BitWriter::new(out);
        let room = self.packets.room();
        let place = self.packets.next_place();
        self.write_leaves(&mut writer, place);
        if most_bits > writer.remaining() {
            self.sort(due, tick, weight);
        }
        for &mut index in due {
            if self.packets.room() == 0 || writer.remaining() < MIN_RECORD_BITS {
                break;
            }
            self.write_entity(usize::from(index), tick, place, world, &mut writer);
        }
        let records = room - self.packets.room();
        if records == 0 {
            return 0;
        }
        self.packets.close(packet, tick, records);
        self.written = Some(tick);
        writer.finish()
    }

    /// The client has this packet.
    pub fn delivered(&mut self, packet: u64) {
        let Self { packets, entries, aliases, free, leaves, .. } = self;
        packets.settle(packet, |sent| {
            let Some(alias) = aliases.get_mut(usize::from(sent.alias)).filter(|alias| alias.life == sent.life) else {
                return;
            };
            match alias.used {
                Use::Seen(index) => {
                    let entry = &mut entries[usize::from(index)];
                    if !entry.is(Entry::KNOWN) || newer(sent.version, entry.acked) {
                        entry.acked = sent.version;
                        entry.flags |= Entry::KNOWN;
                    }
                }
                Use::Leaving(_) if sent.leave => {
                    *alias = Alias { life: alias.life.next(), used: Use::Free };
                    free.insert(sent.alias);
                    leaves.remove(sent.alias);
                }
                Use::Leaving(_) | Use::Free => {}
            }
        });
    }

    /// The client will never have this packet: what it said and nothing later said again is due once more.
    pub fn lost(&mut self, packet: u64) {
        let Self { packets, entries, aliases, leaves, sent: versions, .. } = self;
        packets.settle(packet, |Sent { version, alias, life, place, leave }| {
            let Some(used) = aliases.get(usize::from(alias)).filter(|alias| alias.life == life).map(|alias| alias.used)
            else {
                return;
            };
            match used {
                Use::Seen(index) => {
                    let entry = &entries[usize::from(index)];
                    if entry.place == place && (!entry.is(Entry::KNOWN) || newer(version, entry.acked)) {
                        versions[usize::from(index)] = version.wrapping_sub(1);
                        // It waits since it was sent.
                        entries[usize::from(index)].flags |= Entry::DUE;
                    }
                }
                Use::Leaving(last) if leave && last == place => leaves.insert(alias),
                Use::Leaving(_) | Use::Free => {}
            }
        });
    }

    fn entry(&mut self, slot: u16) -> Option<&mut Entry> {
        let index = self.slots.iter().position(|&seen| seen == slot)?;
        self.entries.get_mut(index)
    }

    /// The entries about which there is something to say, and how many bits that takes at most. Entities that are gone
    /// are sent away on the way.
    fn find_due<'due>(
        &mut self,
        world: &Replicator,
        tick: Tick,
        due: &'due mut [u8; MAX_VISIBLE],
    ) -> (&'due mut [u8], usize) {
        let mut most_bits = 0;
        let mut count = 0;
        let mut index = 0;
        while index < self.slots.len() {
            // Nearly always equal, and nothing else is looked at then.
            let newest = world.versions().get(usize::from(self.slots[index])).copied();
            if newest == Some(self.sent[index]) && (self.fresh == 0 || !self.entries[index].is(Entry::FRESH)) {
                index += 1;
                continue;
            }
            if !self.is_same(index, world) {
                // Whoever lives in the slot now is another; the last entry moves to this index.
                let slot = self.slots[index];
                self.retire(index);
                if world.identity(slot).is_some() {
                    self.enter(slot);
                }
                continue;
            }
            if world.changed_at(self.slots[index]).is_some_and(|at| at <= tick) {
                let entry = &mut self.entries[index];
                if !entry.is(Entry::DUE) {
                    entry.flags |= Entry::DUE;
                    entry.since = low16(tick);
                }
                due[count] = u8::try_from(index).expect("256 entries");
                most_bits += if self.entries[index].is(Entry::KNOWN) { MAX_STEP_BITS } else { MAX_WHOLE_BITS };
                count += 1;
            }
            index += 1;
        }
        (&mut due[..count], most_bits)
    }

    /// Whether the slot's entity is still the one that came into sight.
    fn is_same(&mut self, index: usize, world: &Replicator) -> bool {
        let entry = &mut self.entries[index];
        let Some(identity) = world.identity(self.slots[index]) else {
            return false;
        };
        if entry.is(Entry::FRESH) {
            entry.generation = identity.entity.generation();
        }
        entry.generation == identity.entity.generation()
    }

    fn write_leaves(&mut self, writer: &mut BitWriter<'_>, place: u8) {
        while let Some(alias) = self.leaves.first() {
            if self.packets.room() == 0 || writer.remaining() < LEAVE_BITS {
                return;
            }
            // Alias, step 0, leave.
            writer.write(u64::from(alias) | 1 << 12, 13).expect("room was checked");
            self.leaves.remove(alias);
            let known = &mut self.aliases[usize::from(alias)];
            known.used = Use::Leaving(place);
            self.packets.push(0, alias, known.life, true);
        }
    }

    /// Pinned entities first, then those with the highest priority.
    fn sort(&self, due: &mut [u8], tick: Tick, weight: impl Fn(u16) -> u8) {
        let mut keys = [0_u64; MAX_VISIBLE];
        let keys = &mut keys[..due.len()];
        for (key, &index) in keys.iter_mut().zip(due.iter()) {
            let entry = &self.entries[usize::from(index)];
            let waited = u32::from(low16(tick).wrapping_sub(entry.since)) + 1;
            let weight = u32::from(weight(self.slots[usize::from(index)]).max(1));
            let priority = waited * weight * if entry.is(Entry::FRESH) { 2 } else { 1 };
            let priority = if entry.is(Entry::PINNED) { u32::MAX } else { priority };
            *key = u64::from(u32::MAX - priority) << 8 | u64::from(index);
        }
        keys.sort_unstable();
        for (index, key) in due.iter_mut().zip(keys) {
            *index = key.to_le_bytes()[0];
        }
    }

    /// Writes the record that brings the client from what it holds to the newest version, if it fits.
    fn write_entity(
        &mut self,
        index: usize,
        tick: Tick,
        place: u8,
        world: &mut Replicator,
        writer: &mut BitWriter<'_>,
    ) {
        let slot = self.slots[index];
        let version = world.versions()[usize::from(slot)];
        let late = world.changed_at(slot).map_or(0, |at| tick.since(at));
        let entry = &mut self.entries[index];
        let behind = version.wrapping_sub(entry.acked);
        let step = if entry.is(Entry::KNOWN) && (1..=MAX_STEP).contains(&behind) && late <= MAX_LATE_TICKS {
            behind
        } else {
            0
        };
        let (words, bits) = world.bits(slot, step);
        let date_bits = match (step, late) {
            (0, _) | (_, 0) => 1,
            _ => 1 + 7,
        };
        if writer.remaining() < HEAD_BITS + date_bits + bits {
            return;
        }
        // A whole state: the flag says "not a leave". A step: the flag says "late", and by how much.
        let date = if date_bits == 1 { 0 } else { 1 | (u64::from(late) - 1) << 1 };
        let head = u64::from(entry.alias) | u64::from(step) << 8 | date << 12;
        let head_bits = u32::try_from(HEAD_BITS + date_bits).expect("20 bits");
        writer.write(head, head_bits).expect("room was checked");
        writer.copy(words, u32::try_from(bits).expect("384 bits")).expect("room was checked");
        self.packets.push(version, entry.alias, self.aliases[usize::from(entry.alias)].life, false);
        if entry.is(Entry::FRESH) {
            entry.flags &= !Entry::FRESH;
            self.fresh -= 1;
        }
        entry.flags &= !Entry::DUE;
        entry.since = low16(tick);
        entry.place = place;
        self.sent[index] = version;
    }

    /// The entry is seen no more; the last entry takes its index.
    fn retire(&mut self, index: usize) {
        let Entry { alias, flags, .. } = self.entries.swap_remove(index);
        self.slots.swap_remove(index);
        self.sent.swap_remove(index);
        if let Some(moved) = self.entries.get(index) {
            self.aliases[usize::from(moved.alias)].used = Use::Seen(u8::try_from(index).expect("256 entries"));
        }
        let known = &mut self.aliases[usize::from(alias)];
        if flags & Entry::FRESH != 0 {
            // The client never heard of it.
            self.fresh -= 1;
            known.used = Use::Free;
            self.free.insert(alias);
        } else {
            known.used = Use::Leaving(0);
            self.leaves.insert(alias);
        }
    }
}

/// Whether version `a` is newer than `b`.
const fn newer(a: u16, b: u16) -> bool {
    let ahead = a.wrapping_sub(b);
    ahead != 0 && ahead < 1 << 15
}

const fn low16(tick: Tick) -> u16 {
    let [a, b, ..] = tick.0.to_le_bytes();
    u16::from_le_bytes([a, b])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::EntityId,
        snapshot::state::{EntityKind, EntityState, Identity, Name},
    };

    fn world(slots: u16) -> Replicator {
        let mut world = Replicator::new(slots.into());
        for slot in 0..slots {
            let entity = EntityId::new(slot, 1);
            let identity = Identity { entity, kind: EntityKind::Npc, template: 0, name: Name::default() };
            world.insert(slot, identity, EntityState::default(), Tick(1));
        }
        world
    }

    #[test]
    fn a_full_view_refuses_until_something_leaves() {
        let mut view = View::new(2);
        assert!(view.enter(4) && view.enter(5) && view.enter(4));
        assert!(!view.enter(6));
        view.leave(5);
        assert!(view.enter(6));
        assert_eq!(view.iter().collect::<Vec<_>>(), [4, 6]);
    }

    /// protocol.md 12.1.2.
    #[test]
    fn an_alias_waits_for_the_acknowledgement_of_its_leave() {
        let mut world = world(3);
        let mut view = View::new(1);
        let mut out = [0; 100];
        // Two aliases for one place: the third entity needs one of them again.
        assert!(view.enter(0));
        assert!(view.write(0, Tick(10), &mut world, &mut out) > 0);
        view.delivered(0);
        view.leave(0);
        assert!(view.enter(1));
        assert!(view.write(1, Tick(11), &mut world, &mut out) > 0);
        view.leave(1);
        assert!(!view.enter(2), "both aliases are the client's still");
        assert!(view.write(2, Tick(12), &mut world, &mut out) > 0);
        assert!(!view.enter(2), "the leaves are on their way");
        view.lost(1);
        view.lost(2);
        assert!(!view.enter(2), "the leaves are lost");
        assert!(view.write(3, Tick(13), &mut world, &mut out) > 0);
        view.delivered(3);
        assert!(view.enter(2));
    }

    /// protocol.md 12.1.5.
    #[test]
    fn a_tick_has_one_body_and_a_packet_one_fate() {
        let mut world = world(1);
        let mut view = View::new(1);
        let mut out = [0; 100];
        assert!(view.enter(0));
        assert!(view.write(7, Tick(5), &mut world, &mut out) > 0);
        view.lost(7);
        view.delivered(7);
        assert_eq!(view.write(8, Tick(5), &mut world, &mut out), 0, "the tick is used");
        assert!(view.write(8, Tick(6), &mut world, &mut out) > 0, "the first fate was the loss");
        view.delivered(8);
        view.lost(8);
        assert_eq!(view.write(9, Tick(7), &mut world, &mut out), 0, "the first fate was the delivery");
        assert_eq!(view.in_flight(), 0);
    }

    #[test]
    fn what_was_never_told_leaves_without_a_word() {
        let mut world = world(2);
        let mut view = View::new(2);
        assert!(view.enter(0) && view.enter(1));
        view.leave_all();
        assert_eq!(view.write(1, Tick(5), &mut world, &mut [0; 100]), 0);
        assert!(view.is_empty() && view.enter(0));
    }
}
