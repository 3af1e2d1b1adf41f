//! The server's step, and what must hold at it: nobody falls silent, nothing grows without bound, and in the end everything
//! has come and everyone is gone.

use mu_wire::Tick;

use crate::ears::ServerEars;
use crate::meter;
use crate::player::{lane, next, next_block};
use crate::session::{Session, Shot, Stage};
use crate::witness::Witness;
use crate::world::{Phase, TICK_US, World, code};

/// An open end says something at least so often, in µs of its own time, its step not counted.
const SILENCE_US: u64 = 1_100_000;
/// So long after the network has become calm everything must have come, in µs.
const CALM_US: u64 = 20_000_000;
/// Blocks take longer: a link that was bad is trusted with no more than so many bytes a second at first, and for half a
/// minute if the path has become longer.
const BULK_PER_S: u64 = 2_000;
/// So much longer than the longest silence may it take until everyone is gone, in µs.
const PARTING_US: u64 = 4_000_000;
/// What the endpoints may hold for each end of a connection beside what is queued.
const MEMORY_PER_END: isize = 64 * 1024;
/// What a server may hold that has been used: tables that have grown, tokens that were used.
const MEMORY_LEFT: isize = 8 * 1024;

impl World {
    /// The server does what is due.
    pub(crate) fn step(&mut self) {
        let now_us = self.witness.now_us;
        let now = self.server_clock.show(now_us);
        self.witness.own_us = self.server_clock.taken(now_us);
        {
            let _inside = meter::inside();
            self.server.handle_timeouts(now, &mut ServerEars(&mut self.witness));
        }
        if now_us >= self.next_tick_us {
            self.next_tick_us += TICK_US;
            self.tick = Tick(self.tick.0 + 1);
            self.tick();
        }
        if self.phase == Phase::Busy {
            self.talk();
            self.send_blocks();
        }
        {
            let _inside = meter::inside();
            self.server.transmit_due(now, &mut self.out);
        }
        self.post(None);
        for session in 0..self.witness.sessions.len() {
            let known = &self.witness.sessions[session];
            if known.server == Stage::Open && known.server_closes.is_none() {
                self.watch(session, false);
            }
        }
        self.weigh();
        self.turn();
        self.step_again();
    }

    /// The map moves on, and each open connection gets its snapshot.
    fn tick(&mut self) {
        let bustle = if self.phase == Phase::Busy { self.plan.bustle } else { 0 };
        self.witness.scene.step(self.tick, bustle);
        let now = self.server_clock.show(self.witness.now_us);
        let tick = self.tick;
        for index in 0..self.witness.sessions.len() {
            let Witness { sessions, scene, tally, .. } = &mut self.witness;
            let known = &mut sessions[index];
            let (Some(conn), Stage::Open, None) = (known.conn, known.server, known.server_closes) else {
                continue;
            };
            if self.phase == Phase::Busy {
                scene.look_around(&mut known.view);
            }
            let Session { view, shots, said, .. } = known;
            // Until it has been asked and had nothing to say.
            *said = true;
            let mut write = |packet, space: &mut [u8]| {
                let _outside = meter::outside();
                let len = view.write(packet, tick, &mut scene.replicator, space);
                *said = len > 0;
                if len > 0 {
                    tally.snapshots += 1;
                    shots.push(Shot { packet, tick, came: false, told: false });
                }
                len
            };
            let _inside = meter::inside();
            self.server.transmit(now, conn, tick, &mut write, &mut self.out);
        }
    }

    /// The server has blocks for its players.
    fn send_blocks(&mut self) {
        let now_us = self.witness.now_us;
        for player in self.players.iter_mut().filter(|player| player.next_down_block_us <= now_us) {
            player.next_down_block_us = next_block(&mut self.dice, now_us, player.plan.blocks_down);
            let Some(session) = player.session() else {
                continue;
            };
            let known = &self.witness.sessions[session];
            let Some(conn) = known.conn else {
                continue;
            };
            if known.blocks_down.waiting() >= 2 {
                continue;
            }
            let len = self.dice.u32(1, u32::try_from(player.plan.block_bytes).unwrap_or(1)) as usize;
            let taken = {
                // The block belongs to the endpoint from the start.
                let _inside = meter::inside();
                let (kind, bytes) = known.blocks_down.write_next(len);
                self.server.send_block(conn, kind, bytes)
            };
            self.witness.block_sent(session, false, len, taken);
        }
    }

    /// The server has something to say to its players.
    fn talk(&mut self) {
        let now_us = self.witness.now_us;
        for player in &mut self.players {
            if player.next_down_us > now_us {
                continue;
            }
            player.next_down_us = next(&mut self.dice, now_us, player.plan.down_per_s);
            let Some(session) = player.session() else {
                continue;
            };
            let known = &mut self.witness.sessions[session];
            let Some(conn) = known.conn else {
                continue;
            };
            let lane = lane(&mut self.dice);
            if known.down.waiting(lane) >= player.plan.manners {
                continue;
            }
            known.down.write_next(lane, &mut self.letter);
            let sent = {
                let _inside = meter::inside();
                if self.dice.percent(10) {
                    self.server.send_twice(conn, lane, &self.letter)
                } else {
                    self.server.send(conn, lane, &self.letter)
                }
            };
            self.witness.sent(session, false, lane, self.letter.len(), sent);
        }
    }

