//! What accounts and characters may be called. Uniqueness is the store's business: it compares [`key`]s.

/// Shortest and longest account name, in characters.
pub const ACCOUNT_NAME: std::ops::RangeInclusive<usize> = 4..=16;
/// Shortest and longest character name, in characters.
pub const CHARACTER_NAME: std::ops::RangeInclusive<usize> = 4..=10;
/// Longest character name in bytes; names are ASCII.
pub const CHARACTER_NAME_BYTES: usize = 10;

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Too short or too long.
    #[error("has {len} characters, {min} to {max} are allowed")]
    Length {
        /// Characters given.
        len: usize,
        /// Fewest allowed.
        min: usize,
        /// Most allowed.
        max: usize,
    },
    /// A character outside the alphabet.
    #[error("contains {0:?}; ASCII letters, digits{1} are allowed")]
    Character(char, &'static str),
}

/// Checks an account name: 4 to 16 ASCII letters, digits or `_`.
///
/// # Errors
///
/// The first rule it breaks.
pub fn check_account(name: &str) -> Result<(), NameError> {
    check(name, &ACCOUNT_NAME, |c| c.is_ascii_alphanumeric() || c == '_', " and _")
}

/// Checks a character name: 4 to 10 ASCII letters or digits.
///
/// # Errors
///
/// The first rule it breaks.
pub fn check_character(name: &str) -> Result<(), NameError> {
    check(name, &CHARACTER_NAME, |c| c.is_ascii_alphanumeric(), "")
}

/// The form in which names are compared: two names are the same if they differ only in the case of letters.
#[must_use]
pub fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn check(
    name: &str,
    length: &std::ops::RangeInclusive<usize>,
    allowed: impl Fn(char) -> bool,
    also: &'static str,
) -> Result<(), NameError> {
    let len = name.chars().count();
    if !length.contains(&len) {
        return Err(NameError::Length { len, min: *length.start(), max: *length.end() });
    }
    match name.chars().find(|&c| !allowed(c)) {
        Some(c) => Err(NameError::Character(c, also)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{check_account, check_character, key};

    #[test]
    fn account_names_at_their_limits() {
        for good in ["abcd", "A_1z", "0123456789abcdef"] {
            assert_eq!(check_account(good), Ok(()), "{good}");
        }
        for bad in ["", "abc", "0123456789abcdefg", "ab cd", "abc-", "ябцд"] {
            assert!(check_account(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn character_names_at_their_limits() {
        for good in ["Hero", "0123456789"] {
            assert_eq!(check_character(good), Ok(()), "{good}");
        }
        for bad in ["abc", "01234567890", "he_ro", "he\0ro"] {
            assert!(check_character(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_that_differ_in_case_are_the_same() {
        assert_eq!(key("HeRo"), key("hErO"));
        assert_ne!(key("hero1"), key("hero2"));
    }
}
