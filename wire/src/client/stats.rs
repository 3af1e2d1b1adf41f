//! Counters of a client, enough for a load tester to say what was lost.

/// Counters since the client was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientStats {
    /// Datagrams given to `receive`.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Datagrams written.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Authentic data packets.
    pub packets_received: u64,
    /// Highest packet number received.
    pub packet_highest: u64,
    /// Packets below the highest number that were sent and have not arrived. Numbers left out on purpose do not count:
    /// the packet after one says so (if that packet is the one lost, one too many is counted until it is clear that
    /// neither came; at one number in 40 left out this adds 1/40 to a loss rate).
    pub packets_missing: u64,
    /// Datagrams that were no packet of this connection, repeated or forged.
    pub datagrams_dropped: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Control messages.
    pub messages: u64,
    /// INIT packets sent.
    pub inits: u64,
    /// COOKIE answers followed.
    pub cookies: u64,
}
