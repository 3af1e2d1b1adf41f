//! The second implementation, in Python and without a line of this one: it reads and writes every vector.

use std::path::Path;
use std::process::Command;

/// protocol.md 9.1: what the vectors say is enough to check another end, piece by piece.
#[test]
fn the_python_client_reads_and_writes_every_vector() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python");
    let output = Command::new(python())
        .args(["-B", "-m", "unittest", "discover", "-s", "tests", "-t", "."])
        .current_dir(folder)
        .output()
        .expect("python3 starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // An empty discovery is a success to the runner.
    assert!(said.contains("Ran ") && !said.contains("Ran 0 tests"), "{said}");
}

/// The first interpreter of the path, or the system's, that has the one package the client needs.
fn python() -> &'static str {
    let able = |program: &&str| {
        let check = Command::new(program).args(["-c", "import cryptography"]).output();
        check.is_ok_and(|output| output.status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(able);
    found.expect("a python3 with the package `cryptography`: ./scripts/prepare test installs it")
}
