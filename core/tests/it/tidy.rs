//! What the tree promises about itself: headers, sizes, purity, and which way dependencies point.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file in lines.
const LINES_MAX: usize = 700;

/// Rooms that take bytes, numbers and a time, and the words that would break that.
const PURE: [&str; 8] = [
    "wire/src",
    "wal/src/format",
    "core/src/map",
    "core/src/systems",
    "config/src/content",
    "storage/src/event",
    "storage/src/ids.rs",
    "storage/value/src",
];
const IMPURE: [&str; 9] = [
    "std::net::UdpSocket",
    "std::net::Tcp",
    "std::fs",
    "std::thread",
    "Instant::now",
    "SystemTime",
    "Clock::now",
    "mu_wire_io",
    "rusqlite",
];

/// Files of pure rooms that may name one impure word, with the reason.
const EXCEPTIONS: [(&str, &str, &str); 5] = [
    ("wire/src/fuzzing/tests.rs", "std::fs", "reads the fuzzer's corpus; compiled for tests only"),
    ("config/src/content/read.rs", "std::fs", "reads the content's folder; everything else gets text"),
    ("wire/src/generated/clauses.rs", "std::fs", "reads the documents and the tests; compiled for tests only"),
    ("wire/src/generated/mod.rs", "std::fs", "compares made files with the tree; compiled for tests only"),
    ("config/src/content/demo.rs", "std::fs", "writes the demo's files out for editing"),
];

/// Our own packages that each package may depend on.
const MAY_DEPEND: [(&str, &[&str]); 14] = [
    ("config", &[]),
    ("wire", &[]),
    ("wire/archive", &[]),
    ("wire/io", &[]),
    ("wire/sim", &["mu-wire"]),
    ("wire/clients/c", &["mu-wire"]),
    ("wal", &[]),
    ("storage", &["mu-wal"]),
    ("storage/value", &["mu-wal", "mu-storage"]),
    ("storage/sim", &["mu-wal", "mu-storage", "mu-value"]),
    ("core", &["mu-archive", "mu-config", "mu-wire", "mu-wire-io", "mu-wal", "mu-storage", "mu-value"]),
    ("loadgen", &["mu-archive", "mu-config", "mu-wire", "mu-wire-io"]),
    ("perf", &["mu-config", "mu-wire", "mu-wire-io", "mu-wal", "mu-storage", "mu-value", "mu-core", "mu-loadgen"]),
    ("perf/peers", &["mu-wire", "mu-wire-io", "mu-perf"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tree can be read").to_owned()
}

/// Every Rust file below a path, as (path from the root, text).
fn sources(below: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(below)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(&path)
                    .expect("the tree can be read")
                    .map(|entry| entry.expect("the tree can be read").path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).expect("the tree can be read").display().to_string();
            found.push((name, fs::read_to_string(&path).expect("the tree can be read")));
        }
    }
    assert!(!found.is_empty(), "{below} holds no source");
    found
}

fn all_sources() -> Vec<(String, String)> {
    MAY_DEPEND.iter().flat_map(|(member, _)| sources(&format!("{member}/src"))).collect()
}

/// The text without comments and without the tests at its end.
fn code(text: &str) -> String {
    let production = text.split("#[cfg(test)]").next().unwrap_or(text);
    production.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_file_says_what_it_holds() {
    let silent: Vec<_> =
        all_sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(name, _)| name).collect();
    assert_eq!(silent, Vec::<String>::new(), "files without a header");
}

#[test]
fn no_file_is_longer_than_one_idea() {
    let long: Vec<_> = all_sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > LINES_MAX)
        .map(|(name, text)| (name, text.lines().count()))
        .collect();
    assert_eq!(long, Vec::<(String, usize)>::new(), "files over {LINES_MAX} lines");
}

#[test]
fn pure_rooms_name_no_socket_file_thread_or_clock() {
    let mut found = Vec::new();
    for (name, text) in PURE.iter().flat_map(|room| sources(room)) {
        let text = code(&text);
        for word in IMPURE {
            let excepted = EXCEPTIONS.iter().any(|(file, allowed, _)| *file == name && *allowed == word);
            if text.contains(word) && !excepted {
                found.push(format!("{name}: {word}"));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new(), "impure words in pure rooms");
}

#[test]
fn dependencies_point_one_way() {
    for (member, allowed) in MAY_DEPEND {
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        let shipped = manifest.split("[dev-dependencies]").next().unwrap();
        let dependencies = shipped.split("[dependencies]").nth(1).unwrap_or("");
        for line in dependencies.lines().filter(|line| line.starts_with("mu-")) {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            assert!(allowed.contains(&name), "{member} depends on {name}; allowed are {allowed:?}");
        }
    }
}

#[test]
fn the_ignore_list_does_not_hide_a_source_folder() {
    let ignored = fs::read_to_string(root().join(".gitignore")).unwrap();
    let plain: Vec<_> = ignored.lines().filter(|line| MAY_DEPEND.iter().any(|(member, _)| line == member)).collect();
    assert_eq!(plain, Vec::<&str>::new());
}

/// Mistakes to order are for tests: no package switches them on by itself or for another one it is built from.
#[test]
fn no_shipped_binary_has_planted_mistakes() {
    for (member, _) in MAY_DEPEND {
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        let mut section = String::new();
        for line in manifest.lines() {
            if line.starts_with('[') {
                line.clone_into(&mut section);
            }
            let shipped = section == "[dependencies]" || line.starts_with("default");
            assert!(!(shipped && line.contains("planted")), "{member}: {line}");
        }
    }
}
