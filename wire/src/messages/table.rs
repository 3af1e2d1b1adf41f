//! The table: every message, with its number, its lane, its fields and their bounds. What must be heard in order is on one
//! lane: all of trade and what a character owns on Value.
//!
//! A number is never given to another message. A field's bound is part of the protocol: raising one changes it.

use std::net::SocketAddr;

use super::{
    describe::{FieldDescription, MessageDescription},
    error::{DecodeError, EncodeError, Problem},
    field::{Address, Bytes, Field, ListOf, OfferOf, Reader, Text, Writer},
    item::{Item, Offer, Ware},
    list::List,
    macros::{kind_of, messages},
    values::{ChatChannel, Deal, KickReason, Refusal, TradeClose, TradeFailure},
};
use crate::{ids::EntityId, lanes::Lane, packet::MAX_RELIABLE, time::Tick};

/// Bytes of a chat message at most.
pub const MAX_CHAT_BYTES: usize = 120;
/// Bytes of a character's name at most.
pub const MAX_NAME_BYTES: usize = 10;
/// Bytes of a notice at most.
pub const MAX_NOTICE_BYTES: usize = 240;
/// Items one side of a trade can offer at most.
pub const MAX_TRADE_ITEMS: usize = 32;
/// Items an inventory can hold at most.
pub const MAX_INVENTORY_ITEMS: usize = 64;

/// Items one deal can name at most.
pub const MAX_DEAL_ITEMS: usize = 16;
/// Wares one shop can show at most.
pub const MAX_WARES: usize = 32;

messages! {
    /// What a client asks.
    pub enum ClientMessage<'a> {
        /// Says something.
        1 => Chat on Social {
            /// Who shall hear it.
            channel: ChatChannel,
            /// What is said.
            text: &'a str as Text<MAX_CHAT_BYTES>,
        },
        /// Steps through the portal the character stands on.
        2 => UsePortal on Control {
            /// The portal's number on this map.
            portal: u16,
        },
        /// Asks a player near by to trade.
        3 => TradeRequest on Value {
            /// Whom.
            target: EntityId,
        },
        /// Answers a `TradeRequested`.
        4 => TradeAnswer on Value {
            /// Whether to trade.
            accept: bool,
        },
        /// Puts these goods, and nothing else, on the own side of the table. Takes back both confirmations.
        5 => TradeOffer on Value {
            /// The revision of the table the player saw.
            revision: u32,
            /// Money.
            zen: u64,
            /// Items of the own inventory.
            items: List<'a, u64> as ListOf<u64, MAX_TRADE_ITEMS>,
        },
        /// Agrees to the table exactly as it is at this revision.
        6 => TradeConfirm on Value {
            /// The revision of the table the player saw.
            revision: u32,
        },
        /// Leaves the trade, or takes back the own request.
        7 => TradeCancel on Value,
        /// Ends the session: the character is stored and leaves.
        8 => Leave on Control,
        /// Asks a keeper near by what it keeps: answered with `Warehouse` or `Wares`.
        9 => KeeperOpen on Value {
            /// The keeper.
            keeper: EntityId,
        },
        /// Puts money and items into the account's warehouse.
        10 => Deposit on Value {
            /// A warehouse keeper near by.
            keeper: EntityId,
            /// Money.
            zen: u64,
            /// Items of the own inventory.
            items: List<'a, u64> as ListOf<u64, MAX_DEAL_ITEMS>,
        },
        /// Takes money and items out of the account's warehouse.
        11 => Withdraw on Value {
            /// A warehouse keeper near by.
            keeper: EntityId,
            /// Money.
            zen: u64,
            /// Items of the warehouse.
            items: List<'a, u64> as ListOf<u64, MAX_DEAL_ITEMS>,
        },
        /// Buys from a shop.
        12 => Buy on Value {
            /// The shop's keeper.
            keeper: EntityId,
            /// The position in the list of wares.
            ware: u8,
            /// How many, 1 to 16.
            count: u8,
            /// The price of one that the player saw.
            price: u64,
        },
        /// Sells to a shop.
        13 => Sell on Value {
            /// The shop's keeper.
            keeper: EntityId,
            /// Items of the own inventory.
            items: List<'a, u64> as ListOf<u64, MAX_DEAL_ITEMS>,
        },
        /// Lays an item down where the character stands.
        14 => Drop on Value {
            /// An item of the own inventory.
            item: u64,
        },
        /// Picks up what lies near by.
        15 => PickUp on Value {
            /// The item's entity.
            target: EntityId,
        },
    }
}

