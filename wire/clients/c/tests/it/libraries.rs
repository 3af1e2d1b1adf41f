//! What the libraries need of others, and what they offer: nothing but libc, and nothing but the header.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::programs::{Build, compile, libraries, run};

/// The shared libraries a file needs.
fn needs(file: &Path) -> BTreeSet<String> {
    let said = run(Command::new("readelf").arg("-dW").arg(file), "");
    let needed = said.lines().filter(|line| line.contains("(NEEDED)"));
    needed.map(|line| line.split(['[', ']']).nth(1).expect("a name in brackets").to_owned()).collect()
}

/// Parts of glibc, the loader and the compiler's own runtime.
const SYSTEM: [&str; 5] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"];

#[test]
fn a_program_with_the_static_library_needs_libc_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let needed = needs(&compile("tests/smoke.c", Build::Static, folder.path()));
    let foreign: Vec<_> =
        needed.iter().filter(|name| !SYSTEM.contains(&name.as_str()) || name.contains("gcc")).collect();
    assert_eq!(foreign, Vec::<&String>::new(), "{needed:?}");
}

#[test]
fn the_shared_library_needs_libc_and_the_compilers_runtime_and_offers_the_header() {
    let library = libraries().join("libmu_client.so");
    let needed = needs(&library);
    let foreign: Vec<_> = needed.iter().filter(|name| !SYSTEM.contains(&name.as_str())).collect();
    assert_eq!(foreign, Vec::<&String>::new(), "{needed:?}");

    let said = run(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(&library), "");
    let offered: BTreeSet<&str> = said.lines().filter_map(|line| line.split(' ').next()).collect();
    let header = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("include/mu_client.h"));
    let header = header.expect("the header is checked in");
    let code = header.lines().filter(|line| !line.starts_with([' ', '/', '#', '}']));
    let declared: BTreeSet<&str> = code
        .filter_map(|line| line.split('(').next()?.split([' ', '*']).next_back())
        .filter(|name| name.starts_with("mu_"))
        .collect();
    assert!(declared.len() >= 48, "{declared:?}");
    assert_eq!(offered, declared);
}
