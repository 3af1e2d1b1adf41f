//! Waiting for something that another process does, with an end.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::Broken;

/// How often a condition in another process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits that long.
pub(crate) fn pause(time: Duration) {
    let (_nobody_sends, wait) = mpsc::channel::<()>();
    let _timeout = wait.recv_timeout(time);
}

/// Looks until `ready` gives something, or fails with `what` after `limit`.
pub(crate) fn until<T>(what: &str, limit: Duration, mut ready: impl FnMut() -> Option<T>) -> Result<T, Broken> {
    let end = now() + limit;
    loop {
        if let Some(found) = ready() {
            return Ok(found);
        }
        if now() > end {
            return Err(Broken(format!("{what} did not happen within {limit:?}")));
        }
        pause(LOOK_EVERY);
    }
}

/// The clock of this harness.
#[allow(clippy::disallowed_methods, reason = "the harness measures other processes by the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