messages! {
    /// What the server says.
    pub enum ServerMessage<'a> {
        /// The character stands on a map. First after connecting, and again after each change of map; everything seen
        /// before is gone.
        1 => Spawned on Control {
            /// The character's own entity on this map.
            entity: EntityId,
            /// The character, as the gateway numbers it.
            character: u64,
            /// The world.
            world: u16,
            /// The entry point.
            entry: u16,
            /// The map, from the world's content.
            map: u16,
            /// Which instance of the map.
            instance: u32,
            /// Position in 1/256 tiles, eastward.
            x: u16,
            /// Position in 1/256 tiles, southward.
            y: u16,
            /// The tick from which this holds.
            tick: Tick,
            /// Health.
            hp: u16,
            /// Health when unhurt.
            hp_max: u16,
            /// Mana.
            mp: u16,
            /// Mana when rested.
            mp_max: u16,
            /// The character's name.
            name: &'a str as Text<MAX_NAME_BYTES>,
        },
        /// Everything the character owns. Sent with `Spawned`, and whenever something of it changed; it may come before that.
        2 => Inventory on Value {
            /// Money.
            zen: u64,
            /// Items.
            items: List<'a, Item> as ListOf<Item, MAX_INVENTORY_ITEMS>,
        },
        /// Somebody said something.
        3 => Chat on Social {
            /// On which channel.
            channel: ChatChannel,
            /// The speaker; the client may not see it.
            from: EntityId,
            /// The speaker's name.
            name: &'a str as Text<MAX_NAME_BYTES>,
            /// What was said, cleaned by the server.
            text: &'a str as Text<MAX_CHAT_BYTES>,
        },
        /// The server's own words to its players.
        4 => Notice on Social {
            /// The words.
            text: &'a str as Text<MAX_NOTICE_BYTES>,
        },
        /// A request was not granted.
        5 => Refused on Value {
            /// Which and why.
            what: Refusal,
            /// More about it; see the value.
            detail: u32,
        },
        /// The character is not where the client's inputs would have it; prediction starts again here.
        6 => Correction on Control {
            /// The tick from which this holds.
            tick: Tick,
            /// Position in 1/256 tiles, eastward.
            x: u16,
            /// Position in 1/256 tiles, southward.
            y: u16,
        },
        /// A player near by asks to trade.
        7 => TradeRequested on Value {
            /// Who.
            from: EntityId,
            /// The asking player's name.
            name: &'a str as Text<MAX_NAME_BYTES>,
        },
        /// The trade has begun; both sides of the table are empty, at revision 0.
        8 => TradeOpened on Value {
            /// The partner.
            with: EntityId,
            /// The partner's name.
            name: &'a str as Text<MAX_NAME_BYTES>,
        },
        /// The table as it is now. Nobody has confirmed it yet.
        9 => TradeOffers on Value {
            /// Grows with each change on either side.
            revision: u32,
            /// The own side.
            mine: Offer<'a> as OfferOf<MAX_TRADE_ITEMS>,
            /// The partner's side.
            theirs: Offer<'a> as OfferOf<MAX_TRADE_ITEMS>,
        },
        /// Who has confirmed the table.
        10 => TradeConfirmed on Value {
            /// The own side.
            mine: bool,
            /// The partner.
            theirs: bool,
        },
        /// Both confirmed; the goods are locked until the trade is decided. It survives a crash under this name.
        11 => TradePending on Value {
            /// The trade's name for ever.
            event: u128,
        },
        /// The exchange is durable and done.
        12 => TradeDone on Value {
            /// The trade's name.
            event: u128,
        },
        /// The exchange was decided not to happen.
        13 => TradeFailed on Value {
            /// The trade's name.
            event: u128,
            /// Why.
            reason: TradeFailure,
        },
        /// The table is closed, nothing changed hands.
        14 => TradeClosed on Value {
            /// Why.
            reason: TradeClose,
        },
        /// The character goes on at another endpoint: connect there with this ticket, which is good once and for a short
        /// time, then leave this one.
        15 => Transfer on Control {
            /// Where to.
            address: SocketAddr as Address,
            /// The ticket's routing id.
            routing_id: u64,
            /// The ticket's key id.
            key_id: u8,
            /// When the ticket ends, in seconds of unix time.
            expires_s: u64,
            /// The ticket's sealed token: 24 bytes of salt, 368 sealed.
            sealed_token: &'a [u8; 392] as Bytes<392>,
            /// The ticket's pre-shared key.
            psk: &'a [u8; 32] as Bytes<32>,
            /// The other endpoint's static public key.
            server_key: &'a [u8; 32] as Bytes<32>,
        },
        /// The session is over; the connection closes next.
        16 => Kicked on Control {
            /// Why.
            reason: KickReason,
        },
        /// The server stops soon; what the character has is stored.
        17 => ServerClosing on Control {
            /// When, in seconds from now.
            seconds: u16,
        },
        /// Everything in the account's warehouse. Answers `KeeperOpen`, and comes after each deal that changed it.
        18 => Warehouse on Value {
            /// Money.
            zen: u64,
            /// Items.
            items: List<'a, Item> as ListOf<Item, MAX_INVENTORY_ITEMS>,
        },
        /// What a shop sells. Answers `KeeperOpen`.
        19 => Wares on Value {
            /// The shop's keeper.
            keeper: EntityId,
            /// What it pays, in percent of an item's worth.
            pays_percent: u16,
            /// The wares.
            wares: List<'a, Ware> as ListOf<Ware, MAX_WARES>,
        },
        /// A deal was submitted: its goods are locked until it is decided. It survives a crash under this name.
        20 => DealPending on Value {
            /// The deal's name for ever.
            event: u128,
            /// What it is.
            deal: Deal,
        },
        /// A deal is durable and done.
        21 => DealDone on Value {
            /// The deal's name.
            event: u128,
            /// What it was.
            deal: Deal,
        },
        /// A deal was decided not to happen.
        22 => DealFailed on Value {
            /// The deal's name.
            event: u128,
            /// What it was.
            deal: Deal,
            /// Why.
            reason: TradeFailure,
        },
    }
}

/// Bytes of the longest message of either direction.
pub const MAX_MESSAGE_BYTES: usize = if ClientMessage::MAX_BYTES > ServerMessage::MAX_BYTES {
    ClientMessage::MAX_BYTES
} else {
    ServerMessage::MAX_BYTES
};

const _: () = assert!(MAX_MESSAGE_BYTES <= MAX_RELIABLE, "a lane carries every message");
