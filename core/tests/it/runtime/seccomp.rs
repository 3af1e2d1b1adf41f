//! A thread whose system-call filter forbids io_uring, as containers' default profiles do.

#![allow(unsafe_code, reason = "a seccomp filter is installed by prctl with a raw program")]

use mu_core::runtime::probe::{self, Refusal};
use mu_core::runtime::{Cause, Flow, RuntimeChoice, RuntimeKind, StartError, start};

use super::{last_cpu, options, spec};

fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).expect("a BPF code"), jt: 0, jf: 0, k }
}

/// Makes `io_uring_setup` answer EPERM in this thread and in all it starts.
fn forbid_io_uring() {
    let number = u32::try_from(libc::SYS_io_uring_setup).expect("a system call number");
    let errno = libc::SECCOMP_RET_ERRNO | u32::try_from(libc::EPERM).expect("small");
    let mut program = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0), // the system call's number
        libc::sock_filter { jf: 1, ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number) },
        statement(libc::BPF_RET | libc::BPF_K, errno),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: 4, filter: program.as_mut_ptr() };
    // SAFETY: an option without pointers.
    let no_new = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    // SAFETY: `filter` names `program`, four live instructions that the kernel copies and checks.
    let filtered = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) };
    assert_eq!((no_new, filtered), (0, 0), "{}", std::io::Error::last_os_error());
}

#[test]
fn a_seccomp_profile_is_named_and_the_shard_runs_on_mio() {
    std::thread::spawn(|| {
        forbid_io_uring();
        assert_eq!(probe::io_uring(), Err(Refusal::Seccomp));

        let running = start(vec![spec(0, last_cpu(), |_| Flow::Stop)], &options(RuntimeChoice::Auto)).expect("on mio");
        assert_eq!(running.kinds(), [RuntimeKind::Mio]);
        assert_eq!(running.join()[0].cause, Cause::Finished);

        // Even if the probe were wrong, a refused executor is an error or a fallback, never the end of the process.
        let mut blind = options(RuntimeChoice::Auto);
        blind.probe = || Ok(());
        match start(vec![spec(0, last_cpu(), |_| Flow::Stop)], &blind) {
            Ok(running) => assert_eq!(running.kinds(), [RuntimeKind::Mio]),
            Err(StartError::Shard { shard: 0, .. }) => {}
            Err(other) => panic!("{other}"),
        }
    })
    .join()
    .expect("the filtered thread");
}
