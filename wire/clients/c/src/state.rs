//! What a client knows of its connection: terms, clock, round trip, counters, and why it ended.

#![allow(unsafe_code, reason = "the C functions of this file; each block names the rule of the header it relies on")]
#![allow(clippy::missing_safety_doc, reason = "the rules of all functions stand once, in the header's head")]

use std::time::Duration;

use mu_wire::{ClientState, CloseCode, CloseReason, Time};

use crate::border::{wanted, with, write};
use crate::client::MuClient;
use crate::status::{MU_NOTHING, Status};

/// This side closed, with `code`: the caller's, 5 because the server said what no server says, or 7 because too many packets
/// did not open.
pub const MU_CLOSED_LOCAL: u8 = 1;
/// The server closed, with `code`: 0 done, 1 it stops, 2 kicked, 3 connected again elsewhere, 4 moved to another shard, 5 it
/// found a violation, 6 this client does not take in what is sent, 7 too many packets did not
/// open, 0x100 and up the application's.
pub const MU_CLOSED_SERVER: u8 = 2;
/// Nothing came from the server for too long.
pub const MU_CLOSED_IDLE: u8 = 3;
/// The server broke the protocol.
pub const MU_CLOSED_VIOLATION: u8 = 4;
/// The server never answered.
pub const MU_CLOSED_NO_ANSWER: u8 = 5;
/// The server refused the ticket, with `code`: 1 full, 2 banned, 3 realm closed or wrong, 4 closing, 5 no common cipher, 6 the
/// place was given up, 0x100 and up the application's. A new ticket is needed.
pub const MU_CLOSED_REJECTED: u8 = 6;
/// The ticket holds no usable key.
pub const MU_CLOSED_BAD_TICKET: u8 = 7;
/// The server does not know the connection any more: it was started anew, or gave the connection up. Log in again.
pub const MU_CLOSED_RESET: u8 = 8;

/// INIT is out.
pub const MU_STATE_CONNECTING: i32 = 0;
/// Messages and inputs flow.
pub const MU_STATE_CONNECTED: i32 = 1;
/// The last datagrams go out.
pub const MU_STATE_CLOSING: i32 = 2;
/// Over.
pub const MU_STATE_CLOSED: i32 = 3;

/// The terms of an accepted connection.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuTerms {
    /// The server's time when it accepted.
    pub server_time_us: u64,
    /// The server's time at which tick 0 was scheduled.
    pub tick_origin_us: u64,
    /// Silence of this length ends the connection.
    pub idle_ms: u32,
    /// Bytes a second to the client at most; 0 says nothing.
    pub max_down: u32,
    /// Bytes a second from the client at most; 0 says nothing.
    pub max_up: u32,
    /// Length of a tick.
    pub tick_ms: u16,
    /// Longest time an acknowledgement may be held back.
    pub ack_delay_ms: u16,
    /// Longest datagram.
    pub max_datagram: u16,
}

/// Counters since the client was made.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct MuStats {
    /// Datagrams handed in.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Datagrams written.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Authentic packets.
    pub packets_received: u64,
    /// Packets the server had sent when it last told; what is missing from the next number was lost or is late.
    pub packets_sent_by_server: u64,
    /// Of these, packets that had been received by then.
    pub packets_received_then: u64,
    /// Datagrams that were no packet of this connection, repeated or forged.
    pub datagrams_dropped: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Messages.
    pub messages: u64,
}

/// Reason and code of an end.
pub(crate) const fn closed(why: &CloseReason) -> (u8, u16) {
    match why {
        CloseReason::Local(code) => (MU_CLOSED_LOCAL, code.0),
        CloseReason::Peer(code, _) => (MU_CLOSED_SERVER, code.0),
        CloseReason::Reset => (MU_CLOSED_RESET, 0),
        CloseReason::Idle => (MU_CLOSED_IDLE, 0),
        CloseReason::Violation(_) => (MU_CLOSED_VIOLATION, CloseCode::VIOLATION.0),
        CloseReason::NoAnswer => (MU_CLOSED_NO_ANSWER, 0),
        CloseReason::Rejected(code) => (MU_CLOSED_REJECTED, code.to_u16()),
        CloseReason::BadTicket => (MU_CLOSED_BAD_TICKET, 0),
    }
}

