"""Lanes in: messages from frames, whole and in the order that the lane promises. Clauses: protocol.md 8.20 to 8.27."""

from dataclasses import dataclass

from .codec import Malformed
from .lanes import IDS, OWN_BYTES, SHARED_BYTES, UNFRAGMENTED

REASSEMBLY = 100_000
FRAGMENTS_UNRELIABLE = 4


@dataclass(frozen=True)
class Part:
    """A part that came: the first id and the number of parts of its message, and its bytes."""

    first: int
    count: int
    data: bytes


class ReliableIn:
    """The receiver's side of a reliable lane. `others` are all reliable lanes, which share a window."""

    def __init__(self, ordered, others=None):
        self.ordered = ordered
        self.others = [self] if others is None else others
        self.expected = 0
        self.early = {}
        # Ids from `expected` up that an unordered lane has handed on.
        self.taken = set()

    def take(self, low, index, count, data):
        """The messages that this part completes."""
        ahead = (low - self.expected) & 0xFFFF
        if ahead >= 0x8000:
            return []
        number = self.expected + ahead
        if ahead >= IDS:
            raise Malformed(f"id {number} while {self.expected} is expected")
        part = Part(number - index, count, data)
        if number in self.taken or self.early.get(number) == part:
            return []
        self.check(number, part)
        self.early[number] = part
        kept = [lane.kept() for lane in self.others]
        messages = self.in_order() if self.ordered else self.on_arrival(part)
        if not messages and sum(max(0, size - OWN_BYTES) for size in kept) > SHARED_BYTES:
            raise Malformed(f"{kept} bytes ahead of what is missing")
        return messages

    def kept(self):
        return sum(len(part.data) for part in self.early.values())

    def check(self, number, part):
        """Whether the part can be one of its message beside those that are kept."""
        if part.first < self.expected:
            raise Malformed("a fragment of what was handed on")
        if part.count == 2 and number > part.first and len(part.data) <= UNFRAGMENTED - 1024:
            raise Malformed("fragments of a message that fits a frame")
        end = part.first + part.count
        for other in self.early.values():
            same = (other.first, other.count) == (part.first, part.count)
            if not same and other.first < end and part.first < other.first + other.count:
                raise Malformed("parts of two messages with one id")
        if any(claimed in self.taken for claimed in range(part.first, end)) or number in self.early:
            raise Malformed("two parts with one id")

    def whole(self, part):
        """The message of a part, or None as long as a part is missing."""
        ids = range(part.first, part.first + part.count)
        if any(number not in self.early for number in ids):
            return None
        return b"".join(self.early.pop(number).data for number in ids)

    def in_order(self):
        out = []
        while self.expected in self.early:
            part = self.early[self.expected]
            message = self.whole(part)
            if message is None:
                break
            out.append(message)
            self.expected += part.count
        return out

    def on_arrival(self, part):
        message = self.whole(part)
        if message is None:
            return []
        self.taken.update(range(part.first, part.first + part.count))
        while self.expected in self.taken:
            self.taken.remove(self.expected)
            self.expected += 1
        return [message]


def newer(order, than):
    return than is None or 0 < (order - than) & 0xFFFF < 0x8000


class NewestIn:
    """An unreliable or a sequenced lane: one message in pieces at a time, for a moment."""

    def __init__(self, sequenced):
        self.sequenced = sequenced
        self.last = None
        # Of the message in pieces that was begun last.
        self.order, self.count, self.since, self.pieces = None, 0, 0, None

    def take(self, order, data):
        """A whole message."""
        if self.sequenced:
            if not newer(order, self.last):
                return []
            self.last = order
        return [data]

    def take_fragment(self, now, order, index, count, data):
        """A piece: the message if it is the last one missing."""
        if count > FRAGMENTS_UNRELIABLE:
            raise Malformed(f"{count} fragments of an unreliable message")
        if count == 2 and index == 1 and len(data) <= UNFRAGMENTED - 1024:
            raise Malformed("fragments of a message that fits a frame")
        if newer(order, self.order):
            self.order, self.count, self.since, self.pieces = order, count, now, {}
        if order != self.order or now - self.since >= REASSEMBLY:
            return []
        if count != self.count:
            raise Malformed("fragments that do not belong together")
        if self.pieces is None:
            return []
        self.pieces[index] = data
        if len(self.pieces) < count:
            return []
        message = b"".join(self.pieces[place] for place in range(count))
        self.pieces = None
        return self.take(order, message)
