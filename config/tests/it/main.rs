//! The configuration from outside: files on disk, layers, messages.

mod content;
mod documents;
mod mutations;
mod settings;

use std::path::Path;

use mu_config::{Diagnostics, Plan};

/// Writes `text` as a configuration file in a fresh folder and loads it.
fn load_text(text: &str) -> Result<Plan, Diagnostics> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    load_in(folder.path(), text, &[], &[])
}

/// The same in a given folder, with variables and flags.
fn load_in(folder: &Path, text: &str, env: &[(&str, &str)], flags: &[&str]) -> Result<Plan, Diagnostics> {
    let path = folder.join("mu.toml");
    std::fs::write(&path, text).expect("the folder can be written");
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    mu_config::load(&path, env, flags)
}

/// `line:column severity: message (help)` of each finding.
fn lines(found: &Diagnostics) -> Vec<String> {
    let line = |entry: &mu_config::Diagnostic| {
        let severity = format!("{:?}", entry.severity).to_lowercase();
        format!("{}:{} {severity}: {} ({})", entry.line, entry.column, entry.message, entry.help)
    };
    found.entries().iter().map(line).collect()
}
