//! The step grid: step n is scheduled at origin + n × 5 ms, exactly, whatever happened before.
//!
//! Pure arithmetic on times handed in. A late wake-up is told how many steps fell due; nothing is ever re-based, so lateness
//! does not add up.

use std::time::Duration;

use mu_wire::Time;

/// Length of a step.
pub const STEP: Duration = Duration::from_micros(STEP_US);

const STEP_US: u64 = 5_000;

/// What a shard is told at each wake-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTime {
    /// Number of the first step that is due.
    pub step: u64,
    /// How many steps are due, this one included: 1 when in time.
    pub due: u32,
    /// When the first due step was scheduled.
    pub scheduled: Time,
    /// When the shard woke up.
    pub now: Time,
}

impl StepTime {
    /// How late the wake-up is, from the instant it was scheduled for.
    #[must_use]
    pub fn lateness(&self) -> Duration {
        self.now.since(self.scheduled)
    }
}

/// Position on the grid.
#[derive(Debug, Clone)]
pub struct Grid {
    origin: Time,
    next: u64,
}

impl Grid {
    /// A grid whose first step is the first grid point after `now`.
    #[must_use]
    pub fn new(origin: Time, now: Time) -> Self {
        let next = if now < origin { 0 } else { index(origin, now) + 1 };
        Self { origin, next }
    }

    /// The steps due at `now`, or nothing if the next one lies ahead. What is returned counts as done.
    pub fn take_due(&mut self, now: Time) -> Option<StepTime> {
        let scheduled = self.scheduled(self.next);
        if now < scheduled {
            return None;
        }
        let step = self.next;
        let last = index(self.origin, now);
        self.next = last + 1;
        let due = u32::try_from(self.next - step).unwrap_or(u32::MAX);
        Some(StepTime { step, due, scheduled, now })
    }

    /// How long until the next step is due.
    #[must_use]
    pub fn wait(&self, now: Time) -> Duration {
        self.scheduled(self.next).since(now)
    }

    fn scheduled(&self, step: u64) -> Time {
        self.origin + Duration::from_micros(step.saturating_mul(STEP_US))
    }
}

/// Number of the last grid point at or before `now`.
fn index(origin: Time, now: Time) -> u64 {
    u64::try_from(now.since(origin).as_micros()).unwrap_or(u64::MAX - 1) / STEP_US
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Time = Time(1_000);

    fn at(us: u64) -> Time {
        ORIGIN + Duration::from_micros(us)
    }

    #[test]
    fn steps_fall_due_at_their_instant_and_not_before() {
        let mut grid = Grid::new(ORIGIN, at(0));
        assert_eq!(grid.take_due(at(4_999)), None);
        assert_eq!(grid.wait(at(4_000)), Duration::from_millis(1));
        let step = grid.take_due(at(5_000)).expect("due");
        assert_eq!(step, StepTime { step: 1, due: 1, scheduled: at(5_000), now: at(5_000) });
        assert_eq!(grid.take_due(at(5_001)), None);
    }

    #[test]
    fn a_late_wake_gets_all_due_steps_at_once_and_the_grid_does_not_move() {
        let mut grid = Grid::new(ORIGIN, at(0));
        let late = grid.take_due(at(123_456)).expect("due");
        assert_eq!((late.step, late.due, late.scheduled), (1, 24, at(5_000)));
        assert_eq!(late.lateness(), Duration::from_micros(118_456));
        let next = grid.take_due(at(125_100)).expect("due");
        assert_eq!((next.step, next.due, next.lateness()), (25, 1, Duration::from_micros(100)));
    }

    #[test]
    fn a_shard_that_starts_late_does_not_owe_the_past() {
        let mut grid = Grid::new(ORIGIN, at(3_600_000_000));
        let step = grid.take_due(at(3_600_005_000)).expect("due");
        assert_eq!((step.step, step.due), (720_001, 1));
    }

    #[test]
    fn a_grid_whose_origin_lies_ahead_starts_there() {
        let mut grid = Grid::new(ORIGIN, Time::ZERO);
        assert_eq!(grid.wait(Time::ZERO), Duration::from_millis(1));
        assert_eq!(grid.take_due(ORIGIN).expect("due").step, 0);
    }
}
