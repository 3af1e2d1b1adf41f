//! A shard: one thread that owns a UDP socket, its clients' connections and its map instances.
//!
//! ```text
//! every 5 ms   receive → connections → input queues of the maps
//!              commands of the control thread, messages of other shards
//!              a tick, if one is due
//!              this step's tenth of the snapshots, then whatever else is due
//! ```
//!
//! Reads and writes only what it owns; everything that crosses a thread is a bounded queue. Holds no game rule (those are
//! in `systems`) and no protocol (that is in `mu_wire`).

pub mod command;
pub mod figures;

mod build;
mod commands;
mod contents;
mod deliver;
mod house;
mod inbound;
mod peers;
mod portal;
mod publish;
mod reservations;
mod stop;
mod tick;

use mu_wire::capture::RecordedServer;
use mu_wire::{EntityId, Tick, Time};

use crate::capture::Outlet;
use crate::map::Outbox;
use crate::net::{BATCHES_PER_STEP, Net};
use crate::runtime::{Clock, Flow, ShardLoop, StepTime};

pub use build::{InstancePlan, ShardPlan, ShardSeams, build};
pub use command::ShardId;
pub use peers::{PeerLinks, peer_links};
pub use stop::{StopFlag, StopPhase};

use house::House;
use publish::Publisher;

/// Steps in a tick: 5 ms each.
pub const STEPS_PER_TICK: u64 = 10;

/// A shard and everything it owns.
pub struct Shard {
    /// The protocol's end: connections by slot.
    server: RecordedServer,
    /// Where its recording goes, if there is one.
    capture: Option<Outlet>,
    /// The socket and its batches.
    net: Net,
    /// Maps, who sits where, and the queues to other threads.
    house: House,
    /// What the tick wants done; used by one map after the other.
    outbox: Outbox,
    /// Players that stepped into a portal in this tick of one map.
    crossings: Vec<(EntityId, u16)>,
    /// Figures, published once a second.
    publisher: Publisher,
    /// The last tick that ran.
    tick: Tick,
}

impl ShardLoop for Shard {
    fn step(&mut self, step: StepTime) -> Flow {
        self.publisher.step(&step);
        self.receive(step.now);
        commands::drain(self, step.now);
        portal::drain_peers(self, step.now);
        self.ticks(&step);
        self.send(&step);
        self.server.handle_timeouts(step.now, &mut self.house);
        self.net.out.flush();
        if let Some(capture) = &mut self.capture {
            capture.step(step.now, &mut self.server);
            self.publisher.recorded(capture);
        }
        self.publisher.publish_if_due(step.now, &self.net, &self.server, &self.house, self.tick);
        stop::flow(self, step.now)
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        if let Some(capture) = &mut self.capture {
            capture.finish(&mut self.server);
        }
    }
}

impl Shard {
    /// Takes what the socket has, up to a bound that leaves room for the tick.
    fn receive(&mut self, now: Time) {
        let unix_s = Clock::unix_s();
        for _ in 0..BATCHES_PER_STEP {
            match self.net.receive() {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    log::debug!("receiving: {error}");
                    return;
                }
            }
            for (from, datagram) in self.net.received.iter_mut() {
                self.publisher.received(datagram.len());
                self.server.receive(now, unix_s, from, datagram, &mut self.house, &mut self.net.out);
            }
        }
    }

    /// Runs the ticks among the due steps: at most two, so that a late shard catches up once; older ones are skipped.
    fn ticks(&mut self, step: &StepTime) {
        let end = step.step + u64::from(step.due);
        let first = step.step.div_ceil(STEPS_PER_TICK);
        let past = end.div_ceil(STEPS_PER_TICK);
        let run_from = first.max(past.saturating_sub(2));
        self.publisher.skipped(run_from - first);
        for number in run_from..past {
            self.tick = Tick(u32::try_from(number).expect("2^32 ticks are 6.8 years of one process"));
            let began = Clock::now();
            tick::run(self, began);
            self.publisher.ticked(Clock::now().since(began));
        }
    }

    /// One datagram for each connection whose turn it is, if there is anything to say; then what cannot wait for its turn.
    fn send(&mut self, step: &StepTime) {
        let Self { server, net, house, tick, .. } = self;
        let turns = u64::from(step.due).min(STEPS_PER_TICK);
        let last = step.step + u64::from(step.due);
        for step in last - turns..last {
            let turn = usize::try_from(step % STEPS_PER_TICK).expect("below ten");
            for seat in house.seats.turn(turn) {
                let map = &mut house.rooms[seat.room].map;
                server.transmit(
                    Clock::now(),
                    seat.conn,
                    *tick,
                    &mut |packet, space| map.write_snapshot(seat.player, packet, space),
                    &mut net.out,
                );
            }
        }
        server.transmit_due(step.now, &mut net.out);
    }
}
