//! Test vectors: bytes and what they mean, for whoever writes another implementation. Each is checked against the code when it
//! is made; another end proves itself by reading and writing the same.

mod connection;
mod frames;
mod messages;
mod motion;
mod preludes;
mod snapshots;

use std::time::Duration;

use super::json::Json;
use super::schema;
use crate::connection::{KeyLimits, Terms};

/// The schema's row of a frame and the bytes of its fields.
pub(super) fn frame_row<'a>(schema: &'a Json, bytes: &'a [u8], from: &str) -> (&'a Json, &'a [u8]) {
    frames::row(schema, bytes, from)
}

/// The whole of `wire/tests/vectors.json`.
pub(super) fn vectors() -> Json {
    let schema = schema::schema();
    Json::object([
        (
            "about",
            "hexadecimal bytes and what they mean: docs/protocol.md, chapter 9; made by wire/src/generated".into(),
        ),
        ("connection", connection::vectors()),
        ("varints", preludes::varints()),
        ("packet_numbers", preludes::packet_numbers()),
        ("preludes", preludes::preludes()),
        ("frames", frames::vectors(&schema)),
        ("messages", messages::vectors(&schema)),
        ("inputs", messages::inputs()),
        ("motion", motion::vectors()),
        ("snapshots", snapshots::vectors()),
    ])
}

/// What the connections in the vectors have agreed on.
fn terms() -> Terms {
    Terms {
        ack_delay: Duration::from_millis(50),
        ack_control_at_once: true,
        idle: Duration::from_secs(10),
        coalesce: Duration::ZERO,
        keys: KeyLimits::default(),
        ceiling: 0,
        max_datagram: 1_200,
    }
}
