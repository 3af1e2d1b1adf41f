//! Each rule of [`ValueEvent::check`], broken alone.

use super::Malformed;
use crate::event::samples::{STANDING, birth, of_each_kind, resolve, trade};
use crate::event::{
    BalanceChange, Close, Currency, Deed, EventKind, ItemBurn, ItemMint, ItemMove, Letter, Parcel, Place, Resolve,
    Text, ValueEvent,
};

/// A trade after one change to it.
fn broken(change: impl FnOnce(&mut ValueEvent)) -> Result<(), Malformed> {
    broken_of(EventKind::Trade, change)
}

/// The sample of a kind after one change to it.
fn broken_of(kind: EventKind, change: impl FnOnce(&mut ValueEvent)) -> Result<(), Malformed> {
    let mut event = of_each_kind().into_iter().find(|event| event.kind == kind).unwrap();
    change(&mut event);
    event.check()
}

#[test]
fn the_samples_are_well_formed_and_of_all_kinds() {
    let samples = of_each_kind();
    assert!(samples.iter().map(|event| &event.kind).eq(EventKind::ALL));
    for event in samples {
        assert_eq!(event.check(), Ok(()), "{event:?}");
    }
}

#[test]
fn a_kind_allows_only_its_own_parts() {
    let parts = Err(Malformed::Parts(EventKind::Trade));
    let item = trade().moves[0];
    let mint = ItemMint { uid: 900, template: 1, level: 0, to: Place::inventory(2, 40) };
    assert_eq!(broken(|e| e.mints.push(mint)), parts);
    assert_eq!(broken(|e| e.burns.push(ItemBurn { uid: 900, version: 1, from: item.from })), parts);
    assert_eq!(broken(|e| e.deed = birth().deed), parts);
    assert_eq!(broken(|e| e.parcels.push(Parcel { id: 1, from: 1, to: 2, zen: 1 })), parts);
    assert_eq!(broken(|e| e.moves[0].to.container = Place::POST), parts);
    assert_eq!(broken(|e| e.balances[0].account = -1), Err(Malformed::Money(EventKind::Trade, -1)));
    let orphan = broken_of(EventKind::CharacterBirth, |e| e.deed = None);
    assert_eq!(orphan, Err(Malformed::Parts(EventKind::CharacterBirth)));
    let stranger = broken_of(EventKind::CharacterBirth, |e| e.mints[0].to.owner += 1);
    assert_eq!(stranger, Err(Malformed::Strangers(EventKind::CharacterBirth)));
}

/// Whatever one kind consists of, no other kind does with the same parts, unless it is said here.
#[test]
fn a_sample_under_another_kind_is_refused() {
    for event in of_each_kind() {
        for &kind in EventKind::ALL {
            let other = ValueEvent { kind, ..event.clone() };
            let same = matches!(
                (event.kind, kind),
                (EventKind::LevelUp, EventKind::PointsSpend) | (EventKind::PointsSpend, EventKind::LevelUp)
            );
            assert_eq!(other.check().is_ok(), same || kind == event.kind, "{:?} as {kind:?}", event.kind);
        }
    }
}

#[test]
fn an_event_does_something() {
    use EventKind as K;
    let empty = [K::WarehouseMove, K::Drop, K::PickUp, K::Despawn, K::ShopBuy, K::ShopSell, K::MailClaim, K::GmTake];
    for kind in empty {
        let nothing = broken_of(kind, |e| {
            e.mints.clear();
            e.moves.clear();
            e.burns.clear();
            e.balances.clear();
        });
        assert_eq!(nothing, Err(Malformed::Parts(kind)));
    }
    for kind in [K::CashCredit, K::CashSpend] {
        assert_eq!(broken_of(kind, |e| e.balances.clear()), Err(Malformed::Parts(kind)));
    }
}

