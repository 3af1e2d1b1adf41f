"""A player: a client on a link, with what it knows of its character and the entities around it, and the things a player does.

Clauses: protocol.md chapters 10 to 13.
"""

from . import archive, messages, motion, tables
from .client import Client, Ticket
from .codec import Malformed
from .link import Link, now
from .replica import Replica

LANES = {row["name"]: row["lane"] for row in tables.CLIENT}


class Failed(Exception):
    """What a scenario waited for did not come, or something else did."""


class Player:
    """One character in the world."""

    def __init__(self, gateway, name, drop=0.0, delay=0, seed=0, trace=None):
        self.gateway, self.name = gateway, name
        self.network = {"drop": drop, "delay": delay, "seed": seed}
        self.trace = trace or (lambda *_: None)
        self.replica = Replica()
        self.heard = []
        self.spawned = self.inventory = None
        self.ended = None
        self.snapshots = self.corrections = self.transfers = 0
        self.own_id = b""
        # What the blocks behind the last `Spawned` carried, by kind.
        self.papers = {}

    def connect(self, entry=None):
        """Logs the character in, at one entry point of the world or where the gateway wants, and waits until it stands on a
        map."""
        character = self.gateway.character(self.name)
        self.begin(self.gateway.select(character, entry))
        self.wait("Spawned", lambda: self.spawned and self.inventory)

    def begin(self, ticket):
        self.replica, self.spawned, self.inventory, self.ended = Replica(), None, None, None
        self.papers = {}
        self.link = Link(ticket.address, **self.network)
        self.client = Client(now(), ticket, self.own_id)

    @property
    def connection(self):
        return self.client.connection

    def step(self, until):
        """Lets the network work and takes in what came."""
        self.link.pump(self.client, until)
        events, self.client.events = self.client.events, []
        for event in events:
            self.event(event)

    def event(self, event):
        kind = event[0]
        if kind == "message":
            name, fields = messages.decode(tables.SERVER, event[2])
            if messages.by_name(tables.SERVER, name)["lane"] != event[1]:
                raise Failed(f"{self.name}: {name} on lane {event[1]}")
            self.message(name, fields)
        elif kind == "snapshot":
            self.snapshots += 1
            try:
                self.replica.apply(event[1], event[2])
            except Malformed as error:
                raise Failed(f"{self.name}: snapshot {event[1]}: {error}") from error
        elif kind == "block":
            self.papers[event[1]] = archive.read(event[1], event[2])
        elif kind in ("closed", "rejected"):
            self.ended = event
            self.trace(self.name, *event)

    def message(self, name, fields):
        self.trace(self.name, name, fields)
        self.heard.append((name, fields))
        if name == "Spawned":
            self.spawned = fields
        elif name == "Inventory":
            self.inventory = fields
        elif name == "Correction":
            self.corrections += 1
        elif name == "Transfer":
            # The other endpoint takes over as soon as the client is there; the former one is left.
            self.transfers += 1
            self.leave()
            self.begin(Ticket.from_transfer(fields, self.client.ticket.protocol_id))

    def wait(self, what, ready, seconds=10):
        """Lets time pass until something is so."""
        end = now() + int(seconds * 1_000_000)
        while not ready():
            if self.ended:
                raise Failed(f"{self.name}: {self.ended} while waiting for {what}")
            if now() >= end:
                raise Failed(f"{self.name}: no {what} within {seconds} s; heard {self.heard[-5:]}")
            self.step(min(end, now() + 20_000))

    def rest(self, seconds):
        """Lets time pass."""
        end = now() + int(seconds * 1_000_000)
        while now() < end and not self.ended:
            self.step(end)

    def say(self, name, **fields):
        """Sends a message."""
        self.connection.send(LANES[name], messages.encode(tables.CLIENT, name, fields))

    def last(self, name):
        """The fields of the newest message of this name, or None."""
        return next((fields for heard, fields in reversed(self.heard) if heard == name), None)

    def tick(self):
        """The server's tick now."""
        at = self.connection.clock.server_time(now())
        params = self.connection.params
        at = params.server_time if at is None else at
        return max(0, at - params.tick_origin) // (params.tick_ms * 1_000)

    def place(self):
        """Where the server has the character, as the last snapshot says."""
        seen = self.replica.get(self.spawned["entity"])
        return seen[2].position(self.tick()) if seen else (self.spawned["x"], self.spawned["y"])

    def walk(self, *steps):
        """Walks some directions."""
        self.connection.input(motion.encode_walk(self.place(), steps))

    def stands(self):
        """Whether the last known walk is over."""
        seen = self.replica.get(self.spawned["entity"])
        return not (seen and isinstance(seen[2].motion, motion.Path) and self.tick() < seen[2].motion.arrival())

    def sees(self, name):
        """The handle of the player of this name, if in sight."""
        return next((seen[0].entity for seen in self.replica.entities() if seen[0].name == name), None)

    def leave(self):
        """Ends the connection and waits until that is said three times."""
        if self.connection is None:
            return
        self.connection.close()
        while not self.client.done:
            self.step(now() + 50_000)
