//! What a seed stands for: who plays, on which roads, how busily, and what goes wrong when. Nothing of it happens here.

use std::time::Duration;

use mu_wire::{CookieMode, Limits, ServerConfig};

use crate::dice::Dice;
use crate::weather::Weather;

/// Whose clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The server's.
    Server,
    /// A player's.
    Player(usize),
}

/// Something that happens once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A player's two directions change: to the server, to the client.
    Weather(usize, Weather, Weather),
    /// A clock jumps forward by so many µs.
    Forward(Whose, u64),
    /// A clock jumps back by so many µs.
    Back(Whose, u64),
    /// The player gets another address: only another port, or all of it.
    Rebind(usize, bool),
    /// The player says goodbye.
    ClientCloses(usize),
    /// The server loses everything.
    Restart,
    /// The server sends the player away.
    ServerCloses(usize),
}

/// One player.
#[derive(Debug, Clone)]
pub(crate) struct PlayerPlan {
    /// When it first connects, in µs.
    pub(crate) starts_us: u64,
    /// To the server, at the start.
    pub(crate) up: Weather,
    /// To the client, at the start.
    pub(crate) down: Weather,
    /// When nothing passes to the server.
    pub(crate) dark_up: Vec<(u64, u64)>,
    /// When nothing passes to the client.
    pub(crate) dark_down: Vec<(u64, u64)>,
    /// Length of a frame in µs; 0: it runs only when a timer does or a datagram comes.
    pub(crate) frame_us: u64,
    /// Messages a second that it sends.
    pub(crate) up_per_s: u64,
    /// Messages a second that it is sent.
    pub(crate) down_per_s: u64,
    /// Blocks in ten seconds that it sends.
    pub(crate) blocks_up: u64,
    /// Blocks in ten seconds that it is sent.
    pub(crate) blocks_down: u64,
    /// Longest of them in bytes.
    pub(crate) block_bytes: u64,
    /// Inputs a second.
    pub(crate) inputs_per_s: u64,
    /// Messages on their way at most on each lane, beyond which none is added; a greedy player knows no end.
    pub(crate) manners: u32,
    /// Whether it comes back when a connection has ended.
    pub(crate) returns: bool,
    /// Whether the shard refuses its first ticket.
    pub(crate) refused: bool,
    /// What its clock shows at the start, in µs.
    pub(crate) clock_us: u64,
    /// Length of the id its datagrams carry.
    pub(crate) client_id: usize,
    /// Packets after which it renews its key; 0 leaves it as it is.
    pub(crate) renews: u64,
    /// What it sees at most.
    pub(crate) visible: usize,
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The players.
    pub(crate) players: Vec<PlayerPlan>,
    /// The server's terms.
    pub(crate) config: ServerConfig,
    /// What the server's clock shows at the start, in µs.
    pub(crate) server_clock_us: u64,
    /// The server looks at its timers so often, in µs.
    pub(crate) step_us: u64,
    /// From then on nothing new is sent and the roads are calm, in µs.
    pub(crate) calm_us: u64,
    /// Whether the last goodbyes are said in bad weather.
    pub(crate) rough_end: bool,
    /// A sink has no room so often, in millionths.
    pub(crate) sink_full_ppm: u32,
    /// Entities of the map.
    pub(crate) entities: u16,
    /// How busy they are: changes in a hundred entities and ticks.
    pub(crate) bustle: u32,
    /// Once-only events by time in µs.
    pub(crate) happenings: Vec<(u64, Happening)>,
}

