//! The embedded database.
//!
//! Write-ahead mode with a full sync per commit: what was committed survives a power cut. A relaxed transaction leaves the
//! sync to the next commit that is not; a power cut takes such commits from the end only. One writer at a time; a writer
//! waits up to [`BUSY_MS`] for another, which bounds how long any call here can block on a lock.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Error, ErrorCode, OpenFlags, ToSql};

use super::{Access, Bulk, Cell, Column, Done, Row, Rows, Sql, SqlError, Value};

/// How long a call waits for another connection's lock.
const BUSY_MS: u64 = 5_000;
/// Prepared statements kept; above the number of statements of the store.
const PREPARED: usize = 128;

pub(crate) struct Sqlite {
    connection: Connection,
    /// Bulk statements with their row source filled in.
    bulk_texts: BTreeMap<&'static str, String>,
    /// The open transaction is relaxed, but its commit has to be on the disk.
    sync_after_commit: bool,
}

/// Any commit with a full sync takes every commit before it to the disk; this one changes nothing.
const SYNC: &str = "PRAGMA synchronous = FULL; BEGIN IMMEDIATE; UPDATE applier SET fence = fence WHERE id = 1; COMMIT";

impl Sqlite {
    pub(crate) fn open(path: &str) -> Result<Self, SqlError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // A path that cannot be opened now cannot be opened later either.
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|error| SqlError::Broken(format!("the store file `{path}`: {error}")))?;
        connection.busy_timeout(Duration::from_millis(BUSY_MS)).map_err(classify)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                 PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY;",
            )
            .map_err(classify)?;
        Ok(Self { connection, bulk_texts: BTreeMap::new(), sync_after_commit: false })
    }
}

impl Sql for Sqlite {
    fn begin(&mut self, access: Access) -> Result<(), SqlError> {
        let text = match access {
            Access::Read => "BEGIN",
            Access::Write | Access::WriteSnapshot => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            Access::WriteRelaxed => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        };
        self.sync_after_commit = false;
        self.connection.execute_batch(text).map_err(classify)
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        self.connection.execute_batch("COMMIT").map_err(unsure)?;
        if std::mem::take(&mut self.sync_after_commit) {
            // The transaction itself is committed: whatever happens here, only asking again can tell.
            self.connection.execute_batch(SYNC).map_err(|error| {
                self.rollback();
                SqlError::Lost(error.to_string())
            })?;
        }
        Ok(())
    }

    fn wait_for_disk(&mut self) -> Result<(), SqlError> {
        self.sync_after_commit = true;
        Ok(())
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            log::warn!("the embedded store could not roll back: {error}");
        }
    }

    fn run(&mut self, text: &'static str, params: &[Value<'_>]) -> Result<Done, SqlError> {
        let mut statement = self.connection.prepare_cached(text).map_err(classify)?;
        for (at, value) in params.iter().enumerate() {
            statement.raw_bind_parameter(at + 1, value).map_err(classify)?;
        }
        let mut rows = Vec::new();
        let changed = step(&mut statement, &mut rows)?;
        Ok(Done { changed, rows })
    }

    fn bulk(&mut self, bulk: &'static Bulk, rows: &Rows<'_>) -> Result<Done, SqlError> {
        let columns = rows.columns(bulk);
        let text = self.bulk_texts.entry(bulk.text).or_insert_with(|| with_rows(bulk));
        let mut statement = self.connection.prepare_cached(text).map_err(classify)?;
        let mut done = Done { changed: 0, rows: Vec::new() };
        for row in 0..rows.len() {
            for (at, column) in columns.iter().enumerate() {
                let value = match column {
                    Column::Int(values) => Value::Int(values[row]),
                    Column::Text(values) => Value::Text(values[row]),
                    Column::Id(values) => Value::Bytes(&values[row]),
                };
                statement.raw_bind_parameter(at + 1, value).map_err(classify)?;
            }
            done.changed += step(&mut statement, &mut done.rows)?;
        }
        Ok(done)
    }

    fn script(&mut self, text: &str) -> Result<(), SqlError> {
        self.connection.execute_batch(text).map_err(classify)
    }

    fn query_text(&mut self, text: &str) -> Result<Vec<Row>, SqlError> {
        let mut statement = self.connection.prepare_cached(text).map_err(classify)?;
        let mut rows = Vec::new();
        step(&mut statement, &mut rows)?;
        Ok(rows)
    }

    fn end_older_sessions(&mut self) -> Result<(), SqlError> {
        Ok(())
    }

    fn tune_tables(&mut self) -> Result<(), SqlError> {
        Ok(())
    }
}

/// Runs a bound statement to its end and counts what it changed.
fn step(statement: &mut CachedStatement<'_>, out: &mut Vec<Row>) -> Result<u64, SqlError> {
    let width = statement.column_count();
    if width == 0 {
        let changed = statement.raw_execute().map_err(classify)?;
        return Ok(u64::try_from(changed).expect("counts fit"));
    }
    let before = out.len();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(classify)? {
        let cells = (0..width).map(|at| row.get_ref(at).map(cell)).collect::<Result<_, _>>();
        out.push(Row(cells.map_err(classify)?));
    }
    Ok(u64::try_from(out.len() - before).expect("counts fit"))
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(v) => Cell::Int(v),
        ValueRef::Real(v) => panic!("the store has no fractions, found {v}"),
        ValueRef::Text(v) => Cell::Text(String::from_utf8_lossy(v).into_owned()),
        ValueRef::Blob(v) => Cell::Bytes(v.to_vec()),
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Int(v) => ValueRef::Integer(v),
            Value::Text(v) => ValueRef::Text(v.as_bytes()),
            Value::Bytes(v) => ValueRef::Blob(v),
        }))
    }
}

/// One row per execution: `{rows}` becomes a select of the parameters.
pub(crate) fn with_rows(bulk: &Bulk) -> String {
    let columns: Vec<_> =
        bulk.columns.iter().enumerate().map(|(at, (name, _))| format!("${} AS {name}", at + 1)).collect();
    bulk.text.replace("{rows}", &format!("(SELECT {}) AS n", columns.join(", ")))
}

/// A failed commit: a sync that failed half way leaves it open whether the pages are on the disk.
fn unsure(error: Error) -> SqlError {
    match &error {
        Error::SqliteFailure(code, _) if code.code == ErrorCode::SystemIoFailure => SqlError::Lost(error.to_string()),
        _ => classify(error),
    }
}

fn classify(error: Error) -> SqlError {
    let text = error.to_string();
    let Error::SqliteFailure(code, _) = error else {
        return SqlError::Broken(text);
    };
    match code.code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::DiskFull
        | ErrorCode::OutOfMemory
        | ErrorCode::OperationInterrupted
        | ErrorCode::CannotOpen
        | ErrorCode::SystemIoFailure => SqlError::Again(text),
        ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig => SqlError::Refused(text),
        _ => SqlError::Broken(text),
    }
}
