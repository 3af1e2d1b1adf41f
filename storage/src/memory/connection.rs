//! One connection to the database in memory: the [`Store`] trait, call by call.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::state::OwnedEntry;
use super::{MemoryDatabase, books};
use crate::apply::{Fence, event_id};
use crate::audit::{AuditReport, Economy, Told, Violation};
use crate::beside::{Beside, StoredAccount};
use crate::error::{AccountError, StoreError, TakeError};
use crate::ids::{AccountId, CharacterId, Lsn, Sequence};
use crate::names;
use crate::planted::{self, Bug};
use crate::store::{
    Account, Character, Entry, Fenced, FlushReport, HotRow, LoadedCharacter, MAX_BATCH, MAX_FLUSH_ROWS, MigrateReport,
    NewAccount, Outcome, Store,
};

/// A connection to a [`MemoryDatabase`].
#[derive(Debug)]
pub struct MemoryStore {
    database: MemoryDatabase,
    /// The start of the database that this connection belongs to.
    start: u64,
    fence: Option<Fence>,
}

impl MemoryStore {
    pub(super) fn new(database: MemoryDatabase) -> Self {
        let start = database.lock().start;
        Self { database, start, fence: None }
    }

    /// Applies the batch; if the database refuses its rows, its halves in order, down to the one event at fault.
    fn apply_or_divide(
        &mut self,
        fence: Fence,
        batch: &[(Lsn, OwnedEntry)],
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), StoreError> {
        let at_fault = {
            let shared = self.database.lock();
            let refused = |id: u128| shared.refused.contains(&id) && shared.state.outcome(id).is_none();
            batch.iter().any(|(_, entry)| event_id(&entry.entry()).is_some_and(refused))
        };
        if at_fault && batch.len() > 1 {
            let (first, second) = batch.split_at(batch.len() / 2);
            self.apply_or_divide(fence, first, outcomes)?;
            return self.apply_or_divide(fence, second, outcomes);
        }
        let refused = at_fault.then_some("the database refuses its rows");
        let batch: Arc<[(Lsn, OwnedEntry)]> = batch.into();
        let all_applied = |decided: &Vec<Outcome>| decided.iter().all(|outcome| *outcome == Outcome::Applied);
        if planted::is(Bug::PositionFirst) {
            let batch = Arc::clone(&batch);
            let ahead = move |state: &mut super::state::State| {
                state.move_position(fence, &batch);
                Ok::<_, StoreError>(())
            };
            self.database.write(&mut self.start, |()| false, ahead)?;
        }
        let decided = self.database.write(
            &mut self.start,
            move |decided| !all_applied(decided) && !planted::is(Bug::RejectionNotFlushed),
            move |state| state.apply(fence, &batch, refused),
        )?;
        outcomes.extend(decided);
        Ok(())
    }
}

/// A transaction that waits for the disk whatever it did.
fn always<T>(_: &T) -> bool {
    true
}

impl Store for MemoryStore {
    fn migrate(&mut self) -> Result<MigrateReport, StoreError> {
        self.ping().map(|()| MigrateReport { applied: 0 })
    }

    fn ping(&mut self) -> Result<(), StoreError> {
        self.database.read(&mut self.start, |_| ())
    }

    fn fence(&mut self, log_id: u128) -> Result<Fenced, StoreError> {
        let work = move |state: &mut super::state::State| Ok::<_, StoreError>(state.fence(log_id));
        let (fence, fenced) = self.database.write(&mut self.start, always, work)?;
        self.fence = Some(fence);
        Ok(fenced)
    }

