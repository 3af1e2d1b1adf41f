//! What is checked in beside the code says the same as the code.

use std::path::Path;

use mu_config::{Content, Settings, load_content, markdown, write_demo};

use super::load_in;

#[test]
fn the_example_file_holds_every_key_with_its_default() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("mu-core.toml")).expect("the example");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plan = load_in(folder.path(), &text, &[], &[]).unwrap_or_else(|found| panic!("{found}"));
    let plain = load_in(folder.path(), "", &[], &[]).expect("an empty file is allowed");
    assert_eq!(plan, plain, "the example differs from the defaults");
    for row in markdown().lines().filter(|row| row.starts_with("| `")) {
        let path = row.trim_start_matches("| `").split('`').next().unwrap_or_default();
        let key = path.rsplit('.').next().unwrap_or_default();
        assert!(text.lines().any(|line| line.starts_with(&format!("{key} = "))), "{path} is not in the example");
    }
}

#[test]
fn the_page_of_keys_is_the_one_that_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    if std::env::vars_os().any(|(name, _)| name == "MU_WRITE_DOCS") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("docs can be made");
        std::fs::write(&path, markdown()).expect("the page can be written");
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == markdown(), "docs/configuration.md differs: run this test with MU_WRITE_DOCS=1");
}

#[test]
fn the_demo_world_written_out_is_the_one_inside_the_binary() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_demo(folder.path()).expect("the folder can be written");
    let content = load_content(folder.path()).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(content, Content::demo());
    write_demo(folder.path()).expect_err("a file that exists is never changed");
}

#[test]
fn the_demo_settings_keep_everything_under_their_folder() {
    let dir = Path::new("/data");
    let settings = Settings::demo(dir);
    assert!(settings.wal.dir.starts_with(dir) && settings.keys.file.starts_with(dir), "{settings:?}");
    assert_eq!(settings.store.url, "sqlite:/data/mu.db");
}
