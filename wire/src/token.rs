//! Route tokens: what the login service says about a player, sealed so that one shard of one host can read it.
//!
//! ```text
//! sealed token, 392 bytes:  salt 24 │ AES-256-GCM(plaintext 352) │ tag 16
//! key  = HKDF(token key of the host and key id, salt), used once, hence a zero nonce
//! AAD  = version 1 │ protocol id 4 │ key id 1 │ expiry 8 │ routing id 8
//!
//! plaintext, 352 bytes:
//!   version 2 │ token id 16 │ account 8 │ character 8 │ issued 8 │ expires 8 │ realm 4 │ home shard 1 │ flags 1
//!   psk 32 │ max down 4 │ max pps 2 │ max up 4 │ zero 6 │ user data 248
//! ```
//!
//! Valid if: (1) the tag opens under a key id that is alive; (2) version is 1; (3) the six spare bytes are zero; (4) the
//! sealed expiry equals the clear one. Whether it is expired, replayed or for another shard is the endpoint's business.
//! A token holds no address: it is bound to a host by the key and to a shard by the routing id.

use zeroize::Zeroize;

use crate::codec::{NoRoom, Reader, Truncated, Writer};
use crate::crypto::{CheckedIds, HostKeys, Random, hkdf, open_once, seal_once};
use crate::protocol::{PROTOCOL_VERSION, protocol_id};

/// Length of a sealed token with its salt.
pub const SEALED_TOKEN_LEN: usize = 392;
/// Length of the part of a token that the application fills.
pub const USER_DATA_LEN: usize = 248;

const SALT_LEN: usize = 24;
pub(crate) const PLAIN_LEN: usize = 352;
const TOKEN_VERSION: u16 = 1;
const _: () = assert!(SALT_LEN + PLAIN_LEN + crate::crypto::TAG_LEN == SEALED_TOKEN_LEN);

/// What a token says.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenClaims {
    /// Unique; a token is used once.
    pub token_id: [u8; 16],
    /// The account that logged in.
    pub account: u64,
    /// The character it plays.
    pub character: u64,
    /// When the token was made, Unix seconds.
    pub issued_s: u64,
    /// The last second it is valid, Unix seconds.
    pub expires_s: u64,
    /// Must equal the server's realm.
    pub realm: u32,
    /// The shard that may open it.
    pub home_shard: u8,
    /// The application's.
    pub flags: u8,
    /// The secret shared with the client; zero by the time a handler sees the claims.
    pub psk: [u8; 32],
    /// Bytes a second to the client at most; 0 is the server's default.
    pub max_down: u32,
    /// Datagrams a second from the client at most; 0 is the server's default.
    pub max_pps: u16,
    /// Bytes a second from the client at most; 0 is the server's default.
    pub max_up: u32,
    /// The application's.
    pub user_data: [u8; USER_DATA_LEN],
}

impl Default for TokenClaims {
    fn default() -> Self {
        Self {
            token_id: [0; 16],
            account: 0,
            character: 0,
            issued_s: 0,
            expires_s: 0,
            realm: 0,
            home_shard: 0,
            flags: 0,
            psk: [0; 32],
            max_down: 0,
            max_pps: 0,
            max_up: 0,
            user_data: [0; USER_DATA_LEN],
        }
    }
}

impl std::fmt::Debug for TokenClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenClaims")
            .field("account", &self.account)
            .field("character", &self.character)
            .field("expires_s", &self.expires_s)
            .field("realm", &self.realm)
            .field("home_shard", &self.home_shard)
            .finish_non_exhaustive()
    }
}

/// All that a client needs to connect, beside the address.
#[derive(Clone)]
pub struct ConnectTicket {
    /// Names the shard to the endpoint; repeated in INIT.
    pub routing_id: u64,
    /// Which token key sealed the token.
    pub key_id: u8,
    /// The last second the token is valid, Unix seconds.
    pub expires_s: u64,
    /// The token, opaque to the client.
    pub sealed_token: [u8; SEALED_TOKEN_LEN],
    /// The secret shared with the server.
    pub psk: [u8; 32],
    /// The server's static X25519 key.
    pub server_key: [u8; 32],
}

impl std::fmt::Debug for ConnectTicket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectTicket")
            .field("routing_id", &self.routing_id)
            .field("key_id", &self.key_id)
            .field("expires_s", &self.expires_s)
            .finish_non_exhaustive()
    }
}

impl Drop for ConnectTicket {
    fn drop(&mut self) {
        self.psk.zeroize();
    }
}

/// The clear fields that a sealed token is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenBinding {
    pub(crate) protocol_id: u32,
    pub(crate) key_id: u8,
    pub(crate) expires_s: u64,
    pub(crate) routing_id: u64,
}

