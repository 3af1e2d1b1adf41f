//! World → entry point → map → instance: what runs where, how full it is, and which character is in which of them.
//!
//! The directory is the one place that decides whether a character may be loaded: a seat per account, vacated only when
//! the last copy's final state is stored (`seats`). It picks the instance for a character, sends commands to shards and
//! consumes their reports. It knows no HTTP, no SQL and no socket.
//!
//! **The seam for several hosts.** Everything the gateway and the shards need is behind the methods of [`Directory`]:
//! their arguments and answers are plain data, commands leave through [`ShardLink`] and reports come in through
//! [`Directory::report`]. A directory shared by several hosts replaces the inside of this type (seats and loads in a
//! replicated table, links over the message bus) and keeps the methods; the owner epoch minted by the store stays the
//! fence when a message is late or lost.

mod routes;
mod seats;
mod view;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mu_storage::ids::{AccountId, CharacterId};
use mu_storage::store::LoadedCharacter;
use tokio::sync::{mpsc, oneshot};

use crate::shard::command::{Command, EvictReason, Report, Reservation, ReserveRefusal, ShardId};

pub use routes::{Placement, Route, RouteTable, place_instances};
pub use seats::SeatState;
pub use view::{EntryView, MapView, WorldView};

use seats::{Ask, ClaimStep, EvictOrder, Reserved, Seats};
use view::Names;

/// Commands that may wait for one shard. A shard drains its queue each step (5 ms); 1,024 are a server's whole
/// population logging in within 50 ms. A full queue refuses a reservation; an eviction waits for room.
pub const COMMANDS_MAX: usize = 1_024;

/// Reports that may wait for the directory; a shard that finds it full keeps its reports and tries at the next step.
pub const REPORTS_MAX: usize = 8_192;

/// How often a character that was told to leave is told again.
const REPEAT_EVERY: Duration = Duration::from_secs(1);

/// The way to one shard.
#[derive(Debug, Clone)]
pub struct ShardLink {
    /// Which shard.
    pub shard: ShardId,
    /// The address players connect to.
    pub endpoint: SocketAddr,
    /// Bounded by [`COMMANDS_MAX`].
    pub commands: mpsc::Sender<Command>,
}

/// How a shard does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Its ticks are on time.
    Healthy,
    /// Its ticks are late: others are preferred.
    Degraded,
    /// It does not tick: nobody is sent there.
    Down,
}

/// A request to bring a character into the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entering {
    /// Whose character.
    pub account: AccountId,
    /// Which character.
    pub character: CharacterId,
    /// The session that asks.
    pub generation: u64,
}

/// Why a character cannot be brought into the world now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnterRefusal {
    /// The server closes.
    Closing,
    /// No such entry point, or it does not have the map.
    NoRoute,
    /// Every instance that would do is at its cap.
    Full,
    /// Every shard that would do is down.
    Down,
    /// A newer session of the account is there.
    Superseded,
    /// Another request of this session is ahead.
    InUse,
    /// The account's former character did not leave in time.
    StillLeaving,
}

/// Why a shard does not have the character although it was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceRefusal {
    /// The shard said no.
    Refused(ReserveRefusal),
    /// The shard's command queue is full.
    Busy,
    /// The shard is gone.
    Gone,
    /// The session ended meanwhile.
    Ended,
}

/// The in-process directory; cheap to clone.
#[derive(Clone)]
pub struct Directory {
    inner: Arc<Inner>,
}

struct Inner {
    routes: Arc<RouteTable>,
    names: Names,
    hard_cap: u32,
    links: Vec<ShardLink>,
    state: Mutex<State>,
}

struct State {
    seats: Seats,
    /// By position in `links`.
    health: Vec<Health>,
    closing: bool,
}

/// An account's seat, held while its character is taken from the store. Dropped, it is free again.
pub struct Claim {
    directory: Directory,
    account: AccountId,
    character: CharacterId,
    generation: u64,
    ticket: u64,
    /// The seat no longer belongs to the claim.
    handed_over: bool,
}

