//! The backups in a folder: their names, manifests and checksums. A backup appears under its name only when it is complete and on
//! the disk.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use mu_wal::Lsn;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::{BackupError, file_error};

const MANIFEST: &str = "manifest.json";
const UNFINISHED: &str = ".making-";
const MARKS: &str = "marks";

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The whole store.
    Full,
    /// The journal behind the backup before it, and what stands beside it.
    Incremental,
    /// What stands beside the journal.
    World,
}

impl Kind {
    /// Its word in names and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Incremental => "incremental",
            Self::World => "world",
        }
    }
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this format: 1.
    pub schema: u32,
    /// What it holds.
    pub kind: Kind,
    /// When it was begun, in microseconds since 1970.
    pub created_us: i64,
    /// The program that made it.
    pub build: String,
    /// Full: `sqlite` or `postgres`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// Full: every journal the store knows, 32 hex digits, and the position it had decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<(String, u64)>,
    /// Incremental: the journal, the first position it adds, and the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<(String, u64, u64)>,
    /// Every file, by its path inside the backup.
    pub files: Vec<FileEntry>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path inside the backup.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
}

/// A complete backup.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Its folder.
    pub path: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
}

impl Backup {
    /// Its folder's name.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// The bytes of its files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.manifest.files.iter().map(|file| file.bytes).sum()
    }
}

/// A folder of backups.
#[derive(Debug, Clone)]
pub struct Catalog {
    folder: PathBuf,
}

