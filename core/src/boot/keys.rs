//! The host's secrets in one file: made at the first start, refused when others may read it.
//!
//! `master` seals route tokens and derives the server's static key (`docs/protocol.md`); `session` signs HTTP tokens.
//! Losing the file ends all sessions and nothing else.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};

/// The host's two secrets.
pub struct Keys {
    /// Root of all protocol keys.
    pub master: [u8; 32],
    /// Signs session tokens.
    pub session: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys { .. }")
    }
}

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Reading or writing failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else may read it.
    #[error("{path}: mode {mode:03o} lets others read the host's secrets; allowed is 600: chmod 600 {path}", path = path.display())]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not two lines of `name = 64 hex digits`.
    #[error("{path}: expected the two lines `master = <64 hex digits>` and `session = <64 hex digits>`", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("the system's random generator failed")]
    Random,
}

/// Reads the key file.
///
/// # Errors
/// See [`KeyError`].
pub fn load(path: &Path) -> Result<Keys, KeyError> {
    let io_error = |source| KeyError::Io { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(io_error)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Readable { path: path.to_owned(), mode });
    }
    let text = fs::read_to_string(path).map_err(io_error)?;
    parse(&text).ok_or_else(|| KeyError::Malformed { path: path.to_owned() })
}

/// Reads the key file, or makes it with fresh secrets if there is none.
///
/// # Errors
/// See [`KeyError`].
pub fn load_or_create(path: &Path) -> Result<Keys, KeyError> {
    match load(path) {
        Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => create(path),
        loaded => loaded,
    }
}

fn create(path: &Path) -> Result<Keys, KeyError> {
    let io_error = |source| KeyError::Io { path: path.to_owned(), source };
    let random = SystemRandom::new();
    let mut keys = Keys { master: [0; 32], session: [0; 32] };
    random.fill(&mut keys.master).map_err(|_unspecified| KeyError::Random)?;
    random.fill(&mut keys.session).map_err(|_unspecified| KeyError::Random)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io_error)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io_error)?;
    file.write_all(format!("master = {}\nsession = {}\n", hex(&keys.master), hex(&keys.session)).as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(io_error)?;
    Ok(keys)
}

fn parse(text: &str) -> Option<Keys> {
    let mut keys = Keys { master: [0; 32], session: [0; 32] };
    let (mut master, mut session) = (false, false);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line.split_once('=')?;
        let (slot, seen) = match name.trim() {
            "master" => (&mut keys.master, &mut master),
            "session" => (&mut keys.session, &mut session),
            _ => return None,
        };
        *slot = unhex(value.trim())?;
        *seen = true;
    }
    (master && session).then_some(keys)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_then_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/keys");
        let made = load_or_create(&path).unwrap();
        let read = load_or_create(&path).unwrap();
        assert_eq!((made.master, made.session), (read.master, read.session));
        assert_ne!(made.master, made.session);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_not_there_is_not_made_by_reading() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        assert!(matches!(load(&path), Err(KeyError::Io { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn refused_when_others_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = load_or_create(&path).unwrap_err().to_string();
        assert!(refused.contains("mode 644") && refused.contains("chmod 600"), "{refused}");
    }

    #[test]
    fn refused_when_malformed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        for text in ["", "master = 00", "master = zz", "other = 1"] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(load_or_create(&path), Err(KeyError::Malformed { .. })), "{text:?}");
        }
    }
}
