"""Lanes in: messages from frames, whole and in the order that the lane promises. Clauses: protocol.md 8.1 and those on
fragments, unreliable and sequenced lanes."""

from .codec import Malformed

IDS = 256
BYTES = 64 * 1024
REASSEMBLY = 100_000


class ReliableIn:
    """The receiver's side of a reliable lane."""

    def __init__(self, ordered):
        self.ordered = ordered
        self.expected = 0
        # number: (index, count, bytes); a whole message is fragment 0 of 1
        self.early = {}
        # Numbers from `expected` up that an unordered lane has handed on.
        self.taken = set()

    def take(self, low, index, count, data):
        """The messages that this frame completes."""
        ahead = (low - self.expected) & 0xFFFF
        if ahead >= 0x8000:
            return []
        number = self.expected + ahead
        if ahead >= IDS:
            raise Malformed(f"message {number} while {self.expected} is expected")
        if number in self.early or number in self.taken:
            return []
        self.early[number] = (index, count, data)
        if sum(len(part[2]) for part in self.early.values()) > BYTES:
            raise Malformed("too much ahead of what is missing")
        return self.in_order() if self.ordered else self.on_arrival(number - index, count)

    def whole(self, first, count):
        """The message whose fragments have these numbers, or None as long as one is missing."""
        parts = [self.early.get(number) for number in range(first, first + count)]
        for place, part in enumerate(parts):
            if part is not None and part[:2] != (place, count):
                raise Malformed("fragments that do not belong together")
        if None in parts:
            return None
        for number in range(first, first + count):
            del self.early[number]
        return b"".join(part[2] for part in parts)

    def in_order(self):
        out = []
        while self.expected in self.early:
            count = self.early[self.expected][1]
            message = self.whole(self.expected, count)
            if message is None:
                break
            out.append(message)
            self.expected += count
        return out

    def on_arrival(self, first, count):
        if first < self.expected:
            raise Malformed("a fragment of what was handed on")
        message = self.whole(first, count)
        if message is None:
            return []
        self.taken.update(range(first, first + count))
        while self.expected in self.taken:
            self.taken.remove(self.expected)
            self.expected += 1
        return [message]


class NewestIn:
    """An unreliable or a sequenced lane: at most one message in pieces at a time, for a moment."""

    def __init__(self, sequenced):
        self.sequenced = sequenced
        self.last = None
        self.pieces = None

    def newer(self, order):
        return self.last is None or 0 < (order - self.last) & 0xFFFF < 0x8000

    def take(self, order, data):
        """A whole message."""
        if self.sequenced:
            if not self.newer(order):
                return []
            self.last = order
        return [data]

    def take_fragment(self, now, order, index, count, data):
        """A piece: the message if it is the last one missing."""
        if self.sequenced and not self.newer(order):
            return []
        current = self.pieces
        if current is None or current[0] != (order, count) or now - current[1] > REASSEMBLY:
            current = self.pieces = ((order, count), now, {})
        current[2][index] = data
        if len(current[2]) < count:
            return []
        self.pieces = None
        return self.take(order, b"".join(current[2][place] for place in range(count)))
