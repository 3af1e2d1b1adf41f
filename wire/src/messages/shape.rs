//! The bytes of a field as a value that programs can read: the document's words, the schema and other languages' tables are
//! made from it.

use std::fmt;

/// How a field lies in its message. Numbers are little endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// An unsigned number of so many bytes.
    Number {
        /// 1, 2, 4, 8 or 16.
        bytes: usize,
    },
    /// One byte, 0 or 1.
    Flag,
    /// Four bytes: the handle of an entity.
    Entity,
    /// Four bytes: the number of a tick.
    Tick,
    /// One byte: a value of the enumeration of this name.
    Value {
        /// The enumeration.
        of: &'static str,
    },
    /// One byte that says how many bytes of UTF-8 follow.
    Text {
        /// Bytes at most.
        max: usize,
    },
    /// So many bytes.
    Bytes {
        /// How many.
        len: usize,
    },
    /// One byte that says how many elements follow.
    List {
        /// An element.
        of: Box<Shape>,
        /// Elements at most.
        max: usize,
    },
    /// Named parts one after the other.
    Group(Vec<(&'static str, Shape)>),
    /// One byte, 4 or 6, then as many bytes of an IP address in network order, then two of a port.
    Address,
}

/// The words that `docs/protocol.md` uses; they are part of the protocol id.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { bytes } => write!(f, "u{}", bytes * 8),
            Self::Flag => f.write_str("u8, 0 or 1"),
            Self::Entity => f.write_str("u32, an entity"),
            Self::Tick => f.write_str("u32, a tick"),
            Self::Value { of } => write!(f, "u8, a `{of}`"),
            Self::Text { max } => write!(f, "u8 length, then UTF-8; at most {max} bytes"),
            Self::Bytes { len } => write!(f, "{len} bytes"),
            Self::List { of, max } => write!(f, "u8 count, then as many ({of}); at most {max}"),
            Self::Group(parts) => group(parts, f),
            Self::Address => f.write_str("u8 4 or 6, then 4 or 16 bytes of IP address in network order, then port u16"),
        }
    }
}

fn group(parts: &[(&str, Shape)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, (name, shape)) in parts.iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        match shape {
            Shape::List { .. } => write!(f, "{comma}then {name}: {shape}")?,
            _ => write!(f, "{comma}{name} {shape}")?,
        }
    }
    Ok(())
}