impl TokenBinding {
    fn header(self) -> [u8; 22] {
        let mut out = [0; 22];
        let mut writer = Writer::new(&mut out);
        let _fits = writer
            .u8(PROTOCOL_VERSION)
            .and_then(|()| writer.u32(self.protocol_id))
            .and_then(|()| writer.u8(self.key_id))
            .and_then(|()| writer.u64(self.expires_s))
            .and_then(|()| writer.u64(self.routing_id));
        out
    }
}

/// Seals tokens for one host. Cheap to clone; belongs to the login service.
#[derive(Clone)]
pub struct TokenSealer {
    key: zeroize::Zeroizing<[u8; 32]>,
    key_id: u8,
    routing: CheckedIds,
    server_key: [u8; 32],
}

impl std::fmt::Debug for TokenSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenSealer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl TokenSealer {
    pub(crate) fn new(keys: &HostKeys) -> Self {
        let key_id = keys.current_key_id();
        Self {
            key: keys.token_key(key_id).expect("the current key id is alive"),
            key_id,
            routing: CheckedIds::new(keys.routing_hash()),
            server_key: keys.static_public(),
        }
    }

    /// Seals `claims` for `shard` of this host. `random` must be seeded from the operating system in production.
    #[must_use]
    pub fn seal(&self, claims: &TokenClaims, shard: u8, random: &mut Random) -> ConnectTicket {
        self.seal_for(protocol_id(), claims, shard, random)
    }

    pub(crate) fn seal_for(
        &self,
        protocol_id: u32,
        claims: &TokenClaims,
        shard: u8,
        random: &mut Random,
    ) -> ConnectTicket {
        let binding = TokenBinding {
            protocol_id,
            key_id: self.key_id,
            expires_s: claims.expires_s,
            routing_id: self.routing.stamp(u64::from(shard) | random.u64() << 8),
        };
        let salt: [u8; SALT_LEN] = random.array();
        let mut plain = [0; PLAIN_LEN];
        encode(claims, &mut Writer::new(&mut plain)).expect("the layout has this length");
        let tag = seal_once(&once(&self.key, &salt), &binding.header(), &mut plain);
        let mut sealed_token = [0; SEALED_TOKEN_LEN];
        let parts = salt.iter().chain(&plain).chain(&tag);
        for (to, from) in sealed_token.iter_mut().zip(parts) {
            *to = *from;
        }
        ConnectTicket {
            routing_id: binding.routing_id,
            key_id: self.key_id,
            expires_s: claims.expires_s,
            sealed_token,
            psk: claims.psk,
            server_key: self.server_key,
        }
    }
}

/// Opens a sealed token; `None` if it is not one of this host's, or was changed, or says something impossible.
pub(crate) fn open(keys: &HostKeys, binding: TokenBinding, sealed: &[u8; SEALED_TOKEN_LEN]) -> Option<TokenClaims> {
    let key = keys.token_key(binding.key_id)?;
    let (salt, body) = sealed.split_first_chunk::<SALT_LEN>()?;
    let mut copy = [0; SEALED_TOKEN_LEN - SALT_LEN];
    copy.copy_from_slice(body);
    let plain = open_once(&once(&key, salt), &binding.header(), &mut copy)?;
    let claims = decode(&mut Reader::new(plain)).ok().flatten()?;
    (claims.expires_s == binding.expires_s).then_some(claims)
}

fn once(key: &[u8; 32], salt: &[u8; SALT_LEN]) -> zeroize::Zeroizing<[u8; 32]> {
    zeroize::Zeroizing::new(hkdf(key, salt, &[b"mu-wire token once"]))
}

pub(crate) fn encode(claims: &TokenClaims, out: &mut Writer<'_>) -> Result<(), NoRoom> {
    out.u16(TOKEN_VERSION)?;
    out.bytes(&claims.token_id)?;
    out.u64(claims.account)?;
    out.u64(claims.character)?;
    out.u64(claims.issued_s)?;
    out.u64(claims.expires_s)?;
    out.u32(claims.realm)?;
    out.u8(claims.home_shard)?;
    out.u8(claims.flags)?;
    out.bytes(&claims.psk)?;
    out.u32(claims.max_down)?;
    out.u16(claims.max_pps)?;
    out.u32(claims.max_up)?;
    out.bytes(&[0; 6])?;
    out.bytes(&claims.user_data)
}

pub(crate) fn decode(plain: &mut Reader<'_>) -> Result<Option<TokenClaims>, Truncated> {
    if plain.u16()? != TOKEN_VERSION {
        return Ok(None);
    }
    let claims = TokenClaims {
        token_id: plain.array()?,
        account: plain.u64()?,
        character: plain.u64()?,
        issued_s: plain.u64()?,
        expires_s: plain.u64()?,
        realm: plain.u32()?,
        home_shard: plain.u8()?,
        flags: plain.u8()?,
        psk: plain.array()?,
        max_down: plain.u32()?,
        max_pps: plain.u16()?,
        max_up: plain.u32()?,
        user_data: {
            if plain.array::<6>()? != [0; 6] {
                return Ok(None);
            }
            plain.array()?
        },
    };
    Ok(Some(claims))
}
