//! Which CPUs do what, pinning threads to them, and reading back from the kernel what really holds.
//!
//! Shards run on the map CPUs and nothing else does; every other thread lives on the housekeeping CPUs. A CPU may be listed
//! twice for the map: two shards then share it.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

use core_affinity::CoreId;
use mu_config::Cpus;

use super::kernel;

/// From this many CPUs on, two of them are kept for housekeeping when nothing is said.
const TWO_HOUSEKEEPING_FROM: usize = 8;

/// The CPUs of the process, divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorePlan {
    /// What the process may use.
    pub allowed: Vec<usize>,
    /// For every thread that is not a shard.
    pub housekeeping: Vec<usize>,
    /// One shard per entry.
    pub map: Vec<usize>,
}

/// What is wrong with a wanted division.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorePlanError {
    /// A CPU the process may not use.
    #[error("{key} names CPU {cpu}; this process may use {allowed:?}")]
    NotAllowed {
        /// The configuration key.
        key: &'static str,
        /// The CPU.
        cpu: usize,
        /// What would be possible.
        allowed: Vec<usize>,
    },
    /// An empty list.
    #[error("{0} lists no CPU; name at least one or write \"auto\"")]
    Empty(&'static str),
    /// More shards than a shard number can count.
    #[error("cores.map has {0} entries; a server has at most 255 shards")]
    TooMany(usize),
    /// The kernel would not say what is allowed.
    #[error("the kernel does not say which CPUs this process may use")]
    Unknown,
}

/// Divides the CPUs this process may use; call it before any thread is pinned.
///
/// # Errors
/// If the lists name what is not there.
pub fn plan(map: &Cpus, housekeeping: &Cpus) -> Result<CorePlan, CorePlanError> {
    divide(allowed().ok_or(CorePlanError::Unknown)?, map, housekeeping)
}

fn divide(allowed: Vec<usize>, map: &Cpus, housekeeping: &Cpus) -> Result<CorePlan, CorePlanError> {
    let without =
        |taken: &[usize]| -> Vec<usize> { allowed.iter().copied().filter(|cpu| !taken.contains(cpu)).collect() };
    let map = listed("cores.map", map, &allowed)?;
    let housekeeping = match (listed("cores.housekeeping", housekeeping, &allowed)?, &map) {
        (Some(cpus), _) => cpus,
        // All that the map leaves; if it leaves nothing, house is kept beside the first shard.
        (None, Some(map)) => or_else(without(map), allowed[0]),
        (None, None) => {
            let count = if allowed.len() >= TWO_HOUSEKEEPING_FROM { 2 } else { 1 };
            allowed[..count].to_vec()
        }
    };
    // One CPU for everything is slow but works.
    let map = map.unwrap_or_else(|| or_else(without(&housekeeping), allowed[allowed.len() - 1]));
    if u8::try_from(map.len()).is_err() {
        return Err(CorePlanError::TooMany(map.len()));
    }
    Ok(CorePlan { allowed, housekeeping, map })
}

fn or_else(cpus: Vec<usize>, otherwise: usize) -> Vec<usize> {
    if cpus.is_empty() { vec![otherwise] } else { cpus }
}

/// The CPUs a key lists, checked; nothing if it leaves the choice to us.
fn listed(key: &'static str, cpus: &Cpus, allowed: &[usize]) -> Result<Option<Vec<usize>>, CorePlanError> {
    let Cpus::Listed(cpus) = cpus else {
        return Ok(None);
    };
    if cpus.is_empty() {
        return Err(CorePlanError::Empty(key));
    }
    let cpus: Vec<usize> = cpus.iter().map(|&cpu| usize::from(cpu)).collect();
    match cpus.iter().find(|cpu| !allowed.contains(cpu)) {
        Some(&cpu) => Err(CorePlanError::NotAllowed { key, cpu, allowed: allowed.to_vec() }),
        None => Ok(Some(cpus)),
    }
}

/// The CPUs the calling thread may run on, as the kernel says; it respects containers' masks.
#[must_use]
pub fn allowed() -> Option<Vec<usize>> {
    let cpus: Vec<_> = core_affinity::get_core_ids()?.into_iter().map(|core| core.id).collect();
    if cpus.is_empty() { None } else { Some(cpus) }
}

/// Where one thread was meant to run and where the kernel lets it run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The thread's name.
    pub thread: String,
    /// Its number, as operators' tools show it.
    pub tid: i32,
    /// The CPUs asked for.
    pub wanted: Vec<usize>,
    /// The CPUs read back from the kernel.
    pub actual: Vec<usize>,
}

impl Placed {
    /// Whether the kernel did what was asked.
    #[must_use]
    pub fn holds(&self) -> bool {
        let set = |cpus: &[usize]| cpus.iter().copied().collect::<BTreeSet<_>>();
        set(&self.wanted) == set(&self.actual)
    }
}

/// Pins the calling thread and reads back what the kernel made of it. Threads started later from it inherit this.
///
/// # Errors
/// If the kernel refuses, for instance because a CPU does not exist.
pub fn pin_current(thread: &str, cpus: &[usize]) -> io::Result<Placed> {
    match *cpus {
        [cpu] if cpu < kernel::MAX_CPU && core_affinity::set_for_current(CoreId { id: cpu }) => {}
        [cpu] if cpu < kernel::MAX_CPU => {
            return Err(io::Error::other(format!("the kernel does not let {thread} run on CPU {cpu}")));
        }
        _ => kernel::set_affinity(cpus)?,
    }
    let actual = allowed().ok_or_else(|| io::Error::other("the kernel does not say where this thread may run"))?;
    let placed = Placed { thread: thread.to_owned(), tid: kernel::thread_id(), wanted: cpus.to_vec(), actual };
    if placed.holds() {
        Ok(placed)
    } else {
        Err(io::Error::other(format!("{thread} was pinned to CPUs {cpus:?}, but the kernel says {:?}", placed.actual)))
    }
}

