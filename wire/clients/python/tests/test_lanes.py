"""What the lanes promise. Clauses: protocol.md 8.1, 8.2, 8.20 to 8.27, 8.50 to 8.56."""

import random
import unittest
import zlib

from mu_client import frames
from mu_client.lanes import Full
from tests.peer import Peer, frag, rel

LONG = bytes(number % 251 for number in range(3_000))


def pieces(data):
    return [data[at : at + 1024] for at in range(0, len(data), 1024)]


class In(unittest.TestCase):
    def setUp(self):
        self.peer = Peer()

    def got(self):
        return [event[2] for event in self.peer.messages() if event[0] == "message"]

    def is_violation(self):
        closed = [event for event in self.peer.messages() if event[0] == "closed"]
        named = [fields["code"] for name, fields in self.peer.frames() if name == "CLOSE"]
        return bool(closed) and named == [5]

    def test_ordered_lanes_wait_for_what_is_missing_and_not_for_each_other(self):
        """protocol.md 8.1, 8.22."""
        for lane in (0, 1, 2):
            self.peer.say(rel(lane, 1, b"second"), rel(lane, 2, b"third"))
        self.peer.say(rel(0, 0, b"first"), rel(0, 1, b"second"))
        self.assertEqual(self.got(), [b"first", b"second", b"third"])

    def test_the_unordered_lane_hands_on_what_comes_once(self):
        """protocol.md 8.22."""
        for identity in (2, 0, 2, 3, 1, 0, 1, 2, 3):
            self.peer.say(rel(3, identity, bytes([identity])))
        self.assertEqual(self.got(), [b"\x02", b"\x00", b"\x03", b"\x01"])

    def test_ids_go_round(self):
        """protocol.md 8.21, 8.24."""
        for identity in range(0x1_0010):
            self.peer.client.arrivals[1].take(identity & 0xFFFF, 0, 1, b"x")
        self.assertEqual(self.peer.client.arrivals[1].expected, 0x1_0010)

    def test_fragments_in_any_order_make_one_message(self):
        """protocol.md 8.20, 8.21."""
        for lane in (1, 3):
            order = [2, 0, 1]
            for index in order:
                self.peer.say(frag(lane, index, index, 3, pieces(LONG)[index]))
            self.peer.say(rel(lane, 3, b"next"))
            self.assertEqual(self.got(), [LONG, b"next"])

    def test_what_no_sender_writes_ends_the_connection(self):
        """protocol.md 8.20, 8.24, 8.27."""
        full = bytes(1024)
        for bad in (
            [rel(0, 256, b"x")],
            [frag(1, 0, 0, 3, full), frag(1, 1, 1, 4, full)],
            [frag(1, 0, 0, 3, full), rel(1, 1, b"x")],
            [rel(1, 0, b"x"), frag(1, 1, 1, 3, full)],
            [frag(1, 0, 1, 3, full)],
            [frag(1, 0, 0, 2, full), frag(1, 1, 1, 2, bytes(76))],
            [frag(4, 0, 0, 5, full)],
            [frag(5, 0, 0, 2, full), frag(5, 0, 1, 3, full)],
        ):
            self.peer = Peer()
            for frame in bad:
                self.peer.say(frame)
            self.assertTrue(self.is_violation(), bad)

    def test_more_ahead_than_the_windows_allow_ends_the_connection(self):
        """protocol.md 8.23, 8.24."""
        for lanes, fits in (((1,), 16), ((1, 2), 17), ((1, 2, 0), 18)):
            self.peer = Peer()
            for number in range(fits):
                self.peer.say(rel(lanes[number % len(lanes)], 1 + number, bytes(1_000)))
            self.assertFalse(self.peer.client.closing, lanes)
            for number in range(fits, fits + 4):
                self.peer.say(rel(lanes[number % len(lanes)], 1 + number, bytes(1_000)))
            self.assertTrue(self.peer.client.closing, lanes)

    def test_sequenced_messages_never_go_back(self):
        """protocol.md 8.26."""
        for order in (65_530, 65_529, 3, 65_535, 2, 4):
            self.peer.say(frames.encode("SEQ", lane=5, order=order, bytes=bytes([order & 0xFF])))
        self.assertEqual(self.got(), [b"\xfa", b"\x03", b"\x04"])

    def test_unreliable_fragments_are_put_together_for_a_moment(self):
        """protocol.md 8.25, 8.27."""
        first, second, third = pieces(LONG)
        for lane in (4, 5):
            self.peer.say(frag(lane, 7, 2, 3, third), frag(lane, 7, 0, 3, first))
            self.peer.wait(99_000)
            self.peer.say(frag(lane, 7, 1, 3, second), frag(lane, 7, 1, 3, second))
            self.assertEqual(self.got(), [LONG])
            self.peer.say(frag(lane, 8, 0, 3, first))
            self.peer.wait(100_000)
            self.peer.say(frag(lane, 8, 1, 3, second), frag(lane, 8, 2, 3, third))
            self.assertEqual(self.got(), [], "too late")
            self.peer.say(frag(lane, 9, 0, 3, first), frag(lane, 10, 0, 2, first), frag(lane, 9, 1, 3, second))
            self.peer.say(frag(lane, 9, 2, 3, third), frag(lane, 10, 1, 2, second))
            self.assertEqual(self.got(), [first + second], "the newer takes the place")


