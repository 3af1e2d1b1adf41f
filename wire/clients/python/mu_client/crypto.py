"""Keys and ciphers: HKDF, HMAC-16, the packet cipher of a direction, and the client's side of the Noise handshake.

Clauses: protocol.md 1.6, 4.4, 5.1 to 5.3; the Noise specification for the pattern NKpsk0.
"""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .codec import number

NOISE = b"Noise_NKpsk0_25519_ChaChaPoly_SHA256"
TO_SERVER = b"mu-wire to server"
TO_CLIENT = b"mu-wire to client"


def hmac_sha256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hmac16(key, data):
    return hmac_sha256(key, data)[:16]


def hkdf(secret, salt, info, length):
    """RFC 5869 with SHA-256."""
    key = hmac_sha256(salt, secret)
    out, block = b"", b""
    while len(out) < length:
        block = hmac_sha256(key, block + info + bytes([len(out) // 32 + 1]))
        out += block
    return out[:length]


class PacketKey:
    """The cipher of one direction and one key phase."""

    def __init__(self, secret, label, protocol_id):
        self.secret, self.label, self.protocol_id = secret, label, protocol_id
        self.key = hkdf(secret, label, b"key" + number(protocol_id, 4), 32)
        self.iv = hkdf(secret, label, b"iv" + number(protocol_id, 4), 12)
        self.cipher = AESGCM(self.key)

    def renewed(self):
        """The key that follows this one."""
        secret = hkdf(self.secret, self.label, b"update" + number(self.protocol_id, 4), 32)
        return PacketKey(secret, self.label, self.protocol_id)

    def nonce(self, packet):
        tail = int.from_bytes(self.iv[4:], "big") ^ packet
        return self.iv[:4] + tail.to_bytes(8, "big")

    def seal(self, packet, header, body):
        return self.cipher.encrypt(self.nonce(packet), body, header)

    def open(self, packet, header, sealed):
        """The body, or None if the packet is not authentic."""
        try:
            return self.cipher.decrypt(self.nonce(packet), sealed, header)
        except InvalidTag:
            return None


def public_key(private):
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


class Initiator:
    """The client's side of `Noise_NKpsk0_25519_ChaChaPoly_SHA256`."""

    def __init__(self, server_key, psk, prologue, ephemeral=None):
        self.server_key, self.psk = server_key, psk
        self.ephemeral = X25519PrivateKey.from_private_bytes(ephemeral) if ephemeral else X25519PrivateKey.generate()
        # The name is longer than a hash, so its hash stands for it.
        self.hash = self.chain = hashlib.sha256(NOISE).digest()
        self.key, self.used = None, 0
        self.mix_hash(prologue)
        self.mix_hash(server_key)

    def mix_hash(self, data):
        self.hash = hashlib.sha256(self.hash + data).digest()

    def mix_key(self, data):
        out = hkdf(data, self.chain, b"", 64)
        self.chain, self.key, self.used = out[:32], out[32:], 0

    def mix_key_and_hash(self, data):
        out = hkdf(data, self.chain, b"", 96)
        self.chain = out[:32]
        self.mix_hash(out[32:64])
        self.key, self.used = out[64:], 0

    def nonce(self):
        return bytes(4) + number(self.used, 8)

    def write(self, payload):
        """The first message: psk, e, es, payload."""
        self.mix_key_and_hash(self.psk)
        public = public_key(self.ephemeral)
        self.mix_hash(public)
        self.mix_key(public)
        self.mix_key(self.ephemeral.exchange(X25519PublicKey.from_public_bytes(self.server_key)))
        sealed = ChaCha20Poly1305(self.key).encrypt(self.nonce(), payload, self.hash)
        self.used += 1
        self.mix_hash(sealed)
        return public + sealed

    def read(self, message):
        """The payload of the second message (e, ee, payload) and the two secrets, or None; a message that does not open
        leaves everything as it was."""
        before = self.hash, self.chain, self.key, self.used
        public, sealed = message[:32], message[32:]
        try:
            self.mix_hash(public)
            self.mix_key(public)
            self.mix_key(self.ephemeral.exchange(X25519PublicKey.from_public_bytes(public)))
            payload = ChaCha20Poly1305(self.key).decrypt(self.nonce(), sealed, self.hash)
        except (InvalidTag, ValueError):
            self.hash, self.chain, self.key, self.used = before
            return None
        secrets = hkdf(b"", self.chain, b"", 64)
        return payload, secrets[:32], secrets[32:]
