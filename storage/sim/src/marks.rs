//! Which rare things happened: a counter for each, so that a run can show that it went there.

macro_rules! marks {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// Something rare.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mark {
            $($(#[$doc])* #[doc = $text] $name,)*
        }

        impl Mark {
            /// Every mark with its name.
            pub const ALL: &[(Self, &str)] = &[$((Self::$name, $text)),*];
        }
    };
}

marks! {
    Killed = "the process was killed between two steps";
    PowerCut = "the power went between two steps";
    CutInFlight = "the power went during disk I/O";
    JournalFailed = "a failed write or sync ended the process";
    CutWithUnsynced = "the power went while bytes were unsynced";
    BothCrashed = "process and database crashed together";
    RecoveryCut = "the power went during recovery";
    RecoveryFailed = "recovery failed and was tried again";
    RecoveryStoreAway = "the store did not answer during recovery";
    TornTail = "recovery found a torn tail";
    Relogged = "recovery decided events of the run before";
    RelogLost = "an event that was never acknowledged is gone";
    RelogKept = "an event that was never acknowledged is decided";
    StoreRestarted = "the database restarted under the server";
    SuffixLost = "a restart of the database lost commits";
    Redriven = "events whose outcome was told were forgotten by the store and decided again";
    ReplyLost = "a commit's reply was lost";
    CommitLost = "a commit was lost and its caller not told";
    Zombie = "a commit happened after its caller gave up";
    ZombieAborted = "a transaction was given up by the server after its caller was gone";
    StoreAway = "the database was away for minutes";
    StoreRefused = "the database gave up a transaction";
    BreakerOpen = "maps refused events because the store did not answer";
    JournalFull = "maps refused events because the volume was full";
    Busy = "an event was refused because the queue was full";
    OldApplierFenced = "the applier of a dead process was fenced off";
    OldApplierDecided = "the applier of a dead process decided something before it was fenced off";
    Rejected = "an event was rejected and its players told";
    Quarantined = "an event was quarantined";
    FrozenAtLogin = "a frozen character was refused at login";
    DoubleConfirm = "a second confirmation was ignored";
    DoubleSubmit = "the same event was submitted twice";
    LeftInFlight = "a player left with an event in flight and stayed until it was decided";
    MovedMap = "a player changed maps";
    MoveRefused = "a map change was refused because an event was in flight";
    LateFlush = "hot state of an owner from before was flushed late and lost";
    LoadThrownAway = "a load was thrown away because the store had forgotten something";
    Stalled = "the disk stalled for more than five seconds";
    Sealed = "an idle journal was sealed";
    ClockJump = "the clock jumped";
    SecondCommitInFlight = "an event waited for a store that was away when the process died";
    FlipFound = "a flipped bit was reported";
    FlipHarmless = "a flipped bit did no harm";
    MisdirectFound = "a misdirected write was reported";
    MisdirectHarmless = "a misdirected write did no harm";
    LieFound = "a disk that lies about syncs was found out";
    LieHarmless = "a disk that lies about syncs did no harm to what was told";
    WalAck = "success was told at durability";
    ToldQuarantined = "an event told at durability could not be applied and was quarantined";
}

/// How often each mark was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks(Vec<u64>);

impl Default for Marks {
    fn default() -> Self {
        Self(vec![0; Mark::ALL.len()])
    }
}

impl Marks {
    /// Counts one.
    pub fn hit(&mut self, mark: Mark) {
        self.0[mark as usize] += 1;
    }

    /// How often it was met.
    #[must_use]
    pub fn count(&self, mark: Mark) -> u64 {
        self.0[mark as usize]
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine += theirs;
        }
    }

    /// Each mark's name and count.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Mark::ALL.iter().map(|(_, name)| *name).zip(self.0.iter().copied())
    }
}
