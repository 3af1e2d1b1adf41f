//! The store behind the gateway: a real one in a temporary folder, with a switch that makes it unreachable; and a
//! journal that decides each event at once through a connection of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};

use mu_core::gateway::{JournalBusy, JournalClient};
use mu_storage::audit::{AuditReport, Economy, Told, Violation};
use mu_storage::beside::{Beside, StoredAccount};
use mu_storage::error::{AccountError, StoreError, TakeError};
use mu_storage::event::ValueEvent;
use mu_storage::ids::{AccountId, CharacterId, Lsn, Sequence};
use mu_storage::store::{
    Account, Character, Entry, Fenced, FlushReport, HotRow, LoadedCharacter, MigrateReport, NewAccount, Outcome, Role,
    Store, open,
};
use tokio::sync::oneshot;

/// A store that can be made to fail every call as if the database were gone.
pub(crate) struct Switched {
    pub(crate) inner: Box<dyn Store>,
    pub(crate) away: Arc<AtomicBool>,
}

impl Switched {
    fn reach(&mut self) -> Result<&mut dyn Store, StoreError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::Transient("switched off by the test".to_owned()));
        }
        Ok(self.inner.as_mut())
    }
}

macro_rules! pass_on {
    ($($name:ident($($arg:ident: $kind:ty),*) -> Result<$ok:ty, $error:ty>;)*) => {
        impl Store for Switched {
            $(fn $name(&mut self, $($arg: $kind),*) -> Result<$ok, $error> {
                self.reach()?.$name($($arg),*)
            })*
        }
    };
}

pass_on! {
    migrate() -> Result<MigrateReport, StoreError>;
    ping() -> Result<(), StoreError>;
    fence(log_id: u128) -> Result<Fenced, StoreError>;
    apply(batch: &[(Lsn, Entry<'_>)], outcomes: &mut Vec<Outcome>) -> Result<(), StoreError>;
    outcome(event_id: u128) -> Result<Option<Outcome>, StoreError>;
    applied(log_id: u128) -> Result<Lsn, StoreError>;
    safe() -> Result<Lsn, StoreError>;
    account_create(account: &NewAccount<'_>) -> Result<(), AccountError>;
    accounts_create_many(accounts: &[NewAccount<'_>]) -> Result<usize, AccountError>;
    account_by_name(name: &str) -> Result<Option<Account>, StoreError>;
    account(id: AccountId) -> Result<Option<Account>, StoreError>;
    session_open(account: AccountId) -> Result<Option<u64>, StoreError>;
    characters(account: AccountId) -> Result<Vec<Character>, StoreError>;
    character(id: CharacterId) -> Result<Option<LoadedCharacter>, StoreError>;
    character_take(id: CharacterId, account: AccountId) -> Result<LoadedCharacter, TakeError>;
    flush_hot(rows: &[HotRow]) -> Result<FlushReport, StoreError>;
    id_block(sequence: Sequence, count: u32) -> Result<i64, StoreError>;
    audit() -> Result<AuditReport, StoreError>;
    check_told(told: &[Told]) -> Result<Vec<Violation>, StoreError>;
    economy() -> Result<Economy, StoreError>;
    beside() -> Result<Beside, StoreError>;
    restore_accounts(accounts: &[StoredAccount]) -> Result<(), StoreError>;
    raise_sequences(sequences: &[(i64, i64)]) -> Result<(), StoreError>;
}

/// Decides each event by itself, in order, on a thread of its own.
pub(crate) struct Journal {
    events: Sender<(ValueEvent, oneshot::Sender<Outcome>)>,
    next: AtomicU64,
}

impl Journal {
    pub(crate) fn start(url: &str) -> Self {
        let mut store = open(url, Role::Applier).expect("the store opens");
        let fenced = store.fence(7).expect("the store is there");
        let mut lsn = fenced.applied.0;
        let (events, queue) = channel::<(ValueEvent, oneshot::Sender<Outcome>)>();
        std::thread::spawn(move || {
            for (event, reply) in queue {
                lsn += 1;
                let mut outcomes = Vec::new();
                store.apply(&[(Lsn(lsn), Entry::strict(&event))], &mut outcomes).expect("the store decides");
                let _gave_up = reply.send(outcomes[0]);
            }
        });
        Self { events, next: AtomicU64::new(u64::from(fenced.boot) << 32) }
    }
}

impl JournalClient for Journal {
    fn next_event_id(&self) -> u128 {
        u128::from(self.next.fetch_add(1, Ordering::SeqCst)) + 1
    }

    fn submit(&self, event: &ValueEvent) -> Result<oneshot::Receiver<Outcome>, JournalBusy> {
        let (reply, outcome) = oneshot::channel();
        self.events.send((event.clone(), reply)).map_err(|_| JournalBusy)?;
        Ok(outcome)
    }
}
