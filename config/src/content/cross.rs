//! References between content files, followed: from drafts to a `Content`.

use super::map_file::{DraftKeeper, DraftMap};
use super::shops::{self, Shops};
use super::tables::{Classes, DraftClass, DraftWorld, Items, Monsters, Once, Worlds};
use super::{
    Class, Content, EntryPoint, INVENTORY_SLOTS, Keeper, MapDef, MonsterSpawn, Portal, Rect, Service, Shop,
    StarterItem, StarterKit, World,
};
use crate::diagnostics::{Diagnostics, Source};
use crate::document::At;
use crate::settings::nearest;

/// Every file, read and not yet compared with the others.
pub(crate) struct Drafts {
    pub(crate) worlds: Worlds,
    pub(crate) items: Items,
    pub(crate) shops: Shops,
    pub(crate) monsters: Monsters,
    pub(crate) classes: Classes,
    pub(crate) maps: Vec<DraftMap>,
}

/// Joins what was read, reports every reference that leads nowhere.
pub(crate) fn join(read: Drafts, found: &mut Diagnostics) -> Option<Content> {
    let Drafts { worlds, items, shops, monsters, classes, maps: drafts } = read;
    // A map that could not be read was reported; what leads there is not a second mistake.
    let read = |key: &str| drafts.iter().any(|draft| draft.key == key);
    let unread: Vec<String> = worlds.map_keys().into_iter().filter(|key| !read(key)).map(str::to_owned).collect();
    let mut ids = Once::default();
    for draft in &drafts {
        ids.check("map id", &draft.id, &draft.id.value.to_string(), &draft.source, found);
    }
    let classes: Vec<Class> =
        classes.classes.iter().map(|class| class_of(class, &classes.source, &items, found)).collect();
    let shops = shops::join(&shops, &items, found);
    let mut maps: Vec<MapDef> = drafts.iter().map(|draft| map_of(draft, &drafts, &unread, &monsters, found)).collect();
    for (map, draft) in maps.iter_mut().zip(&drafts) {
        map.keepers = draft.keepers.iter().filter_map(|keeper| keeper_of(keeper, draft, &shops, found)).collect();
    }
    if !found.has_errors() {
        ways_back(&drafts, &maps, found);
    }
    maps.sort_by_key(|map| map.id);
    let start = start_of(&worlds, &drafts, &unread, found);
    let id_of = |key: &str| drafts.iter().find(|draft| draft.key == key).map(|draft| draft.id.value);
    let mut joined: Vec<World> = worlds.worlds.into_iter().map(|world| world_of(world, id_of)).collect();
    joined.sort_by_key(|world| world.id);
    let (items, monsters) = (items.items, monsters.monsters);
    Some(Content { worlds: joined, maps, items, shops, classes, monsters, start: start? })
}

/// Finds the shop a keeper keeps.
fn keeper_of(keeper: &DraftKeeper, draft: &DraftMap, shops: &[Shop], found: &mut Diagnostics) -> Option<Keeper> {
    let keeps = &keeper.keeps;
    let service = match shops.iter().find(|shop| shop.key == keeps.value) {
        _ if keeps.value == "warehouse" => Service::Warehouse,
        Some(shop) => Service::Shop(shop.id),
        None => {
            let known = shops.iter().map(|shop| shop.key.as_str()).chain(["warehouse"]);
            let help = did_you_mean(&keeps.value, known.collect::<Vec<_>>().into_iter(), "shops.toml");
            found.error(&draft.source, &keeps.span, format!("there is no shop {:?}", keeps.value), help);
            return None;
        }
    };
    Some(Keeper { name: keeper.name.clone(), at: keeper.at, heading: keeper.heading, reach: keeper.reach, service })
}

fn world_of(world: DraftWorld, id_of: impl Fn(&str) -> Option<u16>) -> World {
    let mut maps: Vec<u16> = world.maps.iter().filter_map(|key| id_of(&key.value)).collect();
    maps.sort_unstable();
    maps.dedup();
    let entry = |(id, name)| EntryPoint { id, name, maps: maps.clone() };
    let mut entries: Vec<_> = world.entries.into_iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.id);
    World { id: world.id, name: world.name, entries }
}

fn class_of(class: &DraftClass, source: &Source, items: &Items, found: &mut Diagnostics) -> Class {
    let mut kit = Vec::new();
    for (name, level) in &class.items {
        let Some(item) = items.items.iter().find(|item| item.name == name.value) else {
            let help = did_you_mean(&name.value, items.items.iter().map(|item| item.name.as_str()), "items.toml");
            found.error(source, &name.span, format!("there is no item {:?}", name.value), help);
            continue;
        };
        if level.value > item.max_level {
            let message = format!("{:?} cannot have level {}", item.name, level.value);
            found.error(source, &level.span, message, format!("its max_level is {}", item.max_level));
        }
        kit.push(StarterItem { template: item.id, level: level.value });
    }
    if class.items.len() > INVENTORY_SLOTS {
        let message = format!("{} starter items for {INVENTORY_SLOTS} inventory slots", class.items.len());
        found.error(source, &class.items_span, message, format!("allowed: up to {INVENTORY_SLOTS}"));
    }
    Class {
        id: class.id,
        key: class.key.clone(),
        name: class.name.clone(),
        hp: class.hp,
        mp: class.mp,
        speed: class.speed,
        kit: StarterKit { zen: class.zen, items: kit },
    }
}

