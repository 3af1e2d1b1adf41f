//! RESET: a server's answer to a data packet of a connection that it no longer knows.
//!
//! ```text
//! 0x40 │ random 4–23 │ reset token 16        21 to 40 bytes
//! ```
//!
//! To anyone but the client it looks like a data packet. It is always shorter than what it answers, so two parties that
//! take each other's for data packets fall silent.

use subtle::ConstantTimeEq;

use super::SHORT_BYTE;

/// Length of a reset token.
pub(crate) const RESET_TOKEN_LEN: usize = 16;
const SHORTEST: usize = 21;
const LONGEST: usize = 40;

/// Writes a RESET that is shorter than `cause` bytes, over what `random` gave; its length, 0 if the cause is too short.
pub(crate) fn write_reset(token: &[u8; RESET_TOKEN_LEN], cause: usize, random: &[u8; 32], out: &mut [u8]) -> usize {
    let [.., last] = random;
    // Of any length, so that a length says nothing.
    let wanted = SHORTEST + usize::from(last % 20);
    let len = wanted.min(cause.saturating_sub(1));
    let Some(out) = out.get_mut(..len).filter(|out| out.len() >= SHORTEST) else {
        return 0;
    };
    let (head, tail) = out.split_at_mut(len - RESET_TOKEN_LEN);
    for (to, from) in head.iter_mut().zip([&SHORT_BYTE].into_iter().chain(random)) {
        *to = *from;
    }
    tail.copy_from_slice(token);
    len
}

/// What a datagram ends with, if it can be a RESET at all.
pub(crate) fn reset_tail(datagram: &[u8]) -> Option<[u8; RESET_TOKEN_LEN]> {
    let fits = (SHORTEST..=LONGEST).contains(&datagram.len()) && datagram.first() == Some(&SHORT_BYTE);
    datagram.last_chunk().copied().filter(|_| fits)
}

/// Whether these are the same token, in constant time.
pub(crate) fn is_reset_token(token: &[u8; RESET_TOKEN_LEN], tail: &[u8; RESET_TOKEN_LEN]) -> bool {
    token.ct_eq(tail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// protocol.md 8.19.
    #[test]
    fn it_is_shorter_than_its_cause_and_recognised() {
        for cause in 0..200 {
            for last in [0, 7, 19, 20, 255] {
                let mut random = [0xee; 32];
                random[31] = last;
                let mut out = [0; 1_200];
                let len = write_reset(&[7; 16], cause, &random, &mut out);
                assert!(len == 0 || (SHORTEST..=LONGEST).contains(&len) && len < cause, "{len} for {cause}");
                assert_eq!(len == 0, cause <= SHORTEST);
                let tail = reset_tail(&out[..len]);
                assert_eq!(tail.is_some_and(|tail| is_reset_token(&[7; 16], &tail)), len > 0);
                assert!(!tail.is_some_and(|tail| is_reset_token(&[8; 16], &tail)));
            }
        }
    }
}
