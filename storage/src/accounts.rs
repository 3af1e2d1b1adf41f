//! Accounts and their session generations.

use crate::backend::{Failure, transact};
use crate::error::AccountError;
use crate::ids::AccountId;
use crate::names;
use crate::sql::{Access, Rows, Sql, Value};
use crate::statements as s;
use crate::store::{Account, NewAccount};

/// Accounts per statement when many are created.
const CHUNK: usize = 1_000;

pub(crate) fn create(sql: &mut dyn Sql, account: &NewAccount<'_>) -> Result<(), AccountError> {
    names::check_account(account.name)?;
    let key = names::key(account.name);
    let params = [
        Value::Int(account.id.0),
        Value::Text(account.name),
        Value::Text(&key),
        Value::Text(account.password),
        Value::Int(account.created_us),
    ];
    let owner = transact(sql, Access::Write, |sql| {
        if sql.execute(s::ACCOUNT_CREATE, &params)? == 1 {
            return Ok(Some(account.id));
        }
        Ok(find(sql, s::ACCOUNT_BY_KEY, Value::Text(&key))?.map(|found| found.id))
    });
    // Ours already: an earlier attempt whose reply was lost.
    match owner.map_err(crate::error::StoreError::from)? {
        Some(id) if id == account.id => Ok(()),
        _ => Err(AccountError::NameTaken),
    }
}

pub(crate) fn create_many(sql: &mut dyn Sql, accounts: &[NewAccount<'_>]) -> Result<usize, AccountError> {
    for account in accounts {
        names::check_account(account.name)?;
    }
    let keys: Vec<String> = accounts.iter().map(|account| names::key(account.name)).collect();
    let created = transact(sql, Access::Write, |sql| {
        let mut created = 0;
        for (chunk, keys) in accounts.chunks(CHUNK).zip(keys.chunks(CHUNK)) {
            let rows = Rows::new()
                .ints(chunk.iter().map(|a| a.id.0))
                .texts(chunk.iter().map(|a| a.name))
                .texts(keys.iter().map(String::as_str))
                .texts(chunk.iter().map(|a| a.password))
                .ints(chunk.iter().map(|a| a.created_us));
            created += sql.bulk(&s::ADD_ACCOUNTS, &rows)?.changed;
        }
        Ok(created)
    });
    let created = created.map_err(crate::error::StoreError::from)?;
    Ok(usize::try_from(created).expect("at most as many as were given"))
}

pub(crate) fn find(sql: &mut dyn Sql, by: &'static str, value: Value<'_>) -> Result<Option<Account>, Failure> {
    let rows = sql.query(by, &[value])?;
    Ok(rows.first().map(|row| Account {
        id: AccountId(row.big(0)),
        name: row.text(1).to_owned(),
        password: row.text(2).to_owned(),
        generation: row.big(3).unsigned_abs(),
    }))
}

pub(crate) fn session_open(sql: &mut dyn Sql, account: AccountId) -> Result<Option<u64>, Failure> {
    let rows = sql.query(s::SESSION_OPEN, &[Value::Int(account.0)])?;
    Ok(rows.first().map(|row| row.big(0).unsigned_abs()))
}
