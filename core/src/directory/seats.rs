//! Who is in the world: one seat per account, from the moment its character is about to be loaded until its final
//! state is stored.
//!
//! ```text
//!            claim            shard kept the place       player connected
//!  (vacant) ───────▶ Claimed ─────────────────────▶ Reserved ─────────────▶ Live
//!     ▲                 │ released: never loaded        │                    │
//!     └─────────────────┴───────────────◀── Left ───────┴────── Leaving ◀────┘
//! ```
//!
//! A seat is vacated only by the report that the character's final state is stored, or by a claim that never reached a
//! shard. A second session therefore cannot load what the first still holds. Pure state: the caller holds the lock,
//! sends the orders and does the waiting. Knows no channel to a shard and no time.

use std::collections::HashMap;

use mu_storage::ids::{AccountId, CharacterId};
use tokio::sync::oneshot;

use crate::shard::command::EvictReason;

/// Where a character is between being chosen and being gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatState {
    /// Being taken from the store; in no shard yet.
    Claimed,
    /// A shard keeps its place.
    Reserved,
    /// Its player is connected.
    Live,
    /// Told to leave; its final state is not stored yet.
    Leaving,
}

/// Who wants a seat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) account: AccountId,
    pub(super) character: CharacterId,
    pub(super) generation: u64,
}

/// A shard must be told that a character has to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EvictOrder {
    /// The route's position: which instance.
    pub(super) at: usize,
    pub(super) character: CharacterId,
    pub(super) why: EvictReason,
}

/// What became of an attempt to claim.
#[derive(Debug)]
pub(super) enum ClaimStep {
    /// The seat is the asker's, under this ticket.
    Claimed(u64),
    /// The seat is being vacated for the asker: send the order, wait, ask again.
    Wait { vacated: oneshot::Receiver<()>, order: Option<EvictOrder> },
    /// A newer session of the account has it.
    Superseded,
    /// Another request of the same session is ahead.
    InUse,
}

/// What became of a reservation the shard agreed to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reserved {
    /// The character is the shard's until it leaves.
    Kept,
    /// The session ended meanwhile: the character must leave again.
    Ended(EvictOrder),
    /// It has already left again; the seat is vacant.
    Gone,
}

#[derive(Debug)]
struct Seat {
    character: CharacterId,
    generation: u64,
    /// The route's position: which instance, once it is chosen.
    at: Option<usize>,
    state: Held,
    /// Under which the character was taken; 0 before that.
    owner_epoch: i64,
    /// Tells this claim from a later one on the same account.
    ticket: u64,
    /// The character was told, or is to be told, to leave.
    ending: Option<EvictReason>,
    /// The report that it left overtook the answer that its place was kept.
    gone: bool,
    /// The newest session that waits for this seat.
    successor: Option<u64>,
    waiting: Vec<oneshot::Sender<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Claimed,
    Reserved,
    Live,
}

/// All seats and how many there are in each instance.
#[derive(Debug)]
pub(super) struct Seats {
    by_account: HashMap<AccountId, Seat>,
    account_of: HashMap<CharacterId, AccountId>,
    /// By route position.
    players: Vec<u32>,
    last_ticket: u64,
}

impl Seats {
    /// No seats, in this many instances.
    pub(super) fn new(instances: usize) -> Self {
        Self { by_account: HashMap::new(), account_of: HashMap::new(), players: vec![0; instances], last_ticket: 0 }
    }

    /// Seats in each instance, by route position.
    pub(super) fn players(&self) -> &[u32] {
        &self.players
    }

    /// All seats.
    pub(super) fn len(&self) -> usize {
        self.by_account.len()
    }

    /// The account's character and its state.
    pub(super) fn state(&self, account: AccountId) -> Option<(CharacterId, SeatState)> {
        let seat = self.by_account.get(&account)?;
        let state = match (seat.state, seat.ending) {
            (Held::Claimed, _) => SeatState::Claimed,
            (_, Some(_)) => SeatState::Leaving,
            (Held::Reserved, None) => SeatState::Reserved,
            (Held::Live, None) => SeatState::Live,
        };
        Some((seat.character, state))
    }

