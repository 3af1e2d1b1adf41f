//! Short text inside an event, without an allocation.

use arrayvec::ArrayVec;
use rkyv::{Archive, Deserialize, Serialize};

/// Up to `N` bytes of UTF-8.
#[derive(Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
pub struct Text<const N: usize>(pub(super) ArrayVec<u8, N>);

impl<const N: usize> Text<N> {
    /// The text, cut at the last whole character that fits.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut bytes = ArrayVec::new();
        for char in text.chars() {
            let mut buffer = [0; 4];
            if bytes.try_extend_from_slice(char.encode_utf8(&mut buffer).as_bytes()).is_err() {
                break;
            }
        }
        Self(bytes)
    }

    /// The text; empty if the bytes came from a damaged record and are not text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }

    /// Whether it is text that a report can show: UTF-8 without control characters.
    pub(super) fn is_valid(&self) -> bool {
        std::str::from_utf8(&self.0).is_ok_and(|text| !text.chars().any(char::is_control))
    }
}

impl<const N: usize> ArchivedText<N> {
    /// Bytes in the archive, which may be more than `N`.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<const N: usize> std::fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(Text::<5>::new("abcdef").as_str(), "abcde");
        assert_eq!(Text::<5>::new("ab\u{20AC}c").as_str(), "ab\u{20AC}");
        assert_eq!(Text::<4>::new("ab\u{20AC}c").as_str(), "ab");
        assert!(Text::<4>::new("").is_empty());
    }

    #[test]
    fn control_characters_are_not_valid() {
        assert!(Text::<8>::new("a b").is_valid());
        assert!(!Text::<8>::new("a\nb").is_valid());
    }
}
