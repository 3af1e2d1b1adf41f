//! Two honest ends and a network that does what a script says: whatever it is, lanes keep their promises and nobody
//! blames the other.

use std::collections::VecDeque;
use std::time::Duration;

use super::data::Data;
use crate::blocks::BlockEnd;
use crate::connection::{Connection, Events, Extra, KeyLimits, pair};
use crate::lanes::{Lane, Mode};
use crate::time::{Tick, Time};

/// Datagrams on their way in one direction at most; the oldest gives way.
const FLYING: usize = 64;
/// Messages that one end says on one lane in a script, far above what an input has room for.
const MESSAGES: usize = 1 << 16;
/// How long a calm network may take to bring everything.
const CALM: Duration = Duration::from_secs(80);
/// Time goes on by at least this much.
const STEP: Duration = Duration::from_millis(1);
/// The lanes a script uses.
const LANES: [Lane; 6] = [Lane::Control, Lane::Value, Lane::Social, Lane::Unordered, Lane::Effects, Lane::Position];

/// What one end was told on one lane, checked as it comes. Each message begins with its number on that lane.
#[derive(Default)]
struct Ledger {
    next: u32,
    /// By number, for lanes without an order.
    seen: Vec<bool>,
}

impl Ledger {
    /// False if it came before.
    fn tick_off(&mut self, number: u32) -> bool {
        let index = usize::try_from(number).unwrap_or(MESSAGES);
        assert!(index < MESSAGES, "message {number} was never sent");
        if self.seen.len() <= index {
            self.seen.resize(index + 1, false);
        }
        !std::mem::replace(&mut self.seen[index], true)
    }

    fn heard(&self) -> usize {
        self.seen.iter().filter(|seen| **seen).count()
    }
}

/// One end's listener.
#[derive(Default)]
struct Ears {
    lanes: [Ledger; LANES.len()],
    inputs: u32,
    blocks: u16,
    /// Blocks of the own end that are over.
    ended: u16,
}

impl Events for Ears {
    fn message(&mut self, lane: Lane, bytes: &[u8]) {
        let index = usize::from(lane.number());
        let ledger = &mut self.lanes[index];
        let (number, rest) = bytes.split_first_chunk::<4>().expect("a number comes first");
        let number = u32::from_le_bytes(*number);
        assert!(is_filled(rest, content(number)), "a message was altered");
        match lane.mode() {
            Mode::ReliableOrdered => assert_eq!(number, ledger.next, "{lane:?}: each once and in order"),
            Mode::Sequenced => assert!(number >= ledger.next, "{lane:?}: an older one after a newer one"),
            _ => assert!(ledger.tick_off(number), "{lane:?}: {number} came twice"),
        }
        ledger.next = number + 1;
    }

    fn input(&mut self, sequence: u32, _: &[u8]) {
        assert_eq!(sequence, self.inputs);
        self.inputs += 1;
    }

    fn block(&mut self, kind: u16, bytes: &[u8]) {
        assert!(kind >= self.blocks, "block {kind} after block {}", self.blocks);
        assert!(is_filled(bytes, content(kind.into())), "a block was altered");
        self.blocks = kind + 1;
    }

    fn block_ended(&mut self, _: u16, _: BlockEnd) {
        self.ended += 1;
    }
}

fn content(number: u32) -> u8 {
    number.to_le_bytes()[0] ^ 0x5a
}

/// Whether all bytes are this one. As one comparison of memory: the fuzzer's coverage counts each step of a loop.
fn is_filled(bytes: &[u8], with: u8) -> bool {
    bytes.split_first().is_none_or(|(first, rest)| *first == with && *rest == bytes[..rest.len()])
}

struct End {
    connection: Connection,
    ears: Ears,
    sent: [u32; LANES.len()],
    inputs: u32,
    blocks: u16,
    /// What it has sent and the other end has not received.
    flying: VecDeque<Vec<u8>>,
}

impl End {
    fn new(connection: Connection) -> Self {
        Self {
            connection,
            ears: Ears::default(),
            sent: [0; LANES.len()],
            inputs: 0,
            blocks: 0,
            flying: VecDeque::new(),
        }
    }

    fn say(&mut self, now: Time, lane: usize, len: usize) {
        let number = self.sent[lane];
        let mut message = number.to_le_bytes().to_vec();
        message.resize(4 + len, content(number));
        if self.connection.send(now, LANES[lane], &message).is_ok() {
            self.sent[lane] += 1;
        }
    }

    fn send_block(&mut self, now: Time, len: usize) {
        let block = vec![content(self.blocks.into()); len].into();
        if self.connection.send_block(now, self.blocks, block).is_ok() {
            self.blocks += 1;
        }
    }

