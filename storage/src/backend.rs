//! The store over either database: transactions, their repetition, and the trait.
//!
//! Each call is one transaction. A serialization failure, a deadlock or a busy store means that nothing happened, so the
//! transaction is repeated a few times at once before the caller is asked to wait.

use crate::apply::{self, Cache, Fence};
use crate::audit::{AuditReport, Economy, Told, Violation};
use crate::beside::{self, Beside, StoredAccount};
use crate::error::{AccountError, StoreError, TakeError};
use crate::ids::{AccountId, CharacterId, ItemUid, Lsn, Sequence};
use crate::sql::migrate;
use crate::sql::postgres::Postgres;
use crate::sql::sqlite::Sqlite;
use crate::sql::{Access, Sql, SqlError, Value};
use crate::statements as s;
use crate::store::{
    Account, Character, Entry, Fenced, FlushReport, HotRow, ItemStep, LoadedCharacter, MigrateReport, NewAccount,
    OpenListing, OpenParcel, Outcome, Review, ReviewEntry, Role, Store,
};
use crate::{accounts, books, characters, failpoint, hot, post, provenance, review};

/// How often a transaction is tried before the caller is told to wait.
const ATTEMPTS: u32 = 6;

/// Opens the store at `url`.
pub(crate) fn open(url: &str, role: Role) -> Result<Box<dyn Store>, StoreError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let sql = Sqlite::open(path).map_err(Failure::Sql)?;
        return Ok(Box::new(SqlStore { sql, fence: None, cache: Cache::default() }));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let sql = Postgres::new(url, role).map_err(Failure::Sql)?;
        return Ok(Box::new(SqlStore { sql, fence: None, cache: Cache::default() }));
    }
    Err(StoreError::Permanent(format!("the store address `{url}` is neither sqlite:PATH nor postgres://…")))
}

/// Why the work of a transaction ended.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A statement failed.
    Sql(SqlError),
    /// The work itself gave up.
    Store(StoreError),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Sql(SqlError::Again(text) | SqlError::Lost(text)) => Self::Transient(text),
            Failure::Sql(SqlError::Refused(text) | SqlError::Broken(text)) => Self::Permanent(text),
        }
    }
}

/// Runs `work` inside one transaction. `Lost` during the work means that nothing was committed; during the commit it
/// becomes `Unknown`.
pub(crate) fn transact<T>(
    sql: &mut dyn Sql,
    access: Access,
    mut work: impl FnMut(&mut dyn Sql) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match transact_once(sql, access, &mut work) {
            Err(Failure::Sql(SqlError::Again(text))) if attempt < ATTEMPTS => {
                log::debug!("transaction repeated, attempt {attempt}: {text}");
            }
            result => return result,
        }
    }
}

fn transact_once<T>(
    sql: &mut dyn Sql,
    access: Access,
    work: &mut impl FnMut(&mut dyn Sql) -> Result<T, Failure>,
) -> Result<T, Failure> {
    sql.begin(access)?;
    let value = match work(sql) {
        Ok(value) => value,
        Err(failure) => {
            sql.rollback();
            return Err(failure);
        }
    };
    if access == Access::Write {
        failpoint::reach("before-commit");
    }
    match sql.commit() {
        Ok(()) => {
            if access == Access::Write {
                failpoint::reach("after-commit");
            }
            Ok(value)
        }
        Err(SqlError::Lost(text)) if access == Access::Read => Err(SqlError::Again(text).into()),
        Err(SqlError::Lost(text)) => {
            sql.rollback();
            Err(StoreError::Unknown(text).into())
        }
        Err(error) => {
            sql.rollback();
            Err(error.into())
        }
    }
}

/// A store over one connection.
struct SqlStore<S> {
    sql: S,
    /// The applier's place, once `fence` was called.
    fence: Option<Fence>,
    /// What the applier knows of the rows it writes.
    cache: Cache,
}

impl<S: Sql> Store for SqlStore<S> {
    fn migrate(&mut self) -> Result<MigrateReport, StoreError> {
        let applied = transact(&mut self.sql, Access::Write, |sql| {
            // Two processes that create the lock table at the same moment: one is refused and tries again.
            migrate::lock(sql).map_err(|error| match error {
                SqlError::Refused(text) => SqlError::Again(text),
                other => other,
            })?;
            let applied = migrate::run(sql)?;
            if applied > 0 {
                sql.tune_tables()?;
            }
            apply::create_system_accounts(sql)?;
            Ok(applied)
        })?;
        Ok(MigrateReport { applied })
    }

