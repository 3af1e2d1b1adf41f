//! The sum of everything of value, read when nothing is under way.

use std::time::Duration;

use crate::figures::EconomySection;
use crate::gateway::{Economy, Gateway};

/// Between two tries, and how many.
const TRIES: (Duration, u32) = (Duration::from_millis(100), 200);

/// The books at one moment; `None` when the server does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Books(pub Option<Economy>);

impl Books {
    /// Reads the books once nothing is pending. Gives up after a while and takes what there is.
    #[must_use]
    pub fn read(gateway: &Gateway, hurried: impl Fn() -> bool) -> Self {
        let mut last = None;
        for _ in 0..TRIES.1 {
            match gateway.economy() {
                Ok(economy) if economy.pending == 0 => return Self(Some(economy)),
                Ok(economy) => last = Some(economy),
                Err(error) if error.status() == 403 || error.status() == 404 => {
                    log::warn!("the economy is not told: {error}");
                    return Self(None);
                }
                Err(error) => log::debug!("the economy cannot be read now: {error}"),
            }
            if hurried() {
                break;
            }
            std::thread::park_timeout(TRIES.0);
        }
        if last.is_some() {
            log::warn!("value events stayed undecided; the economy is read as it is");
        }
        Self(last)
    }

    /// Section `economy` of the report.
    #[must_use]
    pub fn section(before: Self, after: Self) -> EconomySection {
        let (Self(before), Self(after)) = (before, after);
        EconomySection {
            zen_before: before.map(|books| books.zen_players),
            zen_after: after.map(|books| books.zen_players),
            items_before: before.map(|books| books.items_live),
            items_after: after.map(|books| books.items_live),
            conserved: before.zip(after).map(|(before, after)| after.conserves(&before)),
        }
    }
}
