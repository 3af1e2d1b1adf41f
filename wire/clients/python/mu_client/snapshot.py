"""Snapshot bodies: bits to records, and a change applied to a baseline. Clauses: protocol.md 12.2.

A record is parsed without its baseline; whether it is written in the one form that clause 12.2.5 allows is known only when the
baseline is, so `Change.apply` refuses what the parser could not.
"""

from dataclasses import dataclass, replace

from .codec import BitReader, Malformed
from .messages import text
from .motion import Path, position

KINDS = ("player", "monster", "npc", "item")
MAX_NAME = 10


@dataclass(frozen=True)
class State:
    """What an entity shows: a motion is a position or a path."""

    motion: object = (0, 0)
    heading: int = 0
    health: int = 100
    flags: int = 0

    def position(self, tick):
        return position(self.motion, tick)


DEFAULT = State()


@dataclass(frozen=True)
class Identity:
    entity: int
    kind: str
    template: int
    name: str


@dataclass(frozen=True)
class Place:
    """A position, said by what must be added to the expected one (class 0 to 2) or as it is (3)."""

    kind: int
    x: int = 0
    y: int = 0

    def resolve(self, expected):
        if self.kind == 3:
            place = self.x, self.y
        else:
            place = expected[0] + self.x, expected[1] + self.y
        if not all(0 <= part <= 0xFFFF for part in place):
            raise Malformed(f"a place outside the map: {place}")
        if self.kind != class_of(place[0] - expected[0], place[1] - expected[1]):
            raise Malformed("a place in a longer class than it needs")
        return place


def class_of(dx, dy):
    """The first class that holds this difference."""
    if (dx, dy) == (0, 0):
        return 0
    widest = max(abs(part + 1) if part < 0 else part for part in (dx, dy))
    return 1 if widest < 128 else 2 if widest < 2048 else 3


@dataclass(frozen=True)
class Change:
    """What a record says of the new state; None is "as clause 12.2.3 and the baseline say"."""

    place: Place = None
    walk: tuple = None
    heading: int = None
    health: int = None
    flags: int = None

    def apply(self, base, at):
        """The state that the change makes of the baseline at its tick."""
        motion, heading = self.motion(base, at), base.heading
        if self.walk:
            heading = 32 * motion.steps[-1]
        if self.place is not None and motion == base.motion:
            raise Malformed("a motion that is said and does not differ")
        for said, old in ((self.heading, heading), (self.health, base.health), (self.flags, base.flags)):
            if said is not None and said == old:
                raise Malformed("a value that is said and does not differ")
        return replace(
            base,
            motion=motion,
            heading=heading if self.heading is None else self.heading,
            health=base.health if self.health is None else self.health,
            flags=base.flags if self.flags is None else self.flags,
        )

    def motion(self, base, at):
        if self.place is None:
            return base.motion
        if not self.walk:
            return self.place.resolve(base.position(at))
        start, speed, steps = self.walk
        old = base.motion.speed if isinstance(base.motion, Path) else 0
        if start == at or speed == old:
            raise Malformed("a start or a speed that is said and does not differ")
        start = at if start is None else start
        place = self.place.resolve(base.position(start))
        return Path(start, place, old if speed is None else speed, steps)


@dataclass(frozen=True)
class Record:
    """What a body says of one alias: `leave`, or an identity and a whole state, or a step from a baseline."""

    alias: int
    leave: bool = False
    step: int = 0
    version: int = 0
    tick: int = 0
    identity: Identity = None
    change: Change = None


def parse(tick, body):
    """The records of a body."""
    bits = BitReader(body)
    records = []
    while bits.left >= 8:
        record = parse_record(tick, bits)
        if record.leave and records and not records[-1].leave:
            raise Malformed("a leave behind other records")
        records.append(record)
    if bits.value:
        raise Malformed("bits after the last record")
    return records


def parse_record(tick, bits):
    alias, step = bits.bits(8), bits.bits(4)
    if step:
        late = bits.bits(7) + 1 if bits.bits(1) else 0
        if late > tick:
            raise Malformed("a change before tick 0")
        return Record(alias, step=step, version=bits.bits(4), tick=tick - late, change=parse_change(bits))
    if bits.bits(1):
        return Record(alias, leave=True)
    version, changed = bits.bits(16), bits.bits(32)
    if changed > tick:
        raise Malformed("a state of the future")
    identity = parse_identity(bits)
    return Record(alias, version=version, tick=changed, identity=identity, change=parse_change(bits))


def parse_identity(bits):
    entity, kind, template, length = bits.bits(32), bits.bits(3), bits.bits(16), bits.bits(4)
    if entity < 1 << 16 or kind >= len(KINDS) or length > MAX_NAME:
        raise Malformed(f"an identity of entity {entity}, kind {kind}, with a name of {length} bytes")
    name = text(bytes(bits.bits(8) for _ in range(length)))
    return Identity(entity, KINDS[kind], template, name)


def parse_change(bits):
    moved, others = bits.bits(1), bits.bits(1)
    heading, health, flags = (bits.bits(1), bits.bits(1), bits.bits(1)) if others else (0, 0, 0)
    if others and not (heading or health or flags):
        raise Malformed("others, but none")
    place, walk = parse_motion(bits) if moved else (None, None)
    change = Change(
        place,
        walk,
        bits.bits(8) if heading else None,
        bits.bits(7) if health else None,
        bits.bits(16) if flags else None,
    )
    if change.health is not None and change.health > 100:
        raise Malformed(f"health of {change.health}")
    return change


def parse_motion(bits):
    if not bits.bits(1):
        return parse_place(bits), None
    start = bits.bits(32) if bits.bits(1) else None
    speed = bits.bits(16) if bits.bits(1) else None
    place = parse_place(bits)
    return place, (start, speed, parse_steps(bits.bits(4) + 1, bits))


def parse_place(bits):
    kind = bits.bits(2)
    if kind == 0:
        return Place(0)
    if kind == 3:
        return Place(3, bits.bits(16), bits.bits(16))
    width = 8 if kind == 1 else 12
    return Place(kind, bits.signed(width), bits.signed(width))


def parse_steps(count, bits):
    if not bits.bits(1):
        first = bits.bits(3)
        other = (first - 1 if bits.bits(1) else first + 1) % 8
        steps = (first,) + tuple(other if bits.bits(1) else first for _ in range(count - 1))
        form = 1
    elif bits.bits(1):
        steps, form = tuple(bits.bits(3) for _ in range(count)), 2
    else:
        steps, form = (bits.bits(3),) * count, 0
    if form != form_of(steps):
        raise Malformed("steps in a longer form than they need")
    return steps


def form_of(steps):
    """0 straight, 1 two neighbouring directions, 2 any."""
    kinds = set(steps)
    if len(kinds) == 1:
        return 0
    other = (kinds - {steps[0]}).pop()
    return 1 if len(kinds) == 2 and (other - steps[0]) % 8 in (1, 7) else 2
