//! Faults planted between the endpoints and the witness, to prove that each of them is seen.

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// A message is handed on twice.
    MessageTwice,
    /// A message is not handed on.
    MessageLost,
    /// Two messages change places.
    MessagesSwapped,
    /// One byte of a message changes.
    MessageAltered,
    /// A block is handed on twice.
    BlockTwice,
    /// An input is handed on twice.
    InputTwice,
    /// A snapshot that was lost is said to have come.
    FateInvented,
    /// A snapshot's fate is not told.
    FateForgotten,
    /// A snapshot comes with a bit changed.
    SnapshotAltered,
    /// The end of a connection is told twice.
    ClosedTwice,
    /// The end of a connection is not told.
    ClosedNever,
    /// A client's timers do not run.
    ClientSleeps,
    /// A peer is said to have broken the protocol.
    Blamed,
    /// An end gives up before it may.
    Impatient,
    /// The server never sees a datagram that came.
    Deaf,
    /// An endpoint keeps memory for each datagram.
    Hoards,
}

impl Defect {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::MessageTwice,
        Self::MessageLost,
        Self::MessagesSwapped,
        Self::MessageAltered,
        Self::BlockTwice,
        Self::InputTwice,
        Self::FateInvented,
        Self::FateForgotten,
        Self::SnapshotAltered,
        Self::ClosedTwice,
        Self::ClosedNever,
        Self::ClientSleeps,
        Self::Blamed,
        Self::Impatient,
        Self::Deaf,
        Self::Hoards,
    ];
}
