//! Bytes by the schema: what a row's fields are in some bytes, and bytes that a row allows. It knows the rows only, not the
//! codec, so that each checks the other.

use std::fmt::Write as _;

use super::json::Json;
use crate::codec::Reader;

/// Which value of each field is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// Zeros, nothing, the first of an enumeration.
    Least,
    /// The largest numbers, the longest texts and lists.
    Most,
    /// Numbers that show the order of their bytes; two elements in a list. The number picks enumerators.
    Some(u8),
}

/// The bytes of a row's fields.
pub(super) fn bytes(fields: &Json, fill: Fill, values: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields.elements() {
        field_bytes(field, fill, values, &mut out);
    }
    out
}

fn field_bytes(field: &Json, fill: Fill, values: &Json, out: &mut Vec<u8>) {
    let max = || usize::try_from(field.at("max").number()).unwrap();
    let counted = |wanted: usize| match fill {
        Fill::Least => 0,
        Fill::Most => max(),
        Fill::Some(_) => wanted.min(max()),
    };
    match field.at("kind").text() {
        "bool" => out.push(match fill {
            Fill::Least => 0,
            Fill::Most => 1,
            Fill::Some(number) => number % 2,
        }),
        "values" => {
            let all = values.at(field.at("of").text()).elements();
            let place = match fill {
                Fill::Least => 0,
                Fill::Most => all.len() - 1,
                Fill::Some(number) => usize::from(number) % all.len(),
            };
            out.push(u8::try_from(all[place].at("number").number()).unwrap());
        }
        "text" => {
            let text = "hällo…".repeat(30);
            let whole = (0..=counted(9)).rev().find(|end| text.is_char_boundary(*end)).unwrap();
            let ascii = "x".repeat(counted(9) - whole);
            out.push(u8::try_from(counted(9)).unwrap());
            out.extend_from_slice(&text.as_bytes()[..whole]);
            out.extend_from_slice(ascii.as_bytes());
        }
        "bytes" => {
            let len = usize::try_from(field.at("len").number()).unwrap();
            out.extend((0..len).map(|place| pattern(fill, place)));
        }
        "list" => {
            out.push(u8::try_from(counted(2)).unwrap());
            for _ in 0..counted(2) {
                field_bytes(field.at("of"), fill, values, out);
            }
        }
        "group" => out.extend(bytes(field.at("fields"), fill, values)),
        "address" => {
            let (version, len) = if fill == Fill::Least { (4, 4) } else { (6, 16) };
            out.push(version);
            out.extend((0..len + 2).map(|place| pattern(fill, place)));
        }
        number => out.extend((0..size(number)).map(|place| pattern(fill, place))),
    }
}

/// A byte that is not like its neighbours.
fn pattern(fill: Fill, place: usize) -> u8 {
    match fill {
        Fill::Least => 0,
        Fill::Most => 0xff,
        Fill::Some(number) => number.wrapping_add(u8::try_from(place % 200).unwrap()).wrapping_add(1),
    }
}

fn size(kind: &str) -> usize {
    match kind {
        "u8" => 1,
        "u16" => 2,
        "u32" | "entity" | "tick" => 4,
        "u64" => 8,
        "u128" => 16,
        other => panic!("no number: {other}"),
    }
}

/// What a row's fields are in these bytes, which they fill to the end.
pub(super) fn read(fields: &Json, bytes: &[u8], values: &Json) -> Json {
    let mut reader = Reader::new(bytes);
    let members = fields
        .elements()
        .iter()
        .map(|field| (field.at("name").text().to_owned(), field_value(field, &mut reader, values)))
        .collect();
    assert!(reader.is_empty(), "the row describes fewer bytes than there are");
    Json::Object(members)
}

fn field_value(field: &Json, reader: &mut Reader<'_>, values: &Json) -> Json {
    let one = |reader: &mut Reader<'_>| usize::from(reader.u8().unwrap());
    match field.at("kind").text() {
        "bool" => (reader.u8().unwrap() == 1).into(),
        "values" => {
            let number = u64::from(reader.u8().unwrap());
            let all = values.at(field.at("of").text()).elements();
            all.iter().find(|value| value.at("number").number() == number).unwrap().at("name").clone()
        }
        "text" => {
            let len = one(reader);
            std::str::from_utf8(reader.bytes(len).unwrap()).unwrap().into()
        }
        "bytes" => hex(reader.bytes(usize::try_from(field.at("len").number()).unwrap()).unwrap()).into(),
        "rest" => hex(reader.rest()).into(),
        "varint" => reader.varint().unwrap().into(),
        "sized" => {
            let len = reader.varint().unwrap() as usize;
            hex(reader.bytes(len).unwrap()).into()
        }
        "short" => {
            let len = one(reader);
            hex(reader.bytes(len).unwrap()).into()
        }
        "list" => {
            let count = one(reader);
            Json::List((0..count).map(|_| field_value(field.at("of"), reader, values)).collect())
        }
        "group" => {
            let parts = field.at("fields").elements();
            Json::Object(
                parts
                    .iter()
                    .map(|part| (part.at("name").text().to_owned(), field_value(part, reader, values)))
                    .collect(),
            )
        }
        "address" => address(reader),
        number => {
            let bytes = reader.bytes(size(number)).unwrap();
            let value = bytes.iter().rev().fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
            if size(number) > 4 { value.to_string().into() } else { u64::try_from(value).unwrap().into() }
        }
    }
}

fn address(reader: &mut Reader<'_>) -> Json {
    let ip = match reader.u8().unwrap() {
        4 => std::net::IpAddr::from(reader.array::<4>().unwrap()),
        _ => std::net::IpAddr::from(reader.array::<16>().unwrap()),
    };
    vec![ip.to_string().into(), reader.u16().unwrap().into()].into()
}

/// Bytes as the vectors write them.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The bytes of hexadecimal digits; blanks are for the reader.
pub(super) fn unhex(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
