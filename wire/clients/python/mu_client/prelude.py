"""The beginning of a packet's body: what its sender has received, as a prelude and ACK_RANGES; packet numbers and the memory
of which were received. Clauses: protocol.md 6.2, 6.3, 6.6, 7.3, 8.11.
"""

from dataclasses import dataclass, field

from . import frames
from .codec import Malformed, number, varint

WINDOW = 1024
MASK = 32
MAX_RANGES = 32
MAX_RANGES_BYTES = 48


def recover(low, largest):
    """The number with these low 16 bits nearest to one above `largest` (-1 when there is none yet)."""
    expected = largest + 1
    candidate = expected + ((low - expected + 0x8000) & 0xFFFF) - 0x8000
    return candidate + 0x10000 if candidate < 0 else candidate


@dataclass
class Prelude:
    """An acknowledgement (or none) and whether the number before the packet's own was left out."""

    largest: int = None
    delay: int = 0
    mask: int = 0xFFFF_FFFF
    skipped: bool = False

    def encode(self):
        control = 0x40 if self.skipped else 0
        if self.largest is None:
            return bytes([control])
        tail = b""
        if self.delay:
            control |= 2
            tail += bytes([self.delay])
        for place in range(4):
            byte = self.mask >> (8 * place) & 0xFF
            if byte != 0xFF:
                control |= 4 << place
                tail += bytes([byte])
        return bytes([control | 1]) + number(self.largest & 0xFFFF, 2) + tail

    @classmethod
    def decode(cls, reader, packet, sent):
        """The prelude of a packet; `sent` is the largest number that could be acknowledged."""
        control = reader.number(1)
        skipped = bool(control & 0x40)
        if control & 0x80 or (skipped and packet == 0):
            raise Malformed(f"control byte {control:#x}")
        if not control & 1:
            if control & 0x3E:
                raise Malformed(f"control byte {control:#x} without an acknowledgement")
            return cls(skipped=skipped)
        largest = recover(reader.number(2), sent - 1)
        if not 0 <= largest <= sent:
            raise Malformed("an acknowledgement of what was not sent")
        delay = reader.number(1) if control & 2 else 0
        if control & 2 and delay == 0:
            raise Malformed("a delay of 0 that is said")
        mask = 0
        for place in range(4):
            byte = 0xFF
            if control & 4 << place:
                byte = reader.number(1)
                if byte == 0xFF:
                    raise Malformed("a mask byte of 0xFF that is said")
            mask |= byte << (8 * place)
        for bit in range(MASK):
            if largest - 1 - bit < 0 and not mask >> bit & 1:
                raise Malformed("a number below zero that was not received")
        return cls(largest, delay, mask, skipped)

    def numbers(self):
        """The numbers acknowledged, the largest first."""
        if self.largest is None:
            return []
        return [self.largest] + [
            self.largest - 1 - bit for bit in range(MASK) if self.mask >> bit & 1 and self.largest - 1 - bit >= 0
        ]


def range_numbers(largest, ranges):
    """The numbers that ACK_RANGES below a prelude's largest acknowledge."""
    at = largest - 1 - MASK
    out = []
    for place, part in enumerate(ranges):
        if part["length"] == 0 or (place and part["gap"] == 0):
            raise Malformed("an empty range")
        at -= part["gap"]
        if at - part["length"] + 1 < 0:
            raise Malformed("a range below zero")
        out.extend(range(at, at - part["length"], -1))
        at -= part["length"]
    return out


@dataclass
class Told:
    """What a packet of ours told of: numbers from `low` to `high` that had arrived by then."""

    low: int
    high: int
    arrivals: int


@dataclass
class Received:
    """Which numbers came, and which of them the peer does not know yet that we know."""

    largest: int = -1
    largest_at: int = 0
    arrivals: int = 0
    numbers: set = field(default_factory=set)
    untold: dict = field(default_factory=dict)

    def fresh(self, packet):
        """Whether a number is neither repeated nor too old."""
        return packet > self.largest or (packet > self.largest - WINDOW and packet not in self.numbers)

    def add(self, packet, now):
        self.arrivals += 1
        self.numbers.add(packet)
        self.untold[packet] = self.arrivals
        if packet > self.largest:
            self.largest, self.largest_at = packet, now
            self.numbers = {number for number in self.numbers if number > self.largest - WINDOW}
            self.untold = {number: at for number, at in self.untold.items() if number > self.largest - WINDOW}

    def told(self, told):
        """A packet that told this was acknowledged."""
        self.untold = {
            number: at
            for number, at in self.untold.items()
            if not (told.low <= number <= told.high and at <= told.arrivals)
        }

    def write(self, now, skipped):
        """The prelude, the ACK_RANGES frame (empty if not needed), and what they tell."""
        if self.largest < 0:
            return Prelude(skipped=skipped).encode(), b"", None
        mask = 0
        for bit in range(MASK):
            number = self.largest - 1 - bit
            if number < 0 or number in self.numbers:
                mask |= 1 << bit
        delay = min(255, max(0, now - self.largest_at) // 250)
        ranges, low = self.ranges()
        frame = frames.encode("ACK_RANGES", ranges=ranges) if ranges else b""
        prelude = Prelude(self.largest, delay, mask, skipped).encode()
        return prelude, frame, Told(low, self.largest, self.arrivals)

    def ranges(self):
        """The ranges below the mask down to the oldest number that must be told, and the lowest number told."""
        oldest = min(self.untold, default=self.largest)
        at, size = self.largest - 1 - MASK, 2
        low = max(0, at + 1)
        out = []
        while at >= oldest and len(out) < MAX_RANGES:
            gap = length = 0
            while at - gap >= oldest and at - gap not in self.numbers:
                gap += 1
            while at - gap - length >= oldest and at - gap - length in self.numbers:
                length += 1
            size += len(varint(gap)) + len(varint(length))
            if not length or size > MAX_RANGES_BYTES:
                break
            out.append({"gap": gap, "length": length})
            at -= gap + length
            low = at + 1
        return out, low
