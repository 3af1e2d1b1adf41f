"""Every vector of wire/tests/vectors.json, read and written by a client that shares no code with the one that made them.

Cited clauses: protocol.md 1.3, 2.1, 4.2, 4.4, 4.7, 4.8, 4.9, 4.10, 5.2, 5.3, 6.1, 6.2, 6.6, 7.1, 7.2, 7.3, 7.4, 9.1, 10.1, 10.2,
10.3, 11.1, 12.2, 12.3, 13.1 to 13.7.
"""

import json
import unittest
from pathlib import Path

from mu_client import crypto, frames, handshake, messages, motion, prelude, tables
from mu_client.arrivals import ReliableIn
from mu_client.codec import Malformed, Reader, varint
from mu_client.lanes import InputsOut
from mu_client.replica import Replica

VECTORS = json.loads((Path(__file__).parents[3] / "tests" / "vectors.json").read_text())
PROTOCOL = 0x04030201
NONCE = 0x1122334455667788
OWN_ID = b"\xc1\xc2"


class Connection(unittest.TestCase):
    """The whole connection from fixed secrets."""

    def setUp(self):
        self.at = {row["name"]: bytes.fromhex(row["hex"]) for row in VECTORS["connection"]}
        self.ticket = handshake.Ticket(
            ("192.0.2.1", 1),
            int.from_bytes(self.at["routing id"], "little"),
            0,
            1_030,
            self.at["sealed token"],
            self.at["token secret (psk)"],
            self.at["server static public key"],
            PROTOCOL,
        )
        bound = handshake.prologue(self.ticket, NONCE, OWN_ID)
        self.assertEqual(bound, self.at["prologue"])
        self.noise = crypto.Initiator(
            self.ticket.server_key, self.ticket.psk, bound, self.at["client ephemeral secret"]
        )
        self.message = self.noise.write(self.at["client parameters"])

    def keys(self):
        """The keys of both directions, after ACCEPT."""
        message = handshake.read_accept(self.at["ACCEPT"], OWN_ID, NONCE)
        params, up, down = self.noise.read(message)
        self.assertEqual(params, self.at["accept parameters"])
        keys = crypto.PacketKey(up, crypto.TO_SERVER, PROTOCOL), crypto.PacketKey(down, crypto.TO_CLIENT, PROTOCOL)
        return keys

    def test_client_parameters(self):
        self.assertEqual(handshake.client_params(), self.at["client parameters"])

    def test_init(self):
        self.assertEqual(handshake.init(self.ticket, NONCE, OWN_ID, self.message), self.at["INIT"])

    def test_cookie(self):
        cookie = handshake.read_cookie(self.at["COOKIE"], OWN_ID, NONCE)
        with_it = handshake.init(self.ticket, NONCE, OWN_ID, self.message, cookie)
        self.assertEqual(with_it, self.at["INIT with the cookie"])
        self.assertIsNone(handshake.read_cookie(self.at["COOKIE"], OWN_ID, NONCE + 1))
        self.assertIsNone(handshake.read_cookie(self.at["COOKIE"], b"\xc1\xc3", NONCE))
        self.assertIsNone(handshake.read_cookie(self.at["COOKIE"][:-1], OWN_ID, NONCE))

    def test_reject(self):
        psk = self.ticket.psk
        packet = self.at["REJECT full"]
        self.assertEqual(handshake.read_reject(packet, OWN_ID, NONCE, psk), (1, 0))
        for place in range(len(packet)):
            bent = bytearray(packet)
            bent[place] ^= 1
            self.assertIsNone(handshake.read_reject(bytes(bent), OWN_ID, NONCE, psk), f"byte {place}")

    def test_accept_that_does_not_open_leaves_the_handshake_as_it_was(self):
        for place in range(11, len(self.at["ACCEPT"])):
            bent = bytearray(self.at["ACCEPT"])
            bent[place] ^= 1
            message = handshake.read_accept(bytes(bent), OWN_ID, NONCE)
            self.assertIsNone(self.noise.read(message), f"byte {place}")
        self.keys()

    def test_keys(self):
        for name, key in zip(("to server", "to client"), self.keys()):
            self.assertEqual(key.key, self.at[f"key {name}"])
            self.assertEqual(key.iv, self.at[f"iv {name}"])
            following = key.renewed()
            self.assertEqual(following.key, self.at[f"second key {name}"])
            self.assertEqual(following.iv, self.at[f"second iv {name}"])

    def test_datagrams(self):
        up, down = self.keys()
        for name, key, head, number in (
            ("to server", up, 11, 0),
            ("to client", down, 5, 0),
            ("to server, second key", up.renewed(), 11, 1),
        ):
            packet, body = self.at[f"datagram {name}"], self.at[f"body {name}"]
            self.assertEqual(key.open(number, packet[:head], packet[head:]), body)
            self.assertEqual(packet[:head] + key.seal(number, packet[:head], body), packet)
            for place in range(len(packet)):
                bent = bytearray(packet)
                bent[place] ^= 0x80
                self.assertIsNone(key.open(number, bytes(bent[:head]), bytes(bent[head:])), f"byte {place}")

    def test_bodies(self):
        reader = Reader(self.at["body to server"])
        self.assertIsNone(prelude.Prelude.decode(reader, 0, -1).largest)
        inputs = InputsOut()
        inputs.add(b"\xa1\xa2")
        inputs.add(b"\xb1")
        written = (
            frames.encode("TIME_REQUEST", origin=2_000_000)
            + inputs.frame(1_000)[0]
            + frames.encode("REL", lane=0, id=0, bytes=b"hello")
        )
        self.assertCountEqual(frames.decode(reader.rest(), "client"), frames.decode(written, "client"))
        reader = Reader(self.at["body to client"])
        told = prelude.Prelude.decode(reader, 0, 0)
        self.assertEqual((told.largest, told.delay, told.numbers()), (0, 40, [0]))
        got = dict(frames.decode(reader.rest(), "server"))
        self.assertEqual(got["REL"], {"lane": 0, "id": 0, "bytes": b"welcome"})
        self.assertEqual(got["SNAP"], {"tick": 0x0A0B0C0D, "body": b"snap"})


