//! Lists inside messages: borrowed from the sender's slice on the way out, from the received bytes on the way in.

use std::fmt;

use super::shape::Shape;

/// Something of a fixed number of bytes that can stand in a list. Every pattern of those bytes is a value.
pub trait Element: Copy + PartialEq + fmt::Debug {
    /// Bytes of one element.
    const BYTES: usize;

    /// The bytes of one element.
    fn shape() -> Shape;

    /// Writes the element into exactly [`Element::BYTES`] bytes.
    fn store(self, into: &mut [u8]);

    /// The element in exactly [`Element::BYTES`] bytes.
    fn load(from: &[u8]) -> Self;
}

impl Element for u64 {
    const BYTES: usize = 8;

    fn shape() -> Shape {
        Shape::Number { bytes: Self::BYTES }
    }

    fn store(self, into: &mut [u8]) {
        into.copy_from_slice(&self.to_le_bytes());
    }

    fn load(from: &[u8]) -> Self {
        from.first_chunk().map_or(0, |bytes| Self::from_le_bytes(*bytes))
    }
}

/// A bounded list of a message.
#[derive(Clone, Copy)]
pub struct List<'a, T> {
    source: Source<'a, T>,
}

/// The identities of some items.
pub type ItemUids<'a> = List<'a, u64>;

#[derive(Clone, Copy)]
enum Source<'a, T> {
    /// What the sender hands in.
    Slice(&'a [T]),
    /// A whole number of elements as received.
    Wire(&'a [u8]),
}

impl<'a, T: Element> List<'a, T> {
    /// A list of these elements; whether there are too many is found when the message is written.
    #[must_use]
    pub const fn new(elements: &'a [T]) -> Self {
        Self { source: Source::Slice(elements) }
    }

    /// A list as received; `bytes` is a whole number of elements.
    pub(super) const fn from_wire(bytes: &'a [u8]) -> Self {
        Self { source: Source::Wire(bytes) }
    }

    /// How many elements there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self.source {
            Source::Slice(elements) => elements.len(),
            Source::Wire(bytes) => bytes.len() / T::BYTES,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements in order.
    #[must_use = "iterators do nothing unless consumed"]
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let (slice, wire): (&'a [T], &'a [u8]) = match self.source {
            Source::Slice(elements) => (elements, &[]),
            Source::Wire(bytes) => (&[], bytes),
        };
        slice.iter().copied().chain(wire.chunks_exact(T::BYTES).map(T::load))
    }
}

impl<T: Element> Default for List<'_, T> {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl<T: Element> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<T: Element> fmt::Debug for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
