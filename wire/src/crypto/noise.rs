//! The two handshake messages, `Noise_NKpsk0_25519_ChaChaPoly_SHA256`, and the packet keys they give.
//!
//! The server's static key authenticates the server, the secret inside the token authenticates the client, the ephemeral
//! exchange gives forward secrecy. The prologue binds all that INIT says in the clear. `snow` is dropped once the two
//! raw keys are out; packet keys are derived from them per direction under the protocol id.

use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, RingResolver};
use snow::types::{Cipher, Dh, Hash, Random as NoiseRandom};
use snow::{Builder, HandshakeState};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::{Direction, DirectionKeys, Random, x25519};

const PATTERN: &str = "Noise_NKpsk0_25519_ChaChaPoly_SHA256";

/// An X25519 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PublicKey(pub(crate) [u8; 32]);

/// An X25519 key pair.
#[derive(Clone)]
pub(crate) struct StaticKey {
    secret: Zeroizing<[u8; 32]>,
    public: PublicKey,
}

impl StaticKey {
    pub(crate) fn from_secret(secret: &[u8; 32]) -> Self {
        Self { secret: Zeroizing::new(*secret), public: PublicKey(x25519::public_of(secret)) }
    }

    pub(crate) const fn public(&self) -> PublicKey {
        self.public
    }
}

/// The packet keys of both directions.
pub(crate) struct PacketKeys {
    pub(crate) to_server: DirectionKeys,
    pub(crate) to_client: DirectionKeys,
}

/// The client's side: one message out, one in.
pub(crate) struct Initiator {
    state: HandshakeState,
}

/// The server's side: one message in, one out.
pub(crate) struct Responder {
    state: HandshakeState,
}

impl Initiator {
    /// `None` only if the server's key has no use as one.
    pub(crate) fn new(server: &PublicKey, psk: &[u8; 32], prologue: &[u8], random: &mut Random) -> Option<Self> {
        let state = builder(random, None)?
            .psk(0, psk)
            .ok()?
            .remote_public_key(&server.0)
            .ok()?
            .prologue(prologue)
            .ok()?
            .build_initiator()
            .ok()?;
        Some(Self { state })
    }

    /// Writes the first message: 32 bytes of key and the sealed payload.
    pub(crate) fn write(&mut self, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        self.state.write_message(payload, out).ok()
    }

    /// Reads the second message into `payload`. A forged one leaves the state as it was.
    pub(crate) fn read(&mut self, message: &[u8], payload: &mut [u8]) -> Option<usize> {
        self.state.read_message(message, payload).ok()
    }

    pub(crate) fn packet_keys(&mut self, protocol: u32) -> PacketKeys {
        packet_keys(&mut self.state, protocol)
    }
}

impl Responder {
    pub(crate) fn new(identity: &StaticKey, psk: &[u8; 32], prologue: &[u8], random: &mut Random) -> Option<Self> {
        let state = builder(random, Some(identity))?
            .psk(0, psk)
            .ok()?
            .local_private_key(&*identity.secret)
            .ok()?
            .prologue(prologue)
            .ok()?
            .build_responder()
            .ok()?;
        Some(Self { state })
    }

    /// Reads the first message into `payload`; `None` if the peer does not know the token's secret.
    pub(crate) fn read(&mut self, message: &[u8], payload: &mut [u8]) -> Option<usize> {
        self.state.read_message(message, payload).ok()
    }

    pub(crate) fn write(&mut self, payload: &[u8], out: &mut [u8]) -> Option<usize> {
        self.state.write_message(payload, out).ok()
    }

    pub(crate) fn packet_keys(&mut self, protocol: u32) -> PacketKeys {
        packet_keys(&mut self.state, protocol)
    }
}

fn packet_keys(state: &mut HandshakeState, protocol: u32) -> PacketKeys {
    let (to_server, to_client) = state.dangerously_get_raw_split();
    let (to_server, to_client) = (Zeroizing::new(to_server), Zeroizing::new(to_client));
    PacketKeys {
        to_server: DirectionKeys::new(*to_server, Direction::ToServer, protocol),
        to_client: DirectionKeys::new(*to_client, Direction::ToClient, protocol),
    }
}

