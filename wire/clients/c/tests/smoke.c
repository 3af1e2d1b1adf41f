/* Plays through every function of mu_client.h, those of deals with keepers and the ground left out, against the shard of the
 * tests. C99 and C++ alike. Reads two lines from the standard input, each a gateway's answer; prints "all is well" or the
 * first line that does not hold. */

#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mu_client.h"

#define HOLD(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("line %d: %s\n", __LINE__, #condition);                                                             \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static int sock;
static MuEvent event;
static uint8_t data[16384];

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void flush(MuClient *client) {
    uint8_t out[MU_DATAGRAM_CAPACITY];
    size_t length = 0;
    do {
        HOLD(mu_client_transmit(client, now_us(), out, sizeof out, &length) == MU_OK);
        if (length > 0) HOLD(send(sock, out, length, 0) == (ssize_t)length);
    } while (length > 0);
}

/* Sends what is due and takes in what comes within some 20 ms. */
static void turn(MuClient *client) {
    uint64_t at = 0, now = now_us();
    flush(client);
    HOLD(mu_client_next_timeout(client, &at) == MU_OK);
    struct pollfd wait = {sock, POLLIN, 0};
    int left = at > now ? (int)((at - now) / 1000u) + 1 : 0;
    if (poll(&wait, 1, left < 20 ? left : 20) == 1) {
        uint8_t in[2048];
        ssize_t length = recv(sock, in, sizeof in, 0);
        if (length >= 0) HOLD(mu_client_receive(client, now_us(), in, (size_t)length) == MU_OK);
    }
    HOLD(mu_client_handle_timeout(client, now_us()) == MU_OK);
}

/* Goes on until there is an event of this kind (and message); ten seconds at most. */
static void wait_for(MuClient *client, uint8_t kind, uint8_t message) {
    uint64_t until = now_us() + 10000000u;
    for (;;) {
        int32_t polled = mu_client_poll_event(client, &event, data, sizeof data);
        if (polled == MU_OK && event.kind == kind && event.message == message) return;
        if (polled == MU_OK) HOLD(event.kind != MU_EVENT_CLOSED);
        if (polled == MU_OK) continue;
        HOLD(polled == MU_NOTHING);
        if (now_us() > until) printf("still waiting for event %d, message %d\n", kind, message);
        HOLD(now_us() <= until);
        turn(client);
    }
}

static void open_socket(const MuTicket *ticket) {
    struct sockaddr_in to;
    memset(&to, 0, sizeof to);
    HOLD(ticket->server.family == 4);
    to.sin_family = AF_INET;
    to.sin_port = htons(ticket->server.port);
    memcpy(&to.sin_addr, ticket->server.ip, 4);
    sock = socket(AF_INET, SOCK_DGRAM, 0);
    HOLD(sock >= 0 && connect(sock, (struct sockaddr *)&to, sizeof to) == 0);
}

static void misuse(const char *json, size_t length) {
    MuTicket ticket;
    MuConfig config;
    MuClient *client = NULL;
    memset(&config, 0, sizeof config);
    HOLD(mu_ticket_from_json(NULL, 5, &ticket) == MU_ERROR_NULL);
    HOLD(mu_ticket_from_json(json, length, NULL) == MU_ERROR_NULL);
    HOLD(mu_ticket_from_json(json, length - 2, &ticket) == MU_ERROR_TICKET);
    HOLD(mu_ticket_from_json("\xff", 1, &ticket) == MU_ERROR_TEXT);
    HOLD(mu_ticket_from_json(json, length, &ticket) == MU_OK);
    HOLD(mu_client_create(&config, &ticket, 0, &client) == MU_ERROR_ABI);
    config.abi_version = mu_abi_version();
    config.own_id_length = 5;
    HOLD(mu_client_create(&config, &ticket, 0, &client) == MU_ERROR_ARGUMENT);
    config.own_id_length = 0;
    HOLD(mu_client_create(NULL, &ticket, 0, &client) == MU_ERROR_NULL);
    HOLD(mu_client_create(&config, NULL, 0, &client) == MU_ERROR_NULL);
    HOLD(mu_client_create(&config, &ticket, 0, NULL) == MU_ERROR_NULL);
    HOLD(client == NULL);
    ticket.server.family = 5;
    HOLD(mu_client_create(&config, &ticket, 0, &client) == MU_ERROR_ARGUMENT);
    HOLD(mu_ticket_wipe(NULL) == MU_ERROR_NULL && mu_ticket_wipe(&ticket) == MU_OK && ticket.psk[0] == 0);
    HOLD(mu_client_receive(NULL, 0, data, 1) == MU_ERROR_NULL);
    HOLD(mu_client_poll_event(NULL, &event, data, 1) == MU_ERROR_NULL);
    HOLD(mu_client_state(NULL) == MU_ERROR_NULL);
    mu_client_destroy(NULL);
    HOLD(strcmp(mu_status_text(MU_ERROR_FULL), mu_status_text(MU_OK)) != 0 && mu_status_text(12345) != NULL);
}