/// MU_STATE_… of a client, or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_state(client: *mut MuClient) -> i32 {
    let mut state = MU_STATE_CLOSED;
    let inside = |client: &mut MuClient| {
        state = match client.core.state() {
            ClientState::Connecting => MU_STATE_CONNECTING,
            ClientState::Connected => MU_STATE_CONNECTED,
            ClientState::Closing => MU_STATE_CLOSING,
            ClientState::Closed(_) => MU_STATE_CLOSED,
        };
        Ok(())
    };
    // SAFETY: rule 1.
    match unsafe { with(client, inside) } {
        crate::status::MU_OK => state,
        error => error,
    }
}

/// The terms the server granted. MU_NOTHING before it accepted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_terms(client: *mut MuClient, terms: *mut MuTerms) -> i32 {
    let inside = |client: &mut MuClient| {
        let granted = client.core.accepted().ok_or(Status(MU_NOTHING))?;
        let made = MuTerms {
            server_time_us: granted.server_time.as_micros(),
            tick_origin_us: granted.tick_origin.as_micros(),
            idle_ms: u32::try_from(granted.idle.as_millis()).unwrap_or(u32::MAX),
            max_down: granted.max_down,
            max_up: granted.max_up,
            tick_ms: granted.tick_ms,
            ack_delay_ms: u16::try_from(granted.ack_delay.as_millis()).unwrap_or(u16::MAX),
            max_datagram: granted.max_datagram,
        };
        // SAFETY: rule 2.
        unsafe { write(terms, made) }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// The smoothed round trip. MU_NOTHING before the first measurement.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_rtt(client: *mut MuClient, rtt_us: *mut u64) -> i32 {
    let inside = |client: &mut MuClient| {
        let rtt = client.core.rtt().ok_or(Status(MU_NOTHING))?;
        // SAFETY: rule 2.
        unsafe { write(rtt_us, u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX)) }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// The server's clock at this client's `now_us`. MU_NOTHING before the first measurement.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_server_time(client: *mut MuClient, now_us: u64, server_us: *mut u64) -> i32 {
    let inside = |client: &mut MuClient| {
        let time = client.core.server_time(Time(now_us)).ok_or(Status(MU_NOTHING))?;
        // SAFETY: rule 2.
        unsafe { write(server_us, time.as_micros()) }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// The tick that the server is in at this client's `now_us`, and what has passed of it; for drawing between two ticks ask for an
/// entity at `*tick` and the next one. MU_NOTHING before the first measurement.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_tick(
    client: *mut MuClient,
    now_us: u64,
    tick: *mut u32,
    passed_us: *mut u32,
) -> i32 {
    let inside = |client: &mut MuClient| {
        wanted(passed_us)?;
        let time = client.core.server_time(Time(now_us)).ok_or(Status(MU_NOTHING))?;
        let granted = client.core.accepted().ok_or(Status(MU_NOTHING))?;
        let since = time.since(granted.tick_origin).as_micros();
        let length = Duration::from_millis(granted.tick_ms.max(1).into()).as_micros();
        let (number, rest) = (since / length, since % length);
        // SAFETY: rule 2.
        unsafe {
            write(tick, u32::try_from(number).unwrap_or(u32::MAX))?;
            write(passed_us, u32::try_from(rest).unwrap_or(u32::MAX))
        }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Counters since the client was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_stats(client: *mut MuClient, stats: *mut MuStats) -> i32 {
    let inside = |client: &mut MuClient| {
        let counted = client.core.stats();
        let made = MuStats {
            datagrams_in: counted.datagrams_in,
            bytes_in: counted.bytes_in,
            datagrams_out: counted.datagrams_out,
            bytes_out: counted.bytes_out,
            packets_received: counted.packets_received,
            packets_sent_by_server: counted.packets_sent_by_server,
            packets_received_then: counted.packets_received_then,
            datagrams_dropped: counted.datagrams_dropped,
            snapshots: counted.snapshots,
            messages: counted.messages,
        };
        // SAFETY: rule 2.
        unsafe { write(stats, made) }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}
