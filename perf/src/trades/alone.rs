//! PostgreSQL alone, as well as it can be used for one trade at a time: every trade its own transaction that waits for the disk,
//! prepared, checked, all rows written. Two ways, of which the faster counts: statement by statement, and one call of a
//! function in the server.

use std::error::Error;
use std::time::Duration;

use mu_core::runtime::Clock;
use mu_perf::host::exact;
use mu_storage::event::ValueEvent;
use mu_storage::testing::PrivatePostgres;
use postgres::{Client, NoTls, Statement};

use super::cpu;
use super::market::{Market, PAIRS};

/// What the rows of a trade are called in the store's tables.
const FUNCTION: &str = "CREATE OR REPLACE FUNCTION bench_trade(id bytea, seq bigint, uids bigint[], versions integer[], \
     owners bigint[], slots integer[], to_owners bigint[], to_slots integer[], payer bigint, payee bigint, price bigint) \
     RETURNS void LANGUAGE plpgsql AS $$ \
     DECLARE changed integer; \
     BEGIN \
       UPDATE balances SET amount = amount - price WHERE account = payer AND currency = 0 AND amount >= price; \
       IF NOT FOUND THEN RAISE EXCEPTION 'no money'; END IF; \
       UPDATE balances SET amount = amount + price WHERE account = payee AND currency = 0; \
       IF NOT FOUND THEN RAISE EXCEPTION 'nobody to pay'; END IF; \
       UPDATE items SET version = items.version + 1, owner = n.to_owner, slot = n.to_slot \
         FROM unnest(uids, versions, owners, slots, to_owners, to_slots) AS n (uid, version, owner, slot, to_owner, to_slot) \
         WHERE items.uid = n.uid AND items.version = n.version AND items.owner = n.owner AND items.slot = n.slot; \
       GET DIAGNOSTICS changed = ROW_COUNT; \
       IF changed <> 4 THEN RAISE EXCEPTION 'an item is not as expected'; END IF; \
       INSERT INTO outcomes (event_id, journal, lsn, outcome, reason, changes, moves) VALUES (id, 1, seq, 0, 0, 2, 4); \
       INSERT INTO ledger (event_id, account, currency, delta) VALUES (id, payer, 0, -price), (id, payee, 0, price); \
       INSERT INTO item_history (uid, seq, event_id, kind, from_owner, from_container, from_slot, to_owner, \
         to_container, to_slot) \
         SELECT n.uid, n.version + 1, id, 1, n.owner, 0, n.slot, n.to_owner, 0, n.to_slot \
         FROM unnest(uids, versions, owners, slots, to_owners, to_slots) AS n (uid, version, owner, slot, to_owner, to_slot); \
     END $$";

/// The statements of the other way, in order.
const STATEMENTS: [&str; 6] = [
    "SELECT uid, version, owner, slot FROM items WHERE uid = ANY($1) FOR UPDATE",
    "SELECT account, amount FROM balances WHERE account = ANY($1) AND currency = 0 ORDER BY account FOR UPDATE",
    "UPDATE items SET version = items.version + 1, owner = n.owner, slot = n.slot \
        FROM unnest($1::bigint[], $2::bigint[], $3::integer[]) AS n (uid, owner, slot) WHERE items.uid = n.uid",
    "UPDATE balances SET amount = amount + CASE WHEN account = $1 THEN -$3::bigint ELSE $3::bigint END \
        WHERE account IN ($1, $2) AND currency = 0",
    "WITH decided AS (INSERT INTO outcomes (event_id, journal, lsn, outcome, reason, changes, moves) \
        VALUES ($1, 1, $2, 0, 0, 2, 4)) \
        INSERT INTO ledger (event_id, account, currency, delta) VALUES ($1, $3, 0, -$5::bigint), ($1, $4, 0, $5::bigint)",
    "INSERT INTO item_history (uid, seq, event_id, kind, from_owner, from_container, from_slot, to_owner, to_container, \
        to_slot) SELECT n.uid, n.version + 1, $1, 1, n.owner, 0, n.slot, n.to_owner, 0, n.to_slot \
        FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::integer[], $6::bigint[], $7::integer[]) \
        AS n (uid, version, owner, slot, to_owner, to_slot)",
];

/// The two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Statements,
    Function,
}

/// Numbers of clients that are tried.
const CLIENTS: [u32; 4] = [1, 4, 16, 64];

/// The best of one way: trades a second and the number of clients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best {
    pub(super) per_s: f64,
    pub(super) clients: u32,
    /// CPU time of clients and server a trade, in microseconds, where it was least.
    pub(super) cpu_us: f64,
}

/// Tries every number of clients for this long each, on the server at `url` with a populated, migrated store.
pub(super) fn best(
    server: &PrivatePostgres,
    way: Way,
    market: &mut Market,
    each: Duration,
) -> Result<Best, Box<dyn Error>> {
    let url = server.url();
    Client::connect(&url, NoTls)?.batch_execute(FUNCTION)?;
    let mut best = Best { per_s: 0.0, clients: 0, cpu_us: f64::MAX };
    for clients in CLIENTS {
        let cpu = cpu::used(Some(server))?;
        let (done, per_s) = run(&url, way, market, clients, each)?;
        best.cpu_us = best.cpu_us.min((cpu::used(Some(server))? - cpu).as_secs_f64() * 1e6 / exact(done));
        if per_s > best.per_s {
            best = Best { per_s, clients, ..best };
        }
    }
    Ok(best)
}