    /// Takes the account's seat, or begins to have it vacated.
    pub(super) fn claim(&mut self, ask: Ask) -> ClaimStep {
        if let Some(seat) = self.by_account.get_mut(&ask.account) {
            if seat.generation > ask.generation {
                return ClaimStep::Superseded;
            }
            let mine_is_ahead = seat.state == Held::Claimed && seat.generation == ask.generation;
            if mine_is_ahead || seat.successor.is_some_and(|next| next >= ask.generation) {
                return ClaimStep::InUse;
            }
            seat.successor = Some(ask.generation);
            let (vacate, vacated) = oneshot::channel();
            seat.waiting.push(vacate);
            return ClaimStep::Wait { vacated, order: seat.end(EvictReason::Replaced) };
        }
        self.last_ticket += 1;
        self.account_of.insert(ask.character, ask.account);
        self.by_account.insert(
            ask.account,
            Seat {
                character: ask.character,
                generation: ask.generation,
                at: None,
                state: Held::Claimed,
                owner_epoch: 0,
                ticket: self.last_ticket,
                ending: None,
                gone: false,
                successor: None,
                waiting: Vec::new(),
            },
        );
        ClaimStep::Claimed(self.last_ticket)
    }

    /// Counts the claimed seat in the instance that `choose` picks from the loads. `None` when the claim is over.
    pub(super) fn route<R>(
        &mut self,
        account: AccountId,
        ticket: u64,
        choose: impl FnOnce(&[u32]) -> Result<usize, R>,
    ) -> Option<Result<usize, R>> {
        self.claimed(account, ticket)?;
        let chosen = choose(&self.players);
        if let Ok(at) = chosen {
            self.stand_at(account, at);
        }
        Some(chosen)
    }

    /// The asker stopped waiting for the seat: the next one may wait for it.
    pub(super) fn stop_waiting(&mut self, ask: Ask) {
        if let Some(seat) = self.by_account.get_mut(&ask.account)
            && seat.successor == Some(ask.generation)
        {
            seat.successor = None;
        }
    }

    /// The character was taken from the store under this epoch and a shard is about to be asked; false when the
    /// session ended meanwhile.
    pub(super) fn taken(&mut self, account: AccountId, ticket: u64, owner_epoch: i64) -> bool {
        match self.claimed(account, ticket) {
            Some(seat) if seat.ending.is_none() => {
                seat.owner_epoch = owner_epoch;
                true
            }
            _ => false,
        }
    }

    /// The shard keeps the character's place.
    pub(super) fn reserved(&mut self, account: AccountId, ticket: u64) -> Reserved {
        let Some(seat) = self.claimed(account, ticket) else {
            return Reserved::Gone;
        };
        if seat.gone {
            self.vacate(account);
            return Reserved::Gone;
        }
        seat.state = Held::Reserved;
        match seat.order() {
            Some(order) => Reserved::Ended(order),
            None => Reserved::Kept,
        }
    }

    /// The shard says that it has this character although nothing here says so: it must leave before anything else.
    pub(super) fn found_elsewhere(&mut self, account: AccountId, ticket: u64) -> Option<EvictOrder> {
        let seat = self.claimed(account, ticket)?;
        seat.state = Held::Live;
        // The shard's copy is older than the epoch just taken: whatever epoch it reports is right.
        seat.owner_epoch = 0;
        seat.ending = Some(EvictReason::Replaced);
        seat.order()
    }

    /// The claim ends before any shard had the character.
    pub(super) fn release(&mut self, account: AccountId, ticket: u64) {
        if self.claimed(account, ticket).is_some() {
            self.vacate(account);
        }
    }

    /// The account's sessions before `generation` are over.
    pub(super) fn end_before(&mut self, account: AccountId, generation: u64, why: EvictReason) -> Option<EvictOrder> {
        let seat = self.by_account.get_mut(&account)?;
        if seat.generation < generation { seat.end(why) } else { None }
    }

    /// Every session is over.
    pub(super) fn end_all(&mut self, why: EvictReason) -> Vec<EvictOrder> {
        self.by_account.values_mut().filter_map(|seat| seat.end(why)).collect()
    }

    /// Orders for every character that was told to leave and has not left.
    pub(super) fn leaving(&self) -> Vec<EvictOrder> {
        let held = self.by_account.values().filter(|seat| seat.state != Held::Claimed);
        held.filter_map(Seat::order).collect()
    }

