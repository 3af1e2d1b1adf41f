"""The handshake, and a connection's life beside its lanes. Clauses: protocol.md chapters 4 to 8."""

import json
import random
import unittest
from pathlib import Path

from mu_client import frames, tables
from mu_client.client import Client
from mu_client.codec import Malformed, number
from mu_client.handshake import INIT_LEN, Ticket
from mu_client.prelude import Prelude
from tests.peer import TOKEN, Peer, rel

VECTORS = json.loads((Path(__file__).parents[3] / "tests" / "vectors.json").read_text())
AT = {row["name"]: bytes.fromhex(row["hex"]) for row in VECTORS["connection"]}


class Handshake(unittest.TestCase):
    """Against the bytes of the vectors, whose protocol id is their own."""

    def setUp(self):
        self.protocol, tables.PROTOCOL_ID = tables.PROTOCOL_ID, 0x04030201
        self.addCleanup(setattr, tables, "PROTOCOL_ID", self.protocol)
        routing = int.from_bytes(AT["routing id"], "little")
        secrets = AT["sealed token"], AT["token secret (psk)"], AT["server static public key"]
        self.ticket = Ticket(("192.0.2.1", 1), routing, 0, 1_030, *secrets, 0x04030201)
        self.client = Client(0, self.ticket, b"\xc1\xc2", ephemeral=AT["client ephemeral secret"], nonce=0x1122334455667788)

    def test_another_protocol_is_not_spoken(self):
        """protocol.md 1.7."""
        tables.PROTOCOL_ID = self.protocol
        with self.assertRaises(Malformed):
            Client(0, self.ticket)

    def test_init_is_repeated_as_it_is_and_given_up(self):
        """protocol.md 4.2, 4.5, 4.6."""
        times, now = [], 0
        while not self.client.done:
            for datagram in self.client.transmit(now):
                self.assertEqual((datagram, len(datagram)), (AT["INIT"], INIT_LEN))
                times.append(now)
            now += 1_000
        pauses = [later - former for former, later in zip(times, times[1:])]
        for place, pause in enumerate(pauses):
            self.assertAlmostEqual(pause, 250_000 * 1.5**place, delta=3_000)
        self.assertGreater(now, 10_000_000)
        self.assertEqual(self.client.events, [("closed", "no answer", 0, "")])

    def test_a_cookie_is_answered_at_once_three_times(self):
        """protocol.md 4.7."""
        self.client.transmit(0)
        for now in (1_000, 2_000, 3_000):
            self.client.receive(now, AT["COOKIE"])
            self.assertEqual(self.client.transmit(now), [AT["INIT with the cookie"]])
        self.client.receive(4_000, AT["COOKIE"])
        self.assertEqual(self.client.transmit(4_000), [])

    def test_a_refusal_ends_it(self):
        """protocol.md 4.10."""
        self.client.transmit(0)
        self.client.receive(1_000, AT["REJECT full"])
        self.assertEqual(self.client.events, [("rejected", 1, 0)])
        self.assertEqual(self.client.transmit(5_000_000), [])

    def test_nothing_else_has_an_effect(self):
        """protocol.md 1.4, 3.2, 4.7, 4.8."""
        self.client.transmit(0)
        rng = random.Random(1)
        for good in ("COOKIE", "ACCEPT", "REJECT full", "datagram to client"):
            for _ in range(300):
                bent = bytearray(AT[good][: rng.randrange(1, len(AT[good]) + 1)])
                bent[rng.randrange(len(bent))] ^= 1 << rng.randrange(8)
                if good == "COOKIE" and len(bent) == 32 and bent[:11] == AT[good][:11]:
                    continue  # Nobody but the server can tell a false cookie.
                self.client.receive(1_000, bytes(bent))
        self.assertEqual((self.client.events, self.client.connection), ([], None))
        self.client.receive(2_000, AT["ACCEPT"])
        self.assertEqual(self.client.events[0][0], "connected")
        self.assertEqual(self.client.events[0][1].connection_id, 0x8877665544332211)