    fn apply(&mut self, batch: &[(Lsn, Entry<'_>)], outcomes: &mut Vec<Outcome>) -> Result<(), StoreError> {
        assert!(batch.len() <= MAX_BATCH, "{} records in one batch, at most {MAX_BATCH}", batch.len());
        for pair in batch.windows(2) {
            assert_eq!(pair[0].0.0 + 1, pair[1].0.0, "positions of a batch are consecutive");
        }
        if batch.is_empty() {
            return Ok(());
        }
        let fence = self.fence.expect("`fence` is called before `apply`");
        let owned: Vec<_> = batch.iter().map(|(lsn, entry)| (*lsn, OwnedEntry::of(entry))).collect();
        let before = outcomes.len();
        let result = self.apply_or_divide(fence, &owned, outcomes);
        if result.is_err() {
            outcomes.truncate(before);
        }
        result
    }

    fn safe(&mut self) -> Result<Lsn, StoreError> {
        let fence = self.fence.expect("`fence` is called before `safe`");
        self.database.write(&mut self.start, always, move |state| state.held(fence))
    }

    fn outcome(&mut self, event_id: u128) -> Result<Option<Outcome>, StoreError> {
        self.database.read(&mut self.start, |state| state.outcome(event_id))
    }

    fn applied(&mut self, log_id: u128) -> Result<Lsn, StoreError> {
        self.database.read(&mut self.start, |state| state.applied(log_id))
    }

    fn account_create(&mut self, account: &NewAccount<'_>) -> Result<(), AccountError> {
        names::check_account(account.name)?;
        let (name, password) = (account.name.to_owned(), account.password.to_owned());
        let new = Account { id: account.id, name, password, generation: 0 };
        let owner: Result<_, StoreError> =
            self.database.write(&mut self.start, always, move |state| Ok(state.account_create(new.clone())));
        if owner? == account.id { Ok(()) } else { Err(AccountError::NameTaken) }
    }

    fn accounts_create_many(&mut self, accounts: &[NewAccount<'_>]) -> Result<usize, AccountError> {
        for account in accounts {
            names::check_account(account.name)?;
        }
        let new =
            |a: &NewAccount<'_>| Account { id: a.id, name: a.name.into(), password: a.password.into(), generation: 0 };
        let new: Vec<Account> = accounts.iter().map(new).collect();
        let created: Result<_, StoreError> = self.database.write(&mut self.start, always, move |state| {
            let before = state.accounts.len();
            for account in &new {
                state.account_create(account.clone());
            }
            Ok(state.accounts.len() - before)
        });
        Ok(created?)
    }

    fn account_by_name(&mut self, name: &str) -> Result<Option<Account>, StoreError> {
        self.database.read(&mut self.start, |state| state.account_by_key(&names::key(name)).cloned())
    }

    fn account(&mut self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.database.read(&mut self.start, |state| state.accounts.get(&id.0).cloned())
    }

    fn session_open(&mut self, account: AccountId) -> Result<Option<u64>, StoreError> {
        self.database.write(&mut self.start, always, move |state| Ok(state.session_open(account)))
    }

    fn characters(&mut self, account: AccountId) -> Result<Vec<Character>, StoreError> {
        let own = |state: &super::state::State| {
            state.characters.values().filter(|c| c.row.account == account).map(|c| c.row.clone()).collect()
        };
        self.database.read(&mut self.start, own)
    }

    fn character(&mut self, id: CharacterId) -> Result<Option<LoadedCharacter>, StoreError> {
        self.database.read(&mut self.start, |state| state.character(id))
    }

    fn character_take(&mut self, id: CharacterId, account: AccountId) -> Result<LoadedCharacter, TakeError> {
        self.database.write(&mut self.start, always, move |state| {
            let own = state.characters.get(&id.0).is_some_and(|character| character.row.account == account);
            if own && state.frozen(id) {
                return Err(TakeError::Frozen);
            }
            state.take(id, account).ok_or(TakeError::NotFound)
        })
    }

    fn flush_hot(&mut self, rows: &[HotRow]) -> Result<FlushReport, StoreError> {
        assert!(rows.len() <= MAX_FLUSH_ROWS, "{} rows in one flush, at most {MAX_FLUSH_ROWS}", rows.len());
        let rows = rows.to_vec();
        self.database.write(&mut self.start, |_| false, move |state| Ok(state.flush(&rows)))
    }

    fn id_block(&mut self, sequence: Sequence, count: u32) -> Result<i64, StoreError> {
        self.database.write(&mut self.start, always, move |state| Ok(state.id_block(sequence, count)))
    }

    fn audit(&mut self) -> Result<AuditReport, StoreError> {
        self.database.read(&mut self.start, books::audit)
    }

    fn check_told(&mut self, told: &[Told]) -> Result<Vec<Violation>, StoreError> {
        let outcomes: BTreeMap<u128, Option<Outcome>> = self.database.read(&mut self.start, |state| {
            told.iter().map(|told| (told.event_id, state.outcome(told.event_id))).collect()
        })?;
        let wrong = told.iter().filter_map(|&told| {
            let decided = outcomes.get(&told.event_id).copied().flatten();
            let right = decided.is_some_and(|outcome| (outcome == Outcome::Applied) == told.success);
            (!right).then_some(Violation { told, decided })
        });
        Ok(wrong.collect())
    }

    fn economy(&mut self) -> Result<Economy, StoreError> {
        self.database.read(&mut self.start, super::state::State::economy)
    }

    fn beside(&mut self) -> Result<Beside, StoreError> {
        Err(no_copies())
    }

    fn restore_accounts(&mut self, _accounts: &[StoredAccount]) -> Result<(), StoreError> {
        Err(no_copies())
    }

    fn raise_sequences(&mut self, _sequences: &[(i64, i64)]) -> Result<(), StoreError> {
        Err(no_copies())
    }
}

/// Nobody backs up a simulation.
fn no_copies() -> StoreError {
    StoreError::Permanent("a store in memory keeps no copies".to_owned())
}
