"""The server's end for tests: sends any frames, acknowledges what it likes, and reads what the client sends."""

import random

from mu_client import crypto, frames
from mu_client.codec import Reader, number
from mu_client.connection import Connection
from mu_client.crypto import PacketKey
from mu_client.handshake import AcceptParams
from mu_client.prelude import Prelude, Received, recover

START = 5_000_000
LANE_MAP = 0x5043_2111
TOKEN = bytes(range(16))


def params(**changes):
    values = {
        "connection_id": 0x8877665544332211,
        "server_time": 1_000_000,
        "tick_origin": 500_000,
        "tick_ms": 50,
        "max_datagram": 1_200,
        "idle_100ms": 100,
        "ack_delay_ms": 50,
        "cipher": 1,
        "max_down": 0,
        "max_up": 0,
        "capabilities": 0,
        "lane_map": LANE_MAP,
        "reset_token": TOKEN,
    }
    return AcceptParams(**{**values, **changes})


class Peer:
    """A connection under test and its other end; `now` is the time of both."""

    def __init__(self, own_id=b"\xc1", seed=1, **changes):
        self.now = START
        keys = [PacketKey(bytes([n]) * 32, label, 1) for n, label in ((1, crypto.TO_SERVER), (2, crypto.TO_CLIENT))]
        self.opening, self.sealing = keys
        self.opening_phase = 0
        self.client = Connection(self.now, params(**changes), own_id, *keys, random.Random(seed), 100_000)
        self.own_id = own_id
        self.next = 0
        self.phase = 0
        self.received = Received()
        self.packets = []
        # The clock asks by itself; tests that do not look at it are quieter without.
        self.client.clock.next_at = self.now + 3_600_000_000

    def seal(self, body, packet=None):
        """A datagram to the client with this body."""
        packet = self.next if packet is None else packet
        self.next = max(self.next, packet + 1)
        header = bytes([0x40 | self.phase << 5]) + self.own_id + number(packet & 0xFFFF, 2)
        return header + self.sealing.seal(packet, header, body)

    def say(self, *parts, packet=None, prelude=None):
        """Sends frames to the client behind an acknowledgement of all that came."""
        if prelude is None:
            prelude, ranges, _ = self.received.write(self.now, False)
            parts = (ranges, *parts)
        datagram = self.seal(prelude + b"".join(parts), packet)
        self.client.receive(self.now, datagram)
        return datagram

    def hear(self, take=lambda place: True):
        """What the client sends now, as lists of frames; `take` says which datagrams arrive."""
        out = []
        for place, datagram in enumerate(self.client.transmit(self.now)):
            if take(place):
                out.append(self.open(datagram))
        return out

    def open(self, datagram):
        phase = datagram[0] >> 5 & 1
        if phase != self.opening_phase & 1:
            self.opening, self.opening_phase = self.opening.renewed(), self.opening_phase + 1
        packet = recover(int.from_bytes(datagram[9:11], "little"), self.received.largest)
        body = self.opening.open(packet, datagram[:11], datagram[11:])
        assert body is not None, "a packet that does not open"
        assert len(datagram) <= 1200
        self.received.add(packet, self.now)
        reader = Reader(body)
        told = Prelude.decode(reader, packet, self.next - 1)
        self.packets.append((packet, told))
        return frames.decode(reader.rest(), "client", told.largest is not None)

    def frames(self):
        """All frames of what the client sends now."""
        return [frame for packet in self.hear() for frame in packet]

    def wait(self, micros):
        self.now += micros

    def messages(self):
        """What the client was told since the last call."""
        events, self.client.events = self.client.events, []
        return events


def rel(lane, identity, data):
    return frames.encode("REL", lane=lane, id=identity & 0xFFFF, bytes=data)


def frag(lane, identity, index, count, data):
    return frames.encode("FRAG", lane=lane, id=identity & 0xFFFF, index=index, count=count, bytes=data)
