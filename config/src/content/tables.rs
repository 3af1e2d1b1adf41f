//! The content files that are lists: worlds, items, monsters, classes.
//!
//! Each reader keeps the place of what other files refer to, so that `cross` can point at a reference that leads nowhere.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

use super::{ItemTemplate, MonsterTemplate, SlotKind};
use crate::diagnostics::{Diagnostics, Source};
use crate::document::{At, Table};

/// Longest name of anything, in bytes.
pub(crate) const NAME_MAX: usize = 40;
/// Largest id of anything.
const ID_MAX: i64 = 65_535;
/// Fastest walk: half a tile each tick is ten tiles a second.
const SPEED_MAX: i64 = 128;

/// `world.toml`.
pub(crate) struct Worlds {
    pub(crate) source: Source,
    pub(crate) start: Option<(At<String>, At<char>)>,
    pub(crate) worlds: Vec<DraftWorld>,
}

/// One `[[world]]`.
pub(crate) struct DraftWorld {
    pub(crate) id: u16,
    pub(crate) name: String,
    pub(crate) maps: Vec<At<String>>,
    pub(crate) entries: Vec<(u16, String)>,
}

/// `items.toml`.
pub(crate) struct Items {
    pub(crate) items: Vec<ItemTemplate>,
}

/// `monsters.toml`.
pub(crate) struct Monsters {
    pub(crate) monsters: Vec<MonsterTemplate>,
}

/// `classes.toml`.
pub(crate) struct Classes {
    pub(crate) source: Source,
    pub(crate) classes: Vec<DraftClass>,
}

/// One `[[class]]`.
pub(crate) struct DraftClass {
    pub(crate) id: u16,
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) hp: u16,
    pub(crate) mp: u16,
    pub(crate) speed: u16,
    pub(crate) zen: u64,
    pub(crate) items: Vec<(At<String>, At<u8>)>,
    pub(crate) items_span: Range<usize>,
}

/// Remembers what was already used, to report the second use.
#[derive(Default)]
pub(crate) struct Once<T>(HashMap<T, usize>);

impl<T: Hash + Eq + Clone> Once<T> {
    /// Reports `at` if its value was there before.
    pub(crate) fn check(&mut self, what: &str, at: &At<T>, shown: &str, source: &Source, found: &mut Diagnostics) {
        let line = source.text.as_ref().map_or(0, |text| text[..at.span.start].matches('\n').count() + 1);
        if let Some(first) = self.0.get(&at.value) {
            found.error(
                source,
                &at.span,
                format!("{what} {shown} is used twice"),
                format!("it is first used in line {first}"),
            );
        } else {
            self.0.insert(at.value.clone(), line);
        }
    }
}

impl Worlds {
    /// The map files that some world names, each once.
    pub(crate) fn map_keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for key in self.worlds.iter().flat_map(|world| &world.maps) {
            if !keys.contains(&&*key.value) && is_key(&key.value) {
                keys.push(&key.value);
            }
        }
        keys
    }
}

/// Whether a text can be the name of a map file, a class or a monster: small letters, digits, `-` and `_`.
pub(crate) fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
}

/// Reads `world.toml`.
pub(crate) fn worlds(mut file: Table<'_>, source: &Source, found: &mut Diagnostics) -> Worlds {
    let start = file.table("start", found).and_then(|mut start| {
        let map = start.text("map", NAME_MAX, found);
        let mark = start.letter("mark", found);
        start.finish(found);
        map.zip(mark)
    });
    let (mut world_ids, mut entry_ids, mut worlds) = (Once::default(), Once::default(), Vec::new());
    for mut table in file.tables("world", found) {
        let id = id(&mut table, "world", &mut world_ids, source, found);
        let name = table.text("name", NAME_MAX, found);
        let maps = table.texts("maps", found);
        for map in maps.iter().filter(|map| !is_key(&map.value)) {
            let help = "allowed: small letters, digits, - and _; the file is maps/NAME.toml".to_owned();
            found.error(source, &map.span, format!("{:?} cannot be the name of a map", map.value), help);
        }
        let mut entries = Vec::new();
        for mut entry in table.tables("entry", found) {
            let entry_id = self::id(&mut entry, "entry point", &mut entry_ids, source, found);
            let entry_name = entry.text("name", NAME_MAX, found);
            entry.finish(found);
            entries.extend(entry_id.zip(entry_name).map(|(id, name)| (id, name.value)));
        }
        if entries.is_empty() {
            found.error(
                source,
                &table.span(),
                "this world has no entry point".to_owned(),
                "add [[world.entry]] with id and name".to_owned(),
            );
        }
        table.finish(found);
        worlds.extend(id.zip(name).map(|(id, name)| DraftWorld { id, name: name.value, maps, entries }));
    }
    if worlds.is_empty() && !found.has_errors() {
        found.error(
            source,
            &file.span(),
            "there is no world".to_owned(),
            "add [[world]] with id, name and maps".to_owned(),
        );
    }
    file.finish(found);
    Worlds { source: source.clone(), start, worlds }
}

