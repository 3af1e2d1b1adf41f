//! The store as the rest of the engine sees it: one trait, the rows that pass through it, and [`open`].
//!
//! A store is one connection and belongs to one thread; every call blocks until it is answered or fails with an error that
//! says what to do. Which database is behind it is known only to [`open`].

use crate::ids::Lsn;

use crate::audit::{AuditReport, Economy, Told, Violation};
use crate::beside::{Beside, StoredAccount};
use crate::error::{AccountError, StoreError, TakeError};
use crate::event::{EventKind, Place, Resolve, VALUE_KIND, VALUE_SCHEMA, ValueEvent};
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

/// What was decided about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its changes are in the store.
    Applied,
    /// It changed nothing, for good.
    Rejected(Reason),
    /// It changed nothing; it lies in the review table and what it names is frozen until an operator decides.
    Quarantined(Reason),
}

impl Outcome {
    /// Its numbers in the outcome table: outcome and reason.
    pub(crate) const fn codes(self) -> (i32, i32) {
        match self {
            Self::Applied => (0, 0),
            Self::Rejected(reason) => (1, reason as i32),
            Self::Quarantined(reason) => (2, reason as i32),
        }
    }

    /// From its numbers; `None` if this version does not know them.
    pub(crate) fn from_codes(outcome: i32, reason: i32) -> Option<Self> {
        match outcome {
            0 => Some(Self::Applied),
            1 => Reason::from_code(reason).map(Self::Rejected),
            2 => Reason::from_code(reason).map(Self::Quarantined),
            _ => None,
        }
    }
}

/// Why an event was not applied. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// An item does not exist.
    ItemMissing = 1,
    /// An item has another version.
    ItemVersion = 2,
    /// An item lies elsewhere.
    ItemElsewhere = 3,
    /// An item of that identity exists or existed.
    ItemExists = 4,
    /// A target place is occupied.
    PlaceTaken = 5,
    /// A character would owe money.
    BalanceTooLow = 6,
    /// A balance would leave the number range.
    BalanceTooHigh = 7,
    /// A character named does not exist.
    CharacterUnknown = 8,
    /// The new character's id is in use.
    CharacterExists = 9,
    /// The account has as many characters as it may.
    CharacterLimit = 10,
    /// The account does not exist.
    AccountUnknown = 11,
    /// Another character has that name.
    NameTaken = 12,
    /// The warehouse belongs to another account.
    AccountOther = 13,
    /// The character's growth has another version.
    GrowthVersion = 14,
    /// Level, points and stats do not follow from what the character has.
    GrowthRule = 15,
    /// There is no such parcel.
    ParcelUnknown = 16,
    /// A parcel of that identity exists or existed.
    ParcelExists = 17,
    /// The parcel was emptied before.
    ParcelClaimed = 18,
    /// The parcel is for somebody else.
    ParcelOther = 19,
    /// The parcel holds something else.
    ParcelContent = 20,
    /// There is no such auction.
    ListingUnknown = 21,
    /// An auction of that identity exists or existed.
    ListingExists = 22,
    /// The auction has ended.
    ListingClosed = 23,
    /// The auction has another version: somebody else was faster.
    ListingVersion = 24,
    /// The bid is too low, too high, or on one's own auction.
    BidRefused = 25,
    /// The auction cannot end in that way.
    ListingRule = 26,
    /// The parcels or bids of the event are not those the auction owes.
    ListingContent = 27,
    /// No event of that identity waits for review.
    ReviewUnknown = 28,
    /// The quarantined event was resolved before.
    ReviewClosed = 29,
    /// An earlier quarantined event concerns the same things and must be resolved first.
    ReviewOrder = 30,
    /// The quarantined event cannot be read or breaks a rule: it can be discarded or compensated, not applied.
    ReviewUnreadable = 31,
    /// A second person must agree.
    SecondMissing = 32,
    /// Quarantined: the event breaks a rule of [`ValueEvent::check`].
    Malformed = 64,
    /// Quarantined: the payload cannot be read.
    Undecodable = 65,
    /// Quarantined: something it names is frozen by an earlier quarantined event.
    Frozen = 66,
    /// Quarantined: the database refused its rows.
    Refused = 67,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 36] = [
        Self::ItemMissing,
        Self::ItemVersion,
        Self::ItemElsewhere,
        Self::ItemExists,
        Self::PlaceTaken,
        Self::BalanceTooLow,
        Self::BalanceTooHigh,
        Self::CharacterUnknown,
        Self::CharacterExists,
        Self::CharacterLimit,
        Self::AccountUnknown,
        Self::NameTaken,
        Self::AccountOther,
        Self::GrowthVersion,
        Self::GrowthRule,
        Self::ParcelUnknown,
        Self::ParcelExists,
        Self::ParcelClaimed,
        Self::ParcelOther,
        Self::ParcelContent,
        Self::ListingUnknown,
        Self::ListingExists,
        Self::ListingClosed,
        Self::ListingVersion,
        Self::BidRefused,
        Self::ListingRule,
        Self::ListingContent,
        Self::ReviewUnknown,
        Self::ReviewClosed,
        Self::ReviewOrder,
        Self::ReviewUnreadable,
        Self::SecondMissing,
        Self::Malformed,
        Self::Undecodable,
        Self::Frozen,
        Self::Refused,
    ];

    fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|&reason| reason as i32 == code)
    }
}