fn run(url: &str, way: Way, market: &mut Market, clients: u32, each: Duration) -> Result<(u64, f64), Box<dyn Error>> {
    let share = PAIRS / clients;
    let parts = market.split((0..clients).map(|n| (n * share, (n + 1) * share)));
    let (done, seconds) = std::thread::scope(|scope| -> Result<_, String> {
        let began = Clock::now();
        let threads: Vec<_> = parts
            .into_iter()
            .map(|part| scope.spawn(move || client(url, way, part, each).map_err(|error| error.to_string())))
            .collect();
        let mut done = 0;
        for thread in threads {
            let (trades, part) = thread.join().map_err(|_| "a client panicked")??;
            done += trades;
            market.join(&part);
        }
        Ok((done, Clock::now().since(began).as_secs_f64()))
    })?;
    Ok((done, exact(done) / seconds))
}

/// One client's trades, each awaited before the next.
fn client(url: &str, way: Way, mut market: Market, each: Duration) -> Result<(u64, Market), Box<dyn Error>> {
    let mut client = Client::connect(url, NoTls)?;
    let call = client.prepare("SELECT bench_trade($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")?;
    let statements = STATEMENTS.iter().map(|text| client.prepare(text)).collect::<Result<Vec<_>, _>>()?;
    let end = Clock::now() + each;
    let mut done = 0;
    while Clock::now() < end {
        let trade = Trade::of(&market.trade());
        match way {
            Way::Function => trade.call(&mut client, &call)?,
            Way::Statements => trade.step_by_step(&mut client, &statements)?,
        }
        done += 1;
    }
    Ok((done, market))
}

/// A trade as columns.
struct Trade {
    id: [u8; 16],
    seq: i64,
    uids: Vec<i64>,
    versions: Vec<i32>,
    owners: Vec<i64>,
    slots: Vec<i32>,
    to_owners: Vec<i64>,
    to_slots: Vec<i32>,
    payer: i64,
    payee: i64,
    price: i64,
}

impl Trade {
    fn of(event: &ValueEvent) -> Self {
        let column = |f: fn(&mu_storage::event::ItemMove) -> i64| event.moves.iter().map(f).collect::<Vec<_>>();
        let small = |f: fn(&mu_storage::event::ItemMove) -> i32| event.moves.iter().map(f).collect::<Vec<_>>();
        Self {
            id: event.event_id.to_be_bytes(),
            seq: i64::try_from(event.event_id & u128::from(u32::MAX)).expect("32 bits"),
            uids: column(|m| m.uid),
            versions: small(|m| m.version),
            owners: column(|m| m.from.owner),
            slots: small(|m| m.from.slot.into()),
            to_owners: column(|m| m.to.owner),
            to_slots: small(|m| m.to.slot.into()),
            payer: event.balances[0].account,
            payee: event.balances[1].account,
            price: event.balances[1].delta,
        }
    }

    fn call(&self, client: &mut Client, call: &Statement) -> Result<(), postgres::Error> {
        let id = self.id.as_slice();
        let Self { seq, uids, versions, owners, slots, to_owners, to_slots, payer, payee, price, .. } = self;
        client.query(call, &[&id, seq, uids, versions, owners, slots, to_owners, to_slots, payer, payee, price])?;
        Ok(())
    }

    fn step_by_step(&self, client: &mut Client, statements: &[Statement]) -> Result<(), Box<dyn Error>> {
        let id = self.id.as_slice();
        let mut transaction = client.transaction()?;
        let items = transaction.query(&statements[0], &[&self.uids])?;
        let money = transaction.query(&statements[1], &[&vec![self.payer, self.payee]])?;
        let fits = items.iter().all(|row| {
            let at = self.uids.iter().position(|uid| *uid == row.get::<_, i64>(0)).expect("it was asked for");
            let found = (row.get::<_, i32>(1), row.get::<_, i64>(2), row.get::<_, i32>(3));
            found == (self.versions[at], self.owners[at], self.slots[at])
        });
        let pays = money.iter().any(|row| row.get::<_, i64>(0) == self.payer && row.get::<_, i64>(1) >= self.price);
        if items.len() != 4 || money.len() != 2 || !fits || !pays {
            return Err("a trade of the bench is not possible".into());
        }
        transaction.execute(&statements[2], &[&self.uids, &self.to_owners, &self.to_slots])?;
        transaction.execute(&statements[3], &[&self.payer, &self.payee, &self.price])?;
        transaction.execute(&statements[4], &[&id, &self.seq, &self.payer, &self.payee, &self.price])?;
        let Self { uids, versions, owners, slots, to_owners, to_slots, .. } = self;
        transaction.execute(&statements[5], &[&id, uids, versions, owners, slots, to_owners, to_slots])?;
        transaction.commit()?;
        Ok(())
    }
}
