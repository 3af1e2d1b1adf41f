//! Where the tests get their stores, and short ways to make events.

use mu_storage::event::{BalanceChange, Birth, CharacterName, Currency, EventKind, ItemMove, Place, ValueEvent};
use mu_storage::ids::{AccountId, CharacterId, Lsn};
use mu_storage::store::{Entry, NewAccount, Outcome, Role, Store, open};
use mu_storage::testing::PrivatePostgres;

/// A database that lives as long as the test.
pub(crate) enum Database {
    Sqlite(tempfile::TempDir),
    Postgres(PrivatePostgres),
    /// The same PostgreSQL again, kept running by another value of this type.
    Address(String),
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) fn postgres() -> Self {
        Self::Postgres(PrivatePostgres::start())
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("store.db").display()),
            Self::Postgres(server) => server.url(),
            Self::Address(url) => url.clone(),
        }
    }

    pub(crate) fn open(&self, role: Role) -> Box<dyn Store> {
        open(&self.url(), role).unwrap()
    }

    /// Statements past the store, as an operator with a console would make them.
    pub(crate) fn by_hand(&self, text: &str) {
        match self {
            Self::Sqlite(_) => self.sqlite_console().execute_batch(text).unwrap(),
            Self::Postgres(_) | Self::Address(_) => self.postgres_console().batch_execute(text).unwrap(),
        }
    }

    /// A number read past the store.
    pub(crate) fn count(&self, text: &str) -> i64 {
        match self {
            Self::Sqlite(_) => self.sqlite_console().query_row(text, [], |row| row.get(0)).unwrap(),
            Self::Postgres(_) | Self::Address(_) => self.postgres_console().query_one(text, &[]).unwrap().get(0),
        }
    }

    /// Bytes as a literal of this database.
    pub(crate) fn blob(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Sqlite(_) => format!("X'{hex}'"),
            Self::Postgres(_) | Self::Address(_) => format!("'\\x{hex}'::bytea"),
        }
    }

    fn sqlite_console(&self) -> rusqlite::Connection {
        let url = self.url();
        let console = rusqlite::Connection::open(url.strip_prefix("sqlite:").unwrap()).unwrap();
        console.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        console
    }

    fn postgres_console(&self) -> postgres::Client {
        postgres::Client::connect(&self.url(), postgres::NoTls).unwrap()
    }

    /// A migrated store.
    pub(crate) fn ready(&self, role: Role) -> Box<dyn Store> {
        let mut store = self.open(role);
        store.migrate().unwrap();
        store
    }
}

/// Makes two tests of one function that takes a [`Database`].
macro_rules! on_both {
    ($($(#[$doc:meta])* fn $name:ident($database:ident) $body:block)*) => {
        $(mod $name {
            use super::*;
            $(#[$doc])*
            fn check($database: &$crate::stores::Database) $body
            #[test]
            fn on_sqlite() {
                check(&$crate::stores::Database::sqlite());
            }
            #[test]
            fn on_postgres() {
                check(&$crate::stores::Database::postgres());
            }
        })*
    };
}
pub(crate) use on_both;

/// The journal of the tests.
pub(crate) const LOG: u128 = 0x1000_0000_0000_0000_0000_0000_0000_0001;

/// An applier that numbers its records itself.
pub(crate) struct Applier {
    pub(crate) store: Box<dyn Store>,
    pub(crate) next: u64,
}

impl Applier {
    pub(crate) fn new(database: &Database) -> Self {
        let mut store = database.ready(Role::Applier);
        let fenced = store.fence(LOG).unwrap();
        Self { store, next: fenced.applied.0 + 1 }
    }

    pub(crate) fn apply(&mut self, events: &[ValueEvent]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let batch: Vec<_> = (self.next..).map(Lsn).zip(events.iter().map(Entry::strict)).collect();
        self.store.apply(&batch, &mut outcomes).unwrap();
        self.next += u64::try_from(events.len()).unwrap();
        outcomes
    }

    pub(crate) fn apply_one(&mut self, event: &ValueEvent) -> Outcome {
        self.apply(std::slice::from_ref(event))[0]
    }

    pub(crate) fn account(&mut self, id: i64) {
        let name = format!("account_{id}");
        account(&mut *self.store, id, &name);
    }

    /// An account with one character of the same number: `zen` and `items` item uids in slots from 0.
    pub(crate) fn player(&mut self, id: i64, zen: i64, items: &[i64]) {
        self.account(id);
        let outcome =
            self.apply_one(&birth(u128::from(id.unsigned_abs()) << 64, id, id, &format!("hero{id}"), zen, items));
        assert_eq!(outcome, Outcome::Applied, "birth of {id}");
    }

    /// Zen and (uid, slot, version) of each item.
    pub(crate) fn holdings(&mut self, id: i64) -> (i64, Vec<(i64, i32, i32)>) {
        let loaded = self.store.character(CharacterId(id)).unwrap().expect("the character exists");
        (loaded.zen, loaded.items.iter().map(|i| (i.uid.0, i.slot, i.version)).collect())
    }

    pub(crate) fn assert_clean(&mut self) {
        let report = self.store.audit().unwrap();
        assert!(report.is_clean(), "{report}");
    }
}

pub(crate) fn account(store: &mut dyn Store, id: i64, name: &str) {
    store.account_create(&NewAccount { id: AccountId(id), name, password: "$argon2id$test", created_us: 1 }).unwrap();
}

pub(crate) fn birth(event_id: u128, character: i64, account: i64, name: &str, zen: i64, items: &[i64]) -> ValueEvent {
    let name = CharacterName::new(name).unwrap();
    let birth =
        Birth { character, account, name, class: 1, entry: 1, map: 2, x: 300, y: 400, heading: 3, hp: 100, mp: 50 };
    let items = items.iter().zip(0..).map(|(&uid, slot)| (uid, 7, 2, slot));
    ValueEvent::character_birth(event_id, birth, zen, items)
}

/// A trade: zen from `a` to `b`, and moves of (uid, version, from, to).
pub(crate) fn trade(event_id: u128, a: i64, b: i64, zen: i64, moves: &[(i64, i32, Place, Place)]) -> ValueEvent {
    let mut event = ValueEvent::new(event_id, EventKind::Trade);
    if zen != 0 {
        event.balances.push(BalanceChange { account: a, currency: Currency::Zen, delta: -zen });
        event.balances.push(BalanceChange { account: b, currency: Currency::Zen, delta: zen });
    }
    for &(uid, version, from, to) in moves {
        event.moves.push(ItemMove { uid, version, from, to });
    }
    event
}

pub(crate) const fn slot(owner: i64, slot: u16) -> Place {
    Place::inventory(owner, slot)
}
