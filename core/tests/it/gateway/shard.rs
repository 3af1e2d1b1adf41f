//! A shard as the directory sees one: a thread that keeps places, lets characters go and reports it.
//!
//! It can be told to hold its answers back, to refuse, and to let nobody leave; it watches that no character is ever
//! held twice, over all shards of one test.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use mu_core::directory::COMMANDS_MAX;
use mu_core::shard::command::{Command, EvictReason, InstanceId, Report, ReserveRefusal};
use mu_storage::ids::CharacterId;
use tokio::sync::mpsc;

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a shard was told, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Reserve { character: CharacterId, instance: InstanceId, token_id: [u8; 16], map: i32 },
    Evict(CharacterId, EvictReason),
    Close(u16),
}

/// How shards behave, changed by the test while they run.
#[derive(Default)]
pub(crate) struct Manner {
    state: Mutex<Behaviour>,
    changed: Condvar,
}

#[derive(Default)]
struct Behaviour {
    hold_answers: bool,
    hold_leaving: bool,
    refuse: Option<ReserveRefusal>,
    /// Who is loaded, under which epoch, over all shards.
    loaded: HashMap<CharacterId, i64>,
    twice: Vec<CharacterId>,
}

impl Manner {
    /// Holds back the answers to reservations until told otherwise.
    pub(crate) fn hold_answers(&self, hold: bool) {
        self.state.lock().unwrap().hold_answers = hold;
        self.changed.notify_all();
    }

    /// Lets nobody leave until told otherwise.
    pub(crate) fn hold_leaving(&self, hold: bool) {
        self.state.lock().unwrap().hold_leaving = hold;
        self.changed.notify_all();
    }

    /// Refuses reservations.
    pub(crate) fn refuse(&self, refusal: Option<ReserveRefusal>) {
        self.state.lock().unwrap().refuse = refusal;
    }

    /// Loads a character behind the directory's back.
    pub(crate) fn plant(&self, character: CharacterId, epoch: i64) {
        self.state.lock().unwrap().loaded.insert(character, epoch);
    }

    /// Characters that are loaded in some shard now.
    pub(crate) fn loaded(&self) -> Vec<CharacterId> {
        self.state.lock().unwrap().loaded.keys().copied().collect()
    }

    /// Characters that were ever loaded twice at a time.
    pub(crate) fn twice(&self) -> Vec<CharacterId> {
        self.state.lock().unwrap().twice.clone()
    }

    fn wait_while(&self, held: impl Fn(&Behaviour) -> bool) {
        let state = self.state.lock().unwrap();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| held(state)).unwrap();
        assert!(!waited.1.timed_out(), "the test never let the shard go on");
    }
}

/// The test's end of a shard.
pub(crate) struct Shard {
    pub(crate) commands: mpsc::Sender<Command>,
    told: Receiver<Told>,
    thread: JoinHandle<()>,
}

impl Shard {
    pub(crate) fn start(manner: Arc<Manner>, reports: mpsc::Sender<Report>) -> Self {
        let (commands, queue) = mpsc::channel(COMMANDS_MAX);
        let (tell, told) = channel();
        let thread = std::thread::spawn(move || run(&manner, queue, &reports, &tell));
        Self { commands, told, thread }
    }

    /// The next thing the shard was told.
    #[track_caller]
    pub(crate) fn told(&self) -> Told {
        self.told.recv_timeout(PATIENCE).expect("the shard is told something")
    }

    /// Ends when every sender of commands is gone.
    pub(crate) fn join(self) {
        drop(self.commands);
        self.thread.join().expect("the shard ends well");
    }
}

fn run(manner: &Manner, mut queue: mpsc::Receiver<Command>, reports: &mpsc::Sender<Report>, tell: &Sender<Told>) {
    while let Some(command) = queue.blocking_recv() {
        match command {
            Command::Reserve { reservation, reply } => {
                let loaded = &reservation.character;
                let character = loaded.character.id;
                let _test_over = tell.send(Told::Reserve {
                    character,
                    instance: reservation.instance,
                    token_id: reservation.token_id,
                    map: loaded.hot.map,
                });
                manner.wait_while(|state| state.hold_answers);
                let answer = {
                    let mut state = manner.state.lock().unwrap();
                    if let Some(refusal) = state.refuse {
                        Err(refusal)
                    } else {
                        if state.loaded.insert(character, loaded.hot.owner_epoch).is_some() {
                            state.twice.push(character);
                        }
                        Ok(())
                    }
                };
                let _gave_up = reply.send(answer);
            }
            Command::Evict { character, why } => {
                let _test_over = tell.send(Told::Evict(character, why));
                manner.wait_while(|state| state.hold_leaving);
                let epoch = manner.state.lock().unwrap().loaded.remove(&character);
                if let Some(owner_epoch) = epoch {
                    let left = Report::Left { character, owner_epoch };
                    let _server_gone = reports.blocking_send(left);
                }
            }
            Command::Close { seconds } => {
                let _test_over = tell.send(Told::Close(seconds));
            }
        }
    }
}
