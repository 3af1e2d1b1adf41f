//! What each kind of event may consist of: which deed, which lists, between which containers, and with whose money.

use super::{Deed, EventKind, Place};
use crate::ids::SystemAccount;

/// Which deed a kind has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeedKind {
    None,
    Birth,
    Growth,
    Claim,
    Listing,
    Bid,
    Close,
    Cash,
    Authority,
    Resolution,
}

/// Which way a pocket's money may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// The kind does not touch it.
    Never,
    /// It grows.
    In,
    /// It shrinks.
    Out,
    /// Either.
    Both,
}

impl Flow {
    pub(super) const fn allows(self, delta: i64) -> bool {
        match self {
            Self::Never => false,
            Self::In => delta > 0,
            Self::Out => delta < 0,
            Self::Both => true,
        }
    }
}

/// Everything a kind may consist of.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) deed: DeedKind,
    /// Fewest and most parcels.
    pub(super) parcels: (usize, usize),
    /// The container in which new items appear.
    pub(super) mints: Option<u8>,
    /// Container before, container after.
    pub(super) moves: &'static [(u8, u8)],
    /// Containers from which items are destroyed.
    pub(super) burns: &'static [u8],
    /// Zen carried by characters.
    pub(super) zen: Flow,
    /// Zen in warehouses.
    pub(super) stored: Flow,
    /// Cash of accounts.
    pub(super) cash: Flow,
    /// The system accounts that give or take.
    pub(super) system: &'static [SystemAccount],
    /// Whether all characters and all accounts named are one.
    pub(super) alone: bool,
}

/// A shape that allows nothing.
const EMPTY: Shape = Shape {
    deed: DeedKind::None,
    parcels: (0, 0),
    mints: None,
    moves: &[],
    burns: &[],
    zen: Flow::Never,
    stored: Flow::Never,
    cash: Flow::Never,
    system: &[],
    alone: true,
};

pub(super) const fn shape(kind: EventKind) -> Shape {
    use EventKind as K;
    use Place as P;
    use SystemAccount as S;
    match kind {
        K::CharacterBirth => {
            let (mints, system) = (Some(P::INVENTORY), &[S::Starter]);
            Shape { deed: DeedKind::Birth, mints, zen: Flow::In, system, ..EMPTY }
        }
        K::Trade => Shape { moves: &[(P::INVENTORY, P::INVENTORY)], zen: Flow::Both, alone: false, ..EMPTY },
        K::WarehouseMove => Shape {
            moves: &[
                (P::INVENTORY, P::WAREHOUSE),
                (P::WAREHOUSE, P::INVENTORY),
                (P::WAREHOUSE, P::WAREHOUSE),
                (P::INVENTORY, P::INVENTORY),
            ],
            zen: Flow::Both,
            stored: Flow::Both,
            ..EMPTY
        },
        K::Drop => Shape { moves: &[(P::INVENTORY, P::GROUND)], ..EMPTY },
        K::PickUp => {
            let (moves, system) = (&[(P::GROUND, P::INVENTORY)], &[S::Loot]);
            Shape { mints: Some(P::INVENTORY), moves, zen: Flow::In, system, ..EMPTY }
        }
        K::Despawn => Shape { burns: &[P::GROUND], alone: false, ..EMPTY },
        K::ShopBuy => Shape { mints: Some(P::INVENTORY), zen: Flow::Out, system: &[S::Shop, S::Tax], ..EMPTY },
        K::ShopSell => Shape { burns: &[P::INVENTORY], zen: Flow::In, system: &[S::Shop, S::Tax], ..EMPTY },
        K::MailSend => {
            let (moves, system) = (&[(P::INVENTORY, P::POST)], &[S::Post, S::Tax]);
            Shape { parcels: (1, 4), moves, zen: Flow::Out, system, ..EMPTY }
        }
        K::MailClaim => {
            let (moves, system) = (&[(P::POST, P::INVENTORY)], &[S::Post]);
            Shape { deed: DeedKind::Claim, moves, zen: Flow::In, system, ..EMPTY }
        }
        K::AuctionList | K::AuctionBid | K::AuctionBuyOut | K::AuctionClose => auction(kind),
        K::CashCredit => Shape { deed: DeedKind::Cash, cash: Flow::In, system: &[S::CashProvider], ..EMPTY },
        K::CashSpend => {
            let (mints, system) = (Some(P::POST), &[S::CashShop]);
            Shape { deed: DeedKind::Cash, parcels: (0, 4), mints, cash: Flow::Out, system, ..EMPTY }
        }
        K::LevelUp | K::PointsSpend => Shape { deed: DeedKind::Growth, ..EMPTY },
        K::GmGrant | K::GmTake | K::Compensation | K::Resolution => operator(kind),
    }
}

const fn auction(kind: EventKind) -> Shape {
    use Place as P;
    use SystemAccount as S;
    match kind {
        EventKind::AuctionList => {
            let (moves, system) = (&[(P::INVENTORY, P::AUCTION)], &[S::Tax]);
            Shape { deed: DeedKind::Listing, moves, zen: Flow::Out, system, ..EMPTY }
        }
        EventKind::AuctionBid => {
            let system = &[S::Auction, S::Post];
            Shape { deed: DeedKind::Bid, parcels: (0, 1), zen: Flow::Out, system, ..EMPTY }
        }
        EventKind::AuctionBuyOut => {
            let (moves, system) = (&[(P::AUCTION, P::POST)], &[S::Auction, S::Post, S::Tax]);
            Shape { deed: DeedKind::Bid, parcels: (1, 3), moves, zen: Flow::Out, system, ..EMPTY }
        }
        _ => {
            let (moves, system) = (&[(P::AUCTION, P::POST)], &[S::Auction, S::Post, S::Tax]);
            Shape { deed: DeedKind::Close, parcels: (1, 2), moves, system, ..EMPTY }
        }
    }
}

const fn operator(kind: EventKind) -> Shape {
    use Place as P;
    use SystemAccount as S;
    let parcels = Shape { deed: DeedKind::Authority, parcels: (1, 4), mints: Some(P::POST), ..EMPTY };
    match kind {
        EventKind::GmGrant => Shape { system: &[S::Gm, S::Post], ..parcels },
        EventKind::GmTake => {
            let burns = &[P::INVENTORY, P::WAREHOUSE, P::GROUND];
            let (zen, stored, system) = (Flow::Out, Flow::Out, &[S::Gm]);
            Shape { deed: DeedKind::Authority, burns, zen, stored, system, ..EMPTY }
        }
        EventKind::Compensation => Shape { system: &[S::Compensation, S::Post], ..parcels },
        _ => {
            let (cash, system) = (Flow::In, &[S::Compensation, S::Post]);
            Shape { deed: DeedKind::Resolution, parcels: (0, 4), cash, system, ..parcels }
        }
    }
}

impl DeedKind {
    pub(super) const fn of(deed: Option<&Deed>) -> Self {
        match deed {
            None => Self::None,
            Some(Deed::Birth(_)) => Self::Birth,
            Some(Deed::Growth(_)) => Self::Growth,
            Some(Deed::Claim { .. }) => Self::Claim,
            Some(Deed::Listing(_)) => Self::Listing,
            Some(Deed::Bid { .. }) => Self::Bid,
            Some(Deed::Close { .. }) => Self::Close,
            Some(Deed::Cash { .. }) => Self::Cash,
            Some(Deed::Authority { .. }) => Self::Authority,
            Some(Deed::Resolution { .. }) => Self::Resolution,
        }
    }
}
