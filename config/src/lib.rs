//! Server settings and world content: text to a checked, derived plan.
//!
//! `load` merges the layers of the settings (defaults, file, environment, flags), reads the world content they name, and reports every
//! mistake of both at once. Knows nothing of the host it runs on: which CPUs there are, which ports are free and whether a folder can
//! be written is found out where it is used.

mod content;
mod diagnostics;
mod document;
mod layers;
mod settings;

use std::path::Path;

pub use content::{
    Class, Content, EntryPoint, Grid, INVENTORY_SLOTS, ItemTemplate, Keeper, MapDef, MonsterSpawn, MonsterTemplate,
    PlayerSpawn, Portal, Rect, SHOP_WARES, Service, Shop, SlotKind, StarterItem, StarterKit, Ware, World, write_demo,
};
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use settings::{
    BackupSettings, Cores, Cpus, Flush, Gateway, Host, KeyFile, LogLevel, LogSettings, MapLimits, Net, Runtime,
    Settings, StoreAddress, TickTimes, Udp, ValueSettings, WalMedium, WalSettings, WorldSource, markdown,
};

use diagnostics::Source;
use layers::Layers;

/// Settings and content that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The settings of all layers.
    pub settings: Settings,
    /// The world.
    pub content: Content,
    /// What is allowed but worth a second look; print it at boot.
    pub warnings: Diagnostics,
}

/// Reads a configuration file, the environment and the flags (`key=value`), and the world content they name.
///
/// # Errors
/// Every mistake found in any of them, beside the warnings.
pub fn load(
    path: &Path,
    env: impl IntoIterator<Item = (String, String)>,
    overrides: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<Plan, Diagnostics> {
    let mut found = Diagnostics::default();
    let mut layers = Layers::over(Settings::default());
    let folder = path.parent().unwrap_or(Path::new(""));
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let source = Source::of_file(path, &text);
            let document = document::parse(&source, &text, &mut found);
            layers.file(&source, &document, &mut found);
        }
        Err(error) => {
            let source = Source::of_layer(path.display().to_string());
            found.error(&source, &(0..0), format!("the configuration file cannot be read: {error}"), String::new());
        }
    }
    layers.settings.resolve(folder);
    finish(layers, env, overrides, found)
}

/// The plan of `mu-core dev`: no file, everything under `data_dir`, the demo world, the environment and the flags on top.
///
/// # Errors
/// Every mistake in the environment and the flags, beside the warnings.
pub fn load_demo(
    data_dir: &Path,
    env: impl IntoIterator<Item = (String, String)>,
    overrides: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<Plan, Diagnostics> {
    finish(Layers::over(Settings::demo(data_dir)), env, overrides, Diagnostics::default())
}

/// The process environment, for `load`. Variables that are not text are left out.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Reads world content alone: the folder that `world.dir` would name.
///
/// # Errors
/// Every mistake found in it, beside the warnings.
pub fn load_content(dir: &Path) -> Result<Content, Diagnostics> {
    let mut found = Diagnostics::default();
    match content::read_content(dir, &mut found) {
        Some(content) if !found.has_errors() => Ok(content),
        _ => Err(found),
    }
}

fn finish(
    mut layers: Layers,
    env: impl IntoIterator<Item = (String, String)>,
    overrides: impl IntoIterator<Item = impl AsRef<str>>,
    mut found: Diagnostics,
) -> Result<Plan, Diagnostics> {
    layers.environment(env, &mut found);
    layers.flags(overrides, &mut found);
    settings::check(&layers.settings, &layers.origins, &mut found);
    let content = match &layers.settings.world.dir {
        Some(dir) => content::read_content(dir, &mut found),
        None => Some(Content::demo()),
    };
    match content {
        Some(content) if !found.has_errors() => Ok(Plan { settings: layers.settings, content, warnings: found }),
        _ => Err(found),
    }
}
