//! Files that are made from the code, so that no other language and no document has to be kept in step by hand.
//!
//! The test compares them with the tree. `MU_UPDATE=1 cargo test -p mu-wire --lib generated` writes them. A further
//! language is one more row of [`files`] with a function that makes its text from [`schema`].

mod clauses;
mod frames;
mod json;
mod lua;
mod python;
mod schema;
mod values;
mod vectors;
mod worked;

use std::fs;
use std::path::Path;

use crate::messages;

/// Marks around the parts of the document that are made.
const TABLES: (&str, &str) =
    ("<!-- made from wire/src/messages/table.rs: begin -->\n", "<!-- made from wire/src/messages/table.rs: end -->");
const WORKED: (&str, &str) =
    ("<!-- made by wire/src/generated/worked.rs: begin -->\n", "<!-- made by wire/src/generated/worked.rs: end -->");

/// Each file, from the root of the tree, with its text.
fn files() -> Vec<(&'static str, String)> {
    let (schema, vectors) = (schema::schema(), vectors::vectors());
    let document = between(&present("docs/protocol.md"), TABLES, &messages::markdown());
    let document = between(&document, WORKED, &worked::markdown(vectors.at("connection"), &schema));
    vec![
        ("docs/protocol.md", document),
        ("docs/protocol-tests.md", clauses::coverage()),
        ("wire/schema.json", schema.to_text()),
        ("wire/tests/vectors.json", vectors.to_text()),
        ("wire/clients/python/mu_client/tables.py", python::tables()),
        ("wire/dissector/mu_wire_tables.lua", lua::tables()),
    ]
}

/// A file of the tree; empty if there is none.
fn present(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the tree")
}

/// A text with its made part replaced.
fn between(text: &str, marks: (&str, &str), made: &str) -> String {
    let (before, rest) = text.split_once(marks.0).expect("the first mark");
    let (_, after) = rest.split_once(marks.1).expect("the second mark");
    format!("{before}{}{made}{}{after}", marks.0, marks.1)
}

/// The line at which two texts part.
fn difference(present: &str, made: &str) -> String {
    let same = present.lines().zip(made.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(the end)").chars().take(160).collect::<String>();
    format!("line {}: there is\n  {}\nand should be\n  {}", same + 1, line(present), line(made))
}

#[test]
fn generated_files_are_as_the_code_makes_them() {
    let update = std::env::var_os("MU_UPDATE").is_some();
    let mut wrong = Vec::new();
    for (path, made) in files() {
        let present = present(path);
        if present == made {
            continue;
        }
        if update {
            fs::write(root().join(path), &made).expect("the tree can be written");
        } else {
            wrong.push(format!("{path}, {}", difference(&present, &made)));
        }
    }
    assert!(
        wrong.is_empty(),
        "not as made; MU_UPDATE=1 cargo test -p mu-wire --lib generated writes them:\n{}",
        wrong.join("\n")
    );
}
