//! The few calls of the C library that std does not have: `posix_fallocate`, `posix_fadvise`, a handler for SIGBUS.
//!
//! Knows no format and keeps no state.
#![allow(unsafe_code, reason = "std offers neither fallocate nor fadvise nor signal handlers")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Reserves blocks for the first `bytes` bytes of the file.
pub(super) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    let length = libc::off_t::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the call takes a descriptor, which `file` keeps open, and two integers; it touches no memory of ours.
    check(unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) })
}

/// Drops clean cached pages of the whole file.
pub(super) fn drop_cache(file: &File) -> io::Result<()> {
    // SAFETY: as above; length 0 means up to the end of the file.
    check(unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) })
}

/// Turns read-ahead off for this descriptor, so that a read brings in exactly its own pages.
pub(super) fn advise_random(file: &File) -> io::Result<()> {
    // SAFETY: as above.
    check(unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_RANDOM) })
}

/// These calls return the error number instead of setting `errno`.
fn check(code: libc::c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

extern "C" fn report_and_abort(_signal: libc::c_int) {
    const MESSAGE: &[u8] = b"SIGBUS: the volume under the mapped journal failed or lost a file. Nothing more is \
        acknowledged; stopping. See docs/wal-format.md, section \"The medium\".\n";
    // SAFETY: `write` and `abort` are on POSIX's list of functions that a signal handler may call; the pointer and the
    // length describe a constant. The result of `write` cannot be acted upon here.
    unsafe {
        let _ = libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len());
        libc::abort();
    }
}

/// Makes the process say why and abort when a mapped segment cannot be accessed (bad sector, truncated file). Without
/// it the process ends just as surely, but silently. Call once, early, in the binary.
///
/// # Errors
/// What the operating system says.
pub fn stop_on_bus_error() -> io::Result<()> {
    // SAFETY: the handler has the required signature, lives as long as the program, and calls only functions that are
    // safe in a handler.
    let previous = unsafe { libc::signal(libc::SIGBUS, report_and_abort as *const () as libc::sighandler_t) };
    if previous == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}
