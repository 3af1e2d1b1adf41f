//! The reply to a commit is lost on the way: through a proxy between the applier and a private PostgreSQL.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

use mu_storage::error::StoreError;
use mu_storage::ids::Lsn;
use mu_storage::store::{Entry, Outcome, Role, open};
use mu_storage::testing::PrivatePostgres;

use crate::stores::{Applier, Database, LOG, trade};

/// What the proxy does with the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    Pass,
    /// The server commits, the client never hears of it.
    DropReply,
    /// The server never hears of it: its session ends and the transaction with it.
    DropRequest,
    /// The client's side ends at once; the server gets the commit only after the client has come back and begun anew.
    DeliverLate,
}

/// What the connections of a proxy share.
#[derive(Default)]
struct Shared {
    plan: Mutex<Option<Plan>>,
    begun_again: Mutex<bool>,
    changed: Condvar,
}

struct Proxy {
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
}

impl Proxy {
    fn before(server: &PrivatePostgres) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let shared = Arc::<Shared>::default();
        let (to, of_thread) = (server.socket(), Arc::clone(&shared));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                connect(client, &to, &of_thread);
            }
        });
        Self { folder, shared }
    }

    fn url(&self) -> String {
        PrivatePostgres::url_in(self.folder.path())
    }

    fn plan(&self, plan: Plan) {
        *self.shared.plan.lock().unwrap() = Some(plan);
        *self.shared.begun_again.lock().unwrap() = false;
    }
}

/// Joins a client to the server with a thread for each direction.
fn connect(client: UnixStream, to: &PathBuf, shared: &Arc<Shared>) {
    let Ok(server) = UnixStream::connect(to) else { return };
    let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let shared = Arc::clone(shared);
    std::thread::spawn(move || forward(client, server, &shared));
}

/// Passes on what the client says until its commit meets a plan. The client waits for each answer, so that a commit is
/// alone in what is read.
fn forward(mut client: UnixStream, mut server: UnixStream, shared: &Shared) {
    let mut buffer = [0; 65_536];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let said = &buffer[..read];
        if said.starts_with(b"Q") && said.windows(6).any(|word| word == b"BEGIN ") {
            *shared.begun_again.lock().unwrap() = true;
            shared.changed.notify_all();
        }
        let is_commit = said.starts_with(b"Q") && said.windows(7).any(|word| word == b"COMMIT\0");
        let plan = if is_commit { shared.plan.lock().unwrap().take().unwrap_or(Plan::Pass) } else { Plan::Pass };
        match plan {
            Plan::Pass => {
                if server.write_all(said).is_err() {
                    break;
                }
            }
            Plan::DropReply => return drop_reply(&client, server, said),
            Plan::DropRequest => break,
            Plan::DeliverLate => {
                let _ = client.shutdown(Shutdown::Both);
                let begun = shared.begun_again.lock().unwrap();
                drop(shared.changed.wait_while(begun, |begun| !*begun).unwrap());
                let _ = server.write_all(said);
                // Nothing more is said; the server ends the session when it sees the end of the stream.
                let _ = server.shutdown(Shutdown::Write);
                return;
            }
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// Ends the client's side first, then lets the server commit and waits until it has: it closes after a last word.
fn drop_reply(client: &UnixStream, mut server: UnixStream, commit: &[u8]) {
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.write_all(commit);
    let _ = server.write_all(&[b'X', 0, 0, 0, 4]);
}

/// One batch whose commit meets `plan`, then the same batch again.
fn ask_again_after(plan: Plan) {
    let database = Database::postgres();
    let Database::Postgres(server) = &database else { unreachable!("made above") };
    let mut direct = Applier::new(&database);
    direct.player(1, 100, &[]);
    direct.player(2, 0, &[]);

    let proxy = Proxy::before(server);
    let mut store = open(&proxy.url(), Role::Applier).unwrap();
    assert_eq!(store.fence(LOG).unwrap().applied, Lsn(2));
    let events = [trade(1, 1, 2, 30, &[]), trade(2, 1, 2, 500, &[])];
    let batch = [(Lsn(3), Entry::Event(&events[0])), (Lsn(4), Entry::Event(&events[1]))];
    let mut outcomes = Vec::new();
    proxy.plan(plan);
    let lost = store.apply(&batch, &mut outcomes);
    assert!(matches!(lost, Err(StoreError::Unknown(_))), "{lost:?}");
    assert_eq!(outcomes, []);

    // Whatever became of the first commit, asking again gives the one answer.
    store.apply(&batch, &mut outcomes).unwrap();
    assert_eq!(outcomes[0], Outcome::Applied);
    assert!(matches!(outcomes[1], Outcome::Rejected(_)), "{outcomes:?}");
    assert_eq!((direct.holdings(1).0, direct.holdings(2).0), (70, 30));
    direct.assert_clean();
}

#[test]
fn a_commit_whose_reply_is_lost_is_found_decided() {
    ask_again_after(Plan::DropReply);
}

#[test]
fn a_commit_that_never_arrived_is_applied_now() {
    ask_again_after(Plan::DropRequest);
}

#[test]
fn a_commit_that_arrives_while_asking_again_is_waited_for() {
    ask_again_after(Plan::DeliverLate);
}
