//! The clock of one end: it started at its own moment and may jump.

use mu_wire::Time;

/// An end's own clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// What it shows at µs 0 of the simulation.
    offset_us: u64,
    /// The latest it has shown: what an end takes as the time when the clock has jumped back.
    latest_us: u64,
}

impl Clock {
    /// A clock that shows `offset_us` at the start.
    #[must_use]
    pub(crate) const fn new(offset_us: u64) -> Self {
        Self { offset_us, latest_us: offset_us }
    }

    /// What it shows. May be earlier than before.
    pub(crate) fn show(&mut self, now_us: u64) -> Time {
        let shown = self.offset_us + now_us;
        self.latest_us = self.latest_us.max(shown);
        Time::from_micros(shown)
    }

    /// What it shows to an end that begins now and has seen nothing later.
    pub(crate) const fn begin(&mut self, now_us: u64) -> Time {
        self.latest_us = self.offset_us + now_us;
        Time::from_micros(self.latest_us)
    }

    /// The time as an end that never goes back takes it.
    #[must_use]
    pub(crate) fn taken(&self, now_us: u64) -> u64 {
        self.latest_us.max(self.offset_us + now_us)
    }

    /// When it will show `time`, in µs of the simulation, if it does not jump again.
    #[must_use]
    pub(crate) const fn when(&self, time: Time) -> u64 {
        time.as_micros().saturating_sub(self.offset_us)
    }

    /// How much it shows less than it has shown.
    #[must_use]
    pub(crate) const fn behind(&self, now_us: u64) -> u64 {
        self.latest_us.saturating_sub(self.offset_us + now_us)
    }

    /// Jumps forward.
    pub(crate) const fn forward(&mut self, by_us: u64) {
        self.offset_us += by_us;
    }

    /// Jumps back, as far as the start of its time.
    pub(crate) const fn back(&mut self, by_us: u64) {
        self.offset_us = self.offset_us.saturating_sub(by_us);
    }
}
