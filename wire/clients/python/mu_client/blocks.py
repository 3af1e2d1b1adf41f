"""Blocks in: long contents in slices, as many as this end gave credit for. Clauses: protocol.md 8.50 to 8.56."""

import zlib

from . import frames
from .codec import Malformed

SLICE = 1024
WINDOW = 64
STEP = 16
MAX = 8 << 20
PAUSE = 30_000_000
PER_SLICE = 1_000_000
TAKEN, REFUSED, DAMAGED = 0, 1, 2


class Said:
    """A credit or an end in a packet: when that is lost, what holds then goes out again."""

    def __init__(self, blocks, number):
        self.blocks, self.number = blocks, number

    def delivered(self):
        pass

    def lost(self):
        self.blocks.repeat(self.number)


class BlockIn:
    """The receiver's side; `block` is the number of the one on its way, or of the last one."""

    def __init__(self):
        self.block = -1
        self.head = None
        self.slices = {}
        self.whole = self.credit = self.total = 0
        self.status = REFUSED
        self.begun_at = self.moved_at = 0
        self.due = False

    def frame(self, now, name, fields):
        """The block that this frame completes, as [(kind, bytes)]."""
        ahead = (fields["block"] - self.block & 0xFFFF ^ 0x8000) - 0x8000
        if name == "BLOCK_BEGIN":
            return self.begin(now, ahead, fields)
        if name == "BLOCK_SLICE":
            return self.slice(now, ahead, fields)
        # Credit and end answer blocks of ours, and there are none.
        raise Malformed(f"{name} for a block that has not begun")

    def begin(self, now, ahead, fields):
        if ahead < 0 or (ahead == 0 and self.block >= 0):
            return []
        if ahead > 1 or self.head or fields["length"] > MAX:
            raise Malformed("a block that cannot begin")
        self.block, self.head, self.slices, self.whole = self.block + 1, fields, {}, 0
        self.total = -(-fields["length"] // SLICE)
        self.begun_at = self.moved_at = now
        self.credit = min(self.total, WINDOW)
        self.due = True
        return []

    def slice(self, now, ahead, fields):
        if ahead < 0 or (ahead == 0 and not self.head):
            return []
        if ahead > 0:
            raise Malformed("a slice of a block that has not begun")
        index, data = fields["index"], fields["bytes"]
        wanted = SLICE if index + 1 < self.total else self.head["length"] - SLICE * (self.total - 1)
        if index >= self.credit or len(data) != wanted:
            raise Malformed(f"slice {index} of {self.total} with {len(data)} bytes and a credit of {self.credit}")
        if index in self.slices:
            return []
        self.slices[index], self.moved_at = data, now
        while self.whole in self.slices:
            self.whole += 1
        if self.whole == self.total:
            return self.complete()
        allowed = min(self.total, self.whole + WINDOW)
        if allowed >= self.credit + STEP or (allowed == self.total and self.credit < allowed):
            self.credit, self.due = allowed, True
        return []

    def complete(self):
        data = b"".join(self.slices[index] for index in range(self.total))
        kind, good = self.head["kind"], zlib.crc32(data) == self.head["crc32"]
        self.end(TAKEN if good else DAMAGED)
        return [(kind, data)] if good else []

    def end(self, status):
        self.head, self.slices, self.status, self.due = None, {}, status, True

    def give_up_at(self):
        """When the block on its way is let go, or None."""
        if not self.head:
            return None
        return min(self.moved_at + PAUSE, self.begun_at + PAUSE + PER_SLICE * self.total)

    def tidy(self, now):
        at = self.give_up_at()
        if at is not None and now >= at:
            self.end(REFUSED)

    def repeat(self, number):
        self.due |= number == self.block

    def take(self):
        """The frame that is due and what its fate means."""
        self.due = False
        number = self.block & 0xFFFF
        if self.head:
            frame = frames.encode("BLOCK_CREDIT", block=number, slices=self.credit)
        else:
            frame = frames.encode("BLOCK_END", block=number, status=self.status)
        return frame, Said(self, self.block)
