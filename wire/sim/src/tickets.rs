//! Where the server is, its keys, and the tickets to it.

use std::net::SocketAddr;

use mu_wire::{ConnectTicket, HostKeys, Random, TokenClaims, USER_DATA_LEN};

use crate::dice::Dice;
use crate::world::UNIX_S;

/// The server's address.
pub(crate) fn server_address() -> SocketAddr {
    SocketAddr::from(([10, 1, 1, 1], 4_000))
}

/// The host's keys, the same in all runs.
pub(crate) fn keys() -> HostKeys {
    HostKeys::from_master(&[7; 32], 1)
}

/// A ticket for a session; the claims name it.
pub(crate) fn ticket(keys: &HostKeys, session: u64, dice: &mut Dice) -> ConnectTicket {
    let mut token_id = [0; 16];
    token_id[..8].copy_from_slice(&session.to_le_bytes());
    let claims = TokenClaims {
        token_id,
        account: session,
        character: session,
        issued_s: UNIX_S,
        expires_s: UNIX_S + 30,
        realm: 0,
        home_shard: 0,
        flags: 0,
        psk: dice.seed(),
        max_down: 0,
        max_pps: 0,
        max_up: 0,
        user_data: [0; USER_DATA_LEN],
    };
    keys.sealer().seal(&claims, 0, &mut Random::from_seed(dice.seed()))
}