fn builder<'a>(random: &mut Random, identity: Option<&StaticKey>) -> Option<Builder<'a>> {
    let params = PATTERN.parse().ok()?;
    let resolver = Resolver { seed: random.array(), identity: identity.cloned() };
    Some(Builder::with_resolver(params, Box::new(resolver)))
}

/// Curve from [`x25519`], hash and cipher from ring, randomness from the caller's seed.
struct Resolver {
    seed: [u8; 32],
    identity: Option<StaticKey>,
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn NoiseRandom>> {
        Some(Box::new(Seeded(Random::from_seed(self.seed))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        let identity = self.identity.clone();
        matches!(choice, DHChoice::Curve25519).then(|| Box::new(Curve { identity, key: None }) as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        RingResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        RingResolver.resolve_cipher(choice)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

/// A key pair inside the handshake. The server's own pair is handed in whole: `snow` passes secrets only, and deriving the
/// public key again would cost each handshake a multiplication.
struct Curve {
    identity: Option<StaticKey>,
    key: Option<StaticKey>,
}

impl Dh for Curve {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, privkey: &[u8]) {
        let known = self.identity.take().filter(|known| known.secret.ct_eq(privkey).into());
        self.key = known.or_else(|| privkey.first_chunk().map(StaticKey::from_secret));
    }

    fn generate(&mut self, rng: &mut dyn NoiseRandom) -> Result<(), snow::Error> {
        let mut secret = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *secret)?;
        self.key = Some(StaticKey::from_secret(&secret));
        Ok(())
    }

    /// All zeros before there is a key, which `snow` asks for only to learn the length.
    fn pubkey(&self) -> &[u8] {
        self.key.as_ref().map_or(&[0; 32], |key| &key.public.0)
    }

    fn privkey(&self) -> &[u8] {
        self.key.as_ref().map_or(&[0; 32], |key| &*key.secret)
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        let key = self.key.as_ref().ok_or(snow::Error::Dh)?;
        let peer = pubkey.first_chunk().ok_or(snow::Error::Dh)?;
        let shared = x25519::shared(&key.secret, peer).ok_or(snow::Error::Dh)?;
        out.first_chunk_mut::<32>().ok_or(snow::Error::Dh)?.copy_from_slice(&*shared);
        Ok(())
    }
}

struct Seeded(Random);

impl NoiseRandom for Seeded {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        self.0.fill(dest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(prologue: &[u8]) -> (Initiator, Responder) {
        let mut random = Random::from_seed([1; 32]);
        let identity = StaticKey::from_secret(&[5; 32]);
        (
            Initiator::new(&identity.public(), &[6; 32], b"prologue", &mut random).unwrap(),
            Responder::new(&identity, &[6; 32], prologue, &mut random).unwrap(),
        )
    }

    /// protocol.md 4.8, 5.1.
    #[test]
    fn both_ends_reach_the_same_keys_even_after_a_forged_answer() {
        let (mut client, mut server) = pair(b"prologue");
        let (mut first, mut payload) = ([0; 80], [0; 64]);
        assert_eq!(client.write(&[9; 32], &mut first), Some(80));
        assert_eq!(server.read(&first, &mut payload), Some(32));
        let mut second = [0; 112];
        assert_eq!(server.write(&[7; 64], &mut second), Some(112));
        let mut forged = second;
        forged[111] ^= 1;
        assert_eq!(client.read(&forged, &mut payload), None);
        forged = second;
        forged[0] ^= 1;
        assert_eq!(client.read(&forged, &mut payload), None);
        assert_eq!(client.read(&second, &mut payload), Some(64));
        let (ours, theirs) = (client.packet_keys(1), server.packet_keys(1));
        assert_eq!(ours.to_server.key, theirs.to_server.key);
        assert_eq!(ours.to_client.iv, theirs.to_client.iv);
        assert_ne!(ours.to_client.key, ours.to_server.key);
        assert_ne!(ours.to_client.key, client.packet_keys(2).to_client.key);
    }

    /// protocol.md 4.4.
    #[test]
    fn another_prologue_is_refused() {
        let (mut client, mut server) = pair(b"another");
        let mut first = [0; 80];
        client.write(&[9; 32], &mut first).unwrap();
        assert_eq!(server.read(&first, &mut [0; 64]), None);
    }
}
