//! Keeps a shard's figures and publishes them once a second.
//!
//! The second's copy (two histograms of 24 KiB) is made outside the tick.

use std::sync::Arc;
use std::time::Duration;

use mu_wire::{Server, Tick, Time};

use super::figures::{InstanceFigures, Published, ShardFigures, record};
use super::house::House;
use crate::capture::Outlet;
use crate::net::Net;
use crate::runtime::StepTime;

const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// The figures and where they are published.
pub(super) struct Publisher {
    figures: ShardFigures,
    published: Published,
    next: Time,
}

impl Publisher {
    pub(super) fn new(published: Published) -> Self {
        Self { figures: ShardFigures::clone(&published.load()), published, next: Time::ZERO }
    }

    pub(super) fn step(&mut self, step: &StepTime) {
        record(&mut self.figures.lateness_us, step.lateness());
    }

    pub(super) fn received(&mut self, bytes: usize) {
        self.figures.datagrams_in += 1;
        self.figures.bytes_in += bytes as u64;
    }

    pub(super) fn recorded(&mut self, capture: &Outlet) {
        self.figures.capture_bytes = capture.handed();
        self.figures.captures_ended = u64::from(capture.ended().is_some());
    }

    pub(super) fn skipped(&mut self, ticks: u64) {
        self.figures.ticks_skipped += ticks;
    }

    pub(super) fn ticked(&mut self, took: Duration) {
        self.figures.ticks += 1;
        record(&mut self.figures.tick_us, took);
    }

    /// Publishes when a second has passed.
    pub(super) fn publish_if_due(&mut self, now: Time, net: &Net, server: &Server, house: &House, tick: Tick) {
        if now < self.next {
            return;
        }
        self.next = now + PUBLISH_EVERY;
        let figures = &mut self.figures;
        figures.tick = tick.0;
        figures.datagrams_out = net.out.sent;
        figures.wire.clone_from(server.stats());
        figures.bytes_out = server.stats().bytes_out;
        figures.refused_datagrams = server.stats().dropped_total();
        figures.messages_malformed = house.counts.malformed;
        figures.malformed_closed = house.counts.malformed_closed;
        figures.socket_drops = net.socket().memory().map_or(0, |memory| u64::from(memory.drops));
        figures.trades = house.rooms.iter().map(|room| room.map.stats().trades_applied).sum();
        figures.transfers = house.counts.transfers;
        figures.events = house.counts.events;
        figures.events_refused = house.counts.events_refused;
        figures.rows_dropped = house.counts.rows_dropped;
        figures.blocks_sent = server.stats().blocks_sent;
        figures.blocks_unsent = server.stats().blocks_not_taken + house.counts.blocks_unsent;
        figures.events_in_flight = house.value.in_flight();
        figures.instances.clear();
        figures.instances.extend(house.rooms.iter().map(|room| InstanceFigures {
            instance: room.instance,
            players: u32::try_from(room.map.players()).unwrap_or(u32::MAX),
        }));
        self.published.store(Arc::new(figures.clone()));
    }
}
