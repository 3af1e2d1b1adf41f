"""Blocks in: long contents in slices, as many as this end gave credit for. Clauses: protocol.md, those on blocks."""

import zlib

from . import frames
from .codec import Malformed

SLICE = 1024
WINDOW = 64
MAX = 8 << 20
TAKEN, REFUSED, DAMAGED = 0, 1, 2


class Said:
    """A credit or an end that the sender must hear of."""

    def __init__(self, blocks, name, fields):
        self.blocks, self.name, self.fields = blocks, name, fields

    def delivered(self):
        pass

    def lost(self):
        self.blocks.say(self.name, **self.fields)


class BlockIn:
    """At most one block at a time."""

    def __init__(self):
        self.block = None
        self.head = None
        self.slices = {}
        self.whole = 0
        self.waiting = []
        self.ended = {}

    def due(self):
        return bool(self.waiting)

    def say(self, name, **fields):
        stale = name == "BLOCK_CREDIT" and (fields["block"] != self.block or fields["slices"] < self.whole + WINDOW)
        if not stale:
            self.waiting.append((name, fields))

    def take(self, room):
        """Frames to send, with what their fate means."""
        out = []
        for name, fields in self.waiting:
            out.append((frames.encode(name, **fields), Said(self, name, fields)))
        self.waiting = []
        return out

    def frame(self, name, fields):
        """The block that this frame completes, as [(kind, bytes)]."""
        if name == "BLOCK_BEGIN":
            return self.begin(fields)
        if name == "BLOCK_SLICE":
            return self.slice(fields)
        return []

    def begin(self, fields):
        block = fields["block"]
        if block in self.ended:
            self.say("BLOCK_END", block=block, status=self.ended[block])
        elif fields["length"] > MAX:
            self.end(block, REFUSED)
        elif block != self.block:
            self.block, self.head, self.slices, self.whole = block, fields, {}, 0
            self.say("BLOCK_CREDIT", block=block, slices=WINDOW)
        return []

    def slice(self, fields):
        if fields["block"] != self.block:
            return []
        total = -(-self.head["length"] // SLICE)
        index, data = fields["index"], fields["bytes"]
        wanted = SLICE if index + 1 < total else self.head["length"] - SLICE * (total - 1)
        if index >= min(total, self.whole + WINDOW) and index not in self.slices or len(data) != wanted:
            raise Malformed(f"slice {index} of {total} with {len(data)} bytes")
        self.slices[index] = data
        before = self.whole
        while self.whole in self.slices:
            self.whole += 1
        if len(self.slices) == total:
            return self.complete(total)
        if self.whole // 16 != before // 16:
            self.say("BLOCK_CREDIT", block=self.block, slices=min(0xFFFF, self.whole + WINDOW))
        return []

    def complete(self, total):
        data = b"".join(self.slices[index] for index in range(total))
        kind, good = self.head["kind"], zlib.crc32(data) == self.head["crc32"]
        self.end(self.block, TAKEN if good else DAMAGED)
        return [(kind, data)] if good else []

    def end(self, block, status):
        if block == self.block:
            self.block, self.slices = None, {}
        self.ended[block] = status
        self.say("BLOCK_END", block=block, status=status)
