//! Hot state: many rows per call, newest wins.

use std::collections::{BTreeMap, BTreeSet};

use crate::backend::transact;
use crate::error::StoreError;
use crate::ids::CharacterId;
use crate::planted::{self, Bug};
use crate::sql::{Access, Rows, Sql};
use crate::statements as s;
use crate::store::{FlushReport, HotRow, MAX_FLUSH_ROWS};

pub(crate) fn flush(sql: &mut dyn Sql, rows: &[HotRow]) -> Result<FlushReport, StoreError> {
    assert!(rows.len() <= MAX_FLUSH_ROWS, "{} rows in one flush, at most {MAX_FLUSH_ROWS}", rows.len());
    if rows.is_empty() {
        return Ok(FlushReport::default());
    }
    // One row per character, the newest, in the order of ids: two flushes can then not wait for each other in a circle.
    let mut newest: BTreeMap<CharacterId, HotRow> = BTreeMap::new();
    for row in rows {
        let kept = newest.entry(row.character).or_insert(*row);
        if (kept.owner_epoch, kept.version) < (row.owner_epoch, row.version) {
            *kept = *row;
        }
    }
    let rows: Vec<HotRow> = newest.into_values().collect();
    let bulk = Rows::new()
        .ints(rows.iter().map(|r| r.character.0))
        .ints(rows.iter().map(|r| r.owner_epoch + if planted::is(Bug::LateFlushWins) { 1_000 } else { 0 }))
        .ints(rows.iter().map(|r| r.version))
        .ints(rows.iter().map(|r| r.map))
        .ints(rows.iter().map(|r| r.entry))
        .ints(rows.iter().map(|r| r.x))
        .ints(rows.iter().map(|r| r.y))
        .ints(rows.iter().map(|r| r.heading))
        .ints(rows.iter().map(|r| r.hp))
        .ints(rows.iter().map(|r| r.mp));
    let written = transact(sql, Access::Write, |sql| Ok(sql.bulk(&s::FLUSH_HOT, &bulk)?.rows))?;
    let written: BTreeSet<CharacterId> = written.iter().map(|row| CharacterId(row.big(0))).collect();
    let stale: Vec<_> = rows.iter().map(|row| row.character).filter(|id| !written.contains(id)).collect();
    Ok(FlushReport { written: written.len(), stale })
}
