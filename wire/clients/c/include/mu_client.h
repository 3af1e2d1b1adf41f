/*
 * mu_client.h: the client of mu-core for C and whatever can call C.
 *
 * How a client is driven. The caller owns the socket, the clock and all buffers; there are no callbacks and no threads.
 *
 *   1. mu_ticket_from_json, mu_client_create.
 *   2. For each datagram from the server: mu_client_receive.
 *      When mu_client_next_timeout says so: mu_client_handle_timeout.
 *   3. After these and after each send: mu_client_poll_event until it returns MU_NOTHING, then mu_client_transmit until the
 *      length is 0, each datagram to the ticket's address.
 *   4. mu_client_close, go on with 2 and 3 until MU_EVENT_CLOSED came and mu_client_next_timeout returns MU_NOTHING (a few
 *      tenths of a second), mu_client_destroy.
 *
 * Rules that every function relies on:
 *
 *   1. A client pointer is NULL or came from mu_client_create and was not destroyed. One thread at a time uses a client;
 *      different clients may be used by different threads, and a client may move between threads.
 *   2. A pointer with a length points to at least that many bytes or elements; it may be NULL only if the length is 0. A
 *      pointer to a struct is NULL or valid and aligned. Functions keep no pointer after they return.
 *   3. Times are microseconds of one monotonic clock of any origin; a time before an earlier one counts as the earlier one.
 *   4. Functions that return int32_t return MU_OK, MU_NOTHING or an error below zero; see mu_status_text. What they fill is
 *      written only with MU_OK, except where it says otherwise. NULL where it is not allowed is MU_ERROR_NULL.
 *   5. Texts from the library are UTF-8. Those in arrays end with a zero byte; those returned as pointers live for ever.
 *   6. After MU_ERROR_PANIC, which is a fault of the library, a client only knows that error; destroy it.
 *   7. Structs and constants belong to one MU_ABI_VERSION; mu_client_create refuses a caller that was compiled with another.
 *
 * Made from the sources of mu-client-c; do not edit.
 */

#ifndef MU_CLIENT_H
#define MU_CLIENT_H

#include <stddef.h>
#include <stdint.h>

// Done.
#define MU_OK 0

// Nothing to give: no event, no timer, no measurement yet.
#define MU_NOTHING 1

// A pointer is NULL that must not be.
#define MU_ERROR_NULL -1

// The caller was compiled with a header of another MU_ABI_VERSION.
#define MU_ERROR_ABI -2

// An argument is outside its bounds.
#define MU_ERROR_ARGUMENT -3

// The buffer is too small; nothing is lost.
#define MU_ERROR_BUFFER -4

// The ticket's text is not what a gateway answers.
#define MU_ERROR_TICKET -5

// The gateway's server speaks another protocol than this library.
#define MU_ERROR_PROTOCOL -6

// The connection is not open.
#define MU_ERROR_CLOSED -7

// The message is longer than its lane or its field allows.
#define MU_ERROR_TOO_LONG -8

// The lane is full: the server does not acknowledge as fast as messages are sent. Try again later.
#define MU_ERROR_FULL -9

// There is no such lane, or it does not carry messages.
#define MU_ERROR_LANE -10

// A text is not UTF-8.
#define MU_ERROR_TEXT -11

// Events wait in such number that nothing more is taken in: poll them first, then hand the datagram in again.
#define MU_ERROR_EVENTS -12

// The bytes are another message, or none.
#define MU_ERROR_OTHER_MESSAGE -13

// The entity is not in sight.
#define MU_ERROR_NOT_SEEN -14

// The system gave no random numbers.
#define MU_ERROR_RANDOM -15

// The library failed; the client is of no use any more.
#define MU_ERROR_PANIC -16

// The version of every struct and constant of this header.
#define MU_ABI_VERSION 1

// Capacity that mu_client_transmit needs: no datagram is longer.
#define MU_DATAGRAM_CAPACITY 1452