impl Catalog {
    /// The folder, made if it is not there, readable by its owner only: backups hold password hashes.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn create(folder: &Path) -> Result<Self, BackupError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(file_error(folder, "make the folder"))?;
        Self::open(folder)
    }

    /// An existing folder.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn open(folder: &Path) -> Result<Self, BackupError> {
        fs::read_dir(folder).map_err(file_error(folder, "read the folder"))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where it is, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        self.folder.display().to_string()
    }

    /// Every complete backup, oldest first.
    ///
    /// # Errors
    /// A manifest that cannot be read: the folder is named, and can be moved away.
    pub fn list(&self) -> Result<Vec<Backup>, BackupError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(file_error(&self.folder, "list"))? {
            let path = entry.map_err(file_error(&self.folder, "list"))?.path();
            let named = [Kind::Full, Kind::Incremental, Kind::World].iter().any(|kind| {
                let name = path.file_name().and_then(|name| name.to_str());
                name.and_then(|name| name.strip_prefix(kind.word())).is_some_and(|rest| rest.starts_with('-'))
            });
            if named {
                let text = fs::read(path.join(MANIFEST)).map_err(file_error(&path, "read the manifest"))?;
                let manifest: Manifest = serde_json::from_slice(&text)
                    .map_err(|error| BackupError::Damaged { path: path.join(MANIFEST), problem: error.to_string() })?;
                found.push(Backup { path, manifest });
            }
        }
        found.sort_by_key(|backup| (backup.manifest.created_us, backup.manifest.kind));
        Ok(found)
    }

    /// The newest of a kind.
    ///
    /// # Errors
    /// As [`Catalog::list`].
    pub fn newest(&self, kind: Kind) -> Result<Option<Backup>, BackupError> {
        Ok(self.list()?.into_iter().rfind(|backup| backup.manifest.kind == kind))
    }

    /// A folder to fill, which is no backup yet.
    pub(super) fn begin(&self, kind: Kind, now_us: i64) -> Result<PathBuf, BackupError> {
        let path = self.folder.join(format!("{UNFINISHED}{}-{now_us:016}", kind.word()));
        fs::create_dir(&path).map_err(file_error(&path, "make the folder"))?;
        Ok(path)
    }

    /// Makes a filled folder a backup: checksums, manifest, everything on the disk, and only then the name.
    pub(super) fn finish(&self, draft: &Path, mut manifest: Manifest) -> Result<Backup, BackupError> {
        manifest.files = files(draft, draft)?;
        let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::other);
        let target = draft.join(MANIFEST);
        text.and_then(|text| write_through(&target, &text)).map_err(file_error(&target, "write"))?;
        let path = self.folder.join(format!("{}-{:016}", manifest.kind.word(), manifest.created_us));
        sync(draft)
            .and_then(|()| fs::rename(draft, &path))
            .and_then(|()| sync(&self.folder))
            .map_err(file_error(&path, "name the backup"))?;
        Ok(Backup { path, manifest })
    }

    /// Removes what an interrupted backup left.
    ///
    /// # Errors
    /// [`BackupError::File`].
    pub fn sweep(&self) -> Result<(), BackupError> {
        for entry in fs::read_dir(&self.folder).map_err(file_error(&self.folder, "list"))? {
            let entry = entry.map_err(file_error(&self.folder, "list"))?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                let path = entry.path();
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(file_error(&path, "remove"))?;
            }
        }
        Ok(())
    }

    /// Removes a backup: its name first, so that half a backup is never taken for one.
    pub(super) fn remove(&self, backup: &Backup) -> Result<(), BackupError> {
        let gone = self.folder.join(format!("{UNFINISHED}{}", backup.name()));
        fs::rename(&backup.path, &gone)
            .and_then(|()| fs::remove_dir_all(&gone))
            .map_err(file_error(&backup.path, "remove"))
    }

    /// Notes that at this moment everything up to `durable` was durable.
    pub(super) fn mark(&self, at_us: i64, durable: Lsn) -> Result<(), BackupError> {
        use io::Write as _;
        let path = self.folder.join(MARKS);
        let mut file = File::options().append(true).create(true).open(&path).map_err(file_error(&path, "open"))?;
        writeln!(file, "{at_us} {}", durable.0).map_err(file_error(&path, "write"))
    }

    /// Drops the marks of moments that no backup reaches any more.
    pub(super) fn forget_marks_before(&self, at_us: i64) -> Result<(), BackupError> {
        let (path, part) = (self.folder.join(MARKS), self.folder.join(format!("{UNFINISHED}{MARKS}")));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(file_error(&path, "read")(error)),
        };
        let kept = text.lines().filter(|line| {
            line.split_once(' ').and_then(|(at, _)| at.parse::<i64>().ok()).is_some_and(|at| at >= at_us)
        });
        let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
        write_through(&part, kept.as_bytes())
            .and_then(|()| fs::rename(&part, &path))
            .map_err(file_error(&path, "shorten"))
    }

    /// The newest position known to have been durable at that moment; `None` if nothing is known so early.
    pub(super) fn durable_at(&self, at_us: i64) -> Result<Option<Lsn>, BackupError> {
        let path = self.folder.join(MARKS);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file_error(&path, "read")(error)),
        };
        let marks = text.lines().filter_map(|line| {
            let (at, lsn) = line.split_once(' ')?;
            Some((at.parse::<i64>().ok()?, lsn.parse::<u64>().ok()?))
        });
        Ok(marks.filter(|(at, _)| *at <= at_us).map(|(_, lsn)| Lsn(lsn)).max())
    }
}

/// Compares a backup's files with its manifest.
pub(super) fn check_files(backup: &Backup) -> Result<(), BackupError> {
    for file in &backup.manifest.files {
        let path = backup.path.join(&file.path);
        let (bytes, sha256) = digest(&path).map_err(file_error(&path, "read"))?;
        if (bytes, &sha256) != (file.bytes, &file.sha256) {
            let problem =
                format!("{bytes} bytes with SHA-256 {sha256}; the manifest says {} and {}", file.bytes, file.sha256);
            return Err(BackupError::Damaged { path, problem });
        }
    }
    Ok(())
}

/// Writes a whole file through to the disk.
pub(super) fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Every file below `folder`, each synced.
fn files(root: &Path, folder: &Path) -> Result<Vec<FileEntry>, BackupError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(file_error(folder, "list"))? {
        let path = entry.map_err(file_error(folder, "list"))?.path();
        if path.is_dir() {
            found.extend(files(root, &path)?);
            continue;
        }
        sync(&path).map_err(file_error(&path, "sync"))?;
        let (bytes, sha256) = digest(&path).map_err(file_error(&path, "read"))?;
        let inside = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        found.push(FileEntry { path: inside, bytes, sha256 });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hash = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok((bytes, hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()))
}
