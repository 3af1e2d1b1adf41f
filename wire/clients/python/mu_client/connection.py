"""An open connection: datagrams and a time in, datagrams and events out. Knows no socket and no clock. Times in µs.

Events are tuples: ("message", lane, bytes), ("snapshot", tick, bytes), ("block", kind, bytes), ("closed", why, code, text).
Clauses: protocol.md 5.5 to 5.7, 6.1 to 6.7, 7.1 to 7.4, 8.1 to 8.19.
"""

import hmac

from . import frames
from .arrivals import NewestIn, ReliableIn
from .blocks import BlockIn
from .clock import ServerClock
from .codec import Malformed, Reader, number
from .keys import FAILED_MAX, Opening, Sealing
from .lanes import InputsOut, NewestOut, Once, ReliableOut
from .prelude import Prelude, Received, range_numbers, recover
from .recovery import Recovery, Sent

TAG = 16
PING_AFTER = 1_000_000
CLOSES = 3
CLOSE_EVERY = 100_000
VIOLATION = 5
FORGED = 7
RESET_MIN = 21
CONTROL = 0


class Connection:
    """The client's end."""

    def __init__(self, now, params, own_id, sealing, opening, rng, first_round_trip=None):
        self.params, self.own_id = params, own_id
        self.sealing, self.opening = Sealing(sealing), Opening(opening)
        self.recovery = Recovery(rng, params.ack_delay_ms * 1_000, first_round_trip)
        self.received = Received()
        self.clock = ServerClock(now)
        self.inputs = InputsOut()
        modes = {lane: params.lane_map >> (4 * lane) & 0xF for lane in range(8)}
        reliable = [lane for lane, mode in modes.items() if mode in (frames.ORDERED, frames.UNORDERED)]
        sending, receiving = [], []
        for lane in reliable:
            sending.append(ReliableOut(lane, sending))
            receiving.append(ReliableIn(modes[lane] == frames.ORDERED, receiving))
        self.out, self.arrivals = dict(zip(reliable, sending)), dict(zip(reliable, receiving))
        self.newest = {
            lane: NewestIn(mode == frames.SEQUENCED)
            for lane, mode in modes.items()
            if mode in (frames.UNRELIABLE, frames.SEQUENCED)
        }
        self.loose = {lane: NewestOut(lane, newest.sequenced) for lane, newest in self.newest.items()}
        self.blocks = BlockIn()
        self.events = []
        self.heard_at = self.said_at = now
        self.ack_at = None
        self.ping = self.probe = False
        self.response = None
        self.closing = None
        self.closed = False
        self.packets_in = 0
        self.budget = None

    # What the application says.

    def send(self, lane, data, now=None):
        """Queues a message; the time is needed on the lanes that do not keep it."""
        if lane in self.out:
            self.out[lane].send(data)
        else:
            self.loose[lane].send(now, data)

    def input(self, data):
        """Queues an input; its sequence number."""
        return self.inputs.add(data)

    def close(self, code=0, text=""):
        """Ends the connection: CLOSE goes out three times."""
        if self.closing is None and not self.closed:
            self.closing = [frames.encode("CLOSE", code=code, text=text), CLOSES, 0]

    # What the network says.

    def receive(self, now, datagram):
        """Takes in a datagram; events say what it meant."""
        if self.closed or self.closing:
            return
        packet, body = self.open(now, datagram)
        if body is None:
            if len(datagram) >= RESET_MIN and hmac.compare_digest(datagram[-16:], self.params.reset_token):
                self.end("reset")
            elif self.opening.failed >= FAILED_MAX:
                self.close(FORGED, "too many packets did not open")
            return
        self.heard_at = now
        self.packets_in += 1
        try:
            self.process(now, packet, body)
        except Malformed as error:
            self.close(VIOLATION, "malformed")
            self.events.append(("closed", f"violation: {error}", VIOLATION, ""))

    def open(self, now, datagram):
        """The number and the body of a data packet; no body if it is none, repeated, or not authentic."""
        head = 3 + len(self.own_id)
        if len(datagram) < head + TAG + 1 or datagram[0] & 0xDF != 0x40 or datagram[1 : head - 2] != self.own_id:
            return None, None
        packet = recover(int.from_bytes(datagram[head - 2 : head], "little"), self.received.largest)
        if not self.received.fresh(packet):
            return packet, None
        timeout = self.recovery.probe_timeout()
        return packet, self.opening.open(packet, datagram[:head], datagram[head:], now, timeout)

    def process(self, now, packet, body):
        reader = Reader(body)
        prelude = Prelude.decode(reader, packet, self.recovery.next - 1)
        before = self.received.largest
        expected = packet in (before + 1, before + 2 if prelude.skipped else before + 1)
        self.received.add(packet, now)
        content = frames.decode(reader.rest(), "server", prelude.largest is not None)
        self.acknowledge(now, prelude, content)
        at_once = not expected
        for name, fields in content:
            at_once |= fields.get("lane") == CONTROL
            self.frame(now, name, fields)
            if self.closed:
                return
        if at_once or any(frames.asks(name) for name, _ in content):
            due = now if at_once else now + self.recovery.ack_delay
            self.ack_at = due if self.ack_at is None else min(due, self.ack_at)

    def acknowledge(self, now, prelude, content):
        numbers = prelude.numbers()
        for name, fields in content:
            if name == "ACK_RANGES":
                numbers += range_numbers(prelude.largest, fields["ranges"])
        delay = prelude.delay * 250 if prelude.delay < 255 else None
        for sent in self.recovery.acknowledge(numbers, delay, now):
            self.sealing.acknowledged(sent.phase)
            if sent.told:
                self.received.told(sent.told)

    def frame(self, now, name, fields):
        if name in ("REL", "FRAG", "UNREL", "SEQ"):
            for data in self.message(now, name, fields):
                self.events.append(("message", fields["lane"], data))
        elif name == "SNAP":
            self.events.append(("snapshot", fields["tick"], fields["body"]))
        elif name == "TIME_ANSWER":
            self.clock.answer(now, fields, self.packets_in - 1)
        elif name == "PATH_CHALLENGE":
            self.response = fields["data"]
        elif name == "BUDGET":
            self.budget = fields
        elif name.startswith("BLOCK"):
            for kind, data in self.blocks.frame(now, name, fields):
                self.events.append(("block", kind, data))
        elif name == "CLOSE":
            self.end("peer", fields["code"], fields["text"])

    def message(self, now, name, fields):
        """The messages that a message frame completes."""
        lane, data = fields["lane"], fields["bytes"]
        if lane in self.arrivals:
            return self.arrivals[lane].take(fields["id"], fields.get("index", 0), fields.get("count", 1), data)
        if name == "FRAG":
            return self.newest[lane].take_fragment(now, fields["id"], fields["index"], fields["count"], data)
        return self.newest[lane].take(fields.get("order"), data)

    def end(self, why, code=0, text=""):
        self.closed = True
        self.events.append(("closed", why, code, text))

    # What goes out.

    def transmit(self, now):
        """The datagrams that are due."""
        if self.closed:
            return []
        if self.closing:
            return self.goodbye(now)
        if now - self.heard_at > self.params.idle_100ms * 100_000:
            self.end("idle")
            return []
        self.timers(now)
        out = []
        while len(out) < 16 and self.due(now):
            out.append(self.packet(now))
        return out

    def goodbye(self, now):
        frame, left, at = self.closing
        if now < at:
            return []
        self.closing = [frame, left - 1, now + CLOSE_EVERY]
        if left == 1:
            self.closed = True
        return [self.seal(now, [frame], [], False)]

    def timers(self, now):
        loss, probe = self.recovery.loss_at(), self.recovery.probe_at()
        if loss is not None and now >= loss:
            self.recovery.detect(now)
        if probe is not None and now >= probe:
            self.recovery.probe()
            self.probe = True
        if now - self.said_at >= PING_AFTER:
            self.ping = True
        self.blocks.tidy(now)

    def due(self, now):
        """Whether there is something to say now."""
        urgent = self.probe or self.response is not None or (self.ack_at is not None and now >= self.ack_at)
        if urgent or self.recovery.stuffed():
            return urgent
        waiting = any(lane.ready() for lane in (*self.out.values(), *self.loose.values()))
        return waiting or self.inputs.due or self.ping or self.clock.due(now) or self.blocks.due

    def packet(self, now):
        """One datagram of what is due, control first."""
        room = self.room()
        parts, contents = [], []

        def add(frame, content):
            nonlocal room
            parts.append(frame)
            contents.append(content)
            room -= len(frame)

        if self.response is not None:
            add(frames.encode("PATH_RESPONSE", data=self.response), Once())
            self.response = None
        if not self.recovery.stuffed() or self.probe:
            self.fill(now, add, lambda: room)
        if self.probe and not any(frames.asks(self.name(frame)) for frame in parts):
            oldest = next(filter(None, (lane.oldest() for lane in self.out.values())), None)
            if oldest is not None:
                add(oldest.frame, oldest)
        if (self.probe or self.ping) and not any(frames.asks(self.name(frame)) for frame in parts):
            add(frames.encode("PING"), Once())
        self.probe = self.ping = False
        return self.seal(now, parts, contents, any(frames.asks(self.name(frame)) for frame in parts))

    def fill(self, now, add, room):
        for lane in sorted(self.out):
            while (part := self.out[lane].take(room())) is not None:
                add(part.frame, part)
        for lane in self.loose.values():
            while (frame := lane.take(now, room())) is not None:
                add(frame, Once())
        held = self.inputs.frame(room())
        if held is not None:
            add(*held)
        if self.clock.due(now) and room() >= 10:
            add(self.clock.request(now), Once())
        if self.blocks.due and room() >= 6:
            add(*self.blocks.take())

    @staticmethod
    def name(frame):
        """The name of a frame that this end wrote."""
        return frames.one(Reader(frame), "client")[0]

    def room(self):
        """Bytes for frames beside header, tag, the longest prelude and the longest ranges."""
        return 1200 - 11 - TAG - 8 - 50

    def seal(self, now, parts, contents, asks):
        packet, skipped = self.recovery.number()
        prelude, ranges, told = self.received.write(now, skipped)
        key, phase = self.sealing.key(packet, now)
        first = 0x40 | (0x20 if phase & 1 else 0)
        header = bytes([first]) + number(self.params.connection_id, 8) + number(packet & 0xFFFF, 2)
        self.recovery.add(Sent(packet, now, asks, phase, contents, told))
        self.said_at, self.ack_at = now, None
        return header + key.seal(packet, header, prelude + ranges + b"".join(parts))

    def next_timeout(self):
        """When `transmit` has something to do by itself."""
        times = [self.said_at + PING_AFTER, self.heard_at + self.params.idle_100ms * 100_000 + 1, self.clock.next_at]
        times += [self.ack_at, self.recovery.loss_at(), self.recovery.probe_at(), self.blocks.give_up_at()]
        if self.closing:
            times = [self.closing[2]]
        return min(at for at in times if at is not None)