static MuClient *connect_client(const char *json, size_t length, uint8_t log_keys) {
    MuTicket ticket;
    MuConfig config;
    MuClient *client = NULL;
    uint64_t us = 0;
    memset(&config, 0, sizeof config);
    config.abi_version = MU_ABI_VERSION;
    config.log_keys = log_keys;
    config.own_id_length = 2;
    config.own_id[0] = 7;
    HOLD(mu_ticket_from_json(json, length, &ticket) == MU_OK);
    open_socket(&ticket);
    HOLD(mu_client_create(&config, &ticket, now_us(), &client) == MU_OK);
    HOLD(mu_ticket_wipe(&ticket) == MU_OK);
    HOLD(mu_client_state(client) == MU_STATE_CONNECTING);
    HOLD(mu_client_rtt(client, &us) == MU_NOTHING && mu_client_server_time(client, 0, &us) == MU_NOTHING);
    HOLD(mu_client_chat(client, 0, "early", 5) == MU_ERROR_CLOSED);
    HOLD(mu_client_receive(client, now_us(), NULL, 0) == MU_OK);
    memset(data, 0x93, sizeof data);
    HOLD(mu_client_receive(client, now_us(), data, sizeof data) == MU_OK);
    if (log_keys) {
        wait_for(client, MU_EVENT_KEY_LOG, 0);
        HOLD(event.length == 8 + 17 + 5 + 2 * 89 + 1 && memcmp(data, "MU_WIRE ", 8) == 0);
    }
    wait_for(client, MU_EVENT_CONNECTED, 0);
    HOLD(mu_client_state(client) == MU_STATE_CONNECTED);
    return client;
}

/* The first messages come on several lanes, so in any order. */
static void greetings(MuClient *client) {
    MuTerms terms;
    MuSpawned me;
    MuItem items[1];
    MuNotice notice;
    MuCorrection correction;
    uint64_t zen = 0, until = now_us() + 10000000u;
    size_t count = 0;
    memset(&me, 0, sizeof me);
    memset(&notice, 0, sizeof notice);
    memset(&correction, 0, sizeof correction);
    HOLD(mu_client_terms(client, &terms) == MU_OK && terms.tick_ms == 50 && terms.idle_ms == 10000);
    while (me.entity == 0 || count == 0 || notice.text[0] == 0 || correction.y == 0) {
        int32_t polled = mu_client_poll_event(client, &event, data, sizeof data);
        HOLD(now_us() < until && polled >= MU_OK);
        if (polled == MU_NOTHING) turn(client);
        if (polled == MU_NOTHING || event.kind != MU_EVENT_MESSAGE) continue;
        switch (event.message) {
        case MU_SERVER_SPAWNED:
            HOLD(mu_read_chat(data, event.length, NULL) == MU_ERROR_OTHER_MESSAGE);
            HOLD(mu_read_spawned(data, event.length, &me) == MU_OK);
            break;
        case MU_SERVER_INVENTORY:
            HOLD(mu_read_inventory(data, event.length, &zen, items, 1, &count) == MU_OK);
            break;
        case MU_SERVER_NOTICE: HOLD(mu_read_notice(data, event.length, &notice) == MU_OK); break;
        case MU_SERVER_CORRECTION: HOLD(mu_read_correction(data, event.length, &correction) == MU_OK); break;
        default: HOLD(0);
        }
    }
    HOLD(me.character == 42 && me.entity == 0x10001 && me.map == 3 && me.x == 10 * 256 + 128 && me.mp_max == 30);
    HOLD(strcmp(me.name, "Skuld") == 0 && correction.y == 20 * 256 + 128);
    HOLD(zen == 5 && count == 2 && items[0].uid == 77 && items[0].template_id == 0x1234 && items[0].level == 9);
    HOLD(strcmp(notice.text, "Willkommen, gr\xc3\xbc\xc3\x9f dich.") == 0);
}

