//! The system calls, one thin function each: the only unsafe of the network path.
//!
//! Nothing here decides anything; results and errors are returned as the kernel gave them.

#![allow(
    unsafe_code,
    reason = "recvmmsg, sendmmsg, SO_MEMINFO and SO_RCVBUFFORCE exist in no safe library without an allocation per batch"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::address::{SLOT_LEN, Slot};

/// A message header without pointers; [`point`] fills it before each call.
pub(crate) fn empty_header() -> libc::mmsghdr {
    // SAFETY: every field of `mmsghdr` is an integer or a raw pointer, and all-zero bytes are a valid value of each. It has
    // private padding fields on some libcs, so it cannot be written as a literal.
    unsafe { std::mem::zeroed() }
}

/// An I/O vector over nothing.
pub(crate) const fn empty_vector() -> libc::iovec {
    libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }
}

/// Arrays of one batch, equally long: `headers[i]` describes the datagram in `buffers[i]` from or to `names[i]`.
///
/// They live on the heap and are never resized. The pointers between them are written anew before each system call, from
/// the references held at that moment, so a batch may be moved at will and none of its stored pointers is ever trusted.
pub(crate) struct Arrays {
    pub(crate) headers: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
    pub(crate) names: Box<[Slot]>,
    pub(crate) buffers: Box<[[u8; crate::MAX_DATAGRAM]]>,
}

// SAFETY: the raw pointers inside `headers` and `vectors` are what makes these types `!Send`. They are dead values between
// two calls: `point` overwrites each of them, from a unique borrow of the whole struct, before the kernel reads any.
// Nothing else in the struct is tied to a thread.
unsafe impl Send for Arrays {}

impl Arrays {
    pub(crate) fn new(capacity: usize) -> Self {
        assert!(
            (1..=crate::MAX_BATCH).contains(&capacity),
            "a batch holds 1 to {} datagrams, not {capacity}",
            crate::MAX_BATCH
        );
        Self {
            headers: (0..capacity).map(|_| empty_header()).collect(),
            vectors: vec![empty_vector(); capacity].into_boxed_slice(),
            names: vec![crate::address::empty(); capacity].into_boxed_slice(),
            buffers: vec![[0; crate::MAX_DATAGRAM]; capacity].into_boxed_slice(),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.headers.len()
    }

    /// Points header `i` at name `i` and at the first `length` bytes of buffer `i`.
    fn point(&mut self, i: usize, name_len: libc::socklen_t, length: usize) {
        let buffer = &mut self.buffers[i][..length];
        self.vectors[i] = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: length };
        let header = &mut self.headers[i].msg_hdr;
        header.msg_name = std::ptr::from_mut(&mut self.names[i]).cast();
        header.msg_namelen = name_len;
        header.msg_iov = std::ptr::from_mut(&mut self.vectors[i]);
        header.msg_iovlen = 1;
        header.msg_control = std::ptr::null_mut();
        header.msg_controllen = 0;
        header.msg_flags = 0;
        self.headers[i].msg_len = 0;
    }
}

/// Receives into all slots; returns how many were filled, without waiting.
pub(crate) fn recv(fd: BorrowedFd<'_>, arrays: &mut Arrays) -> io::Result<usize> {
    let capacity = arrays.capacity();
    for i in 0..capacity {
        // The kernel overwrites the name length with that of the address it wrote, so it is reset for each call.
        arrays.point(i, SLOT_LEN, crate::MAX_DATAGRAM);
    }
    let count = libc::c_uint::try_from(capacity).expect("a batch is at most MAX_BATCH long");
    // SAFETY: `headers` has `count` elements. Each was just pointed at a name slot of SLOT_LEN bytes, at one vector and
    // through it at MAX_DATAGRAM bytes, all inside boxes that `arrays` owns and that we borrow uniquely until the call has
    // returned. There is no control buffer. The timeout is null (its semantics are unusable; DONTWAIT is asked instead).
    let received = unsafe {
        libc::recvmmsg(fd.as_raw_fd(), arrays.headers.as_mut_ptr(), count, libc::MSG_DONTWAIT, std::ptr::null_mut())
    };
    usize::try_from(received).map_err(|_| io::Error::last_os_error())
}

