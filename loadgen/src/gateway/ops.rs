//! The operations paths: the server's own figures and the sum of everything of value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::http::{Gateway, HttpError};

/// Sums over all players.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Economy {
    /// Zen owned by players: carried, stored, inside parcels and in standing bids.
    pub zen_players: i64,
    /// Items that exist.
    pub items_live: i64,
    /// Zen made since the store began.
    pub zen_minted: i64,
    /// Zen destroyed since the store began.
    #[serde(default)]
    pub zen_burned: i64,
    /// Items made since the store began.
    pub items_minted: i64,
    /// Items destroyed since the store began.
    pub items_burned: i64,
    /// Value events that are not decided yet.
    pub pending: u64,
}

impl Economy {
    /// Whether what is there now is what was there before, plus what was made, minus what was destroyed.
    #[must_use]
    pub fn conserves(&self, before: &Self) -> bool {
        let zen_made = (self.zen_minted - before.zen_minted) - (self.zen_burned - before.zen_burned);
        let items_made = (self.items_minted - before.items_minted) - (self.items_burned - before.items_burned);
        self.zen_players - before.zen_players == zen_made && self.items_live - before.items_live == items_made
    }
}

/// The server's own figures at one moment.
#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    /// Which build answers.
    #[serde(default)]
    pub build: Value,
    /// What runs its shards.
    #[serde(default)]
    pub runtime: Value,
    /// Ticks done since its start, over all shards.
    pub ticks: u64,
    /// Ticks left out since its start.
    pub ticks_skipped: u64,
    /// Resident memory.
    pub rss_bytes: u64,
    /// Processor time since its start.
    pub cpu_seconds: f64,
    /// Duration of ticks, base64 of an `HdrHistogram` V2, in microseconds.
    pub tick_hist: String,
    /// Lateness of steps, the same.
    pub lateness_hist: String,
    /// Each shard.
    #[serde(default)]
    pub shards: Vec<ShardStatus>,
}

/// One shard's figures, as the server gives them.
pub type ShardStatus = Map<String, Value>;

impl Gateway {
    /// The sum of everything of value.
    ///
    /// # Errors
    /// [`HttpError`]; 403 when this host may not ask.
    pub fn economy(&self) -> Result<Economy, HttpError> {
        self.ops("/v1/ops/economy")
    }

    /// The server's own figures.
    ///
    /// # Errors
    /// [`HttpError`]; 403 when this host may not ask.
    pub fn status(&self) -> Result<Status, HttpError> {
        self.ops("/v1/ops/status")
    }
}

impl Status {
    /// The duration of ticks, if it can be read.
    #[must_use]
    pub fn tick_durations(&self) -> Option<Histogram<u64>> {
        decode(&self.tick_hist)
    }

    /// The lateness of steps, if it can be read.
    #[must_use]
    pub fn lateness(&self) -> Option<Histogram<u64>> {
        decode(&self.lateness_hist)
    }
}

fn decode(text: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(text).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_minted_in_between_is_no_loss() {
        let before = Economy {
            zen_players: 100,
            items_live: 6,
            zen_minted: 100,
            zen_burned: 0,
            items_minted: 6,
            items_burned: 0,
            pending: 0,
        };
        let grown = Economy {
            zen_players: 140,
            items_live: 11,
            zen_minted: 150,
            zen_burned: 10,
            items_minted: 12,
            items_burned: 1,
            ..before
        };
        assert!(grown.conserves(&before));
        assert!(!Economy { zen_players: 139, ..grown }.conserves(&before), "one zen is missing");
        assert!(!Economy { items_live: 12, ..grown }.conserves(&before), "one item is there twice");
    }
}
