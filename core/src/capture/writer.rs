//! The thread that writes captures: one file for each shard, made at the start and readable by its owner alone.
//!
//! A file that cannot be written is given up: its shard is told and records no more. The others go on.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::mpsc::{Receiver, channel};

use super::{Ended, Link, Outlet, Piece, Shared};

/// Why recording cannot begin.
#[derive(Debug, thiserror::Error)]
#[error("net.capture: {path}: {source}", path = path.display())]
pub struct CaptureError {
    path: PathBuf,
    source: io::Error,
}

/// The open files, on their way to the thread that writes them.
#[derive(Debug)]
pub struct CaptureFiles {
    files: Vec<Open>,
    pieces: Receiver<Piece>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    shared: Arc<Shared>,
    bytes: u64,
}

/// Makes a file for each of `shards` shards in `folder`, and an outlet for each. A file takes `most` bytes; the start's number
/// `boot` is in its name.
///
/// # Errors
/// When the folder or a file cannot be made, or a file of this name is there.
pub fn open(folder: &Path, boot: u32, shards: usize, most: u64) -> Result<(CaptureFiles, Vec<Outlet>), CaptureError> {
    let failed = |path: &Path, source| CaptureError { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|source| failed(folder, source))?;
    let (to, pieces) = channel();
    let (mut files, mut outlets) = (Vec::with_capacity(shards), Vec::with_capacity(shards));
    for number in 0..shards {
        let path = folder.join(format!("start-{boot}-shard-{number}.mucap"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|source| failed(&path, source))?;
        let shared = Arc::new(Shared::default());
        outlets.push(Outlet::new(Link { file: number, pieces: to.clone(), shared: Arc::clone(&shared) }, most));
        files.push(Open { path, file, shared, bytes: 0 });
    }
    Ok((CaptureFiles { files, pieces }, outlets))
}

impl CaptureFiles {
    /// Writes until every shard is over.
    pub fn run(mut self) {
        for file in &self.files {
            log::warn!(
                "the protocol of a shard is recorded to {}; it is as secret as what it says",
                file.path.display()
            );
        }
        while let Ok(piece) = self.pieces.recv() {
            match piece {
                Piece::Bytes(number, bytes) => {
                    if let Some(file) = self.files.get_mut(number) {
                        file.append(&bytes);
                    }
                }
                Piece::End(number, why) => {
                    if let Some(file) = self.files.get(number) {
                        let why = match why {
                            Ended::Full => "it holds as much as net.capture_mib allows",
                            Ended::Slow => "the disk is slower than the shard",
                            Ended::Failed => "it cannot be written",
                        };
                        log::warn!("{} ends after {} bytes: {why}", file.path.display(), file.bytes);
                    }
                }
            }
        }
        for file in &self.files {
            if let Err(error) = file.file.sync_all() {
                log::warn!("{}: {error}", file.path.display());
            }
        }
    }
}

impl Open {
    fn append(&mut self, bytes: &[u8]) {
        if !self.shared.failed.load(Relaxed) {
            match self.file.write_all(bytes) {
                Ok(()) => self.bytes += bytes.len() as u64,
                Err(error) => {
                    log::warn!("{}: {error}", self.path.display());
                    self.shared.failed.store(true, Relaxed);
                }
            }
        }
        self.shared.waiting.fetch_sub(bytes.len() as u64, Release);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use mu_wire::capture::{RecordedServer, ServerReplay};
    use mu_wire::{HostKeys, ServerConfig, Time};

    use super::*;

    #[test]
    fn each_shard_has_a_file_of_its_own_that_only_its_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("deep/captures");
        let (files, outlets) = open(&folder, 7, 2, u64::MAX).unwrap();
        let keys = HostKeys::from_master(&[3; 32], 1);
        let config = ServerConfig { max_connections: 4, max_half_open: 4, ..ServerConfig::default() };
        for (mut outlet, seed) in outlets.into_iter().zip([[1; 32], [2; 32]]) {
            let mut server = RecordedServer::recorded(config.clone(), &keys, seed, usize::MAX);
            outlet.step(Time::from_micros(5), &mut server);
            outlet.finish(&mut server);
        }
        files.run();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        for number in 0..2 {
            let path = folder.join(format!("start-7-shard-{number}.mucap"));
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let file = std::fs::read(&path).unwrap();
            assert!(ServerReplay::new(&file, &keys).unwrap().run(&mut |_| {}).unwrap().finished);
        }
        let again = open(&folder, 7, 1, 1).unwrap_err().to_string();
        assert!(again.contains("net.capture") && again.contains("start-7-shard-0.mucap"), "{again}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_given_up_and_its_shard_told() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, outlets) = open(folder.path(), 1, 1, u64::MAX).unwrap();
        // Opened for reading only: every write fails.
        files.files[0].file = File::open(&files.files[0].path).unwrap();
        let shared = Arc::clone(&files.files[0].shared);
        let keys = HostKeys::from_master(&[3; 32], 1);
        let mut server = RecordedServer::recorded(ServerConfig::default(), &keys, [1; 32], usize::MAX);
        for mut outlet in outlets {
            outlet.finish(&mut server);
        }
        files.run();
        assert!(shared.failed.load(Relaxed));
        assert_eq!(shared.waiting.load(Relaxed), 0);
    }
}
