//! PostgreSQL over one blocking connection, made when first needed and made anew after it was lost.
//!
//! Every wait has an end: the connection attempt, each statement and each lock time out on the server, unacknowledged
//! data times out in the kernel, and a session that is left inside a transaction is ended by the server.

use std::collections::BTreeMap;
use std::time::Duration;

use postgres::config::SslMode;
use postgres::types::{ToSql, Type};
use postgres::{Client, Config, NoTls, Statement};

use super::{Access, Bulk, Cell, Column, Done, Kind, Row, Rows, Sql, SqlError, Value};
use crate::store::Role;

/// How long a connection attempt may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long sent data may stay unacknowledged before the connection counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

pub(crate) struct Postgres {
    config: Config,
    session: String,
    link: Option<Link>,
}

/// A live connection and what is prepared on it.
struct Link {
    client: Client,
    prepared: BTreeMap<&'static str, Statement>,
}

impl Postgres {
    /// Reads the address; nothing is connected yet.
    pub(crate) fn new(url: &str, role: Role) -> Result<Self, SqlError> {
        let mut config: Config = url
            .parse()
            .map_err(|error: postgres::Error| SqlError::Broken(format!("store address: {}", full(&error))))?;
        if config.get_ssl_mode() == SslMode::Require {
            let text = "store address: sslmode=require, but this build speaks to PostgreSQL without TLS only";
            return Err(SqlError::Broken(text.to_owned()));
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config.tcp_user_timeout(UNACKNOWLEDGED);
        config.keepalives_idle(UNACKNOWLEDGED).keepalives_interval(Duration::from_secs(2)).keepalives_retries(3);
        config.application_name(application_name(role));
        Ok(Self { config, session: session_settings(role), link: None })
    }

    fn link(&mut self) -> Result<&mut Link, SqlError> {
        if self.link.as_ref().is_some_and(|link| link.client.is_closed()) {
            self.link = None;
        }
        if self.link.is_none() {
            let mut client = self.config.connect(NoTls).map_err(|error| match classify(&error) {
                SqlError::Lost(text) => SqlError::Again(text),
                other => other,
            })?;
            client.batch_execute(&self.session).map_err(|error| classify(&error))?;
            self.link = Some(Link { client, prepared: BTreeMap::new() });
        }
        Ok(self.link.as_mut().expect("made above"))
    }

    /// Runs `f` on the live connection; a lost one is dropped at once.
    fn on_link<T>(&mut self, f: impl FnOnce(&mut Link) -> Result<T, postgres::Error>) -> Result<T, SqlError> {
        let result = f(self.link()?).map_err(|error| classify(&error));
        if matches!(result, Err(SqlError::Lost(_))) {
            self.link = None;
        }
        result
    }
}

impl Link {
    fn prepared(&mut self, key: &'static str, text: impl FnOnce() -> String) -> Result<Statement, postgres::Error> {
        if let Some(statement) = self.prepared.get(key) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&text())?;
        self.prepared.insert(key, statement.clone());
        Ok(statement)
    }

    fn run(&mut self, statement: &Statement, params: &[&(dyn ToSql + Sync)]) -> Result<Done, postgres::Error> {
        if statement.columns().is_empty() {
            let changed = self.client.execute(statement, params)?;
            return Ok(Done { changed, rows: Vec::new() });
        }
        let rows = self.client.query(statement, params)?.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        Ok(Done { changed: u64::try_from(rows.len()).expect("counts fit"), rows })
    }
}

impl Sql for Postgres {
    fn begin(&mut self, access: Access) -> Result<(), SqlError> {
        let text = match access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED",
            Access::WriteRelaxed => "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off",
            Access::WriteSnapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        };
        match self.on_link(|link| link.client.batch_execute(text)) {
            // The server went away while nothing was asked: connect anew, once.
            Err(SqlError::Lost(_)) => self.on_link(|link| link.client.batch_execute(text)),
            result => result,
        }
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        // Never through `link`: a new connection would answer that there is nothing to commit.
        let Some(link) = self.link.as_mut() else {
            return Err(SqlError::Lost("the connection was lost inside the transaction".to_owned()));
        };
        link.client.batch_execute("COMMIT").map_err(|error| {
            let error = classify(&error);
            if matches!(error, SqlError::Lost(_)) {
                self.link = None;
            }
            error
        })
    }

    fn wait_for_disk(&mut self) -> Result<(), SqlError> {
        self.script("SET LOCAL synchronous_commit = on")
    }

    fn rollback(&mut self) {
        if let Some(link) = self.link.as_mut()
            && link.client.batch_execute("ROLLBACK").is_err()
        {
            self.link = None;
        }
    }

    fn run(&mut self, text: &'static str, params: &[Value<'_>]) -> Result<Done, SqlError> {
        self.on_link(|link| {
            let statement = link.prepared(text, || text.to_owned())?;
            let bound: Vec<_> =
                params.iter().zip(statement.params()).map(|(&value, ty)| Bound::new(value, ty)).collect();
            let params: Vec<_> = bound.iter().map(Bound::param).collect();
            link.run(&statement, &params)
        })
    }

    fn bulk(&mut self, bulk: &'static Bulk, rows: &Rows<'_>) -> Result<Done, SqlError> {
        let columns = rows.columns(bulk);
        let ids: Vec<Vec<&[u8]>> = columns
            .iter()
            .map(|column| match column {
                Column::Id(values) => values.iter().map(<[u8; 16]>::as_slice).collect(),
                Column::Int(_) | Column::Text(_) => Vec::new(),
            })
            .collect();
        let params: Vec<&(dyn ToSql + Sync)> = columns
            .iter()
            .zip(&ids)
            .map(|(column, ids)| match column {
                Column::Int(values) => values as &(dyn ToSql + Sync),
                Column::Text(values) => values,
                Column::Id(_) => ids,
            })
            .collect();
        self.on_link(|link| {
            let statement = link.prepared(bulk.text, || with_rows(bulk))?;
            link.run(&statement, &params)
        })
    }

    fn script(&mut self, text: &str) -> Result<(), SqlError> {
        self.on_link(|link| link.client.batch_execute(text))
    }

    fn query_text(&mut self, text: &str) -> Result<Vec<Row>, SqlError> {
        self.on_link(|link| link.client.query(text, &[])?.iter().map(row).collect())
    }

    fn end_older_sessions(&mut self) -> Result<(), SqlError> {
        self.script(
            "SELECT pg_terminate_backend(older.pid) FROM pg_stat_activity AS older, pg_stat_activity AS own \
             WHERE own.pid = pg_backend_pid() AND older.pid <> own.pid AND older.datname = own.datname \
             AND older.usename = own.usename AND older.application_name = own.application_name \
             AND older.backend_start <= own.backend_start",
        )
    }

    fn tune_tables(&mut self) -> Result<(), SqlError> {
        // Room in each page keeps the two-second updates inside it, without touching the index.
        self.script("ALTER TABLE char_hot SET (fillfactor = 60); ALTER TABLE balances SET (fillfactor = 80)")
    }
}