static void movement(MuClient *client) {
    MuEntity me, seen[4];
    size_t count = 0;
    uint32_t tick = 0, passed = 0, sequence = 0;
    while (mu_client_entities(client, 0, NULL, 0, &count) == MU_OK && count < 2) turn(client);
    HOLD(mu_client_entities(client, 0, seen, 4, &count) == MU_OK && count == 2);
    HOLD(mu_client_entity(client, 0x10002, 0, &me) == MU_OK && strcmp(me.name, "Hild") == 0 && me.kind == MU_KIND_NPC);
    HOLD(mu_client_entity(client, 99, 0, &me) == MU_ERROR_NOT_SEEN);
    while (mu_client_tick(client, now_us(), &tick, &passed) == MU_NOTHING) turn(client);
    HOLD(tick > 0 && passed < 50000);
    const uint8_t steps[3] = {2, 4, 7}, bent[1] = {8};
    const uint8_t look[2] = {0x01, 0x01};
    HOLD(mu_client_walk(client, 10 * 256 + 128, 20 * 256 + 128, bent, 1) == MU_ERROR_ARGUMENT);
    HOLD(mu_client_walk(client, 10 * 256 + 128, 20 * 256 + 128, steps, 0) == MU_ERROR_ARGUMENT);
    HOLD(mu_client_walk(client, 10 * 256 + 128, 20 * 256 + 128, steps, MU_MAX_STEPS + 1) == MU_ERROR_ARGUMENT);
    HOLD(mu_client_walk(client, 10 * 256 + 128, 20 * 256 + 128, steps, 3) == MU_OK);
    HOLD(mu_client_turn(client, 64) == MU_OK && mu_client_stop(client) == MU_OK);
    HOLD(mu_client_step(client, 1, -1) == MU_OK && mu_client_step(client, 0, 0) == MU_ERROR_ARGUMENT);
    HOLD(mu_client_input(client, look, 2, &sequence) == MU_OK && sequence == 4);
    wait_for(client, MU_EVENT_LEFT, 0);
    HOLD(event.entity == 0x10002);
    do {
        HOLD(mu_client_entity(client, 0x10001, tick, &me) == MU_OK);
        if (me.speed == 0) wait_for(client, MU_EVENT_CHANGED, 0);
    } while (me.speed == 0);
    HOLD(me.speed == 64 && me.to_x == 10 * 256 + 128 && me.to_y == 20 * 256 + 128);
    HOLD(mu_client_entity(client, 0x10001, me.arrives_at, &me) == MU_OK && me.moving == 0 && me.x == me.to_x);
    HOLD(mu_client_entity(client, 0x10001, me.arrives_at - 1, &me) == MU_OK && me.moving == 1 && me.heading == 224);
}

