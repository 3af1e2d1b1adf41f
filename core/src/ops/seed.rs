//! The demo's accounts and characters: made once, found again at the next start.
//!
//! Characters come to life through the journal like any other; only their accounts are written in bulk. The password is
//! printed, so its hash is the cheapest there is.

use std::collections::BTreeSet;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use mu_config::{Content, MapDef, Plan};
use mu_storage::error::{AccountError, StoreError};
use mu_storage::event::{Birth, CharacterName, ValueEvent};
use mu_storage::ids::{IdBlock, Sequence};
use mu_storage::store::{NewAccount, Outcome, Role, Store, open};
use mu_wire::motion::Tile;

use super::CommandError;
use crate::boot::Running;
use crate::map::event_ids::EventIds;
use crate::runtime::Clock;

/// Bots are `bot00001`, `bot00002`, …
pub const BOT_PREFIX: &str = "bot";

/// The password of every demo account.
pub const PASSWORD: &str = "demo-only";

/// Accounts for people who want to look around.
const PEOPLE: [&str; 3] = ["demo1", "demo2", "demo3"];

/// Births submitted before their outcomes are awaited.
const BIRTHS_AT_ONCE: usize = 256;

/// The instance number in the event ids of demo births; map instances count from 0, the gateway uses the highest.
const EVENT_SOURCE: u32 = u32::MAX - 1;

/// What the banner prints.
#[derive(Debug)]
pub struct DemoAccounts {
    /// Names of the accounts for people.
    pub names: Vec<&'static str>,
    /// The password of all of them.
    pub password: &'static str,
}

/// Makes sure that the demo accounts and `bots` bots exist, each bot with a character somewhere in the world.
///
/// # Errors
/// [`CommandError::Store`] when the store does not answer.
pub fn demo_accounts(plan: &Plan, server: &Running, bots: u32) -> Result<DemoAccounts, CommandError> {
    let mut store = open(&plan.settings.store.url, Role::Tool)?;
    let bot_names: Vec<String> = (1..=bots).map(|number| format!("{BOT_PREFIX}{number:05}")).collect();
    create_accounts(&mut *store, PEOPLE.iter().copied().chain(bot_names.iter().map(String::as_str)))?;
    let mut births = Births::new(plan, &mut *store, server, bots)?;
    for (name, place) in bot_names.iter().zip(standing_places(&plan.content).cycle()) {
        let account = store.account_by_name(name)?.ok_or_else(|| missing(name))?;
        if store.characters(account.id)?.is_empty() {
            births.add(server, account.id.0, name, place)?;
        }
    }
    births.finish()?;
    Ok(DemoAccounts { names: PEOPLE.to_vec(), password: PASSWORD })
}

fn missing(name: &str) -> StoreError {
    StoreError::Permanent(format!("account {name} was just created and is not there"))
}

/// Writes the accounts that are not there yet, all with one hash.
fn create_accounts<'a>(store: &mut dyn Store, names: impl Iterator<Item = &'a str>) -> Result<(), CommandError> {
    let params = Params::new(Params::MIN_M_COST, 1, 1, None).expect("the least parameters are valid");
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = hasher.hash_password(PASSWORD.as_bytes()).expect("the least parameters hash any password").to_string();
    let mut fresh = Vec::new();
    for name in names {
        if store.account_by_name(name)?.is_none() {
            fresh.push(name);
        }
    }
    let count = u32::try_from(fresh.len()).unwrap_or(u32::MAX);
    if count == 0 {
        return Ok(());
    }
    let ids = IdBlock::new(store.id_block(Sequence::Account, count)?, count);
    let created_us = i64::try_from(Clock::unix_ms() * 1_000).unwrap_or(i64::MAX);
    let accounts: Vec<NewAccount<'_>> = fresh
        .into_iter()
        .zip(ids)
        .map(|(name, id)| NewAccount { id: mu_storage::ids::AccountId(id), name, password: &hash, created_us })
        .collect();
    store.accounts_create_many(&accounts).map_err(|error| match error {
        AccountError::Store(error) => error,
        other => StoreError::Permanent(other.to_string()),
    })?;
    Ok(())
}

