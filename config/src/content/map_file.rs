//! One map file: its drawing and what its marks are for, checked as far as one map can be.
//!
//! Where portals lead is only written down here; `cross` follows them.

use std::collections::BTreeMap;

use super::drawing::{self, Drawing, MarkKind};
use super::tables::{NAME_MAX, Once};
use super::{Grid, PlayerSpawn, Rect};
use crate::diagnostics::{Diagnostics, Source};
use crate::document::{At, Table};

/// A map before its references are followed.
pub(crate) struct DraftMap {
    pub(crate) source: Source,
    pub(crate) key: String,
    pub(crate) id: At<u16>,
    pub(crate) name: String,
    pub(crate) walk: Grid,
    pub(crate) safe: Grid,
    pub(crate) portals: Vec<DraftPortal>,
    pub(crate) spawns: Vec<(char, PlayerSpawn)>,
    pub(crate) monsters: Vec<DraftMonsters>,
    pub(crate) keepers: Vec<DraftKeeper>,
    pub(crate) arrivals: BTreeMap<char, Rect>,
}

/// A portal before its destination is followed.
pub(crate) struct DraftPortal {
    pub(crate) id: u16,
    pub(crate) area: Rect,
    pub(crate) to: At<String>,
    pub(crate) heading: u8,
}

/// Monsters before their template is found.
pub(crate) struct DraftMonsters {
    pub(crate) template: At<String>,
    pub(crate) area: Rect,
    pub(crate) count: u16,
}

/// Somebody who keeps a warehouse or a shop, before the shop is found.
pub(crate) struct DraftKeeper {
    pub(crate) name: String,
    pub(crate) at: (u16, u16),
    pub(crate) heading: u8,
    pub(crate) reach: u8,
    /// `warehouse` or the key of a shop.
    pub(crate) keeps: At<String>,
}

/// Longest name of a keeper in bytes: it is shown like a player's.
const KEEPER_NAME_MAX: usize = 10;

/// The eight headings, in 256 parts of a turn from north, clockwise.
const HEADINGS: &[(&str, u8)] = &[
    ("north", 0),
    ("north-east", 32),
    ("east", 64),
    ("south-east", 96),
    ("south", 128),
    ("south-west", 160),
    ("west", 192),
    ("north-west", 224),
];

/// Reads a map file.
pub(crate) fn read(key: &str, mut file: Table<'_>, source: &Source, found: &mut Diagnostics) -> Option<DraftMap> {
    let id = file.integer("id", 1..=65_535, found);
    let name = file.text("name", NAME_MAX, found);
    let drawing = drawing::read(&mut file, source, found);
    let mut marks = Marks { source, drawing: drawing.as_ref(), used: Vec::new() };
    let portals = portals(&mut file, &mut marks, found);
    let spawns = spawns(&mut file, &mut marks, found);
    let monsters = monsters(&mut file, &mut marks, found);
    let keepers = keepers(&mut file, &mut marks, found);
    file.finish(found);
    marks.report_unused(found);
    let drawing = drawing?;
    reachable(&drawing, source, found);
    let marked = drawing.marks.iter().filter(|(_, mark)| mark.kind == MarkKind::Arrival);
    let arrivals = marked.map(|(letter, mark)| (*letter, mark.area)).collect();
    let Drawing { walk, safe, .. } = drawing;
    Some(DraftMap {
        source: source.clone(),
        key: key.to_owned(),
        id: id?,
        name: name?.value,
        walk,
        safe,
        portals,
        spawns,
        monsters,
        keepers,
        arrivals,
    })
}

/// The marks of a drawing while the tables that use them are read.
struct Marks<'a> {
    source: &'a Source,
    drawing: Option<&'a Drawing>,
    used: Vec<char>,
}

impl Marks<'_> {
    /// The area of the letter a table names, if it is drawn and meant for this.
    fn area(
        &mut self,
        table: &mut Table<'_>,
        kind: MarkKind,
        filled: bool,
        found: &mut Diagnostics,
    ) -> Option<(char, Rect)> {
        let letter = table.letter("mark", found)?;
        self.used.push(letter.value);
        let drawing = self.drawing?;
        let fine: Vec<String> = drawing
            .marks
            .iter()
            .filter(|(_, mark)| mark.kind == kind)
            .map(|(letter, _)| format!("\"{letter}\""))
            .collect();
        let help = if fine.is_empty() {
            format!("the legend has no letter for `{}`", kind.word())
        } else {
            format!("drawn for this: {}", fine.join(", "))
        };
        match drawing.marks.get(&letter.value) {
            Some(mark) if mark.kind == kind => {
                if filled && !mark.filled {
                    let message = format!("the {} '{}' is not a full rectangle", kind.word(), letter.value);
                    found.error(
                        self.source,
                        &mark.span,
                        message,
                        "its letters have to fill a rectangle without gaps".to_owned(),
                    );
                }
                return Some((letter.value, mark.area));
            }
            Some(mark) => found.error(
                self.source,
                &letter.span,
                format!("'{}' is drawn for `{}`", letter.value, mark.kind.word()),
                help,
            ),
            None => {
                found.error(self.source, &letter.span, format!("'{}' marks nothing in the drawing", letter.value), help)
            }
        }
        None
    }

    fn report_unused(&self, found: &mut Diagnostics) {
        for (letter, mark) in self.drawing.iter().flat_map(|drawing| &drawing.marks) {
            let table = match mark.kind {
                MarkKind::Portal => "portal",
                MarkKind::Spawn => "spawn",
                MarkKind::Monsters => "monsters",
                MarkKind::Keeper => "keeper",
                MarkKind::Arrival => continue,
            };
            if !self.used.contains(letter) {
                let help = format!("add [[{table}]] with mark = \"{letter}\"");
                found.error(
                    self.source,
                    &mark.span,
                    format!("the {} '{letter}' is drawn and not described", mark.kind.word()),
                    help,
                );
            }
        }
    }
}