// The server accepted: messages and inputs may be sent. See mu_client_terms.
#define MU_EVENT_CONNECTED 1

// A message; the data is the whole of it, `lane` where it came, `message` its number (MU_SERVER_…). Well formed.
#define MU_EVENT_MESSAGE 2

// A snapshot of the state at `tick` was taken in; the events of entities that follow are what it changed.
#define MU_EVENT_SNAPSHOT 3

// `entity` came into sight; `tick` made its state.
#define MU_EVENT_ENTERED 4

// `entity` changed; `tick` made the change.
#define MU_EVENT_CHANGED 5

// `entity` went out of sight.
#define MU_EVENT_LEFT 6

// A block came; the data is the whole of it, `code` its kind. It may be as long as 8 MiB.
#define MU_EVENT_BLOCK 7

// A line of the key log, without its end, if MuConfig asked for it.
#define MU_EVENT_KEY_LOG 8

// The connection is over, or never came to be; `reason` and `code` say why, the data is an English sentence that a player can
// be shown. The last event.
#define MU_EVENT_CLOSED 9

// A block of mu_client_send_block ended; `code` is its id, `reason` says how (MU_BLOCK_…). In the order of sending.
#define MU_EVENT_BLOCK_ENDED 10

// The server has all of it.
#define MU_BLOCK_TAKEN 1

// The server did not want it.
#define MU_BLOCK_REFUSED 2

// It came otherwise than it was sent.
#define MU_BLOCK_DAMAGED 3

// This side closed, with `code`: the caller's, 5 because the server said what no server says, or 7 because too many packets
// did not open.
#define MU_CLOSED_LOCAL 1

// The server closed, with `code`: 0 done, 1 it stops, 2 kicked, 3 connected again elsewhere, 4 moved to another shard, 5 it
// found a violation, 6 this client does not take in what is sent, 7 too many packets did not
// open, 0x100 and up the application's.
#define MU_CLOSED_SERVER 2

// Nothing came from the server for too long.
#define MU_CLOSED_IDLE 3

// The server broke the protocol.
#define MU_CLOSED_VIOLATION 4

// The server never answered.
#define MU_CLOSED_NO_ANSWER 5

// The server refused the ticket, with `code`: 1 full, 2 banned, 3 realm closed or wrong, 4 closing, 5 no common cipher, 6 the
// place was given up, 0x100 and up the application's. A new ticket is needed.
#define MU_CLOSED_REJECTED 6

// The ticket holds no usable key.
#define MU_CLOSED_BAD_TICKET 7

// The server does not know the connection any more: it was started anew, or gave the connection up. Log in again.
#define MU_CLOSED_RESET 8

// INIT is out.
#define MU_STATE_CONNECTING 0

// Messages and inputs flow.
#define MU_STATE_CONNECTED 1

// The last datagrams go out.
#define MU_STATE_CLOSING 2

// Over.
#define MU_STATE_CLOSED 3

// Reliable, ordered, first in every datagram: the session itself.
#define MU_LANE_CONTROL 0

// Reliable, ordered: what the character owns.
#define MU_LANE_VALUE 1

// Reliable, ordered: what people say.
#define MU_LANE_SOCIAL 2

// Reliable, in the order of arrival.
#define MU_LANE_UNORDERED 3

// Lost with its datagram.
#define MU_LANE_EFFECTS 4

// Lost with its datagram; an older message never comes after a newer one.
#define MU_LANE_POSITION 5

// Everyone near.
#define MU_CHANNEL_LOCAL 0

// The party.
#define MU_CHANNEL_PARTY 1

// The guild.
#define MU_CHANNEL_GUILD 2

// Everyone in the world.
#define MU_CHANNEL_GLOBAL 3

// Steps of a walk at most.
#define MU_MAX_STEPS 16

// (0, −1)
#define MU_DIRECTION_NORTH 0

// (1, −1)
#define MU_DIRECTION_NORTH_EAST 1

