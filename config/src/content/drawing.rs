//! A map's drawing: rows of letters, and the legend that says what each letter is.
//!
//! ```text
//! legend value   = ground | mark " on " ground
//! ground         = wall | water | floor | safe        floor and safe can be walked; nobody is attacked on safe
//! mark           = portal | arrival | spawn | monsters | keeper
//! ```
//! Positions are columns and rows from the north-west corner. Knows nothing of other maps.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Grid, Rect};
use crate::diagnostics::{Diagnostics, Source};
use crate::document::{At, Table};

/// Smallest and largest side of a map; a position is 8 bits of tile and 8 of fraction.
const SIDE: std::ops::RangeInclusive<usize> = 8..=256;

/// What a marked tile is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MarkKind {
    /// A player on it can leave the map.
    Portal,
    /// A portal of another map leads here.
    Arrival,
    /// Players appear here.
    Spawn,
    /// Monsters appear here.
    Monsters,
    /// Somebody who keeps a warehouse or a shop stands here.
    Keeper,
}

impl MarkKind {
    /// The word in the legend.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Arrival => "arrival",
            Self::Spawn => "spawn",
            Self::Monsters => "monsters",
            Self::Keeper => "keeper",
        }
    }
}

/// A letter with a purpose, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// Its purpose.
    pub(crate) kind: MarkKind,
    /// The smallest rectangle around it.
    pub(crate) area: Rect,
    /// Whether the rectangle holds nothing else.
    pub(crate) filled: bool,
    /// Bytes of its first letter in the file.
    pub(crate) span: Range<usize>,
}

/// A drawing that was read.
pub(crate) struct Drawing {
    pub(crate) walk: Grid,
    pub(crate) safe: Grid,
    pub(crate) marks: BTreeMap<char, Mark>,
    rows: Vec<Range<usize>>,
    text: String,
}

#[derive(Clone, Copy)]
struct Tile {
    walk: bool,
    safe: bool,
    mark: Option<MarkKind>,
}

/// Where a letter stands, and the bytes of its first.
struct Letter {
    tiles: Vec<(u16, u16)>,
    span: Range<usize>,
}

impl Drawing {
    /// Bytes of a tile's letter in the file.
    pub(crate) fn span(&self, x: u16, y: u16) -> Range<usize> {
        let row = &self.rows[usize::from(y)];
        let (at, letter) = self.text[row.clone()].char_indices().nth(usize::from(x)).expect("a tile is inside its row");
        row.start + at..row.start + at + letter.len_utf8()
    }
}

/// Reads the keys `drawing` and `legend` of a map file.
pub(crate) fn read(file: &mut Table<'_>, source: &Source, found: &mut Diagnostics) -> Option<Drawing> {
    let drawing = file.text("drawing", 300_000, found);
    let legend = file.table("legend", found).map(|table| legend(table, source, found));
    let text = source.text.as_deref()?;
    let rows = rows(text, &drawing?.span, source, found)?;
    let legend = legend?;
    let (width, height) = size(text, &rows, source, found)?;
    let (mut walk, mut safe) = (Grid::new(width, height), Grid::new(width, height));
    let mut letters: BTreeMap<char, Letter> = BTreeMap::new();
    for (y, row) in (0..height).zip(&rows) {
        for (x, (at, letter)) in (0..width).zip(text[row.clone()].char_indices()) {
            let start = row.start + at;
            letters
                .entry(letter)
                .or_insert_with(|| Letter { tiles: Vec::new(), span: start..start + letter.len_utf8() })
                .tiles
                .push((x, y));
            if let Some(tile) = legend.get(&letter) {
                if tile.value.walk {
                    walk.set(x, y);
                }
                if tile.value.safe {
                    safe.set(x, y);
                }
            }
        }
    }
    let mut marks = BTreeMap::new();
    for (letter, Letter { tiles, span }) in &letters {
        match legend.get(letter) {
            None => {
                let known: String = legend.keys().collect();
                found.error(
                    source,
                    span,
                    format!("the letter '{letter}' is not in the legend"),
                    format!("letters of the legend: {known}"),
                );
            }
            Some(tile) => marks.extend(tile.value.mark.map(|kind| (*letter, mark(kind, tiles, span.clone())))),
        }
    }
    for (letter, tile) in legend.iter().filter(|(letter, _)| !letters.contains_key(letter)) {
        found.warning(source, &tile.span, format!("the letter '{letter}' is not in the drawing"), String::new());
    }
    Some(Drawing { walk, safe, marks, rows, text: text.to_owned() })
}

