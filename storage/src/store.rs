//! The store as the rest of the engine sees it: one trait, the rows that pass through it, and [`open`].
//!
//! A store is one connection and belongs to one thread; every call blocks until it is answered or fails with an error that
//! says what to do. Which database is behind it is known only to [`open`].

mod outcome;
mod rows;

pub use outcome::{Outcome, Reason};
pub use rows::{
    Account, Character, CharacterGrowth, FlushReport, HotRow, Item, ItemStep, LoadedCharacter, NewAccount, OpenListing,
    OpenParcel, Review, ReviewEntry,
};

use crate::ids::Lsn;

use crate::audit::{AuditReport, Economy, Told, Violation};
use crate::beside::{Beside, StoredAccount};
use crate::error::{AccountError, StoreError, TakeError};
use crate::event::{VALUE_KIND, VALUE_SCHEMA, ValueEvent};
use crate::ids::{AccountId, CharacterId, ItemUid, Sequence};

/// Most rows in one [`Store::flush_hot`].
pub const MAX_FLUSH_ROWS: usize = 500;
/// Most records in one [`Store::apply`].
pub const MAX_BATCH: usize = 512;
/// Most characters of one account.
pub const MAX_CHARACTERS: usize = 5;

/// One connection to the store.
pub trait Store: Send {
    /// Brings the tables to this version. Safe to call from several processes at once: one migrates, the others wait.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says; `Permanent` if the tables belong to a newer or a changed version.
    fn migrate(&mut self) -> Result<MigrateReport, StoreError>;

    /// Asks for an answer, reconnecting if need be.
    ///
    /// # Errors
    ///
    /// `Transient` while the store is away.
    fn ping(&mut self) -> Result<(), StoreError>;

    /// Makes this connection the one applier of the journal `log_id`: every earlier applier is refused from now on.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn fence(&mut self, log_id: u128) -> Result<Fenced, StoreError>;

    /// Decides a batch of journal records in order, in one transaction, and appends their outcomes to `outcomes` in the
    /// order of the batch. What is already decided keeps its outcome, so the same batch may be given again at any time.
    ///
    /// A batch the database itself refuses is divided until the one refused event is alone; it is quarantined and the
    /// rest applied. Then one call makes several transactions, always in order.
    ///
    /// When it returns, rejections and quarantines are on the store's own disk; what was applied may be forgotten again,
    /// last first, until [`Store::safe`] covers it.
    ///
    /// # Errors
    ///
    /// `Behind` if the batch begins after the next undecided record; `Fenced` if another applier took over; otherwise as
    /// [`StoreError`] says. On an error `outcomes` is left as it was.
    ///
    /// # Panics
    ///
    /// If the positions of the batch are not consecutive, if it has more than [`MAX_BATCH`] records, or if `fence` was
    /// not called first.
    fn apply(&mut self, batch: &[(Lsn, Entry<'_>)], outcomes: &mut Vec<Outcome>) -> Result<(), StoreError>;

    /// Makes sure that everything committed is on the store's own disk, and returns the position up to which every record
    /// of the journal is decided there. A smaller position than was applied through this connection means that the store
    /// forgot the rest: apply again from the one after it.
    ///
    /// # Errors
    ///
    /// `Fenced` if another applier took over; otherwise as [`StoreError`] says.
    ///
    /// # Panics
    ///
    /// If `fence` was not called first.
    fn safe(&mut self) -> Result<Lsn, StoreError>;

    /// What was decided about an event; `None` if nothing is.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn outcome(&mut self, event_id: u128) -> Result<Option<Outcome>, StoreError>;

    /// The position up to which every record of this journal is decided.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn applied(&mut self, log_id: u128) -> Result<Lsn, StoreError>;

    /// Creates an account.
    ///
    /// # Errors
    ///
    /// `NameTaken`, `NameInvalid`, or as [`StoreError`] says.
    fn account_create(&mut self, account: &NewAccount<'_>) -> Result<(), AccountError>;

    /// Creates accounts in one transaction, leaving out those whose name is taken; returns how many were created.
    /// For demonstration and load tests: 10,000 take about a second.
    ///
    /// # Errors
    ///
    /// `NameInvalid` for the first bad name (nothing is created), or as [`StoreError`] says.
    fn accounts_create_many(&mut self, accounts: &[NewAccount<'_>]) -> Result<usize, AccountError>;

    /// Finds an account by name, ignoring case.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn account_by_name(&mut self, name: &str) -> Result<Option<Account>, StoreError>;

    /// Finds an account by id.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn account(&mut self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// Begins a new session of the account and returns its generation; older generations end with it. `None` if there
    /// is no such account.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn session_open(&mut self, account: AccountId) -> Result<Option<u64>, StoreError>;

    /// The characters of an account, oldest first.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn characters(&mut self, account: AccountId) -> Result<Vec<Character>, StoreError>;

    /// A character with everything it has, without taking it over.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn character(&mut self, id: CharacterId) -> Result<Option<LoadedCharacter>, StoreError>;

    /// Takes a character over: its owner epoch grows, so that nothing an earlier holder still writes can win, and
    /// everything it has is read at the same moment.
    ///
    /// # Errors
    ///
    /// `NotFound` if it is not the account's, `Frozen` while a quarantined event concerns it, or as [`StoreError`] says.
    fn character_take(&mut self, id: CharacterId, account: AccountId) -> Result<LoadedCharacter, TakeError>;

    /// Writes the hot state of up to [`MAX_FLUSH_ROWS`] characters. A row wins only if its (owner epoch, version) is
    /// newer than the stored one; the others are reported and must not be tried again.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says; then the whole call may be repeated.
    ///
    /// # Panics
    ///
    /// If there are more rows than that.
    fn flush_hot(&mut self, rows: &[HotRow]) -> Result<FlushReport, StoreError>;

    /// Reserves `count` ids that nobody else will get; returns the first.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says. After `Unknown` the ids may be lost; ask again.
    fn id_block(&mut self, sequence: Sequence, count: u32) -> Result<i64, StoreError>;

    /// The parcels that wait for a character, oldest id first, with what is in them.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn parcels(&mut self, character: CharacterId) -> Result<Vec<OpenParcel>, StoreError> {
        let _ = character;
        Err(not_kept("parcels"))
    }

    /// The auctions that run, soonest end first.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn listings(&mut self) -> Result<Vec<OpenListing>, StoreError> {
        Err(not_kept("auctions"))
    }

    /// An account's cash.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn cash(&mut self, account: AccountId) -> Result<i64, StoreError> {
        let _ = account;
        Err(not_kept("cash"))
    }

    /// Why a character cannot be taken into the world: the first unresolved event that concerns it or its account; `None`
    /// if it can.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn frozen(&mut self, character: CharacterId) -> Result<Option<ReviewEntry>, StoreError> {
        let _ = character;
        Err(not_kept("reviews"))
    }

    /// Quarantined events in the order of the journal: those that wait, or all.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn review_list(&mut self, all: bool) -> Result<Vec<ReviewEntry>, StoreError> {
        let _ = all;
        Err(not_kept("reviews"))
    }

    /// Everything about one quarantined event; `None` if there is none of that identity.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn review(&mut self, event_id: u128) -> Result<Option<Review>, StoreError> {
        let _ = event_id;
        Err(not_kept("reviews"))
    }

