"""What a client knows of the entities it sees. Clauses: protocol.md 12.1, 12.3."""

from dataclasses import dataclass, field

from .codec import Malformed
from .snapshot import DEFAULT, parse

STALE = 64
KEPT = 32


@dataclass
class Alias:
    """A name of 8 bits that the server gives to an entity in sight."""

    identity: object = None
    came_at: int = 0
    left_at: int = -1
    # number: (tick, state)
    versions: dict = field(default_factory=dict)

    def latest(self):
        """(tick, state) of the version with the latest tick."""
        return max(self.versions.values(), key=lambda version: version[0])

    def leave(self, tick):
        self.identity, self.left_at, self.versions = None, tick, {}

    def add(self, number, tick, state):
        self.versions[number] = (tick, state)
        newest = max(self.versions, key=lambda version: self.versions[version][0])
        self.versions = {
            version: value for version, value in self.versions.items() if (newest - version) & 0xFFFF < KEPT
        }

    def baseline(self, record):
        """(number, state) of the version that a step starts from, or None if the record says nothing new."""
        wanted = record.version - record.step & 0xF
        found = [
            (tick, number, state)
            for number, (tick, state) in self.versions.items()
            if number & 0xF == wanted and tick < record.tick
        ]
        if found:
            return max(found, key=lambda version: version[0])[1:]
        if self.latest()[0] >= record.tick:
            return None
        raise Malformed("a step from a version that nobody has")


class Replica:
    """Entities by their handle; `apply` takes in a snapshot."""

    def __init__(self):
        self.newest = -1
        self.aliases = [Alias() for _ in range(256)]

    def apply(self, tick, body):
        """Takes in a body; gives the entities it told of, as handles."""
        if tick + STALE <= self.newest:
            return []
        records = parse(tick, body)
        self.newest = max(self.newest, tick)
        touched = []
        for record in records:
            alias = self.aliases[record.alias]
            if tick <= alias.left_at:
                continue
            entity = alias.identity.entity if alias.identity else None
            if record.leave:
                alias.leave(tick)
            elif record.step:
                self.step(alias, record)
            elif self.whole(alias, record, tick):
                entity = record.identity.entity
            if entity is not None:
                touched.append(entity)
        return touched

    def whole(self, alias, record, tick):
        """A whole state; whether it was taken in."""
        entity = record.identity.entity
        if alias.identity and alias.identity.entity != entity:
            raise Malformed("an alias of another entity")
        if not alias.identity:
            for other in self.aliases:
                if other.identity and other.identity.entity == entity:
                    if other.came_at > tick:
                        return False
                    other.leave(tick)
            alias.identity, alias.came_at = record.identity, tick
        alias.add(record.version, record.tick, record.change.apply(DEFAULT, record.tick))
        return True

    def step(self, alias, record):
        if not alias.identity:
            return
        base = alias.baseline(record)
        if base is not None:
            number, state = base
            alias.add(number + record.step & 0xFFFF, record.tick, record.change.apply(state, record.tick))

    def entities(self):
        """(identity, tick of the change, state) of everything in sight."""
        return [(alias.identity, *alias.latest()) for alias in self.aliases if alias.identity]

    def get(self, entity):
        """(identity, tick of the change, state) of an entity, or None."""
        return next((seen for seen in self.entities() if seen[0].entity == entity), None)
