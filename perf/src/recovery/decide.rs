//! Events that the last run left undecided, decided by the code every start runs: log again, fence, apply, make safe.

use std::error::Error;
use std::path::Path;

use mu_core::runtime::Clock;
use mu_storage::event::{
    self, BalanceChange, Birth, CharacterName, Currency, EventKind, VALUE_KIND, VALUE_SCHEMA, ValueEvent,
};
use mu_storage::ids::AccountId;
use mu_storage::store::{NewAccount, Role, open};
use mu_storage::testing::PrivatePostgres;
use mu_value::{RecoverOptions, Recovered, recover};
use mu_wal::{AppendError, Journal, NewRecord, ScanOptions, scan};

/// Characters that trade with each other.
const CHARACTERS: i64 = 200;

/// How long a start took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    /// Reading the journal and connecting.
    pub(super) opening_s: f64,
    /// From there to the last decision on the store's own disk.
    pub(super) decided_s: f64,
}

/// The same on an embedded store and on a private PostgreSQL with its usual durability.
pub(super) fn on_both_stores(dir: &Path, events: u64) -> Result<Vec<(&'static str, Took)>, Box<dyn Error>> {
    let folder = tempfile::tempdir_in(dir)?;
    let sqlite = format!("sqlite:{}", folder.path().join("mu.db").display());
    let postgres = PrivatePostgres::start();
    Ok(vec![
        ("sqlite", on(&folder.path().join("wal-sqlite"), &sqlite, events)?),
        ("postgres", on(&folder.path().join("wal-postgres"), &postgres.url(), events)?),
    ])
}

fn on(dir: &Path, url: &str, events: u64) -> Result<Took, Box<dyn Error>> {
    let mut store = open(url, Role::Applier)?;
    store.migrate()?;
    drop(store);
    let mut first = start(dir, url)?.0.journal;
    let mut store = open(url, Role::Tool)?;
    for id in 1..=CHARACTERS {
        let name = format!("hero{id}");
        store.account_create(&NewAccount { id: AccountId(id), name: &name, password: "none", created_us: 1 })?;
        log(&mut first, &birth(id)?)?;
    }
    drop(store);
    first.close()?;
    let mut second = start(dir, url)?.0.journal;
    for at in 0..events {
        log(&mut second, &payment(at)?)?;
    }
    second.close()?;
    let (recovered, took) = start(dir, url)?;
    assert_eq!(recovered.replayed.len() as u64, events, "everything was undecided and is decided");
    recovered.journal.close()?;
    Ok(took)
}

/// What every start does.
fn start(dir: &Path, url: &str) -> Result<(Recovered, Took), Box<dyn Error>> {
    let began = Clock::now();
    let scanned = scan(dir, &ScanOptions::default())?;
    let mut store = open(url, Role::Applier)?;
    let opened = Clock::now();
    let recovered = recover(scanned, dir, &RecoverOptions::default(), &mut *store)?;
    let ended = Clock::now();
    let took = Took { opening_s: opened.since(began).as_secs_f64(), decided_s: ended.since(opened).as_secs_f64() };
    Ok((recovered, took))
}

/// Makes the event durable with those before it.
fn log(journal: &mut Journal, event: &ValueEvent) -> Result<(), Box<dyn Error>> {
    let mut payload = Vec::new();
    event::encode_into(event, &mut payload);
    let new = NewRecord {
        kind: VALUE_KIND,
        schema: VALUE_SCHEMA,
        event_id: event.event_id,
        flags: 0,
        hint: 0,
        payload: &payload,
    };
    match journal.append(&new) {
        Ok(_) => Ok(()),
        Err(AppendError::Full) => {
            journal.sync()?;
            journal.append(&new).map(drop).map_err(Into::into)
        }
        Err(error) => Err(error.into()),
    }
}

fn birth(id: i64) -> Result<ValueEvent, Box<dyn Error>> {
    let birth = Birth {
        character: id,
        account: id,
        name: CharacterName::new(&format!("hero{id}"))?,
        class: 1,
        entry: 1,
        map: 2,
        x: 300,
        y: 400,
        heading: 3,
        hp: 100,
        mp: 50,
    };
    Ok(ValueEvent::character_birth(u128::from(id.unsigned_abs()), birth, 1_000_000, std::iter::empty()))
}

/// One zen from a character to the next one.
fn payment(at: u64) -> Result<ValueEvent, Box<dyn Error>> {
    let mut event = ValueEvent::new(u128::from(at) << 64, EventKind::Trade);
    event.event_id |= 1 << 40;
    let from = 1 + i64::try_from(at)? % CHARACTERS;
    let to = 1 + from % CHARACTERS;
    event.balances.push(BalanceChange { account: from, currency: Currency::Zen, delta: -1 });
    event.balances.push(BalanceChange { account: to, currency: Currency::Zen, delta: 1 });
    Ok(event)
}
