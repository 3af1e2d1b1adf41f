//! What the player's program may know of the link.

use std::time::Duration;

use super::driver::Client;
use crate::budget::LinkBudget;
use crate::connection::Connection;

impl Client {
    /// The smoothed round trip, once there was a sample.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.connection().and_then(Connection::rtt)
    }

    /// What this client lets itself send, and what it goes by: loss, queue delay, round trip.
    #[must_use]
    pub fn budget(&self) -> Option<LinkBudget> {
        self.connection().map(Connection::budget)
    }

    /// What the server says it lets itself send to this client; `None` until it has said so.
    #[must_use]
    pub fn server_budget(&self) -> Option<LinkBudget> {
        self.connection().and_then(Connection::peer_budget)
    }
}
