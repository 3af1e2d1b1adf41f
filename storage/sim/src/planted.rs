//! The mistakes to order of every crate that a world runs, by name; only with the feature `planted`.

/// A mistake that can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planted {
    /// The package that makes it.
    pub package: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it does wrong.
    pub does: &'static str,
}

/// Every mistake.
#[must_use]
pub fn all() -> Vec<Planted> {
    let wal = mu_wal::planted::Bug::ALL.iter().map(|(_, name, does)| ("mu-wal", *name, *does));
    let storage = mu_storage::planted::Bug::ALL.iter().map(|(_, name, does)| ("mu-storage", *name, *does));
    let value = mu_value::planted::Bug::ALL.iter().map(|(_, name, does)| ("mu-value", *name, *does));
    let game = crate::mistakes::Bug::ALL.iter().map(|(_, name, does)| ("mu-value-sim", *name, *does));
    let every = wal.chain(storage).chain(value).chain(game);
    every.map(|(package, name, does)| Planted { package, name, does }).collect()
}

/// Makes this mistake from now on, in the whole process, or none.
pub fn choose(name: Option<&str>) {
    let named = |own: &str| name == Some(own);
    mu_wal::planted::set(mu_wal::planted::Bug::ALL.iter().find(|(_, own, _)| named(own)).map(|found| found.0));
    mu_storage::planted::set(mu_storage::planted::Bug::ALL.iter().find(|(_, own, _)| named(own)).map(|found| found.0));
    mu_value::planted::set(mu_value::planted::Bug::ALL.iter().find(|(_, own, _)| named(own)).map(|found| found.0));
    crate::mistakes::set(crate::mistakes::Bug::ALL.iter().find(|(_, own, _)| named(own)).map(|found| found.0));
}

/// Runs seeds with this mistake until one sees it: how many seeds that took, and what was seen.
#[must_use]
pub fn hunt(name: &str, seeds: u64) -> Option<(u64, String)> {
    choose(Some(name));
    let seen = (1..=seeds).find_map(|seed| Some((seed, crate::run(seed, false).err()?.0.0)));
    choose(None);
    seen
}