/// Sends the datagrams of the slots `first..first + lengths.len()`; returns how many the kernel took, without waiting.
pub(crate) fn send(
    fd: BorrowedFd<'_>,
    arrays: &mut Arrays,
    first: usize,
    lengths: &[(libc::socklen_t, usize)],
) -> io::Result<usize> {
    for (i, &(name_len, length)) in lengths.iter().enumerate() {
        arrays.point(first + i, name_len, length);
    }
    let headers = &mut arrays.headers[first..first + lengths.len()];
    let count = libc::c_uint::try_from(headers.len()).expect("a batch is at most MAX_BATCH long");
    // SAFETY: `headers` has `count` elements. Each was just pointed at a name slot whose first `name_len` bytes hold an
    // address and, through one vector, at `length` bytes of its own buffer, all inside boxes that `arrays` owns and that we
    // borrow uniquely until the call has returned. The kernel only reads them, apart from `msg_len` in the header itself.
    let sent =
        unsafe { libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Sets a buffer size past the host's ceiling (`SO_RCVBUFFORCE`, `SO_SNDBUFFORCE`); needs CAP_NET_ADMIN.
pub(crate) fn force_buffer(fd: BorrowedFd<'_>, option: libc::c_int, bytes: usize) -> io::Result<()> {
    set_int(fd, libc::SOL_SOCKET, option, libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX))
}

fn set_int(fd: BorrowedFd<'_>, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<libc::c_int>()).expect("an int has a few bytes");
    // SAFETY: the value is a live `c_int` and `length` is its size; the kernel only reads it.
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, std::ptr::from_ref(&value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets "don't fragment" on all that is sent, whatever the kernel believes of the path (`IP_PMTUDISC_PROBE`): the protocol
/// finds out by itself what passes. A socket of IPv6 that takes IPv4 peers needs both families' options.
pub(crate) fn never_fragment(fd: BorrowedFd<'_>, ipv6: bool) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)?;
    if ipv6 {
        set_int(fd, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE)?;
    }
    Ok(())
}

/// Fields of `SO_MEMINFO`, in the kernel's order (`SK_MEMINFO_*`).
pub(crate) const MEMINFO_FIELDS: usize = 9;

/// Reads the socket's memory figures.
pub(crate) fn meminfo(fd: BorrowedFd<'_>) -> io::Result<[u32; MEMINFO_FIELDS]> {
    let mut fields = [0_u32; MEMINFO_FIELDS];
    let mut length = libc::socklen_t::try_from(size_of_val(&fields)).expect("nine words fit");
    // SAFETY: `fields` is writable for `length` bytes; the kernel writes at most that many and stores the count.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            fields.as_mut_ptr().cast(),
            std::ptr::from_mut(&mut length),
        )
    };
    if result == 0 { Ok(fields) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::{Socket, SocketOptions};

    fn int(fd: BorrowedFd<'_>, level: libc::c_int, option: libc::c_int) -> libc::c_int {
        let mut value: libc::c_int = -1;
        let mut length = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap();
        // SAFETY: `value` is writable for `length` bytes; the kernel writes at most that many.
        let result = unsafe {
            libc::getsockopt(
                fd.as_raw_fd(),
                level,
                option,
                std::ptr::from_mut(&mut value).cast(),
                std::ptr::from_mut(&mut length),
            )
        };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        value
    }

    #[test]
    fn nothing_is_fragmented_in_either_family() {
        let bind = |address: &str| Socket::bind(address.parse().unwrap(), &SocketOptions::default()).unwrap();
        let four = bind("127.0.0.1:0");
        assert_eq!(int(four.as_fd(), libc::IPPROTO_IP, libc::IP_MTU_DISCOVER), libc::IP_PMTUDISC_PROBE);
        let six = bind("[::1]:0");
        assert_eq!(int(six.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER), libc::IPV6_PMTUDISC_PROBE);
        assert_eq!(int(six.as_fd(), libc::IPPROTO_IP, libc::IP_MTU_DISCOVER), libc::IP_PMTUDISC_PROBE);
    }
}