/// An account to be created.
#[derive(Debug, Clone, Copy)]
pub struct NewAccount<'a> {
    /// From [`Sequence::Account`].
    pub id: AccountId,
    /// Its name.
    pub name: &'a str,
    /// The password hash in PHC string format.
    pub password: &'a str,
    /// When, in microseconds since 1970.
    pub created_us: i64,
}

/// A stored account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name as it was registered.
    pub name: String,
    /// The password hash in PHC string format.
    pub password: String,
    /// The generation of its newest session; 0 before the first.
    pub generation: u64,
}

/// A character's lasting properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Character {
    /// Its id.
    pub id: CharacterId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Its class, as numbered by the content.
    pub class: i32,
    /// Its level.
    pub level: i32,
}

/// The state of a character that is written often and may be some seconds old after a crash. No value in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HotRow {
    /// Whose state.
    pub character: CharacterId,
    /// Counts who held the character; from [`Store::character_take`].
    pub owner_epoch: i64,
    /// Counts changes made by the holder; grows with each flushed state.
    pub version: i64,
    /// Map.
    pub map: i32,
    /// Entry point.
    pub entry: i32,
    /// Position, 8.8 fixed point tiles.
    pub x: i32,
    /// Position, 8.8 fixed point tiles.
    pub y: i32,
    /// Direction.
    pub heading: i32,
    /// Health.
    pub hp: i32,
    /// Mana.
    pub mp: i32,
}

/// An item that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Its identity.
    pub uid: ItemUid,
    /// Counts its moves, from 1.
    pub version: i32,
    /// What it is.
    pub template: i32,
    /// Its level.
    pub level: i32,
    /// Which container of its owner it lies in.
    pub container: i32,
    /// Where in it.
    pub slot: i32,
}

/// A character with everything it has, read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedCharacter {
    /// Who it is.
    pub character: Character,
    /// Where and how it stands.
    pub hot: HotRow,
    /// The zen it carries.
    pub zen: i64,
    /// What it carries and wears, by slot.
    pub items: Vec<Item>,
    /// Zen in the warehouse of its account.
    pub stored_zen: i64,
    /// Items in the warehouse of its account, by slot.
    pub warehouse: Vec<Item>,
    /// Items it dropped that nobody picked up, by slot.
    pub ground: Vec<Item>,
    /// Its points and stats.
    pub growth: CharacterGrowth,
}

/// A character's growth. At version 0 it has the stats its class begins with, which the store does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CharacterGrowth {
    /// Counts its changes, from 0.
    pub version: i32,
    /// Its level.
    pub level: u16,
    /// Points it may spend.
    pub points: u16,
    /// Its stats; zeros at version 0.
    pub stats: [u16; 4],
}

/// A parcel that waits for its receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenParcel {
    /// Its id.
    pub id: i64,
    /// The character that sent it; 0 is the house.
    pub from: i64,
    /// The sender's name; empty for the house.
    pub from_name: String,
    /// How much zen is in it.
    pub zen: i64,
    /// What else is in it, by slot.
    pub items: Vec<Item>,
    /// The event that sent it.
    pub made_by: u128,
}

/// An auction that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenListing {
    /// Its id.
    pub id: i64,
    /// Its version; the next bid must name it.
    pub version: i32,
    /// The character that sells.
    pub seller: i64,
    /// The least that may be bid.
    pub min_bid: i64,
    /// The full price; 0 if there is none.
    pub buy_out: i64,
    /// When it ends, in seconds since 1970.
    pub ends_s: i64,
    /// The character that bid most; 0 before the first bid.
    pub bidder: i64,
    /// How much it bid.
    pub bid: i64,
    /// What is sold.
    pub item: Item,
}

/// A quarantined event, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewEntry {
    /// Which event.
    pub event_id: u128,
    /// Its position in its journal.
    pub lsn: Lsn,
    /// What it was; `None` if it could not be read.
    pub kind: Option<EventKind>,
    /// Why it was quarantined.
    pub reason: Reason,
    /// The same in words.
    pub detail: String,
    /// The event that resolved it, and how.
    pub resolved: Option<(u128, Resolve)>,
}

/// A quarantined event with everything an operator needs to decide about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The event in one line.
    pub entry: ReviewEntry,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// The event; `None` if it cannot be read.
    pub event: Option<ValueEvent>,
    /// The rows of what it names as it found them, one per line.
    pub found: String,
    /// The same rows at this moment.
    pub now: String,
    /// What it freezes: kind (character, item, account, parcel, listing) and id.
    pub freezes: Vec<(&'static str, i64)>,
    /// Other unresolved events that freeze one of these, in the order of the journal.
    pub related: Vec<u128>,
}

/// One step of an item's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemStep {
    /// The item's version after it.
    pub version: i32,
    /// What did it.
    pub event_id: u128,
    /// The event's position in its journal.
    pub lsn: Lsn,
    /// What the event was.
    pub kind: Option<EventKind>,
    /// Where the item lay; `None` where it was created.
    pub from: Option<Place>,
    /// Whose place that was, by name; empty if it has none.
    pub from_name: String,
    /// Where it lies; `None` where it was destroyed.
    pub to: Option<Place>,
    /// Whose place that is, by name; empty if it has none.
    pub to_name: String,
}

/// What became of flushed rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// Rows stored.
    pub written: usize,
    /// Characters whose stored state is newer, or that do not exist; somebody else owns them now.
    pub stale: Vec<CharacterId>,
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
