//! Proving the books: each invariant is one statement that finds what breaks it.

use std::collections::BTreeMap;

use crate::apply;
use crate::audit::{AuditReport, Economy, Finding, Told, Violation};
use crate::backend::Failure;
use crate::event::Currency;
use crate::ids::Lsn;
use crate::planted::{self, Bug};
use crate::sql::{Cell, Row, Sql, Value};
use crate::statements as s;
use crate::store::Outcome;

/// Name, what must hold, and the statement that finds what breaks it.
type Invariant = (&'static str, &'static str, &'static str);

/// Over everything.
const INVARIANTS: [Invariant; 24] = [
    ("I1", "the ledger rows of each event add up to zero per family of currencies", s::AUDIT_EVENT_BALANCED),
    ("I2", "all balances add up to zero per family of currencies", s::AUDIT_WORLD_BALANCED),
    ("I3", "each balance is the sum of its ledger rows", s::AUDIT_BALANCES),
    ("I4", "no character or account owes money", s::AUDIT_NO_DEBT),
    ("I5", "each item lies alone in its place, with an owner that exists", s::AUDIT_PLACES),
    ("I6", "each item's history is one path from its creation", s::AUDIT_PATHS),
    ("I7", "the items that exist are those created and not destroyed, where their history ends", s::AUDIT_LIVE),
    ("I7c", "the counts of items created and destroyed are those of the history", s::AUDIT_ITEM_COUNTS),
    ("I9", "every row of value belongs to an event that was decided, which has all of them", s::AUDIT_EVENT_ROWS),
    ("I9r", "an event that was not applied changed nothing", s::AUDIT_REJECTED_EMPTY),
    ("I9a", "an event that was applied changed something", s::AUDIT_NOTHING),
    ("I11", "every position up to the applied one is accounted for, none beyond it", s::AUDIT_POSITIONS),
    ("Q1", "exactly the quarantined events are kept for review", s::AUDIT_REVIEW),
    ("Q2", "what is frozen is frozen by an event that waits for review", s::AUDIT_FROZEN),
    ("Q3", "a resolved event has an applied resolution of its own", s::AUDIT_RESOLVED),
    ("C1", "each character has hot state, a balance and an applied birth", s::AUDIT_CHARACTERS),
    ("C2", "each character belongs to an account", s::AUDIT_OWNERS),
    ("C3", "each balance belongs to somebody who exists", s::AUDIT_PURSES),
    ("C4", "each character's level and stats are where its growth ends", s::AUDIT_GROWTH),
    ("P1", "the post holds the zen of the parcels that wait", s::AUDIT_POST),
    ("P2", "a parcel that waits holds its items, an emptied one none", s::AUDIT_PARCELS),
    ("A1", "the auctions hold the standing bids", s::AUDIT_BIDS),
    ("A2", "an auction that runs holds one item, and stands where its steps end", s::AUDIT_LISTINGS),
    ("A3", "each auction's steps are one path with rising bids", s::AUDIT_LISTING_STEPS),
];

/// Over what the events after a position touched.
const INVARIANTS_SINCE: [Invariant; 11] = [
    ("I1", "the ledger rows of each event add up to zero per family of currencies", s::SINCE_EVENT_BALANCED),
    ("I4", "no character or account owes money, or has none to owe from", s::SINCE_NO_DEBT),
    ("I5", "each item lies with an owner that exists", s::SINCE_PLACES),
    ("I6", "each item's history is one path from its creation", s::SINCE_PATHS),
    ("I7", "the items that exist are where their history ends", s::SINCE_LIVE),
    ("I9", "every applied event has all of its rows, others have none", s::SINCE_EVENT_ROWS),
    ("I11", "positions are accounted for, none is beyond the applied one", s::SINCE_POSITIONS),
    ("Q1", "exactly the quarantined events are kept for review", s::SINCE_REVIEW),
    ("P2", "a parcel that waits holds its items, an emptied one none", s::SINCE_PARCELS),
    ("A2", "an auction that runs holds one item, and stands where its steps end", s::SINCE_LISTINGS),
    ("C4", "each character's level and stats are where its growth ends", s::SINCE_GROWTH),
];

/// Sums of what is open: cheap at any time.
const INVARIANTS_OPEN: [Invariant; 3] = [
    ("I2", "all balances add up to zero per family of currencies", s::AUDIT_WORLD_BALANCED),
    ("P1", "the post holds the zen of the parcels that wait", s::AUDIT_POST),
    ("A1", "the auctions hold the standing bids", s::AUDIT_BIDS),
];

pub(crate) fn audit(sql: &mut dyn Sql) -> Result<AuditReport, Failure> {
    findings(sql, &INVARIANTS, &[])
}

pub(crate) fn audit_since(sql: &mut dyn Sql, lsn: Lsn) -> Result<AuditReport, Failure> {
    let first = i64::try_from(lsn.0).expect("positions fit in 63 bits");
    let lsn = Value::Int(if planted::is(Bug::AuditSkipsFirst) { first + 1 } else { first });
    let mut report = findings(sql, &INVARIANTS_SINCE, &[lsn])?;
    report.findings.extend(findings(sql, &INVARIANTS_OPEN, &[])?.findings);
    Ok(report)
}

fn findings(sql: &mut dyn Sql, invariants: &[Invariant], params: &[Value<'_>]) -> Result<AuditReport, Failure> {
    let mut findings = Vec::with_capacity(invariants.len());
    for &(invariant, says, statement) in invariants {
        let rows = sql.query(statement, params)?;
        let violations = rows.first().map_or(0, |row| row.big(0).unsigned_abs());
        findings.push(Finding { invariant, says, violations, examples: rows.iter().map(example).collect() });
    }
    Ok(AuditReport { findings })
}

/// What names an offender: the cells after the count.
fn example(row: &Row) -> String {
    let cells = row.0.iter().skip(1).map(|cell| match cell {
        Cell::Null => "-".to_owned(),
        Cell::Int(v) => v.to_string(),
        Cell::Text(v) => v.clone(),
        Cell::Bytes(v) => v.iter().map(|byte| format!("{byte:02x}")).collect(),
    });
    cells.collect::<Vec<_>>().join("/")
}

pub(crate) fn check_told(sql: &mut dyn Sql, told: &[Told]) -> Result<Vec<Violation>, Failure> {
    let decided: BTreeMap<u128, Outcome> = apply::outcomes(sql, told.iter().map(|t| t.event_id))?;
    let wrong = told.iter().filter_map(|&told| {
        let decided = decided.get(&told.event_id).copied();
        let right = match decided {
            None => false,
            Some(Outcome::Applied) => told.success,
            Some(Outcome::Rejected(_) | Outcome::Quarantined(_)) => !told.success,
        };
        (!right).then_some(Violation { told, decided })
    });
    Ok(wrong.collect())
}

pub(crate) fn economy(sql: &mut dyn Sql) -> Result<Economy, Failure> {
    let zen = sql.query(s::ECONOMY, &[Value::Int(Currency::Zen.family().into())])?;
    let items = sql.query(s::ECONOMY_ITEMS, &[])?;
    let (Some(zen), Some(items)) = (zen.first(), items.first()) else {
        return Ok(Economy::default());
    };
    Ok(Economy {
        zen_players: zen.big(0),
        zen_minted: zen.big(1),
        zen_burned: zen.big(2),
        items_minted: items.big(0),
        items_burned: items.big(1),
        applied_lsn: items.big(2).unsigned_abs(),
        items_live: items.big(3),
    })
}