// (1, 0)
#define MU_DIRECTION_EAST 2

// (1, 1)
#define MU_DIRECTION_SOUTH_EAST 3

// (0, 1)
#define MU_DIRECTION_SOUTH 4

// (−1, 1)
#define MU_DIRECTION_SOUTH_WEST 5

// (−1, 0)
#define MU_DIRECTION_WEST 6

// (−1, −1)
#define MU_DIRECTION_NORTH_WEST 7

// Somebody's character.
#define MU_KIND_PLAYER 0

// Something hostile.
#define MU_KIND_MONSTER 1

// Somebody who belongs to the place.
#define MU_KIND_NPC 2

// An item on the ground.
#define MU_KIND_ITEM 3

// The character stands on a map: mu_read_spawned.
#define MU_SERVER_SPAWNED 1

// What the character owns: mu_read_inventory.
#define MU_SERVER_INVENTORY 2

// Somebody said something: mu_read_chat.
#define MU_SERVER_CHAT 3

// The server's own words: mu_read_notice.
#define MU_SERVER_NOTICE 4

// A request was not granted: mu_read_refused.
#define MU_SERVER_REFUSED 5

// The character is elsewhere than the inputs would have it: mu_read_correction.
#define MU_SERVER_CORRECTION 6

// A player asks to trade: mu_read_trade_partner.
#define MU_SERVER_TRADE_REQUESTED 7

// The trade has begun: mu_read_trade_partner.
#define MU_SERVER_TRADE_OPENED 8

// The table as it is now: mu_read_trade_offers.
#define MU_SERVER_TRADE_OFFERS 9

// Who has confirmed: mu_read_trade_confirmed.
#define MU_SERVER_TRADE_CONFIRMED 10

// Both confirmed, the goods are locked: mu_read_trade_end.
#define MU_SERVER_TRADE_PENDING 11

// The exchange is done: mu_read_trade_end.
#define MU_SERVER_TRADE_DONE 12

// The exchange will not be: mu_read_trade_end.
#define MU_SERVER_TRADE_FAILED 13

// The table is closed: mu_read_trade_end.
#define MU_SERVER_TRADE_CLOSED 14

// The character goes on elsewhere: mu_read_transfer.
#define MU_SERVER_TRANSFER 15

// The session is over: mu_read_kicked.
#define MU_SERVER_KICKED 16

// The server stops soon: mu_read_server_closing.
#define MU_SERVER_CLOSING 17

// What lies in the account's warehouse: mu_read_warehouse.
#define MU_SERVER_WAREHOUSE 18

// What a shop sells: mu_read_wares.
#define MU_SERVER_WARES 19

// A deal was submitted, its goods are locked: mu_read_deal.
#define MU_SERVER_DEAL_PENDING 20

// A deal is done: mu_read_deal.
#define MU_SERVER_DEAL_DONE 21

// A deal will not be: mu_read_deal.
#define MU_SERVER_DEAL_FAILED 22

// A client. Only pointers to it exist outside of the library.
typedef struct MuClient MuClient;

// An address and a port.
typedef struct MuAddress {
    // 4 or 6.
    uint8_t family;
    // The address in network order; of IPv4 the first four bytes.
    uint8_t ip[16];
    // The port as a number.
    uint16_t port;
} MuAddress;

// All that is needed to connect, once and soon. It holds secrets: wipe it when it is used up.
typedef struct MuTicket {
    // Where to connect to.
    struct MuAddress server;
    // Names the shard.
    uint64_t routing_id;
    // The last second it is valid, Unix time.
    uint64_t expires_s;
    // Which key sealed the token.
    uint8_t key_id;
    // The token, opaque.
    uint8_t sealed_token[392];
    // The secret shared with the server.
    uint8_t psk[32];
    // The server's key.
    uint8_t server_key[32];
} MuTicket;

