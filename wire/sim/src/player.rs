//! A player: one client after the other, its clock, its two roads, and when it wants to do something.

use std::net::SocketAddr;

use mu_wire::capture::RecordedClient;
use mu_wire::{ClientState, CloseCode, ConnectTicket, KeyLimits, Lane, SendError, Time};

use crate::clock::Clock;
use crate::dice::Dice;
use crate::ears::ClientEars;
use crate::letters::LANES;
use crate::meter;
use crate::plan::PlayerPlan;
use crate::sink::Outbox;
use crate::tickets;
use crate::weather::Road;
use crate::witness::Witness;

/// Never.
pub(crate) const NEVER: u64 = u64::MAX;

/// A player.
pub(crate) struct Player {
    pub(crate) plan: PlayerPlan,
    pub(crate) clock: Clock,
    pub(crate) up: Road,
    pub(crate) down: Road,
    pub(crate) client: Option<(RecordedClient, usize)>,
    /// When it connects (again).
    pub(crate) connects_us: u64,
    /// The wake-up that counts; others are out of date.
    pub(crate) wake_us: u64,
    /// When the server has the next message for it.
    pub(crate) next_down_us: u64,
    /// When the server has the next block for it.
    pub(crate) next_down_block_us: u64,
    next_frame_us: u64,
    next_up_us: u64,
    next_input_us: u64,
    next_block_us: u64,
    pub(crate) has_tried: bool,
    /// Keys that both ends of the current session have renewed.
    pub(crate) renewals: u32,
    dice: Dice,
    letter: Vec<u8>,
}

/// The next moment of something that happens so often; never if the rate is 0.
pub(crate) fn next(dice: &mut Dice, now_us: u64, per_s: u64) -> u64 {
    match 2_000_000_u64.checked_div(per_s) {
        Some(most) => now_us + dice.below(most),
        None => NEVER,
    }
}

/// The same for something that happens so often in ten seconds.
pub(crate) fn next_block(dice: &mut Dice, now_us: u64, per_10_s: u64) -> u64 {
    20_000_000_u64.checked_div(per_10_s).map_or(NEVER, |most| now_us + dice.below(most))
}

/// A lane to send on: the first somewhat more often.
pub(crate) fn lane(dice: &mut Dice) -> Lane {
    if dice.percent(20) { Lane::Control } else { LANES[dice.place(LANES.len())] }
}

impl Player {
    pub(crate) fn new(plan: PlayerPlan, dice: &mut Dice) -> Self {
        Self {
            clock: Clock::new(plan.clock_us),
            up: Road::new(plan.up, plan.dark_up.clone(), dice.split()),
            down: Road::new(plan.down, plan.dark_down.clone(), dice.split()),
            client: None,
            connects_us: plan.starts_us,
            wake_us: NEVER,
            next_down_us: next(dice, plan.starts_us, plan.down_per_s),
            next_frame_us: if plan.frame_us == 0 { NEVER } else { plan.starts_us },
            next_up_us: next(dice, plan.starts_us, plan.up_per_s),
            next_block_us: next_block(dice, plan.starts_us, plan.blocks_up),
            next_down_block_us: next_block(dice, plan.starts_us, plan.blocks_down),
            next_input_us: next(dice, plan.starts_us, plan.inputs_per_s),
            has_tried: false,
            renewals: 0,
            dice: dice.split(),
            letter: Vec::new(),
            plan,
        }
    }

    /// The client and its session, if there is one.
    pub(crate) fn session(&self) -> Option<usize> {
        self.client.as_ref().map(|(_, session)| *session)
    }

    /// Begins a session.
    pub(crate) fn connect(&mut self, ticket: ConnectTicket, session: usize, seed: [u8; 32], now: Time, record: bool) {
        let id = &[0xa1, 0xb2, 0xc3, 0xd4][..self.plan.client_id];
        let server = tickets::server_address();
        let mut client = if record {
            RecordedClient::recorded(ticket, server, id, seed, now, usize::MAX)
        } else {
            RecordedClient::new(ticket, server, id, seed, now)
        };
        if self.plan.renews > 0 {
            client.set_key_limits(KeyLimits { packets: self.plan.renews, ..KeyLimits::default() });
        }
        self.client = Some((client, session));
    }

    /// When it wants to be called.
    pub(crate) fn wakes_at(&self) -> u64 {
        let Some((client, _)) = &self.client else {
            return self.connects_us;
        };
        let timer = client.next_timeout().map_or(NEVER, |at| self.clock.when(at));
        let acts = if self.plan.frame_us == 0 {
            self.next_up_us.min(self.next_input_us).min(self.next_block_us)
        } else {
            self.next_frame_us
        };
        timer.min(acts)
    }

