"""A client on a UDP socket, with a network as bad as a test wants it. The only file that knows sockets and the clock."""

import random
import select
import socket
import time


def now():
    """Monotonic time in µs."""
    return time.monotonic_ns() // 1_000


class Link:
    """A socket to one server. `drop` is the part of datagrams that get lost, each way; `delay` (µs) keeps each back."""

    def __init__(self, address, drop=0.0, delay=0, seed=0):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.address = address
        self.socket = self.open(family)
        self.drop, self.delay = drop, delay
        self.rng = random.Random(seed)
        self.held = []
        self.sent = self.came = self.dropped = 0

    def open(self, family):
        opened = socket.socket(family, socket.SOCK_DGRAM)
        opened.connect(self.address)
        opened.setblocking(False)
        return opened

    def move(self):
        """Goes on from another local port, as after a change of address."""
        old = self.socket
        self.socket = self.open(old.family)
        old.close()

    def lost(self):
        lost = self.rng.random() < self.drop
        self.dropped += lost
        return lost

    def pump(self, client, until):
        """Sends and receives for a client until a time, or until something happened. `client` is a `Client`."""
        for datagram in client.transmit(now()):
            self.sent += 1
            if not self.lost():
                self.hold(datagram, self.socket)
        due = [client.next_timeout(), until] + [at for at, _, _ in self.held]
        wait = max(0, min(due) - now()) / 1_000_000
        if select.select([self.socket], [], [], wait)[0]:
            self.hear(client)
        self.release(client)

    def hold(self, datagram, target):
        self.held.append((now() + self.delay, datagram, target))
        if not self.delay:
            self.release(None)

    def release(self, client):
        """Lets go what has been kept long enough; datagrams without a socket go to the client."""
        at = now()
        ready = [held for held in self.held if held[0] <= at]
        self.held = [held for held in self.held if held[0] > at]
        for _, datagram, target in ready:
            try:
                target.send(datagram)
            except OSError:
                # Nobody listens there now; the protocol's own timers decide what that means.
                self.dropped += 1

    def hear(self, client):
        while True:
            try:
                datagram = self.socket.recv(2048)
            except OSError:
                return
            self.came += 1
            if not self.lost():
                client.receive(now(), datagram)
