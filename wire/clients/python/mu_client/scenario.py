"""What the command line runs: two players register, log in, walk, talk, trade an item and money, go through bad weather, and
leave. Each step checks what the server said; the report counts what was seen.
"""

from . import archive, motion
from .gateway import Gateway
from .link import now
from .player import Failed, Player

ZEN = 25
PATIENCE = 20


class Pair:
    """Two players of one server who meet."""

    def __init__(self, options):
        trace = (lambda *said: print(*said, flush=True)) if options.verbose else None
        self.options = options
        self.players = []
        for number, letter in enumerate("ab"):
            gateway = Gateway(options.gateway)
            gateway.enter(f"{options.name}_{letter}", options.password)
            network = {"drop": options.drop, "delay": options.delay_ms * 1_000, "seed": options.seed + number}
            self.players.append(Player(gateway, f"{options.name}{letter}", trace=trace, **network))

    def both(self, what, ready, seconds=PATIENCE):
        """Lets time pass for both until something is so."""
        self.players[0].wait(what, lambda: self.turn() or ready(), seconds)

    def turn(self):
        """A turn of the second player, while the first one waits."""
        other = self.players[1]
        if other.ended:
            raise Failed(f"{other.name}: {other.ended}")
        other.step(now())
        return False

    def run(self):
        """Everything; gives the report."""
        first, second = self.players
        first.connect()
        second.connect(first.spawned["entry"])
        report = {"map": first.spawned["map"], "tick_ms": first.connection.params.tick_ms}
        self.see()
        if not self.options.drop:
            self.read_papers()
        if self.options.move:
            first.link.move()
        self.meet()
        self.walk(report)
        self.talk()
        if not self.options.no_trade:
            self.trade(report)
        for player in self.players:
            player.leave()
        report["players"] = [figures(player) for player in self.players]
        return report

    def see(self):
        """Both see themselves and, when they are on one map, each other."""
        first, second = self.players
        for player in self.players:
            self.both("the own entity", lambda p=player: p.replica.get(p.spawned["entity"]))
        if first.spawned["map"] != second.spawned["map"] or first.spawned["instance"] != second.spawned["instance"]:
            raise Failed("the two players are on different maps")

    def read_papers(self):
        """Sheet, inventory and map of each, as blocks, say the same as the messages."""
        for player in self.players:
            kinds = {archive.SHEET, archive.INVENTORY, archive.MAP}
            self.both("sheet, inventory and map", lambda p=player: kinds <= p.papers.keys(), 40)
            sheet, pack, ground = (player.papers[kind] for kind in sorted(kinds))
            same = [
                sheet["character"] == player.spawned["character"],
                sheet["entity"] == player.spawned["entity"],
                sheet["name"] == player.name,
                pack["zen"] == player.inventory["zen"],
                pack["items"] == player.inventory["items"],
                ground.id == player.spawned["map"],
                ground.walkable(*motion.tile_of((player.spawned["x"], player.spawned["y"]))),
            ]
            if not all(same):
                raise Failed(f"{player.name}: a block and a message differ: {same}, {sheet}, {pack}")

    def meet(self):
        """The second walks until it stands beside the first."""
        first, second = self.players
        for _ in range(60):
            goal, at = motion.tile_of(first.place()), motion.tile_of(second.place())
            far = max(abs(a - b) for a, b in zip(goal, at))
            if far <= 2 and first.sees(second.name) and second.sees(first.name):
                return
            step = motion.step_towards(at, goal) if far > 2 else None
            if step is not None:
                second.walk(step)
            self.both("an arrival", lambda: second.stands() and self.rested(second, at), 3)
        raise Failed(f"{second.name} at {at} does not reach {goal}")

    def rested(self, player, before):
        """Whether a walk from a tile is done, or has had its time."""
        self.asked = getattr(self, "asked", None) or now()
        if motion.tile_of(player.place()) != before or now() - self.asked > 2_000_000:
            self.asked = None
            return True
        return False

    def walk(self, report):
        """Each walks there and back; the other sees where it goes, as its own snapshots say."""
        for walker, watcher in (self.players, self.players[::-1]):
            before = walker.place()
            there = next((d for d in range(8) if self.walked(walker, watcher, d)), None)
            if there is None:
                raise Failed(f"{walker.name} cannot leave {before}")
            back = (there + 4) % 8
            if not self.walked(walker, watcher, back):
                raise Failed(f"{walker.name} cannot come back")
        report["walks"] = 2

    def walked(self, walker, watcher, direction):
        """Whether a step in this direction was taken, and seen by the watcher as by the walker."""
        entity = walker.spawned["entity"]
        x, y = motion.tile_of(walker.place())
        dx, dy = motion.DIRECTIONS[direction]
        goal = motion.centre_of((x + dx, y + dy))
        walker.walk(direction)
        end = now() + 3_000_000
        refused = len(walker.heard)

        def settled():
            seen = [player.replica.get(entity) for player in self.players]
            arrived = all(one and one[2].position(one[1] + 1_000) == goal for one in seen)
            no = any(name in ("Refused", "Correction") for name, _ in walker.heard[refused:])
            return arrived and walker.stands() or no or now() > end

        self.both("the end of a step", settled, 5)
        seen = watcher.replica.get(entity)
        return seen is not None and seen[2].position(seen[1] + 1_000) == goal

    def talk(self):
        """Each says something that the other hears, once."""
        for speaker, hearer in (self.players, self.players[::-1]):
            text = f"{speaker.name} says hällo"
            speaker.say("Chat", channel="Local", text=text)
            heard = {"channel": "Local", "from": speaker.spawned["entity"], "name": speaker.name, "text": text}
            self.both("a chat message", lambda h=hearer, m=heard: ("Chat", m) in h.heard)
            if hearer.heard.count(("Chat", heard)) != 1:
                raise Failed(f"{hearer.name} heard the same twice")

    def trade(self, report):
        """The first gives an item, the second money."""
        first, second = self.players
        before = [dict(player.inventory) for player in self.players]
        first.say("TradeRequest", target=second.spawned["entity"])
        self.both("the request", lambda: second.last("TradeRequested"))
        second.say("TradeAnswer", accept=True)
        self.both("the table", lambda: first.last("TradeOpened") and second.last("TradeOpened"))
        given = [item["uid"] for item in before[0]["items"][:1]]
        zen = min(ZEN, before[1]["zen"])
        first.say("TradeOffer", revision=0, zen=0, items=given)
        self.both("the item on the table", lambda: self.offered(second, "theirs", 0, given))
        revision = second.last("TradeOffers")["revision"]
        second.say("TradeOffer", revision=revision, zen=zen, items=[])
        self.both("the money on the table", lambda: self.offered(first, "theirs", zen, []))
        self.both("the same for both", lambda: self.offered(second, "mine", zen, []))
        for player in self.players:
            player.say("TradeConfirm", revision=player.last("TradeOffers")["revision"])
        self.both("the end of the trade", lambda: all(p.last("TradeDone") or p.last("TradeFailed") for p in self.players))
        if any(player.last("TradeFailed") for player in self.players):
            raise Failed(f"the trade failed: {first.last('TradeFailed')}")
        self.both("the goods", lambda: self.exchanged(before, given, zen))
        events = {player.last("TradeDone")["event"] for player in self.players}
        if len(events) != 1:
            raise Failed(f"one trade has two names: {events}")
        report["trade"] = {"event": f"{events.pop():032x}", "items": len(given), "zen": zen}

    @staticmethod
    def offered(player, side, zen, items):
        table = player.last("TradeOffers")
        return table and table[side]["zen"] == zen and [item["uid"] for item in table[side]["items"]] == items

    def exchanged(self, before, given, zen):
        """Whether both inventories are what the trade makes of the former ones."""
        uids = [{item["uid"] for item in inventory["items"]} for inventory in before]
        carried = [player.inventory for player in self.players]
        have = [{item["uid"] for item in inventory["items"]} for inventory in carried]
        return (
            have == [uids[0] - set(given), uids[1] | set(given)]
            and carried[0]["zen"] == before[0]["zen"] + zen
            and carried[1]["zen"] == before[1]["zen"] - zen
        )


def figures(player):
    """What one player saw of the network."""
    connection = player.connection
    round_trip = connection.clock.round_trip()
    return {
        "name": player.name,
        "ended": list(player.ended or ("left",)),
        "snapshots": player.snapshots,
        "entities": len(player.replica.entities()),
        "corrections": player.corrections,
        "blocks": sorted(player.papers),
        "transfers": player.transfers,
        "cookies": player.client.cookies,
        "packets_sent": connection.recovery.packets,
        "packets_lost": connection.recovery.lost,
        "packets_received": connection.packets_in,
        "dropped": player.link.dropped,
        "round_trip_us": round_trip,
        "key_phases": [connection.sealing.phase, connection.opening.phase],
    }
