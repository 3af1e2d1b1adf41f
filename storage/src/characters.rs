//! Characters: lists, a character with everything it has, and taking one over.

use crate::backend::{Failure, transact};
use crate::error::{StoreError, TakeError};
use crate::event::Place;
use crate::ids::{AccountId, CharacterId, ItemUid};
use crate::planted::{self, Bug};
use crate::sql::{Access, Row, Sql, Value};
use crate::statements as s;
use crate::store::{Character, CharacterGrowth, HotRow, Item, LoadedCharacter};

pub(crate) fn of_account(sql: &mut dyn Sql, account: AccountId) -> Result<Vec<Character>, Failure> {
    let rows = sql.query(s::CHARACTERS_OF, &[Value::Int(account.0)])?;
    Ok(rows.iter().map(character).collect())
}

pub(crate) fn load(sql: &mut dyn Sql, id: CharacterId) -> Result<Option<LoadedCharacter>, Failure> {
    let rows = sql.query(s::CHARACTER, &[Value::Int(id.0)])?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let hot = HotRow {
        character: id,
        owner_epoch: row.big(5),
        version: row.big(6),
        map: row.int(7),
        entry: row.int(8),
        x: row.int(9),
        y: row.int(10),
        heading: row.int(11),
        hp: row.int(12),
        mp: row.int(13),
    };
    let small = |column: usize| u16::try_from(row.int(column)).unwrap_or(u16::MAX);
    let growth = CharacterGrowth {
        version: row.int(16),
        level: small(4),
        points: small(17),
        stats: [small(18), small(19), small(20), small(21)],
    };
    let items = items_in(sql, id.0, Place::INVENTORY)?;
    let warehouse = items_in(sql, row.big(1), Place::WAREHOUSE)?;
    let ground = items_in(sql, id.0, Place::GROUND)?;
    let (zen, stored_zen) = (row.big(14), row.big(15));
    Ok(Some(LoadedCharacter { character: character(row), hot, zen, items, stored_zen, warehouse, ground, growth }))
}

/// The items in a container, by slot.
pub(crate) fn items_in(sql: &mut dyn Sql, owner: i64, container: u8) -> Result<Vec<Item>, Failure> {
    let items = sql.query(s::ITEMS_IN, &[Value::Int(owner), Value::Int(container.into())])?;
    let items = items.iter().map(|row| Item {
        uid: ItemUid(row.big(0)),
        version: row.int(1),
        template: row.int(2),
        level: row.int(3),
        container: row.int(4),
        slot: row.int(5),
    });
    Ok(items.collect())
}

/// What a take found.
enum Taken {
    Loaded(Box<LoadedCharacter>),
    NotFound,
    Frozen,
}

pub(crate) fn take(sql: &mut dyn Sql, id: CharacterId, account: AccountId) -> Result<LoadedCharacter, TakeError> {
    let taken = transact(sql, Access::WriteSnapshot, |sql| {
        if !sql.query(s::CHARACTER_FROZEN, &[Value::Int(id.0)])?.is_empty() {
            // A frozen character of another account is none of the caller's business.
            let own = of_account(sql, account)?.iter().any(|character| character.id == id);
            return Ok(if own { Taken::Frozen } else { Taken::NotFound });
        }
        let planted =
            planted::is(Bug::EpochNotBumped) && load(sql, id)?.is_some_and(|l| l.character.account == account);
        if !planted && sql.execute(s::CHARACTER_TAKE, &[Value::Int(id.0), Value::Int(account.0)])? == 0 {
            return Ok(Taken::NotFound);
        }
        let loaded = load(sql, id)?;
        loaded
            .map(|loaded| Taken::Loaded(Box::new(loaded)))
            .ok_or_else(|| StoreError::Permanent(format!("character {id} has no balance: run the audit")).into())
    });
    match taken.map_err(StoreError::from)? {
        Taken::Loaded(character) => Ok(*character),
        Taken::NotFound => Err(TakeError::NotFound),
        Taken::Frozen => Err(TakeError::Frozen),
    }
}

fn character(row: &Row) -> Character {
    Character {
        id: CharacterId(row.big(0)),
        account: AccountId(row.big(1)),
        name: row.text(2).to_owned(),
        class: row.int(3),
        level: row.int(4),
    }
}