    /// Runs timers, does what it wants to do, and writes what is due.
    pub(crate) fn wake(&mut self, witness: &mut Witness, out: &mut Outbox, busy: bool) {
        let now_us = witness.now_us;
        let Some((mut client, session)) = self.client.take() else {
            return;
        };
        let now = self.own_time(witness);
        let before = client.next_timeout();
        if before.is_some_and(|at| at <= now) {
            let _inside = meter::inside();
            client.handle_timeout(now, &mut ClientEars(witness, session));
        }
        if now_us >= self.next_frame_us {
            self.next_frame_us = now_us + self.plan.frame_us;
        }
        if busy {
            self.act(&mut client, session, witness);
        } else {
            (self.next_up_us, self.next_input_us, self.next_block_us) = (NEVER, NEVER, NEVER);
        }
        {
            let _inside = meter::inside();
            client.poll_transmit(now, out);
        }
        let stats = client.stats();
        self.renewals = self.renewals.max(stats.keys_renewed + stats.server_keys_renewed);
        self.client = Some((client, session));
    }

    /// Whether the client has nothing left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.client.as_ref().is_some_and(|(client, _)| {
            matches!(client.state(), ClientState::Closed(_)) && client.next_timeout().is_none()
        })
    }

    /// The time of its clock now; what the witness compares with is set to it.
    pub(crate) fn own_time(&mut self, witness: &mut Witness) -> Time {
        let shown = self.clock.show(witness.now_us);
        witness.own_us = self.clock.taken(witness.now_us);
        shown
    }

    /// Takes in a datagram; whether the client dropped it.
    pub(crate) fn receive(&mut self, witness: &mut Witness, bytes: &mut [u8], session: usize) -> bool {
        let now = self.own_time(witness);
        let Some((client, _)) = self.client.as_mut().filter(|(_, current)| *current == session) else {
            return true;
        };
        let before = client.stats().datagrams_dropped;
        {
            let _inside = meter::inside();
            client.receive(now, bytes, &mut ClientEars(witness, session));
        }
        client.stats().datagrams_dropped > before
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, witness: &mut Witness, code: CloseCode) {
        if let Some((client, session)) = &mut self.client {
            let known = &mut witness.sessions[*session];
            if known.client_closes.is_none() {
                known.client_closes = Some(code);
                witness.note(*session, b"client closes", || format!("the client closes with {code:?}"));
                let _inside = meter::inside();
                client.close(code);
            }
        }
    }

    /// The address of a new session.
    pub(crate) fn address(player: usize, port: usize) -> SocketAddr {
        let host = u8::try_from(player % 250).unwrap_or(0) + 1;
        let port = u16::try_from(port % 60_000).unwrap_or(0) + 5_000;
        SocketAddr::from(([10, 2, host, 1], port))
    }

    fn act(&mut self, client: &mut RecordedClient, session: usize, witness: &mut Witness) {
        let now_us = witness.now_us;
        while self.next_up_us <= now_us {
            self.next_up_us = next(&mut self.dice, now_us + 1, self.plan.up_per_s);
            let lane = lane(&mut self.dice);
            let known = &mut witness.sessions[session];
            if known.up.waiting(lane) >= self.plan.manners {
                continue;
            }
            known.up.write_next(lane, &mut self.letter);
            let sent = {
                let _inside = meter::inside();
                client.send(lane, &self.letter)
            };
            witness.sent(session, true, lane, self.letter.len(), sent);
        }
        if self.next_block_us <= now_us && witness.sessions[session].blocks_up.waiting() < 2 {
            self.next_block_us = next_block(&mut self.dice, now_us, self.plan.blocks_up);
            let len = self.dice.u32(1, u32::try_from(self.plan.block_bytes).unwrap_or(1)) as usize;
            let taken = {
                // The block belongs to the endpoint from the start.
                let _inside = meter::inside();
                let (kind, bytes) = witness.sessions[session].blocks_up.write_next(len);
                client.send_block(kind, bytes)
            };
            witness.block_sent(session, true, len, taken);
        }
        if self.next_block_us <= now_us {
            self.next_block_us = next_block(&mut self.dice, now_us + 1, self.plan.blocks_up);
        }
        while self.next_input_us <= now_us {
            self.next_input_us = next(&mut self.dice, now_us + 1, self.plan.inputs_per_s);
            let known = &mut witness.sessions[session];
            let (bytes, len) = known.input(known.inputs_sent);
            let taken = {
                let _inside = meter::inside();
                client.input(&bytes[..len])
            };
            match taken {
                Ok(sequence) if sequence == known.inputs_sent => known.inputs_sent += 1,
                Ok(sequence) => witness.blame(session, format!("input {sequence} was not the next")),
                Err(SendError::Full | SendError::Closed) => {}
                Err(error) => witness.blame(session, format!("an input was not taken: {error}")),
            }
        }
    }
}