const fn application_name(role: Role) -> &'static str {
    match role {
        Role::Applier => "mu-core applier",
        Role::Flusher => "mu-core flusher",
        Role::Gateway => "mu-core gateway",
        Role::Tool => "mu-core tool",
    }
}

fn session_settings(role: Role) -> String {
    let statement_s = match role {
        Role::Applier | Role::Flusher | Role::Gateway => 10,
        Role::Tool => 3_600,
    };
    format!(
        "SET statement_timeout = '{statement_s}s'; SET lock_timeout = '5s'; \
         SET idle_in_transaction_session_timeout = '30s'; SET client_connection_check_interval = '1s'; \
         SET synchronous_commit = on; SET client_min_messages = warning; SET jit = off"
    )
}

/// All rows at once: `{rows}` becomes `unnest` of array parameters.
pub(crate) fn with_rows(bulk: &Bulk) -> String {
    let arrays: Vec<_> = bulk
        .columns
        .iter()
        .enumerate()
        .map(|(at, (_, kind))| {
            let element = match kind {
                Kind::Int => "bigint",
                Kind::Text => "text",
                Kind::Id => "bytea",
            };
            format!("${}::{element}[]", at + 1)
        })
        .collect();
    let names: Vec<_> = bulk.columns.iter().map(|&(name, _)| name).collect();
    bulk.text.replace("{rows}", &format!("unnest({}) AS n ({})", arrays.join(", "), names.join(", ")))
}

fn row(row: &postgres::Row) -> Result<Row, postgres::Error> {
    let cells = row.columns().iter().enumerate().map(|(at, column)| {
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(at)?.map_or(Cell::Null, Cell::Int),
            Type::INT4 => row.try_get::<_, Option<i32>>(at)?.map_or(Cell::Null, |v| Cell::Int(v.into())),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(at)?.map_or(Cell::Null, Cell::Bytes),
            _ => row.try_get::<_, Option<String>>(at)?.map_or(Cell::Null, Cell::Text),
        })
    });
    cells.collect::<Result<_, _>>().map(Row)
}

/// A parameter in the type the statement expects: the server tells whether a number is an INTEGER or a BIGINT.
enum Bound<'a> {
    Int4(i32),
    Int8(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> Bound<'a> {
    fn new(value: Value<'a>, ty: &Type) -> Self {
        match value {
            Value::Int(v) if *ty == Type::INT4 => {
                Self::Int4(i32::try_from(v).expect("a number for an INTEGER column has 32 bits"))
            }
            Value::Int(v) => Self::Int8(v),
            Value::Text(v) => Self::Text(v),
            Value::Bytes(v) => Self::Bytes(v),
        }
    }

    fn param(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Int4(v) => v,
            Self::Int8(v) => v,
            Self::Text(v) => v,
            Self::Bytes(v) => v,
        }
    }
}

/// The message with its causes; the driver's own text names only the outermost.
fn full(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn classify(error: &postgres::Error) -> SqlError {
    let text = full(error);
    let Some(code) = error.code() else {
        // No answer from the server at all.
        return SqlError::Lost(text);
    };
    let code = code.code();
    match (&code[..2], code) {
        ("08", _) | (_, "57P01" | "57P02" | "57P03" | "57P05" | "25P03") => SqlError::Lost(text),
        ("40" | "53" | "58", _) | (_, "55P03" | "57014" | "55006") => SqlError::Again(text),
        ("22" | "23", _) => SqlError::Refused(text),
        _ => SqlError::Broken(text),
    }
}
