"""Command line: `python3 -m mu_client --gateway URL` lets two players live through the scenario and prints a report as JSON.
The exit code is 0 when everything came as expected."""

import argparse
import json
import sys

from .codec import Malformed
from .gateway import Refused
from .player import Failed
from .scenario import Pair


def options():
    parser = argparse.ArgumentParser(prog="mu_client", description=__doc__)
    parser.add_argument("--gateway", required=True, metavar="URL", help="where the gateway answers, http://HOST:PORT")
    parser.add_argument("--name", default="Piper", help="beginning of the two accounts' and characters' names, 3 to 9 letters")
    parser.add_argument("--password", default="python-client")
    parser.add_argument("--drop", type=float, default=0.0, help="part of the datagrams to lose, each way")
    parser.add_argument("--delay-ms", type=int, default=0, help="keeps each datagram back on its way out")
    parser.add_argument("--seed", type=int, default=1, help="of the losses")
    parser.add_argument("--move", action="store_true", help="the first player goes on from another port")
    parser.add_argument("--no-trade", action="store_true", help="leave the trade out")
    parser.add_argument("--verbose", action="store_true", help="print each message")
    return parser.parse_args()


def main():
    try:
        report = Pair(options()).run()
    except (Failed, Refused, Malformed, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
