"""What blocks carry: character sheet, inventory and map, read from their payloads and checked. Clauses: protocol.md 14.1 to 14.5."""

from .codec import Malformed
from .messages import text

SHEET, INVENTORY, MAP = 1, 2, 3
VERSION = 1
HEAD = 16
# Kind: layout, bytes of the root, its alignment.
LAYOUTS = {SHEET: (0x62C3E5CE, 64, 8), INVENTORY: (0x418B555A, 16, 8), MAP: (0x615F3094, 56, 4)}


class Payload:
    """A payload of one kind with its root."""

    def __init__(self, kind, data):
        layout, size, alignment = LAYOUTS[kind]
        head = [int.from_bytes(data[at:end], "little") for at, end in ((0, 2), (2, 4), (4, 8), (8, HEAD))]
        if len(data) < HEAD + size or head != [kind, VERSION, layout, 0]:
            raise Malformed(f"no payload of kind {kind}: {data[:HEAD].hex()}")
        self.data, self.root = data, len(data) - size
        if self.root % alignment:
            raise Malformed("a root out of place")

    def number(self, place, size):
        return int.from_bytes(self.data[place : place + size], "little")

    def zeros(self, place, size):
        if any(self.data[place : place + size]):
            raise Malformed("something where zeros belong")

    def list(self, place, size, most):
        """Where the elements of a list begin."""
        offset = int.from_bytes(self.data[place : place + 4], "little", signed=True)
        count, begin = self.number(place + 4, 4), place + offset
        if count and not (HEAD <= begin and begin + count * size <= self.root) or count > most:
            raise Malformed(f"a list of {count} at {begin}")
        return [begin + size * index for index in range(count)]

    def bytes(self, place, most):
        found = self.list(place, 1, most)
        return self.data[found[0] : found[0] + len(found)] if found else b""

    def fixed_text(self, length, most, place):
        if length > most:
            raise Malformed(f"a text of {length} bytes")
        self.zeros(place + length, most - length)
        return text(self.data[place : place + length])


def sheet(data):
    """The character sheet."""
    payload = Payload(SHEET, data)
    root, number = payload.root, payload.number
    places = {"character": (0, 8), "entity": (8, 4), "tick": (12, 4), "class": (16, 2), "level": (18, 2)}
    places |= {"hp": (20, 2), "hp_max": (22, 2), "mp": (24, 2), "mp_max": (26, 2), "speed": (28, 2)}
    fields = {name: number(root + place, size) for name, (place, size) in places.items()}
    fields["name"] = payload.fixed_text(number(root + 30, 1), 12, root + 32)
    fields["class_name"] = payload.fixed_text(number(root + 31, 1), 20, root + 44)
    return fields


def inventory(data):
    """Money and items."""
    payload = Payload(INVENTORY, data)
    number, items = payload.number, []
    for at in payload.list(payload.root + 8, 16, 64):
        payload.zeros(at + 12, 4)
        names = {"uid": (0, 8), "template": (8, 2), "slot": (10, 1), "level": (11, 1)}
        items.append({name: number(at + place, size) for name, (place, size) in names.items()})
    slots = [item["slot"] for item in items]
    if slots != sorted(set(slots)) or any(slot >= 64 for slot in slots):
        raise Malformed(f"slots {slots}")
    return {"zen": number(payload.root, 8), "items": items}


class Map:
    """Tiles, portals and spawns of a map."""

    def __init__(self, data):
        payload = Payload(MAP, data)
        root, number = payload.root, payload.number
        self.id, self.width, self.height = (number(root + place, 2) for place in (0, 2, 4))
        payload.zeros(root + 6, 2)
        if not (1 <= self.width <= 256 and 1 <= self.height <= 256):
            raise Malformed(f"a map of {self.width} by {self.height}")
        self.key, self.name = text(payload.bytes(root + 8, 64)), text(payload.bytes(root + 16, 64))
        self.walk, self.safe = self.grid(payload, root + 24), self.grid(payload, root + 32)
        self.spawns = [self.area(payload, at) for at in payload.list(root + 48, 8, 256)]
        self.portals = [self.portal(payload, at) for at in payload.list(root + 40, 18, 256)]

    def grid(self, payload, place):
        tiles = self.width * self.height
        data = payload.bytes(place, 8_192)
        if len(data) != (tiles + 7) // 8 or int.from_bytes(data, "little") >> tiles:
            raise Malformed("a grid of another size")
        return data

    def area(self, payload, at):
        x, y, width, height = (payload.number(at + place, 2) for place in (0, 2, 4, 6))
        if not (width and height and x + width <= self.width and y + height <= self.height):
            raise Malformed(f"an area of {width} by {height} at {x}, {y}")
        return x, y, width, height

    def portal(self, payload, at):
        names = {"id": 0, "map": 10, "x": 12, "y": 14, "heading": 16}
        fields = {name: payload.number(at + place, 2) for name, place in names.items()}
        return fields | {"area": self.area(payload, at + 2)}

    def walkable(self, x, y):
        """Whether a tile can be walked; those outside cannot."""
        place = y * self.width + x
        return 0 <= x < self.width and 0 <= y < self.height and bool(self.walk[place // 8] >> place % 8 & 1)


def read(kind, data):
    """What a block carries, or None if it is of a kind, version or layout that this client does not know."""
    known = LAYOUTS.get(kind)
    if known is None or data[:8] != b"".join(part.to_bytes(size, "little") for part, size in ((kind, 2), (VERSION, 2), (known[0], 4))):
        return None
    return {SHEET: sheet, INVENTORY: inventory, MAP: Map}[kind](data)