impl Directory {
    /// A directory of these routes, over these shards, with at most `hard_cap` players in each instance.
    ///
    /// # Panics
    /// When a route leads to a shard without a link.
    #[must_use]
    pub fn new(routes: Arc<RouteTable>, content: &mu_config::Content, hard_cap: u32, links: Vec<ShardLink>) -> Self {
        for route in routes.all() {
            assert!(links.iter().any(|link| link.shard == route.shard), "{route:?} leads to a shard without a link");
        }
        let state =
            State { seats: Seats::new(routes.all().len()), health: vec![Health::Healthy; links.len()], closing: false };
        Self { inner: Arc::new(Inner { names: Names::of(content), hard_cap, links, state: Mutex::new(state), routes }) }
    }

    /// What runs where.
    #[must_use]
    pub fn routes(&self) -> &Arc<RouteTable> {
        &self.inner.routes
    }

    /// Takes the account's seat for a character. Whoever has the seat is evicted and waited for, up to `patience`; of
    /// several requests of one session exactly one gets the seat.
    ///
    /// # Errors
    /// [`EnterRefusal::Closing`], [`EnterRefusal::Superseded`], [`EnterRefusal::InUse`] or [`EnterRefusal::StillLeaving`].
    pub async fn claim(&self, entering: Entering, patience: Duration) -> Result<Claim, EnterRefusal> {
        let ask = Ask { account: entering.account, character: entering.character, generation: entering.generation };
        match tokio::time::timeout(patience, self.claim_when_vacant(ask)).await {
            Ok(result) => result,
            Err(_elapsed) => {
                self.lock().seats.stop_waiting(ask);
                Err(EnterRefusal::StillLeaving)
            }
        }
    }

    async fn claim_when_vacant(&self, ask: Ask) -> Result<Claim, EnterRefusal> {
        loop {
            let step = {
                let mut state = self.lock();
                if state.closing {
                    return Err(EnterRefusal::Closing);
                }
                state.seats.claim(ask)
            };
            match step {
                ClaimStep::Claimed(ticket) => {
                    return Ok(Claim {
                        directory: self.clone(),
                        account: ask.account,
                        character: ask.character,
                        generation: ask.generation,
                        ticket,
                        handed_over: false,
                    });
                }
                ClaimStep::Wait { vacated, order } => {
                    self.send(order);
                    let _vacant_or_shut_down = vacated.await;
                }
                ClaimStep::Superseded => return Err(EnterRefusal::Superseded),
                ClaimStep::InUse => return Err(EnterRefusal::InUse),
            }
        }
    }

    /// UC-02, UC-13: the account's sessions before `generation` are over; their character is told to leave.
    pub fn end_before(&self, account: AccountId, generation: u64, why: EvictReason) {
        let order = self.lock().seats.end_before(account, generation, why);
        self.send(order);
    }

    /// Waits until the account has no character in the world; false when `patience` ran out first.
    pub async fn vacated(&self, account: AccountId, patience: Duration) -> bool {
        let vacated = self.lock().seats.vacated(account);
        match vacated {
            Some(vacated) => tokio::time::timeout(patience, vacated).await.is_ok(),
            None => true,
        }
    }

    /// The account's character in the world and its state.
    #[must_use]
    pub fn character_of(&self, account: AccountId) -> Option<(CharacterId, SeatState)> {
        self.lock().seats.state(account)
    }

    /// Consumes one report of a shard.
    pub fn report(&self, report: Report) {
        let order = {
            let mut state = self.lock();
            match report {
                Report::Entered { character, instance, .. } => {
                    self.inner.stands(&mut state.seats, character, instance, false)
                }
                Report::Moved { character, instance } => self.inner.stands(&mut state.seats, character, instance, true),
                Report::Left { character, owner_epoch } => {
                    state.seats.left(character, owner_epoch);
                    None
                }
            }
        };
        self.send(order);
    }