class Out(unittest.TestCase):
    def test_a_long_message_is_cut_and_a_short_one_is_not(self):
        """protocol.md 8.20, 8.21."""
        peer = Peer()
        peer.client.send(1, bytes(1_100))
        peer.client.send(1, LONG)
        peer.client.send(2, b"beside")
        got = peer.frames()
        whole = [fields for name, fields in got if name == "REL" and fields["lane"] == 1]
        self.assertEqual([(one["id"], len(one["bytes"])) for one in whole], [(0, 1_100)])
        cut = [fields for name, fields in got if name == "FRAG"]
        self.assertEqual([(one["id"], one["index"], one["count"]) for one in cut], [(1, 0, 3), (2, 1, 3), (3, 2, 3)])
        self.assertEqual(b"".join(one["bytes"] for one in cut), LONG)

    def test_windows_hold_and_open_again(self):
        """protocol.md 8.23."""
        peer = Peer()
        for _ in range(40):
            peer.client.send(1, bytes(1_000))
        peer.client.send(0, b"control")
        peer.client.send(2, bytes(1_280))
        first = [fields for name, fields in peer.frames() + peer.frames() if name in ("REL", "FRAG")]
        self.assertEqual(len([one for one in first if one["lane"] == 1]), 16, "1,280 and 15,104 bytes")
        self.assertEqual({one["lane"] for one in first}, {0, 1, 2}, "each lane has 1,280 bytes of its own")
        peer.say()
        second = [fields["id"] for name, fields in peer.frames() if name == "REL"]
        self.assertEqual(second, list(range(16, 32)))

    def test_the_queue_ends(self):
        peer = Peer()
        with self.assertRaises(Full):
            for _ in range(2_000):
                peer.client.send(0, b"x")

    def test_inputs_repeat_from_the_oldest_until_they_are_acknowledged(self):
        """protocol.md 8.2."""
        peer = Peer()
        peer.client.input(b"a")
        peer.hear(lambda _: False)
        peer.client.input(b"b")
        ((name, fields),) = peer.frames()
        self.assertEqual((name, fields), ("INPUT", {"first": 0, "inputs": [b"a", b"b"]}))
        peer.say()
        peer.client.input(b"c")
        self.assertEqual([fields for name, fields in peer.frames()], [{"first": 2, "inputs": [b"c"]}])

    def test_everything_arrives_in_order_whatever_is_lost(self):
        """protocol.md 8.6, 8.7, 8.9, 8.22: a model of the lanes against queues."""
        for seed in range(4):
            rng, peer = random.Random(seed), Peer(seed=seed)
            sent, got = {lane: [] for lane in (0, 1, 2)}, {lane: [] for lane in (0, 1, 2)}
            expected, parts = {lane: 0 for lane in got}, {lane: {} for lane in got}
            for step in range(300):
                peer.wait(10_000)
                if step < 80:
                    lane = rng.choice((0, 1, 2))
                    data = bytes([step & 0xFF]) * rng.choice((1, 30, 1_100, 2_500))
                    peer.client.send(lane, data)
                    sent[lane].append(data)
                for packet in peer.hear(lambda _: rng.random() > 0.3):
                    for name, fields in packet:
                        if name in ("REL", "FRAG"):
                            index, count = fields.get("index", 0), fields.get("count", 1)
                            parts[fields["lane"]][fields["id"]] = (index, count, fields["bytes"])
                for lane, known in parts.items():
                    while expected[lane] in known:
                        count = known[expected[lane]][1]
                        ids = range(expected[lane], expected[lane] + count)
                        if not all(one in known for one in ids):
                            break
                        got[lane].append(b"".join(known[one][2] for one in ids))
                        expected[lane] += count
                if rng.random() > 0.3:
                    peer.say()
            self.assertFalse(peer.client.closed or peer.client.closing, f"seed {seed}: {peer.messages()}")
            self.assertEqual(got, sent, f"seed {seed}")


