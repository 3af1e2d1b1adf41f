//! The kinds of fields the message table may use: each knows its Rust type, its bytes, its bound, and how to say so.

use std::{
    fmt,
    marker::PhantomData,
    net::{IpAddr, SocketAddr},
};

use super::{
    error::{EncodeError, Problem},
    item::{Item, Offer},
    list::{Element, List},
    shape::Shape,
};
pub use crate::codec::{Reader, Writer};
use crate::{ids::EntityId, time::Tick};

/// A kind of field.
pub trait Field<'a> {
    /// What the program sees.
    type Value: Copy + PartialEq + fmt::Debug;

    /// Bytes of the longest value.
    const MAX_BYTES: usize;

    /// The bytes, for the document, the schema and other languages.
    fn shape() -> Shape;

    /// Writes a value.
    fn put(value: &Self::Value, writer: &mut Writer<'_>) -> Result<(), EncodeError>;

    /// Reads a value.
    fn take(reader: &mut Reader<'a>) -> Result<Self::Value, Problem>;
}

fn bytes(writer: &mut Writer<'_>, bytes: &[u8]) -> Result<(), EncodeError> {
    writer.bytes(bytes).map_err(|_| EncodeError::NoRoom)
}

fn array<const N: usize>(reader: &mut Reader<'_>) -> Result<[u8; N], Problem> {
    reader.array().map_err(|_| Problem::Truncated)
}

macro_rules! numbers {
    ($($number:ty),+) => { $(
        impl Field<'_> for $number {
            type Value = Self;
            const MAX_BYTES: usize = size_of::<Self>();

            fn shape() -> Shape {
                Shape::Number { bytes: Self::MAX_BYTES }
            }

            fn put(value: &Self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
                bytes(writer, &value.to_le_bytes())
            }

            fn take(reader: &mut Reader<'_>) -> Result<Self, Problem> {
                array(reader).map(Self::from_le_bytes)
            }
        }
    )+ };
}

numbers!(u8, u16, u32, u64, u128);

impl Field<'_> for bool {
    type Value = Self;
    const MAX_BYTES: usize = 1;

    fn shape() -> Shape {
        Shape::Flag
    }

    fn put(value: &Self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        bytes(writer, &[u8::from(*value)])
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        match array(reader)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [value] => Err(Problem::UnknownValue { value }),
        }
    }
}

impl Field<'_> for EntityId {
    type Value = Self;
    const MAX_BYTES: usize = 4;

    fn shape() -> Shape {
        Shape::Entity
    }

    fn put(value: &Self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        bytes(writer, &value.0.to_le_bytes())
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        array(reader).map(|bytes| Self(u32::from_le_bytes(bytes)))
    }
}

impl Field<'_> for Tick {
    type Value = Self;
    const MAX_BYTES: usize = 4;

    fn shape() -> Shape {
        Shape::Tick
    }

    fn put(value: &Self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        bytes(writer, &value.0.to_le_bytes())
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        array(reader).map(|bytes| Self(u32::from_le_bytes(bytes)))
    }
}

/// UTF-8 of at most `MAX` bytes (255 or less), after one byte that says how many.
#[derive(Debug)]
pub struct Text<const MAX: usize>;

impl<'a, const MAX: usize> Field<'a> for Text<MAX> {
    type Value = &'a str;
    const MAX_BYTES: usize = {
        assert!(MAX <= 255, "one byte says how long a text is");
        1 + MAX
    };

    fn shape() -> Shape {
        Shape::Text { max: MAX }
    }

    fn put(value: &Self::Value, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        bytes(writer, &[count(value.len(), MAX)?])?;
        bytes(writer, value.as_bytes())
    }

    fn take(reader: &mut Reader<'a>) -> Result<Self::Value, Problem> {
        let len = announced(reader, MAX)?;
        let text = reader.bytes(len).map_err(|_| Problem::Truncated)?;
        str::from_utf8(text).map_err(|_| Problem::NotText)
    }
}

/// Exactly `N` bytes.
#[derive(Debug)]
pub struct Bytes<const N: usize>;