fn portals(file: &mut Table<'_>, marks: &mut Marks<'_>, found: &mut Diagnostics) -> Vec<DraftPortal> {
    let (mut ids, mut portals) = (Once::default(), Vec::new());
    for mut table in file.tables("portal", found) {
        let source = marks.source;
        let id = super::tables::id(&mut table, "portal", &mut ids, source, found);
        let area = marks.area(&mut table, MarkKind::Portal, true, found);
        let to = table.text("to", NAME_MAX, found);
        let heading = table.word("heading", HEADINGS, found);
        table.finish(found);
        if let (Some(id), Some((_, area)), Some(to), Some(heading)) = (id, area, to, heading) {
            portals.push(DraftPortal { id, area, to, heading });
        }
    }
    portals
}

fn spawns(file: &mut Table<'_>, marks: &mut Marks<'_>, found: &mut Diagnostics) -> Vec<(char, PlayerSpawn)> {
    let mut spawns = Vec::new();
    for mut table in file.tables("spawn", found) {
        let area = marks.area(&mut table, MarkKind::Spawn, true, found);
        table.finish(found);
        spawns.extend(area.map(|(letter, area)| (letter, PlayerSpawn { area })));
    }
    if spawns.is_empty() && !found.has_errors() {
        let message = "this map has no spawn".to_owned();
        found.error(
            marks.source,
            &file.span(),
            message,
            "draw `spawn on safe` and add [[spawn]]: a player has to stand somewhere".to_owned(),
        );
    }
    spawns
}

fn monsters(file: &mut Table<'_>, marks: &mut Marks<'_>, found: &mut Diagnostics) -> Vec<DraftMonsters> {
    let mut monsters = Vec::new();
    for mut table in file.tables("monsters", found) {
        let area = marks.area(&mut table, MarkKind::Monsters, false, found);
        let template = table.text("template", NAME_MAX, found);
        let count = table.integer("count", 1..=1000, found);
        table.finish(found);
        if let (Some((_, area)), Some(template), Some(count)) = (area, template, count) {
            monsters.push(DraftMonsters { template, area, count: count.value });
        }
    }
    monsters
}

fn keepers(file: &mut Table<'_>, marks: &mut Marks<'_>, found: &mut Diagnostics) -> Vec<DraftKeeper> {
    let mut keepers = Vec::new();
    for mut table in file.tables("keeper", found) {
        let area = marks.area(&mut table, MarkKind::Keeper, true, found);
        let name = table.text("name", KEEPER_NAME_MAX, found);
        let keeps = table.text("keeps", NAME_MAX, found);
        let reach = table.integer("reach", 1..=16, found);
        let heading = table.word("heading", HEADINGS, found);
        let span = table.span();
        table.finish(found);
        if let (Some((letter, area)), Some(name), Some(keeps), Some(reach), Some(heading)) =
            (area, name, keeps, reach, heading)
        {
            if (area.width, area.height) != (1, 1) {
                let message = format!("the keeper '{letter}' stands on more than one tile");
                found.error(marks.source, &span, message, "draw each keeper once, with a letter of its own".to_owned());
            }
            let (name, reach, at) = (name.value, reach.value, (area.x, area.y));
            keepers.push(DraftKeeper { name, at, heading, reach, keeps });
        }
    }
    keepers
}

/// Every tile that can be walked has to be reachable from the first spawn, going north, east, south and west only: whatever
/// rule a map has for diagonal steps, nobody is then locked in.
fn reachable(drawing: &Drawing, source: &Source, found: &mut Diagnostics) {
    let walk = &drawing.walk;
    let spawn = drawing.marks.values().find(|mark| mark.kind == MarkKind::Spawn).map(|mark| (mark.area.x, mark.area.y));
    let Some(start) = spawn else { return };
    let mut seen = Grid::new(walk.width(), walk.height());
    flood(walk, start, &mut seen);
    for (x, y) in walk.tiles() {
        if seen.get(x, y) {
            continue;
        }
        let before = seen.clone();
        flood(walk, (x, y), &mut seen);
        let region: Vec<_> = seen.tiles().filter(|(x, y)| !before.get(*x, *y)).collect();
        let inside = drawing.marks.iter().find(|(_, mark)| region.contains(&(mark.area.x, mark.area.y)));
        let what = inside.map_or_else(
            || format!("{} tiles", region.len()),
            |(letter, mark)| format!("the {} '{letter}'", mark.kind.word()),
        );
        let message = format!("{what} here cannot be reached from the spawn");
        found.error(
            source,
            &drawing.span(x, y),
            message,
            "open a way north, east, south or west, or draw wall".to_owned(),
        );
    }
}

fn flood(walk: &Grid, start: (u16, u16), seen: &mut Grid) {
    let mut open = vec![start];
    seen.set(start.0, start.1);
    while let Some((x, y)) = open.pop() {
        let around = [(x.wrapping_add(1), y), (x.wrapping_sub(1), y), (x, y.wrapping_add(1)), (x, y.wrapping_sub(1))];
        for (x, y) in around {
            if walk.get(x, y) && !seen.get(x, y) {
                seen.set(x, y);
                open.push((x, y));
            }
        }
    }
}
