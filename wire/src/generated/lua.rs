//! The tables of the Wireshark dissector: the schema as a Lua table.

use std::fmt::Write as _;

use super::json::Json;
use super::schema;

/// What a dissector has no use for.
const LEFT_OUT: [&str; 4] = ["made_from", "about", "max_bytes", "asks_for_acknowledgement"];

/// The text of `mu_wire_tables.lua`.
pub(super) fn tables() -> String {
    let mut text = String::from(
        "-- Messages, enumerations, lanes and frames: made from wire/src/messages/table.rs and wire/src/generated; do not edit.\n\n\
         return ",
    );
    write(&mut text, &schema::schema(), 0);
    text.push('\n');
    text
}

/// Every row of a table on a line of its own; what is in a row stays on it.
fn write(text: &mut String, value: &Json, depth: usize) {
    match value {
        Json::Object(members) => {
            braces(text, depth, members.iter().filter(|(name, _)| !is_left_out(name)), |text, member| {
                let (name, value) = member;
                // Writing to a String cannot fail.
                let _ = write!(text, "{name} = ");
                match (name.as_str(), value) {
                    // Hexadecimal texts are numbers to a program.
                    ("protocol_id" | "lane_map", Json::Text(hex)) => text.push_str(&format!("0x{hex}")),
                    _ => write(text, value, depth + 1),
                }
            })
        }
        Json::List(values) => braces(text, depth, values.iter(), |text, value| write(text, value, depth + 1)),
        Json::Null => text.push_str("nil"),
        Json::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => text.push_str(&number.to_string()),
        Json::Text(characters) => text.push_str(&quoted(characters)),
    }
}

fn is_left_out(name: &str) -> bool {
    LEFT_OUT.contains(&name)
}

fn braces<T>(text: &mut String, depth: usize, parts: impl Iterator<Item = T>, mut part: impl FnMut(&mut String, T)) {
    text.push('{');
    for (number, value) in parts.enumerate() {
        if depth < 2 {
            let _ = write!(text, "\n{:1$}", "", 2 * depth + 2);
        } else if number > 0 {
            text.push(' ');
        }
        part(text, value);
        text.push(',');
    }
    if depth < 2 {
        let _ = write!(text, "\n{:1$}", "", 2 * depth);
    }
    text.push('}');
}

fn quoted(characters: &str) -> String {
    assert!(characters.bytes().all(|byte| byte >= b' '), "no control characters: {characters:?}");
    format!("\"{}\"", characters.replace('\\', "\\\\").replace('"', "\\\""))
}
