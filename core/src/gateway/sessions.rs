//! The newest session generation of each account, in memory; the store has the truth and refills what is missing.
//!
//! A token is live while its generation equals the account's newest. Login and logout raise the generation in the
//! store first and here second, so an entry here is never ahead of the store. After a restart the table is empty and
//! each account costs one read of the store, no password hash. Bounded: when full, any entry makes room, because any
//! entry can be read again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mu_storage::ids::AccountId;

/// Accounts remembered at once: ten times the players of one host, 16 bytes each and the table's overhead.
const ACCOUNTS_MAX: usize = 100_000;

/// The table. All methods are short and never wait.
#[derive(Default)]
pub(crate) struct Sessions {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    newest: HashMap<AccountId, u64>,
    /// Entries that made room so far; see [`Sessions::fill`].
    forgotten: u64,
}

/// Taken before the store is asked, given back with its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Miss {
    forgotten: u64,
}

impl Sessions {
    /// The account's newest generation, or a ticket with which to fill in the store's answer.
    pub(crate) fn newest(&self, account: AccountId) -> Result<u64, Miss> {
        let table = self.lock();
        table.newest.get(&account).copied().ok_or(Miss { forgotten: table.forgotten })
    }

    /// A login or logout made `generation` the newest in the store.
    pub(crate) fn raise(&self, account: AccountId, generation: u64) {
        self.lock().raise(account, generation);
    }

    /// The store answered `generation` after `miss`; what is the newest known now?
    ///
    /// The answer is kept only if nothing was forgotten meanwhile: otherwise a newer generation may have come and made
    /// room in between, and the older one must not be remembered over it.
    pub(crate) fn fill(&self, account: AccountId, generation: u64, miss: Miss) -> u64 {
        let mut table = self.lock();
        if table.forgotten == miss.forgotten {
            table.raise(account, generation);
        }
        table.newest.get(&account).map_or(generation, |known| generation.max(*known))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn raise(&mut self, account: AccountId, generation: u64) {
        if self.newest.len() >= ACCOUNTS_MAX && !self.newest.contains_key(&account) {
            let any = self.newest.keys().next().copied();
            if let Some(any) = any {
                self.newest.remove(&any);
                self.forgotten += 1;
            }
        }
        let known = self.newest.entry(account).or_insert(generation);
        *known = generation.max(*known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: AccountId = AccountId(1);

    #[test]
    fn a_generation_only_rises() {
        let sessions = Sessions::default();
        let miss = sessions.newest(ANA).unwrap_err();
        sessions.raise(ANA, 5);
        assert_eq!(sessions.fill(ANA, 4, miss), 5, "a late answer of the store");
        sessions.raise(ANA, 3);
        assert_eq!(sessions.newest(ANA).unwrap(), 5);
    }

    #[test]
    fn a_full_table_makes_room_and_distrusts_answers_asked_for_before() {
        let sessions = Sessions::default();
        let miss = sessions.newest(ANA).unwrap_err();
        for id in 2..i64::try_from(ACCOUNTS_MAX).unwrap() + 3 {
            sessions.raise(AccountId(id), 1);
        }
        assert_eq!(sessions.lock().newest.len(), ACCOUNTS_MAX);
        assert_eq!(sessions.fill(ANA, 4, miss), 4);
        assert!(sessions.newest(ANA).is_err(), "the answer was not kept");
    }
}
