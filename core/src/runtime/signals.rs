//! TERM and INT: the first asks for an ordered stop, the second says not to wait for it any longer.
//!
//! A small thread on the housekeeping CPUs waits for them, so that what a signal does runs in ordinary code.

use std::io;
use std::thread::JoinHandle;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::cores::{self, Placed};

/// What the operator wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopRequest {
    /// Stop in order: players are told, state is stored.
    Ordered,
    /// Skip the waiting; what must be stored still is.
    SkipWait,
}

/// The watch on the signals; dropping it ends its thread, and the signals are ignored from then on.
pub struct SignalWatch {
    handle: Handle,
    thread: Option<JoinHandle<Option<()>>>,
    /// Where its thread runs.
    pub placed: Placed,
}

/// Calls `on_stop` for each TERM or INT.
///
/// # Errors
/// If the handlers cannot be installed or the thread cannot be started.
pub fn watch(housekeeping: &[usize], mut on_stop: impl FnMut(StopRequest) + Send + 'static) -> io::Result<SignalWatch> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let handle = signals.handle();
    let (thread, placed) = cores::spawn_pinned("mu-signals", housekeeping, move || {
        let mut request = StopRequest::Ordered;
        for _ in signals.forever() {
            on_stop(request);
            request = StopRequest::SkipWait;
        }
    })?;
    Ok(SignalWatch { handle, thread: Some(thread), placed })
}

/// Sends TERM to a process this one started.
///
/// # Errors
/// What the kernel says, such as that it has ended.
pub fn terminate(pid: i32) -> io::Result<()> {
    super::kernel::terminate(pid)
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.handle.close();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread that waits for signals panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn the_first_signal_stops_in_order_and_the_second_skips_the_wait() {
        let (report, requests) = mpsc::channel();
        let cpus = cores::allowed().expect("known");
        let watch = watch(&cpus, move |request| report.send(request).expect("the test listens")).expect("installed");
        for (signal, expected) in
            [(SIGTERM, StopRequest::Ordered), (SIGINT, StopRequest::SkipWait), (SIGTERM, StopRequest::SkipWait)]
        {
            signal_hook::low_level::raise(signal).expect("raised");
            assert_eq!(requests.recv_timeout(Duration::from_secs(10)), Ok(expected));
        }
        drop(watch);
        assert!(requests.recv().is_err(), "the watch's thread has ended");
    }
}
