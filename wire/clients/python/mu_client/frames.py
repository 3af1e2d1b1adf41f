"""Frames: what a packet's body holds after the prelude.

A frame is `(name, {field: value})`; message frames have a `lane` beside their fields. Which frame has which fields says the
generated table. Clauses: protocol.md 7.1 to 7.4, 4.9 (lane modes).
"""

from . import tables
from .codec import Malformed, Reader, number, varint
from .messages import SIZES, text

REL, UNREL = 0x20, 0x30
FRAGMENT = 1024
MODES = {lane["number"]: lane["mode"] for lane in tables.LANES}
ORDERED, UNORDERED, UNRELIABLE, SEQUENCED, BLOCKS = 1, 2, 3, 4, 5
MESSAGE_ROWS = {mode: row for row in tables.FRAMES for mode in row.get("lane_modes", [])}
ROWS = {row["name"]: row for row in tables.FRAMES}


def encode(name, **fields):
    """The bytes of a frame."""
    row = ROWS[name]
    out = bytearray([row["id"] + fields["lane"] if "lane_modes" in row else row["id"]])
    if "tag" in row:
        out.append(row["tag"])
    for field in row["fields"]:
        out += put(field, fields[field["name"]])
    return bytes(out)


def put(field, value):
    kind = field["kind"]
    if kind in SIZES:
        return number(value, SIZES[kind])
    if kind == "varint":
        return varint(value)
    if kind in ("bytes", "rest"):
        return bytes(value)
    if kind == "sized":
        return varint(len(value)) + bytes(value)
    if kind == "short":
        return bytes([len(value)]) + bytes(value)
    if kind == "text":
        data = value.encode()
        return bytes([len(data)]) + data
    if kind == "list":
        return bytes([len(value)]) + b"".join(put(field["of"], element) for element in value)
    if kind == "group":
        return b"".join(put(part, value[part["name"]]) for part in field["fields"])
    raise ValueError(kind)


def decode(body, sender, acknowledges=True):
    """All frames of a body. `sender` is "client" or "server"; whether the prelude had an acknowledgement decides if
    ACK_RANGES may be there."""
    reader = Reader(body)
    frames = []
    while reader.remaining():
        name, fields = one(reader, sender)
        if name == "ACK_RANGES" and (not acknowledges or any(other == name for other, _ in frames)):
            raise Malformed("ACK_RANGES that do not belong here")
        frames.append((name, fields))
    return frames


def one(reader, sender):
    """The next frame."""
    kind = reader.number(1)
    row, fields = find(kind, reader)
    if row["from"] not in ("both", sender):
        raise Malformed(f"{row['name']} from the {sender}")
    for field in row["fields"]:
        fields[field["name"]] = take(field, reader)
    check(row["name"], fields)
    return row["name"], fields


def find(kind, reader):
    """The row of a frame id, and the lane if the id says one."""
    if REL <= kind < UNREL + 0x10:
        lane = kind & 0x0F
        row = MESSAGE_ROWS.get(MODES.get(lane))
        if row is None or row["id"] != kind & 0xF0:
            raise Malformed(f"frame {kind:#x} of a lane that does not carry it")
        return row, {"lane": lane}
    rows = [row for row in tables.FRAMES if row["id"] == kind]
    if rows and "tag" in rows[0]:
        tag = reader.number(1)
        rows = [row for row in rows if row["tag"] == tag]
    if not rows:
        raise Malformed(f"no frame {kind:#x}")
    return rows[0], {}


def take(field, reader):
    kind = field["kind"]
    if kind in SIZES:
        return reader.number(SIZES[kind])
    if kind == "varint":
        return reader.varint()
    if kind == "bytes":
        return reader.take(field["len"])
    if kind == "rest":
        return at_least(field["min"], reader.rest())
    if kind == "sized":
        return reader.take(within(reader.varint(), field))
    if kind == "short":
        return reader.take(within(reader.number(1), field))
    if kind == "text":
        return text(reader.take(within(reader.number(1), field)))
    if kind == "list":
        return [take(field["of"], reader) for _ in range(within(reader.number(1), field))]
    if kind == "group":
        return {part["name"]: take(part, reader) for part in field["fields"]}
    raise ValueError(kind)


def within(count, field):
    if not field.get("min", 0) <= count <= field["max"]:
        raise Malformed(f"{count} of {field}")
    return count


def at_least(least, data):
    if len(data) < least:
        raise Malformed("nothing where something belongs")
    return data


def check(name, fields):
    """What a row cannot say."""
    if name == "PAD" and any(fields["zeros"]):
        raise Malformed("padding that is not zero")
    if name == "INPUT" and fields["first"] + len(fields["inputs"]) > 0xFFFF_FFFF:
        raise Malformed("input numbers past the end")
    if name == "FRAG":
        check_fragment(fields)
    if name == "BLOCK_BEGIN" and fields["length"] == 0:
        raise Malformed("a block of nothing")


def check_fragment(fields):
    index, count, length = fields["index"], fields["count"], len(fields["bytes"])
    if MODES.get(fields["lane"], BLOCKS) == BLOCKS:
        raise Malformed("a fragment of a lane without messages")
    if not 2 <= count <= 16 or index >= count:
        raise Malformed(f"fragment {index} of {count}")
    if index + 1 < count and length != FRAGMENT:
        raise Malformed(f"a fragment of {length} bytes")


def asks(name):
    """Whether a frame asks for an acknowledgement."""
    return ROWS[name]["asks_for_acknowledgement"]