static void trade(MuClient *client) {
    MuTradePartner partner;
    MuTradeTable table;
    MuTradeEnd end;
    MuRefused refused;
    MuItem mine[32], theirs[1];
    const uint64_t uids[2] = {77, 78};
    uint8_t own = 9, other = 9;
    HOLD(mu_client_trade_request(client, 0x10002) == MU_OK);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_TRADE_REQUESTED);
    HOLD(mu_read_trade_partner(data, event.length, &partner) == MU_OK && partner.entity == 0x10002);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_TRADE_OPENED);
    HOLD(mu_read_trade_partner(data, event.length, &partner) == MU_OK && strcmp(partner.name, "Hild") == 0);
    HOLD(mu_client_trade_answer(client, 1) == MU_OK && mu_client_trade_answer(client, 2) == MU_ERROR_ARGUMENT);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_REFUSED);
    HOLD(mu_read_refused(data, event.length, &refused) == MU_OK && refused.what == 8 && refused.detail == 7);
    HOLD(mu_client_trade_offer(client, 1, 500, uids, 2) == MU_OK);
    HOLD(mu_client_trade_offer(client, 1, 0, uids, 33) == MU_ERROR_TOO_LONG);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_TRADE_OFFERS);
    HOLD(mu_read_trade_offers(data, event.length, &table, mine, 32, theirs, 1) == MU_OK);
    HOLD(table.revision == 2 && table.my_zen == 500 && table.their_zen == 6 && table.their_items == 2);
    HOLD(table.my_items == 2 && mine[1].uid == 78 && theirs[0].uid == 77);
    HOLD(mu_client_trade_confirm(client, 2) == MU_OK);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_TRADE_CONFIRMED);
    HOLD(mu_read_trade_confirmed(data, event.length, &own, &other) == MU_OK && own == 1 && other == 0);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_TRADE_PENDING);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_TRADE_DONE);
    HOLD(mu_read_trade_end(data, event.length, &end) == MU_OK && end.event[0] == 2 && end.event[1] == 1);
    HOLD(mu_client_trade_cancel(client) == MU_OK);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_TRADE_FAILED);
    HOLD(mu_read_trade_end(data, event.length, &end) == MU_OK && end.event[0] == 3 && end.reason == 2);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_TRADE_CLOSED);
    HOLD(mu_read_trade_end(data, event.length, &end) == MU_OK && end.event[0] == 0 && end.reason == 4);
}

static void talk(MuClient *client) {
    MuChat chat;
    MuTicket ticket;
    const char *said = "Gr\xc3\xbc\xc3\x9f Gott";
    uint8_t small[4];
    HOLD(mu_client_chat(client, MU_CHANNEL_GUILD, said, strlen(said)) == MU_OK);
    HOLD(mu_client_chat(client, 9, said, 1) == MU_ERROR_ARGUMENT && mu_client_chat(client, 0, "\xff", 1) == MU_ERROR_TEXT);
    HOLD(mu_client_chat(client, 0, (const char *)data, 121) != MU_OK);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_CHAT);
    HOLD(event.lane <= MU_LANE_POSITION && mu_read_chat(data, event.length, &chat) == MU_OK);
    HOLD(chat.channel == MU_CHANNEL_GUILD && chat.from == 0x10001 && strcmp(chat.text, said) == 0);
    /* The same in bytes of our own; nothing is lost when the buffer is too small at first. */
    const uint8_t raw[4] = {1, 0, 1, '!'};
    HOLD(mu_client_send(client, MU_LANE_SOCIAL, raw, sizeof raw) == MU_OK);
    HOLD(mu_client_send(client, 6, raw, sizeof raw) == MU_ERROR_LANE);
    HOLD(mu_client_send(client, 7, raw, sizeof raw) == MU_ERROR_LANE);
    HOLD(mu_client_send(client, MU_LANE_CONTROL, NULL, 1) == MU_ERROR_NULL);
    int32_t polled;
    do {
        polled = mu_client_poll_event(client, &event, small, sizeof small);
        if (polled == MU_NOTHING) turn(client);
    } while (polled != MU_ERROR_BUFFER);
    HOLD(event.kind == MU_EVENT_MESSAGE && event.message == MU_SERVER_CHAT && event.length > sizeof small);
    HOLD(mu_client_poll_event(client, &event, data, sizeof data) == MU_OK);
    HOLD(mu_read_chat(data, event.length, &chat) == MU_OK && strcmp(chat.text, "!") == 0);
    HOLD(mu_client_use_portal(client, 1) == MU_OK);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_TRANSFER);
    HOLD(mu_read_transfer(data, event.length, &ticket) == MU_OK);
    HOLD(ticket.server.family == 6 && ticket.server.ip[0] == 0xfe && ticket.server.port == 4500);
    HOLD(ticket.routing_id == 11 && ticket.sealed_token[391] == 7 && ticket.psk[31] == 8 && ticket.server_key[0] == 9);
}

