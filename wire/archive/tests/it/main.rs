//! Archives from outside: their bytes, read by the documented offsets alone, and what happens to bytes that are none.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test that called it")]

use mu_archive::{
    Area, BadArchive, Carried, CharacterSheet, Checked, Inventory, MAX_ITEMS, MapData, Payload, Portal, encode, kind_of,
};
use proptest::prelude::*;

fn sheet() -> CharacterSheet {
    let mut sheet = CharacterSheet::named("Hild", "Fairy Elf");
    sheet.character = 0x0102_0304_0506_0708;
    sheet.entity = 0x0003_0009;
    sheet.tick = 77;
    (sheet.class, sheet.level, sheet.speed) = (2, 31, 42);
    (sheet.hp, sheet.hp_max, sheet.mp, sheet.mp_max) = (90, 110, 15, 60);
    sheet
}

fn inventory() -> Inventory {
    Inventory { zen: 1_000_000, items: vec![Carried::new(0x1122_3344_5566, 7, 0, 3), Carried::new(9, 512, 63, 0)] }
}

fn map() -> MapData {
    let mut map = MapData::new(4, (10, 3), "noria", "Noria");
    for x in 1..9 {
        map.open(x, 1);
    }
    map.protect(2, 1);
    map.protect(9, 2);
    let area = Area { x: 8, y: 1, width: 1, height: 2 };
    map.portals.push(Portal { id: 6, area, to_map: 0, to_x: 140, to_y: 125, heading: 64 });
    map.spawns.push(Area { x: 1, y: 1, width: 4, height: 1 });
    map
}

fn hex(bytes: &[u8]) -> String {
    bytes.chunks(16).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n").collect()
}

#[test]
fn the_bytes_are_golden() {
    assert_eq!(hex(&encode(&sheet()).unwrap()), include_str!("../golden/character.hex"));
    assert_eq!(hex(&encode(&inventory()).unwrap()), include_str!("../golden/inventory.hex"));
    assert_eq!(hex(&encode(&map()).unwrap()), include_str!("../golden/map.hex"));
}

#[test]
fn what_was_written_is_read() {
    let read = Checked::<CharacterSheet>::new(&encode(&sheet()).unwrap()).unwrap();
    assert_eq!((read.name(), read.class_name()), ("Hild", "Fairy Elf"));
    assert_eq!((read.character, read.entity, read.tick), (0x0102_0304_0506_0708.into(), 0x0003_0009.into(), 77.into()));
    assert_eq!((read.class, read.level, read.hp, read.speed), (2.into(), 31.into(), 90.into(), 42.into()));

    let read = Checked::<Inventory>::new(&encode(&inventory()).unwrap()).unwrap();
    assert_eq!((read.zen, read.items.len()), (1_000_000.into(), 2));
    assert_eq!((read.items[1].uid, read.items[1].template, read.items[1].slot), (9.into(), 512.into(), 63));

    let payload = encode(&map()).unwrap();
    let read = Checked::<MapData>::new(&payload).unwrap().clone();
    assert_eq!((read.key(), read.name()), ("noria", "Noria"));
    for (x, y) in (0..12).flat_map(|x| (0..5).map(move |y| (x, y))) {
        assert_eq!(read.is_open(x, y), y == 1 && (1..9).contains(&x), "{x} {y}");
        assert_eq!(read.is_safe(x, y), [(2, 1), (9, 2)].contains(&(x, y)), "{x} {y}");
    }
    assert_eq!(read.portals[0].to_x, 140);
    assert_eq!(read.payload(), &*payload);
    assert_eq!(kind_of(&payload), Some(3));
}

/// A reader that knows nothing but what the protocol's document says.
struct Plain<'a>(&'a [u8]);

impl Plain<'_> {
    fn number(&self, at: usize, bytes: usize) -> u64 {
        self.0[at..at + bytes].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Where the root is: the last `size` bytes.
    fn root(&self, size: usize) -> usize {
        self.0.len() - size
    }

    /// A list: an offset from its own place, and a count.
    fn list(&self, at: usize) -> (usize, usize) {
        let offset = i32::from_le_bytes(self.0[at..at + 4].try_into().unwrap());
        let start = i64::try_from(at).unwrap() + i64::from(offset);
        (usize::try_from(start).unwrap(), usize::try_from(self.number(at + 4, 4)).unwrap())
    }

    fn text(&self, at: usize) -> &str {
        let (start, len) = self.list(at);
        std::str::from_utf8(&self.0[start..start + len]).unwrap()
    }
}

