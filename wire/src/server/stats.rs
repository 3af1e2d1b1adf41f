//! Counters of a server endpoint. A refused datagram changes one of them and nothing else: no log line, no answer.

/// Why a datagram was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DropReason {
    /// Empty, too short or too long for any packet.
    Size,
    /// Neither a data packet nor an INIT of this version.
    Kind,
    /// An INIT that is not well formed.
    Malformed,
    /// Another protocol id.
    Protocol,
    /// The routing id is not one of this host's, or names another shard.
    Routing,
    /// More connection attempts than are looked at.
    InitRate,
    /// More connection attempts from one network than are looked at.
    PrefixRate,
    /// The token has expired or claims to live for too long.
    Expired,
    /// The token does not open: changed, made up, or for another host.
    Token,
    /// The token was used before.
    TokenReplayed,
    /// The log of used tokens is full.
    ReplayLogFull,
    /// More key exchanges than are done.
    HandshakeRate,
    /// The client does not know the token's secret.
    Handshake,
    /// Too many connections wait for their first data packet.
    HalfOpenFull,
    /// No connection has this id.
    UnknownConnection,
    /// From another address than the connection's, which is not open yet, or by its number no packet it could send now.
    Address,
    /// More datagrams from other addresses than are looked at.
    StaleRate,
    /// The connection sends more datagrams than it may.
    PacketRate,
    /// The packet was received before, or its number is too old to tell.
    Replayed,
    /// The packet's tag does not match.
    Forged,
    /// The connection is closing.
    Closing,
    /// The sink had no room for an answer.
    NoRoom,
}

impl DropReason {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 22] = [
        Self::Size,
        Self::Kind,
        Self::Malformed,
        Self::Protocol,
        Self::Routing,
        Self::InitRate,
        Self::PrefixRate,
        Self::Expired,
        Self::Token,
        Self::TokenReplayed,
        Self::ReplayLogFull,
        Self::HandshakeRate,
        Self::Handshake,
        Self::HalfOpenFull,
        Self::UnknownConnection,
        Self::Address,
        Self::StaleRate,
        Self::PacketRate,
        Self::Replayed,
        Self::Forged,
        Self::Closing,
        Self::NoRoom,
    ];

    /// The reason's name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Kind => "kind",
            Self::Malformed => "malformed",
            Self::Protocol => "protocol",
            Self::Routing => "routing",
            Self::InitRate => "init_rate",
            Self::PrefixRate => "prefix_rate",
            Self::Expired => "expired",
            Self::Token => "token",
            Self::TokenReplayed => "token_replayed",
            Self::ReplayLogFull => "replay_log_full",
            Self::HandshakeRate => "handshake_rate",
            Self::Handshake => "handshake",
            Self::HalfOpenFull => "half_open_full",
            Self::UnknownConnection => "unknown_connection",
            Self::Address => "address",
            Self::StaleRate => "stale_rate",
            Self::PacketRate => "packet_rate",
            Self::Replayed => "replayed",
            Self::Forged => "forged",
            Self::Closing => "closing",
            Self::NoRoom => "no_room",
        }
    }
}

/// Counters since the endpoint was made.
#[derive(Debug, Clone, Default)]
pub struct ServerStats {
    /// Datagrams given to `receive`.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Datagrams written.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Packets that carried a snapshot.
    pub snapshots: u64,
    /// COOKIE answers.
    pub cookies: u64,
    /// ACCEPT answers, without repetitions.
    pub accepts: u64,
    /// REJECT answers, without repetitions.
    pub rejects: u64,
    /// ACCEPT and REJECT answers repeated for a repeated INIT.
    pub repeats: u64,
    /// PATH_CHALLENGE packets sent.
    pub challenges: u64,
    /// Connections that went on at another address.
    pub moved: u64,
    /// RESET answers.
    pub resets: u64,
    /// Connections that were opened.
    pub opened: u64,
    /// Open connections that ended.
    pub closed: u64,
    /// Connections that never became more than half-open.
    pub half_open_expired: u64,
    /// Connections closed because the peer broke the protocol.
    pub violations: u64,
    /// Blocks that a client has taken.
    pub blocks_sent: u64,
    /// Blocks that a client refused or found damaged.
    pub blocks_not_taken: u64,
    /// Blocks of clients that came whole.
    pub blocks_received: u64,
    /// Messages of unreliable lanes that could not leave in time.
    pub messages_dropped: u64,
    drops: [u64; DropReason::ALL.len()],
}

impl ServerStats {
    /// Datagrams dropped for this reason.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.drops.get(reason as usize).copied().unwrap_or(0)
    }

    /// Datagrams dropped for any reason.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.drops.iter().sum()
    }

    pub(super) fn drop_for(&mut self, reason: DropReason) {
        if let Some(count) = self.drops.get_mut(reason as usize) {
            *count += 1;
        }
    }

    pub(super) fn wrote(&mut self, bytes: usize) {
        if bytes > 0 {
            self.datagrams_out += 1;
            self.bytes_out += bytes as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DropReason;

    #[test]
    fn each_reason_stands_at_its_own_place() {
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index, "{}", reason.name());
        }
    }
}