class Life(unittest.TestCase):
    def setUp(self):
        self.peer = Peer()

    def closed_with(self):
        return [fields["code"] for name, fields in self.peer.frames() if name == "CLOSE"]

    def test_a_challenge_is_answered(self):
        """protocol.md 7.1."""
        self.peer.say(frames.encode("PATH_CHALLENGE", data=b"12345678"))
        self.assertEqual(self.peer.frames(), [("PATH_RESPONSE", {"data": b"12345678"})])
        self.assertEqual(self.peer.frames(), [], "once")

    def test_silence_is_broken_after_a_second_and_ends_after_the_idle_time(self):
        """protocol.md 8.15."""
        heard = []
        for _ in range(11):
            self.peer.wait(1_000_000)
            heard += self.peer.frames()
        self.assertIn(("PING", {}), heard)
        self.assertEqual(self.peer.messages(), [("closed", "idle", 0, "")])

    def test_close_is_said_three_times(self):
        """protocol.md 8.16."""
        self.peer.client.close(0x105, "bye")
        said = []
        for _ in range(50):
            said += self.peer.frames()
            self.peer.say(rel(0, 0, b"late"))
            self.peer.wait(10_000)
        self.assertEqual(said, [("CLOSE", {"code": 0x105, "text": "bye"})] * 3)
        self.assertEqual(self.peer.messages(), [])
        self.assertTrue(self.peer.client.closed)

    def test_a_close_counts_after_what_stands_before_it(self):
        """protocol.md 8.16."""
        self.peer.say(rel(0, 0, b"last"), frames.encode("CLOSE", code=2, text="out"), rel(0, 1, b"never"))
        self.assertEqual(self.peer.messages(), [("message", 0, b"last"), ("closed", "peer", 2, "out")])
        self.assertEqual(self.peer.frames(), [])

    def test_a_reset_is_told_by_its_token(self):
        """protocol.md 8.19."""
        for length in (21, 30, 40):
            peer = Peer()
            peer.client.receive(peer.now, (b"\x40" + bytes(length - 17) + TOKEN)[:-1] + b"x")
            self.assertEqual(peer.messages(), [])
            peer.client.receive(peer.now, b"\x40" + bytes(length - 17) + TOKEN)
            self.assertEqual(peer.messages(), [("closed", "reset", 0, "")])

    def test_a_repeated_packet_has_no_effect(self):
        """protocol.md 6.3."""
        datagram = self.peer.say(frames.encode("SEQ", lane=5, order=1, bytes=b"x"), rel(3, 0, b"y"))
        before = len(self.peer.client.received.untold)
        self.peer.client.receive(self.peer.now, datagram)
        self.assertEqual(len(self.peer.messages()), 2)
        self.assertEqual(len(self.peer.client.received.untold), before)
        # One that is more than 1,023 numbers old, too.
        self.peer.say(frames.encode("PING"), packet=1_100)
        self.peer.say(rel(3, 1, b"old"), packet=76)
        self.assertEqual(self.peer.messages(), [])
        self.peer.say(rel(3, 1, b"late"), packet=77)
        self.assertEqual(self.peer.messages(), [("message", 3, b"late")])

    def test_numbers_go_on_beyond_sixteen_bits(self):
        """protocol.md 6.2."""
        for packet in range(0, 140_000, 20_000):
            self.peer.say(rel(0, packet // 20_000, b"x"), packet=packet)
        self.assertEqual(len(self.peer.messages()), 7)

    def test_acknowledging_what_was_not_sent_ends_the_connection(self):
        """protocol.md 6.4."""
        self.peer.client.send(0, b"x")
        self.peer.hear()
        self.peer.say(prelude=Prelude(largest=1).encode())
        self.assertEqual(self.closed_with(), [5])

    def test_acknowledging_what_was_left_out_ends_the_connection(self):
        """protocol.md 6.4, 9.7."""
        while not self.peer.client.recovery.left_out:
            self.peer.client.send(3, b"x")
            self.peer.hear()
            self.peer.say()
        skipped = min(self.peer.client.recovery.left_out)
        self.assertIn(skipped, range(15, 65))
        self.assertTrue(self.peer.packets[-1][1].skipped, "the packet after it says so")
        self.peer.say(prelude=Prelude(largest=skipped + 1).encode())
        self.assertEqual(self.closed_with(), [5])

    def test_acknowledgements_come_in_time(self):
        """protocol.md 8.4, 8.5."""
        self.peer.say(rel(1, 0, b"x"))
        self.assertEqual(self.peer.client.next_timeout(), self.peer.now + 50_000)
        self.assertEqual(self.peer.hear(), [])
        self.peer.wait(50_000)
        self.assertEqual(self.peer.hear(), [[]], "an acknowledgement alone")
        self.peer.say(rel(0, 0, b"control"))
        self.assertEqual(self.peer.hear(), [[]], "at once after lane 0")
        self.peer.say(frames.encode("PING"), packet=5)
        self.assertEqual(self.peer.hear(), [[]], "at once after a gap")
        skipping = self.peer.received.write(self.peer.now, True)[0]
        self.peer.say(frames.encode("PING"), packet=7, prelude=skipping)
        self.assertEqual(self.peer.hear(), [], "not after a number that was left out")
        self.peer.wait(50_000)
        self.peer.hear()
        self.peer.say(packet=8)
        self.peer.wait(200_000)
        self.assertEqual(self.peer.hear(), [], "an acknowledgement asks for none")

    def test_ranges_are_told_until_they_are_known(self):
        """protocol.md 7.3, 8.11."""
        for packet in (0, 1, 2, 5, 6, 60, 61):
            self.peer.say(frames.encode("PING"), packet=packet)
        self.peer.hear(lambda _: False)
        self.peer.client.ack_at = self.peer.now
        ((name, fields),) = self.peer.frames()
        self.assertEqual((name, fields["ranges"]), ("ACK_RANGES", [{"gap": 22, "length": 2}, {"gap": 2, "length": 3}]))
        self.peer.say()
        self.peer.client.ack_at = self.peer.now
        self.assertEqual(self.peer.frames(), [])

    def test_loss_by_three_newer_ones_and_by_age(self):
        """protocol.md 8.6, 8.7."""
        self.peer.client.send(0, b"first")
        self.peer.hear(lambda _: False)
        for identity in range(3):
            self.assertEqual([one for one in self.peer.frames() if one[0] == "REL"], [])
            self.peer.client.send(3, bytes([identity]))
            self.peer.hear()
            self.peer.say()
        again = [fields for name, fields in self.peer.frames() if name == "REL"]
        self.assertEqual(again, [{"lane": 0, "id": 0, "bytes": b"first"}])
        self.peer.say()
        self.peer.client.send(0, b"second")
        self.peer.hear(lambda _: False)
        self.peer.client.send(3, b"x")
        self.peer.hear()
        self.peer.say()
        self.assertEqual(self.peer.frames(), [])
        self.peer.wait(200_000)
        self.assertIn(("REL", {"lane": 0, "id": 1, "bytes": b"second"}), self.peer.frames())

    def test_probes_repeat_the_oldest_and_slow_down(self):
        """protocol.md 8.9."""
        self.peer.client.send(1, b"x")
        self.peer.hear(lambda _: False)
        times, start = [], self.peer.now
        while len(times) < 3:
            self.peer.now = self.peer.client.next_timeout()
            for packet in self.peer.hear():
                if packet != [("PING", {})]:  # After a second of silence.
                    self.assertEqual(packet, [("REL", {"lane": 1, "id": 0, "bytes": b"x"})])
                    times.append(self.peer.now - start)
        first = times[0]
        self.assertAlmostEqual(first, 100_000 + 200_000 + 50_000, delta=2)
        self.assertAlmostEqual(times[1] - first, first * 1.5, delta=1_000)
        self.assertLessEqual(max(b - a for a, b in zip(times, times[1:])), 3_000_000)

    def test_records_that_reach_too_far_back_stop_all_but_probes(self):
        """protocol.md 8.10."""
        self.peer.client.send(0, b"lost")
        self.peer.hear(lambda _: False)
        for _ in range(400):
            self.peer.say(frames.encode("PING"), packet=self.peer.next + 2, prelude=b"\0")
            self.peer.hear()
        self.peer.client.send(3, b"x")
        self.assertEqual(self.peer.hear(), [])
        self.peer.now = self.peer.client.next_timeout()
        self.assertTrue(self.peer.frames(), "a probe")

    def test_keys_are_renewed_by_both(self):
        """protocol.md 5.5, 5.6."""
        self.peer.client.sealing.packets = 8
        identity = 0
        for step in range(60):
            if step in (20, 40):
                self.peer.sealing, self.peer.phase = self.peer.sealing.renewed(), 1 - self.peer.phase
            late = self.peer.seal(self.peer.received.write(self.peer.now, False)[0] + rel(3, identity, b"late"))
            identity += 1
            self.peer.say(rel(3, identity, b"x"))
            identity += 1
            self.peer.client.receive(self.peer.now, late)
            self.peer.client.send(3, b"y")
            self.peer.hear()
            self.peer.wait(1_000)
        self.assertEqual(self.peer.client.opening.phase, 2)
        self.assertGreater(self.peer.client.sealing.phase, 3)
        self.assertEqual(self.peer.opening_phase, self.peer.client.sealing.phase)
        got = [event[2] for event in self.peer.messages() if event[0] == "message"]
        self.assertEqual(got.count(b"late"), 60, "a key that was just left still opens")

    def test_a_key_is_not_renewed_before_the_peer_knows_it(self):
        """protocol.md 5.5."""
        self.peer.client.sealing.packets = 4
        for _ in range(20):
            self.peer.client.send(3, b"y")
            self.peer.hear()
        self.assertEqual(self.peer.client.sealing.phase, 0)

    def test_a_forged_packet_of_the_other_phase_changes_nothing(self):
        """protocol.md 5.6."""
        for _ in range(3):
            self.peer.client.receive(self.peer.now, b"\x60\xc1" + number(self.peer.next, 2) + bytes(40))
        self.assertEqual((self.peer.client.opening.phase, self.peer.client.opening.failed), (0, 3))
        self.peer.say(rel(0, 0, b"x"))
        self.assertEqual(self.peer.messages(), [("message", 0, b"x")])

    def test_the_clock(self):
        """protocol.md 8.12, 8.13, 8.14."""
        clock = self.peer.client.clock
        clock.next_at = self.peer.now
        offset, asked = 77_000_000, []
        while len(asked) < 8:
            for name, fields in self.peer.frames():
                if name == "TIME_REQUEST":
                    asked.append(self.peer.now)
                    self.peer.wait(10_000)
                    received = self.peer.now + offset
                    self.peer.wait(3_000 + 10_000 + 1_000 * len(asked))
                    answer = {"origin": fields["origin"], "received": received, "held_us": 3_000, "sent": 900}
                    self.peer.say(frames.encode("TIME_ANSWER", **answer))
            self.peer.wait(1_000)
        pauses = [b - a for a, b in zip(asked, asked[1:])]
        for pause, wanted in zip(pauses, [100_000] * 4 + [2_000_000] * 3):
            self.assertAlmostEqual(pause, wanted, delta=30_000)
        self.assertAlmostEqual(clock.server_time(self.peer.now) - self.peer.now, offset, delta=600)
        self.assertEqual(clock.round_trip(), 21_000)
        self.assertEqual(clock.lost, 900 - self.peer.client.packets_in + 1)


if __name__ == "__main__":
    unittest.main()
