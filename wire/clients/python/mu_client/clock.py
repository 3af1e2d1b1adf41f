"""The server's clock as the client knows it. Clauses: protocol.md 8.12 to 8.14."""

from . import frames

FIRST = 5
FIRST_EVERY = 100_000
EVERY = 2_000_000
KEPT = 8


class ServerClock:
    """Asks for the time, keeps the best of the last answers, and what was lost on the way here."""

    def __init__(self, now):
        self.next_at = now
        self.asked = 0
        # (round trip, server's time - own time)
        self.answers = []
        self.lost = 0

    def due(self, now):
        return now >= self.next_at

    def request(self, now):
        self.asked += 1
        self.next_at = now + (FIRST_EVERY if self.asked < FIRST else EVERY)
        return frames.encode("TIME_REQUEST", origin=now)

    def answer(self, now, fields, received_before):
        asked, heard, held = fields["origin"], fields["received"], fields["held_us"]
        round_trip = now - asked - held
        if 0 <= round_trip:
            self.answers = self.answers[1 - KEPT :] + [(round_trip, (2 * heard + held - asked - now) // 2)]
        self.lost = max(0, fields["sent"] - received_before)

    def server_time(self, now):
        """The server's time, or None before the first answer."""
        return now + min(self.answers)[1] if self.answers else None

    def round_trip(self):
        return min(self.answers)[0] if self.answers else None