fn map_of(
    draft: &DraftMap,
    drafts: &[DraftMap],
    unread: &[String],
    monsters: &Monsters,
    found: &mut Diagnostics,
) -> MapDef {
    let mut portals = Vec::new();
    for portal in &draft.portals {
        if let Some((to_map, to)) = destination(&portal.to, draft, drafts, unread, found) {
            portals.push(Portal { id: portal.id, area: portal.area, to_map, to, heading: portal.heading });
        }
    }
    let mut spawns = Vec::new();
    for group in &draft.monsters {
        match monsters.monsters.iter().find(|monster| monster.key == group.template.value) {
            Some(monster) => spawns.push(MonsterSpawn { template: monster.id, area: group.area, count: group.count }),
            None => {
                let help = did_you_mean(
                    &group.template.value,
                    monsters.monsters.iter().map(|monster| monster.key.as_str()),
                    "monsters.toml",
                );
                found.error(
                    &draft.source,
                    &group.template.span,
                    format!("there is no monster {:?}", group.template.value),
                    help,
                );
            }
        }
    }
    MapDef {
        id: draft.id.value,
        key: draft.key.clone(),
        name: draft.name.clone(),
        width: draft.walk.width(),
        height: draft.walk.height(),
        walk: draft.walk.clone(),
        safe: draft.safe.clone(),
        portals,
        spawns: draft.spawns.iter().map(|(_, spawn)| spawn.clone()).collect(),
        monsters: spawns,
        keepers: Vec::new(),
    }
}

/// Follows `map:letter` to an arrival.
fn destination(
    to: &At<String>,
    draft: &DraftMap,
    drafts: &[DraftMap],
    unread: &[String],
    found: &mut Diagnostics,
) -> Option<(u16, (u16, u16))> {
    let mut error = |message: String, help: String| found.error(&draft.source, &to.span, message, help);
    let Some((key, letter)) = to.value.split_once(':') else {
        error(
            format!("{:?} is not a destination", to.value),
            "write MAP:LETTER, the letter being an arrival drawn on that map".to_owned(),
        );
        return None;
    };
    if unread.iter().any(|unread| unread == key) {
        return None;
    }
    let Some(target) = drafts.iter().find(|draft| draft.key == key) else {
        let help = did_you_mean(key, drafts.iter().map(|draft| draft.key.as_str()), "world.toml");
        error(format!("this portal leads to map {key:?}, which does not exist"), help);
        return None;
    };
    let mut letters = letter.chars();
    let arrival = letters.next().filter(|_| letters.next().is_none()).and_then(|letter| target.arrivals.get(&letter));
    let Some(area) = arrival else {
        let drawn: Vec<String> = target.arrivals.keys().map(|letter| format!("\"{key}:{letter}\"")).collect();
        let help = if drawn.is_empty() {
            format!("draw `arrival on floor` on {key:?}")
        } else {
            format!("arrivals drawn there: {}", drawn.join(", "))
        };
        error(format!("this portal leads to {letter:?} on {key:?}, which is not an arrival"), help);
        return None;
    };
    let (x, y) = area.centre();
    if !target.walk.get(x, y) {
        error(
            format!("this portal leads to a wall: the middle of {letter:?} on {key:?} cannot be walked"),
            "draw the arrival as one tile or a full rectangle".to_owned(),
        );
        return None;
    }
    Some((target.id.value, (x, y)))
}

/// A map one can enter and not leave the same way is most likely a mistake.
fn ways_back(drafts: &[DraftMap], maps: &[MapDef], found: &mut Diagnostics) {
    for (draft, map) in drafts.iter().zip(maps) {
        for portal in &map.portals {
            let back = maps
                .iter()
                .any(|other| other.id == portal.to_map && other.portals.iter().any(|way| way.to_map == map.id));
            if let (false, Some(place)) = (back, draft.portals.iter().find(|place| place.id == portal.id)) {
                let help = "add a portal on that map; a one-way portal is allowed".to_owned();
                found.warning(&draft.source, &place.to.span, format!("portal {} has no way back", portal.id), help);
            }
        }
    }
}

fn start_of(worlds: &Worlds, drafts: &[DraftMap], unread: &[String], found: &mut Diagnostics) -> Option<(u16, Rect)> {
    let (map, mark) = worlds.start.as_ref()?;
    if unread.contains(&map.value) {
        return None;
    }
    let Some(draft) = drafts.iter().find(|draft| draft.key == map.value) else {
        let help = did_you_mean(&map.value, drafts.iter().map(|draft| draft.key.as_str()), "world.toml");
        found.error(
            &worlds.source,
            &map.span,
            format!("the start is on map {:?}, which does not exist", map.value),
            help,
        );
        return None;
    };
    let spawn = draft.spawns.iter().find(|(letter, _)| *letter == mark.value);
    if spawn.is_none() {
        let drawn: Vec<String> = draft.spawns.iter().map(|(letter, _)| format!("\"{letter}\"")).collect();
        let message = format!("'{}' is not a spawn of {:?}", mark.value, map.value);
        found.error(&worlds.source, &mark.span, message, format!("spawns drawn there: {}", drawn.join(", ")));
    }
    spawn.map(|(_, spawn)| (draft.id.value, spawn.area))
}

fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone, file: &str) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("known from {file}: {}", known.collect::<Vec<_>>().join(", ")),
    }
}