    /// An open end must not fall silent: the other takes silence for its death.
    pub(crate) fn watch(&mut self, session: usize, client: bool) {
        let own_us = self.witness.own_us;
        let known = &self.witness.sessions[session];
        let hearing = if client { &known.hearing_up } else { &known.hearing_down };
        let silence = own_us.saturating_sub(hearing.spoke_us);
        if silence > SILENCE_US + self.plan.step_us && self.plan.sink_full_ppm == 0 {
            let end = if client { "client" } else { "server" };
            self.witness.blame(session, format!("the {end} has said nothing for {silence} µs"));
        }
    }

    /// The endpoints' memory stays below its ceiling.
    fn weigh(&mut self) {
        if self.record {
            return;
        }
        let held = meter::held() - self.memory_base;
        let queued: usize = self.witness.sessions.iter().map(Session::queued_most).sum();
        let clients = self.players.iter().filter(|player| player.client.is_some()).count();
        let ceiling = MEMORY_PER_END * signed(self.server.connections() + clients) + signed(queued) + MEMORY_LEFT;
        self.witness.tally.memory_most = self.witness.tally.memory_most.max(u64::try_from(held).unwrap_or(0));
        if held > ceiling {
            self.witness.blame(0, format!("the endpoints hold {held} bytes, {ceiling} are allowed"));
        }
    }

    /// Everyone is gone: their memory must be too.
    fn weigh_the_rest(&mut self) {
        if self.record {
            return;
        }
        for player in &mut self.players {
            let _inside = meter::inside();
            player.client = None;
        }
        let held = meter::held() - self.memory_base;
        if held > MEMORY_LEFT {
            self.witness.blame(0, format!("nobody is there and the endpoints hold {held} bytes"));
        }
    }

    /// From busy to calm to the end.
    fn turn(&mut self) {
        let now_us = self.witness.now_us;
        match self.phase {
            Phase::Busy if now_us >= self.plan.calm_us => {
                self.phase = Phase::Calm(now_us);
                if self.plan.rough_end {
                    self.part();
                } else {
                    let bulk = self.witness.sessions.iter().map(Session::bulk_bytes).max().unwrap_or(0) as u64;
                    self.patience_us = CALM_US + bulk * 1_000_000 / BULK_PER_S;
                    self.calm_down();
                }
            }
            Phase::Calm(since) => self.converge(since),
            Phase::Parting(since) => self.disperse(since),
            Phase::Busy | Phase::Done => {}
        }
    }

    /// Nothing new is said: what was said must come, and then the copies must be right.
    fn converge(&mut self, since: u64) {
        let whole = self.witness.sessions.iter().enumerate().filter(|(_, known)| known.is_whole());
        let missing = whole.filter_map(|(index, known)| Some((index, known.unsettled()?))).next();
        let connecting = self.players.iter().any(|player| {
            player.session().is_some_and(|session| self.witness.sessions[session].client == Stage::Waiting)
        });
        if let Some((session, what)) = missing {
            if self.witness.now_us - since > self.patience_us {
                self.witness.blame(session, format!("the network is calm and still: {what}"));
            }
            return;
        }
        if connecting && self.witness.now_us - since < self.patience_us {
            return;
        }
        for index in 0..self.witness.sessions.len() {
            let Witness { sessions, scene, tally, .. } = &mut self.witness;
            let known = &sessions[index];
            if known.is_whole() {
                tally.replicas += 1;
                if let Err(wrong) = scene.compare(&known.view, &known.replica) {
                    self.witness.blame(index, format!("the replica is wrong: {wrong}"));
                }
            }
        }
        self.part();
    }

    /// Everyone says goodbye, from one end or the other.
    fn part(&mut self) {
        self.phase = Phase::Parting(self.witness.now_us);
        for index in 0..self.players.len() {
            let code = code(&mut self.dice);
            let Some(session) = self.players[index].session() else {
                continue;
            };
            let by_server = self.dice.percent(50) && self.witness.sessions[session].server == Stage::Open;
            if by_server {
                self.server_closes(session, code);
            } else {
                self.players[index].own_time(&mut self.witness);
                self.players[index].close(&mut self.witness, code);
                self.wake_later(index);
            }
        }
    }

    /// Everyone must be gone after the longest silence at the latest.
    fn disperse(&mut self, since: u64) {
        let open = self.witness.sessions.iter().position(|known| !known.is_over());
        if open.is_none() && self.server.connections() == 0 {
            self.phase = Phase::Done;
            let lost = |known: &Session| known.up.lost() + known.down.lost();
            self.witness.tally.lost_messages = self.witness.sessions.iter().map(lost).sum();
            self.weigh_the_rest();
        } else if self.witness.now_us - since > self.witness.idle_us.max(10_000_000) + self.behind() + PARTING_US {
            let connections = self.server.connections();
            self.witness.blame(open.unwrap_or(0), format!("no end: {connections} connections at the server"));
        }
    }

    /// How far the clocks that jumped back are behind what their ends take for the time.
    fn behind(&self) -> u64 {
        let now_us = self.witness.now_us;
        let players = self.players.iter().map(|player| player.clock.behind(now_us));
        players.chain([self.server_clock.behind(now_us)]).max().unwrap_or(0)
    }
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}
