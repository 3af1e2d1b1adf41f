//! Each kind of event beside births and trades: what it changes, and each reason for which it is refused.

use mu_storage::event::{
    Close, Currency, EventKind, Growth, ItemBurn, ItemMove, Letter, Listing, Place, Standing, ValueEvent,
};
use mu_storage::ids::CharacterId;
use mu_storage::store::{CharacterGrowth, Entry, Outcome, Reason};

use crate::stores::{Applier, Database, on_both, slot, trade};

const fn moved(uid: i64, version: i32, from: Place, to: Place) -> ItemMove {
    ItemMove { uid, version, from, to }
}

const fn burn(uid: i64, version: i32, from: Place) -> ItemBurn {
    ItemBurn { uid, version, from }
}

/// Players 1 and 2 with 100 zen each and items 11, 12 and 21; player 3 with nothing.
fn world(database: &Database) -> Applier {
    let mut applier = Applier::new(database);
    applier.player(1, 100, &[11, 12]);
    applier.player(2, 100, &[21]);
    applier.player(3, 0, &[]);
    applier
}

/// Applies events that must all be applied.
fn done(applier: &mut Applier, events: &[ValueEvent]) {
    let outcomes = applier.apply(events);
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied), "{outcomes:?}");
}

/// Applies an event that must be refused for this reason.
fn refused(applier: &mut Applier, event: &ValueEvent, reason: Reason) {
    assert_eq!(applier.apply_one(event), Outcome::Rejected(reason), "{event:?}");
}

fn balance(database: &Database, account: i64, currency: Currency) -> i64 {
    let code = currency.code();
    let text = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM balances";
    database.count(&format!("{text} WHERE account = {account} AND currency = {code}"))
}

const LISTING: Listing = Listing { id: 7, seller: 1, min_bid: 10, buy_out: 60, ends_s: 1_000 };

const OPEN: Standing = Standing { listing: 7, version: 1, seller: 1, bidder: 0, bid: 0, item: 11, item_version: 2 };

/// Item 11 of player 1 is up for auction for a fee of 1.
fn auction(applier: &mut Applier) {
    done(applier, &[ValueEvent::auction_list(50, LISTING, 1, (11, 1, slot(1, 0)))]);
}

