//! Another writer that holds the store for a moment: the applier waits, events pile up durable and undecided, and a kill
//! then leaves them to the next start.

use std::time::Duration;

use postgres::NoTls;
use rusqlite::Connection;

use super::site::Site;
use super::{Broken, broken};

/// Waits at most this long for the lock.
const LOCK_MAX: Duration = Duration::from_secs(5);

/// The lock, until it is dropped.
pub(super) enum HeldStore {
    /// The writer's lock of the file.
    Sqlite(#[expect(dead_code, reason = "held for its lock alone")] Connection),
    /// A lock on the table that every applied batch writes.
    Postgres(#[expect(dead_code, reason = "held for its lock alone")] postgres::Client),
}

impl HeldStore {
    /// Takes the lock as a second program would.
    pub(super) fn hold(site: &Site) -> Result<Self, Broken> {
        match site.store_url().strip_prefix("sqlite:") {
            Some(path) => {
                let held = Connection::open(path).map_err(|error| broken("the store's file", error))?;
                held.busy_timeout(LOCK_MAX).map_err(|error| broken("the store's file", error))?;
                held.execute_batch("BEGIN IMMEDIATE").map_err(|error| broken("the writer's lock", error))?;
                Ok(Self::Sqlite(held))
            }
            None => {
                let mut held =
                    postgres::Client::connect(site.store_url(), NoTls).map_err(|error| broken("PostgreSQL", error))?;
                held.batch_execute(
                    "BEGIN; SET LOCAL lock_timeout = '5s'; LOCK TABLE journals IN ACCESS EXCLUSIVE MODE",
                )
                .map_err(|error| broken("the table's lock", error))?;
                Ok(Self::Postgres(held))
            }
        }
    }
}
