//! Whole copies of a store for backups, and the way back. SQLite copies itself; PostgreSQL is copied and restored by its own
//! `pg_dump` and `pg_restore`.
//!
//! A copy is one moment of the store, and says up to which position of each journal it has decided, so that journal records
//! can take it further.

use std::path::Path;
use std::process::Command;

use postgres::config::Host;

use crate::error::StoreError;
use crate::ids::Lsn;

/// What a copy holds of each journal: the log's name and the position up to which it is decided.
pub type Positions = Vec<(u128, Lsn)>;

const POSITIONS: &str = "SELECT log_id, applied_lsn FROM journals ORDER BY id";

/// Copies the store at `url` into the new file `to`. The store may be in use.
///
/// # Errors
/// `Permanent` with what the database or its program said.
pub fn copy(url: &str, to: &Path) -> Result<Positions, StoreError> {
    match url.strip_prefix("sqlite:") {
        Some(path) => copy_sqlite(path, to),
        None => copy_postgres(url, to),
    }
}

/// Fills the empty store at `url` from a copy of the same kind of store. A store that holds anything is refused.
///
/// # Errors
/// `Permanent` with what is in the way, or what the database or its program said.
pub fn restore(url: &str, from: &Path) -> Result<(), StoreError> {
    match url.strip_prefix("sqlite:") {
        Some(path) => restore_sqlite(Path::new(path), from),
        None => restore_postgres(url, from),
    }
}

fn copy_sqlite(path: &str, to: &Path) -> Result<Positions, StoreError> {
    let Some(target) = to.to_str() else { return Err(permanent("the copy's path", "it is not text")) };
    let connection = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|error| permanent(path, error))?;
    connection.execute("VACUUM INTO ?1", [target]).map_err(|error| permanent("copying the store", error))?;
    drop(connection);
    let copy = rusqlite::Connection::open(to).map_err(|error| permanent("the copy", error))?;
    let mut statement = copy.prepare(POSITIONS).map_err(|error| permanent("the copy", error))?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?)));
    let rows = rows.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| permanent("the copy", error))?;
    positions(rows)
}

fn restore_sqlite(path: &Path, from: &Path) -> Result<(), StoreError> {
    if path.exists() {
        return Err(permanent(
            &path.display().to_string(),
            "it exists; a restore fills only a store that is not there",
        ));
    }
    // The name comes last, so that a restore that was cut short leaves no store behind.
    let part = path.with_extension("restoring");
    std::fs::copy(from, &part)
        .and_then(|_| std::fs::File::open(&part)?.sync_all())
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(|error| permanent(&path.display().to_string(), error))
}

fn copy_postgres(url: &str, to: &Path) -> Result<Positions, StoreError> {
    let config: postgres::Config = url.parse().map_err(|error| permanent("the store's address", error))?;
    let mut client = config.connect(postgres::NoTls).map_err(|error| permanent("PostgreSQL", error))?;
    let failed = |error: postgres::Error| permanent("PostgreSQL", error);
    // The program reads the very snapshot in which the positions are read.
    let mut reading =
        client.build_transaction().isolation_level(postgres::IsolationLevel::RepeatableRead).read_only(true);
    reading = reading.deferrable(false);
    let mut reading = reading.start().map_err(failed)?;
    reading.batch_execute("SET LOCAL idle_in_transaction_session_timeout = 0").map_err(failed)?;
    let snapshot: String = reading.query_one("SELECT pg_export_snapshot()", &[]).map_err(failed)?.get(0);
    let rows = reading.query(POSITIONS, &[]).map_err(failed)?;
    let mut program = program("pg_dump", &config)?;
    program.arg("--format=custom").arg(format!("--snapshot={snapshot}")).arg("--no-owner").arg("--file").arg(to);
    run(program, "pg_dump")?;
    reading.commit().map_err(failed)?;
    positions(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn restore_postgres(url: &str, from: &Path) -> Result<(), StoreError> {
    let config: postgres::Config = url.parse().map_err(|error| permanent("the store's address", error))?;
    let mut client = config.connect(postgres::NoTls).map_err(|error| permanent("PostgreSQL", error))?;
    let tables = "SELECT COUNT(*) FROM pg_catalog.pg_tables WHERE schemaname = 'public'";
    let tables: i64 = client.query_one(tables, &[]).map_err(|error| permanent("PostgreSQL", error))?.get(0);
    if tables > 0 {
        return Err(permanent("the database", format!("it has {tables} tables; a restore fills only an empty one")));
    }
    let mut program = program("pg_restore", &config)?;
    program.args(["--no-owner", "--exit-on-error", "--single-transaction", "--dbname"]);
    program.arg(config.get_dbname().or(config.get_user()).unwrap_or("postgres")).arg(from);
    run(program, "pg_restore")
}

/// One of PostgreSQL's programs, told by its environment where to connect: arguments would show the password to everybody.
fn program(name: &str, config: &postgres::Config) -> Result<Command, StoreError> {
    let mut command = Command::new(name);
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => command.env("PGHOST", host),
        Some(Host::Unix(folder)) => command.env("PGHOST", folder),
        None => &mut command,
    };
    if let Some(port) = config.get_ports().first() {
        command.env("PGPORT", port.to_string());
    }
    if let Some(user) = config.get_user() {
        command.env("PGUSER", user);
    }
    if let Some(database) = config.get_dbname() {
        command.env("PGDATABASE", database);
    }
    if let Some(password) = config.get_password() {
        let password = std::str::from_utf8(password).map_err(|error| permanent("the store's password", error))?;
        command.env("PGPASSWORD", password);
    }
    Ok(command)
}

fn run(mut program: Command, name: &str) -> Result<(), StoreError> {
    let output = program.stdin(std::process::Stdio::null()).output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => permanent(name, "it is not installed: apt-get install -y postgresql-client"),
        _ => permanent(name, error),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(permanent(name, format!("{} and said: {}", output.status, said.trim())))
}

fn positions(rows: Vec<(Vec<u8>, i64)>) -> Result<Positions, StoreError> {
    let position = |(log, lsn): (Vec<u8>, i64)| {
        let log: [u8; 16] = log.try_into().map_err(|_| permanent("the journals' table", "a name is not 16 bytes"))?;
        Ok((u128::from_be_bytes(log), Lsn(lsn.unsigned_abs())))
    };
    rows.into_iter().map(position).collect()
}

fn permanent(what: &str, problem: impl std::fmt::Display) -> StoreError {
    StoreError::Permanent(format!("{what}: {problem}"))
}
