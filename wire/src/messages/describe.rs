//! What the table says about itself, and that as Markdown: the tables of `docs/protocol.md` are made here.

use std::fmt::Write as _;

use super::{ChatChannel, ClientMessage, Deal, KickReason, Refusal, ServerMessage, Shape, TradeClose, TradeFailure};
use crate::lanes::Lane;

/// A message of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageDescription {
    /// The first byte.
    pub number: u8,
    /// The name in the code.
    pub name: &'static str,
    /// The lane it travels on.
    pub lane: Lane,
    /// What it says.
    pub about: &'static str,
    /// Bytes at most, the number included.
    pub max_bytes: usize,
    /// The fields in order.
    pub fields: Vec<FieldDescription>,
}

/// A field of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDescription {
    /// The name in the code.
    pub name: &'static str,
    /// Its bytes and its bound.
    pub shape: Shape,
    /// What it says.
    pub about: &'static str,
}

/// A one-byte enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValuesDescription {
    /// The name in the code.
    pub name: &'static str,
    /// What it says.
    pub about: &'static str,
    /// Its values in order.
    pub values: &'static [ValueDescription],
}

/// A value of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueDescription {
    /// The byte.
    pub number: u8,
    /// The name in the code.
    pub name: &'static str,
    /// What it says.
    pub about: &'static str,
}

/// The enumerations that messages use.
pub const ENUMERATIONS: [ValuesDescription; 6] = [
    ChatChannel::DESCRIPTION,
    Refusal::DESCRIPTION,
    Deal::DESCRIPTION,
    TradeFailure::DESCRIPTION,
    TradeClose::DESCRIPTION,
    KickReason::DESCRIPTION,
];

/// The tables without their words: two builds whose messages differ in a number, a lane, a field, a layout, a bound or a value
/// have different schemas.
#[must_use]
pub fn schema() -> String {
    let mut text = String::new();
    for (end, messages) in [("client", ClientMessage::describe()), ("server", ServerMessage::describe())] {
        for message in messages {
            // Writing to a String cannot fail.
            let _ = write!(text, "{end} {} {} on {:?}", message.number, message.name, message.lane);
            for field in message.fields {
                let _ = write!(text, "; {} {}", field.name, field.shape);
            }
            text.push('\n');
        }
    }
    for values in ENUMERATIONS {
        text.push_str(values.name);
        for value in values.values {
            let _ = write!(text, "; {} {}", value.number, value.name);
        }
        text.push('\n');
    }
    text
}

/// The part of `docs/protocol.md` that is made from the tables.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::new();
    messages(&mut text, "Client to server", &ClientMessage::describe());
    messages(&mut text, "Server to client", &ServerMessage::describe());
    text.push_str("### Enumerations\n");
    for values in ENUMERATIONS {
        enumeration(&mut text, &values);
    }
    text
}

fn messages(text: &mut String, title: &str, messages: &[MessageDescription]) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "### {title}\n\n| number | message | lane | bytes at most | says |\n|---|---|---|---|---|");
    for message in messages {
        let _ = writeln!(
            text,
            "| {} | `{}` | {:?} | {} | {} |",
            message.number,
            message.name,
            message.lane,
            message.max_bytes,
            sentence(message.about)
        );
    }
    text.push('\n');
    for message in messages.iter().filter(|message| !message.fields.is_empty()) {
        let _ = writeln!(text, "**{} `{}`**\n\n| field | layout | says |\n|---|---|---|", message.number, message.name);
        for field in &message.fields {
            let _ = writeln!(text, "| `{}` | {} | {} |", field.name, field.shape, sentence(field.about));
        }
        text.push('\n');
    }
}

fn enumeration(text: &mut String, values: &ValuesDescription) {
    let _ =
        writeln!(text, "\n**`{}`**: {}\n\n| value | name | says |\n|---|---|---|", values.name, sentence(values.about));
    for value in values.values {
        let _ = writeln!(text, "| {} | `{}` | {} |", value.number, value.name, sentence(value.about));
    }
}

/// A documentation comment as one line.
fn sentence(about: &str) -> String {
    about.split_whitespace().collect::<Vec<_>>().join(" ")
}
