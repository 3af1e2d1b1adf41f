//! The rows of the store in memory and the transactions on them. Knows no faults: a transaction here happens or does not.
//!
//! What [`crate::apply`] decides is decided by the same function; [`State`] holds one [`World`] with every row instead of
//! loading those of a batch.

use std::collections::{BTreeMap, BTreeSet};

use super::{Decision, Holdings};
use crate::apply::decide::{Effects, Entity, HistoryRow, LedgerRow, OutcomeRow, Step, World};
use crate::apply::{Fence, decide_entry, event_id};
use crate::audit::Economy;
use crate::error::StoreError;
use crate::event::{Currency, Place, ValueEvent};
use crate::ids::{AccountId, CharacterId, ItemUid, Lsn, Sequence, SystemAccount};
use crate::names;
use crate::planted::{self, Bug};
use crate::store::{
    Account, Character, CharacterGrowth, Entry, Fenced, FlushReport, HotRow, Item, LoadedCharacter, Outcome,
};

/// A journal record that outlives the call it came with.
#[derive(Debug, Clone)]
pub(super) enum OwnedEntry {
    Event { event: Box<ValueEvent>, told: bool },
    Damaged { event_id: u128, payload: Vec<u8> },
    Other,
}

impl OwnedEntry {
    pub(super) fn of(entry: &Entry<'_>) -> Self {
        match *entry {
            Entry::Event { event, told } => Self::Event { event: Box::new(event.clone()), told },
            Entry::Damaged { event_id, payload } => Self::Damaged { event_id, payload: payload.to_vec() },
            Entry::Other => Self::Other,
        }
    }

    pub(super) fn entry(&self) -> Entry<'_> {
        match self {
            Self::Event { event, told } => Entry::Event { event, told: *told },
            Self::Damaged { event_id, payload } => Entry::Damaged { event_id: *event_id, payload },
            Self::Other => Entry::Other,
        }
    }
}

/// A journal's row.
#[derive(Debug, Clone, Default)]
pub(super) struct JournalRow {
    pub(super) log_id: u128,
    pub(super) applied: u64,
    pub(super) decided: usize,
    pub(super) repeated: usize,
    pub(super) other: usize,
}

#[derive(Debug, Clone)]
pub(super) struct CharacterRow {
    pub(super) row: Character,
    pub(super) born_by: u128,
}

/// Every row of the store.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) accounts: BTreeMap<i64, Account>,
    pub(super) characters: BTreeMap<i64, CharacterRow>,
    pub(super) hot: BTreeMap<i64, HotRow>,
    pub(super) outcomes: BTreeMap<u128, (i64, OutcomeRow)>,
    /// Event ids by the position that decided them; of the newest journal where several have one.
    by_position: BTreeMap<u64, u128>,
    pub(super) history: BTreeMap<(i64, i32), HistoryRow>,
    pub(super) ledger: Vec<LedgerRow>,
    pub(super) reviews: BTreeSet<u128>,
    pub(super) journals: BTreeMap<i64, JournalRow>,
    pub(super) items_minted: usize,
    pub(super) items_burned: usize,
    sequences: BTreeMap<i64, i64>,
    epoch: i64,
    boot: u32,
    current: i64,
}

impl State {
    /// The tables as a migration leaves them.
    pub(super) fn new() -> Self {
        let mut state = Self::default();
        for sequence in Sequence::ALL {
            state.sequences.insert(sequence.key(), 1);
        }
        for account in SystemAccount::ALL {
            for currency in account.currencies() {
                let balance = crate::apply::decide::Balance { before: Some(0), now: 0 };
                state.world.balances.insert((account.ledger_account(), currency.code()), balance);
            }
        }
        state
    }

    pub(super) fn fence(&mut self, log_id: u128) -> (Fence, Fenced) {
        self.epoch += 1;
        self.boot += 1;
        let known = self.journals.iter().find(|(_, row)| row.log_id == log_id).map(|(&id, _)| id);
        let journal = known.unwrap_or_else(|| self.journals.keys().last().map_or(1, |id| id + 1));
        self.current = journal;
        let row = self.journals.entry(journal).or_insert_with(|| JournalRow { log_id, ..JournalRow::default() });
        (Fence { epoch: self.epoch, journal }, Fenced { applied: Lsn(row.applied), boot: self.boot })
    }

