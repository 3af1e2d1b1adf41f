//! Socket addresses in the form the kernel reads and writes, for IPv4 and IPv6 in one 28-byte slot.
//!
//! ```text
//! offset      0        2      4            8                    24      28
//! IPv4     | family | port | address     | (zero)                       |   16 bytes used
//! IPv6     | family | port | flow info   | address            | scope   |   28 bytes used
//! ```
//!
//! The IPv4 address lies exactly where IPv6 keeps its flow information, so `sockaddr_in6` serves as the slot for both
//! and no union, cast or unsafe read is needed. The assertions below hold the drawing to the kernel's layout.

use std::mem::{offset_of, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// One address slot, as `msg_name` of a message header points to it.
pub(crate) type Slot = libc::sockaddr_in6;

/// Bytes the kernel reads of an IPv4 address.
const V4_LEN: libc::socklen_t = 16;
/// Bytes the kernel reads of an IPv6 address; also the room of a slot.
pub(crate) const SLOT_LEN: libc::socklen_t = 28;

const _: () = {
    assert!(size_of::<libc::sockaddr_in>() == V4_LEN as usize);
    assert!(size_of::<libc::sockaddr_in6>() == SLOT_LEN as usize);
    assert!(offset_of!(libc::sockaddr_in, sin_family) == offset_of!(Slot, sin6_family));
    assert!(offset_of!(libc::sockaddr_in, sin_port) == offset_of!(Slot, sin6_port));
    assert!(offset_of!(libc::sockaddr_in, sin_addr) == offset_of!(Slot, sin6_flowinfo));
};

const V4_FAMILY: libc::sa_family_t = 2;
const V6_FAMILY: libc::sa_family_t = 10;

const _: () = {
    assert!(libc::AF_INET == V4_FAMILY as libc::c_int);
    assert!(libc::AF_INET6 == V6_FAMILY as libc::c_int);
};

/// A slot that holds no address yet.
pub(crate) const fn empty() -> Slot {
    Slot {
        sin6_family: 0,
        sin6_port: 0,
        sin6_flowinfo: 0,
        sin6_addr: libc::in6_addr { s6_addr: [0; 16] },
        sin6_scope_id: 0,
    }
}

/// Writes `address` into `slot` and returns how many of its bytes the kernel must read.
pub(crate) fn write(slot: &mut Slot, address: SocketAddr) -> libc::socklen_t {
    *slot = empty();
    slot.sin6_port = address.port().to_be();
    match address {
        SocketAddr::V4(v4) => {
            slot.sin6_family = V4_FAMILY;
            slot.sin6_flowinfo = u32::from_be_bytes(v4.ip().octets()).to_be();
            V4_LEN
        }
        SocketAddr::V6(v6) => {
            slot.sin6_family = V6_FAMILY;
            slot.sin6_flowinfo = v6.flowinfo();
            slot.sin6_addr.s6_addr = v6.ip().octets();
            slot.sin6_scope_id = v6.scope_id();
            SLOT_LEN
        }
    }
}

/// The address in `slot`, or nothing if the kernel wrote a family that UDP does not have.
pub(crate) fn read(slot: &Slot) -> Option<SocketAddr> {
    let port = u16::from_be(slot.sin6_port);
    match slot.sin6_family {
        V4_FAMILY => {
            let ip = Ipv4Addr::from(u32::from_be(slot.sin6_flowinfo));
            Some(SocketAddr::V4(SocketAddrV4::new(ip, port)))
        }
        V6_FAMILY => {
            let ip = Ipv6Addr::from(slot.sin6_addr.s6_addr);
            Some(SocketAddr::V6(SocketAddrV6::new(ip, port, slot.sin6_flowinfo, slot.sin6_scope_id)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_its_slot() {
        let link_local = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 1, 2, 3, 4), 7_777, 9, 3);
        for address in [
            "127.0.0.1:1".parse().expect("valid"),
            "203.0.113.250:65535".parse().expect("valid"),
            "[::1]:4000".parse().expect("valid"),
            SocketAddr::V6(link_local),
        ] {
            let mut slot = empty();
            write(&mut slot, address);
            assert_eq!(read(&slot), Some(address));
        }
    }

    #[test]
    fn a_slot_used_for_ipv6_keeps_nothing_when_reused_for_ipv4() {
        let mut slot = empty();
        write(&mut slot, "[fe80::1%3]:9".parse().expect("valid"));
        let length = write(&mut slot, "10.0.0.1:80".parse().expect("valid"));
        assert_eq!((length, slot.sin6_scope_id, slot.sin6_addr.s6_addr), (V4_LEN, 0, [0; 16]));
    }

    #[test]
    fn an_unknown_family_is_no_address() {
        assert_eq!(read(&empty()), None);
    }
}
