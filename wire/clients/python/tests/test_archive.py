"""The payloads of blocks: the example of the document and the golden ones of the server. Clauses: protocol.md 14.1 to 14.5."""

import unittest
from pathlib import Path

from mu_client import archive
from mu_client.codec import Malformed

WIRE = Path(__file__).parents[3]
GOLDEN = WIRE / "archive" / "tests" / "golden"


def golden(name):
    return bytes.fromhex("".join((GOLDEN / name).read_text().split()))


def flipped(data, place):
    bent = bytearray(data)
    bent[place // 8] ^= 1 << place % 8
    return bytes(bent)


class Archives(unittest.TestCase):
    def test_the_example_of_the_document(self):
        """protocol.md 14.5."""
        document = (WIRE.parent / "docs" / "protocol.md").read_text().split("## 14 ")[1]
        data = bytes.fromhex("".join(document.split("```text\n0300")[1].split("```")[0].split()).join(("0300", "")))
        shown = archive.read(archive.MAP, data)
        self.assertEqual((shown.name, shown.key, shown.id, shown.width, shown.height), ("Noria", "noria", 4, 10, 3))
        walkable = [(x, y) for y in range(3) for x in range(10) if shown.walkable(x, y)]
        self.assertEqual(walkable, [(x, 1) for x in range(1, 9)])
        portal = {"id": 6, "area": (8, 1, 1, 2), "map": 0, "x": 140, "y": 125, "heading": 64}
        self.assertEqual(shown.portals, [portal])
        self.assertEqual(shown.spawns, [(1, 1, 4, 1)])

    def test_the_golden_ones_and_what_is_cut_or_bent(self):
        """protocol.md 14.1 to 14.4."""
        files = sorted(GOLDEN.glob("*.hex"))
        self.assertGreaterEqual(len(files), 3)
        for file in files:
            data = golden(file.name)
            kind = data[0]
            self.assertIsNotNone(archive.read(kind, data), file.name)
            # A part or a bent one may be another archive; it is never anything but that or refused.
            bent = [data[:end] for end in range(8, len(data))]
            bent += [flipped(data, place) for place in range(64, 8 * len(data))]
            refused = sum(self.is_refused(kind, payload) for payload in bent)
            self.assertGreater(refused, len(data) // 2)

    def is_refused(self, kind, payload):
        try:
            return archive.read(kind, payload) is None
        except Malformed:
            return True

    def test_what_is_not_known_is_left_alone(self):
        """protocol.md 14.1."""
        data = bytearray(golden(sorted(GOLDEN.glob("*.hex"))[0].name))
        self.assertIsNone(archive.read(9, bytes(data)))
        data[4] ^= 1
        self.assertIsNone(archive.read(data[0], bytes(data)))


if __name__ == "__main__":
    unittest.main()
