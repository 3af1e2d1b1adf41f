"""Lanes out: messages waiting, on their way, lost and sent again; inputs. Clauses: protocol.md 8.1, 8.2, 8.20 to 8.28."""

from . import frames

UNFRAGMENTED = 1100
FRAGMENT = 1024
MESSAGE_MAX = 16 * FRAGMENT
QUEUED_MAX = 1_024
IDS = 256
OWN_BYTES = 1_280
SHARED_BYTES = 15_104
UNRELIABLE_MAX = 2 * FRAGMENT
STALE = 100_000
INPUTS_WAITING = 64
INPUTS = 16


class Full(Exception):
    """There is no room for more until something was acknowledged."""


class Part:
    """A whole message or a fragment: sent until it is acknowledged."""

    def __init__(self, message, number, frame):
        self.message, self.number, self.frame = message, number, frame
        self.done = False

    def delivered(self):
        self.done = True
        self.message.lane.forget()

    def lost(self):
        self.message.lane.again(self)


class Message:
    """What the application handed in, with its parts."""

    def __init__(self, lane, data):
        self.lane, self.size = lane, len(data)
        self.begun = False
        pieces = [data[at : at + FRAGMENT] for at in range(0, len(data), FRAGMENT)]
        if len(data) <= UNFRAGMENTED:
            encoded = [frames.encode("REL", lane=lane.lane, id=lane.next & 0xFFFF, bytes=data)]
        else:
            encoded = [
                frames.encode(
                    "FRAG", lane=lane.lane, id=lane.next + index & 0xFFFF, index=index, count=len(pieces), bytes=piece
                )
                for index, piece in enumerate(pieces)
            ]
        self.parts = [Part(self, lane.next + place, frame) for place, frame in enumerate(encoded)]
        lane.next += len(self.parts)

    def done(self):
        return all(part.done for part in self.parts)


class ReliableOut:
    """The sender's side of a reliable lane, ordered or not. `others` are all reliable lanes, which share a window."""

    def __init__(self, lane, others):
        self.lane, self.others = lane, others
        self.next = 0
        self.messages = []
        self.waiting = []

    def send(self, data):
        if len(data) > MESSAGE_MAX:
            raise ValueError(f"a message of {len(data)} bytes")
        if len(self.messages) >= QUEUED_MAX:
            raise Full()
        message = Message(self, data)
        self.messages.append(message)
        self.waiting += message.parts

    def forget(self):
        """Drops what is wholly acknowledged from the beginning."""
        while self.messages and self.messages[0].done():
            self.messages.pop(0)

    def again(self, part):
        """A packet that held the part is lost."""
        if not part.done and part not in self.waiting:
            self.waiting.append(part)
            self.waiting.sort(key=lambda part: part.number)

    def span(self, beyond=None):
        """Bytes from the oldest message that is not wholly acknowledged to the newest that has begun, or to this one."""
        newest = max((place for place, message in enumerate(self.messages) if message.begun or message is beyond), default=-1)
        return sum(message.size for message in self.messages[: newest + 1])

    def ready(self):
        """The first part that waits, if the windows let it leave."""
        self.waiting = [part for part in self.waiting if not part.done]
        if not self.waiting:
            return None
        part = self.waiting[0]
        if part.number - self.messages[0].parts[0].number >= IDS:
            return None
        spans = [lane.span(part.message if lane is self else None) for lane in self.others]
        return part if sum(max(0, span - OWN_BYTES) for span in spans) <= SHARED_BYTES else None

    def take(self, room):
        """The next part, if the windows and the datagram have room for it."""
        part = self.ready()
        if part is None or len(part.frame) > room:
            return None
        part.message.begun = True
        return self.waiting.pop(0)

    def oldest(self):
        """What a probe repeats when nothing waits."""
        return next((part for message in self.messages for part in message.parts if not part.done), None)


class NewestOut:
    """The sender's side of an unreliable or a sequenced lane: what cannot leave soon is dropped."""

    def __init__(self, lane, sequenced):
        self.lane, self.sequenced = lane, sequenced
        self.next = 0
        # (frames that are left, when it was handed in)
        self.waiting = []

    def send(self, now, data):
        if len(data) > UNRELIABLE_MAX:
            raise ValueError(f"an unreliable message of {len(data)} bytes")
        if self.sequenced:
            self.waiting.clear()
        if len(data) > UNFRAGMENTED:
            pieces = [data[at : at + FRAGMENT] for at in range(0, len(data), FRAGMENT)]
            encoded = [
                frames.encode("FRAG", lane=self.lane, id=self.next, index=index, count=len(pieces), bytes=piece)
                for index, piece in enumerate(pieces)
            ]
        elif self.sequenced:
            encoded = [frames.encode("SEQ", lane=self.lane, order=self.next, bytes=data)]
        else:
            encoded = [frames.encode("UNREL", lane=self.lane, bytes=data)]
        if self.sequenced or len(encoded) > 1:
            self.next = self.next + 1 & 0xFFFF
        self.waiting.append((encoded, now))

    def ready(self):
        return bool(self.waiting)

    def take(self, now, room):
        """The next frame that fits, or None."""
        self.waiting = [(left, since) for left, since in self.waiting if now - since < STALE]
        if not self.waiting or len(self.waiting[0][0][0]) > room:
            return None
        left = self.waiting[0][0]
        frame = left.pop(0)
        if not left:
            self.waiting.pop(0)
        return frame


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
