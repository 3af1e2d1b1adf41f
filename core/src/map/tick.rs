//! One tick: the systems in order, each a call into the file that owns it, no logic of its own.

use mu_wire::Tick;

use super::inbox::Asked;
use super::{Map, Outbox};
use crate::systems::{chat, deal, hot, portal, presence, trade, walk};

impl Map {
    /// Runs one tick and fills the outbox. Tick numbers only grow; skipped ones are simply not run.
    pub fn tick(&mut self, tick: Tick, out: &mut Outbox) {
        out.clear();
        self.tick = tick;

        // 1 player inputs, in order of arrival
        presence::announce(self, out);
        trade::watch(self, out);
        deal::give_back(self, out);
        self.answer_inbox(out);
        // 2 combat and skills: players first
        // 3 where everybody is now; results of the journal
        walk::advance(self);
        trade::settle(self, out);
        deal::settle(self, out);
        deal::despawn(self, out);
        presence::depart(self, out);
        // 4 interest; the replicator already has each change once
        presence::look(self);
        // 5 monsters, within the budget left
        // 6 what changed goes to the store
        hot::give_out(self, out);
    }

    /// Handles what was asked, as far as the outbox has room; the rest waits for the next tick in its place.
    fn answer_inbox(&mut self, out: &mut Outbox) {
        while out.has_room() {
            let Some((from, asked)) = self.inbox.take() else {
                break;
            };
            // Whoever left since, or waits to be handed over, asks for nothing.
            let Some(slot) = self.player_slot(from).filter(|&slot| presence::may_act(self, slot)) else {
                continue;
            };
            match asked {
                Asked::Input(_, input) => walk::input(self, out, slot, input),
                Asked::Request(row) => self.answer_request(out, slot, row),
            }
        }
        self.inbox.end_tick();
    }

    fn answer_request(&mut self, out: &mut Outbox, slot: usize, row: u16) {
        use super::inbox::Request;
        match self.inbox.row(row).clone() {
            Request::Chat { channel, text } => chat::say(self, out, slot, channel, &text),
            Request::UsePortal(portal) => portal::enter(self, out, slot, portal),
            Request::TradeRequest(target) => trade::ask(self, out, slot, target),
            Request::TradeAnswer(accept) => trade::answer(self, out, slot, accept),
            Request::TradeOffer { revision, zen, items } => trade::offer(self, out, slot, revision, zen, &items),
            Request::TradeConfirm(revision) => trade::confirm(self, out, slot, revision),
            Request::TradeCancel => trade::cancel(self, out, slot),
            Request::Leave => presence::leave(self, out, slot),
            Request::KeeperOpen(keeper) => deal::open(self, out, slot, keeper),
            Request::Deposit { keeper, zen, items } => deal::deposit(self, out, slot, keeper, zen, &items),
            Request::Withdraw { keeper, zen, items } => deal::withdraw(self, out, slot, keeper, zen, &items),
            Request::Buy { keeper, order } => deal::buy(self, out, slot, keeper, order),
            Request::Drop(uid) => deal::drop_item(self, out, slot, uid),
            Request::PickUp(target) => deal::pick_up(self, out, slot, target),
            Request::Sell { keeper, items } => deal::sell(self, out, slot, keeper, &items),
        }
    }
}
