//! The file of what stands beside the journal: one JSON value per line, `account`, `sequence` or `hot`.

use std::fs;
use std::path::Path;

use mu_storage::beside::{Beside, StoredAccount};
use mu_storage::ids::{AccountId, CharacterId};
use mu_storage::store::HotRow;
use serde::{Deserialize, Serialize};

use super::catalog::write_through;
use super::{BackupError, file_error};

/// The file's name inside a backup.
pub(super) const FILE: &str = "world";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Account {
        id: i64,
        name: String,
        password: String,
        generation: i64,
        created_us: i64,
    },
    Sequence {
        id: i64,
        next: i64,
    },
    Hot {
        character: i64,
        epoch: i64,
        version: i64,
        map: i32,
        entry: i32,
        x: i32,
        y: i32,
        heading: i32,
        hp: i32,
        mp: i32,
    },
}

pub(super) fn write(folder: &Path, beside: &Beside) -> Result<(), BackupError> {
    let path = folder.join(FILE);
    let accounts = beside.accounts.iter().map(|a| Line::Account {
        id: a.id.0,
        name: a.name.clone(),
        password: a.password.clone(),
        generation: a.generation,
        created_us: a.created_us,
    });
    let sequences = beside.sequences.iter().map(|&(id, next)| Line::Sequence { id, next });
    let hot = beside.hot.iter().map(|h| Line::Hot {
        character: h.character.0,
        epoch: h.owner_epoch,
        version: h.version,
        map: h.map,
        entry: h.entry,
        x: h.x,
        y: h.y,
        heading: h.heading,
        hp: h.hp,
        mp: h.mp,
    });
    let mut text = Vec::new();
    for line in accounts.chain(sequences).chain(hot) {
        serde_json::to_writer(&mut text, &line).map_err(|error| file_error(&path, "write")(error.into()))?;
        text.push(b'\n');
    }
    write_through(&path, &text).map_err(file_error(&path, "write"))
}

pub(super) fn read(folder: &Path) -> Result<Beside, BackupError> {
    let path = folder.join(FILE);
    let text = fs::read_to_string(&path).map_err(file_error(&path, "read"))?;
    let mut beside = Beside::default();
    for line in text.lines() {
        let line: Line = serde_json::from_str(line)
            .map_err(|error| BackupError::Damaged { path: path.clone(), problem: error.to_string() })?;
        match line {
            Line::Account { id, name, password, generation, created_us } => {
                beside.accounts.push(StoredAccount { id: AccountId(id), name, password, generation, created_us });
            }
            Line::Sequence { id, next } => beside.sequences.push((id, next)),
            Line::Hot { character, epoch, version, map, entry, x, y, heading, hp, mp } => {
                let character = CharacterId(character);
                beside.hot.push(HotRow { character, owner_epoch: epoch, version, map, entry, x, y, heading, hp, mp });
            }
        }
    }
    Ok(beside)
}
