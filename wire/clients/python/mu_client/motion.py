"""Where an entity is: integers only, the same at both ends. Clauses: protocol.md 13.1 to 13.8, 11.1."""

from dataclasses import dataclass
from math import isqrt

from .codec import BitReader, BitWriter, Malformed

DIRECTIONS = ((0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1))
TILE = 256
CENTRE = 128


def tile_of(position):
    return position[0] >> 8, position[1] >> 8


def centre_of(tile):
    return tile[0] * TILE + CENTRE, tile[1] * TILE + CENTRE


@dataclass(frozen=True)
class Path:
    """A walk: its first tick, where it begins, 1/256 tiles per tick, directions."""

    start: int
    origin: tuple
    speed: int
    steps: tuple

    def __post_init__(self):
        if not (1 <= self.speed <= 0xFFFF and 1 <= len(self.steps) <= 16):
            raise Malformed(f"a path with speed {self.speed} and {len(self.steps)} steps")
        x, y = tile_of(self.origin)
        for step in self.steps:
            dx, dy = DIRECTIONS[step]
            x, y = x + dx, y + dy
            if not (0 <= x <= 255 and 0 <= y <= 255):
                raise Malformed("a path that leaves the map")

    def legs(self):
        """(from, to, length, direction) of each leg."""
        at, tile = self.origin, tile_of(self.origin)
        for step in self.steps:
            dx, dy = DIRECTIONS[step]
            tile = tile[0] + dx, tile[1] + dy
            to = centre_of(tile)
            yield at, to, isqrt((to[0] - at[0]) ** 2 + (to[1] - at[1]) ** 2), step
            at = to

    def at(self, tick):
        """Where the walker is at a tick, and the direction it looks."""
        gone = max(0, tick - self.start) * self.speed
        for a, b, length, step in self.legs():
            if gone < length:
                return tuple(p + towards_zero((q - p) * gone, length) for p, q in zip(a, b)), step
            gone -= length
        return b, self.steps[-1]

    def arrival(self):
        """The tick at which the walker is at the end."""
        return self.start + -(-sum(leg[2] for leg in self.legs()) // self.speed)


def towards_zero(value, divisor):
    """The quotient rounded towards zero: a position is rounded towards the leg's beginning."""
    return value // divisor if value >= 0 else -(-value // divisor)


def position(motion, tick):
    """Where something with this motion, a position or a path, is at a tick."""
    return motion.at(tick)[0] if isinstance(motion, Path) else motion


def step_towards(tile, goal):
    """The direction of a step from a tile nearer to another, or None if it is there."""
    delta = tuple((b > a) - (b < a) for a, b in zip(tile, goal))
    return None if delta == (0, 0) else DIRECTIONS.index(delta)


def encode_walk(at, steps):
    """The input that walks these steps from where the client has its character."""
    writer = BitWriter().bits(0, 2).bits(at[0], 16).bits(at[1], 16).bits(len(steps) - 1, 4)
    for step in steps:
        writer.bits(step, 3)
    return writer.bytes()


def encode_turn(heading):
    return BitWriter().bits(1, 2).bits(heading, 8).bytes()


def encode_stop():
    return BitWriter().bits(2, 2).bytes()


def encode_step(dx, dy):
    return BitWriter().bits(3, 2).bits(dx, 8).bits(dy, 8).bytes()


def decode_input(data):
    """The name and the fields of an input."""
    if len(data) > 16:
        raise Malformed(f"an input of {len(data)} bytes")
    reader = BitReader(data)
    kind = reader.bits(2)
    if kind == 0:
        x, y = reader.bits(16), reader.bits(16)
        out = "Walk", {"x": x, "y": y, "steps": [reader.bits(3) for _ in range(reader.bits(4) + 1)]}
    elif kind == 1:
        out = "Turn", {"heading": reader.bits(8)}
    elif kind == 2:
        out = "Stop", {}
    else:
        dx, dy = reader.signed(8), reader.signed(8)
        if dx not in (-1, 0, 1) or dy not in (-1, 0, 1) or (dx, dy) == (0, 0):
            raise Malformed(f"a step of {dx}, {dy}")
        out = "Step", {"dx": dx, "dy": dy}
    reader.end()
    return out
