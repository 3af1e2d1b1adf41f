//! The key table as a page.

use std::fmt::Write as _;

use super::keys::KEYS;

/// Every key with its environment variable, what it allows, its default and its meaning, as `docs/configuration.md` holds it.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(HEAD);
    for key in KEYS {
        let allowed = key.kind.allowed().replace('|', "\\|");
        let default = key.default_value().to_toml();
        let _infallible =
            writeln!(page, "| `{}` | `{default}` | {allowed} | {} | `{}` |", key.path, key.doc, key.variable());
    }
    page
}

const HEAD: &str = "# Configuration

`mu-core serve --config FILE` reads four layers, each over the one before: the defaults below, the TOML file, environment variables,
and flags of the form `--set key=value`. An unknown key is an error that names the nearest known one; `mu-core check --config FILE`
reports every mistake of the settings and of the world content in one pass. Relative paths start at the folder of the file.
`config/mu-core.toml` is an example with every key. This page is generated from the key table in `config/src/settings/keys.rs`.

| key | default | allowed | meaning | variable |
|---|---|---|---|---|
";
