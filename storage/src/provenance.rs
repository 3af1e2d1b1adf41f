//! Where an item has been.

use crate::backend::Failure;
use crate::event::{EventKind, Place};
use crate::ids::{ItemUid, Lsn};
use crate::sql::{Row, Sql, Value};
use crate::statements as s;
use crate::store::ItemStep;

pub(crate) fn of(sql: &mut dyn Sql, uid: ItemUid) -> Result<Vec<ItemStep>, Failure> {
    let rows = sql.query(s::PROVENANCE, &[Value::Int(uid.0)])?;
    Ok(rows.iter().map(step).collect())
}

fn step(row: &Row) -> ItemStep {
    // Nowhere, where an item comes from and goes to, is the only place with no owner.
    let place = |at: usize| {
        let container = u8::try_from(row.big(at + 1)).unwrap_or(u8::MAX);
        let slot = u16::try_from(row.big(at + 2)).unwrap_or(u16::MAX);
        (row.big(at) != 0).then_some(Place { owner: row.big(at), container, slot })
    };
    ItemStep {
        version: row.int(0),
        event_id: row.id(1),
        lsn: Lsn(row.big(2).unsigned_abs()),
        kind: EventKind::from_code(row.int(3)),
        from: place(4),
        from_name: row.text(7).to_owned(),
        to: place(8),
        to_name: row.text(11).to_owned(),
    }
}
