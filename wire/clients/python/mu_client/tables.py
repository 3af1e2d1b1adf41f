"""Messages, enumerations, lanes and frames: made from wire/src/messages/table.rs and wire/src/generated; do not edit.

Knows no bytes: `messages.py` and `frames.py` read and write by these tables.
"""

PROTOCOL_VERSION = 1

PROTOCOL_ID = 0x9cb7e3e9

CLIENT = [
  {
    "number": 1,
    "name": "Chat",
    "about": "Says something.",
    "max_bytes": 123,
    "fields": [{"name": "channel", "kind": "values", "of": "ChatChannel"}, {"name": "text", "kind": "text", "max": 120}],
  },
  {
    "number": 2,
    "name": "UsePortal",
    "about": "Steps through the portal the character stands on.",
    "max_bytes": 3,
    "fields": [{"name": "portal", "kind": "u16"}],
  },
  {
    "number": 3,
    "name": "TradeRequest",
    "about": "Asks a player near by to trade.",
    "max_bytes": 5,
    "fields": [{"name": "target", "kind": "entity"}],
  },
  {
    "number": 4,
    "name": "TradeAnswer",
    "about": "Answers a `TradeRequested`.",
    "max_bytes": 2,
    "fields": [{"name": "accept", "kind": "bool"}],
  },
  {
    "number": 5,
    "name": "TradeOffer",
    "about": "Puts these goods, and nothing else, on the own side of the table. Takes back both confirmations.",
    "max_bytes": 270,
    "fields": [
      {"name": "revision", "kind": "u32"},
      {"name": "zen", "kind": "u64"},
      {"name": "items", "kind": "list", "max": 32, "of": {"kind": "u64"}},
    ],
  },
  {
    "number": 6,
    "name": "TradeConfirm",
    "about": "Agrees to the table exactly as it is at this revision.",
    "max_bytes": 5,
    "fields": [{"name": "revision", "kind": "u32"}],
  },
  {"number": 7, "name": "TradeCancel", "about": "Leaves the trade, or takes back the own request.", "max_bytes": 1, "fields": []},
  {"number": 8, "name": "Leave", "about": "Ends the session: the character is stored and leaves.", "max_bytes": 1, "fields": []},
]