/* A block goes up in slices and comes back. */
static void blocks(MuClient *client) {
    static uint8_t block[30000];
    static uint8_t back[sizeof block];
    uint16_t id = 99;
    int32_t polled = MU_NOTHING;
    uint64_t until = now_us() + 20000000u;
    for (size_t i = 0; i < sizeof block; i++) block[i] = (uint8_t)(i * 7 / 5);
    HOLD(mu_client_send_block(client, 5, block, sizeof block, NULL) == MU_ERROR_NULL);
    HOLD(mu_client_send_block(client, 5, block, 0, &id) == MU_ERROR_ARGUMENT);
    HOLD(mu_client_send_block(client, 0x1234, block, sizeof block, &id) == MU_OK && id != 99);
    wait_for(client, MU_EVENT_BLOCK_ENDED, 0);
    HOLD(event.code == id && event.reason == MU_BLOCK_TAKEN);
    while (polled != MU_OK || event.kind != MU_EVENT_BLOCK) {
        polled = mu_client_poll_event(client, &event, back, sizeof back);
        HOLD(polled >= MU_OK && (polled == MU_NOTHING || event.kind != MU_EVENT_CLOSED));
        if (polled == MU_NOTHING) turn(client);
        HOLD(now_us() < until);
    }
    HOLD(event.code == 0x1234 && event.length == sizeof block && memcmp(back, block, sizeof block) == 0);
}

static void farewell(MuClient *client) {
    MuStats stats;
    uint64_t us = 0;
    uint16_t seconds = 0;
    uint8_t reason = 99;
    size_t length = 0;
    HOLD(mu_client_rtt(client, &us) == MU_OK && us > 0 && us < 5000000u);
    HOLD(mu_client_server_time(client, now_us(), &us) == MU_OK && us > 1000000u);
    HOLD(mu_client_transmit(client, now_us(), data, 1451, &length) == MU_ERROR_BUFFER);
    HOLD(mu_client_stats(client, &stats) == MU_OK && stats.packets_received > 0);
    HOLD(mu_client_is_reset(client, data, sizeof data) == MU_NOTHING);
    HOLD(mu_client_leave(client) == MU_OK);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_CLOSING);
    HOLD(mu_read_server_closing(data, event.length, &seconds) == MU_OK && seconds == 10);
    wait_for(client, MU_EVENT_MESSAGE, MU_SERVER_KICKED);
    HOLD(mu_read_kicked(data, event.length, &reason) == MU_OK && reason == 1);
    wait_for(client, MU_EVENT_CLOSED, 0);
    HOLD(event.reason == MU_CLOSED_SERVER && event.code == 2);
    HOLD(event.length == 23 && memcmp(data, "That was all for today.", 23) == 0);
    HOLD(mu_client_stats(client, &stats) == MU_OK && stats.messages == 18 && stats.snapshots > 0);
    HOLD(stats.datagrams_out > 0 && stats.datagrams_dropped >= 2);
    HOLD(mu_client_next_timeout(client, &us) == MU_NOTHING && mu_client_state(client) == MU_STATE_CLOSED);
    mu_client_destroy(client);
    close(sock);
}

/* A second client, which closes by itself. */
static void second(const char *json, size_t length) {
    MuClient *client = connect_client(json, length, 0);
    uint64_t at = 0;
    HOLD(mu_client_close(client, 1) == MU_ERROR_ARGUMENT && mu_client_close(client, 0x100) == MU_OK);
    HOLD(mu_client_handle_timeout(client, now_us()) == MU_OK);
    wait_for(client, MU_EVENT_CLOSED, 0);
    HOLD(event.reason == MU_CLOSED_LOCAL && event.code == 0x100 && event.length > 0);
    while (mu_client_next_timeout(client, &at) == MU_OK) {
        flush(client);
        uint64_t now = now_us();
        if (at > now) poll(NULL, 0, (int)((at - now) / 1000u) + 1);
    }
    mu_client_destroy(client);
    close(sock);
}

int main(void) {
    static char lines[2][4096];
    for (int i = 0; i < 2; i++) HOLD(fgets(lines[i], sizeof lines[i], stdin) != NULL);
    misuse(lines[0], strlen(lines[0]));
    MuClient *client = connect_client(lines[0], strlen(lines[0]), 1);
    greetings(client);
    movement(client);
    trade(client);
    talk(client);
    blocks(client);
    farewell(client);
    second(lines[1], strlen(lines[1]));
    puts("all is well");
    return 0;
}
