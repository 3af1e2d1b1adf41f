"""What was sent and what became of it: acknowledgement, loss, round trip, probes. Times in µs.

Clauses: protocol.md 6.2, 6.4, 8.6 to 8.10.
"""

from dataclasses import dataclass, field

from .codec import Malformed

RECORDS = 256
REACH = 224
GAP = 3
PROBE_MAX = 2_000_000
FIRST_ROUND_TRIP = 200_000
LEAST_AGE = 2_000


@dataclass
class Sent:
    """A packet: what it held says what to do when its fate is known."""

    number: int
    at: int
    asks: bool
    phase: int
    # Objects with `delivered()` and `lost()`.
    contents: list = field(default_factory=list)
    told: object = None
    lost: bool = False


class RoundTrip:
    """Smoothing as in RFC 9002."""

    def __init__(self, first=None):
        self.smoothed = first or FIRST_ROUND_TRIP
        self.variation = self.smoothed / 2
        self.latest = self.smoothed
        self.least = None

    def sample(self, taken, delay):
        if self.least is None:
            self.least = self.latest = self.smoothed = taken
            self.variation = taken / 2
            return
        self.least = min(self.least, taken)
        if taken >= self.least + delay:
            taken -= delay
        self.latest = taken
        self.variation += (abs(self.smoothed - taken) - self.variation) / 4
        self.smoothed += (taken - self.smoothed) / 8


class Recovery:
    """The packets of one direction, as their sender knows them."""

    def __init__(self, rng, ack_delay, first_round_trip):
        self.rng, self.ack_delay = rng, ack_delay
        self.round_trip = RoundTrip(first_round_trip)
        self.sent = {}
        self.next = 0
        self.left_out = set()
        self.until_skip = rng.randint(16, 64)
        self.largest_acknowledged = -1
        self.last_asked_at = 0
        self.probes = 0
        self.packets = 0
        self.lost = 0

    def number(self):
        """The number of the next packet, and whether the one before it is left out."""
        self.until_skip -= 1
        if self.until_skip > 0 or self.next == 0:
            return self.next, self.next - 1 in self.left_out
        self.until_skip = self.rng.randint(16, 64)
        self.left_out.add(self.next)
        self.left_out = {number for number in self.left_out if number > self.next - 4 * RECORDS}
        self.next += 1
        return self.next, True

    def add(self, sent):
        self.sent[sent.number] = sent
        self.next = sent.number + 1
        self.packets += 1
        if sent.asks:
            self.last_asked_at = sent.at
        for number in [number for number in self.sent if number <= self.next - 2 * RECORDS]:
            del self.sent[number]

    def flying(self):
        return [sent for sent in self.sent.values() if sent.asks and not sent.lost]

    def stuffed(self):
        """Whether the records reach so far back that only acknowledgements and probes may leave."""
        oldest = next((sent.number for sent in self.flying()), self.next)
        return self.next - oldest >= REACH

    def acknowledge(self, numbers, delay, now):
        """Takes in acknowledged numbers, the largest first; gives the packets that are news. A delay of None cannot be said."""
        if any(number in self.left_out for number in numbers):
            raise Malformed("an acknowledgement of a number that was left out")
        news = [self.sent.pop(number) for number in numbers if number in self.sent]
        if numbers and numbers[0] > self.largest_acknowledged:
            self.largest_acknowledged = numbers[0]
            if news and news[0].number == numbers[0] and news[0].asks and delay is not None:
                self.round_trip.sample(now - news[0].at, min(delay, 4 * self.ack_delay))
        if any(sent.asks for sent in news):
            self.probes = 0
        for sent in news:
            for content in sent.contents:
                content.delivered()
        self.detect(now)
        return news

    def age(self):
        return max(LEAST_AGE, max(self.round_trip.smoothed, self.round_trip.latest) * 9 / 8)

    def detect(self, now):
        """Counts as lost what newer acknowledgements leave behind."""
        for sent in self.flying():
            if sent.number > self.largest_acknowledged:
                break
            if self.largest_acknowledged - sent.number >= GAP or now - sent.at > self.age():
                self.lose(sent)

    def lose(self, sent):
        sent.lost = True
        self.lost += 1
        for content in sent.contents:
            content.lost()

    def probe_timeout(self):
        return self.round_trip.smoothed + max(4 * self.round_trip.variation, 1_000) + self.ack_delay

    def probe_at(self):
        """When a probe is due, or None."""
        if not self.flying():
            return None
        return self.last_asked_at + min(PROBE_MAX, self.probe_timeout() * 1.5**self.probes)

    def loss_at(self):
        """When the oldest packet below an acknowledged one becomes lost by age, or None."""
        for sent in self.flying():
            return sent.at + self.age() + 1 if sent.number < self.largest_acknowledged else None
        return None

    def probe(self):
        """A probe is due: every third in a row gives up everything on its way."""
        self.probes += 1
        if self.probes % 3 == 0:
            for sent in self.flying():
                self.lose(sent)