// How a client is made. Fill it with zeros, then set what is wanted.
typedef struct MuConfig {
    // MU_ABI_VERSION.
    uint32_t abi_version;
    // Bytes of `own_id` in use, 0 to 4. The server puts them behind the first byte of each datagram to this client, so
    // that several clients can share a socket; 0 for a socket of its own.
    uint8_t own_id_length;
    // That id.
    uint8_t own_id[4];
    // 1 to be told the connection's keys by MU_EVENT_KEY_LOG, so that a capture can be decrypted. Whoever has such a line can read
    // all that is said on the connection. Never 1 in what players run.
    uint8_t log_keys;
    // 32 random bytes, or NULL to have them from the system. Only tests and replays hand any in.
    const uint8_t *seed;
} MuConfig;

// An event. Fields that its kind does not name are zero.
typedef struct MuEvent {
    // Bytes of data that belong to it.
    size_t length;
    // MU_EVENT_CHANGED, _ENTERED, _LEFT: which entity.
    uint32_t entity;
    // MU_EVENT_SNAPSHOT, _CHANGED, _ENTERED: when.
    uint32_t tick;
    // MU_EVENT_CLOSED: the code of the reason; MU_EVENT_BLOCK: the block's kind; MU_EVENT_BLOCK_ENDED: its id.
    uint16_t code;
    // MU_EVENT_…
    uint8_t kind;
    // MU_EVENT_MESSAGE: MU_LANE_…
    uint8_t lane;
    // MU_EVENT_MESSAGE: MU_SERVER_…, the first byte of the data.
    uint8_t message;
    // MU_EVENT_CLOSED: MU_CLOSED_…; MU_EVENT_BLOCK_ENDED: MU_BLOCK_…
    uint8_t reason;
} MuEvent;

// The terms of an accepted connection.
typedef struct MuTerms {
    // The server's time when it accepted.
    uint64_t server_time_us;
    // The server's time at which tick 0 was scheduled.
    uint64_t tick_origin_us;
    // Silence of this length ends the connection.
    uint32_t idle_ms;
    // Bytes a second to the client at most; 0 says nothing.
    uint32_t max_down;
    // Bytes a second from the client at most; 0 says nothing.
    uint32_t max_up;
    // Length of a tick.
    uint16_t tick_ms;
    // Longest time an acknowledgement may be held back.
    uint16_t ack_delay_ms;
    // Longest datagram.
    uint16_t max_datagram;
} MuTerms;

// Counters since the client was made.
typedef struct MuStats {
    // Datagrams handed in.
    uint64_t datagrams_in;
    // Their bytes.
    uint64_t bytes_in;
    // Datagrams written.
    uint64_t datagrams_out;
    // Their bytes.
    uint64_t bytes_out;
    // Authentic packets.
    uint64_t packets_received;
    // Packets the server had sent when it last told; what is missing from the next number was lost or is late.
    uint64_t packets_sent_by_server;
    // Of these, packets that had been received by then.
    uint64_t packets_received_then;
    // Datagrams that were no packet of this connection, repeated or forged.
    uint64_t datagrams_dropped;
    // Snapshots.
    uint64_t snapshots;
    // Messages.
    uint64_t messages;
} MuStats;

// An entity at a tick. Places are in 1/256 tiles, x to the east, y to the south; a tile is a place divided by 256.
typedef struct MuEntity {
    // Its id on this map.
    uint32_t entity;
    // The tick that made its state.
    uint32_t changed_at;
    // The tick at which its walk ends or ended; 0 if it stands without having walked.
    uint32_t arrives_at;
    // Where it is at the tick asked for.
    uint16_t x;
    // Where it is at the tick asked for.
    uint16_t y;
    // Where its walk ends; where it is, if it stands.
    uint16_t to_x;
    // Where its walk ends; where it is, if it stands.
    uint16_t to_y;
    // 1/256 tiles a tick; 0 if it stands without having walked.
    uint16_t speed;
    // Which of its kind, from the world's content.
    uint16_t template_id;
    // What it is besides, as the content defines the bits.
    uint16_t flags;
    // MU_KIND_…
    uint8_t kind;
    // Where it looks at the tick asked for: 1/256 of a turn, clockwise from north.
    uint8_t heading;
    // Health in percent.
    uint8_t hp_percent;
    // 1 if it is under way at the tick asked for.
    uint8_t moving;
    // Its name; empty if its template names it.
    char name[11];
} MuEntity;