    /// Consumes reports until every sender is gone, and repeats what characters on their way out were told: a task of
    /// the control thread.
    pub async fn run(self, mut reports: mpsc::Receiver<Report>) {
        let mut repeat = tokio::time::interval(REPEAT_EVERY);
        repeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                report = reports.recv() => match report {
                    Some(report) => self.report(report),
                    None => return,
                },
                _ = repeat.tick() => self.repeat_orders(),
            }
        }
    }

    /// A shard ignores an order for a character it does not have: one that is between two shards hears it later. Orders
    /// that find a full queue are not kept, they come again.
    fn repeat_orders(&self) {
        let orders = self.lock().seats.leaving();
        for order in orders {
            if let Some((link, command)) = self.inner.evict(order) {
                let _full_or_gone = link.commands.try_send(command);
            }
        }
    }

    /// How a shard does; asked for by [`Self::worlds`] and when an instance is chosen.
    pub fn set_health(&self, shard: ShardId, health: Health) {
        if let Some(at) = self.inner.link_position(shard) {
            self.lock().health[at] = health;
        }
    }

    /// UC-14: nobody enters any more, and every shard tells its players.
    pub fn close(&self, seconds: u16) {
        self.lock().closing = true;
        for link in &self.inner.links {
            deliver(link, Command::Close { seconds });
        }
    }

    /// Whether [`Self::close`] was called.
    #[must_use]
    pub fn closing(&self) -> bool {
        self.lock().closing
    }

    /// Tells every character in the world to leave.
    pub fn end_all(&self, why: EvictReason) {
        let orders = self.lock().seats.end_all(why);
        for order in orders {
            self.send(Some(order));
        }
    }

    /// Characters in the world, those about to enter and those about to leave included.
    #[must_use]
    pub fn players(&self) -> usize {
        self.lock().seats.len()
    }

    /// Players of each instance, in the order of [`RouteTable::all`].
    #[must_use]
    pub fn loads(&self) -> Vec<u32> {
        self.lock().seats.players().to_vec()
    }

    /// UC-03: the worlds as a player sees them, the best choice first at each level.
    #[must_use]
    pub fn worlds(&self) -> Vec<WorldView> {
        let state = self.lock();
        let health_of = |shard| self.inner.health(&state.health, shard);
        self.inner.names.worlds(self.inner.routes.all(), state.seats.players(), self.inner.hard_cap, health_of)
    }

    fn send(&self, order: Option<EvictOrder>) {
        if let Some((link, command)) = order.and_then(|order| self.inner.evict(order)) {
            deliver(link, command);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a command that must arrive: at once, or as soon as the queue has room. At most one waits per character.
fn deliver(link: &ShardLink, command: Command) {
    if let Err(mpsc::error::TrySendError::Full(command)) = link.commands.try_send(command) {
        let commands = link.commands.clone();
        tokio::spawn(async move {
            let _shard_gone = commands.send(command).await;
        });
    }
}

impl Inner {
    /// The command an order becomes, and the shard it goes to.
    fn evict(&self, order: EvictOrder) -> Option<(&ShardLink, Command)> {
        let shard = self.routes.all().get(order.at)?.shard;
        let link = &self.links[self.link_position(shard)?];
        let EvictOrder { character, why, .. } = order;
        Some((link, Command::Evict { character, why }))
    }

    /// The position of the route that suits best.
    fn choose(&self, map: u16, entry: Option<u16>, players: &[u32], health: &[Health]) -> Result<usize, EnterRefusal> {
        let routes = self.routes.all();
        let entry_players = |of: &Route| -> u32 {
            routes
                .iter()
                .zip(players)
                .filter(|(route, _)| (route.world, route.entry) == (of.world, of.entry))
                .map(|(_, players)| players)
                .sum()
        };
        let mut refusal = EnterRefusal::NoRoute;
        let mut best = None;
        for (at, route) in routes.iter().enumerate() {
            if route.map != map || entry.is_some_and(|entry| entry != route.entry) {
                continue;
            }
            let health = self.health(health, route.shard);
            if health == Health::Down {
                if refusal == EnterRefusal::NoRoute {
                    refusal = EnterRefusal::Down;
                }
                continue;
            }
            if players[at] >= self.hard_cap {
                refusal = EnterRefusal::Full;
                continue;
            }
            let rank = (health, entry_players(route), players[at], at);
            if best.is_none_or(|known| rank < known) {
                best = Some(rank);
            }
        }
        best.map(|(_, _, _, at)| at).ok_or(refusal)
    }

    fn stands(
        &self,
        seats: &mut Seats,
        character: CharacterId,
        instance: crate::shard::command::InstanceId,
        moved: bool,
    ) -> Option<EvictOrder> {
        match self.routes.position(instance) {
            Some(at) => seats.stands(character, at, moved),
            None => {
                log::error!("a shard reports {character:?} in {instance:?}, which does not exist");
                None
            }
        }
    }

    fn health(&self, health: &[Health], shard: ShardId) -> Health {
        match self.link_position(shard) {
            Some(at) if !self.links[at].commands.is_closed() => health[at],
            _ => Health::Down,
        }
    }

    fn link_position(&self, shard: ShardId) -> Option<usize> {
        self.links.iter().position(|link| link.shard == shard)
    }
}

impl Claim {
    /// Picks the instance of `map` that suits best: in the entry point asked for, or else in the emptiest that has room.
    /// The seat counts there from now on.
    ///
    /// # Errors
    /// [`EnterRefusal::NoRoute`], [`EnterRefusal::Full`], [`EnterRefusal::Down`], or [`EnterRefusal::Superseded`] when
    /// the session ended meanwhile.
    pub fn route(&self, map: u16, entry: Option<u16>) -> Result<Route, EnterRefusal> {
        let inner = &self.directory.inner;
        let mut state = self.directory.lock();
        let State { seats, health, .. } = &mut *state;
        let at = seats
            .route(self.account, self.ticket, |players| inner.choose(map, entry, players, health))
            .unwrap_or(Err(EnterRefusal::Superseded))?;
        Ok(inner.routes.all()[at])
    }

    /// Asks the route's shard to keep a place for the character as just taken from the store. After `Ok` the
    /// character is the shard's; after an error nobody has it, or it is on its way out.
    ///
    /// # Errors
    /// See [`PlaceRefusal`].
    pub async fn place(
        mut self,
        route: &Route,
        character: LoadedCharacter,
        token_id: [u8; 16],
        ttl_s: u16,
    ) -> Result<(), PlaceRefusal> {
        let directory = self.directory.clone();
        let owner_epoch = character.hot.owner_epoch;
        if !directory.lock().seats.taken(self.account, self.ticket, owner_epoch) {
            return Err(PlaceRefusal::Ended);
        }
        let (reply, answer) = oneshot::channel();
        let reservation =
            Box::new(Reservation { token_id, generation: self.generation, character, instance: route.instance, ttl_s });
        let link = directory
            .inner
            .link_position(route.shard)
            .map(|at| &directory.inner.links[at])
            .ok_or(PlaceRefusal::Gone)?;
        link.commands.try_send(Command::Reserve { reservation, reply }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => PlaceRefusal::Busy,
            mpsc::error::TrySendError::Closed(_) => PlaceRefusal::Gone,
        })?;
        match answer.await {
            Ok(Ok(())) => self.kept(),
            Ok(Err(ReserveRefusal::AlreadyHere)) => {
                log::error!(
                    "{:?} already has {:?}, which has no seat here: it is told to leave",
                    route.shard,
                    self.character
                );
                self.handed_over = true;
                let order = directory.lock().seats.found_elsewhere(self.account, self.ticket);
                directory.send(order);
                Err(PlaceRefusal::Refused(ReserveRefusal::AlreadyHere))
            }
            Ok(Err(refusal)) => Err(PlaceRefusal::Refused(refusal)),
            Err(_shard_gone) => Err(PlaceRefusal::Gone),
        }
    }

    fn kept(mut self) -> Result<(), PlaceRefusal> {
        self.handed_over = true;
        let reserved = self.directory.lock().seats.reserved(self.account, self.ticket);
        match reserved {
            Reserved::Kept => Ok(()),
            Reserved::Ended(order) => {
                self.directory.send(Some(order));
                Err(PlaceRefusal::Ended)
            }
            Reserved::Gone => Err(PlaceRefusal::Ended),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.handed_over {
            self.directory.lock().seats.release(self.account, self.ticket);
        }
    }
}
