"""The keys of a connection over its life: each direction renews its own. Clauses: protocol.md chapter 5."""

PACKETS = 1 << 20
LIFE = 30 * 60 * 1_000_000
FAILED_MAX = 1 << 30


class Sealing:
    """The sender's side: the next phase begins after enough packets or time, and only when this one is known to the peer."""

    def __init__(self, key, packets=PACKETS):
        self.current, self.phase, self.packets = key, 0, packets
        self.first, self.since, self.known = 0, None, False

    def key(self, packet, now):
        """The key for this packet and its phase."""
        self.since = now if self.since is None else self.since
        if self.known and (packet - self.first >= self.packets or now - self.since >= LIFE):
            self.current, self.phase, self.known = self.current.renewed(), self.phase + 1, False
            self.first, self.since = packet, now
        return self.current, self.phase

    def acknowledged(self, phase):
        self.known |= phase == self.phase


class Opening:
    """The receiver's side: a packet of the other phase that the next key opens makes that key the current one."""

    def __init__(self, key):
        self.current, self.phase, self.failed = key, 0, 0
        self.following = key.renewed()
        self.former, self.former_until, self.first = None, 0, 0

    def open(self, packet, header, sealed, now, probe_timeout):
        """The body, or None."""
        if header[0] >> 5 & 1 == self.phase & 1:
            return self.counted(self.current.open(packet, header, sealed))
        if self.former and packet < self.first and now < self.former_until:
            return self.counted(self.former.open(packet, header, sealed))
        body = self.following.open(packet, header, sealed)
        if body is not None:
            self.former, self.former_until, self.first = self.current, now + 3 * probe_timeout, packet
            self.current, self.phase = self.following, self.phase + 1
            self.following = self.current.renewed()
        return self.counted(body)

    def counted(self, body):
        self.failed += body is None
        return body