    pub(super) fn applied(&self, log_id: u128) -> Lsn {
        Lsn(self.journals.values().find(|row| row.log_id == log_id).map_or(0, |row| row.applied))
    }

    /// The position of the fenced journal.
    pub(super) fn held(&self, fence: Fence) -> Result<Lsn, StoreError> {
        if self.epoch != fence.epoch {
            return Err(StoreError::Fenced { ours: fence.epoch, newest: self.epoch });
        }
        Ok(Lsn(self.journals.get(&fence.journal).map_or(0, |row| row.applied)))
    }

    /// One batch, one transaction. On an error nothing changed.
    pub(super) fn apply(
        &mut self,
        fence: Fence,
        batch: &[(Lsn, OwnedEntry)],
        refused: Option<&str>,
    ) -> Result<Vec<Outcome>, StoreError> {
        if self.epoch != fence.epoch && !planted::is(Bug::FenceNotHeld) {
            return Err(StoreError::Fenced { ours: fence.epoch, newest: self.epoch });
        }
        let applied = self.journals.get(&fence.journal).map_or(0, |row| row.applied);
        let first = batch[0].0;
        if first.0 > applied + 1 {
            return Err(StoreError::Behind { applied: Lsn(applied), first });
        }
        let ids = || batch.iter().filter_map(|(lsn, entry)| Some((*lsn, event_id(&entry.entry())?)));
        let mut decided: BTreeMap<u128, Outcome> = ids().filter_map(|(_, id)| Some((id, self.outcome(id)?))).collect();
        let open = ids().find(|(lsn, id)| lsn.0 <= applied && !decided.contains_key(id));
        if let Some((lsn, _)) = open.filter(|_| !planted::is(Bug::PositionFirst)) {
            return Err(StoreError::Permanent(format!("{lsn:?} lies before {applied} but was never decided")));
        }
        let mut effects = Effects::default();
        self.world.journal = fence.journal;
        for (lsn, entry) in batch {
            let known = event_id(&entry.entry()).is_none_or(|id| decided.contains_key(&id));
            if !known {
                decide_entry(&mut self.world, &mut effects, &mut decided, *lsn, &entry.entry(), refused);
            }
        }
        self.advance(fence.journal, applied, batch, effects.outcomes.len());
        self.keep(fence.journal, effects);
        let outcome =
            |(_, entry): &(Lsn, OwnedEntry)| event_id(&entry.entry()).map_or(Outcome::Applied, |id| decided[&id]);
        Ok(batch.iter().map(outcome).collect())
    }

    /// The planted mistake: the position moves before anything is decided.
    pub(super) fn move_position(&mut self, fence: Fence, batch: &[(Lsn, OwnedEntry)]) {
        let applied = self.journals.get(&fence.journal).map_or(0, |row| row.applied);
        let known = batch.iter().all(|(_, entry)| event_id(&entry.entry()).is_none_or(|id| self.outcome(id).is_some()));
        if !known && self.epoch == fence.epoch {
            self.advance(fence.journal, applied, batch, batch.len());
        }
    }

    fn advance(&mut self, journal: i64, applied: u64, batch: &[(Lsn, OwnedEntry)], decided: usize) {
        let last = batch[batch.len() - 1].0.0;
        if last <= applied {
            return;
        }
        let passed: Vec<_> = batch.iter().filter(|(lsn, _)| lsn.0 > applied).collect();
        let others = passed.iter().filter(|(_, entry)| event_id(&entry.entry()).is_none()).count();
        let row = self.journals.entry(journal).or_default();
        row.applied = last;
        row.decided += decided;
        row.other += others;
        row.repeated += passed.len() - others - decided;
    }

