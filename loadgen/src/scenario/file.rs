//! A scenario as a TOML file: a built-in one to start from, roles, thresholds.
//!
//! ```toml
//! base = "town"            # optional; its roles are replaced if any are given here
//!
//! [[role]]
//! name = "gossip"
//! share = 1
//! walk_ms = 3000           # mean time between two walks; 0 = never
//! walk_tiles = 8
//! chat_ms = 2000
//! portal_ms = 0
//! trade_ms = 0
//! deal_ms = 0              # warehouse, shops, ground
//!
//! [thresholds]             # "off" = not judged
//! age_p99_ms = 80
//! rss_mib = "off"
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::{Role, Scenario, Thresholds};

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadScenario {
    /// Neither a built-in scenario nor a file.
    #[error("there is no scenario {name:?}; built in are {}", Scenario::builtin_names().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("{}: {error}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file's text is wrong; the message shows the place.
    #[error("{}: {error}", file.display())]
    Text {
        /// Which file.
        file: PathBuf,
        /// What and where.
        error: toml::de::Error,
    },
    /// The file's content makes no sense.
    #[error("{}: {problem}", file.display())]
    Nonsense {
        /// Which file.
        file: PathBuf,
        /// What.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    base: Option<String>,
    #[serde(default)]
    role: Vec<RoleText>,
    #[serde(default)]
    thresholds: ThresholdsText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleText {
    name: String,
    share: u32,
    #[serde(default)]
    walk_ms: u32,
    #[serde(default = "default_tiles")]
    walk_tiles: u8,
    #[serde(default)]
    chat_ms: u32,
    #[serde(default)]
    portal_ms: u32,
    #[serde(default)]
    trade_ms: u32,
    #[serde(default)]
    deal_ms: u32,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ThresholdsText {
    age_p99_ms: Option<Wanted>,
    loss_percent: Option<Wanted>,
    tick_p99_ms: Option<Wanted>,
    skipped_percent: Option<Wanted>,
    disconnected: Option<Wanted>,
    absent_percent: Option<Wanted>,
    trades: Option<Wanted>,
    deals: Option<Wanted>,
    conserved: Option<bool>,
    rss_mib: Option<Wanted>,
    hz_per_bot: Option<Wanted>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Wanted {
    Number(f64),
    Off(Off),
}

#[derive(Deserialize, Clone, Copy)]
enum Off {
    #[serde(rename = "off")]
    Off,
}

/// The scenario with this name, or in this file if the name ends in `.toml`.
///
/// # Errors
/// [`BadScenario`]
pub fn read(name: &str) -> Result<Scenario, BadScenario> {
    if Path::new(name).extension().is_none_or(|ending| ending != "toml") {
        return Scenario::builtin(name).ok_or_else(|| BadScenario::Unknown { name: name.to_owned() });
    }
    let file = PathBuf::from(name);
    match std::fs::read_to_string(&file) {
        Ok(text) => parse(&file, &text),
        Err(error) => Err(BadScenario::Unreadable { file, error }),
    }
}

fn parse(file: &Path, text: &str) -> Result<Scenario, BadScenario> {
    let read: File = toml::from_str(text).map_err(|error| BadScenario::Text { file: file.to_owned(), error })?;
    let nonsense = |problem: &str| BadScenario::Nonsense { file: file.to_owned(), problem: problem.to_owned() };
    let base = match read.base {
        Some(name) => Some(Scenario::builtin(&name).ok_or(BadScenario::Unknown { name })?),
        None => None,
    };
    let (base_roles, mut thresholds) =
        base.map_or_else(|| (Vec::new(), Thresholds::default()), |base| (base.roles, base.thresholds));
    let roles = if read.role.is_empty() { base_roles } else { read.role.into_iter().map(role).collect() };
    if roles.iter().all(|role| role.share == 0) {
        return Err(nonsense("no role has a share: add [[role]] with share = 1, or base = \"town\""));
    }
    if roles.iter().any(|role| !(1..=16).contains(&role.walk_tiles)) {
        return Err(nonsense("walk_tiles is 1 to 16"));
    }
    read.thresholds.over(&mut thresholds);
    let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(Scenario { name, roles, thresholds })
}

fn role(text: RoleText) -> Role {
    let time = |ms| Duration::from_millis(u64::from(ms));
    Role {
        name: text.name,
        share: text.share,
        walk: time(text.walk_ms),
        walk_tiles: text.walk_tiles,
        chat: time(text.chat_ms),
        portal: time(text.portal_ms),
        trade: time(text.trade_ms),
        deal: time(text.deal_ms),
    }
}

fn default_tiles() -> u8 {
    10
}

impl ThresholdsText {
    fn over(&self, thresholds: &mut Thresholds) {
        let put = |wanted: Option<Wanted>, field: &mut Option<f64>| match wanted {
            Some(Wanted::Number(number)) => *field = Some(number),
            Some(Wanted::Off(Off::Off)) => *field = None,
            None => {}
        };
        put(self.age_p99_ms, &mut thresholds.age_p99_ms);
        put(self.loss_percent, &mut thresholds.loss_percent);
        put(self.tick_p99_ms, &mut thresholds.tick_p99_ms);
        put(self.skipped_percent, &mut thresholds.skipped_percent);
        put(self.disconnected, &mut thresholds.disconnected);
        put(self.absent_percent, &mut thresholds.absent_percent);
        put(self.trades, &mut thresholds.trades);
        put(self.deals, &mut thresholds.deals);
        put(self.rss_mib, &mut thresholds.rss_mib);
        put(self.hz_per_bot, &mut thresholds.hz_per_bot);
        thresholds.conserved = self.conserved.unwrap_or(thresholds.conserved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Scenario, BadScenario> {
        parse(Path::new("gossip.toml"), text)
    }

    #[test]
    fn a_file_replaces_roles_and_single_thresholds() {
        let text = "base = \"trade\"\n[[role]]\nname = \"gossip\"\nshare = 2\nchat_ms = 2000\n[thresholds]\nage_p99_ms = 80\nrss_mib = \"off\"\n";
        let scenario = parsed(text).expect("all of it is allowed");
        assert_eq!(scenario.name, "gossip");
        assert_eq!(scenario.roles.len(), 1);
        assert_eq!(scenario.roles[0].chat, Duration::from_secs(2));
        assert!(!scenario.trades());
        let expected = Thresholds { age_p99_ms: Some(80.0), rss_mib: None, ..Thresholds::default() };
        assert_eq!(scenario.thresholds, expected);
    }

    #[test]
    fn a_file_may_only_change_thresholds() {
        let scenario = parsed("base = \"mix\"\n[thresholds]\ntrades = 50\n").expect("allowed");
        assert_eq!(scenario.roles, Scenario::builtin("mix").expect("a built-in scenario").roles);
        assert_eq!(scenario.thresholds.trades, Some(50.0));
    }

    #[test]
    fn mistakes_are_named() {
        let message = |text| parsed(text).expect_err("a mistake").to_string();
        assert!(message("[thresholds]\nage = 3\n").contains("unknown field `age`"));
        assert!(message("base = \"twon\"\n").contains("built in are walk, town, trade, economy, mix, ccu"));
        assert!(message("").contains("no role has a share"));
        assert!(message("[[role]]\nname = \"x\"\nshare = 1\nwalk_tiles = 17\n").contains("walk_tiles is 1 to 16"));
    }
}
