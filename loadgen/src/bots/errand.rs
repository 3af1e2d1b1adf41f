//! A way through a portal: walk there leg by leg, ask, arrive on the other map.

use std::time::Duration;

use mu_wire::Time;

/// A portal that does not answer is given up after this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far the way has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Errand {
    /// Nowhere to go.
    #[default]
    None,
    /// On the way to the exit with this index.
    Going(usize),
    /// Asked; waits for the other map.
    Passing {
        /// When it asked.
        since: Time,
    },
}

impl Errand {
    /// Whether the server has left the request unanswered for too long.
    pub(super) fn is_stuck(self, now: Time) -> bool {
        matches!(self, Self::Passing { since } if now.since(since) > PATIENCE)
    }
}