    /// Adds the rows of decided events.
    fn keep(&mut self, journal: i64, effects: Effects) {
        for (birth, born_by) in effects.births {
            let (id, name) = (birth.character, birth.name.as_str().to_owned());
            let class = birth.class.into();
            let row = Character { id: CharacterId(id), account: AccountId(birth.account), name, class, level: 1 };
            self.characters.insert(id, CharacterRow { row, born_by });
            let hot = HotRow {
                character: CharacterId(id),
                owner_epoch: 0,
                version: 0,
                map: birth.map.into(),
                entry: birth.entry.into(),
                x: birth.x.into(),
                y: birth.y.into(),
                heading: birth.heading.into(),
                hp: birth.hp.into(),
                mp: birth.mp.into(),
            };
            self.hot.insert(id, hot);
        }
        for row in effects.outcomes {
            self.by_position.insert(row.lsn.0, row.event_id);
            let before = self.outcomes.insert(row.event_id, (journal, row));
            assert!(before.is_none(), "an event is decided once: {before:?}");
        }
        for row in effects.history {
            self.items_minted += usize::from(row.step == Step::Minted);
            self.items_burned += usize::from(row.step == Step::Burned);
            let before = self.history.insert((row.uid, row.seq), row);
            assert!(before.is_none(), "an item has one history row per version: {before:?}");
        }
        self.ledger.extend(effects.ledger);
        for row in effects.reviews {
            assert!(self.reviews.insert(row.event_id), "an event is reviewed once: {:032x}", row.event_id);
        }
    }

    pub(super) fn outcome(&self, event_id: u128) -> Option<Outcome> {
        self.outcomes.get(&event_id).map(|(_, row)| row.outcome)
    }

    pub(super) fn decisions(&self, after: Lsn) -> Vec<Decision> {
        let behind = self.by_position.range(after.0 + 1..).filter_map(|(_, id)| self.outcomes.get(id));
        let decision =
            |(_, row): &(i64, OutcomeRow)| Decision { event_id: row.event_id, lsn: row.lsn, outcome: row.outcome };
        behind.map(decision).collect()
    }

    pub(super) fn holdings(&self) -> Holdings {
        let balances = self.world.balances.iter().map(|(key, balance)| (*key, balance.now)).collect();
        let items = self.world.items.iter().filter_map(|(uid, item)| Some((*uid, item.now?)));
        (balances, items.map(|(uid, item)| (uid, (item.place, item.version))).collect())
    }

    /// Zen of a character; `None` before its birth.
    fn zen(&self, character: i64) -> Option<i64> {
        self.world.balances.get(&(character, Currency::Zen.code())).map(|balance| balance.now)
    }

    pub(super) fn character(&self, id: CharacterId) -> Option<LoadedCharacter> {
        let mut character = self.characters.get(&id.0)?.row.clone();
        let grown = self.world.characters.get(&id.0)?.now?.growth;
        character.level = grown.level;
        let small = |n: i32| u16::try_from(n).unwrap_or(u16::MAX);
        let growth = CharacterGrowth {
            version: grown.version,
            level: small(grown.level),
            points: small(grown.points),
            stats: grown.stats.map(small),
        };
        let stored = (character.account.0, Currency::ZenStored.code());
        let stored_zen = self.world.balances.get(&stored).map_or(0, |balance| balance.now);
        let warehouse = self.items_in(character.account.0, Place::WAREHOUSE);
        let (items, ground) = (self.items_in(id.0, Place::INVENTORY), self.items_in(id.0, Place::GROUND));
        let (hot, zen) = (*self.hot.get(&id.0)?, self.zen(id.0)?);
        Some(LoadedCharacter { character, hot, zen, items, stored_zen, warehouse, ground, growth })
    }

    /// The items in a container, by slot.
    fn items_in(&self, owner: i64, container: u8) -> Vec<Item> {
        let (lowest, highest) = (Place { owner, container, slot: 0 }, Place { owner, container, slot: u16::MAX });
        let items = self.world.places.range(lowest..=highest).filter_map(|(place, &uid)| {
            let item = self.world.items.get(&uid)?.now?;
            Some(Item {
                uid: ItemUid(uid),
                version: item.version,
                template: item.template,
                level: item.level,
                container: place.container.into(),
                slot: place.slot.into(),
            })
        });
        items.collect()
    }