#[test]
fn a_sheet_is_read_by_the_documented_offsets() {
    let payload = encode(&sheet()).unwrap();
    let plain = Plain(&payload);
    let root = plain.root(64);
    let numbers = [(0, 8), (8, 4), (12, 4), (16, 2), (18, 2), (20, 2), (22, 2), (24, 2), (26, 2), (28, 2)];
    let read = numbers.map(|(at, bytes)| plain.number(root + at, bytes));
    assert_eq!(read, [0x0102_0304_0506_0708, 0x0003_0009, 77, 2, 31, 90, 110, 15, 60, 42]);
    assert_eq!(&payload[root + 32..root + 32 + usize::from(payload[root + 30])], b"Hild");
    assert_eq!(&payload[root + 44..root + 44 + usize::from(payload[root + 31])], b"Fairy Elf");
}

#[test]
fn an_inventory_is_read_by_the_documented_offsets() {
    let payload = encode(&inventory()).unwrap();
    let plain = Plain(&payload);
    let root = plain.root(16);
    assert_eq!(plain.number(root, 8), 1_000_000);
    let (start, count) = plain.list(root + 8);
    let read: Vec<_> = (0..count)
        .map(|item| [(0, 8), (8, 2), (10, 1), (11, 1)].map(|(at, bytes)| plain.number(start + 16 * item + at, bytes)))
        .collect();
    assert_eq!(read, [[0x1122_3344_5566, 7, 0, 3], [9, 512, 63, 0]]);
}

#[test]
fn a_map_is_read_by_the_documented_offsets() {
    let payload = encode(&map()).unwrap();
    let plain = Plain(&payload);
    let root = plain.root(56);
    assert_eq!([0, 2, 4].map(|at| plain.number(root + at, 2)), [4, 10, 3]);
    assert_eq!((plain.text(root + 8), plain.text(root + 16)), ("noria", "Noria"));
    let ((walk, len), (safe, _)) = (plain.list(root + 24), plain.list(root + 32));
    assert_eq!(len, 4, "30 tiles");
    let bit = |grid: usize, x: usize, y: usize| payload[grid + (y * 10 + x) / 8] >> ((y * 10 + x) % 8) & 1;
    assert_eq!((bit(walk, 1, 1), bit(walk, 9, 1), bit(safe, 9, 2), bit(safe, 8, 2)), (1, 0, 1, 0));
    let (portal, count) = plain.list(root + 40);
    let read: Vec<_> = (0..9).map(|field| plain.number(portal + 2 * field, 2)).collect();
    assert_eq!((count, read), (1, vec![6, 8, 1, 1, 2, 0, 140, 125, 64]));
    let (spawn, count) = plain.list(root + 48);
    assert_eq!((count, [0, 2, 4, 6].map(|at| plain.number(spawn + at, 2))), (1, [1, 1, 4, 1]));
}

#[test]
fn the_document_names_each_layout() {
    let document = include_str!("../../../../docs/protocol.md");
    assert!(document.contains(include_str!("../golden/map.hex")), "the example of chapter 14");
    for (kind, layout) in [(1, CharacterSheet::layout()), (2, Inventory::layout()), (3, MapData::layout())] {
        assert!(document.contains(&format!("`{layout:#010x}`")), "kind {kind} has the layout {layout:#010x}");
    }
}

