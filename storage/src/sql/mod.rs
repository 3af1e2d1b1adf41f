//! The thin seam under the store: statements, values and transactions, the same for both databases.
//!
//! A statement is one text for SQLite and PostgreSQL. What differs is only how many rows reach it at once: a [`Bulk`]
//! statement reads from `{rows}`, which PostgreSQL fills from array parameters and SQLite from one row at a time. Nothing
//! here knows a table.

pub(crate) mod migrate;
pub(crate) mod postgres;
pub(crate) mod sqlite;

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A cell of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row of a result. Reading a column as what it is not means that the statement and its reader disagree.
#[derive(Debug, Clone)]
pub(crate) struct Row(pub(crate) Vec<Cell>);

impl Row {
    pub(crate) fn big(&self, column: usize) -> i64 {
        match &self.0[column] {
            Cell::Int(v) => *v,
            other => panic!("column {column} is {other:?}, not a number"),
        }
    }

    pub(crate) fn int(&self, column: usize) -> i32 {
        i32::try_from(self.big(column)).expect("an INTEGER column holds 32 bits")
    }

    pub(crate) fn text(&self, column: usize) -> &str {
        match &self.0[column] {
            Cell::Text(v) => v,
            other => panic!("column {column} is {other:?}, not text"),
        }
    }

    pub(crate) fn bytes(&self, column: usize) -> &[u8] {
        match &self.0[column] {
            Cell::Bytes(v) => v,
            other => panic!("column {column} is {other:?}, not bytes"),
        }
    }

    /// A 128-bit id, or nothing.
    pub(crate) fn maybe_id(&self, column: usize) -> Option<u128> {
        (self.0[column] != Cell::Null).then(|| self.id(column))
    }

    /// A 128-bit id.
    pub(crate) fn id(&self, column: usize) -> u128 {
        let bytes = self.bytes(column).try_into().expect("ids are 16 bytes");
        u128::from_be_bytes(bytes)
    }
}

/// The type of a bulk column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Id,
}

/// A statement over many rows, which it names `{rows}` and reads as `n`.
#[derive(Debug)]
pub(crate) struct Bulk {
    pub(crate) text: &'static str,
    pub(crate) columns: &'static [(&'static str, Kind)],
}

/// One column of rows for a bulk statement.
#[derive(Debug)]
pub(crate) enum Column<'a> {
    Int(Vec<i64>),
    Text(Vec<&'a str>),
    Id(Vec<[u8; 16]>),
}

impl Column<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Int(v) => v.len(),
            Self::Text(v) => v.len(),
            Self::Id(v) => v.len(),
        }
    }

    const fn kind(&self) -> Kind {
        match self {
            Self::Int(_) => Kind::Int,
            Self::Text(_) => Kind::Text,
            Self::Id(_) => Kind::Id,
        }
    }
}

/// Rows for a bulk statement, column by column.
#[derive(Debug, Default)]
pub(crate) struct Rows<'a>(Vec<Column<'a>>);

impl<'a> Rows<'a> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn ints(mut self, values: impl IntoIterator<Item = impl Into<i64>>) -> Self {
        self.0.push(Column::Int(values.into_iter().map(Into::into).collect()));
        self
    }

    pub(crate) fn texts(mut self, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.push(Column::Text(values.into_iter().collect()));
        self
    }

    pub(crate) fn ids(mut self, values: impl IntoIterator<Item = u128>) -> Self {
        self.0.push(Column::Id(values.into_iter().map(u128::to_be_bytes).collect()));
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.0.first().map_or(0, Column::len)
    }

    /// The columns, after comparing them with what the statement declares.
    fn columns(&self, bulk: &Bulk) -> &[Column<'a>] {
        let kinds: Vec<_> = self.0.iter().map(Column::kind).collect();
        let declared: Vec<_> = bulk.columns.iter().map(|&(_, kind)| kind).collect();
        assert_eq!(kinds, declared, "columns of {}", bulk.text);
        assert!(self.0.iter().all(|c| c.len() == self.len()), "columns of one length for {}", bulk.text);
        &self.0
    }
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reads only; everything is read as of one moment.
    Read,
    /// Writes; each statement sees what was committed before it began. The commit waits for the database's disk.
    Write,
    /// As [`Access::Write`], but the commit does not wait: after a crash of the database it may be gone, with everything
    /// committed behind it.
    WriteRelaxed,
    /// Writes, and everything is read as of one moment.
    WriteSnapshot,
}

/// What a statement did beyond its result.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) changed: u64,
    pub(crate) rows: Vec<Row>,
}

/// Why a statement failed.
#[derive(Debug)]
pub(crate) enum SqlError {
    /// Serialization failure, deadlock, lock timeout, store busy or full: nothing happened, again may help.
    Again(String),
    /// The connection is gone; what was sent may or may not have happened.
    Lost(String),
    /// The rows break a constraint or a type of the schema.
    Refused(String),
    /// Anything else: a person must look.
    Broken(String),
}

/// One connection.
pub(crate) trait Sql: Send {
    fn begin(&mut self, access: Access) -> Result<(), SqlError>;
    fn commit(&mut self) -> Result<(), SqlError>;
    /// Makes the commit of a relaxed transaction wait for the database's disk after all: when it returns, this
    /// transaction and every one before it are there.
    fn wait_for_disk(&mut self) -> Result<(), SqlError>;
    /// Gives the transaction up; a connection that cannot even do that is dropped and made anew later.
    fn rollback(&mut self);
    fn run(&mut self, text: &'static str, params: &[Value<'_>]) -> Result<Done, SqlError>;
    fn bulk(&mut self, bulk: &'static Bulk, rows: &Rows<'_>) -> Result<Done, SqlError>;
    /// Several statements without parameters or results: migrations.
    fn script(&mut self, text: &str) -> Result<(), SqlError>;
    /// A query made at run time: only migrations need it.
    fn query_text(&mut self, text: &str) -> Result<Vec<Row>, SqlError>;
    /// Ends older sessions with this connection's role, as far as the database knows sessions.
    fn end_older_sessions(&mut self) -> Result<(), SqlError>;
    /// Storage parameters of tables, where the database has any. Idempotent.
    fn tune_tables(&mut self) -> Result<(), SqlError>;

    fn query(&mut self, text: &'static str, params: &[Value<'_>]) -> Result<Vec<Row>, SqlError> {
        self.run(text, params).map(|done| done.rows)
    }

    fn execute(&mut self, text: &'static str, params: &[Value<'_>]) -> Result<u64, SqlError> {
        self.run(text, params).map(|done| done.changed)
    }
}
