"""Run by wire/tests/it/python.rs against a real endpoint that says everything back: `python3 -m tests.every_lane TICKET TICKET`.

The tickets are JSON with bytes in hexadecimal. The first connection uses every lane while datagrams are lost, keys are renewed
and the client moves; the second one is forgotten by the server.
"""

import json
import random
import sys

from mu_client.client import Client
from mu_client.handshake import Ticket
from mu_client.link import Link, now

RELIABLE = (0, 1, 2, 3)
BLOCK = bytes(place % 251 for place in range(70_000))
PATIENCE = 25_000_000


def ticket(text):
    fields = json.loads(text)
    fields["address"] = tuple(fields["address"])
    return Ticket(**{name: bytes.fromhex(value) if isinstance(value, str) else value for name, value in fields.items()})


class Talk:
    """A client and what it heard."""

    def __init__(self, text, drop):
        given = ticket(text)
        self.link = Link(given.address, drop=drop, seed=3)
        self.client = Client(now(), given, b"\x07\x08", random.Random(4))
        self.heard = {lane: [] for lane in range(6)}
        self.blocks, self.ended = [], None
        self.snapshots = 0

    def step(self, until):
        self.link.pump(self.client, until)
        events, self.client.events = self.client.events, []
        for event in events:
            if event[0] == "message":
                self.heard[event[1]].append(event[2])
            elif event[0] == "block":
                self.blocks.append(event[1:])
            elif event[0] == "snapshot":
                self.snapshots += 1
            elif event[0] != "connected":
                self.ended = event

    def wait(self, what, ready):
        end = now() + PATIENCE
        while not ready():
            assert self.ended is None, (what, self.ended)
            assert now() < end, what
            self.step(now() + 10_000)

    @property
    def connection(self):
        return self.client.connection


def lanes(talk):
    """Reliable lanes keep their promise whatever is lost; the others bring something, and never the old after the new."""
    rng = random.Random(5)
    sent = {lane: [] for lane in RELIABLE}
    inputs = []
    for step in range(60):
        for lane in RELIABLE:
            data = bytes([lane, step]) + rng.randbytes(rng.choice((0, 20, 1_098, 1_099, 3_000 if step % 10 == 0 else 50)))
            talk.connection.send(lane, data)
            sent[lane].append(data)
        for lane in (4, 5):
            talk.connection.send(lane, bytes([step]) * rng.choice((1, 2, 1_500)), now())
        inputs.append(b"input " + bytes([step]))
        talk.connection.input(bytes([step]))
        end = now() + 20_000
        while now() < end:
            talk.step(end)
        if step == 30:
            talk.link.move()

    def all_there():
        unordered = [data for data in talk.heard[3] if not data.startswith(b"input ")]
        ordered = all(len(talk.heard[lane]) >= 60 for lane in (0, 1, 2))
        return ordered and len(unordered) >= 60 and len(talk.heard[3]) >= 120

    talk.wait("everything said back", all_there)
    for lane in (0, 1, 2):
        assert talk.heard[lane] == sent[lane], f"lane {lane}"
    assert sorted(talk.heard[3]) == sorted(sent[3] + inputs), "lane 3"
    for lane in (4, 5):
        steps = [data[0] for data in talk.heard[lane]]
        assert len(steps) > 15 and len(set(steps)) == len(steps), f"lane {lane}: {steps}"
        assert all(len(set(data)) == 1 for data in talk.heard[lane]), "in one piece"
    steps = [data[0] for data in talk.heard[5]]
    assert steps == sorted(steps), "the newest wins"
    assert any(len(data) == 1_500 for data in talk.heard[4] + talk.heard[5]), "fragments of what may be lost"


def main():
    talk = Talk(sys.argv[1], drop=0.1)
    talk.wait("a connection", lambda: talk.connection)
    assert talk.client.cookies >= 1, "no cookie was asked for"
    talk.connection.sealing.packets = 30
    lanes(talk)
    talk.link.drop = 0.0
    talk.wait("the block", lambda: talk.blocks)
    assert talk.blocks == [(9, BLOCK)], "the block"
    talk.wait("the block's end said", lambda: not talk.connection.blocks.due)
    phases = talk.connection.sealing.phase, talk.connection.opening.phase
    assert min(phases) >= 2, f"keys were renewed: {phases}"
    assert talk.snapshots > 10, f"{talk.snapshots} snapshots"
    assert talk.connection.recovery.lost > 10, "nothing was lost"
    talk.connection.close(0x105, "enough")
    talk.wait("the end", lambda: talk.client.done)
    other = Talk(sys.argv[2], drop=0.0)
    other.wait("another connection", lambda: other.connection)
    other.connection.send(0, b"forget me")
    while other.ended is None:
        other.step(now() + 50_000)
    assert other.ended == ("closed", "reset", 0, ""), other.ended


if __name__ == "__main__":
    main()
