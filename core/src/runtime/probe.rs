//! Whether io_uring may be used here, and if not, why and what to do about it.
//!
//! Asked before the executor library is touched, because that panics or exits the process where the kernel lacks something.

use std::io;

use super::kernel;

/// The executor refuses to start below this limit on locked memory.
const MIN_MEMLOCK: u64 = 512 * 1024;

/// The last io_uring operation the executor needs (`IORING_OP_RECV`, kernel 5.6).
const LAST_NEEDED_OPERATION: u8 = 27;

/// Why io_uring cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// ENOSYS.
    #[error("the kernel has no io_uring (older than 5.6, built without it, or hidden by a seccomp profile)")]
    Missing,
    /// The kernel has it, but not enough of it.
    #[error("the kernel's io_uring ends at operation {last}, {LAST_NEEDED_OPERATION} is needed (kernel 5.8 or newer)")]
    TooOld {
        /// The last operation it knows.
        last: u8,
    },
    /// EPERM, and the host's switch is on.
    #[error("the host forbids io_uring: set kernel.io_uring_disabled to 0 (it is {0})")]
    Disabled(char),
    /// EPERM or EACCES otherwise.
    #[error(
        "a security profile forbids io_uring: in a container, allow io_uring_setup, io_uring_enter and io_uring_register"
    )]
    Seccomp,
    /// ENOMEM.
    #[error("no memory may be locked for io_uring: raise the limit `memlock`")]
    NoMemory,
    /// The limit is below what the executor checks for.
    #[error("the limit `memlock` is {0} bytes, {MIN_MEMLOCK} are needed")]
    Memlock(u64),
    /// Anything else the kernel said.
    #[error("io_uring_setup failed: {0}")]
    Other(String),
}

/// Tries io_uring on this host, as this user, now.
///
/// # Errors
/// The reason why it cannot be used.
pub fn io_uring() -> Result<(), Refusal> {
    match kernel::memlock_limit() {
        Ok(limit) if limit < MIN_MEMLOCK => return Err(Refusal::Memlock(limit)),
        Ok(_) => {}
        Err(error) => return Err(Refusal::Other(error.to_string())),
    }
    match kernel::io_uring_last_operation() {
        Ok(last) if last < LAST_NEEDED_OPERATION => Err(Refusal::TooOld { last }),
        Ok(_) => Ok(()),
        Err(error) => Err(name(&error, host_switch())),
    }
}

fn name(error: &io::Error, switch: Option<char>) -> Refusal {
    match (error.raw_os_error(), switch) {
        (Some(libc::ENOSYS), _) => Refusal::Missing,
        (Some(libc::EPERM | libc::EACCES), Some(set @ ('1' | '2'))) => Refusal::Disabled(set),
        (Some(libc::EPERM | libc::EACCES), _) => Refusal::Seccomp,
        (Some(libc::ENOMEM), _) => Refusal::NoMemory,
        _ => Refusal::Other(error.to_string()),
    }
}

/// `kernel.io_uring_disabled`, on kernels that have it: 0 allowed, 1 for privileged users, 2 for nobody.
fn host_switch() -> Option<char> {
    std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok()?.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_the_kernel_has_its_own_name() {
        let named = |code, switch| name(&io::Error::from_raw_os_error(code), switch);
        assert_eq!(named(libc::ENOSYS, None), Refusal::Missing);
        assert_eq!(named(libc::EPERM, Some('2')), Refusal::Disabled('2'));
        assert_eq!(named(libc::EPERM, Some('0')), Refusal::Seccomp);
        assert_eq!(named(libc::EACCES, None), Refusal::Seccomp);
        assert_eq!(named(libc::ENOMEM, Some('0')), Refusal::NoMemory);
        assert!(matches!(named(libc::EMFILE, None), Refusal::Other(_)));
    }
}
