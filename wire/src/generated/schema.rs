//! What a program in another language needs of the tables: messages, enumerations, lanes, frames, codes, sizes.
//!
//! A field is `{name, kind, …}`. Kinds: `u8` … `u128`, `bool`, `entity`, `tick` (u32), `values` (u8; `of` names the
//! enumeration), `text` (u8 length; `max` bytes), `bytes` (`len`), `list` (u8 count; `max` elements of `of`), `group`
//! (`fields`), `address`. In frames also `varint`, `sized` (varint length, `min` to `max` bytes), `short` (u8 length,
//! `max` bytes) and `rest` (to the end).

use super::frames;
use super::json::Json;
use crate::connection::CloseCode;
use crate::lanes::Lane;
use crate::messages::{ClientMessage, ENUMERATIONS, MessageDescription, ServerMessage, Shape};
use crate::packet::{MAX_DATAGRAM, MAX_RECEIVED, MAX_RELIABLE, MAX_UNFRAGMENTED};
use crate::{PROTOCOL_VERSION, protocol_id};

/// The whole schema.
pub(super) fn schema() -> Json {
    let values = ENUMERATIONS.iter().map(|values| {
        let of = values.values.iter().map(|value| {
            Json::object([
                ("number", value.number.into()),
                ("name", value.name.into()),
                ("about", sentence(value.about).into()),
            ])
        });
        (values.name.to_owned(), Json::List(of.collect()))
    });
    Json::object([
        ("made_from", "wire/src/messages/table.rs and wire/src/generated; do not edit".into()),
        ("protocol_version", PROTOCOL_VERSION.into()),
        ("protocol_id", format!("{:08x}", protocol_id()).into()),
        ("client", messages(&ClientMessage::describe())),
        ("server", messages(&ServerMessage::describe())),
        ("values", Json::Object(values.collect())),
        ("lanes", lanes()),
        ("lane_map", format!("{:08x}", Lane::MAP).into()),
        ("frames", frames::table()),
        ("close_codes", close_codes()),
        ("sizes", sizes()),
    ])
}

fn messages(messages: &[MessageDescription]) -> Json {
    let rows = messages.iter().map(|message| {
        let fields = message.fields.iter().map(|field| named(field.name, &field.shape));
        Json::object([
            ("number", message.number.into()),
            ("name", message.name.into()),
            ("lane", message.lane.number().into()),
            ("about", sentence(message.about).into()),
            ("max_bytes", message.max_bytes.into()),
            ("fields", Json::List(fields.collect())),
        ])
    });
    Json::List(rows.collect())
}

/// A field: its name and what [`kind`] says.
fn named(name: &str, shape: &Shape) -> Json {
    let Json::Object(kind) = kind(shape) else { unreachable!("a kind is an object") };
    Json::Object([("name".to_owned(), name.into())].into_iter().chain(kind).collect())
}

fn kind(shape: &Shape) -> Json {
    let plain = |kind: &str| Json::object([("kind", kind.into())]);
    match shape {
        Shape::Number { bytes } => Json::object([("kind", format!("u{}", bytes * 8).into())]),
        Shape::Flag => plain("bool"),
        Shape::Entity => plain("entity"),
        Shape::Tick => plain("tick"),
        Shape::Value { of } => plain("values").with("of", *of),
        Shape::Text { max } => plain("text").with("max", *max),
        Shape::Bytes { len } => plain("bytes").with("len", *len),
        Shape::List { of, max } => plain("list").with("max", *max).with("of", kind(of)),
        Shape::Group(parts) => {
            let fields = parts.iter().map(|(name, shape)| named(name, shape));
            plain("group").with("fields", Json::List(fields.collect()))
        }
        Shape::Address => plain("address"),
    }
}

fn lanes() -> Json {
    let rows = Lane::ALL.iter().map(|lane| {
        let mode = (Lane::MAP >> (4 * u32::from(lane.number()))) & 0xF;
        let name = format!("{lane:?}");
        Json::object([("number", lane.number().into()), ("name", name.into()), ("mode", mode.into())])
    });
    Json::List(rows.collect())
}

fn close_codes() -> Json {
    let codes = [
        (CloseCode::DONE, "Done"),
        (CloseCode::SHUTDOWN, "Shutdown"),
        (CloseCode::KICKED, "Kicked"),
        (CloseCode::REPLACED, "Replaced"),
        (CloseCode::MOVED, "Moved"),
        (CloseCode::VIOLATION, "Violation"),
        (CloseCode::OVERLOADED, "Overloaded"),
        (CloseCode::FORGED, "Forged"),
        (CloseCode::APPLICATION, "Application"),
    ];
    let row = |(code, name): (CloseCode, &'static str)| {
        Json::object([("number", code.0.into()), ("name", name.into()), ("text", code.player_text().into())])
    };
    let rows = codes.map(row);
    Json::List(rows.to_vec())
}

fn sizes() -> Json {
    Json::object([
        ("datagram_sent", MAX_DATAGRAM.into()),
        ("datagram_received", MAX_RECEIVED.into()),
        ("unfragmented", MAX_UNFRAGMENTED.into()),
        ("reliable", MAX_RELIABLE.into()),
        ("client_message", ClientMessage::MAX_BYTES.into()),
        ("server_message", ServerMessage::MAX_BYTES.into()),
    ])
}

/// A documentation comment as one line.
fn sentence(about: &str) -> String {
    about.split_whitespace().collect::<Vec<_>>().join(" ")
}