    fn ping(&mut self) -> Result<(), StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| Ok(sql.query(s::PING, &[]).map(|_| ())?))?)
    }

    fn fence(&mut self, log_id: u128) -> Result<Fenced, StoreError> {
        let (fence, fenced) = apply::fence(&mut self.sql, log_id)?;
        self.fence = Some(fence);
        self.cache = Cache::default();
        Ok(fenced)
    }

    fn apply(&mut self, batch: &[(Lsn, Entry<'_>)], outcomes: &mut Vec<Outcome>) -> Result<(), StoreError> {
        let fence = self.fence.expect("`fence` is called before `apply`");
        apply::apply(&mut self.sql, fence, &mut self.cache, batch, outcomes)
    }

    fn safe(&mut self) -> Result<Lsn, StoreError> {
        let fence = self.fence.expect("`fence` is called before `safe`");
        apply::safe(&mut self.sql, fence)
    }

    fn outcome(&mut self, event_id: u128) -> Result<Option<Outcome>, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| apply::outcome(sql, event_id))?)
    }

    fn applied(&mut self, log_id: u128) -> Result<Lsn, StoreError> {
        let id = log_id.to_be_bytes();
        let rows =
            transact(&mut self.sql, Access::Read, |sql| Ok(sql.query(s::JOURNAL_BY_LOG, &[Value::Bytes(&id)])?))?;
        Ok(Lsn(rows.first().map_or(0, |row| row.big(1).unsigned_abs())))
    }

    fn account_create(&mut self, account: &NewAccount<'_>) -> Result<(), AccountError> {
        accounts::create(&mut self.sql, account)
    }

    fn accounts_create_many(&mut self, accounts: &[NewAccount<'_>]) -> Result<usize, AccountError> {
        accounts::create_many(&mut self.sql, accounts)
    }

    fn account_by_name(&mut self, name: &str) -> Result<Option<Account>, StoreError> {
        let key = crate::names::key(name);
        Ok(transact(&mut self.sql, Access::Read, |sql| accounts::find(sql, s::ACCOUNT_BY_KEY, Value::Text(&key)))?)
    }

    fn account(&mut self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| accounts::find(sql, s::ACCOUNT_BY_ID, Value::Int(id.0)))?)
    }

    fn session_open(&mut self, account: AccountId) -> Result<Option<u64>, StoreError> {
        Ok(transact(&mut self.sql, Access::Write, |sql| accounts::session_open(sql, account))?)
    }

    fn characters(&mut self, account: AccountId) -> Result<Vec<Character>, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| characters::of_account(sql, account))?)
    }

    fn character(&mut self, id: CharacterId) -> Result<Option<LoadedCharacter>, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| characters::load(sql, id))?)
    }

    fn character_take(&mut self, id: CharacterId, account: AccountId) -> Result<LoadedCharacter, TakeError> {
        characters::take(&mut self.sql, id, account)
    }

    fn flush_hot(&mut self, rows: &[HotRow]) -> Result<FlushReport, StoreError> {
        hot::flush(&mut self.sql, rows)
    }

    fn id_block(&mut self, sequence: Sequence, count: u32) -> Result<i64, StoreError> {
        let params = [Value::Int(count.into()), Value::Int(sequence.key())];
        let rows = transact(&mut self.sql, Access::Write, |sql| Ok(sql.query(s::ID_BLOCK, &params)?))?;
        let next = rows.first().ok_or_else(|| StoreError::Permanent(format!("no sequence {sequence:?}")))?.big(0);
        Ok(next - i64::from(count))
    }

    fn parcels(&mut self, character: CharacterId) -> Result<Vec<OpenParcel>, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| post::parcels(sql, character))?)
    }

    fn listings(&mut self) -> Result<Vec<OpenListing>, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, post::listings)?)
    }

    fn cash(&mut self, account: AccountId) -> Result<i64, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| post::cash(sql, account))?)
    }

    fn frozen(&mut self, character: CharacterId) -> Result<Option<ReviewEntry>, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| review::frozen(sql, character))?)
    }

    fn review_list(&mut self, all: bool) -> Result<Vec<ReviewEntry>, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| review::list(sql, all))?)
    }

    fn review(&mut self, event_id: u128) -> Result<Option<Review>, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| review::show(sql, event_id))?)
    }

    fn provenance(&mut self, uid: ItemUid) -> Result<Vec<ItemStep>, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| provenance::of(sql, uid))?)
    }

    fn audit_since(&mut self, lsn: Lsn) -> Result<AuditReport, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| books::audit_since(sql, lsn))?)
    }

    fn audit(&mut self) -> Result<AuditReport, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, books::audit)?)
    }

    fn check_told(&mut self, told: &[Told]) -> Result<Vec<Violation>, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, |sql| books::check_told(sql, told))?)
    }

    fn beside(&mut self) -> Result<Beside, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, beside::read)?)
    }

    fn restore_accounts(&mut self, accounts: &[StoredAccount]) -> Result<(), StoreError> {
        Ok(transact(&mut self.sql, Access::Write, |sql| beside::restore_accounts(sql, accounts))?)
    }

    fn raise_sequences(&mut self, sequences: &[(i64, i64)]) -> Result<(), StoreError> {
        Ok(transact(&mut self.sql, Access::Write, |sql| beside::raise_sequences(sql, sequences))?)
    }

    fn economy(&mut self) -> Result<Economy, StoreError> {
        Ok(transact(&mut self.sql, Access::Read, books::economy)?)
    }
}
