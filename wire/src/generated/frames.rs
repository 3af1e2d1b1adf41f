//! The frames as a table. The vectors hold an example of each, written by hand after this table and parsed by the code, so a
//! row that is wrong does not stay.

use super::json::Json;
use crate::packet::{
    FRAGMENT_LEN, MAX_CLOSE_TEXT, MAX_INPUT, MAX_INPUTS_PER_PACKET, MAX_UNFRAGMENTED, SLICE_LEN, frame_id as id,
};

/// Most ranges of an `ACK_RANGES` frame.
const MAX_RANGES: usize = 32;

/// A row: id, name, who may send it, whether it asks for an acknowledgement, its fields.
type Row = (u8, &'static str, &'static str, bool, Vec<Json>);

/// Every frame; the message frames of one kind differ by the lane added to the id.
pub(super) fn table() -> Json {
    let rows = rows().into_iter().map(|(id, name, from, asks, fields)| {
        let row = Json::object([
            ("id", id.into()),
            ("name", name.into()),
            ("from", from.into()),
            ("asks_for_acknowledgement", asks.into()),
        ]);
        let row = match name {
            "TIME_REQUEST" => row.with("tag", 0_u8),
            "TIME_ANSWER" => row.with("tag", 1_u8),
            "REL" => row.with("lane_modes", vec![1_u8.into(), 2_u8.into()]),
            "UNREL" => row.with("lane_modes", vec![3_u8.into()]),
            "SEQ" => row.with("lane_modes", vec![4_u8.into()]),
            _ => row,
        };
        row.with("fields", fields)
    });
    Json::List(rows.collect())
}

fn rows() -> Vec<Row> {
    let ranges =
        Json::object([("kind", "group".into()), ("fields", vec![of("gap", "varint"), of("length", "varint")].into())]);
    let inputs = Json::object([("kind", "short".into()), ("max", MAX_INPUT.into())]);
    let list = |name, of, max: usize| self::of(name, "list").with("min", 1_u8).with("max", max).with("of", of);
    let message = || of("bytes", "sized").with("min", 0_u8).with("max", MAX_UNFRAGMENTED);
    let part = |len: usize| of("bytes", "sized").with("min", 1_u8).with("max", len);
    let block = || of("block", "u16");
    let data = || vec![of("data", "bytes").with("len", 8_u8)];
    vec![
        (id::PAD, "PAD", "both", false, vec![of("zeros", "rest").with("min", 0_u8)]),
        (id::ACK_RANGES, "ACK_RANGES", "both", false, vec![list("ranges", ranges, MAX_RANGES)]),
        (id::PING, "PING", "both", true, vec![]),
        (id::PATH_CHALLENGE, "PATH_CHALLENGE", "server", false, data()),
        (id::PATH_RESPONSE, "PATH_RESPONSE", "client", false, data()),
        (id::CLOSE, "CLOSE", "both", false, vec![of("code", "u16"), of("text", "text").with("max", MAX_CLOSE_TEXT)]),
        (id::BUDGET, "BUDGET", "both", false, vec![of("rate", "u32"), of("loss", "u16"), of("queue_100us", "u16")]),
        (id::TIME, "TIME_REQUEST", "client", true, vec![of("origin", "u64")]),
        (id::TIME, "TIME_ANSWER", "server", true, time_answer()),
        (id::INPUT, "INPUT", "client", true, vec![of("first", "u32"), list("inputs", inputs, MAX_INPUTS_PER_PACKET)]),
        (id::SNAP, "SNAP", "server", true, vec![of("tick", "u32"), of("body", "rest").with("min", 1_u8)]),
        (id::RELIABLE, "REL", "both", true, vec![of("id", "u16"), message()]),
        (id::UNRELIABLE, "UNREL", "both", true, vec![message()]),
        (id::UNRELIABLE, "SEQ", "both", true, vec![of("order", "u16"), message()]),
        (id::FRAGMENT, "FRAG", "both", true, fragment(part(FRAGMENT_LEN))),
        (id::BLOCK_BEGIN, "BLOCK_BEGIN", "both", true, begin()),
        (id::BLOCK_SLICE, "BLOCK_SLICE", "both", true, vec![block(), of("index", "u16"), part(SLICE_LEN)]),
        (id::BLOCK_CREDIT, "BLOCK_CREDIT", "both", true, vec![block(), of("slices", "u16")]),
        (id::BLOCK_END, "BLOCK_END", "both", true, vec![block(), of("status", "u8")]),
    ]
}

fn of(name: &str, kind: &str) -> Json {
    Json::object([("name", name.into()), ("kind", kind.into())])
}

fn time_answer() -> Vec<Json> {
    vec![of("origin", "u64"), of("received", "u64"), of("held_us", "u32"), of("sent", "u32")]
}

fn fragment(bytes: Json) -> Vec<Json> {
    vec![of("lane", "u8"), of("id", "u16"), of("index", "u8"), of("count", "u8"), bytes]
}

fn begin() -> Vec<Json> {
    vec![of("block", "u16"), of("kind", "u16"), of("length", "u32"), of("crc32", "u32")]
}
