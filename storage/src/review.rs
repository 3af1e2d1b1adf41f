//! Quarantined events, as an operator sees them. Deciding about them is an event of its own ([`crate::apply`]).

use crate::apply::current_rows;
use crate::backend::Failure;
use crate::error::StoreError;
use crate::event::{EventKind, Resolve, decode};
use crate::ids::{CharacterId, Lsn};
use crate::sql::{Row, Sql, Value};
use crate::statements as s;
use crate::store::{Outcome, Review, ReviewEntry};

pub(crate) fn list(sql: &mut dyn Sql, all: bool) -> Result<Vec<ReviewEntry>, Failure> {
    let rows = sql.query(if all { s::REVIEWS_ALL } else { s::REVIEWS_OPEN }, &[])?;
    rows.iter().map(entry).collect()
}

pub(crate) fn frozen(sql: &mut dyn Sql, character: CharacterId) -> Result<Option<ReviewEntry>, Failure> {
    let rows = sql.query(s::REVIEW_FREEZING, &[Value::Int(character.0)])?;
    rows.first().map(entry).transpose()
}

pub(crate) fn show(sql: &mut dyn Sql, event_id: u128) -> Result<Option<Review>, Failure> {
    let id = event_id.to_be_bytes();
    let rows = sql.query(s::REVIEW_ONE, &[Value::Bytes(&id)])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let entry = entry(row)?;
    let schema = u16::try_from(row.int(8)).unwrap_or(0);
    let payload = row.bytes(9).to_vec();
    let event = decode(schema, &payload).ok();
    let now = match &event {
        Some(event) => current_rows(sql, event)?,
        None => String::new(),
    };
    let freezes = sql.query(s::REVIEW_FREEZES, &[Value::Bytes(&id)])?;
    let freezes = freezes.iter().map(|row| (kind_name(row.int(0)), row.big(1))).collect();
    let related = sql.query(s::REVIEW_RELATED, &[Value::Bytes(&id)])?;
    let related = related.iter().map(|row| row.id(0)).collect();
    let found = row.text(10).to_owned();
    Ok(Some(Review { entry, payload, event, found, now, freezes, related }))
}

const fn kind_name(kind: i32) -> &'static str {
    match kind {
        0 => "character",
        1 => "item",
        2 => "account",
        3 => "parcel",
        4 => "listing",
        _ => "unknown",
    }
}

/// The first columns of every statement here: event_id, lsn, kind, outcome, reason, detail, resolved_by, action.
fn entry(row: &Row) -> Result<ReviewEntry, Failure> {
    let event_id = row.id(0);
    let Some(Outcome::Quarantined(reason)) = Outcome::from_codes(row.int(3), row.int(4)) else {
        let text = format!("event {event_id:032x} waits for review but was not quarantined: run the audit");
        return Err(StoreError::Permanent(text).into());
    };
    let action = match row.int(7) {
        0 => Resolve::Apply,
        1 => Resolve::Discard,
        _ => Resolve::Compensate,
    };
    Ok(ReviewEntry {
        event_id,
        lsn: Lsn(row.big(1).unsigned_abs()),
        kind: EventKind::from_code(row.int(2)),
        reason,
        detail: row.text(5).to_owned(),
        resolved: row.maybe_id(6).map(|by| (by, action)),
    })
}