SERVER = [
  {
    "number": 1,
    "name": "Spawned",
    "about": "The character stands on a map. First after connecting, and again after each change of map; everything seen before is gone.",
    "max_bytes": 50,
    "fields": [
      {"name": "entity", "kind": "entity"},
      {"name": "character", "kind": "u64"},
      {"name": "world", "kind": "u16"},
      {"name": "entry", "kind": "u16"},
      {"name": "map", "kind": "u16"},
      {"name": "instance", "kind": "u32"},
      {"name": "x", "kind": "u16"},
      {"name": "y", "kind": "u16"},
      {"name": "tick", "kind": "tick"},
      {"name": "hp", "kind": "u16"},
      {"name": "hp_max", "kind": "u16"},
      {"name": "mp", "kind": "u16"},
      {"name": "mp_max", "kind": "u16"},
      {"name": "name", "kind": "text", "max": 10},
    ],
  },
  {
    "number": 2,
    "name": "Inventory",
    "about": "Everything the character owns. Sent after `Spawned` and whenever something of it changed.",
    "max_bytes": 778,
    "fields": [
      {"name": "zen", "kind": "u64"},
      {
        "name": "items",
        "kind": "list",
        "max": 64,
        "of": {
          "kind": "group",
          "fields": [
            {"name": "uid", "kind": "u64"},
            {"name": "template", "kind": "u16"},
            {"name": "slot", "kind": "u8"},
            {"name": "level", "kind": "u8"},
          ],
        },
      },
    ],
  },
  {
    "number": 3,
    "name": "Chat",
    "about": "Somebody said something.",
    "max_bytes": 138,
    "fields": [
      {"name": "channel", "kind": "values", "of": "ChatChannel"},
      {"name": "from", "kind": "entity"},
      {"name": "name", "kind": "text", "max": 10},
      {"name": "text", "kind": "text", "max": 120},
    ],
  },
  {
    "number": 4,
    "name": "Notice",
    "about": "The server's own words to its players.",
    "max_bytes": 242,
    "fields": [{"name": "text", "kind": "text", "max": 240}],
  },
  {
    "number": 5,
    "name": "Refused",
    "about": "A request was not granted.",
    "max_bytes": 6,
    "fields": [{"name": "what", "kind": "values", "of": "Refusal"}, {"name": "detail", "kind": "u32"}],
  },
  {
    "number": 6,
    "name": "Correction",
    "about": "The character is not where the client's inputs would have it; prediction starts again here.",
    "max_bytes": 9,
    "fields": [{"name": "tick", "kind": "tick"}, {"name": "x", "kind": "u16"}, {"name": "y", "kind": "u16"}],
  },
  {
    "number": 7,
    "name": "TradeRequested",
    "about": "A player near by asks to trade.",
    "max_bytes": 16,
    "fields": [{"name": "from", "kind": "entity"}, {"name": "name", "kind": "text", "max": 10}],
  },
  {
    "number": 8,
    "name": "TradeOpened",
    "about": "The trade has begun; both sides of the table are empty, at revision 0.",
    "max_bytes": 16,
    "fields": [{"name": "with", "kind": "entity"}, {"name": "name", "kind": "text", "max": 10}],
  },
  {
    "number": 9,
    "name": "TradeOffers",
    "about": "The table as it is now. Nobody has confirmed it yet.",
    "max_bytes": 791,
    "fields": [
      {"name": "revision", "kind": "u32"},
      {
        "name": "mine",
        "kind": "group",
        "fields": [
          {"name": "zen", "kind": "u64"},
          {
            "name": "items",
            "kind": "list",
            "max": 32,
            "of": {
              "kind": "group",
              "fields": [
                {"name": "uid", "kind": "u64"},
                {"name": "template", "kind": "u16"},
                {"name": "slot", "kind": "u8"},
                {"name": "level", "kind": "u8"},
              ],
            },
          },
        ],
      },
      {
        "name": "theirs",
        "kind": "group",
        "fields": [
          {"name": "zen", "kind": "u64"},
          {
            "name": "items",
            "kind": "list",
            "max": 32,
            "of": {
              "kind": "group",
              "fields": [
                {"name": "uid", "kind": "u64"},
                {"name": "template", "kind": "u16"},
                {"name": "slot", "kind": "u8"},
                {"name": "level", "kind": "u8"},
              ],
            },
          },
        ],
      },
    ],
  },
  {
    "number": 10,
    "name": "TradeConfirmed",
    "about": "Who has confirmed the table.",
    "max_bytes": 3,
    "fields": [{"name": "mine", "kind": "bool"}, {"name": "theirs", "kind": "bool"}],
  },
  {
    "number": 11,
    "name": "TradePending",
    "about": "Both confirmed; the goods are locked until the trade is decided. It survives a crash under this name.",
    "max_bytes": 17,
    "fields": [{"name": "event", "kind": "u128"}],
  },
  {
    "number": 12,
    "name": "TradeDone",
    "about": "The exchange is durable and done.",
    "max_bytes": 17,
    "fields": [{"name": "event", "kind": "u128"}],
  },
  {
    "number": 13,
    "name": "TradeFailed",
    "about": "The exchange was decided not to happen.",
    "max_bytes": 18,
    "fields": [{"name": "event", "kind": "u128"}, {"name": "reason", "kind": "values", "of": "TradeFailure"}],
  },
  {
    "number": 14,
    "name": "TradeClosed",
    "about": "The table is closed, nothing changed hands.",
    "max_bytes": 2,
    "fields": [{"name": "reason", "kind": "values", "of": "TradeClose"}],
  },
  {
    "number": 15,
    "name": "Transfer",
    "about": "The character goes on at another endpoint: connect there with this ticket, which is good once and for a short time, then leave this one.",
    "max_bytes": 493,
    "fields": [
      {"name": "address", "kind": "address"},
      {"name": "routing_id", "kind": "u64"},
      {"name": "key_id", "kind": "u8"},
      {"name": "expires_s", "kind": "u64"},
      {"name": "sealed_token", "kind": "bytes", "len": 392},
      {"name": "psk", "kind": "bytes", "len": 32},
      {"name": "server_key", "kind": "bytes", "len": 32},
    ],
  },
  {
    "number": 16,
    "name": "Kicked",
    "about": "The session is over; the connection closes next.",
    "max_bytes": 2,
    "fields": [{"name": "reason", "kind": "values", "of": "KickReason"}],
  },
  {
    "number": 17,
    "name": "ServerClosing",
    "about": "The server stops soon; what the character has is stored.",
    "max_bytes": 3,
    "fields": [{"name": "seconds", "kind": "u16"}],
  },
]

