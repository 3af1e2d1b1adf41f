//! Events that the tests of this room share.

use super::{
    BalanceChange, Birth, CharacterName, Close, Currency, Deed, EventKind, Growth, ItemBurn, ItemMint, ItemMove,
    Letter, Listing, MAX_BALANCES, MAX_BURNS, MAX_MINTS, MAX_MOVES, MAX_PARCELS, Parcel, Place, Resolve, Standing,
    Text, ValueEvent,
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

const fn moved(uid: i64, version: i32, from: Place, to: Place) -> ItemMove {
    ItemMove { uid, version, from, to }
}

/// A resolution's deed.
pub(crate) fn resolve(event_id: u128, action: Resolve, second: &str) -> Deed {
    let (operator, reason) = (Text::new("ada"), Text::new("checked by hand"));
    Deed::Resolution { event_id, action, operator, reason, second: Text::new(second) }
}

/// An auction on which character 2 has bid 50.
pub(crate) const STANDING: Standing =
    Standing { listing: 70, version: 2, seller: 1, bidder: 2, bid: 50, item: 11, item_version: 3 };

/// A well-formed event of each kind, in the order of their numbers.
pub(crate) fn of_each_kind() -> Vec<ValueEvent> {
    let bag = |slot| Place::inventory(1, slot);
    let growth = Growth { character: 1, version: 4, level: 6, points: 5, stats: [20, 21, 22, 23] };
    let listing = Listing { id: 70, seller: 1, min_bid: 40, buy_out: 200, ends_s: 1_000 };
    let letter = Letter { id: 60, to: 2, zen: 30, items: &[(11, 2, bag(3))], goods: &[] };
    let goods = Letter { id: 61, to: 2, zen: 0, items: &[], goods: &[(500, 17, 1)] };
    let gift = Letter { zen: 25, ..goods };
    let burn = ItemBurn { uid: 11, version: 2, from: bag(3) };
    vec![
        birth(),
        trade(),
        ValueEvent::warehouse_move(3, 1, 8, 100, [moved(11, 2, bag(3), Place::warehouse(8, 0))]),
        ValueEvent::drop_items(4, [moved(11, 2, bag(3), Place::ground(1, 0))]),
        ValueEvent::pick_up(5, 1, 40, [(500, 17, 1, 4)], [moved(11, 3, Place::ground(2, 0), bag(5))]),
        ValueEvent::despawn(6, [ItemBurn { uid: 11, version: 3, from: Place::ground(1, 0) }]),
        ValueEvent::shop_buy(7, 1, 100, 5, [(500, 17, 0, 4)]),
        ValueEvent::shop_sell(8, 1, 60, [burn]),
        ValueEvent::mail_send(9, 1, 2, &[letter]),
        ValueEvent::mail_claim(10, 2, 60, 30, [moved(11, 3, Place::post(60, 0), Place::inventory(2, 0))]),
        ValueEvent::auction_list(11, listing, 3, (11, 2, bag(3))),
        ValueEvent::auction_bid(12, &STANDING, 3, 80, 62),
        ValueEvent::auction_buy_out(13, &STANDING, 3, 200, 10, [63, 64, 65]),
        ValueEvent::auction_close(14, &STANDING, Close::Sold, 5, [66, 67]),
        ValueEvent::cash_credit(15, 8, 1_000, "payment-1"),
        ValueEvent::cash_spend(16, 8, 300, "wings", &[goods]),
        ValueEvent::level_up(17, growth),
        ValueEvent::points_spend(18, growth),
        ValueEvent::gm_grant(19, "ada", "event prize", &[gift]),
        ValueEvent::gm_take(20, "ada", "cheated", [burn], &[(1, Currency::Zen, 9), (8, Currency::ZenStored, 4)]),
        ValueEvent::compensation(21, "ada", "lost to a defect", &[gift]),
        ValueEvent::resolution(22, resolve(7, Resolve::Compensate, "bob"), &[gift], Some((8, 100))),
    ]
}

/// Every list full. Not well formed; only its size matters.
pub(crate) fn full() -> ValueEvent {
    let mut event = birth();
    let long = |len: usize| "x".repeat(len);
    let (operator, reason, second) = (Text::new(&long(32)), Text::new(&long(128)), Text::new(&long(32)));
    let action = Resolve::Compensate;
    event.deed = Some(Deed::Resolution { event_id: u128::MAX, action, operator, reason, second });
    let place = Place { owner: i64::MAX, container: u8::MAX, slot: u16::MAX };
    event.parcels = [Parcel { id: i64::MAX, from: i64::MAX, to: i64::MAX, zen: i64::MAX }; MAX_PARCELS].into();
    event.mints = [ItemMint { uid: i64::MAX, template: u16::MAX, level: u8::MAX, to: place }; MAX_MINTS].into();
    event.moves = [ItemMove { uid: i64::MAX, version: i32::MAX, from: place, to: place }; MAX_MOVES].into();
    event.burns = [ItemBurn { uid: i64::MAX, version: i32::MAX, from: place }; MAX_BURNS].into();
    let change = BalanceChange { account: i64::MIN, currency: Currency::Zen, delta: i64::MIN };
    event.balances = [change; MAX_BALANCES].into();
    event
}
