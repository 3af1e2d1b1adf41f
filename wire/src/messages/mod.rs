//! What client and server say to each other: the messages of the reliable lanes and the inputs of the input lane.
//!
//! Every message is a row of one table (`table`): number, name, lane, fields, bounds. The enums, both directions of the
//! codec, the size limits and the tables of `docs/protocol.md` come from it. Decoding borrows from the received bytes,
//! allocates nothing and refuses what it does not know with an error that names the field. Little endian throughout.
//!
//! Knows no connection and no rule of the game: that a message is well formed does not make it allowed.

mod describe;
mod error;
pub mod field;
mod input;
mod item;
mod list;
mod macros;
mod shape;
mod table;
mod values;

pub use describe::{
    ENUMERATIONS, FieldDescription, MessageDescription, ValueDescription, ValuesDescription, markdown, schema,
};
pub use error::{DecodeError, EncodeError, Problem};
pub use input::{BadInput, Input, MAX_INPUT_BYTES, Walk};
pub use item::{Item, Offer, Ware};
pub use list::{Element, ItemUids, List};
pub use shape::Shape;
pub use table::{
    ClientMessage, MAX_CHAT_BYTES, MAX_DEAL_ITEMS, MAX_INVENTORY_ITEMS, MAX_MESSAGE_BYTES, MAX_NAME_BYTES,
    MAX_NOTICE_BYTES, MAX_TRADE_ITEMS, MAX_WARES, ServerMessage,
};
pub use values::{ChatChannel, Deal, KickReason, Refusal, TradeClose, TradeFailure};
