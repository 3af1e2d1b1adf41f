//! Argon2id on its own few threads, so that hashing never delays another request and never takes more memory than said.
//!
//! One hash costs tens of milliseconds of a core and `memory_kib` of memory: the thread count bounds both, the queue
//! bounds the wait, and a full queue is a refusal the caller can see. Knows nothing of accounts.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::oneshot;

/// What hashing costs and how many may wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordOptions {
    /// Threads that hash, each with `memory_kib` of its own.
    pub threads: usize,
    /// Requests that may wait; one more is refused.
    pub queue: usize,
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
}

impl Default for PasswordOptions {
    /// 19 MiB and two passes are OWASP's floor for Argon2id; at about 30 ms each, 64 waiting are two seconds.
    fn default() -> Self {
        Self { threads: 1, queue: 64, memory_kib: 19 * 1024, passes: 2 }
    }
}

/// Why a password was not hashed or checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// As many wait as may wait.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// Argon2 failed, or its threads are gone.
    #[error("Argon2 failed or its threads are gone")]
    Broken,
}

enum Job {
    Hash { password: String, reply: oneshot::Sender<Result<String, PasswordError>> },
    Verify { password: String, stored: Option<String>, reply: oneshot::Sender<bool> },
}

/// The threads that hash; cheap to clone, gone with its last clone.
#[derive(Clone)]
pub struct PasswordPool {
    jobs: SyncSender<Job>,
}

impl PasswordPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// The operating system's, when a thread cannot be started; `InvalidInput` when Argon2 does not take the parameters.
    pub fn start(options: &PasswordOptions) -> io::Result<Self> {
        let refused = |error: argon2::Error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string());
        let params = Params::new(options.memory_kib, options.passes, 1, None).map_err(refused)?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        // Checked when the account is unknown: the same work, against a password nobody has.
        let mut nobody = [0u8; 32];
        SystemRandom::new().fill(&mut nobody).map_err(io::Error::other)?;
        let decoy: Arc<str> = hash(&argon, &nobody).map_err(io::Error::other)?.into();

        let (jobs, queue) = sync_channel(options.queue.max(1));
        let queue = Arc::new(Mutex::new(queue));
        for n in 0..options.threads.max(1) {
            let (argon, queue, decoy) = (argon.clone(), Arc::clone(&queue), Arc::clone(&decoy));
            thread::Builder::new().name(format!("mu-password-{n}")).spawn(move || work(&argon, &decoy, &queue))?;
        }
        Ok(Self { jobs })
    }

    /// The password's salted hash in PHC form.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when the queue is full.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Hash { password, reply })?;
        answer.await.unwrap_or(Err(PasswordError::Broken))
    }

    /// Whether the password belongs to the stored hash. Without a stored hash the answer is no, after the same work.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when the queue is full.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, PasswordError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Job::Verify { password, stored, reply })?;
        answer.await.map_err(|_| PasswordError::Broken)
    }

    fn submit(&self, job: Job) -> Result<(), PasswordError> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => PasswordError::Busy,
            TrySendError::Disconnected(_) => PasswordError::Broken,
        })
    }
}

/// One thread's life: take a job, do it, answer; over when the last sender is gone.
fn work(argon: &Argon2<'_>, decoy: &str, queue: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting: the others wait for the lock instead, which is the same.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            // A caller that stopped waiting is not worth 30 ms of a core.
            Ok(Job::Hash { reply, .. }) if reply.is_closed() => {}
            Ok(Job::Verify { reply, .. }) if reply.is_closed() => {}
            Ok(Job::Hash { password, reply }) => {
                let _ = reply.send(hash(argon, password.as_bytes()));
            }
            Ok(Job::Verify { password, stored, reply }) => {
                let known = stored.is_some();
                let matches = verify(argon, password.as_bytes(), stored.as_deref().unwrap_or(decoy));
                let _ = reply.send(known && matches);
            }
            Err(_) => return,
        }
    }
}

fn hash(argon: &Argon2<'_>, password: &[u8]) -> Result<String, PasswordError> {
    argon.hash_password(password).map(|phc| phc.to_string()).map_err(|_| PasswordError::Broken)
}

fn verify(argon: &Argon2<'_>, password: &[u8], stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|parsed| argon.verify_password(password, &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick() -> PasswordOptions {
        PasswordOptions { memory_kib: 64, passes: 1, ..PasswordOptions::default() }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let pool = PasswordPool::start(&quick()).unwrap();
        block_on(async {
            let stored = pool.hash("correct horse".to_owned()).await.unwrap();
            assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
            let again = pool.hash("correct horse".to_owned()).await.unwrap();
            assert_ne!(stored, again, "each hash has its own salt");
            let verify = |password: &str, stored: Option<&String>| pool.verify(password.to_owned(), stored.cloned());
            assert_eq!(verify("correct horse", Some(&stored)).await, Ok(true));
            assert_eq!(verify("correct horsf", Some(&stored)).await, Ok(false));
            assert_eq!(verify("correct horse", None).await, Ok(false));
            let broken = "$argon2id$nonsense".to_owned();
            assert_eq!(verify("correct horse", Some(&broken)).await, Ok(false));
        });
    }

    #[test]
    fn a_full_queue_refuses_at_once() {
        let (jobs, _unread) = sync_channel(1);
        let pool = PasswordPool { jobs };
        block_on(async {
            let waits = pool.verify("12345678".to_owned(), None);
            let mut waits = std::pin::pin!(waits);
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(waits.as_mut().poll(&mut context).is_pending());
            assert_eq!(pool.verify("12345678".to_owned(), None).await, Err(PasswordError::Busy));
        });
    }

    #[test]
    fn impossible_parameters_are_refused_at_start() {
        let zero = PasswordOptions { memory_kib: 0, ..quick() };
        let refused = PasswordPool::start(&zero).map(drop).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }
}