    /// Resolves when the account's seat is vacant; nothing when it is.
    pub(super) fn vacated(&mut self, account: AccountId) -> Option<oneshot::Receiver<()>> {
        let seat = self.by_account.get_mut(&account)?;
        let (vacate, vacated) = oneshot::channel();
        seat.waiting.push(vacate);
        Some(vacated)
    }

    /// The player connected, or the character stands in another instance now. An order when it was told to leave at
    /// its former place and must be told again.
    pub(super) fn stands(&mut self, character: CharacterId, at: usize, moved: bool) -> Option<EvictOrder> {
        let account = *self.account_of.get(&character)?;
        let elsewhere = self.stand_at(account, at);
        let seat = self.by_account.get_mut(&account)?;
        if seat.state == Held::Reserved || moved {
            seat.state = Held::Live;
        }
        if elsewhere { seat.order() } else { None }
    }

    /// The character's final state is stored.
    pub(super) fn left(&mut self, character: CharacterId, owner_epoch: i64) {
        let Some(account) = self.account_of.get(&character).copied() else {
            return;
        };
        let Some(seat) = self.by_account.get_mut(&account) else {
            return;
        };
        if owner_epoch < seat.owner_epoch {
            return;
        }
        match seat.state {
            Held::Claimed => seat.gone = seat.owner_epoch != 0,
            Held::Reserved | Held::Live => self.vacate(account),
        }
    }

    fn claimed(&mut self, account: AccountId, ticket: u64) -> Option<&mut Seat> {
        self.by_account.get_mut(&account).filter(|seat| seat.ticket == ticket && seat.state == Held::Claimed)
    }

    /// Counts the account in another instance; true when that is a change.
    fn stand_at(&mut self, account: AccountId, at: usize) -> bool {
        let Some(seat) = self.by_account.get_mut(&account) else {
            return false;
        };
        let before = seat.at.replace(at);
        if let Some(before) = before {
            self.players[before] -= 1;
        }
        self.players[at] += 1;
        before != Some(at)
    }

    fn vacate(&mut self, account: AccountId) {
        let Some(seat) = self.by_account.remove(&account) else {
            return;
        };
        self.account_of.remove(&seat.character);
        if let Some(at) = seat.at {
            self.players[at] -= 1;
        }
        for waiting in seat.waiting {
            let _gave_up = waiting.send(());
        }
    }
}

impl Seat {
    /// Marks the session as over; an order the first time, if a shard has the character.
    fn end(&mut self, why: EvictReason) -> Option<EvictOrder> {
        if self.ending.is_some() {
            return None;
        }
        self.ending = Some(why);
        if self.state == Held::Claimed {
            return None;
        }
        self.order()
    }

