"""The packets before there are keys: INIT out; COOKIE, ACCEPT and REJECT in. Clauses: protocol.md 3.2, 3.3, 4.2 to 4.10."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from . import tables
from .codec import Malformed, Reader, number
from .crypto import hkdf, hmac16

VERSION = tables.PROTOCOL_VERSION
INIT, COOKIE, ACCEPT, REJECT = (0x80 | VERSION << 4 | kind for kind in (1, 2, 3, 4))
INIT_LEN = 1200
REJECTS = {1: "full", 2: "banned", 3: "realm", 4: "closing", 5: "cipher", 6: "expired"}
MAX_DATAGRAM_TAKEN = 1452


@dataclass
class Ticket:
    """What the gateway or a `Transfer` gives: good once."""

    address: tuple
    routing_id: int
    key_id: int
    expires: int
    token: bytes
    psk: bytes
    server_key: bytes
    protocol_id: int

    @classmethod
    def from_gateway(cls, answer):
        """The ticket in the answer of `select` (docs/http.md)."""
        host, _, port = answer["endpoint"].rpartition(":")
        return cls(
            (host.strip("[]"), int(port)),
            int(answer["routing_id"], 16),
            answer["key_id"],
            answer["expires_s"],
            base64.b64decode(answer["token"]),
            base64.b64decode(answer["psk"]),
            base64.b64decode(answer["server_key"]),
            int(answer["protocol"], 16),
        )

    @classmethod
    def from_transfer(cls, fields, protocol_id):
        """The ticket in a `Transfer` message; the protocol is the one in use."""
        return cls(
            fields["address"],
            fields["routing_id"],
            fields["key_id"],
            fields["expires_s"],
            fields["sealed_token"],
            fields["psk"],
            fields["server_key"],
            protocol_id,
        )


def padded_id(own_id):
    """The client's own id with its length, as INIT and prologue have it."""
    return bytes([len(own_id)]) + own_id.ljust(4, b"\0")


def prologue(ticket, nonce, own_id):
    """What the Noise handshake binds besides its own messages: 67 bytes."""
    return (
        bytes([INIT])
        + number(ticket.protocol_id, 4)
        + number(ticket.routing_id, 8)
        + number(nonce, 8)
        + bytes([ticket.key_id])
        + number(ticket.expires, 8)
        + padded_id(own_id)
        + hashlib.sha256(ticket.token).digest()
    )


def client_params(largest=MAX_DATAGRAM_TAKEN):
    return bytes([1]) + number(largest, 2) + bytes(29)


def init(ticket, nonce, own_id, noise, cookie=None):
    """INIT; `cookie` is (epoch, 16 bytes)."""
    epoch, proof = cookie or (0, bytes(16))
    packet = (
        bytes([INIT])
        + number(ticket.protocol_id, 4)
        + number(ticket.routing_id, 8)
        + number(nonce, 8)
        + bytes([epoch])
        + proof
        + bytes([ticket.key_id])
        + number(ticket.expires, 8)
        + ticket.token
        + noise
        + padded_id(own_id)
    )
    return packet.ljust(INIT_LEN, b"\0")


def body(datagram, kind, own_id, length):
    """A reader behind the first byte and the own id of a long packet, or None if it is another."""
    if len(datagram) != length + len(own_id) or datagram[0] != kind or datagram[1 : 1 + len(own_id)] != own_id:
        return None
    return Reader(datagram[1 + len(own_id) :])


def read_cookie(datagram, own_id, nonce):
    """(epoch, cookie), or None."""
    reader = body(datagram, COOKIE, own_id, 30)
    if reader is None or reader.number(8) != nonce:
        return None
    epoch = reader.number(1)
    return (epoch, reader.take(16)) if epoch else None


def read_accept(datagram, own_id, nonce):
    """The second Noise message, or None."""
    reader = body(datagram, ACCEPT, own_id, 121)
    if reader is None or reader.number(8) != nonce:
        return None
    return reader.rest()


def read_reject(datagram, own_id, nonce, psk):
    """(code, detail) of a REJECT that the holder of the secret made, or None."""
    reader = body(datagram, REJECT, own_id, 32)
    if reader is None:
        return None
    named, code, detail, zero, proof = (reader.take(size) for size in (8, 2, 4, 1, 16))
    key = hkdf(psk, b"mu-wire reject", b"", 32)
    genuine = hmac.compare_digest(hmac16(key, named + code + detail), proof)
    if not genuine or zero != b"\0" or named != number(nonce, 8):
        return None
    return int.from_bytes(code, "little"), int.from_bytes(detail, "little")


@dataclass
class AcceptParams:
    """What the server says of itself in ACCEPT; times in µs of its clock."""

    connection_id: int
    server_time: int
    tick_origin: int
    tick_ms: int
    max_datagram: int
    idle_100ms: int
    ack_delay_ms: int
    cipher: int
    max_down: int
    max_up: int
    capabilities: int
    lane_map: int
    reset_token: bytes

    SIZES = (8, 8, 8, 2, 2, 2, 1, 1, 4, 4, 4, 4)

    @classmethod
    def decode(cls, data):
        reader = Reader(data)
        params = cls(*(reader.number(size) for size in cls.SIZES), reader.take(16))
        reader.end()
        if params.cipher != 1 or params.max_datagram < INIT_LEN or params.tick_ms == 0:
            raise Malformed(f"accept parameters {params}")
        return params
