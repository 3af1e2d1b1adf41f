//! Named points of value's way at which a test lets the process die as by `kill -9`. Compiled in with the feature
//! `failpoints` only, which no shipped program has; without it [`reach`] is nothing.
//!
//! `MU_FAILPOINT=name:n` dies when the point is reached for the n-th time.

/// Every point, in the order an event passes them.
pub const POINTS: [&str; 8] = [
    "before-sync",
    "after-sync",
    "before-apply",
    "before-commit",
    "after-commit",
    "after-apply",
    "after-told",
    "in-replay",
];

/// The process passes the point of this name.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub const fn reach(_point: &'static str) {}

/// The process passes the point of this name, and dies there if it is the one asked for.
#[cfg(feature = "failpoints")]
#[allow(clippy::disallowed_methods, reason = "no setting of a shipped program: the harness asks for one death")]
pub fn reach(point: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

    static ASKED: OnceLock<Option<(String, AtomicI64)>> = OnceLock::new();
    let asked = ASKED.get_or_init(|| {
        let text = std::env::var("MU_FAILPOINT").ok()?;
        let (name, count) = text.split_once(':')?;
        assert!(POINTS.contains(&name), "no point is called {name}: {POINTS:?}");
        Some((name.to_owned(), AtomicI64::new(count.parse().ok()?)))
    });
    debug_assert!(POINTS.contains(&point), "{point} is not in the list");
    if let Some((name, left)) = asked
        && name == point
        && left.fetch_sub(1, Relaxed) == 1
    {
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
            .expect("a process may kill itself");
        // The signal ends every thread; this one goes no further meanwhile.
        loop {
            std::thread::park();
        }
    }
}