// Where and as what the character stands.
typedef struct MuSpawned {
    // The character, as the gateway numbers it.
    uint64_t character;
    // Its entity on this map.
    uint32_t entity;
    // Which instance of the map.
    uint32_t instance;
    // The tick from which this holds.
    uint32_t tick;
    // The world.
    uint16_t world;
    // The entry point.
    uint16_t entry;
    // The map, from the world's content.
    uint16_t map;
    // Place in 1/256 tiles, eastward.
    uint16_t x;
    // Place in 1/256 tiles, southward.
    uint16_t y;
    // Health.
    uint16_t hp;
    // Health when unhurt.
    uint16_t hp_max;
    // Mana.
    uint16_t mp;
    // Mana when rested.
    uint16_t mp_max;
    // The character's name.
    char name[11];
} MuSpawned;

// An item.
typedef struct MuItem {
    // Its identity, never reused.
    uint64_t uid;
    // Which kind of item, from the world's content.
    uint16_t template_id;
    // Where it lies in its owner's inventory.
    uint8_t slot;
    // Its level.
    uint8_t level;
} MuItem;

// What somebody said.
typedef struct MuChat {
    // The speaker; perhaps not in sight.
    uint32_t from;
    // MU_CHANNEL_…
    uint8_t channel;
    // The speaker's name.
    char name[11];
    // What was said.
    char text[121];
} MuChat;

// The server's own words.
typedef struct MuNotice {
    // The words.
    char text[241];
} MuNotice;

// Which request was refused and why.
typedef struct MuRefused {
    // More about it, as the protocol says for the reason.
    uint32_t detail;
    // The reason: `Refusal` of the protocol.
    uint8_t what;
} MuRefused;

// A place from a tick on.
typedef struct MuCorrection {
    // The tick from which this holds.
    uint32_t tick;
    // Place in 1/256 tiles, eastward.
    uint16_t x;
    // Place in 1/256 tiles, southward.
    uint16_t y;
} MuCorrection;

// The other side of a trade.
typedef struct MuTradePartner {
    // The other player's entity.
    uint32_t entity;
    // The other player's name.
    char name[11];
} MuTradePartner;

// The table of a trade.
typedef struct MuTradeTable {
    // Money on the own side.
    uint64_t my_zen;
    // Money on the other side.
    uint64_t their_zen;
    // How many items lie on the own side, at most 32.
    size_t my_items;
    // How many items lie on the other side, at most 32.
    size_t their_items;
    // What offers and confirmations have to name.
    uint32_t revision;
} MuTradeTable;

// How a trade stands after both confirmed, or why it is closed.
typedef struct MuTradeEnd {
    // The trade's name for ever, 16 bytes, the lowest first; zeros if it was closed without an exchange.
    uint8_t event[16];
    // `TradeFailure` of the protocol after MU_SERVER_TRADE_FAILED, `TradeClose` after MU_SERVER_TRADE_CLOSED, else 0.
    uint8_t reason;
} MuTradeEnd;

// Something a shop sells.
typedef struct MuWare {
    // What one costs.
    uint64_t price;
    // Which kind of item, from the world's content.
    uint16_t template_id;
    // Its level.
    uint8_t level;
} MuWare;

// How a deal stands.
typedef struct MuDeal {
    // The deal's name for ever, 16 bytes, the lowest first.
    uint8_t event[16];
    // `Deal` of the protocol.
    uint8_t deal;
    // `TradeFailure` of the protocol after MU_SERVER_DEAL_FAILED, else 0.
    uint8_t reason;
} MuDeal;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// What a status means, in English, for developers. Never NULL.
const char *mu_status_text(int32_t status);

