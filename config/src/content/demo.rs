//! The demo world as text inside the binary, and written out for editing.

use std::io;
use std::path::Path;

/// Name and text of every file of the demo world.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("world.toml", include_str!("../../demo/world.toml")),
    ("items.toml", include_str!("../../demo/items.toml")),
    ("shops.toml", include_str!("../../demo/shops.toml")),
    ("monsters.toml", include_str!("../../demo/monsters.toml")),
    ("classes.toml", include_str!("../../demo/classes.toml")),
    ("maps/lindwall.toml", include_str!("../../demo/maps/lindwall.toml")),
    ("maps/emberfield.toml", include_str!("../../demo/maps/emberfield.toml")),
    ("maps/gloomdeep.toml", include_str!("../../demo/maps/gloomdeep.toml")),
];

/// Writes the demo world into a folder, for editing.
///
/// # Errors
/// When a file exists already or cannot be written; nothing that exists is changed.
pub fn write_demo(dir: &Path) -> io::Result<()> {
    for (name, text) in FILES {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(dir))?;
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
    }
    Ok(())
}
