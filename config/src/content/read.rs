//! From a folder, or from the texts inside the binary, to a `Content`.
//!
//! The order of reading is the order of the messages: `world.toml`, `items.toml`, `shops.toml`, `monsters.toml`, `classes.toml`, then each map.

use std::path::{Path, PathBuf};

use super::map_file::{self, DraftMap};
use super::tables::{self, Classes, Items, Monsters, Worlds};
use super::{Content, cross, demo, shops};
use crate::diagnostics::{Diagnostics, Source};
use crate::document::{self, Table};

/// Gives the text of a file named from the content's folder.
trait Files {
    /// The text, or why there is none.
    fn text(&self, name: &str) -> Result<String, String>;
    /// The path to print.
    fn path(&self, name: &str) -> PathBuf;
}

struct Folder<'a>(&'a Path);
struct Inside;

impl Files for Folder<'_> {
    fn text(&self, name: &str) -> Result<String, String> {
        std::fs::read_to_string(self.path(name)).map_err(|error| error.to_string())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Files for Inside {
    fn text(&self, name: &str) -> Result<String, String> {
        let file = demo::FILES.iter().find(|(path, _)| *path == name);
        file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "not in the binary".to_owned())
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new("demo").join(name)
    }
}

/// Reads the content in a folder. `None` or errors in `found`: it is unusable.
pub(crate) fn read_content(dir: &Path, found: &mut Diagnostics) -> Option<Content> {
    read(&Folder(dir), found)
}

/// Reads the content inside the binary.
pub(crate) fn demo_content() -> Content {
    let mut found = Diagnostics::default();
    let content = read(&Inside, &mut found);
    assert!(found.is_empty(), "the demo world inside the binary is wrong:\n{found}");
    content.expect("content without findings is whole")
}

fn read(files: &impl Files, found: &mut Diagnostics) -> Option<Content> {
    let worlds: Option<Worlds> = with_table(files, "world.toml", found, tables::worlds);
    let items: Option<Items> = with_table(files, "items.toml", found, tables::items);
    let shops = with_table(files, "shops.toml", found, shops::read);
    let monsters: Option<Monsters> = with_table(files, "monsters.toml", found, tables::monsters);
    let classes: Option<Classes> = with_table(files, "classes.toml", found, tables::classes);
    let mut maps: Vec<DraftMap> = Vec::new();
    for key in worlds.iter().flat_map(Worlds::map_keys) {
        let name = format!("maps/{key}.toml");
        maps.extend(
            with_table(files, &name, found, |table, source, found| map_file::read(key, table, source, found)).flatten(),
        );
    }
    let tables =
        cross::Drafts { worlds: worlds?, items: items?, shops: shops?, monsters: monsters?, classes: classes?, maps };
    cross::join(tables, found)
}

fn with_table<T>(
    files: &impl Files,
    name: &str,
    found: &mut Diagnostics,
    read: impl FnOnce(Table<'_>, &Source, &mut Diagnostics) -> T,
) -> Option<T> {
    let path = files.path(name);
    match files.text(name) {
        Ok(text) => {
            let source = Source::of_file(&path, &text);
            let document = document::parse(&source, &text, found);
            Some(read(Table::new(&source, &document), &source, found))
        }
        Err(error) => {
            let source = Source::of_layer(path.display().to_string());
            found.error(
                &source,
                &(0..0),
                format!("the file cannot be read: {error}"),
                "a world is world.toml, items.toml, shops.toml, monsters.toml, classes.toml and maps/*.toml".to_owned(),
            );
            None
        }
    }
}
