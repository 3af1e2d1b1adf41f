//! A line of chat that carries its intended time, so that every bot that hears it knows its age.

use std::fmt::Write as _;

use mu_wire::Time;
use mu_wire::messages::MAX_CHAT_BYTES;

/// First word of each line; a person's words are not mistaken for it.
const MARK: &str = "bot";

/// A line on the stack.
pub(super) struct Line {
    bytes: [u8; MAX_CHAT_BYTES],
    len: usize,
}

impl Line {
    /// A line of the run `run`, intended at `at`.
    pub(super) fn new(run: u64, at: Time) -> Self {
        let mut line = Self { bytes: [0; MAX_CHAT_BYTES], len: 0 };
        let _fits = write!(line, "{MARK} {run:x} {:x} is anybody here?", at.0);
        line
    }

    /// Its text.
    pub(super) fn text(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).unwrap_or(MARK)
    }
}

impl std::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let place = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(std::fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

/// When a line of this run was intended; `None` for any other text.
pub(super) fn intended(run: u64, text: &str) -> Option<Time> {
    let mut words = text.split(' ');
    let marked = words.next() == Some(MARK);
    let number = |word: Option<&str>| u64::from_str_radix(word?, 16).ok();
    let (of, at) = (number(words.next())?, number(words.next())?);
    (marked && of == run).then_some(Time(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_its_own_time_and_no_other() {
        let line = Line::new(u64::MAX, Time(u64::MAX));
        assert_eq!(intended(u64::MAX, line.text()), Some(Time(u64::MAX)));
        assert_eq!(intended(7, line.text()), None, "a line of another run");
        for text in ["", "bot", "bot x y", "hello bot 1 2", "bot ffffffffffffffff"] {
            assert_eq!(intended(u64::MAX, text), None, "{text:?}");
        }
    }
}
