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
    /// Packets the server had sent when it last answered a TIME request; 0 before the first answer. Numbers left out on
    /// purpose do not count, so what is missing from `packets_received_then` was lost (or is late).
    pub packets_sent_by_server: u64,
    /// Of these, packets that had been received when that answer came.
    pub packets_received_then: u64,
    /// Datagrams that were no packet of this connection, repeated or forged.
    pub datagrams_dropped: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Messages of all lanes.
    pub messages: u64,
    /// Blocks that came whole.
    pub blocks_received: u64,
    /// Blocks that the server has taken.
    pub blocks_sent: u64,
    /// Blocks that the server refused or found damaged.
    pub blocks_not_taken: u64,
    /// Messages of unreliable lanes that could not leave in time.
    pub messages_dropped: u64,
    /// INIT packets sent.
    pub inits: u64,
    /// COOKIE answers followed.
    pub cookies: u64,
    /// How often the own sealing key was renewed.
    pub keys_renewed: u32,
    /// How often the server's was.
    pub server_keys_renewed: u32,
}
