//! What the store holds beside the journal: accounts, sequences and hot state. No journal record brings these back, so backups
//! keep them on their own.

use crate::backend::Failure;
use crate::ids::{AccountId, CharacterId};
use crate::names;
use crate::sql::{Row, Rows, Sql};
use crate::statements as s;
use crate::store::HotRow;

/// Rows per statement.
const CHUNK: usize = 500;

/// An account with everything that is stored of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name as it was registered.
    pub name: String,
    /// The password hash in PHC string format.
    pub password: String,
    /// The generation of its newest session.
    pub generation: i64,
    /// When it was made, in microseconds since 1970.
    pub created_us: i64,
}

/// One moment of what stands beside the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Every account, by id.
    pub accounts: Vec<StoredAccount>,
    /// Every sequence's key and next id.
    pub sequences: Vec<(i64, i64)>,
    /// The hot state of every character, by id.
    pub hot: Vec<HotRow>,
}

pub(crate) fn read(sql: &mut dyn Sql) -> Result<Beside, Failure> {
    let accounts = sql.query(s::BESIDE_ACCOUNTS, &[])?;
    let sequences = sql.query(s::BESIDE_SEQUENCES, &[])?;
    let hot = sql.query(s::BESIDE_HOT, &[])?;
    Ok(Beside {
        accounts: accounts.iter().map(account).collect(),
        sequences: sequences.iter().map(|row| (row.big(0), row.big(1))).collect(),
        hot: hot.iter().map(hot_row).collect(),
    })
}

pub(crate) fn restore_accounts(sql: &mut dyn Sql, accounts: &[StoredAccount]) -> Result<(), Failure> {
    let keys: Vec<String> = accounts.iter().map(|account| names::key(&account.name)).collect();
    for (chunk, keys) in accounts.chunks(CHUNK).zip(keys.chunks(CHUNK)) {
        let rows = Rows::new()
            .ints(chunk.iter().map(|a| a.id.0))
            .texts(chunk.iter().map(|a| a.name.as_str()))
            .texts(keys.iter().map(String::as_str))
            .texts(chunk.iter().map(|a| a.password.as_str()))
            .ints(chunk.iter().map(|a| a.generation))
            .ints(chunk.iter().map(|a| a.created_us));
        sql.bulk(&s::RESTORE_ACCOUNTS, &rows)?;
    }
    Ok(())
}

pub(crate) fn raise_sequences(sql: &mut dyn Sql, sequences: &[(i64, i64)]) -> Result<(), Failure> {
    let rows = Rows::new().ints(sequences.iter().map(|s| s.0)).ints(sequences.iter().map(|s| s.1));
    sql.bulk(&s::RAISE_SEQUENCES, &rows)?;
    Ok(())
}

fn account(row: &Row) -> StoredAccount {
    StoredAccount {
        id: AccountId(row.big(0)),
        name: row.text(1).to_owned(),
        password: row.text(2).to_owned(),
        generation: row.big(3),
        created_us: row.big(4),
    }
}

fn hot_row(row: &Row) -> HotRow {
    HotRow {
        character: CharacterId(row.big(0)),
        owner_epoch: row.big(1),
        version: row.big(2),
        map: row.int(3),
        entry: row.int(4),
        x: row.int(5),
        y: row.int(6),
        heading: row.int(7),
        hp: row.int(8),
        mp: row.int(9),
    }
}