// The ticket in a gateway's answer to `POST /v1/characters/{id}/select`: the JSON object as it came, `length` bytes. Fails with
// MU_ERROR_PROTOCOL if the server speaks another protocol than this library: the player has to update.
int32_t mu_ticket_from_json(const char *json,
                            size_t length,
                            struct MuTicket *ticket);

// Overwrites a ticket with zeros.
int32_t mu_ticket_wipe(struct MuTicket *ticket);

// MU_ABI_VERSION of the library.
uint32_t mu_abi_version(void);

// The protocol that the library speaks, as gateways name it.
uint32_t mu_protocol_id(void);

// Makes a client that will connect with `ticket`; its first datagram is due at once. The ticket may be wiped afterwards.
int32_t mu_client_create(const struct MuConfig *config,
                         const struct MuTicket *ticket,
                         uint64_t now_us,
                         struct MuClient **client);

// Frees a client without a word to the server; see mu_client_close. NULL is allowed.
void mu_client_destroy(struct MuClient *client);

// Takes a datagram in that came from the server's address. Bytes that are none of this connection's are ignored, whatever they
// are. MU_ERROR_EVENTS if events have to be polled first.
int32_t mu_client_receive(struct MuClient *client,
                          uint64_t now_us,
                          const uint8_t *datagram,
                          size_t length);

// MU_OK if the datagram is the server's RESET for this connection, MU_NOTHING if not. A RESET does not carry the client's own id:
// where clients share a socket, offer them what none of them is named by, and hand it in where it belongs.
int32_t mu_client_is_reset(struct MuClient *client,
                           const uint8_t *datagram,
                           size_t length);

// Writes the next datagram that is due into `buffer` of at least MU_DATAGRAM_CAPACITY bytes; `*length` is 0 if there is none.
int32_t mu_client_transmit(struct MuClient *client,
                           uint64_t now_us,
                           uint8_t *buffer,
                           size_t capacity,
                           size_t *length);

// When mu_client_handle_timeout has something to do at the latest. MU_NOTHING once all is over.
int32_t mu_client_next_timeout(struct MuClient *client, uint64_t *at_us);

// Runs the timers that are due; calling it too early does no harm.
int32_t mu_client_handle_timeout(struct MuClient *client, uint64_t now_us);

// Ends the connection. `code` is 0, or 0x100 and up for a reason of the application's own. MU_EVENT_CLOSED comes with the next
// mu_client_handle_timeout. To leave the game, send mu_client_leave and wait for the server to close instead.
int32_t mu_client_close(struct MuClient *client,
                        uint16_t code);

// Takes the next event and copies its data into `buffer` of `capacity` bytes. MU_NOTHING when there is none. MU_ERROR_BUFFER
// when its data is longer: the event is filled all the same, `event->length` says how long a buffer it takes, and it is
// there again at the next call. 16,384 bytes suffice for everything but MU_EVENT_BLOCK.
int32_t mu_client_poll_event(struct MuClient *client,
                             struct MuEvent *event,
                             uint8_t *buffer,
                             size_t capacity);

// MU_STATE_… of a client, or an error.
int32_t mu_client_state(struct MuClient *client);

// The terms the server granted. MU_NOTHING before it accepted.
int32_t mu_client_terms(struct MuClient *client, struct MuTerms *terms);

// The smoothed round trip. MU_NOTHING before the first measurement.
int32_t mu_client_rtt(struct MuClient *client, uint64_t *rtt_us);

// The server's clock at this client's `now_us`. MU_NOTHING before the first measurement.
int32_t mu_client_server_time(struct MuClient *client, uint64_t now_us, uint64_t *server_us);

// The tick that the server is in at this client's `now_us`, and what has passed of it; for drawing between two ticks ask for an
// entity at `*tick` and the next one. MU_NOTHING before the first measurement.
int32_t mu_client_tick(struct MuClient *client,
                       uint64_t now_us,
                       uint32_t *tick,
                       uint32_t *passed_us);

