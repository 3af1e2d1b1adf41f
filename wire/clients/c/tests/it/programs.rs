//! C programs: compiled with the warnings of a careful project, linked against the libraries that were built with this test.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a program is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// As C99, with everything in the program but libc.
    Static,
    /// As C++11, with the shared library.
    SharedCpp,
}

/// The folder with the libraries: cargo puts those that this test depends on beside it.
pub(crate) fn libraries() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a file");
    test.parent().expect("a file has a folder").to_owned()
}

/// Compiles a source of this package into `folder`.
pub(crate) fn compile(source: &str, build: Build, folder: &Path) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = folder.join(format!("{build:?}"));
    let mut compiler = match build {
        Build::Static => Command::new("cc"),
        Build::SharedCpp => Command::new("c++"),
    };
    let language: &[&str] = match build {
        Build::Static => &["-std=c99"],
        Build::SharedCpp => &["-x", "c++", "-std=c++11"],
    };
    compiler.args(language).args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-O1", "-I"]);
    compiler.arg(package.join("include")).arg(package.join(source)).args(["-x", "none"]);
    let libraries = libraries();
    match build {
        Build::Static => compiler.arg(libraries.join("libmu_client.a")).args(["-static-libgcc", "-pthread", "-lm"]),
        Build::SharedCpp => compiler.arg("-L").arg(&libraries).arg("-lmu_client"),
    };
    run(compiler.arg("-o").arg(&program), "");
    program
}

/// Runs to the end with `input` and returns what was printed; fails with all that was said if it fails.
pub(crate) fn run(command: &mut Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("LD_LIBRARY_PATH", libraries());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/prepare test"));
    // A program that ends before it reads says so itself.
    let _broken_pipe = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