#[test]
fn ids_versions_and_places_have_bounds() {
    assert_eq!(broken(|e| e.moves[0].uid = 0), Err(Malformed::Id(0)));
    assert_eq!(broken(|e| e.moves[0].to.owner = -1), Err(Malformed::Id(-1)));
    assert_eq!(broken(|e| e.moves[0].version = 0), Err(Malformed::Version { uid: 11, version: 0 }));
    let last = i32::MAX;
    assert_eq!(broken(|e| e.moves[0].version = last), Err(Malformed::Version { uid: 11, version: last }));
    let far = Place::inventory(2, 1024);
    assert_eq!(broken(|e| e.moves[0].to = far), Err(Malformed::Place(far)));
    assert_eq!(broken_of(EventKind::CharacterBirth, |e| e.balances[0].account = -99), Err(Malformed::Id(-99)));
}

#[test]
fn nothing_appears_twice() {
    let (first, second) = (trade().moves[0], trade().moves[1]);
    assert_eq!(broken(|e| e.moves[1].uid = first.uid), Err(Malformed::ItemTwice(first.uid)));
    assert_eq!(broken(|e| e.moves[1].to = first.to), Err(Malformed::PlaceTwice(first.to)));
    assert_eq!(broken(|e| e.moves[0].from = second.from), Err(Malformed::PlaceTwice(second.from)));
    assert_eq!(broken(|e| e.balances[1].account = 1), Err(Malformed::AccountTwice(1)));
}

#[test]
fn money_neither_appears_nor_disappears() {
    assert_eq!(broken(|e| e.balances[0].delta += 1), Err(Malformed::Unbalanced(1)));
    assert_eq!(broken(|e| e.balances.truncate(1)), Err(Malformed::Unbalanced(-30)));
    assert_eq!(broken(|e| e.balances[0].delta = 0), Err(Malformed::NoChange(1)));
    let overflow = |e: &mut ValueEvent| e.balances.iter_mut().for_each(|change| change.delta = i64::MIN);
    assert_eq!(broken(overflow), Err(Malformed::Unbalanced(2 * i128::from(i64::MIN))));
}

#[test]
fn families_of_money_do_not_mix() {
    let stored = broken_of(EventKind::WarehouseMove, |e| e.balances[1].delta += 1);
    assert_eq!(stored, Err(Malformed::Unbalanced(1)));
    let cash = broken_of(EventKind::WarehouseMove, |e| e.balances[1].currency = Currency::Cash);
    assert_eq!(cash, Err(Malformed::Unbalanced(-100)));
    let paid_in_zen = broken_of(EventKind::CashSpend, |e| {
        e.balances.clear();
        e.balances.push(BalanceChange { account: 8, currency: Currency::Zen, delta: -300 });
        e.balances.push(BalanceChange { account: -9, currency: Currency::Zen, delta: 300 });
    });
    assert_eq!(paid_in_zen, Err(Malformed::Money(EventKind::CashSpend, 8)));
}

#[test]
fn money_goes_one_way() {
    use EventKind as K;
    let one_way =
        [(K::PickUp, 1), (K::ShopBuy, 1), (K::ShopSell, 1), (K::CashCredit, 8), (K::CashSpend, 8), (K::AuctionList, 1)];
    for (kind, account) in one_way {
        let back = |e: &mut ValueEvent| e.balances.iter_mut().for_each(|change| change.delta = -change.delta);
        assert_eq!(broken_of(kind, back), Err(Malformed::Money(kind, account)), "{kind:?}");
    }
}

#[test]
fn an_event_of_one_character_concerns_no_other() {
    use EventKind as K;
    let strangers = |kind| Err(Malformed::Strangers(kind));
    assert_eq!(broken_of(K::WarehouseMove, |e| e.balances[0].account = 2), strangers(K::WarehouseMove));
    assert_eq!(broken_of(K::WarehouseMove, |e| e.moves[0].to.owner = 9), strangers(K::WarehouseMove));
    assert_eq!(broken_of(K::Drop, |e| e.moves[0].to.owner = 2), strangers(K::Drop));
    assert_eq!(broken_of(K::PickUp, |e| e.moves[0].to.owner = 2), strangers(K::PickUp));
    assert_eq!(broken_of(K::PickUp, |e| e.mints[0].to.owner = 2), strangers(K::PickUp));
    assert_eq!(broken_of(K::AuctionList, |e| e.moves[0].from.owner = 2), strangers(K::AuctionList));
    assert_eq!(broken_of(K::CashCredit, |e| e.balances[1].account = 9), strangers(K::CashCredit));
}

