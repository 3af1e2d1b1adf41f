//! A shard's side of a recording: moves the tape of its endpoint on, and ends it where a bound is met.
//!
//! Called at every step by the shard's thread alone; allocates only while a recording runs.

use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::Duration;

use mu_wire::Time;
use mu_wire::capture::RecordedServer;

use super::{Ended, Link, PIECE, Piece, WAITING_MAX};

/// A piece is handed on when it is this old, so that a process that is killed leaves all but the last second.
const AGE: Duration = Duration::from_secs(1);

/// Where a shard's tape goes.
#[derive(Debug)]
pub struct Outlet {
    link: Link,
    /// Bytes that the file may hold.
    most: u64,
    handed: u64,
    next: Time,
    ended: Option<Ended>,
}

impl Outlet {
    pub(super) fn new(link: Link, most: u64) -> Self {
        Self { link, most, handed: 0, next: Time::ZERO, ended: None }
    }

    /// Bytes handed on so far.
    #[must_use]
    pub fn handed(&self) -> u64 {
        self.handed
    }

    /// Why the recording is over although the shard is not.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Hands on what the tape holds, if it is long or old enough.
    pub fn step(&mut self, now: Time, server: &mut RecordedServer) {
        let waiting = server.tape_waiting();
        if self.ended.is_some() || (waiting < PIECE && now < self.next) {
            return;
        }
        self.next = now + AGE;
        if self.link.shared.failed.load(Relaxed) {
            return self.end(server, Ended::Failed);
        }
        if !server.is_recording() {
            return self.end(server, Ended::Slow);
        }
        if self.handed + waiting as u64 >= self.most {
            return self.end(server, Ended::Full);
        }
        // Otherwise it stays on the tape, which ends itself when it is full.
        if self.link.shared.waiting.load(Acquire) + waiting as u64 <= WAITING_MAX as u64 {
            self.hand_on(server);
        }
    }

    /// The shard is over: the recording ends with a checkpoint. In a panic only what stands on the tape is handed on: the
    /// call that failed may have left half a digest.
    pub fn finish(&mut self, server: &mut RecordedServer) {
        if self.ended.is_none() {
            if !std::thread::panicking() {
                server.finish_tape();
            }
            self.hand_on(server);
        }
    }

    fn end(&mut self, server: &mut RecordedServer, why: Ended) {
        self.ended = Some(why);
        server.finish_tape();
        if why == Ended::Failed {
            drop(server.take_tape());
        } else {
            self.hand_on(server);
        }
        // A writer that is gone has nothing left to close.
        let _gone = self.link.pieces.send(Piece::End(self.link.file, why));
    }

    fn hand_on(&mut self, server: &mut RecordedServer) {
        let piece = server.take_tape();
        let len = piece.len() as u64;
        if len > 0 {
            self.handed += len;
            self.link.shared.waiting.fetch_add(len, Relaxed);
            let _gone = self.link.pieces.send(Piece::Bytes(self.link.file, piece));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};

    use mu_wire::capture::ServerReplay;
    use mu_wire::{HostKeys, ServerConfig};

    use super::*;
    use crate::capture::Shared;

    fn keys() -> HostKeys {
        HostKeys::from_master(&[3; 32], 1)
    }

    fn rig(most: u64, waiting: usize) -> (Outlet, RecordedServer, Receiver<Piece>, Arc<Shared>) {
        let (pieces, taken) = channel();
        let shared = Arc::new(Shared::default());
        let link = Link { file: 0, pieces, shared: Arc::clone(&shared) };
        let config = ServerConfig { max_connections: 4, max_half_open: 4, ..ServerConfig::default() };
        (Outlet::new(link, most), RecordedServer::recorded(config, &keys(), [1; 32], waiting), taken, shared)
    }

    fn at(ms: u64) -> Time {
        Time::from_micros(1_000_000 + ms * 1_000)
    }

    /// Makes calls for this long, ten in each millisecond.
    fn run(outlet: &mut Outlet, server: &mut RecordedServer, ms: std::ops::Range<u64>) {
        struct Nowhere;
        impl mu_wire::DatagramSink for Nowhere {
            fn push(&mut self, _: std::net::SocketAddr, _: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
                true
            }
        }
        for ms in ms {
            for _ in 0..10 {
                server.transmit_due(at(ms), &mut Nowhere);
            }
            outlet.step(at(ms), server);
        }
    }

    fn file(taken: &Receiver<Piece>) -> (Vec<u8>, Option<Ended>) {
        let (mut file, mut ended) = (Vec::new(), None);
        for piece in taken.try_iter() {
            match piece {
                Piece::Bytes(_, bytes) => file.extend(bytes),
                Piece::End(_, why) => ended = Some(why),
            }
        }
        (file, ended)
    }

    #[test]
    fn pieces_make_a_file_that_replays_to_its_end() {
        let (mut outlet, mut server, taken, _) = rig(u64::MAX, WAITING_MAX);
        run(&mut outlet, &mut server, 0..3_000);
        outlet.finish(&mut server);
        let (file, ended) = file(&taken);
        assert_eq!((ended, outlet.handed()), (None, file.len() as u64));
        let summary = ServerReplay::new(&file, &keys()).unwrap().run(&mut |_| {}).unwrap();
        assert_eq!((summary.calls, summary.finished, summary.overrun), (30_000, true, false));
    }

    #[test]
    fn a_full_file_ends_the_recording_with_a_checkpoint() {
        let (mut outlet, mut server, taken, _) = rig(100_000, WAITING_MAX);
        run(&mut outlet, &mut server, 0..3_000);
        outlet.finish(&mut server);
        let (file, ended) = file(&taken);
        assert_eq!((ended, outlet.ended()), (Some(Ended::Full), Some(Ended::Full)));
        assert!((100_000..200_000).contains(&file.len()), "{}", file.len());
        let summary = ServerReplay::new(&file, &keys()).unwrap().run(&mut |_| {}).unwrap();
        assert!(summary.finished && summary.calls < 30_000, "{summary:?}");
    }

    #[test]
    fn a_writer_that_stands_still_ends_the_recording_and_not_the_shard() {
        let (mut outlet, mut server, taken, shared) = rig(u64::MAX, 100_000);
        shared.waiting.store(WAITING_MAX as u64, Relaxed);
        run(&mut outlet, &mut server, 0..3_000);
        assert_eq!(outlet.ended(), Some(Ended::Slow));
        let (file, _) = file(&taken);
        let summary = ServerReplay::new(&file, &keys()).unwrap().run(&mut |_| {}).unwrap();
        assert!(summary.overrun && file.len() < 110_000, "{summary:?}");
    }

    #[test]
    fn a_file_that_cannot_be_written_ends_the_recording() {
        let (mut outlet, mut server, taken, shared) = rig(u64::MAX, WAITING_MAX);
        run(&mut outlet, &mut server, 0..500);
        shared.failed.store(true, Relaxed);
        run(&mut outlet, &mut server, 500..3_000);
        assert_eq!((outlet.ended(), file(&taken).1), (Some(Ended::Failed), Some(Ended::Failed)));
        assert_eq!(server.tape_waiting(), 0, "nothing more is kept");
    }
}
