//! The books proved while they are written: every few seconds what the applier decided since the last look, on a connection of its
//! own. A violation is an error in the log and a figure; nothing is repaired and nothing stops, that is an operator's decision.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mu_storage::error::StoreError;
use mu_storage::store::{Role, Store, open};
use mu_value::ValueStatus;
use mu_wal::Lsn;

/// How long the thread sleeps at once, so that a stop finds it soon.
const NAP: Duration = Duration::from_millis(250);

/// What operators are shown.
#[derive(Debug, Default)]
pub struct AuditStatus {
    /// Everything up to here was looked at since the start.
    pub checked_lsn: AtomicU64,
    /// Looks that came to an end.
    pub runs: AtomicU64,
    /// Violations found.
    pub violations: AtomicU64,
    stop: AtomicBool,
}

impl AuditStatus {
    /// Tells the thread to end after what it does; nobody waits for it.
    pub fn end(&self) {
        self.stop.store(true, Relaxed);
    }
}

/// Looks every so often until told to stop.
pub fn run(url: &str, every: Duration, value: &ValueStatus, status: &AuditStatus) {
    let mut auditor = Auditor { url: url.to_owned(), store: None, from: Lsn(value.applied_lsn.load(Relaxed)) };
    let mut waited = Duration::ZERO;
    while !status.stop.load(Relaxed) {
        std::thread::park_timeout(NAP);
        waited += NAP;
        if waited >= every {
            waited = Duration::ZERO;
            auditor.look(Lsn(value.applied_lsn.load(Relaxed)), status);
        }
    }
}

struct Auditor {
    url: String,
    store: Option<Box<dyn Store>>,
    /// Everything up to here was looked at.
    from: Lsn,
}

impl Auditor {
    /// Looks at what was decided up to `applied`.
    fn look(&mut self, applied: Lsn, status: &AuditStatus) {
        if applied <= self.from {
            return;
        }
        match self.violations() {
            Ok(found) => {
                self.from = applied;
                status.checked_lsn.store(applied.0, Relaxed);
                status.runs.fetch_add(1, Relaxed);
                status.violations.fetch_add(found, Relaxed);
            }
            Err(error) => {
                // The store is away or busy; what was not looked at is looked at next time.
                log::debug!("the books were not looked at: {error}");
                self.store = None;
            }
        }
    }

    fn violations(&mut self) -> Result<u64, StoreError> {
        let store = match &mut self.store {
            Some(store) => store,
            empty => empty.insert(open(&self.url, Role::Tool)?),
        };
        let report = store.audit_since(self.from)?;
        let mut violations = 0;
        for finding in report.findings.iter().filter(|finding| finding.violations > 0) {
            violations += finding.violations;
            log::error!(
                "THE BOOKS DO NOT HOLD behind {}: {} {}: {} violations, such as {}. Stop trading and run `mu-core audit`",
                self.from,
                finding.invariant,
                finding.says,
                finding.violations,
                finding.examples.join(", ")
            );
        }
        Ok(violations)
    }
}

#[cfg(test)]
mod tests {
    use mu_storage::event::{Birth, CharacterName, ValueEvent};
    use mu_storage::ids::AccountId;
    use mu_storage::store::{Entry, NewAccount};

    use super::*;

    #[test]
    fn what_was_decided_since_the_last_look_is_proved_and_a_changed_row_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mu.db");
        let url = format!("sqlite:{}", path.display());
        let mut store = open(&url, Role::Applier).expect("a store");
        store.migrate().expect("tables");
        store.fence(1).expect("a fence");
        let mut born = |id: i64| {
            let account = format!("account{id}");
            let account = NewAccount { id: AccountId(id), name: &account, password: "$argon2id$x", created_us: 1 };
            store.account_create(&account).expect("an account");
            let name = CharacterName::new(&format!("Hero{id}")).expect("a name");
            let birth = Birth {
                character: id,
                account: id,
                name,
                class: 1,
                entry: 1,
                map: 1,
                x: 1,
                y: 1,
                heading: 0,
                hp: 9,
                mp: 9,
            };
            let event = ValueEvent::character_birth(id.unsigned_abs().into(), birth, 5, [(100 + id, 3, 0, 0)]);
            store.apply(&[(Lsn(id.unsigned_abs()), Entry::strict(&event))], &mut Vec::new()).expect("applied");
        };
        let (mut auditor, status) = (Auditor { url, store: None, from: Lsn::ZERO }, AuditStatus::default());
        born(1);
        auditor.look(Lsn(1), &status);
        assert_eq!(
            (status.runs.load(Relaxed), status.checked_lsn.load(Relaxed), status.violations.load(Relaxed)),
            (1, 1, 0)
        );
        auditor.look(Lsn(1), &status);
        assert_eq!(status.runs.load(Relaxed), 1, "nothing was decided since");
        born(2);
        let console = rusqlite::Connection::open(path).expect("the file");
        console.execute("UPDATE items SET slot = 9 WHERE uid = 102", []).expect("a changed row");
        auditor.look(Lsn(2), &status);
        assert_eq!((status.runs.load(Relaxed), status.checked_lsn.load(Relaxed)), (2, 2));
        assert!(status.violations.load(Relaxed) > 0);
    }
}