#[test]
fn parcels_hold_what_is_put_into_them() {
    let kind = EventKind::MailSend;
    let parcel = |id| Err(Malformed::Parcel(id));
    assert_eq!(broken_of(kind, |e| e.parcels[0].from = 0), parcel(60));
    assert_eq!(broken_of(kind, |e| e.parcels[0].to = 0), Err(Malformed::Id(0)));
    assert_eq!(broken_of(kind, |e| e.parcels[0].zen = -1), parcel(60));
    assert_eq!(broken_of(kind, |e| e.moves[0].to.owner = 99), parcel(99));
    assert_eq!(broken_of(kind, |e| e.parcels[0].zen = 29), Err(Malformed::Money(kind, -6)));
    let twice = |e: &mut ValueEvent| e.parcels.push(e.parcels[0]);
    assert_eq!(broken_of(kind, twice), parcel(60));
    let empty = |e: &mut ValueEvent| e.parcels.push(Parcel { id: 90, from: 1, to: 2, zen: 0 });
    assert_eq!(broken_of(kind, empty), parcel(90));
    assert_eq!(broken_of(EventKind::GmGrant, |e| e.parcels[0].from = 1), parcel(61));
}

#[test]
fn a_claim_empties_its_own_parcel() {
    let other = broken_of(EventKind::MailClaim, |e| e.moves[0].from.owner = 61);
    assert_eq!(other, Err(Malformed::Deed(EventKind::MailClaim)));
}

/// The sample of a kind with another deed.
fn with_deed(kind: EventKind, deed: Deed) -> Result<(), Malformed> {
    broken_of(kind, |e| e.deed = Some(deed))
}

#[test]
fn auctions_have_prices_versions_and_one_item() {
    use EventKind as K;
    let listing = |change: fn(&mut crate::event::Listing)| {
        broken_of(K::AuctionList, |e| {
            let Some(Deed::Listing(listing)) = &mut e.deed else { panic!("a listing has one") };
            change(listing);
        })
    };
    let wrong = Err(Malformed::Deed(K::AuctionList));
    assert_eq!(listing(|l| l.min_bid = 0), wrong);
    assert_eq!(listing(|l| l.buy_out = l.min_bid - 1), wrong);
    assert_eq!(listing(|l| l.ends_s = 0), wrong);
    assert_eq!(listing(|l| l.id += 1), wrong);
    assert_eq!(listing(|l| l.buy_out = 0), Ok(()));

    let bid = |amount, version, listing| Deed::Bid { listing, version, bidder: 3, amount };
    assert_eq!(with_deed(K::AuctionBid, bid(81, 2, 70)), Err(Malformed::Deed(K::AuctionBid)));
    assert_eq!(with_deed(K::AuctionBid, bid(80, 0, 70)), Err(Malformed::Deed(K::AuctionBid)));
    assert_eq!(with_deed(K::AuctionBid, bid(80, 2, 70)), Ok(()));
    assert_eq!(with_deed(K::AuctionBuyOut, bid(200, 2, 71)), Err(Malformed::Deed(K::AuctionBuyOut)));
    let close = |version, listing| Deed::Close { listing, version, how: Close::Sold };
    assert_eq!(with_deed(K::AuctionClose, close(0, 70)), Err(Malformed::Deed(K::AuctionClose)));
    assert_eq!(with_deed(K::AuctionClose, close(2, 71)), Err(Malformed::Deed(K::AuctionClose)));
    let kept = broken_of(K::AuctionClose, |e| e.moves.clear());
    assert_eq!(kept, Err(Malformed::Parcel(66)));
}

