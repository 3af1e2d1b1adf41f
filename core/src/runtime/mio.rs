//! The shard's loop on a plain thread: mio's poll on a kernel timer that fires on the grid, and on a waker for the stop.
//!
//! Poll's own timeout counts in whole milliseconds, which is too coarse for a grid of five; a timer descriptor is exact and
//! not subject to timer slack. Arming it anew forgets the last expiry, so it is never read: two system calls per step.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use ::mio::unix::SourceFd;
use ::mio::{Events, Interest, Poll, Token, Waker};

use super::driver::{Driver, ShardEnd, Turn};
use super::kernel::Timer;

const TIMER: Token = Token(0);
const STOP: Token = Token(1);

pub(super) struct Reactor {
    timer: Timer,
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
}

impl Reactor {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), STOP)?);
        let timer = Timer::new()?;
        poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        Ok(Self { timer, poll, events: Events::with_capacity(2), waker })
    }

    /// Ends a wait early, from any thread.
    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Runs the shard until it ends.
    pub(super) fn run(&mut self, mut driver: Driver) -> io::Result<ShardEnd> {
        loop {
            match driver.turn() {
                Turn::Wait(duration) => self.wait(duration)?,
                Turn::End(end) => return Ok(end),
            }
        }
    }

    /// Waits for the timer or the waker; waking for nothing is harmless, the driver then waits again.
    fn wait(&mut self, duration: Duration) -> io::Result<()> {
        self.timer.arm(duration)?;
        match self.poll.poll(&mut self.events, None) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }
}
