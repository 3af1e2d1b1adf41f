//! Events that the tests of this room share.

use super::{
    BalanceChange, Birth, CharacterName, Currency, EventKind, ItemBurn, ItemMint, ItemMove, MAX_BALANCES, MAX_BURNS,
    MAX_MINTS, MAX_MOVES, Place, ValueEvent,
};

/// Two characters exchange an item each and 30 zen.
pub(crate) fn trade() -> ValueEvent {
    let mut event = ValueEvent::new(0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10, EventKind::Trade);
    let (a, b) = (Place::inventory(1, 3), Place::inventory(2, 4));
    event.moves.push(ItemMove { uid: 11, version: 2, from: a, to: Place::inventory(2, 5) });
    event.moves.push(ItemMove { uid: 12, version: 7, from: b, to: Place::inventory(1, 6) });
    event.balances.push(BalanceChange { account: 1, currency: Currency::Zen, delta: -30 });
    event.balances.push(BalanceChange { account: 2, currency: Currency::Zen, delta: 30 });
    event
}

/// A character with two items and 1,000 zen.
pub(crate) fn birth() -> ValueEvent {
    let name = CharacterName::new("Freya7").unwrap();
    let (character, account) = (0x0102_0304, 0x0A0B);
    let birth = Birth {
        character,
        account,
        name,
        class: 2,
        entry: 1,
        map: 3,
        x: 0x1280,
        y: 0x3480,
        heading: 64,
        hp: 110,
        mp: 20,
    };
    ValueEvent::character_birth(99, birth, 1_000, [(501, 17, 0, 0), (502, 18, 3, 1)])
}

/// Every list full. Not well formed; only its size matters.
pub(crate) fn full() -> ValueEvent {
    let mut event = birth();
    let place = Place { owner: i64::MAX, container: u8::MAX, slot: u16::MAX };
    event.mints = [ItemMint { uid: i64::MAX, template: u16::MAX, level: u8::MAX, to: place }; MAX_MINTS].into();
    event.moves = [ItemMove { uid: i64::MAX, version: i32::MAX, from: place, to: place }; MAX_MOVES].into();
    event.burns = [ItemBurn { uid: i64::MAX, version: i32::MAX, from: place }; MAX_BURNS].into();
    let change = BalanceChange { account: i64::MIN, currency: Currency::Zen, delta: i64::MIN };
    event.balances = [change; MAX_BALANCES].into();
    event
}