#[test]
fn growth_begins_at_level_1() {
    let growth = |version, level| {
        let growth = crate::event::Growth { character: 1, version, level, points: 0, stats: [0; 4] };
        ValueEvent::level_up(1, growth).check()
    };
    let wrong = Err(Malformed::Deed(EventKind::LevelUp));
    assert_eq!((growth(0, 1), growth(0, 0), growth(-1, 1), growth(i32::MAX, 1)), (Ok(()), wrong, wrong, wrong));
}

#[test]
fn cash_and_operators_leave_a_name() {
    let cash = |reference: &str| ValueEvent::cash_credit(1, 8, 10, reference).check();
    let wrong = Err(Malformed::Deed(EventKind::CashCredit));
    assert_eq!((cash("a"), cash(""), cash("a\tb")), (Ok(()), wrong, wrong));
    let letter = Letter { id: 1, to: 2, zen: 5, items: &[], goods: &[] };
    let grant = |operator: &str, reason: &str| ValueEvent::gm_grant(1, operator, reason, &[letter]).check();
    let wrong = Err(Malformed::Deed(EventKind::GmGrant));
    assert_eq!((grant("a", "b"), grant("", "b"), grant("a", "")), (Ok(()), wrong, wrong));
}

#[test]
fn a_resolution_is_signed_and_gives_only_what_compensates() {
    let letter = [Letter { id: 1, to: 2, zen: 5, items: &[], goods: &[] }];
    let check = |deed, letters: &[Letter<'_>], cash| ValueEvent::resolution(5, deed, letters, cash).check();
    let wrong = Err(Malformed::Deed(EventKind::Resolution));
    assert_eq!(check(resolve(4, Resolve::Apply, ""), &[], None), Ok(()));
    assert_eq!(check(resolve(4, Resolve::Discard, "bob"), &[], None), Ok(()));
    assert_eq!(check(resolve(5, Resolve::Discard, "bob"), &[], None), wrong, "itself");
    assert_eq!(check(resolve(4, Resolve::Discard, "ada"), &[], None), wrong, "the same person twice");
    assert_eq!(check(resolve(4, Resolve::Apply, ""), &letter, None), wrong);
    assert_eq!(check(resolve(4, Resolve::Compensate, ""), &[], None), wrong);
    assert_eq!(check(resolve(4, Resolve::Compensate, ""), &letter, None), Ok(()));
    assert_eq!(check(resolve(4, Resolve::Compensate, ""), &letter, Some((8, 1))), wrong, "cash needs two");
    assert_eq!(check(resolve(4, Resolve::Compensate, "bob"), &[], Some((8, 1))), Ok(()));
    let unsigned = Deed::Resolution {
        event_id: 4,
        action: Resolve::Discard,
        operator: Text::new(""),
        reason: Text::new("r"),
        second: Text::new("bob"),
    };
    assert_eq!(check(unsigned, &[], None), wrong);
}

#[test]
fn an_auction_without_a_bid_refunds_nobody() {
    let nobody = crate::event::Standing { bidder: 0, bid: 0, version: 1, ..STANDING };
    let bid = ValueEvent::auction_bid(1, &nobody, 3, 80, 62);
    assert_eq!((bid.check(), bid.parcels.len()), (Ok(()), 0));
    let expired = ValueEvent::auction_close(1, &nobody, Close::Expired, 0, [66, 67]);
    assert_eq!((expired.check(), expired.parcels.len(), expired.balances.len()), (Ok(()), 1, 0));
    let called_off = ValueEvent::auction_close(1, &STANDING, Close::Cancelled, 0, [66, 67]);
    assert_eq!((called_off.check(), called_off.parcels.len()), (Ok(()), 2));
    let moved = ItemMove { uid: 12, version: 1, from: Place::auction(70), to: Place::post(66, 1) };
    let mut two = called_off;
    two.moves.push(moved);
    assert_eq!(two.check(), Err(Malformed::PlaceTwice(Place::auction(70))));
}
