"""Bytes in and out: fixed numbers, varints, bits. Reads never pass the end; what is not in its one valid form is refused.

Clauses: protocol.md 1.2, 1.3, 1.4, 11.1.
"""


class Malformed(Exception):
    """Bytes that no correct peer sends."""


class Reader:
    """Reads a byte string from its beginning."""

    def __init__(self, data):
        self.data = bytes(data)
        self.at = 0

    def remaining(self):
        return len(self.data) - self.at

    def take(self, count):
        """The next `count` bytes."""
        if count > self.remaining():
            raise Malformed(f"{count} bytes wanted, {self.remaining()} left")
        self.at += count
        return self.data[self.at - count : self.at]

    def rest(self):
        return self.take(self.remaining())

    def number(self, size):
        """An unsigned number of `size` bytes, little endian."""
        return int.from_bytes(self.take(size), "little")

    def varint(self):
        """A number below 2**32, seven bits a byte, the least first, in its shortest form."""
        value = 0
        for place in range(5):
            byte = self.number(1)
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                if byte == 0 and place > 0:
                    raise Malformed("a varint that could be shorter")
                if value >= 1 << 32:
                    raise Malformed("a varint of 2^32 or more")
                return value
        raise Malformed("a varint of more than five bytes")

    def end(self):
        if self.remaining():
            raise Malformed(f"{self.remaining()} bytes too many")


def number(value, size):
    """An unsigned number as `size` bytes, little endian."""
    return value.to_bytes(size, "little")


def varint(value):
    """A number below 2**32 in its shortest form."""
    if not 0 <= value < 1 << 32:
        raise ValueError(value)
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class BitReader:
    """Reads bits, the lowest of the first byte first, numbers from their lowest bit."""

    def __init__(self, data):
        self.value = int.from_bytes(data, "little")
        self.left = 8 * len(data)

    def bits(self, count):
        if count > self.left:
            raise Malformed(f"{count} bits wanted, {self.left} left")
        taken = self.value & ((1 << count) - 1)
        self.value >>= count
        self.left -= count
        return taken

    def signed(self, count):
        """A number in two's complement."""
        value = self.bits(count)
        return value - (1 << count) if value >> (count - 1) else value

    def end(self):
        """The rest of the last byte is zero and nothing follows."""
        if self.left >= 8 or self.value:
            raise Malformed("bits after the end")


class BitWriter:
    """The counterpart of `BitReader`."""

    def __init__(self):
        self.value = 0
        self.count = 0

    def bits(self, value, count):
        self.value |= (value & ((1 << count) - 1)) << self.count
        self.count += count
        return self

    def bytes(self):
        return self.value.to_bytes((self.count + 7) // 8, "little")
