"""A client from its ticket to its end: the handshake, then a connection. Knows no socket and no clock. Times in µs.

Clauses: protocol.md 4.1 to 4.15.
"""

import random

from . import handshake, tables
from .codec import Malformed
from .connection import Connection
from .crypto import TO_CLIENT, TO_SERVER, Initiator, PacketKey
from .handshake import Ticket

FIRST_PAUSE = 250_000
GROWTH = 1.5
GIVE_UP = 10_000_000
COOKIES = 3

__all__ = ["Client", "Ticket"]


class Client:
    """`receive` what comes, send what `transmit` gives, call it again at `next_timeout`; `events` says what happened:
    ("connected", params), ("rejected", code, detail), and those of `Connection`."""

    def __init__(self, now, ticket, own_id=b"", rng=None, ephemeral=None, nonce=None):
        if ticket.protocol_id != tables.PROTOCOL_ID:
            raise Malformed(f"the server speaks {ticket.protocol_id:08x}, this client {tables.PROTOCOL_ID:08x}")
        self.ticket, self.own_id = ticket, own_id
        self.rng = rng or random.SystemRandom()
        self.nonce = self.rng.getrandbits(64) if nonce is None else nonce
        prologue = handshake.prologue(ticket, self.nonce, own_id)
        self.noise = Initiator(ticket.server_key, ticket.psk, prologue, ephemeral)
        self.first_message = self.noise.write(handshake.client_params())
        self.cookie, self.cookies = None, 0
        self.started, self.pause, self.next_init = now, FIRST_PAUSE, now
        self.init_at = None
        self.connection = None
        self.done = False
        self.events = []

    def receive(self, now, datagram):
        if self.connection:
            self.connection.receive(now, datagram)
            self.collect()
        elif not self.done and datagram:
            self.shake(now, datagram)

    def shake(self, now, datagram):
        """An answer to INIT."""
        cookie = handshake.read_cookie(datagram, self.own_id, self.nonce)
        message = handshake.read_accept(datagram, self.own_id, self.nonce)
        refusal = handshake.read_reject(datagram, self.own_id, self.nonce, self.ticket.psk)
        if cookie and self.cookies < COOKIES:
            self.cookie, self.cookies, self.next_init = cookie, self.cookies + 1, now
        elif cookie:
            self.cookie = cookie
        elif refusal:
            self.done = True
            self.events.append(("rejected", *refusal))
        elif message:
            opened = self.noise.read(message)
            if opened:
                self.connect(now, *opened)

    def connect(self, now, params, to_server, to_client):
        params = handshake.AcceptParams.decode(params)
        sealing = PacketKey(to_server, TO_SERVER, self.ticket.protocol_id)
        opening = PacketKey(to_client, TO_CLIENT, self.ticket.protocol_id)
        taken = now - self.init_at
        self.connection = Connection(now, params, self.own_id, sealing, opening, self.rng, taken)
        self.events.append(("connected", params))

    def transmit(self, now):
        """The datagrams that are due."""
        if self.connection:
            datagrams = self.connection.transmit(now)
            self.collect()
            return datagrams
        if self.done or now < self.next_init:
            return []
        if now - self.started > GIVE_UP:
            self.done = True
            self.events.append(("closed", "no answer", 0, ""))
            return []
        if self.init_at is not None and now >= self.init_at + self.pause:
            self.pause *= GROWTH
        self.init_at, self.next_init = now, now + self.pause
        return [handshake.init(self.ticket, self.nonce, self.own_id, self.first_message, self.cookie)]

    def collect(self):
        self.events += self.connection.events
        self.connection.events.clear()
        self.done |= self.connection.closed

    def next_timeout(self):
        return self.connection.next_timeout() if self.connection else self.next_init
