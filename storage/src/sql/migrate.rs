//! Migrations by refinery, inside one transaction that holds a lock row: of several processes that start at once, one
//! migrates and the others wait and then find nothing to do. A step that fails leaves no trace.

use refinery_core::traits::sync::{Migrate, Query, Transaction};
use refinery_core::{Migration, Runner};

use super::{Sql, SqlError};

/// Every step, in order. The texts are compared with what was applied: a step is never edited once released.
const STEPS: [(&str, &str); 2] = [
    ("V1__base", include_str!("../../migrations/V1__base.sql")),
    ("V2__value", include_str!("../../migrations/V2__value.sql")),
];

/// Takes the lock inside the open transaction and holds it to its end.
pub(crate) fn lock(sql: &mut dyn Sql) -> Result<(), SqlError> {
    sql.script("CREATE TABLE IF NOT EXISTS migration_lock (id INTEGER NOT NULL PRIMARY KEY)")?;
    sql.script("INSERT INTO migration_lock (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = excluded.id")
}

/// Applies what is missing; returns how many steps that were.
pub(crate) fn run(sql: &mut dyn Sql) -> Result<usize, SqlError> {
    let steps: Result<Vec<_>, _> = STEPS.iter().map(|(name, text)| Migration::unapplied(name, text)).collect();
    let runner = Runner::new(&steps.expect("the steps are named V<number>__<name>"));
    let mut target = Target { sql, failed: None };
    match runner.run(&mut target) {
        Ok(report) => Ok(report.applied_migrations().len()),
        Err(error) => Err(target.failed.unwrap_or_else(|| SqlError::Broken(format!("migration: {error}")))),
    }
}

/// The open transaction as refinery sees it. Its error type must be an `Error`, so the real one is kept aside.
struct Target<'a> {
    sql: &'a mut dyn Sql,
    failed: Option<SqlError>,
}

#[derive(Debug, thiserror::Error)]
#[error("the store refused a migration statement")]
struct StatementFailed;

impl Target<'_> {
    fn keep<T>(&mut self, result: Result<T, SqlError>) -> Result<T, StatementFailed> {
        result.map_err(|error| {
            self.failed = Some(error);
            StatementFailed
        })
    }
}

impl Transaction for Target<'_> {
    type Error = StatementFailed;

    fn execute<'a, T: Iterator<Item = &'a str>>(&mut self, queries: T) -> Result<usize, Self::Error> {
        let mut count = 0;
        for query in queries {
            let result = self.sql.script(query);
            self.keep(result)?;
            count += 1;
        }
        Ok(count)
    }
}

impl Query<Vec<Migration>> for Target<'_> {
    fn query(&mut self, query: &str) -> Result<Vec<Migration>, Self::Error> {
        let rows = self.sql.query_text(query);
        let rows = self.keep(rows)?;
        let applied = rows.iter().map(|row| {
            let checksum = row.text(3).parse().map_err(|_| StatementFailed)?;
            // The time of a past step is not compared with anything; the library only wants one.
            let mut now = Migration::unapplied("V0__time", "").map_err(|_| StatementFailed)?;
            now.set_applied();
            let when = *now.applied_on().ok_or(StatementFailed)?;
            Ok(Migration::applied(row.int(0), row.text(1).to_owned(), when, checksum))
        });
        applied.collect()
    }
}

impl Migrate for Target<'_> {}
