//! Local chat: what a player says reaches those who see it, and itself.
//!
//! The text is cleaned before anybody reads it: control characters, invisible ones and those that turn the direction
//! of writing are taken out, runs of blanks become one. Too much of it is refused by a token bucket. A listener whose
//! lane is full misses a line; nothing waits for it.

use arrayvec::ArrayString;
use mu_wire::messages::{ChatChannel, Refusal, ServerMessage};

use super::refuse;
use crate::map::entities::Duties;
use crate::map::inbox::CHAT_BYTES;
use crate::map::{Map, Outbox, slot_set};

/// A player says something.
pub(crate) fn say(map: &mut Map, out: &mut Outbox, slot: usize, channel: ChatChannel, text: &str) {
    let (tick, rules) = (map.tick, map.rules);
    if channel != ChatChannel::Local {
        refuse(map, out, slot, Refusal::ChatChannel, channel as u32);
        return;
    }
    if !map.players[slot].chat.take(tick, rules.chat_burst, rules.chat_every) {
        map.stats.chats_refused += 1;
        let wait = map.players[slot].chat.wait_ms(tick, rules.chat_every);
        refuse(map, out, slot, Refusal::ChatRate, wait);
        return;
    }
    let text = clean(text);
    let Some(from) = map.slots.id(slot).filter(|_| !text.is_empty()) else {
        map.stats.chats_refused += 1;
        refuse(map, out, slot, Refusal::ChatEmpty, 0);
        return;
    };
    map.stats.chats += 1;
    let message = ServerMessage::Chat { channel, from, name: &map.players[slot].name, text: &text };
    let Some(encoded) = out.encode(&message) else {
        return;
    };
    out.spread(from, &encoded);
    for listener in slot_set::iter(map.interest.seen_by(slot)) {
        let connected = map.entities.duties[listener].any(Duties::CONNECTED);
        if let Some(to) = map.slots.id(listener).filter(|&to| to != from && connected) {
            out.spread(to, &encoded);
        }
    }
}

/// The text without what nobody should have to read.
#[must_use]
pub fn clean(text: &str) -> ArrayString<CHAT_BYTES> {
    let mut cleaned = ArrayString::new();
    let mut blank = false;
    for letter in text.chars().filter(|&letter| letter.is_whitespace() || !is_hidden(letter)) {
        if letter.is_whitespace() {
            blank = !cleaned.is_empty();
            continue;
        }
        // The text only becomes shorter, so neither push can fail.
        if blank {
            let _ = cleaned.try_push(' ');
            blank = false;
        }
        let _ = cleaned.try_push(letter);
    }
    cleaned
}

/// Control characters, and characters that show nothing but change how others are shown.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_taken_out() {
        for (said, heard) in [
            ("hello", "hello"),
            ("  hello \t\r\n  there  ", "hello there"),
            ("a\u{202E}b\u{2066}c\u{200B}d", "abcd"),
            ("\u{0}\u{7}\u{1B}[31mred", "[31mred"),
            ("\u{200B}\u{FEFF}\n \u{2028}", ""),
            ("Olá, 世界! 🙂", "Olá, 世界! 🙂"),
        ] {
            assert_eq!(clean(said).as_str(), heard, "{said:?}");
        }
    }

    #[test]
    fn cleaning_twice_changes_nothing_and_never_lengthens() {
        let mut rng = crate::map::rng::Rng::new(3);
        for _ in 0..2_000 {
            let mut text = String::new();
            while text.len() < CHAT_BYTES {
                let range = [0x80, 0x800, 0x3000, 0xFFFF][usize::from(rng.below(4))];
                let Some(letter) = char::from_u32(u32::from(rng.below(range))) else {
                    continue;
                };
                if text.len() + letter.len_utf8() > CHAT_BYTES {
                    break;
                }
                text.push(letter);
            }
            let once = clean(&text);
            assert!(once.len() <= text.len());
            assert_eq!(clean(&once), once);
            assert!(!once.chars().any(is_hidden));
        }
    }
}
