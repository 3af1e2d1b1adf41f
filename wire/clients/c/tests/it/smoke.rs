//! A C program that uses every function, against a shard on a real socket.

use std::process::Command;

use mu_wire::Lane;

use crate::programs::{Build, compile, run};
use crate::shard::{Heard, Shard};

fn play(build: Build, wrap: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let program = compile("tests/smoke.c", build, folder.path());
    let shard = Shard::start();
    let input = format!("{}\n{}\n", shard.ticket(1), shard.ticket(2));
    let mut command = match wrap {
        [wrapper, options @ ..] => {
            let mut command = Command::new(wrapper);
            command.args(options).arg(program);
            command
        }
        [] => Command::new(program),
    };
    assert_eq!(run(&mut command, &input), "all is well\n");
    let Heard { inputs, lanes, closed } = shard.stop();
    assert_eq!(inputs, ["walk", "turn", "stop", "step", "turn"]);
    assert_eq!((lanes.len(), closed), (9, 2));
    assert!([Lane::Control, Lane::Value, Lane::Social].iter().all(|lane| lanes.contains(lane)), "{lanes:?}");
}

#[test]
fn a_c_program_plays_with_the_static_library() {
    play(Build::Static, &[]);
}

#[test]
fn the_same_as_cpp_plays_with_the_shared_library() {
    play(Build::SharedCpp, &[]);
}

#[test]
fn the_example_walks_talks_and_leaves() {
    let folder = tempfile::tempdir().expect("a folder");
    let shard = Shard::start();
    let mut example = Command::new(compile("example.c", Build::Static, folder.path()));
    let said = run(example.arg("1"), &shard.ticket(1));
    for line in [
        "connected\n",
        "Skuld stands on map 3 at (10, 20)\n",
        "notice: Willkommen, grüß dich.\n",
        "Skuld says: Hello from C!\n",
        ": you, entity 65537 Skuld (10, 20) to (10, 20)\n",
        "entity 65538 left\n",
        "closed: That was all for today.\n",
    ] {
        assert!(said.contains(line), "no line {line:?} in\n{said}");
    }
    assert_eq!(shard.stop().inputs, ["walk"]);
    assert!(include_str!("../../example.c").lines().count() < 150, "an example is short");
}

#[test]
fn nothing_is_touched_outside_its_bounds_or_left_behind() {
    // Values are not tracked: the hash's assembly is too much for it, and every byte made from a key would count as undefined.
    let options = ["--quiet", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=all"];
    play(Build::Static, &[&["valgrind", "--undef-value-errors=no"], &options[..]].concat());
}