/// A place to stand: entry point, map and tile.
type Standing = (u16, u16, Tile);

/// Every spawn and portal arrival of every map of every entry point, taking the maps of all entry points in turn.
fn standing_places(content: &Content) -> impl Iterator<Item = Standing> + Clone {
    let mut places: Vec<Standing> = Vec::new();
    for entry in content.worlds.iter().flat_map(|world| &world.entries) {
        for map in entry.maps.iter().filter_map(|id| content.map(*id)) {
            places.extend(tiles(content, map).into_iter().map(|tile| (entry.id, map.id, tile)));
        }
    }
    places.into_iter()
}

fn tiles(content: &Content, map: &MapDef) -> BTreeSet<Tile> {
    let byte = |tile: u16| u8::try_from(tile).unwrap_or(u8::MAX);
    let spawns =
        map.spawns.iter().map(|spawn| (spawn.area.x + spawn.area.width / 2, spawn.area.y + spawn.area.height / 2));
    let arrivals = content.maps.iter().flat_map(|other| &other.portals).filter(|portal| portal.to_map == map.id);
    spawns
        .chain(arrivals.map(|portal| portal.to))
        .filter(|(x, y)| map.walk.get(*x, *y))
        .map(|(x, y)| Tile { x: byte(x), y: byte(y) })
        .collect()
}

/// Submits births and waits for them in groups.
struct Births<'a> {
    content: &'a Content,
    events: EventIds,
    characters: IdBlock,
    items: IdBlock,
    waiting: Vec<tokio::sync::oneshot::Receiver<Outcome>>,
}

impl<'a> Births<'a> {
    fn new(plan: &'a Plan, store: &mut dyn Store, server: &Running, bots: u32) -> Result<Self, CommandError> {
        let kit = plan.content.classes.iter().map(|class| class.kit.items.len()).max().unwrap_or(0);
        let items = bots.saturating_mul(u32::try_from(kit).unwrap_or(u32::MAX)).max(1);
        Ok(Self {
            content: &plan.content,
            events: EventIds::new(plan.settings.host.realm, server.boot(), EVENT_SOURCE),
            characters: IdBlock::new(store.id_block(Sequence::Character, bots.max(1))?, bots.max(1)),
            items: IdBlock::new(store.id_block(Sequence::Item, items)?, items),
            waiting: Vec::new(),
        })
    }

    fn add(
        &mut self,
        server: &Running,
        account: i64,
        name: &str,
        (entry, map, tile): Standing,
    ) -> Result<(), CommandError> {
        let Some(character) = self.characters.next() else { return Ok(()) };
        let classes = &self.content.classes;
        let class = &classes[usize::try_from(character.unsigned_abs()).unwrap_or(0) % classes.len()];
        let at = tile.centre();
        let name = CharacterName::new(name).map_err(|error| StoreError::Permanent(error.to_string()))?;
        let birth = Birth {
            character,
            account,
            name,
            class: class.id,
            entry,
            map,
            x: at.x,
            y: at.y,
            heading: 0,
            hp: class.hp,
            mp: class.mp,
        };
        let items: Vec<(i64, u16, u8, u16)> = (&mut self.items)
            .zip(class.kit.items.iter().zip(0u16..))
            .map(|(uid, (item, slot))| (uid, item.template, item.level, slot))
            .collect();
        let zen = i64::try_from(class.kit.zen).unwrap_or(i64::MAX);
        let event = ValueEvent::character_birth(self.events.issue(), birth, zen, items);
        let submitted =
            server.submit(&event).map_err(|_busy| StoreError::Transient("the journal is busy".to_owned()))?;
        self.waiting.push(submitted);
        if self.waiting.len() >= BIRTHS_AT_ONCE { self.finish() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<(), CommandError> {
        for outcome in self.waiting.drain(..) {
            match outcome.blocking_recv() {
                Ok(Outcome::Applied) => {}
                Ok(other) => log::warn!("a bot's character was not made: {other:?}"),
                Err(_stopping) => return Err(StoreError::Transient("the server stops".to_owned()).into()),
            }
        }
        Ok(())
    }
}
