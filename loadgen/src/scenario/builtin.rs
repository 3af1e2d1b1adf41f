//! The scenarios that need no file.

use std::time::Duration;

use super::{Role, Scenario, Thresholds};

/// Their names.
pub(super) const NAMES: &[&str] = &["walk", "town", "trade", "economy", "mix", "ccu"];

/// The scenario with this name.
pub(super) fn scenario(name: &str) -> Option<Scenario> {
    let roles = match name {
        "walk" => vec![walker(1)],
        "town" => vec![townsman(1)],
        "trade" => vec![trader(1)],
        "economy" => vec![merchant(1)],
        "mix" => vec![walker(4), townsman(3), trader(3)],
        "ccu" => vec![marcher()],
        _ => return None,
    };
    let mut scenario = Scenario { name: name.to_owned(), roles, thresholds: Thresholds::default() };
    if name == "ccu" {
        scenario.thresholds.hz_per_bot = Some(19.0);
        scenario.thresholds.tick_p99_ms = Some(50.0);
        scenario.thresholds.rss_mib = None;
    }
    Some(scenario)
}

/// Wanders.
fn walker(share: u32) -> Role {
    let (walk, never) = (Duration::from_millis(2500), Duration::ZERO);
    Role {
        name: "walker".to_owned(),
        share,
        walk,
        walk_tiles: 12,
        chat: never,
        portal: never,
        trade: never,
        deal: never,
    }
}

/// Wanders, talks, goes from map to map.
fn townsman(share: u32) -> Role {
    let (walk, chat, portal) = (Duration::from_secs(3), Duration::from_secs(10), Duration::from_secs(20));
    let never = Duration::ZERO;
    Role { name: "townsman".to_owned(), share, walk, walk_tiles: 10, chat, portal, trade: never, deal: never }
}

/// Stays near the others and trades with them.
fn trader(share: u32) -> Role {
    let (walk, trade, never) = (Duration::from_secs(5), Duration::from_secs(4), Duration::ZERO);
    Role { name: "trader".to_owned(), share, walk, walk_tiles: 3, chat: never, portal: never, trade, deal: never }
}

/// Stays in the square, trades, and uses the warehouse, the shops and the ground.
fn merchant(share: u32) -> Role {
    let (walk, trade, deal) = (Duration::from_secs(5), Duration::from_secs(8), Duration::from_secs(1));
    let never = Duration::ZERO;
    Role { name: "merchant".to_owned(), share, walk, walk_tiles: 3, chat: never, portal: never, trade, deal }
}

/// Takes a new way five times a second, so that whoever sees a few of them sees something in every tick.
fn marcher() -> Role {
    let (walk, never) = (Duration::from_millis(200), Duration::ZERO);
    Role {
        name: "marcher".to_owned(),
        share: 1,
        walk,
        walk_tiles: 4,
        chat: never,
        portal: never,
        trade: never,
        deal: never,
    }
}
