//! The clauses of `docs/protocol.md` and the tests that cite them: `protocol.md 6.3`, `protocol.md 8.50 to 8.54`, `protocol.md 12.2.5, 13.1`.
//! A citation of a clause that is not there fails, and so do two clauses of one number.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{present, root};

/// Chapter, section if the chapter numbers its clauses by sections, number.
type Clause = Vec<u32>;

/// Where citations are looked for.
const ROOMS: [&str; 4] = ["wire", "core", "loadgen", "perf"];

/// Each clause of the document with its line.
fn clauses() -> BTreeMap<Clause, usize> {
    let (mut found, mut chapter, mut in_code) = (BTreeMap::new(), Vec::new(), false);
    for (line, text) in present("docs/protocol.md").lines().enumerate() {
        in_code ^= text.trim_start().starts_with("```");
        if let Some(title) = text.strip_prefix("## ").or_else(|| text.strip_prefix("### ")) {
            let number = title.split(' ').next().unwrap_or("");
            let parts: Option<Clause> = number.split('.').map(|part| part.parse().ok()).collect();
            if let Some(parts) = parts {
                chapter = parts;
            }
        }
        let number = text.split_once(". ").and_then(|(number, _)| number.parse::<u32>().ok());
        if let Some(number) = number.filter(|_| !in_code && !chapter.is_empty()) {
            let clause = [&*chapter, &[number]].concat();
            let earlier = found.insert(clause.clone(), line + 1);
            assert_eq!(earlier, None, "docs/protocol.md:{}: there are two clauses {}", line + 1, name(&clause));
        }
    }
    assert!(found.len() > 100, "the document has lost its clauses");
    found
}

