//! The connection of the vectors taken apart field by field: the last chapter of `docs/protocol.md`.

use std::fmt::Write as _;

use super::json::Json;
use super::values::{hex, read, unhex};
use super::vectors::frame_row;
use crate::codec::Reader;
use crate::packet::{Prelude, RangeList, next_frame};

/// Bytes of a field beyond which its middle is left out.
const SHOWN: usize = 24;

/// The chapter's made part.
pub(super) fn markdown(connection: &Json, schema: &Json) -> String {
    let mut text = String::new();
    let bytes = |name: &str| {
        let row = connection.elements().iter().find(|row| row.at("name").text() == name);
        unhex(row.unwrap_or_else(|| panic!("no vector {name}")).at("hex").text())
    };
    for (title, packet, fields) in packets() {
        table(&mut text, title, &bytes(packet), &fields);
    }
    for (title, packet, header, from) in [
        ("The client's first packet", "to server", 9, "client"),
        ("The server's first packet", "to client", 3, "server"),
        ("The client's second packet, sealed with its second key", "to server, second key", 9, "client"),
    ] {
        let datagram = bytes(&format!("datagram {packet}"));
        let middle = datagram.len() - header - 2 - 16;
        let fields = [(1, "first byte"), (header - 1, id_of(from)), (2, "number"), (middle, "ciphertext"), (16, "tag")];
        table(&mut text, title, &datagram, &fields);
        body(&mut text, &bytes(&format!("body {packet}")), from, schema);
    }
    text
}

fn id_of(from: &str) -> &'static str {
    if from == "client" { "connection id" } else { "the client's own id" }
}

type Fields = Vec<(usize, &'static str)>;

/// Title, vector and fields of what comes before the first data packet.
fn packets() -> Vec<(&'static str, &'static str, Fields)> {
    vec![
        ("The prologue", "prologue", prologue()),
        ("INIT", "INIT", init()),
        (
            "COOKIE",
            "COOKIE",
            vec![
                (1, "first byte"),
                (2, "own id"),
                (8, "client nonce"),
                (1, "epoch"),
                (16, "cookie"),
                (4, "server's time"),
            ],
        ),
        (
            "REJECT",
            "REJECT full",
            vec![
                (1, "first byte"),
                (2, "own id"),
                (8, "client nonce"),
                (2, "code"),
                (4, "detail"),
                (1, "zero"),
                (16, "HMAC-16"),
            ],
        ),
        (
            "ACCEPT",
            "ACCEPT",
            vec![(1, "first byte"), (2, "own id"), (8, "client nonce"), (32, "Noise e"), (80, "sealed parameters")],
        ),
        ("The parameters in ACCEPT", "accept parameters", accept()),
        ("Keys: to the server, to the client", "key to server", vec![(32, "key to the server")]),
        ("", "iv to server", vec![(12, "IV to the server")]),
        ("", "key to client", vec![(32, "key to the client")]),
        ("", "iv to client", vec![(12, "IV to the client")]),
    ]
}

fn prologue() -> Fields {
    vec![
        (1, "first byte"),
        (4, "protocol id"),
        (8, "routing id"),
        (8, "client nonce"),
        (1, "key id"),
        (8, "expiry"),
        (1, "length of the own id"),
        (4, "own id, padded"),
        (32, "SHA-256 of the sealed token"),
    ]
}

fn init() -> Fields {
    vec![
        (1, "first byte"),
        (4, "protocol id"),
        (8, "routing id"),
        (8, "client nonce"),
        (1, "cookie epoch"),
        (16, "cookie"),
        (1, "key id"),
        (8, "expiry"),
        (392, "sealed token"),
        (32, "Noise e"),
        (48, "sealed client parameters"),
        (1, "length of the own id"),
        (4, "own id, padded"),
        (676, "zeros"),
    ]
}

fn accept() -> Fields {
    vec![
        (8, "connection id"),
        (8, "server time"),
        (8, "server's time of tick 0"),
        (2, "tick length"),
        (2, "longest datagram"),
        (2, "idle time"),
        (1, "ack delay"),
        (1, "cipher"),
        (4, "max down"),
        (4, "max up"),
        (4, "capabilities"),
        (4, "lane map"),
        (16, "reset token"),
    ]
}

/// Some bytes taken apart; a table without a title goes on with the one before it.
fn table(text: &mut String, title: &str, bytes: &[u8], fields: &[(usize, &str)]) {
    // Writing to a String cannot fail.
    if !title.is_empty() {
        let _ = writeln!(text, "\n**{title}**, {} bytes\n\n| at | bytes | |\n|---|---|---|", bytes.len());
    }
    let mut at = 0;
    for (len, name) in fields {
        let _ = writeln!(text, "| {at} | `{}` | {name} |", short(&bytes[at..at + len]));
        at += len;
    }
    assert_eq!(at, bytes.len(), "{title}: the fields are not all of it");
}

/// Bytes in hexadecimal, long ones without their middle.
fn short(bytes: &[u8]) -> String {
    match bytes {
        [] => "–".to_owned(),
        _ if bytes.len() <= SHOWN + 8 => hex(bytes),
        _ => format!("{}…{}", hex(&bytes[..SHOWN / 2]), hex(&bytes[bytes.len() - 4..])),
    }
}

/// An opened body: prelude and frames.
fn body(text: &mut String, bytes: &[u8], from: &str, schema: &Json) {
    let _ = writeln!(text, "\nIts body, {} bytes:\n\n| at | bytes | |\n|---|---|---|", bytes.len());
    let mut reader = Reader::new(bytes);
    let prelude = Prelude::read(&mut reader).unwrap();
    let mut at = bytes.len() - reader.remaining();
    let said = match prelude.ack {
        None => "prelude without an acknowledgement".to_owned(),
        Some(ack) => {
            format!("prelude: number {} is the largest received, {} µs ago", ack.largest, u32::from(ack.delay) * 250)
        }
    };
    let _ = writeln!(text, "| 0 | `{}` | {said} |", hex(&bytes[..at]));
    while next_frame(&mut reader, prelude.ack.map(|ack| ack.largest.into()), &mut RangeList::new()).unwrap().is_some() {
        let end = bytes.len() - reader.remaining();
        let (row, fields) = frame_row(schema, &bytes[at..end], from);
        let fields = read(row.at("fields"), fields, schema.at("values"));
        let _ =
            writeln!(text, "| {at} | `{}` | {} `{}` |", hex(&bytes[at..end]), row.at("name").text(), fields.to_line());
        at = end;
    }
}