on_both! {
    fn the_warehouse_belongs_to_the_account(database) {
        let mut applier = world(database);
        let bag = Place::warehouse(1, 5);
        done(&mut applier, &[ValueEvent::warehouse_move(1, 1, 1, 30, [moved(11, 1, slot(1, 0), bag)])]);
        let loaded = applier.store.character(CharacterId(1)).unwrap().unwrap();
        assert_eq!((loaded.zen, loaded.stored_zen, loaded.items.len()), (70, 30, 1));
        assert_eq!((loaded.warehouse[0].uid.0, loaded.warehouse[0].slot, loaded.warehouse[0].version), (11, 5, 2));
        let from_others = ValueEvent::warehouse_move(2, 2, 1, 0, [moved(11, 2, bag, slot(2, 9))]);
        refused(&mut applier, &from_others, Reason::AccountOther);
        let nobodys = ValueEvent::warehouse_move(3, 1, 77, 10, []);
        refused(&mut applier, &nobodys, Reason::AccountUnknown);
        refused(&mut applier, &ValueEvent::warehouse_move(4, 1, 1, -31, []), Reason::BalanceTooLow);
        done(&mut applier, &[ValueEvent::warehouse_move(5, 1, 1, -30, [moved(11, 2, bag, slot(1, 9))])]);
        assert_eq!(applier.holdings(1), (100, vec![(12, 1, 1), (11, 9, 3)]));
        applier.assert_clean();
    }

    fn what_is_dropped_is_its_owners_until_somebody_picks_it_up(database) {
        let mut applier = world(database);
        done(&mut applier, &[ValueEvent::drop_items(1, [moved(11, 1, slot(1, 0), Place::ground(1, 0))])]);
        let loaded = applier.store.character(CharacterId(1)).unwrap().unwrap();
        assert_eq!((loaded.items.len(), loaded.ground.len(), loaded.ground[0].uid.0), (1, 1, 11));
        let by_two = ValueEvent::pick_up(2, 2, 0, [], [moved(11, 2, Place::ground(1, 0), slot(2, 5))]);
        let by_three = ValueEvent::pick_up(3, 3, 0, [], [moved(11, 2, Place::ground(1, 0), slot(3, 0))]);
        let outcomes = applier.apply(&[by_two, by_three]);
        assert_eq!(outcomes, [Outcome::Applied, Outcome::Rejected(Reason::ItemVersion)]);
        let loot = ValueEvent::pick_up(4, 3, 25, [(900, 5, 1, 0)], []);
        done(&mut applier, std::slice::from_ref(&loot));
        assert_eq!(applier.holdings(3), (25, vec![(900, 0, 1)]));
        let again = ValueEvent { event_id: 5, ..loot };
        refused(&mut applier, &again, Reason::ItemExists);
        done(&mut applier, &[ValueEvent::drop_items(6, [moved(900, 1, slot(3, 0), Place::ground(3, 0))])]);
        done(&mut applier, &[ValueEvent::despawn(7, [burn(900, 2, Place::ground(3, 0))])]);
        refused(&mut applier, &ValueEvent::despawn(8, [burn(900, 3, Place::ground(3, 0))]), Reason::ItemMissing);
        assert_eq!(balance(database, -2, Currency::Zen), -25);
        applier.assert_clean();
    }

    fn shops_take_and_give_zen(database) {
        let mut applier = world(database);
        done(&mut applier, &[ValueEvent::shop_buy(1, 1, 40, 4, [(900, 5, 1, 8)])]);
        refused(&mut applier, &ValueEvent::shop_buy(2, 1, 61, 0, [(901, 5, 1, 9)]), Reason::BalanceTooLow);
        refused(&mut applier, &ValueEvent::shop_buy(3, 1, 1, 0, [(901, 5, 1, 8)]), Reason::PlaceTaken);
        done(&mut applier, &[ValueEvent::shop_sell(4, 1, 15, [burn(900, 1, slot(1, 8)), burn(11, 1, slot(1, 0))])]);
        assert_eq!(applier.holdings(1), (75, vec![(12, 1, 1)]));
        assert_eq!((balance(database, -3, Currency::Zen), balance(database, -4, Currency::Zen)), (21, 4));
        applier.assert_clean();
    }

    fn a_parcel_is_claimed_whole_once_by_its_receiver(database) {
        let mut applier = world(database);
        let letter = Letter { id: 60, to: 2, zen: 20, items: &[(11, 1, slot(1, 0)), (12, 1, slot(1, 1))], goods: &[] };
        done(&mut applier, &[ValueEvent::mail_send(1, 1, 3, &[letter])]);
        assert_eq!((applier.holdings(1).0, balance(database, -6, Currency::Zen)), (77, 20));
        let first = moved(11, 2, Place::post(60, 0), slot(2, 3));
        let both = [first, moved(12, 2, Place::post(60, 1), slot(2, 4))];
        refused(&mut applier, &ValueEvent::mail_claim(2, 2, 60, 20, [first]), Reason::ParcelContent);
        refused(&mut applier, &ValueEvent::mail_claim(3, 2, 60, 19, both), Reason::ParcelContent);
        let others = both.map(|m| ItemMove { to: slot(3, m.to.slot), ..m });
        refused(&mut applier, &ValueEvent::mail_claim(4, 3, 60, 20, others), Reason::ParcelOther);
        refused(&mut applier, &ValueEvent::mail_claim(5, 2, 61, 20, []), Reason::ParcelUnknown);
        let claim = ValueEvent::mail_claim(6, 2, 60, 20, both);
        let twice = ValueEvent { event_id: 7, ..claim.clone() };
        assert_eq!(applier.apply(&[claim, twice]), [Outcome::Applied, Outcome::Rejected(Reason::ParcelClaimed)]);
        assert_eq!(applier.holdings(2), (120, vec![(21, 0, 1), (11, 3, 3), (12, 4, 3)]));
        let reused = Letter { id: 60, to: 2, zen: 1, items: &[], goods: &[] };
        refused(&mut applier, &ValueEvent::mail_send(8, 1, 0, &[reused]), Reason::ParcelExists);
        let nobody = Letter { id: 61, to: 99, zen: 1, items: &[], goods: &[] };
        refused(&mut applier, &ValueEvent::mail_send(9, 1, 0, &[nobody]), Reason::CharacterUnknown);
        applier.assert_clean();
    }

    fn a_parcel_may_be_sent_and_claimed_in_one_batch(database) {
        let mut applier = world(database);
        let letter = Letter { id: 60, to: 2, zen: 20, items: &[], goods: &[] };
        done(&mut applier, &[ValueEvent::mail_send(1, 1, 0, &[letter]), ValueEvent::mail_claim(2, 2, 60, 20, [])]);
        assert_eq!((applier.holdings(1).0, applier.holdings(2).0), (80, 120));
        applier.assert_clean();
    }

    fn who_is_outbid_gets_his_money_back_and_the_highest_bid_wins(database) {
        let mut applier = world(database);
        auction(&mut applier);
        refused(&mut applier, &ValueEvent::auction_bid(1, &OPEN, 2, 9, 80), Reason::BidRefused);
        refused(&mut applier, &ValueEvent::auction_bid(2, &OPEN, 1, 10, 80), Reason::BidRefused);
        refused(&mut applier, &ValueEvent::auction_bid(3, &OPEN, 2, 60, 80), Reason::BidRefused);
        refused(&mut applier, &ValueEvent::auction_bid(4, &OPEN, 3, 10, 80), Reason::BalanceTooLow);
        done(&mut applier, &[ValueEvent::auction_bid(5, &OPEN, 2, 10, 80)]);
        let first = Standing { version: 2, bidder: 2, bid: 10, ..OPEN };
        refused(&mut applier, &ValueEvent::auction_bid(6, &OPEN, 2, 12, 80), Reason::ListingVersion);
        refused(&mut applier, &ValueEvent::auction_bid(7, &first, 2, 10, 80), Reason::BidRefused);
        let forgotten = Standing { bidder: 0, bid: 0, ..first };
        refused(&mut applier, &ValueEvent::auction_bid(8, &forgotten, 2, 20, 80), Reason::ListingContent);
        let elsewhere = Standing { bidder: 3, ..first };
        refused(&mut applier, &ValueEvent::auction_bid(9, &elsewhere, 2, 20, 80), Reason::ListingContent);
        done(&mut applier, &[ValueEvent::auction_bid(10, &first, 2, 20, 80)]);
        assert_eq!((applier.holdings(2).0, balance(database, -7, Currency::Zen)), (70, 20));
        done(&mut applier, &[ValueEvent::mail_claim(11, 2, 80, 10, [])]);
        let second = Standing { version: 3, bid: 20, ..first };
        refused(&mut applier, &ValueEvent::auction_close(12, &second, Close::Expired, 0, [81, 82]), Reason::ListingRule);
        let short = Standing { bid: 19, ..second };
        refused(&mut applier, &ValueEvent::auction_close(13, &short, Close::Sold, 2, [81, 82]), Reason::ListingContent);
        done(&mut applier, &[ValueEvent::auction_close(14, &second, Close::Sold, 2, [81, 82])]);
        refused(&mut applier, &ValueEvent::auction_close(15, &second, Close::Sold, 2, [83, 84]), Reason::ListingClosed);
        let won = [moved(11, 3, Place::post(81, 0), slot(2, 7))];
        done(&mut applier, &[ValueEvent::mail_claim(16, 2, 81, 0, won), ValueEvent::mail_claim(17, 1, 82, 18, [])]);
        assert_eq!((applier.holdings(1).0, applier.holdings(2)), (117, (80, vec![(21, 0, 1), (11, 7, 4)])));
        assert_eq!((balance(database, -7, Currency::Zen), balance(database, -6, Currency::Zen)), (0, 0));
        applier.assert_clean();
    }

    fn a_full_price_ends_the_auction_and_refunds_the_standing_bid(database) {
        let mut applier = world(database);
        auction(&mut applier);
        done(&mut applier, &[ValueEvent::auction_bid(1, &OPEN, 2, 15, 80)]);
        let standing = Standing { version: 2, bidder: 2, bid: 15, ..OPEN };
        done(&mut applier, &[trade(2, 2, 3, 70, &[])]);
        refused(&mut applier, &ValueEvent::auction_buy_out(3, &standing, 3, 59, 5, [81, 82, 83]), Reason::BidRefused);
        done(&mut applier, &[ValueEvent::auction_buy_out(4, &standing, 3, 60, 5, [81, 82, 83])]);
        let parcels = applier.store.parcels(CharacterId(2)).unwrap();
        assert_eq!(parcels.iter().map(|p| (p.id, p.from, p.zen, p.items.len())).collect::<Vec<_>>(), [(83, 0, 15, 0)]);
        let parcels = applier.store.parcels(CharacterId(3)).unwrap();
        assert_eq!(parcels.iter().map(|p| (p.id, p.zen, p.items[0].uid.0)).collect::<Vec<_>>(), [(81, 0, 11)]);
        let parcels = applier.store.parcels(CharacterId(1)).unwrap();
        assert_eq!(parcels.iter().map(|p| (p.id, p.zen)).collect::<Vec<_>>(), [(82, 55)]);
        assert_eq!(applier.store.listings().unwrap(), []);
        refused(&mut applier, &ValueEvent::auction_bid(5, &standing, 3, 20, 84), Reason::ListingClosed);
        applier.assert_clean();
    }

    fn an_auction_that_ends_without_a_sale_gives_everything_back(database) {
        let mut applier = world(database);
        auction(&mut applier);
        let listed = applier.store.listings().unwrap();
        assert_eq!((listed.len(), listed[0].id, listed[0].version, listed[0].item.uid.0), (1, 7, 1, 11));
        refused(&mut applier, &ValueEvent::auction_list(1, LISTING, 0, (12, 1, slot(1, 1))), Reason::ListingExists);
        let sold = ValueEvent::auction_close(2, &Standing { bidder: 2, ..OPEN }, Close::Sold, 0, [81, 82]);
        refused(&mut applier, &sold, Reason::ListingRule);
        done(&mut applier, &[ValueEvent::auction_close(3, &OPEN, Close::Expired, 0, [81, 82])]);
        let other = Listing { id: 8, ..LISTING };
        done(&mut applier, &[ValueEvent::auction_list(4, other, 0, (12, 1, slot(1, 1)))]);
        let open = Standing { listing: 8, item: 12, ..OPEN };
        done(&mut applier, &[ValueEvent::auction_bid(5, &open, 2, 30, 83)]);
        let bid = Standing { version: 2, bidder: 2, bid: 30, ..open };
        done(&mut applier, &[ValueEvent::auction_close(6, &bid, Close::Cancelled, 0, [84, 85])]);
        done(&mut applier, &[ValueEvent::mail_claim(7, 2, 85, 30, [])]);
        assert_eq!((applier.holdings(1).0, applier.holdings(2).0), (99, 100));
        refused(&mut applier, &ValueEvent::auction_bid(8, &Standing { listing: 9, ..open }, 2, 30, 86), Reason::ListingUnknown);
        applier.assert_clean();
    }

    fn the_economy_counts_all_pockets_of_players_and_what_shops_pay_and_receive(database) {
        let mut applier = world(database);
        let sums = |applier: &mut Applier| {
            let economy = applier.store.economy().unwrap();
            (economy.zen_players, economy.zen_minted - economy.zen_burned, economy.zen_burned)
        };
        assert_eq!(sums(&mut applier), (200, 200, 0));
        let letter = Letter { id: 60, to: 2, zen: 20, items: &[], goods: &[] };
        done(&mut applier, &[ValueEvent::warehouse_move(1, 1, 1, 30, []), ValueEvent::mail_send(2, 1, 0, &[letter])]);
        assert_eq!(sums(&mut applier), (200, 200, 0), "stored and sent");
        auction(&mut applier);
        done(&mut applier, &[ValueEvent::auction_bid(3, &OPEN, 2, 10, 80)]);
        assert_eq!(sums(&mut applier), (199, 199, 1), "a fee, and a standing bid");
        done(&mut applier, &[ValueEvent::shop_buy(4, 2, 40, 4, [(900, 5, 1, 8)])]);
        assert_eq!(sums(&mut applier), (159, 159, 41), "bought");
        done(&mut applier, &[ValueEvent::shop_sell(5, 1, 50, [burn(12, 1, slot(1, 1))])]);
        assert_eq!(sums(&mut applier), (209, 209, 5), "sold");
        done(&mut applier, &[ValueEvent::cash_credit(6, 1, 500, "order 1")]);
        assert_eq!(sums(&mut applier), (209, 209, 5), "cash is another money");
        applier.assert_clean();
    }

    fn cash_is_credited_once_and_spent_by_its_account(database) {
        let mut applier = world(database);
        let credit = ValueEvent::cash_credit(1, 1, 500, "payment-1");
        assert_eq!(applier.apply(&[credit.clone(), credit]), [Outcome::Applied; 2]);
        assert_eq!(balance(database, 1, Currency::Cash), 500);
        let goods = Letter { id: 60, to: 1, zen: 0, items: &[], goods: &[(900, 5, 1), (901, 6, 0)] };
        done(&mut applier, &[ValueEvent::cash_spend(2, 1, 300, "wings", &[goods])]);
        let more = Letter { id: 61, goods: &[(902, 5, 1)], ..goods };
        refused(&mut applier, &ValueEvent::cash_spend(3, 1, 201, "wings", &[more]), Reason::BalanceTooLow);
        refused(&mut applier, &ValueEvent::cash_credit(4, 77, 500, "payment-2"), Reason::AccountUnknown);
        assert_eq!(applier.store.cash(mu_storage::ids::AccountId(1)).unwrap(), 200);
        let parcels = applier.store.parcels(CharacterId(1)).unwrap();
        assert_eq!((parcels.len(), parcels[0].items.len()), (1, 2));
        applier.assert_clean();
    }

    fn characters_grow_in_order(database) {
        let mut applier = world(database);
        let growth = |version, level, points, stats| Growth { character: 1, version, level, points, stats };
        let base = [20, 18, 15, 30];
        let unearned = ValueEvent::points_spend(1, growth(0, 1, 0, [5, 0, 0, 0]));
        refused(&mut applier, &unearned, Reason::GrowthRule);
        done(&mut applier, &[ValueEvent::level_up(2, growth(0, 2, 5, base))]);
        refused(&mut applier, &ValueEvent::level_up(3, growth(0, 3, 10, base)), Reason::GrowthVersion);
        refused(&mut applier, &ValueEvent::level_up(4, growth(1, 2, 10, base)), Reason::GrowthRule);
        refused(&mut applier, &ValueEvent::level_up(5, growth(1, 3, 4, base)), Reason::GrowthRule);
        refused(&mut applier, &ValueEvent::level_up(6, growth(1, 3, 10, [99, 18, 15, 30])), Reason::GrowthRule);
        refused(&mut applier, &ValueEvent::points_spend(7, growth(1, 2, 4, [22, 18, 15, 30])), Reason::GrowthRule);
        refused(&mut applier, &ValueEvent::points_spend(8, growth(1, 2, 4, [22, 17, 15, 30])), Reason::GrowthRule);
        done(&mut applier, &[
            ValueEvent::points_spend(9, growth(1, 2, 2, [22, 18, 15, 31])),
            ValueEvent::level_up(10, growth(2, 4, 12, [22, 18, 15, 31])),
        ]);
        let grown = CharacterGrowth { version: 3, level: 4, points: 12, stats: [22, 18, 15, 31] };
        let loaded = applier.store.character(CharacterId(1)).unwrap().unwrap();
        assert_eq!((loaded.growth, loaded.character.level), (grown, 4));
        let stranger = ValueEvent::level_up(11, Growth { character: 99, ..growth(0, 2, 0, base) });
        refused(&mut applier, &stranger, Reason::CharacterUnknown);
        applier.assert_clean();
    }

    fn operators_give_by_parcel_and_take_from_anywhere(database) {
        let mut applier = world(database);
        let gift = Letter { id: 60, to: 2, zen: 70, items: &[], goods: &[(900, 5, 1)] };
        let loss = Letter { id: 61, to: 3, zen: 5, items: &[], goods: &[] };
        done(&mut applier, &[
            ValueEvent::gm_grant(1, "ada", "prize", &[gift]),
            ValueEvent::compensation(2, "ada", "a defect", &[loss]),
            ValueEvent::warehouse_move(3, 1, 1, 40, [moved(11, 1, slot(1, 0), Place::warehouse(1, 0))]),
        ]);
        let money = [(1, Currency::Zen, 60), (1, Currency::ZenStored, 15)];
        let taken = [burn(11, 2, Place::warehouse(1, 0)), burn(12, 1, slot(1, 1))];
        done(&mut applier, &[ValueEvent::gm_take(4, "ada", "cheated", taken, &money)]);
        let loaded = applier.store.character(CharacterId(1)).unwrap().unwrap();
        assert_eq!((loaded.zen, loaded.stored_zen, loaded.items.len(), loaded.warehouse.len()), (0, 25, 0, 0));
        refused(&mut applier, &ValueEvent::gm_take(5, "ada", "more", [], &[(1, Currency::Zen, 1)]), Reason::BalanceTooLow);
        assert_eq!((balance(database, -5, Currency::Zen), balance(database, -10, Currency::Zen)), (5, -5));
        assert_eq!(database.count("SELECT COUNT(*) FROM authority WHERE operator = 'ada' AND reason <> ''"), 3);
        applier.assert_clean();
    }

    fn what_was_told_is_quarantined_instead_of_refused(database) {
        let mut applier = world(database);
        let event = ValueEvent::shop_buy(1, 1, 101, 0, [(900, 5, 1, 8)]);
        assert!(event.kind.may_be_told());
        let mut outcomes = Vec::new();
        let lsn = mu_storage::ids::Lsn(applier.next);
        applier.store.apply(&[(lsn, Entry::Event { event: &event, told: true })], &mut outcomes).unwrap();
        applier.next += 1;
        assert_eq!(outcomes, [Outcome::Quarantined(Reason::BalanceTooLow)]);
        let behind = trade(2, 1, 2, 5, &[]);
        assert_eq!(applier.apply_one(&behind), Outcome::Quarantined(Reason::Frozen));
        assert_eq!(applier.holdings(1).0, 100);
        applier.assert_clean();
    }

    fn families_of_money_are_not_exchanged(database) {
        let mut applier = world(database);
        done(&mut applier, &[ValueEvent::cash_credit(1, 1, 500, "payment-1")]);
        let mut exchange = ValueEvent::warehouse_move(2, 1, 1, 40, [moved(11, 1, slot(1, 0), slot(1, 9))]);
        exchange.balances[0].delta += 1;
        assert_eq!(applier.apply_one(&exchange), Outcome::Quarantined(Reason::Malformed));
        let mut paid_in_cash = ValueEvent::gm_grant(3, "ada", "prize", &[Letter { id: 60, to: 2, zen: 70, items: &[], goods: &[] }]);
        paid_in_cash.balances.clear();
        paid_in_cash.pay(-6, Currency::Zen, 70);
        paid_in_cash.pay(-10, Currency::Cash, -70);
        paid_in_cash.kind = EventKind::Compensation;
        assert_eq!(applier.apply_one(&paid_in_cash), Outcome::Quarantined(Reason::Malformed));
        applier.assert_clean();
    }

    fn every_kind_can_be_stored_by_its_number(database) {
        let mut applier = world(database);
        done(&mut applier, &[ValueEvent::cash_credit(1, 1, 500, "payment-1")]);
        let code = EventKind::CashCredit.code();
        assert_eq!(database.count(&format!("SELECT COUNT(*) FROM outcomes WHERE kind = {code}")), 1);
        assert_eq!(database.count("SELECT COUNT(*) FROM outcomes WHERE kind = 0"), 3);
    }
}