/// Starts a named thread on the given CPUs and waits until it is there.
///
/// # Errors
/// If the thread cannot be started or pinned; its body has not run then.
pub fn spawn_pinned<T: Send + 'static>(
    name: &str,
    cpus: &[usize],
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<(JoinHandle<Option<T>>, Placed)> {
    let (report, placed) = mpsc::sync_channel(1);
    let (thread, wanted) = (name.to_owned(), cpus.to_vec());
    let handle = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let pinned = pin_current(&thread, &wanted);
        let go = pinned.is_ok();
        // The starter waits for exactly this message.
        report.send(pinned).ok().filter(|()| go).map(|()| body())
    })?;
    let placed = placed.recv().map_err(|_| io::Error::other(format!("{name} ended before it was placed")))??;
    Ok((handle, placed))
}

/// The boot table: thread, wanted, actual.
#[derive(Debug, Clone, Default)]
pub struct PlacementTable(pub Vec<Placed>);

impl fmt::Display for PlacementTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|placed| placed.thread.len()).max().unwrap_or(0).max("thread".len());
        write!(f, "{:<width$}  {:>7}  {:<12}  actual", "thread", "tid", "wanted")?;
        for placed in &self.0 {
            let (wanted, actual) = (list(&placed.wanted), list(&placed.actual));
            let note = if placed.holds() { "" } else { "  DIFFERS" };
            write!(f, "\n{:<width$}  {:>7}  {wanted:<12}  {actual}{note}", placed.thread, placed.tid)?;
        }
        Ok(())
    }
}

/// CPUs as the kernel writes lists: `0-3,8`.
fn list(cpus: &[usize]) -> String {
    let sorted: BTreeSet<_> = cpus.iter().copied().collect();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for cpu in sorted {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => ranges.push((cpu, cpu)),
        }
    }
    let texts =
        ranges.iter().map(|&(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    texts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(allowed: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let plan = divide(allowed.to_vec(), &Cpus::Auto, &Cpus::Auto).expect("always possible");
        (plan.housekeeping, plan.map)
    }

    #[test]
    fn without_a_word_the_first_cpus_keep_house_and_the_rest_carry_maps() {
        assert_eq!(auto(&[0]), (vec![0], vec![0]));
        assert_eq!(auto(&[0, 1]), (vec![0], vec![1]));
        assert_eq!(auto(&[4, 6, 7]), (vec![4], vec![6, 7]));
        assert_eq!(auto(&[0, 1, 2, 3, 4, 5, 6, 7]), (vec![0, 1], vec![2, 3, 4, 5, 6, 7]));
    }

    #[test]
    fn a_listed_map_leaves_the_others_to_housekeeping() {
        let plan = |map: &[u16]| divide(vec![0, 1, 2], &Cpus::Listed(map.to_vec()), &Cpus::Auto).expect("possible");
        assert_eq!(plan(&[1, 1]).map, [1, 1], "two shards may share a CPU");
        assert_eq!(plan(&[1, 1]).housekeeping, [0, 2]);
        assert_eq!(plan(&[0, 1, 2]).housekeeping, [0]);
    }

    #[test]
    fn a_cpu_that_is_not_there_is_named_with_what_is() {
        let error = divide(vec![0, 1], &Cpus::Listed(vec![1, 7]), &Cpus::Auto).expect_err("there is no CPU 7");
        assert_eq!(error, CorePlanError::NotAllowed { key: "cores.map", cpu: 7, allowed: vec![0, 1] });
        let error = divide(vec![0, 1], &Cpus::Auto, &Cpus::Listed(Vec::new())).expect_err("no CPU at all");
        assert_eq!(error, CorePlanError::Empty("cores.housekeeping"));
    }

    #[test]
    fn a_pinned_thread_reads_its_cpu_back() {
        let cpu = *allowed().expect("known").last().expect("at least one");
        let (handle, placed) = spawn_pinned("probe", &[cpu], allowed).expect("allowed CPU");
        assert_eq!((placed.wanted.as_slice(), placed.actual.as_slice()), ([cpu].as_slice(), [cpu].as_slice()));
        assert_eq!(handle.join().expect("no panic"), Some(Some(vec![cpu])));
    }

    #[test]
    fn a_set_of_cpus_is_pinned_as_a_set() {
        let cpus = allowed().expect("known");
        let (handle, placed) = spawn_pinned("set", &cpus, || ()).expect("allowed CPUs");
        assert!(placed.holds(), "{placed:?}");
        handle.join().expect("no panic");
    }

    #[test]
    fn a_thread_on_an_impossible_cpu_never_runs() {
        for cpu in [kernel::MAX_CPU - 1, kernel::MAX_CPU, usize::MAX] {
            let ran = spawn_pinned("nowhere", &[cpu], || ());
            assert!(ran.is_err(), "CPU {cpu} does not exist");
        }
    }

    #[test]
    fn the_table_shows_wanted_and_actual() {
        let placed = |wanted: &[usize], actual: &[usize]| Placed {
            thread: "wal".to_owned(),
            tid: 7,
            wanted: wanted.to_vec(),
            actual: actual.to_vec(),
        };
        let table = PlacementTable(vec![placed(&[0], &[0]), placed(&[0, 1, 2, 5], &[0])]).to_string();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[1], "wal           7  0             0");
        assert_eq!(lines[2], "wal           7  0-2,5         0  DIFFERS");
    }
}