class Small(unittest.TestCase):
    """Varints, packet numbers, preludes."""

    def test_varints(self):
        for row in VECTORS["varints"]["good"]:
            reader = Reader(bytes.fromhex(row["hex"]))
            self.assertEqual((reader.varint(), reader.remaining()), (row["value"], 0), row)
            self.assertEqual(varint(row["value"]).hex(), row["hex"])
        for row in VECTORS["varints"]["malformed"]:
            with self.assertRaises(Malformed, msg=row):
                Reader(bytes.fromhex(row["hex"])).varint()

    def test_packet_numbers(self):
        for row in VECTORS["packet_numbers"]:
            largest = -1 if row["largest"] is None else row["largest"]
            self.assertEqual(prelude.recover(row["low"], largest), row["number"], row)

    def read(self, row):
        """The prelude and the numbers it tells of."""
        reader = Reader(bytes.fromhex(row["hex"]))
        told = prelude.Prelude.decode(reader, 1, row["sent"])
        numbers = told.numbers()
        for _, fields in frames.decode(reader.rest(), "server", told.largest is not None):
            numbers += prelude.range_numbers(told.largest, fields["ranges"])
        return told, numbers

    def test_preludes(self):
        for row in VECTORS["preludes"]["good"]:
            told, numbers = self.read(row)
            self.assertEqual(told.skipped, row["skipped"], row)
            self.assertEqual(told.largest, row.get("largest"), row)
            self.assertEqual(told.delay, row.get("delay", 0), row)
            self.assertEqual(numbers, row.get("received", []), row)
            self.assertTrue(row["hex"].startswith(told.encode().hex()), row)
        for row in VECTORS["preludes"]["malformed"]:
            with self.assertRaises(Malformed, msg=row):
                self.read(row)

    def test_a_receiver_tells_what_the_vectors_tell(self):
        for row in VECTORS["preludes"]["good"]:
            if "received" not in row or row["largest"] > 1_000:
                continue
            received = prelude.Received()
            for number in sorted(row["received"]):
                received.add(number, 0)
            written, ranges, _ = received.write(row["delay"] * 250, row["skipped"])
            self.assertEqual((written + ranges).hex(), row["hex"], row)


class Frames(unittest.TestCase):
    """Each frame, and each way to get one wrong."""

    def test_good(self):
        for row in VECTORS["frames"]["good"]:
            reader = Reader(bytes.fromhex(row["hex"]))
            name, fields = frames.one(reader, row["from"])
            self.assertEqual((name, reader.remaining()), (row["name"], 0), row)
            self.assertEqual(fields.pop("lane", None), row.get("lane", row["fields"].get("lane")), row)
            schema = frames.ROWS[name]["fields"]
            wanted = {field["name"]: value(field, row["fields"][field["name"]]) for field in schema}
            lane = {"lane": row["lane"]} if "lane" in row else {}
            self.assertEqual(fields, {key: one for key, one in wanted.items() if key != "lane"}, row)
            self.assertEqual(frames.encode(name, **wanted, **lane).hex(), row["hex"])

    def test_malformed(self):
        for row in VECTORS["frames"]["malformed"]:
            if row["why"] == "inputs that leave one out":
                continue  # Only a server has inputs to count.
            with self.assertRaises(Malformed, msg=row):
                for name, fields in frames.decode(bytes.fromhex(row["hex"]), row["from"]):
                    if name == "REL":
                        ReliableIn(ordered=True).take(fields["id"], 0, 1, fields["bytes"])