// Counters since the client was made.
int32_t mu_client_stats(struct MuClient *client, struct MuStats *stats);

// A message in bytes of the caller's own making on one of the lanes for messages, MU_LANE_CONTROL to MU_LANE_POSITION. What is
// no message of the table, or is on another lane than the table says, ends the connection.
int32_t mu_client_send(struct MuClient *client,
                       uint8_t lane,
                       const uint8_t *message,
                       size_t length);

// A block of 1 byte to 1 MiB: long contents that may take their time. At most 16 wait together (MU_ERROR_FULL). Its id goes into
// `*id`; how it ended comes as MU_EVENT_BLOCK_ENDED.
int32_t mu_client_send_block(struct MuClient *client,
                             uint16_t kind,
                             const uint8_t *block,
                             size_t length,
                             uint16_t *id);

// Says something on MU_CHANNEL_…: UTF-8 of at most 120 bytes.
int32_t mu_client_chat(struct MuClient *client, uint8_t channel, const char *said, size_t length);

// Steps through the portal the character stands on.
int32_t mu_client_use_portal(struct MuClient *client, uint16_t portal);

// Asks a player near by to trade.
int32_t mu_client_trade_request(struct MuClient *client, uint32_t target);

// Answers a request: 1 to trade, 0 to decline.
int32_t mu_client_trade_answer(struct MuClient *client, uint8_t accept);

// Puts this money and these items (their `uid`s, at most 32), and nothing else, on the own side of the table as it is at
// `revision`. It takes back both confirmations.
int32_t mu_client_trade_offer(struct MuClient *client,
                              uint32_t revision,
                              uint64_t zen,
                              const uint64_t *uids,
                              size_t count);

// Agrees to the table exactly as it is at `revision`.
int32_t mu_client_trade_confirm(struct MuClient *client, uint32_t revision);

// Leaves the trade, or takes back the own request.
int32_t mu_client_trade_cancel(struct MuClient *client);

// Ends the session: the character is stored and leaves, then the server closes.
int32_t mu_client_leave(struct MuClient *client);

// Walks `count` steps, 1 to MU_MAX_STEPS, each MU_DIRECTION_…, from where the client has its character, in
// 1/256 tiles. It replaces what the character is doing.
int32_t mu_client_walk(struct MuClient *client,
                       uint16_t x,
                       uint16_t y,
                       const uint8_t *steps,
                       size_t count);

// One step towards a neighbour: `dx`, `dy` are −1, 0 or 1 and not both 0.
int32_t mu_client_step(struct MuClient *client, int8_t dx, int8_t dy);

// Looks there: 1/256 of a turn, clockwise from north.
int32_t mu_client_turn(struct MuClient *client, uint8_t heading);

// Stands still at the next centre of a tile.
int32_t mu_client_stop(struct MuClient *client);

// An input in bytes of the caller's own making, at most 32, and into `*sequence` its number, unless that is NULL.
int32_t mu_client_input(struct MuClient *client,
                        const uint8_t *input,
                        size_t length,
                        uint32_t *sequence);

// One entity as it is at `tick`. MU_ERROR_NOT_SEEN if it is not in sight.
int32_t mu_client_entity(struct MuClient *client,
                         uint32_t entity,
                         uint32_t tick,
                         struct MuEntity *filled);

// Everyone in sight as they are at `tick`, in no order: as many as `capacity` allows into `entities`, and into `*count` how many
// there are, at most 256.
int32_t mu_client_entities(struct MuClient *client,
                           uint32_t tick,
                           struct MuEntity *entities,
                           size_t capacity,
                           size_t *count);

// Where and as what the character stands.
int32_t mu_read_spawned(const uint8_t *data, size_t length, struct MuSpawned *spawned);

