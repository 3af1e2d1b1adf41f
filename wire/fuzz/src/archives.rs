//! Block payloads with a right head and any archive behind it: what is taken as valid can be read to its end.

use mu_archive::{CharacterSheet, Checked, HEADER_LEN, Inventory, MapData, Payload};

/// Of a real payload of each kind (wire/archive/tests/golden), so that inputs need not guess the layout.
const GOLDEN: [&str; 3] = [
    include_str!("../../archive/tests/golden/character.hex"),
    include_str!("../../archive/tests/golden/inventory.hex"),
    include_str!("../../archive/tests/golden/map.hex"),
];

/// The first byte says which kind; bit 7 that the rest is a whole payload.
pub(crate) fn archives(bytes: &[u8]) {
    let Some((which, rest)) = bytes.split_first() else { return };
    let kind = usize::from(which % 3);
    let mut payload = if which & 0x80 == 0 { head(GOLDEN[kind]) } else { Vec::new() };
    payload.extend_from_slice(rest);
    match kind {
        0 => read::<CharacterSheet>(&payload),
        1 => read::<Inventory>(&payload),
        _ => read::<MapData>(&payload),
    }
}

fn head(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).take(2 * HEADER_LEN).collect();
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
    digits.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect()
}

fn read<T: Payload<Archived: std::fmt::Debug>>(payload: &[u8]) {
    if let Ok(checked) = Checked::<T>::new(payload) {
        assert_eq!(checked.payload(), payload);
        // Touches every list and every value.
        assert!(!format!("{checked:?}").is_empty());
    }
}
