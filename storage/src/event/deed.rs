//! What an event does beside moving items and money: births, growth, parcels, auctions, cash, and acts of operators.
//! What these consist of is in [`super::parts`].
#![expect(missing_docs, reason = "the archive's own types repeat the fields without their descriptions")]

use rkyv::{Archive, Deserialize, Serialize};

use super::parts::{Birth, Close, Growth, Listing, Resolve};
use super::text::Text;

/// What an event does beside moving items and money. Each kind of event has none or one certain deed.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub enum Deed {
    /// A character comes to life.
    Birth(Birth),
    /// A character grows.
    Growth(Growth),
    /// A parcel is emptied.
    Claim {
        /// Which parcel.
        parcel: i64,
    },
    /// An auction begins.
    Listing(Listing),
    /// Somebody bids, or pays the full price.
    Bid {
        /// Which auction.
        listing: i64,
        /// The version it must have.
        version: i32,
        /// Who pays.
        bidder: i64,
        /// How much.
        amount: i64,
    },
    /// An auction ends.
    Close {
        /// Which auction.
        listing: i64,
        /// The version it must have.
        version: i32,
        /// How it ends.
        how: Close,
    },
    /// Cash comes or goes.
    Cash {
        /// Whose it is.
        account: i64,
        /// The provider's id of the payment, or what was bought.
        reference: Text<64>,
    },
    /// An operator acts.
    Authority {
        /// Who.
        operator: Text<32>,
        /// Why.
        reason: Text<128>,
    },
    /// An operator decides a quarantined event.
    Resolution {
        /// The quarantined event.
        event_id: u128,
        /// What becomes of it.
        action: Resolve,
        /// Who decides.
        operator: Text<32>,
        /// Why.
        reason: Text<128>,
        /// Who else agrees; needed where cash is concerned or the event cannot be read, otherwise it may be empty.
        second: Text<32>,
    },
}