// The money, as many items as `capacity` allows into `items`, and into `*count` how many there are, at most 64.
int32_t mu_read_inventory(const uint8_t *data,
                          size_t length,
                          uint64_t *zen,
                          struct MuItem *items,
                          size_t capacity,
                          size_t *count);

// What somebody said.
int32_t mu_read_chat(const uint8_t *data, size_t length, struct MuChat *chat);

// The server's own words.
int32_t mu_read_notice(const uint8_t *data, size_t length, struct MuNotice *notice);

// Which request was refused and why.
int32_t mu_read_refused(const uint8_t *data, size_t length, struct MuRefused *refused);

// Where the character is instead.
int32_t mu_read_correction(const uint8_t *data, size_t length, struct MuCorrection *correction);

// The ticket with which a second client connects to where the character goes; then destroy the first one.
int32_t mu_read_transfer(const uint8_t *data,
                         size_t length,
                         struct MuTicket *ticket);

// Why the session is over: `KickReason` of the protocol.
int32_t mu_read_kicked(const uint8_t *data, size_t length, uint8_t *reason);

// In how many seconds the server stops.
int32_t mu_read_server_closing(const uint8_t *data, size_t length, uint16_t *seconds);

// Who asks to trade, or with whom the trade has begun.
int32_t mu_read_trade_partner(const uint8_t *data, size_t length, struct MuTradePartner *partner);

// The table as it is now; of each side as many items as its capacity allows.
int32_t mu_read_trade_offers(const uint8_t *data,
                             size_t length,
                             struct MuTradeTable *table,
                             struct MuItem *mine,
                             size_t mine_capacity,
                             struct MuItem *theirs,
                             size_t theirs_capacity);

// Who has confirmed the table: 1 or 0 for the own side and the other.
int32_t mu_read_trade_confirmed(const uint8_t *data, size_t length, uint8_t *mine, uint8_t *theirs);

// How a trade stands after both confirmed, or why it is closed.
int32_t mu_read_trade_end(const uint8_t *data, size_t length, struct MuTradeEnd *end);

// Asks a keeper near by what it keeps.
int32_t mu_client_keeper_open(struct MuClient *client, uint32_t keeper);

// Puts this money and these items (their `uid`s, at most 16) into the warehouse.
int32_t mu_client_deposit(struct MuClient *client,
                          uint32_t keeper,
                          uint64_t zen,
                          const uint64_t *uids,
                          size_t count);

// Takes this money and these items (their `uid`s, at most 16) out of the warehouse.
int32_t mu_client_withdraw(struct MuClient *client,
                           uint32_t keeper,
                           uint64_t zen,
                           const uint64_t *uids,
                           size_t count);

// Buys `count` of a ware, named by its position in the list, at the `price` of one that the player saw.
int32_t mu_client_buy(struct MuClient *client,
                      uint32_t keeper,
                      uint8_t ware,
                      uint8_t count,
                      uint64_t price);

// Sells these items (their `uid`s, at most 16).
int32_t mu_client_sell(struct MuClient *client,
                       uint32_t keeper,
                       const uint64_t *uids,
                       size_t count);

// Lays an item down where the character stands.
int32_t mu_client_drop(struct MuClient *client, uint64_t item);

// Picks up what lies near by.
int32_t mu_client_pick_up(struct MuClient *client, uint32_t target);

// The money, as many items as `capacity` allows into `items`, and into `*count` how many there are, at most 64.
int32_t mu_read_warehouse(const uint8_t *data,
                          size_t length,
                          uint64_t *zen,
                          struct MuItem *items,
                          size_t capacity,
                          size_t *count);

// The keeper of a shop, as many wares as `capacity` allows into `wares`, and into `*count` how many there are, at most 32.
int32_t mu_read_wares(const uint8_t *data,
                      size_t length,
                      uint32_t *keeper,
                      struct MuWare *wares,
                      size_t capacity,
                      size_t *count);

// How a deal stands.
int32_t mu_read_deal(const uint8_t *data, size_t length, struct MuDeal *deal);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MU_CLIENT_H */
