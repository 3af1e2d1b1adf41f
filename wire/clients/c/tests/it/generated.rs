//! The header and the C# declarations are what the sources say. `MU_UPDATE=1 cargo test -p mu-client-c generated` writes them.

use std::fs;
use std::path::{Path, PathBuf};

use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};

/// The files with exported functions, in the order of the header.
const SOURCES: [&str; 11] = [
    "status",
    "ticket",
    "client",
    "events",
    "state",
    "send",
    "inputs",
    "entities",
    "server_messages",
    "trades",
    "deals",
];

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> impl Iterator<Item = PathBuf> {
    SOURCES.iter().map(|name| package().join("src").join(name).with_extension("rs"))
}

/// Compares, or writes if that is asked for.
fn keep(path: &Path, wanted: &str) {
    if std::env::var_os("MU_UPDATE").is_some() {
        fs::write(path, wanted).expect("the tree can be written");
    }
    let there = fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == wanted,
        "{} is not what the sources say; MU_UPDATE=1 cargo test -p mu-client-c generated writes it",
        path.display()
    );
}

fn rules() -> String {
    fs::read_to_string(package().join("RULES.txt")).expect("the rules are there")
}

#[test]
fn the_header_is_what_the_sources_say() {
    let rules: String = rules().lines().map(|line| format!("{}\n", format!(" * {line}").trim_end())).collect();
    let config = Config {
        header: Some(format!("/*\n{rules} *\n * Made from the sources of mu-client-c; do not edit.\n */")),
        language: Language::C,
        cpp_compat: true,
        style: Style::Both,
        include_guard: Some("MU_CLIENT_H".to_owned()),
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        usize_is_size_t: true,
        documentation_style: DocumentationStyle::C99,
        tab_width: 4,
        ..Config::default()
    };
    let builder = sources().fold(Builder::new().with_config(config), Builder::with_src);
    let mut text = Vec::new();
    builder.generate().expect("the sources can be read").write(&mut text);
    keep(&package().join("include/mu_client.h"), str::from_utf8(&text).expect("a header is text"));
}

/// The constants below zero, which the generator leaves out.
fn errors() -> String {
    let source = fs::read_to_string(package().join("src/status.rs")).expect("the sources are there");
    let constants = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(": i32 = -"));
    let lines: String =
        constants.map(|(name, value)| format!("        public const int {name} = -{}\n", value.trim_end())).collect();
    format!("namespace Mu\n{{\n    public static unsafe partial class MuClientNative\n    {{\n{lines}    }}\n}}\n")
}

#[test]
fn the_csharp_declarations_are_what_the_sources_say() {
    let rules: String = rules().lines().map(|line| format!("{}\n", format!("// {line}").trim_end())).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("MuClient.cs");
    let builder = csbindgen::Builder::default()
        .csharp_file_header(format!("{rules}//\n// Made from the sources of mu-client-c; do not edit."))
        .csharp_namespace("Mu")
        .csharp_class_name("MuClientNative")
        .csharp_class_accessibility("public")
        .csharp_dll_name("mu_client")
        .csharp_generate_const_filter(|name| name.starts_with("MU_"))
        .csharp_file_footer(errors());
    let builder = sources().fold(builder, csbindgen::Builder::input_extern_file);
    builder.generate_csharp_file(&made).expect("the sources can be read");
    let text = fs::read_to_string(made).expect("it was just made");
    keep(&package().join("../csharp/MuClient.cs"), &text);
}