/// Reads `items.toml`.
pub(crate) fn items(mut file: Table<'_>, source: &Source, found: &mut Diagnostics) -> Items {
    const SLOTS: &[(&str, SlotKind)] = &[
        ("weapon", SlotKind::Weapon),
        ("shield", SlotKind::Shield),
        ("helm", SlotKind::Helm),
        ("armor", SlotKind::Armor),
        ("gloves", SlotKind::Gloves),
        ("boots", SlotKind::Boots),
        ("jewel", SlotKind::Jewel),
        ("none", SlotKind::None),
    ];
    let (mut ids, mut names, mut items) = (Once::default(), Once::default(), Vec::new());
    for mut table in file.tables("item", found) {
        let id = id(&mut table, "item", &mut ids, source, found);
        let name = unique_text(&mut table, "name", "item name", &mut names, source, found);
        let slot = table.word("slot", SLOTS, found);
        let max_level = table.integer("max_level", 0..=255, found);
        let value = table.integer("value", 0..=0xffff_ffff, found);
        table.finish(found);
        if let (Some(id), Some(name), Some(slot), Some(max_level), Some(value)) = (id, name, slot, max_level, value) {
            items.push(ItemTemplate { id, name, slot, max_level: max_level.value, value: value.value });
        }
    }
    file.finish(found);
    items.sort_by_key(|item| item.id);
    Items { items }
}

/// Reads `monsters.toml`.
pub(crate) fn monsters(mut file: Table<'_>, source: &Source, found: &mut Diagnostics) -> Monsters {
    let (mut ids, mut keys, mut monsters) = (Once::default(), Once::default(), Vec::new());
    for mut table in file.tables("monster", found) {
        let id = id(&mut table, "monster", &mut ids, source, found);
        let key = unique_text(&mut table, "key", "monster key", &mut keys, source, found);
        let name = table.text("name", NAME_MAX, found);
        let level = table.integer("level", 1..=1000, found);
        let hp = table.integer("hp", 1..=0x7fff_ffff, found);
        let speed = table.integer("speed", 1..=SPEED_MAX, found);
        let sight = table.integer("sight_tiles", 0..=32, found);
        table.finish(found);
        if let (Some(id), Some(key), Some(name), Some(level), Some(hp), Some(speed), Some(sight)) =
            (id, key, name, level, hp, speed, sight)
        {
            let (name, level, hp, speed) = (name.value, level.value, hp.value, speed.value);
            monsters.push(MonsterTemplate { id, key, name, level, hp, speed, sight_tiles: sight.value });
        }
    }
    file.finish(found);
    monsters.sort_by_key(|monster| monster.id);
    Monsters { monsters }
}

/// Reads `classes.toml`.
pub(crate) fn classes(mut file: Table<'_>, source: &Source, found: &mut Diagnostics) -> Classes {
    let (mut ids, mut keys, mut classes) = (Once::default(), Once::default(), Vec::new());
    for mut table in file.tables("class", found) {
        let id = id(&mut table, "class", &mut ids, source, found);
        let key = unique_text(&mut table, "key", "class key", &mut keys, source, found);
        let name = table.text("name", NAME_MAX, found);
        let hp = table.integer("hp", 1..=65_535, found);
        let mp = table.integer("mp", 0..=65_535, found);
        let speed = table.integer("speed", 1..=SPEED_MAX, found);
        let zen = table.integer("zen", 0..=1_000_000_000_000, found);
        let mut items = Vec::new();
        for mut item in table.tables("items", found) {
            let name = item.text("item", NAME_MAX, found);
            let level = item.integer("level", 0..=255, found);
            item.finish(found);
            items.extend(name.zip(level));
        }
        let items_span = table.value_span("items").unwrap_or_else(|| table.span());
        table.finish(found);
        if let (Some(id), Some(key), Some(name), Some(hp), Some(mp), Some(speed), Some(zen)) =
            (id, key, name, hp, mp, speed, zen)
        {
            let (hp, mp, speed, zen) = (hp.value, mp.value, speed.value, zen.value);
            classes.push(DraftClass { id, key, name: name.value, hp, mp, speed, zen, items, items_span });
        }
    }
    if classes.is_empty() && !found.has_errors() {
        found.error(
            source,
            &file.span(),
            "there is no class".to_owned(),
            "add [[class]]; a character needs one".to_owned(),
        );
    }
    file.finish(found);
    classes.sort_by_key(|class| class.id);
    Classes { source: source.clone(), classes }
}

/// An id that nothing of its kind had before.
pub(crate) fn id(
    table: &mut Table<'_>,
    what: &str,
    ids: &mut Once<u16>,
    source: &Source,
    found: &mut Diagnostics,
) -> Option<u16> {
    let id = table.integer::<u16>("id", 1..=ID_MAX, found)?;
    ids.check(&format!("{what} id"), &id, &id.value.to_string(), source, found);
    Some(id.value)
}

/// A text that nothing of its kind had before.
pub(crate) fn unique_text(
    table: &mut Table<'_>,
    key: &'static str,
    what: &str,
    seen: &mut Once<String>,
    source: &Source,
    found: &mut Diagnostics,
) -> Option<String> {
    let text = table.text(key, NAME_MAX, found)?;
    if key == "key" && !is_key(&text.value) {
        found.error(
            source,
            &text.span,
            format!("{:?} cannot be a {what}", text.value),
            "allowed: small letters, digits, - and _".to_owned(),
        );
    }
    seen.check(what, &text, &format!("{:?}", text.value), source, found);
    Some(text.value)
}