VALUES = {
  "ChatChannel": [
    {"number": 0, "name": "Local", "about": "Everyone near the speaker."},
    {"number": 1, "name": "Party", "about": "The speaker's party."},
    {"number": 2, "name": "Guild", "about": "The speaker's guild."},
    {"number": 3, "name": "Global", "about": "Everyone in the world."},
  ],
  "Refusal": [
    {"number": 0, "name": "ChatRate", "about": "Too many chat messages; `detail` is the wait in milliseconds."},
    {"number": 1, "name": "ChatEmpty", "about": "Nothing is left of the text after cleaning."},
    {"number": 2, "name": "ChatChannel", "about": "Nobody can be reached on that channel; `detail` is the channel."},
    {"number": 3, "name": "Portal", "about": "There is no such portal here, or the character does not stand on it; `detail` is the portal."},
    {"number": 4, "name": "PortalFull", "about": "The other side of the portal takes nobody now; `detail` is the portal."},
    {"number": 5, "name": "TradeUnavailable", "about": "The other is not there, or is not a player; `detail` is the entity asked for."},
    {"number": 6, "name": "TradeFar", "about": "The other is too far away; `detail` is the entity asked for."},
    {"number": 7, "name": "TradeBusy", "about": "One of the two is trading or being asked already; `detail` is the entity asked for."},
    {"number": 8, "name": "TradeNone", "about": "There is no trade this could belong to."},
    {"number": 9, "name": "TradeStale", "about": "The table has changed since; `detail` is the revision that counts."},
    {
      "number": 10,
      "name": "TradeGoods",
      "about": "An item or the money offered is not the character's to give; `detail` is the position in the list, or the number of items if it is the money.",
    },
    {"number": 11, "name": "Rate", "about": "Too many requests; `detail` is the wait in milliseconds."},
    {"number": 12, "name": "Walk", "about": "The place asked for cannot be reached from where the character stands."},
    {"number": 13, "name": "Unavailable", "about": "The server cannot do it now; asking again later may succeed."},
  ],
  "TradeFailure": [
    {"number": 0, "name": "ItemMoved", "about": "An item was no longer where it was offered from."},
    {"number": 1, "name": "Zen", "about": "A purse could not pay, or could not hold what it would receive."},
    {"number": 2, "name": "NoRoom", "about": "An inventory had no room."},
    {"number": 3, "name": "Refused", "about": "The store refused it for another reason."},
    {"number": 4, "name": "Review", "about": "It could not be decided; a person will. What was offered stays locked until then."},
  ],
  "TradeClose": [
    {"number": 0, "name": "Cancelled", "about": "The character cancelled."},
    {"number": 1, "name": "PartnerCancelled", "about": "The other cancelled."},
    {"number": 2, "name": "Declined", "about": "The other declined the request."},
    {"number": 3, "name": "TimedOut", "about": "Nobody answered, or nothing happened for too long."},
    {"number": 4, "name": "TooFar", "about": "The two walked too far apart."},
    {"number": 5, "name": "PartnerLeft", "about": "The other left the map or the game."},
    {"number": 6, "name": "Unavailable", "about": "The server cannot trade now."},
  ],
  "KickReason": [
    {"number": 0, "name": "NewSession", "about": "The same account logged in elsewhere."},
    {"number": 1, "name": "Operator", "about": "An operator decided so."},
    {"number": 2, "name": "Protocol", "about": "The client broke the protocol."},
    {"number": 3, "name": "Flood", "about": "The client sent more than it may."},
    {"number": 4, "name": "Transferred", "about": "The character went to another endpoint."},
    {"number": 5, "name": "Closing", "about": "The server is stopping."},
    {"number": 6, "name": "Internal", "about": "The server failed in a way that concerns this session only."},
  ],
}

LANES = [
  {"number": 0, "name": "Control", "mode": 1},
  {"number": 1, "name": "Value", "mode": 1},
  {"number": 2, "name": "Social", "mode": 1},
  {"number": 3, "name": "Unordered", "mode": 2},
  {"number": 4, "name": "Effects", "mode": 3},
  {"number": 5, "name": "Position", "mode": 4},
  {"number": 7, "name": "Bulk", "mode": 5},
]

LANE_MAP = 0x50432111

