//! What bots do and how often, and which figures a run has to reach.
//!
//! A scenario is a mix of roles; a role is how often each kind of action is intended. Which bot has which role, and when it intends
//! what, follows from the seed alone (`agenda`).

mod agenda;
mod builtin;
mod file;
mod thresholds;

use std::time::Duration;

pub use agenda::{Act, Agenda, Intent};
pub use file::{BadScenario, read};
pub use thresholds::{Limit, Thresholds, Violation};

use crate::dice::Dice;

/// A mix of roles and the thresholds of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its name in the report.
    pub name: String,
    /// The roles; shares are relative to each other.
    pub roles: Vec<Role>,
    /// What a run has to reach.
    pub thresholds: Thresholds,
}

/// How often a bot does what. The mean time between two actions of a kind; zero = never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its share of the bots, relative to the other roles.
    pub share: u32,
    /// Between two walks.
    pub walk: Duration,
    /// Longest walk, in tiles.
    pub walk_tiles: u8,
    /// Between two lines of chat.
    pub chat: Duration,
    /// Between two ways through a portal.
    pub portal: Duration,
    /// Between two requests to trade; a role with none also refuses requests.
    pub trade: Duration,
    /// Between two deals with the warehouse, a shop or the ground.
    pub deal: Duration,
}

impl Scenario {
    /// The role of a bot.
    #[must_use]
    pub fn role(&self, seed: u64, bot: usize) -> &Role {
        let total: u64 = self.roles.iter().map(|role| u64::from(role.share)).sum();
        let mut drawn = Dice::new(seed, 0x0401_e000 ^ bot as u64).below(total);
        for role in &self.roles {
            match drawn.checked_sub(u64::from(role.share)) {
                Some(left) => drawn = left,
                None => return role,
            }
        }
        &self.roles[0]
    }

    /// Whether some role trades.
    #[must_use]
    pub fn trades(&self) -> bool {
        self.roles.iter().any(|role| role.share > 0 && !role.trade.is_zero())
    }

    /// Whether some role deals.
    #[must_use]
    pub fn deals(&self) -> bool {
        self.roles.iter().any(|role| role.share > 0 && !role.deal.is_zero())
    }

    /// The names of the built-in scenarios.
    #[must_use]
    pub fn builtin_names() -> &'static [&'static str] {
        builtin::NAMES
    }

    /// A built-in scenario.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        builtin::scenario(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_follow_from_the_seed_and_come_in_their_shares() {
        let mix = Scenario::builtin("mix").expect("a built-in scenario");
        let roles = |seed| (0..400).map(|bot| mix.role(seed, bot).name.clone()).collect::<Vec<_>>();
        assert_eq!(roles(1), roles(1));
        assert_ne!(roles(1), roles(2));
        let total: u32 = mix.roles.iter().map(|role| role.share).sum();
        for role in &mix.roles {
            let count = roles(1).iter().filter(|name| **name == role.name).count();
            let want = 400 * role.share as usize / total as usize;
            assert!(count.abs_diff(want) < 60, "{count} bots are {}, about {want} were expected", role.name);
        }
    }
}