class Blocks(unittest.TestCase):
    def setUp(self):
        self.peer = Peer()
        self.data = random.Random(1).randbytes(200 * 1024 + 5)

    def begin(self, block=0, length=None, crc=None):
        length = len(self.data) if length is None else length
        crc = zlib.crc32(self.data) if crc is None else crc
        self.peer.say(frames.encode("BLOCK_BEGIN", block=block, kind=3, length=length, crc32=crc))

    def slice(self, index, block=0):
        data = self.data[1024 * index : 1024 * index + 1024]
        self.peer.say(frames.encode("BLOCK_SLICE", block=block, index=index, bytes=data))

    def answers(self):
        return [(name, fields) for name, fields in self.peer.frames() if name.startswith("BLOCK")]

    def test_slices_in_disorder_by_credit(self):
        """protocol.md 8.50 to 8.54."""
        self.begin()
        credit, rng, sent = 0, random.Random(2), set()
        total = 201
        while len(sent) < total:
            for name, fields in self.answers():
                self.assertEqual(name, "BLOCK_CREDIT")
                self.assertGreater(fields["slices"], credit)
                credit = fields["slices"]
            waiting = [index for index in range(credit) if index not in sent]
            self.assertTrue(waiting, "the receiver lets the sender wait")
            index = rng.choice(waiting)
            sent.add(index)
            self.slice(index)
            self.slice(index)
        self.assertEqual(credit, total)
        self.assertEqual(self.answers(), [("BLOCK_END", {"block": 0, "status": 0})])
        self.assertEqual(self.peer.messages(), [("block", 3, self.data)])
        self.slice(3)
        self.begin()
        self.assertFalse(self.peer.client.closing, "late copies mean nothing")
        self.data = b"short"
        self.begin(block=1)
        self.slice(0, block=1)
        self.assertEqual(self.peer.messages(), [("block", 3, b"short")])

    def test_a_credit_that_is_lost_goes_out_again(self):
        """protocol.md 8.54."""
        self.begin()
        self.peer.hear(lambda _: False)
        for _ in range(4):
            self.peer.wait(2_000)
            self.peer.client.send(0, b"x")
            self.peer.hear()
        self.peer.say()
        self.assertIn(("BLOCK_CREDIT", {"block": 0, "slices": 64}), self.answers())

    def test_a_damaged_block_is_not_handed_on(self):
        """protocol.md 8.54."""
        self.data = b"damaged"
        self.begin(crc=1)
        self.slice(0)
        self.assertEqual(self.answers(), [("BLOCK_END", {"block": 0, "status": 2})])
        self.assertEqual(self.peer.messages(), [])

    def test_a_block_that_does_not_come_is_let_go(self):
        """protocol.md 8.56."""
        self.begin()
        self.answers()
        for _ in range(29):
            self.peer.wait(1_000_000)
            self.peer.say(frames.encode("PING"))
            self.assertEqual(self.answers(), [])
        self.peer.wait(1_000_000)
        self.assertEqual(self.answers(), [("BLOCK_END", {"block": 0, "status": 1})])

    def test_violations(self):
        """protocol.md 8.55."""

        def too_far():
            self.begin()
            self.slice(64)

        def short():
            self.begin()
            self.peer.say(frames.encode("BLOCK_SLICE", block=0, index=0, bytes=b"short"))

        def never_begun():
            self.peer.say(frames.encode("BLOCK_CREDIT", block=0, slices=3))

        def two_at_once():
            self.begin()
            self.begin(block=1)

        for bad in (
            too_far,
            short,
            never_begun,
            two_at_once,
            lambda: self.begin(length=(8 << 20) + 1),
            lambda: self.begin(block=1),
            lambda: self.slice(0, block=0),
        ):
            self.peer = Peer()
            bad()
            self.assertTrue(self.peer.client.closing, bad)


if __name__ == "__main__":
    unittest.main()