    /// The order to leave, if the session is over.
    fn order(&self) -> Option<EvictOrder> {
        Some(EvictOrder { at: self.at?, character: self.character, why: self.ending? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: AccountId = AccountId(1);
    const ELF: CharacterId = CharacterId(10);

    fn ask(generation: u64) -> Ask {
        Ask { account: ANA, character: ELF, generation }
    }

    fn claim(seats: &mut Seats, generation: u64) -> ClaimStep {
        seats.claim(ask(generation))
    }

    /// A claim that must succeed, counted in instance 0.
    fn claimed(seats: &mut Seats, generation: u64) -> u64 {
        let ClaimStep::Claimed(ticket) = claim(seats, generation) else { panic!("the seat was expected to be free") };
        assert_eq!(seats.route(ANA, ticket, |_| Ok::<_, ()>(0)), Some(Ok(0)));
        ticket
    }

    /// A live character of generation 1, taken under epoch 5.
    fn live() -> Seats {
        let mut seats = Seats::new(2);
        let ticket = claimed(&mut seats, 1);
        assert!(seats.taken(ANA, ticket, 5));
        assert_eq!(seats.reserved(ANA, ticket), Reserved::Kept);
        assert_eq!(seats.stands(ELF, 0, false), None);
        assert_eq!(seats.state(ANA), Some((ELF, SeatState::Live)));
        seats
    }

    #[test]
    fn a_second_claim_waits_for_the_first_to_leave_and_a_third_is_refused() {
        let mut seats = live();
        let ClaimStep::Wait { mut vacated, order } = claim(&mut seats, 1) else {
            panic!("a live character must be evicted first")
        };
        let order = order.unwrap();
        assert_eq!((order.at, order.character, order.why), (0, ELF, EvictReason::Replaced));
        assert!(matches!(claim(&mut seats, 1), ClaimStep::InUse));
        assert!(vacated.try_recv().is_err(), "nothing was reported yet");

        seats.left(ELF, 4);
        assert_eq!(seats.len(), 1, "a report about an older copy changes nothing");
        seats.left(ELF, 5);
        assert_eq!(vacated.try_recv(), Ok(()));
        assert_eq!(seats.players(), [0, 0]);
        claimed(&mut seats, 1);
        assert!(matches!(claim(&mut seats, 1), ClaimStep::InUse));
    }

    #[test]
    fn an_older_session_never_takes_the_seat_of_a_newer_one() {
        let mut seats = Seats::new(1);
        claimed(&mut seats, 3);
        assert!(matches!(claim(&mut seats, 2), ClaimStep::Superseded));
        assert_eq!(seats.end_before(ANA, 3, EvictReason::Replaced), None);
        assert_eq!(seats.state(ANA), Some((ELF, SeatState::Claimed)));
    }

    #[test]
    fn a_session_that_ends_while_its_character_is_loaded_loses_it_again() {
        let mut seats = Seats::new(1);
        let first = claimed(&mut seats, 1);
        assert!(seats.taken(ANA, first, 5));
        assert_eq!(seats.end_before(ANA, 2, EvictReason::Replaced), None, "no shard has it yet");
        let Reserved::Ended(order) = seats.reserved(ANA, first) else {
            panic!("the session ended before the place was kept")
        };
        assert_eq!(order.why, EvictReason::Replaced);
        assert_eq!(seats.state(ANA), Some((ELF, SeatState::Leaving)));
        seats.left(ELF, 5);
        assert_eq!(seats.len(), 0);

        let second = claimed(&mut seats, 1);
        seats.end_before(ANA, 2, EvictReason::Logout);
        assert!(!seats.taken(ANA, second, 6), "an ended session is not sent to a shard");
    }

    #[test]
    fn a_report_that_overtakes_the_answer_is_not_lost() {
        let mut seats = Seats::new(1);
        let ticket = claimed(&mut seats, 1);
        seats.left(ELF, 4);
        assert!(seats.taken(ANA, ticket, 5));
        seats.left(ELF, 5);
        assert_eq!(seats.len(), 1, "the claim still has the seat");
        assert_eq!(seats.reserved(ANA, ticket), Reserved::Gone);
        assert_eq!(seats.len(), 0);
        assert_eq!(seats.players(), [0]);
    }

    #[test]
    fn a_character_that_moves_while_told_to_leave_is_told_again_where_it_is() {
        let mut seats = live();
        assert!(seats.end_before(ANA, 2, EvictReason::Logout).is_some());
        let order = seats.stands(ELF, 1, true).unwrap();
        assert_eq!((order.at, order.why), (1, EvictReason::Logout));
        assert_eq!(seats.players(), [0, 1]);
        assert_eq!(seats.stands(ELF, 1, true), None, "told once per place");
        assert_eq!(seats.leaving(), [order], "and again whenever the caller likes");
    }

    #[test]
    fn a_released_claim_wakes_who_waits() {
        let mut seats = Seats::new(1);
        let first = claimed(&mut seats, 1);
        let ClaimStep::Wait { mut vacated, order: None } = claim(&mut seats, 2) else {
            panic!("a newer session waits for an older claim")
        };
        seats.release(ANA, first);
        assert_eq!(vacated.try_recv(), Ok(()));
        seats.release(ANA, first);
        assert_eq!(seats.len(), 0);
    }

    #[test]
    fn who_stops_waiting_lets_the_next_one_wait() {
        let mut seats = live();
        assert!(matches!(claim(&mut seats, 1), ClaimStep::Wait { .. }));
        seats.stop_waiting(ask(1));
        assert!(matches!(claim(&mut seats, 1), ClaimStep::Wait { order: None, .. }));
    }
}
