//! Reading parcels, auctions and cash.

use crate::backend::Failure;
use crate::characters::items_in;
use crate::error::StoreError;
use crate::event::{Currency, Place};
use crate::ids::{AccountId, CharacterId, ItemUid};
use crate::sql::{Sql, Value};
use crate::statements as s;
use crate::store::{Item, OpenListing, OpenParcel};

pub(crate) fn parcels(sql: &mut dyn Sql, character: CharacterId) -> Result<Vec<OpenParcel>, Failure> {
    let rows = sql.query(s::PARCELS_FOR, &[Value::Int(character.0)])?;
    let parcels = rows.iter().map(|row| {
        let items = if row.int(4) > 0 { items_in(sql, row.big(0), Place::POST)? } else { Vec::new() };
        Ok(OpenParcel {
            id: row.big(0),
            from: row.big(1),
            from_name: row.text(2).to_owned(),
            zen: row.big(3),
            items,
            made_by: row.id(5),
        })
    });
    parcels.collect()
}

pub(crate) fn listings(sql: &mut dyn Sql) -> Result<Vec<OpenListing>, Failure> {
    let rows = sql.query(s::LISTINGS_OPEN, &[])?;
    let listings = rows.iter().map(|row| OpenListing {
        id: row.big(0),
        version: row.int(1),
        seller: row.big(2),
        min_bid: row.big(3),
        buy_out: row.big(4),
        ends_s: row.big(5),
        bidder: row.big(6),
        bid: row.big(7),
        item: Item {
            uid: ItemUid(row.big(8)),
            version: row.int(9),
            template: row.int(10),
            level: row.int(11),
            container: i32::from(Place::AUCTION),
            slot: 0,
        },
    });
    Ok(listings.collect())
}

pub(crate) fn cash(sql: &mut dyn Sql, account: AccountId) -> Result<i64, Failure> {
    let rows = sql.query(s::BALANCE, &[Value::Int(account.0), Value::Int(Currency::Cash.code().into())])?;
    let row = rows.first().ok_or_else(|| StoreError::Permanent("a sum has one row".to_owned()))?;
    Ok(row.big(0))
}
