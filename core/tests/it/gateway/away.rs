//! The store goes away and comes back: refused at once with a reason, then served again, nothing to restart.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use mu_core::gateway::{DatabaseError, DatabaseOptions, DatabasePool, Opener};
use mu_storage::error::StoreError;
use mu_storage::store::{Role, Store, open};

use super::store::Switched;
use super::town::Town;

#[test]
fn while_the_store_is_away_requests_are_refused_and_afterwards_served() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let session = town.api.newcomer("anamaria");
    let id = session.character("Kundun");

    town.away.store(true, Ordering::SeqCst);
    town.api.login("anamaria").refused(503, "store_away");
    town.api.register("bertold").refused(503, "store_away");
    session.get("/v1/characters").refused(503, "store_away");
    session.create("Selupan").refused(503, "store_away");
    session.select(id).refused(503, "store_away");
    session.logout().refused(503, "store_away");
    town.api.get("/readyz").refused(503, "not_ready");
    town.api.get("/healthz").expect(200);
    assert_eq!(town.directory.players(), 0, "a refused select keeps no seat");

    town.away.store(false, Ordering::SeqCst);
    let back = (0..10_000).any(|_| town.api.get("/readyz").status == 200);
    assert!(back, "the threads never found the store again");
    session.select(id).expect(200);
    town.stop();
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// An opener whose `n`th store is away if `away(n)` says so.
fn opener(folder: &Path, away: impl Fn(usize) -> bool + Send + Sync + 'static) -> Arc<Opener> {
    let url = format!("sqlite:{}", folder.join("mu.db").display());
    open(&url, Role::Tool).unwrap().migrate().unwrap();
    let opened = AtomicUsize::new(0);
    Arc::new(move || {
        let away = Arc::new(AtomicBool::new(away(opened.fetch_add(1, Ordering::SeqCst))));
        Ok(Box::new(Switched { inner: open(&url, Role::Gateway)?, away }) as Box<dyn Store>)
    })
}

#[test]
fn a_thread_without_the_store_keeps_no_job_from_one_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = DatabaseOptions { threads: 3, ..DatabaseOptions::default() };
    let pool = DatabasePool::start(options, opener(folder.path(), |n| n != 0)).unwrap();
    block_on(async {
        for n in 0..300 {
            pool.run(|store| store.ping()).await.unwrap_or_else(|error| panic!("job {n}: {error}"));
        }
    });
}

#[test]
fn what_is_asked_before_the_first_attempt_waits_for_its_end() {
    let folder = tempfile::tempdir().unwrap();
    for away in [false, true] {
        let (go, gate) = channel::<()>();
        let gate = Mutex::new(gate);
        let inner = opener(folder.path(), move |_| away);
        let gated = move || -> Result<Box<dyn Store>, StoreError> {
            gate.lock().unwrap().recv().map_err(|over| StoreError::Transient(over.to_string()))?;
            inner()
        };
        let options = DatabaseOptions { threads: 1, ..DatabaseOptions::default() };
        let pool = DatabasePool::start(options, Arc::new(gated)).unwrap();
        let answer = block_on(async {
            let mut asked = std::pin::pin!(pool.run(|store| store.ping()));
            let waits =
                std::future::poll_fn(|context| std::task::Poll::Ready(asked.as_mut().poll(context).is_pending()));
            assert!(waits.await, "answered before anybody tried");
            go.send(()).unwrap();
            asked.await
        });
        match answer {
            Ok(()) => assert!(!away, "a store that is away answered"),
            Err(error) => assert!(away && matches!(error, DatabaseError::Away), "{error}"),
        }
    }
}
