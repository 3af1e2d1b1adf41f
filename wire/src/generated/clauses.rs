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