impl<'a, const N: usize> Field<'a> for Bytes<N> {
    type Value = &'a [u8; N];
    const MAX_BYTES: usize = N;

    fn shape() -> Shape {
        Shape::Bytes { len: N }
    }

    fn put(value: &Self::Value, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        bytes(writer, *value)
    }

    fn take(reader: &mut Reader<'a>) -> Result<Self::Value, Problem> {
        reader.bytes(N).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(Problem::Truncated)
    }
}

/// At most `MAX` elements (255 or less), after one byte that says how many.
#[derive(Debug)]
pub struct ListOf<T, const MAX: usize>(PhantomData<T>);

impl<'a, T: Element + 'a, const MAX: usize> Field<'a> for ListOf<T, MAX> {
    type Value = List<'a, T>;
    const MAX_BYTES: usize = {
        assert!(MAX <= 255, "one byte says how long a list is");
        1 + MAX * T::BYTES
    };

    fn shape() -> Shape {
        Shape::List { of: Box::new(T::shape()), max: MAX }
    }

    fn put(value: &Self::Value, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        bytes(writer, &[count(value.len(), MAX)?])?;
        for element in value.iter() {
            let target = writer.free().get_mut(..T::BYTES).ok_or(EncodeError::NoRoom)?;
            element.store(target);
            writer.advance(T::BYTES);
        }
        Ok(())
    }

    fn take(reader: &mut Reader<'a>) -> Result<Self::Value, Problem> {
        let len = announced(reader, MAX)?;
        reader.bytes(len * T::BYTES).map(List::from_wire).map_err(|_| Problem::Truncated)
    }
}

/// One side of a trade, at most `MAX` items.
#[derive(Debug)]
pub struct OfferOf<const MAX: usize>;

impl<'a, const MAX: usize> Field<'a> for OfferOf<MAX> {
    type Value = Offer<'a>;
    const MAX_BYTES: usize = 8 + <ListOf<Item, MAX> as Field<'a>>::MAX_BYTES;

    fn shape() -> Shape {
        Shape::Group(vec![("zen", Shape::Number { bytes: 8 }), ("items", ListOf::<Item, MAX>::shape())])
    }

    fn put(value: &Self::Value, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        u64::put(&value.zen, writer)?;
        ListOf::<Item, MAX>::put(&value.items, writer)
    }

    fn take(reader: &mut Reader<'a>) -> Result<Self::Value, Problem> {
        Ok(Offer { zen: u64::take(reader)?, items: ListOf::<Item, MAX>::take(reader)? })
    }
}

/// Where to send datagrams.
#[derive(Debug)]
pub struct Address;

impl Field<'_> for Address {
    type Value = SocketAddr;
    const MAX_BYTES: usize = 19;

    fn shape() -> Shape {
        Shape::Address
    }

    fn put(value: &Self::Value, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        match value.ip() {
            IpAddr::V4(ip) => {
                bytes(writer, &[4])?;
                bytes(writer, &ip.octets())?;
            }
            IpAddr::V6(ip) => {
                bytes(writer, &[6])?;
                bytes(writer, &ip.octets())?;
            }
        }
        bytes(writer, &value.port().to_le_bytes())
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self::Value, Problem> {
        let ip = match array(reader)? {
            [4] => IpAddr::from(array::<4>(reader)?),
            [6] => IpAddr::from(array::<16>(reader)?),
            [value] => return Err(Problem::UnknownValue { value }),
        };
        Ok(SocketAddr::new(ip, u16::take(reader)?))
    }
}

/// The byte that announces `len` bytes or elements.
fn count(len: usize, max: usize) -> Result<u8, EncodeError> {
    u8::try_from(len).ok().filter(|_| len <= max).ok_or(EncodeError::TooLong { len, max })
}

/// What the next byte announces, within its bound.
fn announced(reader: &mut Reader<'_>, max: usize) -> Result<usize, Problem> {
    let [len] = array(reader)?;
    let len = usize::from(len);
    if len > max { Err(Problem::TooLong { len, max }) } else { Ok(len) }
}