impl Plan {
    /// The run of a seed.
    #[must_use]
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let calm_us = dice.between(2_000_000, 7_000_000);
        let idle_us = dice.between(25, 80) * 100_000;
        let count = [1, 1, 1, 2, 2, 3][dice.place(6)];
        let players: Vec<_> = (0..count).map(|_| player(dice, calm_us, idle_us)).collect();
        let mut plan = Self {
            config: config(dice, idle_us),
            players,
            server_clock_us: dice.between(1, 1 << 40),
            step_us: dice.between(1_000, 10_000),
            calm_us,
            rough_end: dice.percent(15),
            sink_full_ppm: if dice.percent(20) { dice.u32(1_000, 200_000) } else { 0 },
            entities: dice.u16(20) + 4,
            bustle: dice.u32(1, 40),
            happenings: Vec::new(),
        };
        if dice.percent(8) {
            // A crowd fills datagrams with snapshots, so that longer ones are probed for.
            (plan.entities, plan.bustle) = (60 + dice.u16(80), dice.u32(40, 80));
            plan.players.iter_mut().for_each(|player| player.visible = 60 + dice.place(60));
        }
        for player in 0..plan.players.len() {
            plan.happen_to(player, dice);
        }
        if dice.percent(8) {
            plan.happenings.push((dice.between(300_000, calm_us), Happening::Restart));
        }
        plan.clocks(dice);
        plan.happenings.sort_by_key(|(at, _)| *at);
        plan
    }

    fn happen_to(&mut self, player: usize, dice: &mut Dice) {
        let mut at = |dice: &mut Dice, what| self.happenings.push((dice.between(500_000, self.calm_us), what));
        for _ in 0..dice.below(3) {
            let change = Happening::Weather(player, Weather::draw(dice), Weather::draw(dice));
            at(dice, change);
        }
        for _ in 0..[0, 0, 0, 1, 2][dice.place(5)] {
            let port_only = dice.percent(50);
            at(dice, Happening::Rebind(player, port_only));
        }
        if dice.percent(12) {
            at(dice, Happening::ClientCloses(player));
        }
        if dice.percent(12) {
            at(dice, Happening::ServerCloses(player));
        }
    }

    fn clocks(&mut self, dice: &mut Dice) {
        let everyone = std::iter::once(Whose::Server).chain((0..self.players.len()).map(Whose::Player));
        for whose in everyone {
            if dice.percent(15) {
                // Once in a while by more than any silence is allowed to last.
                let most = if dice.percent(20) { 12_000_000 } else { 1_500_000 };
                let by = dice.between(1_000, most);
                self.happenings.push((dice.between(0, self.calm_us), Happening::Forward(whose, by)));
            }
            if dice.percent(15) {
                let by = dice.between(1_000, 1_500_000);
                self.happenings.push((dice.between(0, self.calm_us), Happening::Back(whose, by)));
            }
        }
    }
}

fn config(dice: &mut Dice, idle_us: u64) -> ServerConfig {
    let cookie = [CookieMode::UnderLoad, CookieMode::UnderLoad, CookieMode::Always, CookieMode::Never][dice.place(4)];
    let room = if dice.percent(5) { 1 } else { 8 };
    let mut limits = Limits::default();
    if dice.percent(20) {
        (limits.block_max, limits.block_pool) = (dice.place(50_000), dice.place(100_000));
    }
    if dice.percent(50) {
        limits.keys.packets = dice.between(2, 200);
    }
    ServerConfig {
        max_connections: room,
        max_half_open: room,
        idle: Duration::from_micros(idle_us),
        ack_delay: Duration::from_millis(dice.between(0, 60)),
        coalesce: Duration::from_millis(dice.between(0, 60)),
        cookie,
        limits,
        ..ServerConfig::default()
    }
}

fn player(dice: &mut Dice, calm_us: u64, idle_us: u64) -> PlayerPlan {
    let frame_us = if dice.percent(40) { 0 } else { dice.between(8_000, 50_000) };
    PlayerPlan {
        starts_us: dice.between(0, 500_000),
        up: Weather::draw(dice),
        down: Weather::draw(dice),
        dark_up: dark(dice, calm_us, idle_us),
        dark_down: dark(dice, calm_us, idle_us),
        frame_us,
        up_per_s: [0, 1, 4, 15][dice.place(4)],
        down_per_s: [0, 2, 10, 40][dice.place(4)],
        blocks_up: [0, 0, 0, 3, 10][dice.place(5)],
        blocks_down: [0, 0, 3, 10][dice.place(4)],
        block_bytes: [1_500, 8_000, 30_000, 120_000][dice.place(4)],
        inputs_per_s: [0, 3, 8, 20][dice.place(4)],
        manners: if dice.percent(15) { u32::MAX } else { dice.u32(1, 40) },
        returns: dice.percent(60),
        refused: dice.percent(4),
        clock_us: dice.between(1, 1 << 40),
        client_id: dice.place(5),
        renews: if dice.percent(40) { dice.between(2, 200) } else { 0 },
        visible: 1 + dice.place(24),
    }
}

/// Up to two times without any datagram; now and then one that no connection survives.
fn dark(dice: &mut Dice, calm_us: u64, idle_us: u64) -> Vec<(u64, u64)> {
    let count = if dice.percent(75) { 0 } else { dice.between(1, 2) };
    (0..count)
        .map(|_| {
            let from = dice.between(0, calm_us);
            let longest = if dice.percent(20) { idle_us + 1_500_000 } else { idle_us * 3 / 4 };
            (from, from + dice.between(10_000, longest))
        })
        .collect()
}