    pub(super) fn frozen(&self, id: CharacterId) -> bool {
        let account = self.characters.get(&id.0).map(|character| character.row.account.0);
        self.world.is_frozen(Entity::Character(id.0))
            || account.is_some_and(|account| self.world.is_frozen(Entity::Account(account)))
    }

    /// Takes a character over; `None` if it is not the account's.
    pub(super) fn take(&mut self, id: CharacterId, account: AccountId) -> Option<LoadedCharacter> {
        let own = self.characters.get(&id.0).is_some_and(|character| character.row.account == account);
        if own && let Some(hot) = self.hot.get_mut(&id.0) {
            hot.owner_epoch += i64::from(!planted::is(Bug::EpochNotBumped));
        }
        own.then(|| self.character(id)).flatten()
    }

    pub(super) fn flush(&mut self, rows: &[HotRow]) -> FlushReport {
        let mut newest: BTreeMap<i64, HotRow> = BTreeMap::new();
        for row in rows {
            let kept = newest.entry(row.character.0).or_insert(*row);
            if (kept.owner_epoch, kept.version) < (row.owner_epoch, row.version) {
                *kept = *row;
            }
        }
        let mut report = FlushReport::default();
        for (id, row) in newest {
            let newer = |old: &HotRow| (old.owner_epoch, old.version) < (row.owner_epoch, row.version);
            match self.hot.get_mut(&id).filter(|old| newer(old) || planted::is(Bug::LateFlushWins)) {
                Some(old) => {
                    *old = row;
                    report.written += 1;
                }
                None => report.stale.push(CharacterId(id)),
            }
        }
        report
    }

    pub(super) fn id_block(&mut self, sequence: Sequence, count: u32) -> i64 {
        let next = self.sequences.entry(sequence.key()).or_insert(1);
        *next += i64::from(count);
        *next - i64::from(count)
    }

    pub(super) fn account_by_key(&self, key: &str) -> Option<&Account> {
        self.accounts.values().find(|account| names::key(&account.name) == key)
    }

    /// Adds an account unless its name is taken; whose name it is.
    pub(super) fn account_create(&mut self, account: Account) -> AccountId {
        if let Some(found) = self.account_by_key(&names::key(&account.name)) {
            return found.id;
        }
        let id = account.id;
        self.world.accounts.insert(id.0, 0);
        self.accounts.insert(id.0, account);
        id
    }

    pub(super) fn session_open(&mut self, account: AccountId) -> Option<u64> {
        let account = self.accounts.get_mut(&account.0)?;
        account.generation += 1;
        Some(account.generation)
    }

    pub(super) fn economy(&self) -> Economy {
        let family = Currency::Zen.family();
        let zen = || self.world.balances.iter().filter(|((_, currency), _)| currency / Currency::FAMILY == family);
        // Zen inside parcels and standing bids belongs to players.
        let held = [SystemAccount::Post, SystemAccount::Auction].map(SystemAccount::ledger_account);
        let theirs = |account: i64| account > 0 || held.contains(&account);
        let count = |n: usize| i64::try_from(n).expect("rows in memory");
        Economy {
            zen_players: zen().filter(|((account, _), _)| theirs(*account)).map(|(_, b)| b.now).sum(),
            zen_minted: zen().filter(|((account, _), b)| !theirs(*account) && b.now < 0).map(|(_, b)| -b.now).sum(),
            zen_burned: zen().filter(|((account, _), b)| !theirs(*account) && b.now > 0).map(|(_, b)| b.now).sum(),
            items_live: count(self.world.items.values().filter(|item| item.now.is_some()).count()),
            items_minted: count(self.items_minted),
            items_burned: count(self.items_burned),
            applied_lsn: self.journals.get(&self.current).map_or(0, |row| row.applied),
        }
    }
}
