"""Lanes out: messages waiting, on their way, lost and sent again; inputs. Clauses: protocol.md 8.1, 8.2 and those on fragments."""

from . import frames

UNFRAGMENTED = 1100
FRAGMENT = 1024
MESSAGE_MAX = 16 * FRAGMENT
IDS = 256
BYTES = 16 * 1024
INPUTS_WAITING = 64
INPUTS = 16


class Full(Exception):
    """There is no room for more until something was acknowledged."""


class Part:
    """A message or a fragment: sent until it is acknowledged."""

    def __init__(self, lane, number, frame):
        self.lane, self.number, self.frame = lane, number, frame
        self.done = False

    def delivered(self):
        self.done = True
        self.lane.forget()

    def lost(self):
        if not self.done and self not in self.lane.waiting:
            self.lane.waiting.append(self)
            self.lane.waiting.sort(key=lambda part: part.number)


class ReliableOut:
    """The sender's side of a reliable lane, ordered or not."""

    def __init__(self, lane):
        self.lane = lane
        self.next = 0
        self.parts = []
        self.waiting = []

    def send(self, data):
        if len(data) > MESSAGE_MAX:
            raise ValueError(f"a message of {len(data)} bytes")
        if len(self.parts) >= 4 * IDS:
            raise Full()
        if len(data) <= UNFRAGMENTED:
            self.add(frames.encode("REL", lane=self.lane, id=self.next & 0xFFFF, bytes=data))
            return
        pieces = [data[at : at + FRAGMENT] for at in range(0, len(data), FRAGMENT)]
        for index, piece in enumerate(pieces):
            fields = {"id": self.next & 0xFFFF, "index": index, "count": len(pieces), "bytes": piece}
            self.add(frames.encode("FRAG", lane=self.lane, **fields))

    def add(self, frame):
        part = Part(self, self.next, frame)
        self.next += 1
        self.parts.append(part)
        self.waiting.append(part)

    def forget(self):
        """Drops what is acknowledged from the beginning."""
        while self.parts and self.parts[0].done:
            self.parts.pop(0)

    def ready(self):
        """The first part that waits, if the window lets it leave."""
        self.waiting = [part for part in self.waiting if not part.done]
        if not self.waiting:
            return None
        part = self.waiting[0]
        ahead = sum(len(other.frame) for other in self.parts if other.number <= part.number)
        if part.number - self.parts[0].number >= IDS or (ahead > BYTES and part is not self.parts[0]):
            return None
        return part

    def take(self, room):
        """The next part, if the window and the datagram have room for it."""
        part = self.ready()
        if part is None or len(part.frame) > room:
            return None
        return self.waiting.pop(0)

    def oldest(self):
        """What a probe repeats when nothing waits."""
        return next((part for part in self.parts if not part.done), None)


class Once:
    """Content that is not repeated: its fate does not matter."""

    def delivered(self):
        pass

    def lost(self):
        pass


class InputsSent:
    """The inputs that one packet held."""

    def __init__(self, inputs, end):
        self.inputs, self.end = inputs, end

    def delivered(self):
        self.inputs.delivered(self.end)

    def lost(self):
        self.inputs.due = bool(self.inputs.waiting)


class InputsOut:
    """Inputs: repeated in each datagram from the oldest that is not acknowledged."""

    def __init__(self):
        self.first = 0
        self.waiting = []
        self.due = False

    def add(self, data):
        if len(self.waiting) >= INPUTS_WAITING:
            raise Full()
        self.waiting.append(data)
        self.due = True
        return self.first + len(self.waiting) - 1

    def frame(self, room):
        """The frame and what to keep of it, or None if nothing waits or fits."""
        count, size = 0, 6
        for data in self.waiting[:INPUTS]:
            if size + 1 + len(data) > room:
                break
            count, size = count + 1, size + 1 + len(data)
        if not count:
            return None
        self.due = False
        frame = frames.encode("INPUT", first=self.first, inputs=self.waiting[:count])
        return frame, InputsSent(self, self.first + count)

    def delivered(self, end):
        gone = max(0, end - self.first)
        self.waiting = self.waiting[gone:]
        self.first += gone
        # Those that no datagram had room for.
        if gone and self.waiting:
            self.due = True
