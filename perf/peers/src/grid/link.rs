//! Two directions with a fixed delay and independent loss, drawn from a seed.

use std::collections::VecDeque;

use mu_wire::Random;

use super::{End, Ends};
use crate::Failed;

/// Headers of IP and UDP.
const HEADERS: usize = 28;

/// What a link does to datagrams.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) loss_percent: u32,
    pub(super) one_way_us: u64,
    pub(super) seed: u32,
}

/// Datagrams on their way.
pub(super) struct Link {
    weather: Weather,
    extra: usize,
    random: Random,
    /// When each arrives, and at which end.
    flying: VecDeque<(u64, End, Vec<u8>)>,
    bytes: u64,
}

impl Link {
    pub(super) fn new(weather: Weather, extra: usize) -> Self {
        Self { weather, extra, random: Random::from_seed([0; 32]), flying: VecDeque::new(), bytes: 0 }
    }

    /// Other weather from now on; bytes count from here.
    pub(super) fn set(&mut self, weather: Weather) {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&weather.seed.to_le_bytes());
        (self.weather, self.random, self.bytes) = (weather, Random::from_seed(seed), 0);
    }

    /// Bytes sent by both ends.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What has arrived by `now` is handed over; both ends run and send.
    pub(super) fn step(&mut self, now: u64, ends: &mut impl Ends) -> Result<(), Failed> {
        while self.flying.front().is_some_and(|(at, ..)| *at <= now) {
            if let Some((_, at, datagram)) = self.flying.pop_front() {
                ends.arrive(now, at, datagram)?;
            }
        }
        let Self { weather, extra, random, flying, bytes } = self;
        ends.step(now, &mut |from, datagram| {
            *bytes += (datagram.len() + *extra + HEADERS) as u64;
            if random.u64() % 100 >= u64::from(weather.loss_percent) {
                let at = if from == End::Server { End::Client } else { End::Server };
                flying.push_back((now + weather.one_way_us, at, datagram));
            }
        })
    }
}
