//! Which parts ride along a second time, in the packet after the one that they left in, before anything is known of it.
//!
//! A loss costs a round trip and more; a second copy in a packet that leaves anyway costs its own bytes and nothing else. What
//! was lost once has cost that time already, so each repair is repeated. Fresh parts are only while the link loses, only short
//! ones, and as far as an allowance goes.

/// Longest frame of a fresh part that is repeated.
const SHORT: usize = 200;

/// Whether and why a part rides along again, and the packet that it left in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Echo(u8);

impl Echo {
    /// It does not.
    pub(super) const NONE: Self = Self(0);
    /// It left because it was lost; else for the first time.
    const REPAIR: u8 = 0x80;

    pub(super) const fn is_repair(self) -> bool {
        self.0 & Self::REPAIR != 0
    }
}

/// The packet that is being filled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    /// Packets are counted from 1 to 127 and again from 1.
    count: u8,
    lossy: bool,
}

impl Packet {
    pub(super) const fn first() -> Self {
        Self { count: 1, lossy: false }
    }

    /// The next packet; `lossy` says whether the link loses.
    pub(super) const fn next(&mut self, lossy: bool) {
        self.count = self.count % 127 + 1;
        self.lossy = lossy;
    }

    /// What is noted of a part of `len` bytes that leaves with this packet.
    pub(super) const fn note(self, len: usize, repair: bool) -> Echo {
        match (repair, self.lossy && len <= SHORT) {
            (true, _) => Echo(self.count | Echo::REPAIR),
            (false, true) => Echo(self.count),
            (false, false) => Echo::NONE,
        }
    }

    /// Whether this is the packet of the note.
    pub(super) const fn is_that_of(self, echo: Echo) -> bool {
        echo.0 & !Echo::REPAIR == self.count
    }
}