    /// Where an item has been, from its creation on; empty if it never existed.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn provenance(&mut self, uid: ItemUid) -> Result<Vec<ItemStep>, StoreError> {
        let _ = uid;
        Err(not_kept("provenance"))
    }

    /// Proves what the events after position `lsn` of the newest journal did: as [`Store::audit`], but reads only the rows
    /// that these events touched, beside sums of what is open.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says; a violation is not an error but part of the report.
    fn audit_since(&mut self, lsn: Lsn) -> Result<AuditReport, StoreError> {
        let _ = lsn;
        Err(not_kept("positions"))
    }

    /// Proves the books: reads every row of value at one moment and compares.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says; a violation is not an error but part of the report.
    fn audit(&mut self) -> Result<AuditReport, StoreError>;

    /// Compares what players were told with what was decided.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn check_told(&mut self, told: &[Told]) -> Result<Vec<Violation>, StoreError>;

    /// The sums of the economy.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn economy(&mut self) -> Result<Economy, StoreError>;

    /// What stands beside the journal, at one moment: for backups.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn beside(&mut self) -> Result<Beside, StoreError>;

    /// Brings accounts back from a backup; those that exist get the password and generation given.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn restore_accounts(&mut self, accounts: &[StoredAccount]) -> Result<(), StoreError>;

    /// Makes every sequence go on at least from the given next id, so that no id is given twice after a restore.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    fn raise_sequences(&mut self, sequences: &[(i64, i64)]) -> Result<(), StoreError>;
}

/// For stores that tests make: what they leave out.
fn not_kept(what: &str) -> StoreError {
    StoreError::Permanent(format!("this store answers nothing about {what}"))
}

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrateReport {
    /// Steps applied now; 0 if the tables were up to date.
    pub applied: usize,
}

/// The applier's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fenced {
    /// Every record of the journal up to here is decided.
    pub applied: Lsn,
    /// How often an applier started on this store: a part of new event ids.
    pub boot: u32,
}

/// One record of the journal, as the applier meets it. Every record passes, so that positions have no gap.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'a> {
    /// A value event.
    Event {
        /// The event.
        event: &'a ValueEvent,
        /// Whether success was told when it became durable: it is applied or quarantined, never rejected.
        told: bool,
    },
    /// A value event that cannot be read: quarantined with its bytes.
    Damaged {
        /// From the record's header.
        event_id: u128,
        /// The payload.
        payload: &'a [u8],
    },
    /// A record that does nothing to the store, such as the start of a boot. Its outcome is `Applied`.
    Other,
}

impl<'a> Entry<'a> {
    /// A value event that nobody was told about yet.
    #[must_use]
    pub const fn strict(event: &'a ValueEvent) -> Self {
        Self::Event { event, told: false }
    }
}

/// How a journal record is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// A value event of a schema this version knows.
    Value,
    /// A value event of another schema: [`Entry::Damaged`].
    UnknownValue,
    /// Anything else: [`Entry::Other`].
    Other,
}

impl RecordKind {
    /// Classifies a journal record by its header.
    #[must_use]
    pub const fn of(kind: u16, schema: u16) -> Self {
        match (kind, schema) {
            (VALUE_KIND, 1..=VALUE_SCHEMA) => Self::Value,
            (VALUE_KIND, _) => Self::UnknownValue,
            _ => Self::Other,
        }
    }
}

/// What a connection is for; an operator sees it in the database's session list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Applies the journal; there is one.
    Applier,
    /// Flushes hot state.
    Flusher,
    /// Serves accounts and characters.
    Gateway,
    /// Commands an operator starts: migration, audit.
    Tool,
}

/// Opens the store at `url`: `sqlite:PATH` or `postgres://…`. The tables are not touched; see [`Store::migrate`].
///
/// # Errors
///
/// `Permanent` if the address cannot be understood, otherwise as [`StoreError`] says.
pub fn open(url: &str, role: Role) -> Result<Box<dyn Store>, StoreError> {
    crate::backend::open(url, role)
}
