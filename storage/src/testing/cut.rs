//! A proxy between a client and a private PostgreSQL that loses a commit on the way: the request, the reply, or neither but
//! late. For tests and for the crash harness; it knows the wire format of a simple query and nothing else.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::PrivatePostgres;

/// What becomes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The server commits, the client never hears of it.
    Reply,
    /// The server never hears of it: its session ends and the transaction with it.
    Request,
    /// The client's side ends at once; the server gets the commit only after a client has come back and begun anew.
    DeliverLate,
}

/// What the connections of a proxy share.
#[derive(Debug, Default)]
struct Shared {
    plan: Mutex<Option<Cut>>,
    begun_again: Mutex<bool>,
    changed: Condvar,
    cuts: AtomicU64,
}

/// A listening proxy. Its thread ends with the process; connections end with either side.
#[derive(Debug)]
pub struct CutProxy {
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
}

impl CutProxy {
    /// Listens in a folder of its own and passes everything on to `server`, also after that was killed and came back.
    ///
    /// # Panics
    ///
    /// If no socket can be made there.
    #[must_use]
    pub fn before(server: &PrivatePostgres) -> Self {
        let folder = tempfile::Builder::new().prefix("mu-cut-").tempdir().expect("a temporary folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("the folder is empty");
        let shared = Arc::<Shared>::default();
        let (to, of_thread) = (server.socket(), Arc::clone(&shared));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                connect(client, &to, &of_thread);
            }
        });
        Self { folder, shared }
    }

    /// The address for [`crate::store::open`].
    #[must_use]
    pub fn url(&self) -> String {
        PrivatePostgres::url_in(self.folder.path())
    }

    /// The next commit on any connection meets this fate; later ones pass.
    pub fn cut_next(&self, cut: Cut) {
        *locked(&self.shared.begun_again) = false;
        *locked(&self.shared.plan) = Some(cut);
    }

    /// Commits cut so far.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Relaxed)
    }
}

/// A thread that died while holding the lock left a whole value behind: each is written at once.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Joins a client to the server with a thread for each direction. Without a server the client's side ends.
fn connect(client: UnixStream, to: &Path, shared: &Arc<Shared>) {
    let Ok(server) = UnixStream::connect(to) else { return };
    let (Ok(mut from_server), Ok(mut to_client)) = (server.try_clone(), client.try_clone()) else { return };
    std::thread::spawn(move || {
        let _ended = std::io::copy(&mut from_server, &mut to_client);
        let _gone = to_client.shutdown(Shutdown::Both);
    });
    let shared = Arc::clone(shared);
    std::thread::spawn(move || forward(client, server, &shared));
}

/// Passes on what the client says until its commit meets a plan. The client waits for each answer, so that a commit is
/// alone in what is read.
fn forward(mut client: UnixStream, mut server: UnixStream, shared: &Shared) {
    let mut buffer = [0; 65_536];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let Some(said) = buffer.get(..read) else { break };
        if said.starts_with(b"Q") && said.windows(6).any(|word| word == b"BEGIN ") {
            *locked(&shared.begun_again) = true;
            shared.changed.notify_all();
        }
        let is_commit = said.starts_with(b"Q") && said.windows(7).any(|word| word == b"COMMIT\0");
        let cut = if is_commit { locked(&shared.plan).take() } else { None };
        let Some(cut) = cut else {
            if server.write_all(said).is_err() {
                break;
            }
            continue;
        };
        shared.cuts.fetch_add(1, Relaxed);
        match cut {
            Cut::Reply => return drop_reply(&client, server, said),
            Cut::Request => break,
            Cut::DeliverLate => return deliver_late(&client, server, said, shared),
        }
    }
    let _gone = client.shutdown(Shutdown::Both);
    let _gone = server.shutdown(Shutdown::Both);
}

/// Ends the client's side first, then lets the server commit and waits until it has: it closes after a last word.
fn drop_reply(client: &UnixStream, mut server: UnixStream, commit: &[u8]) {
    let _gone = client.shutdown(Shutdown::Both);
    let _gone = server.write_all(commit);
    let _gone = server.write_all(&[b'X', 0, 0, 0, 4]);
}

fn deliver_late(client: &UnixStream, mut server: UnixStream, commit: &[u8], shared: &Shared) {
    let _gone = client.shutdown(Shutdown::Both);
    let begun = locked(&shared.begun_again);
    drop(shared.changed.wait_while(begun, |begun| !*begun).unwrap_or_else(PoisonError::into_inner));
    let _gone = server.write_all(commit);
    // Nothing more is said; the server ends the session when it sees the end of the stream.
    let _gone = server.shutdown(Shutdown::Write);
}