    fn transmit(&mut self, now: Time, snapshot: bool) -> bool {
        let mut buffer = [0; 1452];
        let extra = if snapshot { Extra::Snapshot(Tick(1), &mut |_, space| space.len().min(30)) } else { Extra::None };
        let len = self.connection.transmit(now, extra, &mut buffer);
        if len > 0 {
            self.flying.push_back(buffer[..len].to_vec());
            if self.flying.len() > FLYING {
                self.flying.pop_front();
            }
        }
        len > 0
    }

    fn hear(&mut self, now: Time, mut datagram: Vec<u8>) {
        let Ok(opened) = self.connection.open(now, &mut datagram) else {
            return;
        };
        let heard = self.connection.process(now, &opened, &mut self.ears);
        assert!(matches!(heard, Ok(None)), "{heard:?} between honest ends");
    }

    fn timeout(&mut self, now: Time) {
        if self.connection.deadline() <= now {
            self.connection.timeout(now, &mut self.ears);
        }
    }
}

pub(super) fn two_ends(bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let mut now = Time::from_micros(1_000_000);
    // Some scripts renew keys all the time.
    let limits = match data.u8() {
        few @ 0..64 => KeyLimits { packets: u64::from(few) + 1, ..KeyLimits::default() },
        _ => KeyLimits::default(),
    };
    let (client, server) = pair(now, data.u8(), limits);
    let mut ends = [End::new(client), End::new(server)];
    while !data.is_empty() {
        let (step, which) = (data.u8(), data.u8());
        let from = usize::from(which & 1);
        let (one, two) = ends.split_at_mut(1);
        let (end, peer) = if from == 0 { (&mut one[0], &mut two[0]) } else { (&mut two[0], &mut one[0]) };
        match step % 11 {
            0 | 1 => end.say(now, usize::from(which >> 1) % LANES.len(), usize::from(data.u8())),
            2 => end.say(now, usize::from(which >> 1) % LANES.len(), usize::from(data.u16() & 0x3fff).min(16_000)),
            3 if from == 0 && end.connection.input(now, &[which; 3]).is_ok() => end.inputs += 1,
            4 | 5 => {
                end.transmit(now, from == 1 && step & 0x80 != 0);
            }
            6 if !end.flying.is_empty() => {
                // Any of them arrives, perhaps twice.
                let index = usize::from(which >> 2) % end.flying.len();
                let again = (which & 2 != 0).then(|| end.flying[index].clone());
                let datagram = end.flying.remove(index).expect("there is one");
                peer.hear(now, datagram);
                if let Some(copy) = again {
                    peer.hear(now, copy);
                }
            }
            7 => drop(end.flying.pop_front()),
            // At most 4 blocks of 16 KiB in a script: more takes long to arrive.
            10 if end.blocks < 4 => end.send_block(now, 1 + usize::from(data.u8()) * 64),
            8 => {
                now += Duration::from_millis(u64::from(data.u8()));
                ends.iter_mut().for_each(|end| end.timeout(now));
            }
            _ => {
                while let Some(datagram) = end.flying.pop_front() {
                    peer.hear(now, datagram);
                }
            }
        }
    }
    settle(&mut ends, now);
}

/// All that one end has to say arrives.
fn carry(now: Time, end: &mut End, peer: &mut End) {
    end.timeout(now);
    while end.connection.is_due(now) && end.transmit(now, false) {}
    while let Some(datagram) = end.flying.pop_front() {
        peer.hear(now, datagram);
    }
}

/// Everything that had to arrive did.
fn is_done(from: &End, to: &End) -> bool {
    let lanes = (0..4).all(|lane| {
        let ledger = &to.ears.lanes[lane];
        match LANES[lane].mode() {
            Mode::ReliableOrdered => ledger.next == from.sent[lane],
            _ => ledger.heard() == usize::try_from(from.sent[lane]).expect("few"),
        }
    });
    lanes && to.ears.inputs == from.inputs && from.ears.ended == from.blocks
}

/// A calm network: everything reliable arrives. Time goes from timer to timer, because nothing happens between them.
fn settle(ends: &mut [End; 2], mut now: Time) {
    let until = now + CALM;
    while now < until {
        let [client, server] = ends;
        if is_done(client, server) && is_done(server, client) {
            return;
        }
        now = client.connection.deadline().min(server.connection.deadline()).max(now + STEP);
        for _ in 0..2 {
            carry(now, client, server);
            carry(now, server, client);
        }
    }
    let [client, server] = ends;
    let heard = |end: &End| end.ears.lanes.each_ref().map(|lane| lane.next);
    panic!(
        "in {CALM:?} of calm the server heard {:?} of {:?} and {} of {} inputs, the client {:?} of {:?}; {} of {} and {} of {} \
         blocks are over",
        heard(server),
        client.sent,
        server.ears.inputs,
        client.inputs,
        heard(client),
        server.sent,
        client.ears.ended,
        client.blocks,
        server.ears.ended,
        server.blocks
    );
}
