//! Whatever is in the files, reading them ends with a plan or with findings.

use mu_config::{load_content, write_demo};
use proptest::prelude::*;

use super::load_in;

const FILES: &[&str] = &[
    "world.toml",
    "items.toml",
    "shops.toml",
    "monsters.toml",
    "classes.toml",
    "maps/lindwall.toml",
    "maps/gloomdeep.toml",
];

/// Bytes that TOML or the drawing give a meaning, and some that nothing does.
const PIECES: &[&str] = &[
    "\"", "'", "'''", "[", "]", "[[", "=", "\n", "#", "{", "}", ",", ".", "-1", "1e9", "0x", "é", "\u{0}", "S", "A",
    "true", "\\",
];

/// Replaces the bytes at `place` (in thousandths of the text) by a piece, on character boundaries.
fn mutate(text: &str, place: usize, cut: usize, piece: &str) -> String {
    let start = text.floor_char_boundary(text.len() * place / 1000);
    let end = text.ceil_char_boundary((start + cut).min(text.len()));
    format!("{}{piece}{}", &text[..start], &text[end..])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn settings_never_panic(edits in prop::collection::vec((0..=1000_usize, 0..20_usize, 0..PIECES.len()), 1..6)) {
        let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("mu-core.toml")).expect("the example");
        let text = edits.iter().fold(text, |text, (place, cut, piece)| mutate(&text, *place, *cut, PIECES[*piece]));
        let folder = tempfile::tempdir().expect("a temporary folder");
        if let Err(found) = load_in(folder.path(), &text, &[], &[]) {
            prop_assert!(found.has_errors());
            prop_assert!(!found.to_string().is_empty());
        }
    }

    #[test]
    fn content_never_panics(file in 0..FILES.len(), edits in prop::collection::vec((0..=1000_usize, 0..20_usize, 0..PIECES.len()), 1..6)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_demo(folder.path()).expect("the folder can be written");
        let path = folder.path().join(FILES[file]);
        let text = std::fs::read_to_string(&path).expect("a demo file");
        let text = edits.iter().fold(text, |text, (place, cut, piece)| mutate(&text, *place, *cut, PIECES[*piece]));
        std::fs::write(&path, text).expect("the file can be written");
        if let Err(found) = load_content(folder.path()) {
            prop_assert!(found.has_errors());
            prop_assert!(!found.to_string().is_empty());
        }
    }
}
