//! Telling a client that its connection is gone, without keeping anything about it.
//!
//! Only ids that carry this shard's keyed check are answered, so garbage earns nothing; what is answered is answered with
//! fewer bytes than came; and there is a rate for each network and for all of them.

use std::net::SocketAddr;

use super::endpoint::Server;
use super::limits::{Bucket, PrefixTable, Rate};
use crate::crypto::{Random, ShortHash};
use crate::packet::write_reset;
use crate::sink::DatagramSink;
use crate::time::Time;

use super::Limits;

/// The rates of RESET answers.
pub(super) struct ResetRates {
    all: Bucket,
    rate: Rate,
    prefixes: PrefixTable,
}

impl ResetRates {
    pub(super) fn new(limits: &Limits, random: &mut Random) -> Self {
        Self {
            all: Bucket::default(),
            rate: Rate::new(limits.resets_per_s, limits.resets_per_s / 10),
            prefixes: PrefixTable::new(ShortHash::new(random.array()), Rate::new(limits.resets_per_prefix_per_s, 1)),
        }
    }
}

impl Server {
    /// Answers a data packet of `cause` bytes with `id`, a good one that names no connection.
    pub(super) fn answer_reset(
        &mut self,
        now: Time,
        from: SocketAddr,
        id: u64,
        cause: usize,
        out: &mut impl DatagramSink,
    ) {
        let free = self.config.limits.loopback_is_free && from.ip().to_canonical().is_loopback();
        if !(free || self.resets.prefixes.take(now, from)) || !self.resets.all.take(now, self.resets.rate) {
            return;
        }
        let (token, random) = (self.reset_token(id), self.random.array());
        let mut written = 0;
        out.push(from, &mut |buffer| {
            written = write_reset(&token, cause, &random, buffer);
            written
        });
        self.stats.wrote(written);
        self.stats.resets += u64::from(written > 0);
    }

    /// What a RESET of this connection ends with.
    pub(super) fn reset_token(&self, connection_id: u64) -> [u8; 16] {
        self.reset.mac16(&[&connection_id.to_le_bytes()])
    }
}
