/* A player without pictures: reads a gateway's answer to a character's selection from the standard input, connects, walks a
 * few steps, says hello, prints what it sees and hears for some seconds, and leaves.
 *
 *   curl -s -X POST -H "Authorization: Bearer $TOKEN" $GATEWAY/v1/characters/$ID/select -d '{}' | ./example [seconds]
 *
 * It makes the simplest loop there can be; a game does the same once a frame with a socket that does not block. */

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

static MuClient *client;
static int sock;
static MuSpawned me; /* me.entity is 0 until the character stands in the world */
static int over;

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void check(int32_t status, const char *what) {
    if (status >= MU_OK) return;
    fprintf(stderr, "%s: %s\n", what, mu_status_text(status));
    exit(1);
}

static int connected_socket(const MuAddress *server) {
    struct sockaddr_storage to;
    memset(&to, 0, sizeof to);
    struct sockaddr_in *v4 = (struct sockaddr_in *)&to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&to;
    to.ss_family = server->family == 4 ? AF_INET : AF_INET6;
    if (server->family == 4) {
        v4->sin_port = htons(server->port);
        memcpy(&v4->sin_addr, server->ip, 4);
    } else {
        v6->sin6_port = htons(server->port);
        memcpy(&v6->sin6_addr, server->ip, 16);
    }
    int made = socket(to.ss_family, SOCK_DGRAM, 0);
    socklen_t length = server->family == 4 ? sizeof *v4 : sizeof *v6;
    if (made < 0 || connect(made, (struct sockaddr *)&to, length) != 0) {
        perror("socket");
        exit(1);
    }
    return made;
}

static void heard(const MuEvent *event, const uint8_t *data) {
    MuChat chat;
    MuNotice notice;
    MuRefused refused;
    if (mu_read_spawned(data, event->length, &me) == MU_OK) {
        static const uint8_t there_and_back[4] = {MU_DIRECTION_EAST, MU_DIRECTION_EAST, MU_DIRECTION_WEST, MU_DIRECTION_WEST};
        printf("%s stands on map %u at (%u, %u)\n", me.name, me.map, me.x / 256u, me.y / 256u);
        check(mu_client_chat(client, MU_CHANNEL_LOCAL, "Hello from C!", 13), "chat");
        check(mu_client_walk(client, me.x, me.y, there_and_back, 4), "walk");
    } else if (mu_read_chat(data, event->length, &chat) == MU_OK) {
        printf("%s says: %s\n", chat.name, chat.text);
    } else if (mu_read_notice(data, event->length, &notice) == MU_OK) {
        printf("notice: %s\n", notice.text);
    } else if (mu_read_refused(data, event->length, &refused) == MU_OK) {
        printf("refused: reason %u, detail %u\n", refused.what, refused.detail);
    } else {
        printf("message %u of %zu bytes\n", event->message, event->length);
    }
}

static void events(void) {
    static uint8_t data[8 * 1024 * 1024]; /* the longest block */
    MuEvent event;
    MuEntity entity;
    while (mu_client_poll_event(client, &event, data, sizeof data) == MU_OK) {
        switch (event.kind) {
        case MU_EVENT_CONNECTED: printf("connected\n"); break;
        case MU_EVENT_MESSAGE: heard(&event, data); break;
        case MU_EVENT_BLOCK: printf("block of kind %u, %zu bytes\n", event.code, event.length); break;
        case MU_EVENT_ENTERED:
        case MU_EVENT_CHANGED:
            if (mu_client_entity(client, event.entity, event.tick, &entity) != MU_OK) break;
            printf("tick %u: %s %u %s (%u, %u) to (%u, %u)\n", event.tick,
                   event.entity == me.entity ? "you, entity" : "entity", event.entity, entity.name,
                   entity.x / 256u, entity.y / 256u, entity.to_x / 256u, entity.to_y / 256u);
            break;
        case MU_EVENT_LEFT: printf("entity %u left\n", event.entity); break;
        case MU_EVENT_CLOSED: printf("closed: %.*s\n", (int)event.length, (const char *)data); over = 1; break;
        default: break;
        }
    }
}

int main(int count, char **words) {
    static char json[8192];
    uint64_t leave_at = now_us() + 1000000u * (uint64_t)(count > 1 ? atoi(words[1]) : 5);
    MuTicket ticket;
    MuConfig config;
    uint64_t at;
    check(mu_ticket_from_json(json, fread(json, 1, sizeof json, stdin), &ticket), "ticket");
    sock = connected_socket(&ticket.server);
    memset(&config, 0, sizeof config);
    config.abi_version = MU_ABI_VERSION;
    check(mu_client_create(&config, &ticket, now_us(), &client), "client");
    mu_ticket_wipe(&ticket);
    while (mu_client_next_timeout(client, &at) == MU_OK) {
        uint8_t datagram[2048];
        size_t length = 0;
        while (mu_client_transmit(client, now_us(), datagram, sizeof datagram, &length) == MU_OK && length > 0)
            if (send(sock, datagram, length, 0) < 0) perror("send"); /* as good as lost on the way */
        struct pollfd wait = {sock, POLLIN, 0};
        uint64_t now = now_us(), until = at < leave_at ? at : leave_at;
        if (poll(&wait, 1, until > now ? (int)((until - now) / 1000u) + 1 : 0) > 0) {
            ssize_t got = recv(sock, datagram, sizeof datagram, 0);
            if (got >= 0) check(mu_client_receive(client, now_us(), datagram, (size_t)got), "receive");
        }
        check(mu_client_handle_timeout(client, now_us()), "timeout");
        events();
        if (!over && now_us() >= leave_at) { /* the server answers by closing; after two seconds more we do */
            if (mu_client_leave(client) != MU_OK) mu_client_close(client, 0);
            leave_at = now_us() + 2000000u;
        }
    }
    mu_client_destroy(client);
    return me.entity == 0;
}