class Messages(unittest.TestCase):
    """Every message of both directions, and inputs."""

    def test_messages(self):
        for end, table in (("client", tables.CLIENT), ("server", tables.SERVER)):
            seen = set()
            for row in VECTORS["messages"][end]["good"]:
                schema = messages.by_name(table, row["name"])["fields"]
                wanted = {field["name"]: value(field, row["fields"][field["name"]]) for field in schema}
                data = bytes.fromhex(row["hex"])
                self.assertEqual(messages.decode(table, data), (row["name"], wanted))
                self.assertEqual(messages.encode(table, row["name"], wanted), data)
                self.assertLessEqual(len(data), messages.by_name(table, row["name"])["max_bytes"])
                seen.add(row["name"])
            self.assertEqual(seen, {row["name"] for row in table}, "an example of each")
            for row in VECTORS["messages"][end]["malformed"]:
                with self.assertRaises(Malformed, msg=row):
                    messages.decode(table, bytes.fromhex(row["hex"]))

    def test_inputs(self):
        write = {
            "Walk": lambda fields: motion.encode_walk((fields["x"], fields["y"]), fields["steps"]),
            "Turn": lambda fields: motion.encode_turn(fields["heading"]),
            "Stop": lambda fields: motion.encode_stop(),
            "Step": lambda fields: motion.encode_step(fields["dx"], fields["dy"]),
        }
        for row in VECTORS["inputs"]["good"]:
            self.assertEqual(motion.decode_input(bytes.fromhex(row["hex"])), (row["name"], row["fields"]))
            self.assertEqual(write[row["name"]](row["fields"]).hex(), row["hex"])
        for row in VECTORS["inputs"]["malformed"]:
            with self.assertRaises(Malformed, msg=row):
                motion.decode_input(bytes.fromhex(row["hex"]))


class World(unittest.TestCase):
    """Motion and snapshots."""

    def test_motion(self):
        for row in VECTORS["motion"]:
            path = motion.Path(row["start"], tuple(row["origin"]), row["speed"], tuple(row["steps"]))
            self.assertEqual(path.arrival(), row["arrival"], row)
            for tick, x, y, direction in row["at"]:
                self.assertEqual(path.at(tick), ((x, y), direction), (row, tick))

    def test_lives(self):
        for number, life in enumerate(VECTORS["snapshots"]["lives"]):
            replica = Replica()
            for row in life:
                replica.apply(row["tick"], bytes.fromhex(row["hex"]))
                seen = sorted((shown(one, row["tick"]) for one in replica.entities()), key=lambda one: one["entity"])
                self.assertEqual(seen, row["seen"], f"life {number}, tick {row['tick']}")

    def test_malformed_bodies(self):
        for row in VECTORS["snapshots"]["malformed"]:
            replica = Replica()
            for tick, body in row["before"]:
                replica.apply(tick, bytes.fromhex(body))
            with self.assertRaises(Malformed, msg=row):
                replica.apply(row["tick"], bytes.fromhex(row["hex"]))


def shown(seen, tick):
    """An entity as the vectors show it."""
    identity, changed, state = seen
    path = state.motion if isinstance(state.motion, motion.Path) else None
    parts = path and {
        "start": path.start,
        "origin": list(path.origin),
        "speed": path.speed,
        "steps": list(path.steps),
    }
    return {
        "entity": identity.entity,
        "kind": identity.kind,
        "template": identity.template,
        "name": identity.name,
        "tick": changed,
        "motion": parts or list(state.motion),
        "at": list(state.position(tick)),
        "heading": state.heading,
        "health": state.health,
        "flags": state.flags,
    }


def value(field, given):
    """A field of a vector as this client has it: large numbers are texts and bytes hexadecimal there."""
    kind = field["kind"]
    if kind in ("u64", "u128"):
        return int(given)
    if kind in ("bytes", "rest", "sized", "short"):
        return bytes.fromhex(given)
    if kind == "list":
        return [value(field["of"], one) for one in given]
    if kind == "group":
        return {part["name"]: value(part, given[part["name"]]) for part in field["fields"]}
    if kind == "address":
        return tuple(given)
    return given


if __name__ == "__main__":
    unittest.main()