fn mark(kind: MarkKind, tiles: &[(u16, u16)], span: Range<usize>) -> Mark {
    let least = |axis: fn(&(u16, u16)) -> u16| tiles.iter().map(axis).min().unwrap_or(0);
    let most = |axis: fn(&(u16, u16)) -> u16| tiles.iter().map(axis).max().unwrap_or(0);
    let (x, y) = (least(|tile| tile.0), least(|tile| tile.1));
    let area = Rect { x, y, width: most(|tile| tile.0) - x + 1, height: most(|tile| tile.1) - y + 1 };
    Mark { kind, area, filled: tiles.len() == usize::from(area.width) * usize::from(area.height), span }
}

fn legend(mut table: Table<'_>, source: &Source, found: &mut Diagnostics) -> BTreeMap<char, At<Tile>> {
    let mut legend = BTreeMap::new();
    for (key, value) in table.free_entries() {
        let mut letters = key.value.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else {
            found.error(
                source,
                &key.span,
                format!("{:?} is not one letter", key.value),
                "allowed: one letter for each line of the legend".to_owned(),
            );
            continue;
        };
        match value.get_ref().as_str().and_then(tile) {
            Some(tile) => drop(legend.insert(letter, At { value: tile, span: key.span })),
            None => {
                let help = "allowed: wall, water, floor, safe, or portal, arrival, spawn, monsters, keeper with `on floor` or `on safe`".to_owned();
                found.error(source, &value.span(), format!("the letter '{letter}' means nothing known"), help);
                // Walkable, so that the rest of the map is judged as if the mistake were mended.
                legend.insert(letter, At { value: Tile { walk: true, safe: false, mark: None }, span: key.span });
            }
        }
    }
    legend
}

fn tile(text: &str) -> Option<Tile> {
    let (mark, ground) = match text.split_once(" on ") {
        Some((mark, ground)) => {
            let kinds = [MarkKind::Portal, MarkKind::Arrival, MarkKind::Spawn, MarkKind::Monsters, MarkKind::Keeper];
            (Some(kinds.into_iter().find(|kind| kind.word() == mark)?), ground)
        }
        None => (None, text),
    };
    let (walk, safe) = match ground {
        "wall" | "water" => (false, false),
        "floor" => (true, false),
        "safe" => (true, true),
        _ => return None,
    };
    (walk || mark.is_none()).then_some(Tile { walk, safe, mark })
}

/// The bytes of each row. The drawing has to be a literal block, or a row would not stand where it is drawn.
fn rows(text: &str, span: &Range<usize>, source: &Source, found: &mut Diagnostics) -> Option<Vec<Range<usize>>> {
    let Some(inner) = text[span.clone()].strip_prefix("'''").and_then(|rest| rest.strip_suffix("'''")) else {
        found.error(source, span, "the drawing is not a block".to_owned(), "write it between ''' and '''".to_owned());
        return None;
    };
    let mut start = span.start + 3;
    let mut rows = Vec::new();
    for (number, line) in inner.split('\n').enumerate() {
        let row = line.trim_end_matches(['\r', ' ']);
        if number > 0 || !row.is_empty() {
            rows.push(start..start + row.len());
        }
        start += line.len() + 1;
    }
    if rows.last().is_some_and(Range::is_empty) {
        rows.pop();
    }
    Some(rows)
}

fn size(text: &str, rows: &[Range<usize>], source: &Source, found: &mut Diagnostics) -> Option<(u16, u16)> {
    let first = rows.first().cloned().unwrap_or(0..0);
    let width = text[first.clone()].chars().count();
    let mut even = true;
    for row in rows {
        let letters = text[row.clone()].chars().count();
        if letters != width {
            found.error(
                source,
                row,
                format!("this row has {letters} letters"),
                format!("the first row has {width}, and all rows have to be equal"),
            );
            even = false;
        }
    }
    if !SIDE.contains(&width) || !SIDE.contains(&rows.len()) {
        let message = format!("the drawing is {width} letters wide and {} rows high", rows.len());
        found.error(source, &first, message, format!("allowed: {} to {} each way", SIDE.start(), SIDE.end()));
        return None;
    }
    even.then_some(())?;
    Some((u16::try_from(width).ok()?, u16::try_from(rows.len()).ok()?))
}
