//! The system calls of this room that no safe library offers in the needed form: affinity to several CPUs, timer slack, a
//! timer descriptor, limits, the thread's id, and the io_uring probe.
//!
//! One thin function each; nothing here decides anything.

#![allow(
    unsafe_code,
    reason = "prctl, timerfd and io_uring_setup have no safe form here, and core_affinity pins to one CPU only"
)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// CPUs a mask of the C library can name.
pub(super) const MAX_CPU: usize = 1_024;

/// Allows the calling thread exactly these CPUs.
pub(super) fn set_affinity(cpus: &[usize]) -> io::Result<()> {
    if let Some(cpu) = cpus.iter().find(|&&cpu| cpu >= MAX_CPU) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("CPU {cpu} is above {}", MAX_CPU - 1)));
    }
    // SAFETY: `cpu_set_t` is an array of integers; all-zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for &cpu in cpus {
        // SAFETY: `cpu` is below MAX_CPU, the number of bits of `cpu_set_t`; `set` is ours.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    // SAFETY: 0 is the calling thread, the set is live and its size is what we say; the kernel only reads it.
    check(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) }).map(drop)
}

/// Lets the calling thread's timers fire within this much of their instant (the kernel's default is 50 µs).
pub(super) fn set_timer_slack(slack: Duration) -> io::Result<()> {
    let nanos = libc::c_ulong::try_from(slack.as_nanos()).unwrap_or(libc::c_ulong::MAX);
    // SAFETY: this option takes an integer by value and touches no memory of ours.
    check(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, nanos) }).map(drop)
}

/// The kernel's number of the calling thread, as operators see it in their tools.
pub(super) fn thread_id() -> i32 {
    // SAFETY: has no arguments and cannot fail.
    unsafe { libc::gettid() }
}

/// Sends TERM to a process.
pub(super) fn terminate(pid: i32) -> io::Result<()> {
    if pid <= 0 {
        // 0 and negative numbers name process groups.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{pid} is no process")));
    }
    // SAFETY: takes two integers by value and touches no memory of ours.
    check(unsafe { libc::kill(pid, libc::SIGTERM) }).map(drop)
}

/// A timer that makes its descriptor readable, on the monotonic clock.
pub(super) struct Timer(OwnedFd);

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        // SAFETY: has no pointer arguments.
        let fd = check(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        // SAFETY: the kernel just gave us this descriptor and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Fires once after this time; an earlier expiry is forgotten, so nothing needs to be read.
    pub(super) fn arm(&self, after: Duration) -> io::Result<()> {
        // An expiry of zero would disarm the timer.
        let times = libc::itimerspec {
            it_interval: timespec(Duration::ZERO),
            it_value: timespec(after.max(Duration::from_nanos(1))),
        };
        // SAFETY: the descriptor is open, `times` is live and only read, and the old value is not asked for.
        check(unsafe { libc::timerfd_settime(self.0.as_raw_fd(), 0, &raw const times, std::ptr::null_mut()) }).map(drop)
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(duration.subsec_nanos()),
    }
}

/// The soft limit on locked memory, in bytes.
pub(super) fn memlock_limit() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is live and writable for the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) })?;
    Ok(limit.rlim_cur)
}

/// Creates a ring of one entry, asks for the highest operation it knows, and closes it.
pub(super) fn io_uring_last_operation() -> io::Result<u8> {
    // `struct io_uring_params`: 120 bytes of integers, all zero for defaults; u64 gives the alignment.
    let mut params = [0_u64; 15];
    // SAFETY: the kernel reads and writes at most the 120 bytes of `params`, which outlive the call.
    let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1_u32, params.as_mut_ptr()) };
    let fd = check(libc::c_int::try_from(fd).map_err(io::Error::other)?)?;
    // SAFETY: the kernel just gave us this descriptor and nobody else knows it.
    let ring = unsafe { OwnedFd::from_raw_fd(fd) };

    // `struct io_uring_probe`: a head of 16 bytes, whose first is the last operation, and 256 entries of 8 bytes.
    const OPERATIONS: u32 = 256;
    let mut probe = [0_u64; 2 + OPERATIONS as usize];
    // SAFETY: the ring is open; the kernel writes at most 16 + 8 × OPERATIONS bytes, which is the size of `probe`.
    let result = unsafe {
        libc::syscall(libc::SYS_io_uring_register, ring.as_raw_fd(), REGISTER_PROBE, probe.as_mut_ptr(), OPERATIONS)
    };
    check(libc::c_int::try_from(result).map_err(io::Error::other)?)?;
    Ok(probe[0].to_le_bytes()[0])
}

/// `IORING_REGISTER_PROBE` of the kernel's interface.
const REGISTER_PROBE: libc::c_uint = 8;
