//! Decided segments, kept beyond their life in the journal: [`Archive`].
//!
//! With them a database restored from an old backup can be rolled forward: put the segments back into the journal's folder
//! and start. One folder per log. Bounded by age and by size, oldest first. Knows no format.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Where decided segments go, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The folder, created if it is missing. Another volume than the journal's survives the loss of that one.
    pub dir: PathBuf,
    /// A segment older than this is removed.
    pub keep_for: Duration,
    /// The oldest segments beyond this many bytes are removed.
    pub keep_bytes: u64,
}

struct Kept {
    path: PathBuf,
    bytes: u64,
    age: Duration,
}

impl Archive {
    /// Copies a file into the folder of its log, durably, then removes what is beyond the bounds. A copy that is there
    /// already is replaced.
    pub(super) fn keep(&self, file: &Path, folder: &str) -> io::Result<()> {
        let dir = self.dir.join(folder);
        super::dir::create_durably(&dir)?;
        let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let (target, temporary) = (dir.join(name), dir.join(name).with_extension("tmp"));
        std::fs::copy(file, &temporary)?;
        File::open(&temporary)?.sync_all()?;
        std::fs::rename(&temporary, &target)?;
        File::open(&dir)?.sync_all()?;
        self.prune(&dir, &target)
    }

    /// Removes the oldest segments beyond the bounds; never the one just kept.
    fn prune(&self, dir: &Path, newest: &Path) -> io::Result<()> {
        let mut kept = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "wal") {
                let metadata = std::fs::metadata(&path)?;
                kept.push(Kept { path, bytes: metadata.len(), age: age(metadata.modified()?) });
            }
        }
        // Names are sequences in hex of fixed width: their order is the order of age.
        kept.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let mut bytes: u64 = kept.iter().map(|kept| kept.bytes).sum();
        for old in kept {
            if old.path == newest || (old.age <= self.keep_for && bytes <= self.keep_bytes) {
                break;
            }
            std::fs::remove_file(&old.path)?;
            bytes -= old.bytes;
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "how old a file is, is a question to the calendar")]
fn age(modified: SystemTime) -> Duration {
    SystemTime::now().duration_since(modified).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_within_its_bounds() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let archive =
            Archive { dir: folder.path().join("kept"), keep_for: Duration::from_secs(3600), keep_bytes: 2_500 };
        for number in 1..=4 {
            let file = folder.path().join(format!("000000000000000{number}.wal"));
            std::fs::write(&file, vec![number; 1_000]).expect("writable");
            archive.keep(&file, "log").expect("room");
        }
        let mut names: Vec<_> = std::fs::read_dir(folder.path().join("kept/log"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        assert_eq!(names, ["0000000000000003.wal", "0000000000000004.wal"]);

        let aged = Archive { keep_for: Duration::ZERO, ..archive };
        aged.keep(&folder.path().join("0000000000000004.wal"), "log").expect("room");
        assert_eq!(std::fs::read_dir(folder.path().join("kept/log")).expect("a folder").count(), 1);
    }
}
