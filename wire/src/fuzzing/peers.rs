//! What an authentic peer could send: bodies behind the cipher, one after the other, to an end that answers.
//!
//! A peer may break the protocol; then the connection ends. Until then the end must stay within its bounds and go on
//! writing packets that an honest reader takes.

use std::time::Duration;

use super::data::Data;
use crate::connection::{Connection, Events, Extra, KeyLimits, client_end, opened, server_end};
use crate::crypto::Random;
use crate::lanes::Lane;
use crate::packet::MAX_RELIABLE;
use crate::time::{Tick, Time};

struct Ears;

impl Events for Ears {
    fn message(&mut self, _: Lane, bytes: &[u8]) {
        assert!(bytes.len() <= MAX_RELIABLE);
    }

    fn input(&mut self, _: u32, bytes: &[u8]) {
        assert!(bytes.len() <= 32);
    }
}

pub(super) fn of_server(bytes: &[u8]) {
    converse(server_end(START, &mut Random::from_seed([1; 32]), KeyLimits::default()), bytes);
}

pub(super) fn of_client(bytes: &[u8]) {
    converse(client_end(START, &mut Random::from_seed([1; 32]), KeyLimits::default()), bytes);
}

const START: Time = Time::from_micros(1_000_000);

fn converse(mut end: Connection, bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let (mut number, mut now) = (0_u64, START);
    let mut buffer = [0; 1452];
    while !data.is_empty() {
        let step = data.u8();
        now += Duration::from_millis(u64::from(data.u8()) * 4);
        if step & 1 == 1 {
            let _full = end.send(now, Lane::ALL[usize::from(step >> 1) % 4], data.part());
        }
        // Numbers come late, twice or after a gap.
        let which = number.saturating_add(u64::from(step >> 4)).saturating_sub(4);
        if end.is_fresh(which) {
            number = number.max(which + 1);
            let body = data.part();
            if body.is_empty() || !matches!(end.process(now, &opened(which, body), &mut Ears), Ok(None)) {
                return;
            }
        }
        if end.is_idle(now) {
            return;
        }
        end.timeout(now, &mut Ears);
        for _ in 0..4 {
            let extra = match step & 6 {
                0 => Extra::None,
                _ => Extra::Snapshot(Tick(1), &mut |_, space| space.len().min(40)),
            };
            let len = end.transmit(now, extra, &mut buffer);
            assert!(len <= buffer.len());
            if len == 0 {
                break;
            }
        }
    }
}
