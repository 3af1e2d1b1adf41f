"""Messages: a dictionary of fields to bytes and back, by the generated tables.

A message is `(name, {field: value})`. Values: numbers as int, flags as bool, enumerations by name, texts as str, bytes as
bytes, lists as list, groups as dict, an address as (host, port). Clauses: protocol.md 10.1 to 10.5.
"""

import ipaddress

from . import tables
from .codec import Malformed, Reader, number

SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "u128": 16, "entity": 4, "tick": 4}


def encode(table, name, fields=None):
    """The bytes of a message of `tables.CLIENT` or `tables.SERVER`."""
    row = by_name(table, name)
    fields = fields or {}
    unknown = fields.keys() - {field["name"] for field in row["fields"]}
    if unknown:
        raise ValueError(f"{name} has no {unknown}")
    out = bytearray([row["number"]])
    for field in row["fields"]:
        out += put(field, fields[field["name"]])
    return bytes(out)


def decode(table, data):
    """The name and the fields of a message."""
    reader = Reader(data)
    kind = reader.number(1)
    for row in table:
        if row["number"] == kind:
            fields = {field["name"]: take(field, reader) for field in row["fields"]}
            reader.end()
            return row["name"], fields
    raise Malformed(f"no message {kind}")


def by_name(table, name):
    """The row of a message."""
    for row in table:
        if row["name"] == name:
            return row
    raise ValueError(f"no message {name}")


def put(field, value):
    """The bytes of one field."""
    kind = field["kind"]
    if kind in SIZES:
        return number(value, SIZES[kind])
    if kind == "bool":
        return bytes([1 if value else 0])
    if kind == "values":
        return bytes([next(row["number"] for row in tables.VALUES[field["of"]] if row["name"] == value)])
    if kind == "text":
        return counted(value.encode(), field["max"])
    if kind == "bytes":
        if len(value) != field["len"]:
            raise ValueError(f"{len(value)} bytes where {field['len']} belong")
        return bytes(value)
    if kind == "list":
        return counted(value, field["max"], field["of"])
    if kind == "group":
        return b"".join(put(part, value[part["name"]]) for part in field["fields"])
    if kind == "address":
        host = ipaddress.ip_address(value[0])
        return bytes([host.version]) + host.packed + number(value[1], 2)
    raise ValueError(kind)


def counted(value, most, of=None):
    """Bytes or elements behind one byte that counts them."""
    if len(value) > most:
        raise ValueError(f"{len(value)} where {most} fit")
    body = bytes(value) if of is None else b"".join(put(of, element) for element in value)
    return bytes([len(value)]) + body


def take(field, reader):
    """The value of one field."""
    kind = field["kind"]
    if kind in SIZES:
        return reader.number(SIZES[kind])
    if kind == "bool":
        value = reader.number(1)
        if value > 1:
            raise Malformed(f"a flag of {value}")
        return value == 1
    if kind == "values":
        value = reader.number(1)
        for row in tables.VALUES[field["of"]]:
            if row["number"] == value:
                return row["name"]
        raise Malformed(f"no {field['of']} {value}")
    if kind == "text":
        return text(reader.take(count(reader, field["max"])))
    if kind == "bytes":
        return reader.take(field["len"])
    if kind == "list":
        return [take(field["of"], reader) for _ in range(count(reader, field["max"]))]
    if kind == "group":
        return {part["name"]: take(part, reader) for part in field["fields"]}
    if kind == "address":
        version = reader.number(1)
        if version not in (4, 6):
            raise Malformed(f"an address of version {version}")
        host = ipaddress.ip_address(reader.take(4 if version == 4 else 16))
        return str(host), reader.number(2)
    raise ValueError(kind)


def count(reader, most):
    value = reader.number(1)
    if value > most:
        raise Malformed(f"{value} where {most} fit")
    return value


def text(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("text that is not UTF-8") from error
