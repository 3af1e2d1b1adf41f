//! The promise of value against real processes: a server killed at random moments under real clients, restarted, audited.
//!
//! Nothing here knows the engine: it starts the two programs as an operator would, ends them, and reads what they wrote.
//! Every pause has an end; every process started here is ended here, by its number.

mod blows;
mod hold;
mod kill;
mod outage;
pub(crate) mod pause;
mod points;
pub(crate) mod process;
mod recorded;
mod rewind;
pub(crate) mod site;
mod standing;
mod stranger;
mod travel;

use std::path::PathBuf;

use mu_storage::testing::PrivatePostgres;

pub use blows::{Blow, BlowReport, strike_repeatedly};
pub use kill::{KillReport, kill_repeatedly};
pub use outage::{OutageReport, store_outage};
pub use points::{PointReport, die_at_points};
pub use process::Programs;
pub use recorded::{RecordedReport, record};
pub use rewind::{RewindReport, rewind};
pub use site::Site;
pub use standing::{StandingReport, stop_repeatedly};
pub use stranger::python_client;
pub use travel::{TravelReport, travel};

/// Which store the server under test uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// The embedded store.
    Sqlite,
    /// A private PostgreSQL, started for this run.
    Postgres,
}

impl StoreKind {
    /// Its name on the command line.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "sqlite" => Some(Self::Sqlite),
            "postgres" => Some(Self::Postgres),
            _ => None,
        }
    }
}

/// What is to be run.
#[derive(Debug, Clone)]
pub struct CrashOptions {
    /// How often the server ends.
    pub rounds: u32,
    /// On which store.
    pub store: StoreKind,
    /// Real clients trading meanwhile.
    pub bots: u32,
    /// Decides the moments.
    pub seed: u64,
    /// The programs under test.
    pub programs: Programs,
    /// What runs its shards: `auto`, `glommio` or `mio`.
    pub runtime: &'static str,
    /// Keep the folder of the run, whatever comes of it.
    pub keep: Option<PathBuf>,
}

/// The run ended with a broken promise, or could not be made.
#[derive(Debug)]
pub struct Broken(pub String);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

/// Wraps what the system said.
pub(crate) fn broken(what: &str, error: impl std::fmt::Display) -> Broken {
    Broken(format!("{what}: {error}"))
}

/// Runs at a fresh site, whose folder is kept if a promise breaks and the options say where.
pub(crate) fn at_site<T>(
    options: &CrashOptions,
    run: impl FnOnce(&mut Site) -> Result<T, Broken>,
) -> Result<T, Broken> {
    let mut site = Site::new(options.store, options.programs.clone(), options.runtime)?;
    let result = run(&mut site);
    if let Some(to) = options.keep.as_ref().filter(|_| result.is_err()) {
        site.keep(to);
    }
    result
}

/// The store's server, if it has one.
fn private_store(kind: StoreKind) -> Option<PrivatePostgres> {
    match kind {
        StoreKind::Sqlite => None,
        StoreKind::Postgres => Some(PrivatePostgres::start()),
    }
}

/// A small seeded generator (SplitMix64): the moments of a run are the same for the same seed.
#[derive(Debug)]
pub(crate) struct Moments(u64);

impl Moments {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
