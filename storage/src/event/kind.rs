//! What an event does, by name and number.

use rkyv::{Archive, Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// What an event does; fixes which of its parts may be used.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Archive, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum EventKind {
            $($(#[$doc])* $kind,)*
        }

        impl EventKind {
            /// Every kind, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its name in configuration, metrics and reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A character is created with its starter items and zen.
    CharacterBirth = "character_birth",
    /// Two characters exchange items and zen.
    Trade = "trade",
    /// A character puts items and zen into its account's warehouse, takes them out, or arranges them there.
    WarehouseMove = "warehouse_move",
    /// A character drops items; they stay its own until somebody picks them up.
    Drop = "drop",
    /// A character picks up loot, zen, or items that lie on the ground.
    PickUp = "pick_up",
    /// Items on the ground cease to exist.
    Despawn = "despawn",
    /// A character buys items from a shop of the game.
    ShopBuy = "shop_buy",
    /// A character sells items to a shop of the game.
    ShopSell = "shop_sell",
    /// A character sends parcels with items and zen.
    MailSend = "mail_send",
    /// A character takes what is in a parcel.
    MailClaim = "mail_claim",
    /// A character puts an item up for auction.
    AuctionList = "auction_list",
    /// A character bids; whoever bid before gets his money back.
    AuctionBid = "auction_bid",
    /// A character ends an auction by paying its full price.
    AuctionBuyOut = "auction_buy_out",
    /// An auction ends.
    AuctionClose = "auction_close",
    /// A provider of payments credits an account.
    CashCredit = "cash_credit",
    /// An account spends cash; the goods come as parcels.
    CashSpend = "cash_spend",
    /// A character reaches a level.
    LevelUp = "level_up",
    /// A character spends points on its stats.
    PointsSpend = "points_spend",
    /// An operator gives items and zen, as parcels.
    GmGrant = "gm_grant",
    /// An operator takes items and money from a character that is not in the world.
    GmTake = "gm_take",
    /// The house makes a loss good, with parcels.
    Compensation = "compensation",
    /// An operator decides a quarantined event.
    Resolution = "resolution",
}

impl EventKind {
    /// Its number in outcome rows.
    #[must_use]
    pub const fn code(self) -> i32 {
        // A widening conversion; `From` is not usable in a const function.
        self as i32
    }

    /// From its number; `None` if this version does not know it.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }

    /// From its name; `None` if there is no such kind.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether success may be told as soon as the event is durable, before it is decided: only what concerns one
    /// character alone.
    #[must_use]
    pub const fn may_be_told(self) -> bool {
        matches!(self, Self::PickUp | Self::ShopBuy | Self::ShopSell | Self::LevelUp | Self::PointsSpend)
    }
}

#[cfg(test)]
mod tests {
    use super::EventKind;

    #[test]
    fn kinds_have_numbers_and_names_of_their_own() {
        for (at, &kind) in (0..).zip(EventKind::ALL) {
            assert_eq!(kind.code(), at, "{kind:?}");
            assert_eq!(EventKind::from_code(at), Some(kind));
            assert_eq!(EventKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!((EventKind::from_code(22), EventKind::from_code(-1)), (None, None));
        assert_eq!(EventKind::from_name("Trade"), None);
    }
}
