//! Kind 1, the character sheet: who the character is and what it can do, as it enters a map. Its place is in `Spawned`.
//!
//! ```text
//! 0 character 8 │ 8 entity 4 │ 12 tick 4 │ 16 class 2 │ 18 level 2 │ 20 hp 2 │ 22 hp max 2 │ 24 mp 2 │ 26 mp max 2
//! 28 speed 2 │ 30 name length 1 │ 31 class name length 1 │ 32 name 12 │ 44 class name 20        64 bytes
//! ```

use rkyv::{Archive, Deserialize, Serialize};

use crate::payload::{HEADER_LEN, Payload};

/// Longest name, in bytes of UTF-8.
pub const MAX_NAME: usize = 12;
/// Longest class name, in bytes of UTF-8.
const MAX_CLASS_NAME: usize = 20;

/// A character as it enters a map.
#[derive(Debug, Clone, PartialEq, Eq, Archive, Serialize, Deserialize)]
#[rkyv(derive(Debug))]
pub struct CharacterSheet {
    /// The character, as the gateway numbers it.
    pub character: u64,
    /// Its entity on this map.
    pub entity: u32,
    /// The tick from which this holds.
    pub tick: u32,
    /// Its class, as numbered by the content.
    pub class: u16,
    /// Its level.
    pub level: u16,
    /// Health.
    pub hp: u16,
    /// Health when unhurt.
    pub hp_max: u16,
    /// Mana.
    pub mp: u16,
    /// Mana when rested.
    pub mp_max: u16,
    /// Walking speed in 1/256 tiles per tick.
    pub speed: u16,
    name_len: u8,
    class_name_len: u8,
    name: [u8; MAX_NAME],
    class_name: [u8; MAX_CLASS_NAME],
}

impl CharacterSheet {
    /// A sheet with these names, as much of them as fits, and zeros.
    #[must_use]
    pub fn named(name: &str, class_name: &str) -> Self {
        let (name_len, name) = text(name);
        let (class_name_len, class_name) = text(class_name);
        Self {
            character: 0,
            entity: 0,
            tick: 0,
            class: 0,
            level: 0,
            hp: 0,
            hp_max: 0,
            mp: 0,
            mp_max: 0,
            speed: 0,
            name_len,
            class_name_len,
            name,
            class_name,
        }
    }
}

impl CharacterSheet {
    /// Says the name of the class, as much of it as fits.
    pub fn set_class_name(&mut self, class_name: &str) {
        (self.class_name_len, self.class_name) = text(class_name);
    }
}

impl ArchivedCharacterSheet {
    /// The character's name.
    #[must_use]
    pub fn name(&self) -> &str {
        read(self.name_len, &self.name).unwrap_or("")
    }

    /// The name of its class.
    #[must_use]
    pub fn class_name(&self) -> &str {
        read(self.class_name_len, &self.class_name).unwrap_or("")
    }
}

impl Payload for CharacterSheet {
    const KIND: u16 = 1;
    const VERSION: u16 = 1;
    const LAYOUT: &'static str = "0 character u64, 8 entity u32, 12 tick u32, 16 class u16, 18 level u16, 20 hp u16, 22 hp_max u16, 24 mp u16, \
        26 mp_max u16, 28 speed u16, 30 name_len u8, 31 class_name_len u8, 32 name 12 x u8, 44 class_name 20 x u8; 64 bytes, align 8";
    const MAX_LEN: usize = HEADER_LEN + size_of::<ArchivedCharacterSheet>();

    fn check(sheet: &ArchivedCharacterSheet) -> Result<(), &'static str> {
        let names = read(sheet.name_len, &sheet.name).zip(read(sheet.class_name_len, &sheet.class_name));
        names.map(|_| ()).ok_or("a name is not UTF-8 followed by zeros")
    }
}

/// As much of a text as fits, cut at a character.
fn text<const N: usize>(text: &str) -> (u8, [u8; N]) {
    let mut bytes = [0; N];
    let mut len = 0_u8;
    for character in text.chars() {
        let end = usize::from(len) + character.len_utf8();
        let Some(place) = bytes.get_mut(usize::from(len)..end) else {
            break;
        };
        character.encode_utf8(place);
        len = u8::try_from(end).unwrap_or(len);
    }
    (len, bytes)
}

/// A text and zeros behind it.
fn read(len: u8, bytes: &[u8]) -> Option<&str> {
    let (text, zeros) = bytes.split_at_checked(usize::from(len))?;
    let clean = zeros.iter().all(|byte| *byte == 0);
    std::str::from_utf8(text).ok().filter(|_| clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_at_a_character() {
        let (len, bytes) = text::<12>("ääääääää");
        assert_eq!((len, read(len, &bytes)), (12, Some("ääääää")));
        let (len, bytes) = text::<12>("aääääääää");
        assert_eq!(read(len, &bytes), Some("aäääää"));
        assert_eq!(read(13, &bytes), None);
        assert_eq!(read(1, b"ab"), None, "something behind the text");
    }
}