#[test]
fn a_value_that_breaks_a_rule_is_not_written() {
    let mut double = inventory();
    double.items.push(Carried::new(1, 1, 63, 0));
    assert!(matches!(encode(&double), Err(BadArchive::Rule(_))), "two items in a slot");
    let mut outside = map();
    outside.spawns.push(Area { x: 9, y: 0, width: 2, height: 1 });
    assert!(matches!(encode(&outside), Err(BadArchive::Rule(_))), "an area beyond the edge");
    assert!(matches!(encode(&MapData::new(1, (0, 3), "", "")), Err(BadArchive::Rule(_))), "no tiles");
    assert!(matches!(encode(&MapData::new(1, (257, 3), "", "")), Err(BadArchive::Rule(_))), "too many tiles");
    let mut short = map();
    short.walk.pop();
    assert!(matches!(encode(&short), Err(BadArchive::Rule(_))), "a grid of another size");
    let mut spare = map();
    *spare.safe.last_mut().unwrap() |= 0x80;
    assert!(matches!(encode(&spare), Err(BadArchive::Rule(_))), "a bit behind the last tile");
}

#[test]
fn the_longest_of_each_are_valid() {
    let items = (0..MAX_ITEMS).map(|slot| Carried::new(u64::MAX, u16::MAX, u8::try_from(slot).unwrap(), 255)).collect();
    let payload = encode(&Inventory { zen: u64::MAX, items }).unwrap();
    assert_eq!(payload.len(), Inventory::MAX_LEN);
    let mut largest = MapData::new(u16::MAX, (256, 256), &"k".repeat(64), &"n".repeat(64));
    let area = Area { x: 0, y: 0, width: 256, height: 256 };
    largest.portals = vec![Portal { id: 1, area, to_map: 1, to_x: 1, to_y: 1, heading: 255 }; 256];
    largest.spawns = vec![area; 256];
    assert!(encode(&largest).unwrap().len() <= MapData::MAX_LEN);
    assert_eq!(encode(&sheet()).unwrap().len(), CharacterSheet::MAX_LEN);
}

#[test]
fn each_wrong_head_is_named() {
    let good = encode(&inventory()).unwrap().to_vec();
    let changed = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        Checked::<Inventory>::new(&bytes).err()
    };
    assert_eq!(changed(0), Some(BadArchive::Kind(3)));
    assert!(matches!(changed(2), Some(BadArchive::Layout { version: 0, .. })));
    assert!(matches!(changed(5), Some(BadArchive::Layout { version: 1, .. })));
    assert_eq!(changed(15), Some(BadArchive::Broken));
    assert_eq!(Checked::<Inventory>::new(&good[..15]).err(), Some(BadArchive::Length(15)));
    let long = vec![0; Inventory::MAX_LEN + 1];
    assert_eq!(Checked::<Inventory>::new(&long).err(), Some(BadArchive::Length(long.len())));
    assert_eq!(Checked::<MapData>::new(&good).err(), Some(BadArchive::Kind(2)));
}

/// Reads everything that can be read of a payload that was found valid.
fn walk_over(payload: &[u8]) -> usize {
    let sheet = Checked::<CharacterSheet>::new(payload).map_or(0, |read| read.name().len() + read.class_name().len());
    let items = Checked::<Inventory>::new(payload).map_or(0, |read| read.items.iter().filter(|i| i.slot > 0).count());
    let map = Checked::<MapData>::new(payload).map_or(0, |read| {
        let open = (0..300).filter(|at| read.is_open(*at, at / 2) || read.is_safe(*at, at / 2)).count();
        open + read.name().len() + read.key().len() + read.portals.len() + read.spawns.len()
    });
    sheet + items + map
}

/// Every truncation of each, and each at every distance from an aligned address.
#[test]
fn truncated_and_misaligned_payloads_never_panic() {
    for good in [encode(&sheet()).unwrap(), encode(&inventory()).unwrap(), encode(&map()).unwrap()] {
        for len in 0..good.len() {
            walk_over(&good[..len]);
        }
        let mut space = vec![0; good.len() + 16];
        for shift in 0..16 {
            space[shift..shift + good.len()].copy_from_slice(&good);
            assert!(walk_over(&space[shift..shift + good.len()]) > 0, "the memory it comes from means nothing");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn changed_payloads_never_panic(
        which in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        from in prop_oneof![Just(0_usize), Just(16)],
    ) {
        let good = [encode(&sheet()).unwrap(), encode(&inventory()).unwrap(), encode(&map()).unwrap()];
        let mut bytes = good[which].to_vec();
        for (index, value) in changes {
            let at = from + index.index(bytes.len() - from);
            bytes[at] = value;
        }
        walk_over(&bytes);
    }
}
