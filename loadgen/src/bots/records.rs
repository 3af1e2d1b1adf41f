//! Files for those who check the server afterwards: what bots were told of their trades, where they last stood, and the keys of
//! their connections.
//!
//! One JSON object or key log entry a line, handed to the kernel as it happens, so that nothing told is missing after a kill.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::trade::{Ended, Told};
use crate::clock::unix_micros;

/// The files of a run; copies write to the same ones.
#[derive(Clone)]
pub struct Records {
    trades: Option<Arc<Mutex<File>>>,
    standing: Option<Arc<Mutex<File>>>,
    keys: Option<Arc<Mutex<File>>>,
    /// Character of each bot, 0 until known.
    characters: Arc<[AtomicU64]>,
}

#[derive(Serialize)]
struct TradeLine<'a> {
    event_id: String,
    told: &'static str,
    at_us: u64,
    a: u64,
    b: u64,
    items: &'a [u64],
    zen: u64,
    items_back: &'a [u64],
    zen_back: u64,
}

#[derive(Serialize)]
struct StandingLine {
    character: u64,
    map: u16,
    x: u16,
    y: u16,
}

impl Records {
    /// Opens the files that are wanted.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn create(
        bots: usize,
        trades: Option<&Path>,
        standing: Option<&Path>,
        keys: Option<&Path>,
    ) -> io::Result<Self> {
        let open = |path: &Path| File::create(path).map(|file| Arc::new(Mutex::new(file)));
        // Whoever reads this file can read the connections: nobody but its owner.
        let secret = |path: &Path| {
            let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
            file.map(|file| Arc::new(Mutex::new(file)))
        };
        Ok(Self {
            trades: trades.map(open).transpose()?,
            standing: standing.map(open).transpose()?,
            keys: keys.map(secret).transpose()?,
            characters: (0..bots).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    pub(super) fn character_known(&self, bot: usize, character: u64) {
        self.characters[bot].store(character, Ordering::Relaxed);
    }

    fn character(&self, bot: Option<usize>) -> u64 {
        bot.and_then(|bot| self.characters.get(bot)).map_or(0, |character| character.load(Ordering::Relaxed))
    }

    /// Writes what a bot was told: `a` is its character and gave `items` and `zen`, `b` its partner's and gave the `_back` ones.
    pub(super) fn trade(&self, bot: usize, ended: &Ended) {
        let Some(file) = &self.trades else { return };
        let told = match ended.told {
            Told::Success => "success",
            Told::Failed => "failed",
            Told::Unknown => "unknown",
        };
        let table = &ended.table;
        let line = TradeLine {
            event_id: format!("{:032x}", ended.event),
            told,
            at_us: unix_micros(),
            a: self.character(Some(bot)),
            b: self.character(table.partner),
            items: table.given.items(),
            zen: table.given.zen,
            items_back: table.taken.items(),
            zen_back: table.taken.zen,
        };
        write_line(file, &line);
    }

    /// Writes where a bot's own entity last stood, in 1/256 tiles.
    pub(super) fn standing(&self, bot: usize, map: u16, x: u16, y: u16) {
        if let Some(file) = &self.standing {
            write_line(file, &StandingLine { character: self.character(Some(bot)), map, x, y });
        }
    }

    /// Whether connections shall tell their keys.
    pub(super) const fn wants_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Writes a line of the key log.
    pub(super) fn key_line(&self, line: &str) {
        if let Some(file) = &self.keys {
            write_whole(file, format!("{line}\n").as_bytes());
        }
    }
}

fn write_line(file: &Mutex<File>, line: &impl Serialize) {
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    write_whole(file, &text);
}

fn write_whole(file: &Mutex<File>, text: &[u8]) {
    // One write a line: a line is there whole or not at all.
    if let Err(error) = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(text) {
        log::error!("a record cannot be written: {error}");
    }
}
