//! What can be decided about an event, and why.

/// What was decided about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its changes are in the store.
    Applied,
    /// It changed nothing, for good.
    Rejected(Reason),
    /// It changed nothing; it lies in the review table and what it names is frozen until an operator decides.
    Quarantined(Reason),
}

impl Outcome {
    /// Its numbers in the outcome table: outcome and reason.
    pub(crate) const fn codes(self) -> (i32, i32) {
        match self {
            Self::Applied => (0, 0),
            Self::Rejected(reason) => (1, reason as i32),
            Self::Quarantined(reason) => (2, reason as i32),
        }
    }

    /// From its numbers; `None` if this version does not know them.
    pub(crate) fn from_codes(outcome: i32, reason: i32) -> Option<Self> {
        match outcome {
            0 => Some(Self::Applied),
            1 => Reason::from_code(reason).map(Self::Rejected),
            2 => Reason::from_code(reason).map(Self::Quarantined),
            _ => None,
        }
    }
}

/// Why an event was not applied. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// An item does not exist.
    ItemMissing = 1,
    /// An item has another version.
    ItemVersion = 2,
    /// An item lies elsewhere.
    ItemElsewhere = 3,
    /// An item of that identity exists or existed.
    ItemExists = 4,
    /// A target place is occupied.
    PlaceTaken = 5,
    /// A character would owe money.
    BalanceTooLow = 6,
    /// A balance would leave the number range.
    BalanceTooHigh = 7,
    /// A character named does not exist.
    CharacterUnknown = 8,
    /// The new character's id is in use.
    CharacterExists = 9,
    /// The account has as many characters as it may.
    CharacterLimit = 10,
    /// The account does not exist.
    AccountUnknown = 11,
    /// Another character has that name.
    NameTaken = 12,
    /// The warehouse belongs to another account.
    AccountOther = 13,
    /// The character's growth has another version.
    GrowthVersion = 14,
    /// Level, points and stats do not follow from what the character has.
    GrowthRule = 15,
    /// There is no such parcel.
    ParcelUnknown = 16,
    /// A parcel of that identity exists or existed.
    ParcelExists = 17,
    /// The parcel was emptied before.
    ParcelClaimed = 18,
    /// The parcel is for somebody else.
    ParcelOther = 19,
    /// The parcel holds something else.
    ParcelContent = 20,
    /// There is no such auction.
    ListingUnknown = 21,
    /// An auction of that identity exists or existed.
    ListingExists = 22,
    /// The auction has ended.
    ListingClosed = 23,
    /// The auction has another version: somebody else was faster.
    ListingVersion = 24,
    /// The bid is too low, too high, or on one's own auction.
    BidRefused = 25,
    /// The auction cannot end in that way.
    ListingRule = 26,
    /// The parcels or bids of the event are not those the auction owes.
    ListingContent = 27,
    /// No event of that identity waits for review.
    ReviewUnknown = 28,
    /// The quarantined event was resolved before.
    ReviewClosed = 29,
    /// An earlier quarantined event concerns the same things and must be resolved first.
    ReviewOrder = 30,
    /// The quarantined event cannot be read or breaks a rule: it can be discarded or compensated, not applied.
    ReviewUnreadable = 31,
    /// A second person must agree.
    SecondMissing = 32,
    /// Quarantined: the event breaks a rule of [`crate::event::ValueEvent::check`].
    Malformed = 64,
    /// Quarantined: the payload cannot be read.
    Undecodable = 65,
    /// Quarantined: something it names is frozen by an earlier quarantined event.
    Frozen = 66,
    /// Quarantined: the database refused its rows.
    Refused = 67,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 36] = [
        Self::ItemMissing,
        Self::ItemVersion,
        Self::ItemElsewhere,
        Self::ItemExists,
        Self::PlaceTaken,
        Self::BalanceTooLow,
        Self::BalanceTooHigh,
        Self::CharacterUnknown,
        Self::CharacterExists,
        Self::CharacterLimit,
        Self::AccountUnknown,
        Self::NameTaken,
        Self::AccountOther,
        Self::GrowthVersion,
        Self::GrowthRule,
        Self::ParcelUnknown,
        Self::ParcelExists,
        Self::ParcelClaimed,
        Self::ParcelOther,
        Self::ParcelContent,
        Self::ListingUnknown,
        Self::ListingExists,
        Self::ListingClosed,
        Self::ListingVersion,
        Self::BidRefused,
        Self::ListingRule,
        Self::ListingContent,
        Self::ReviewUnknown,
        Self::ReviewClosed,
        Self::ReviewOrder,
        Self::ReviewUnreadable,
        Self::SecondMissing,
        Self::Malformed,
        Self::Undecodable,
        Self::Frozen,
        Self::Refused,
    ];

    fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|&reason| reason as i32 == code)
    }
}