fn name(clause: &[u32]) -> String {
    clause.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// Every file of the rooms that may cite.
fn sources() -> Vec<PathBuf> {
    let mut open: Vec<_> = ROOMS.iter().map(|room| root().join(room)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path
            .extension()
            .is_some_and(|extension| ["rs", "py", "c", "lua"].iter().any(|known| extension == *known))
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The clauses that a text cites, with the line; a range stands for the clauses of the document within it.
fn cited(text: &str, clauses: &BTreeMap<Clause, usize>) -> Vec<(usize, Clause)> {
    let mut found = Vec::new();
    // A citation may go on behind the end of a line of comment.
    let words = text.lines().enumerate().flat_map(|(line, text)| {
        let text = text.trim_start().trim_start_matches(['/', '!', '#', '*']);
        text.split_whitespace().map(move |word| (line, word.trim_matches(['`', '(', '"', '\'', '[', ']', '*'])))
    });
    let mut words = words.peekable();
    while let Some((_, word)) = words.next() {
        if word != "protocol.md" && !word.ends_with("/protocol.md") {
            continue;
        }
        let mut from: Option<Clause> = None;
        while let Some((line, word)) = words.peek().copied() {
            let number = word.trim_end_matches([',', '.', ':', ';', ')', '`']);
            let clause: Option<Clause> = number.split('.').map(|part| part.parse().ok()).collect();
            match (clause.filter(|clause| clause.len() > 1), word) {
                (Some(clause), _) => match from.take() {
                    Some(from) => {
                        let between = clauses.range(from..=clause).skip(1);
                        found.extend(between.map(|(clause, _)| (line, clause.clone())));
                    }
                    None => found.push((line, clause)),
                },
                (None, "to" | "and") => from = found.last().filter(|_| word == "to").map(|(_, clause)| clause.clone()),
                _ => break,
            }
            words.next();
            if word[number.len()..].contains([';', ')', '.']) {
                break;
            }
        }
    }
    found
}

/// The names of tests by the line on which each begins.
fn tests(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut marked) = (Vec::new(), false);
    for (line, text) in text.lines().enumerate() {
        let text = text.trim_start();
        marked |= text == "#[test]";
        let name = text
            .strip_prefix("fn ")
            .filter(|_| marked)
            .or_else(|| text.strip_prefix("def ").filter(|rest| rest.starts_with("test_")));
        if let Some(name) = name {
            found.push((line, name.split('(').next().unwrap_or(name).to_owned()));
            marked = false;
        }
    }
    found
}

/// The test that a citation on this line belongs to: the one below it in Rust, the one above it in Python; a citation in the
/// head of a file of tests stands for the file.
fn holder(path: &str, text: &str, line: usize) -> Option<String> {
    let head = text.lines().take(line + 1).all(|line| line.starts_with("//!")) || (path.ends_with(".py") && line < 6);
    if head && path.contains("/tests/") {
        return Some("the whole file".to_owned());
    }
    let tests = tests(text);
    let mut near = tests.iter();
    let found = if path.ends_with(".py") {
        near.rev().find(|(at, _)| *at < line && line - at <= 4)
    } else {
        near.find(|(at, _)| *at > line && at - line <= 12)
    };
    found.map(|(_, name)| format!("`{name}`"))
}

/// `docs/protocol-tests.md`: each clause with the tests that cite it, and the clauses that none cites.
pub(super) fn coverage() -> String {
    let clauses = clauses();
    let mut held: BTreeMap<&Clause, Vec<String>> = BTreeMap::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(root()).unwrap_or(Path::new("")).display().to_string();
        for (line, cited) in cited(&text, &clauses) {
            let Some(test) = holder(&path, &text, line) else { continue };
            for (clause, _) in clauses.iter().filter(|(clause, _)| clause.starts_with(&cited)) {
                let tests = held.entry(clause).or_default();
                let test = format!("{path}: {test}");
                if !tests.contains(&test) {
                    tests.push(test);
                }
            }
        }
    }
    written(&clauses, &held)
}

fn written(clauses: &BTreeMap<Clause, usize>, held: &BTreeMap<&Clause, Vec<String>>) -> String {
    let bare: Vec<_> = clauses.keys().filter(|clause| !held.contains_key(clause)).map(|clause| name(clause)).collect();
    let mut text = format!(
        "# Which tests hold the clauses of the protocol\n\nMade from the citations in the tests (`protocol.md 6.3`) by \
         wire/src/generated/clauses.rs; do not edit.\n\n{} of {} clauses are cited by a test. Not cited: {}.\n\n| clause | tests |\n|---|---|\n",
        held.len(),
        clauses.len(),
        if bare.is_empty() { "none".to_owned() } else { bare.join(", ") }
    );
    for (clause, tests) in held {
        text.push_str(&format!("| {} | {} |\n", name(clause), tests.join("<br>")));
    }
    text
}

#[test]
fn cited_clauses_are_those_of_the_document() {
    let clauses = clauses();
    let (mut wrong, mut right) = (Vec::new(), 0);
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        for (line, clause) in cited(&text, &clauses) {
            // A section may be cited as a whole.
            if clauses.keys().any(|known| known.starts_with(&clause)) {
                right += 1;
            } else {
                let path = path.strip_prefix(root()).unwrap_or(Path::new("")).display();
                wrong.push(format!("{path}:{}: there is no clause {}", line + 1, name(&clause)));
            }
        }
    }
    assert!(wrong.is_empty(), "docs/protocol.md has changed, or the citation is wrong:\n{}", wrong.join("\n"));
    assert!(right > 20, "{right} citations: they are not found any more");
}

#[test]
fn citations_are_found_in_their_forms() {
    let clauses = [vec![6, 3], vec![8, 50], vec![8, 51], vec![8, 52], vec![12, 2, 5]];
    let known = clauses.iter().cloned().zip(1..).collect();
    let found = |text: &str| cited(text, &known).into_iter().map(|(_, clause)| name(&clause)).collect::<Vec<_>>();
    assert_eq!(found("/// As protocol.md 6.3 says, and 7.7 is none."), ["6.3"]);
    assert_eq!(found("/// (`protocol.md 8.50 to\n/// 8.52`), 9.9"), ["8.50", "8.51", "8.52"]);
    assert_eq!(found("Clauses: protocol.md 6.3, 12.2.5 and 8.50. 8.51"), ["6.3", "12.2.5", "8.50"]);
    assert_eq!(found("docs/protocol.md is long"), Vec::<String>::new());
}