FRAMES = [
  {"id": 0, "name": "PAD", "from": "both", "asks_for_acknowledgement": False, "fields": [{"name": "zeros", "kind": "rest", "min": 0}]},
  {
    "id": 1,
    "name": "ACK_RANGES",
    "from": "both",
    "asks_for_acknowledgement": False,
    "fields": [
      {
        "name": "ranges",
        "kind": "list",
        "min": 1,
        "max": 32,
        "of": {"kind": "group", "fields": [{"name": "gap", "kind": "varint"}, {"name": "length", "kind": "varint"}]},
      },
    ],
  },
  {"id": 2, "name": "PING", "from": "both", "asks_for_acknowledgement": True, "fields": []},
  {
    "id": 3,
    "name": "PATH_CHALLENGE",
    "from": "server",
    "asks_for_acknowledgement": False,
    "fields": [{"name": "data", "kind": "bytes", "len": 8}],
  },
  {
    "id": 4,
    "name": "PATH_RESPONSE",
    "from": "client",
    "asks_for_acknowledgement": False,
    "fields": [{"name": "data", "kind": "bytes", "len": 8}],
  },
  {
    "id": 7,
    "name": "CLOSE",
    "from": "both",
    "asks_for_acknowledgement": False,
    "fields": [{"name": "code", "kind": "u16"}, {"name": "text", "kind": "text", "max": 64}],
  },
  {
    "id": 8,
    "name": "BUDGET",
    "from": "both",
    "asks_for_acknowledgement": False,
    "fields": [{"name": "rate", "kind": "u32"}, {"name": "loss", "kind": "u16"}, {"name": "queue_100us", "kind": "u16"}],
  },
  {
    "id": 9,
    "name": "TIME_REQUEST",
    "from": "client",
    "asks_for_acknowledgement": True,
    "tag": 0,
    "fields": [{"name": "origin", "kind": "u64"}],
  },
  {
    "id": 9,
    "name": "TIME_ANSWER",
    "from": "server",
    "asks_for_acknowledgement": True,
    "tag": 1,
    "fields": [
      {"name": "origin", "kind": "u64"},
      {"name": "received", "kind": "u64"},
      {"name": "held_us", "kind": "u32"},
      {"name": "sent", "kind": "u32"},
    ],
  },
  {
    "id": 16,
    "name": "INPUT",
    "from": "client",
    "asks_for_acknowledgement": True,
    "fields": [{"name": "first", "kind": "u32"}, {"name": "inputs", "kind": "list", "min": 1, "max": 16, "of": {"kind": "short", "max": 32}}],
  },
  {
    "id": 17,
    "name": "SNAP",
    "from": "server",
    "asks_for_acknowledgement": True,
    "fields": [{"name": "tick", "kind": "u32"}, {"name": "body", "kind": "rest", "min": 1}],
  },
  {
    "id": 32,
    "name": "REL",
    "from": "both",
    "asks_for_acknowledgement": True,
    "lane_modes": [1, 2],
    "fields": [{"name": "id", "kind": "u16"}, {"name": "bytes", "kind": "sized", "min": 0, "max": 1100}],
  },
  {
    "id": 48,
    "name": "UNREL",
    "from": "both",
    "asks_for_acknowledgement": True,
    "lane_modes": [3],
    "fields": [{"name": "bytes", "kind": "sized", "min": 0, "max": 1100}],
  },
  {
    "id": 48,
    "name": "SEQ",
    "from": "both",
    "asks_for_acknowledgement": True,
    "lane_modes": [4],
    "fields": [{"name": "order", "kind": "u16"}, {"name": "bytes", "kind": "sized", "min": 0, "max": 1100}],
  },
  {
    "id": 64,
    "name": "FRAG",
    "from": "both",
    "asks_for_acknowledgement": True,
    "fields": [
      {"name": "lane", "kind": "u8"},
      {"name": "id", "kind": "u16"},
      {"name": "index", "kind": "u8"},
      {"name": "count", "kind": "u8"},
      {"name": "bytes", "kind": "sized", "min": 1, "max": 1024},
    ],
  },
  {
    "id": 80,
    "name": "BLOCK_BEGIN",
    "from": "both",
    "asks_for_acknowledgement": True,
    "fields": [{"name": "block", "kind": "u16"}, {"name": "kind", "kind": "u16"}, {"name": "length", "kind": "u32"}, {"name": "crc32", "kind": "u32"}],
  },
  {
    "id": 81,
    "name": "BLOCK_SLICE",
    "from": "both",
    "asks_for_acknowledgement": True,
    "fields": [{"name": "block", "kind": "u16"}, {"name": "index", "kind": "u16"}, {"name": "bytes", "kind": "sized", "min": 1, "max": 1024}],
  },
  {
    "id": 82,
    "name": "BLOCK_CREDIT",
    "from": "both",
    "asks_for_acknowledgement": True,
    "fields": [{"name": "block", "kind": "u16"}, {"name": "slices", "kind": "u16"}],
  },
  {
    "id": 83,
    "name": "BLOCK_END",
    "from": "both",
    "asks_for_acknowledgement": True,
    "fields": [{"name": "block", "kind": "u16"}, {"name": "status", "kind": "u8"}],
  },
]

CLOSE_CODES = [
  {"number": 0, "name": "Done"},
  {"number": 1, "name": "Shutdown"},
  {"number": 2, "name": "Kicked"},
  {"number": 3, "name": "Replaced"},
  {"number": 4, "name": "Moved"},
  {"number": 5, "name": "Violation"},
  {"number": 6, "name": "Overloaded"},
  {"number": 7, "name": "Forged"},
  {"number": 256, "name": "Application"},
]

SIZES = {"datagram_sent": 1200, "datagram_received": 1472, "unfragmented": 1100, "reliable": 16384, "client_message": 270, "server_message": 791}
