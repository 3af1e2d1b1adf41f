//! The terms a server granted, as the application sees them.

use std::time::Duration;

use crate::handshake::AcceptParams;
use crate::time::{Tick, Time};

/// The terms of an accepted connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The server's time when it accepted.
    pub server_time: Time,
    /// The server's time at which tick 0 was scheduled.
    pub tick_origin: Time,
    /// Length of a tick in milliseconds.
    pub tick_ms: u16,
    /// Silence of this length ends the connection.
    pub idle: Duration,
    /// Longest time an acknowledgement may be held back.
    pub ack_delay: Duration,
    /// Longest datagram.
    pub max_datagram: u16,
    /// Bytes a second to the client at most; 0 says nothing.
    pub max_down: u32,
    /// Bytes a second from the client at most; 0 says nothing.
    pub max_up: u32,
}

impl Accepted {
    pub(super) fn new(params: &AcceptParams) -> Self {
        Self {
            server_time: params.server_time,
            tick_origin: params.tick_origin,
            tick_ms: params.tick_ms,
            idle: Duration::from_millis(100) * u32::from(params.idle_100ms),
            ack_delay: Duration::from_millis(params.ack_delay_ms.into()),
            max_datagram: params.max_datagram,
            max_down: params.max_down,
            max_up: params.max_up,
        }
    }

    /// The server's time at which a tick is scheduled.
    #[must_use]
    pub fn tick_time(&self, tick: Tick) -> Time {
        tick.at_length(self.tick_origin, self.tick_ms)
    }
}
