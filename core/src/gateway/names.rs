//! Which user names, passwords and character names are accepted; the rules for names are the store's own.
//!
//! Knows nothing of what is taken.

use mu_storage::names;

use super::error::ApiError;

/// Passwords: long enough to resist guessing at the rate limit, short enough that hashing one costs what any other costs.
const PASSWORD_LEN: std::ops::RangeInclusive<usize> = 8..=128;

/// Checks a user name.
pub(crate) fn username(given: &str) -> Result<(), ApiError> {
    names::check_account(given).map_err(|broken| ApiError::invalid(format!("username {broken}")))
}

/// Checks a new password.
pub(crate) fn password(given: &str) -> Result<(), ApiError> {
    if PASSWORD_LEN.contains(&given.len()) {
        return Ok(());
    }
    let (min, max) = (PASSWORD_LEN.start(), PASSWORD_LEN.end());
    Err(ApiError::invalid(format!("password has {} bytes, {min} to {max} are allowed", given.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_bounded_in_bytes() {
        assert!(password("12345678").is_ok());
        assert!(password(&"é".repeat(64)).is_ok());
        assert!(password("1234567").is_err());
        assert!(password(&"é".repeat(65)).is_err());
    }
}
