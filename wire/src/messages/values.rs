//! Numbers with names: what a one-byte field of a message may say.

use super::macros::values;

values! {
    /// Who hears a chat message.
    pub enum ChatChannel {
        /// Everyone near the speaker.
        0 => Local,
        /// The speaker's party.
        1 => Party,
        /// The speaker's guild.
        2 => Guild,
        /// Everyone in the world.
        3 => Global,
    }
}

values! {
    /// Why the server did not do what was asked. The connection goes on.
    pub enum Refusal {
        /// Too many chat messages; `detail` is the wait in milliseconds.
        0 => ChatRate,
        /// Nothing is left of the text after cleaning.
        1 => ChatEmpty,
        /// Nobody can be reached on that channel; `detail` is the channel.
        2 => ChatChannel,
        /// There is no such portal here, or the character does not stand on it; `detail` is the portal.
        3 => Portal,
        /// The other side of the portal takes nobody now; `detail` is the portal.
        4 => PortalFull,
        /// The other is not there, or is not a player; `detail` is the entity asked for.
        5 => TradeUnavailable,
        /// The other is too far away; `detail` is the entity asked for.
        6 => TradeFar,
        /// One of the two is trading or being asked already; `detail` is the entity asked for.
        7 => TradeBusy,
        /// There is no trade this could belong to.
        8 => TradeNone,
        /// The table has changed since; `detail` is the revision that counts.
        9 => TradeStale,
        /// An item or the money offered is not the character's to give; `detail` is the position in the list, or the
        /// number of items if it is the money.
        10 => TradeGoods,
        /// Too many requests; `detail` is the wait in milliseconds.
        11 => Rate,
        /// The place asked for cannot be reached from where the character stands.
        12 => Walk,
        /// The server cannot do it now; asking again later may succeed.
        13 => Unavailable,
        /// There is no such keeper near by, or it keeps something else; `detail` is the entity asked for.
        14 => KeeperFar,
        /// Too much of the character is undecided; asking again once it is may succeed.
        15 => Busy,
        /// An item or the money named is not there, or is locked; `detail` is the position in the list, or the number of
        /// items if it is the money.
        16 => Goods,
        /// There is no room for what would come.
        17 => NoRoom,
        /// The shop has no such ware, or it costs something else; `detail` is the ware.
        18 => Price,
        /// Nothing lies there to be picked up any more, or it is out of reach; `detail` is the entity asked for.
        19 => GroundGone,
    }
}

values! {
    /// Why a trade or a deal that was submitted did not happen. Everybody keeps what they had.
    pub enum TradeFailure {
        /// An item was no longer where it was offered from.
        0 => ItemMoved,
        /// A purse could not pay, or could not hold what it would receive.
        1 => Zen,
        /// An inventory had no room.
        2 => NoRoom,
        /// The store refused it for another reason.
        3 => Refused,
        /// It could not be decided; a person will. What was offered stays locked until then.
        4 => Review,
    }
}

values! {
    /// What one character does with its money and items, by itself.
    pub enum Deal {
        /// Puts into the warehouse.
        0 => Deposit,
        /// Takes out of the warehouse.
        1 => Withdraw,
        /// Buys from a shop.
        2 => Buy,
        /// Sells to a shop.
        3 => Sell,
        /// Lays down on the ground.
        4 => Drop,
        /// Picks up from the ground, or gets back what lay there when it left.
        5 => PickUp,
    }
}

values! {
    /// Why a trade window closed without an exchange.
    pub enum TradeClose {
        /// The character cancelled.
        0 => Cancelled,
        /// The other cancelled.
        1 => PartnerCancelled,
        /// The other declined the request.
        2 => Declined,
        /// Nobody answered, or nothing happened for too long.
        3 => TimedOut,
        /// The two walked too far apart.
        4 => TooFar,
        /// The other left the map or the game.
        5 => PartnerLeft,
        /// The server cannot trade now.
        6 => Unavailable,
    }
}

values! {
    /// Why the server ends the session.
    pub enum KickReason {
        /// The same account logged in elsewhere.
        0 => NewSession,
        /// An operator decided so.
        1 => Operator,
        /// The client broke the protocol.
        2 => Protocol,
        /// The client sent more than it may.
        3 => Flood,
        /// The character went to another endpoint.
        4 => Transferred,
        /// The server is stopping.
        5 => Closing,
        /// The server failed in a way that concerns this session only.
        6 => Internal,
    }
}
