/* The bare loop that every figure is compared with: each 20 ms one sweep over connected sockets that sends back what
 * came. `loop FIRST PEER COUNT`: sockets on FIRST, FIRST+2, ..., peers on PEER, PEER+2, ... of 127.0.0.1. */
#include "common.h"

int main(int argc, char **argv)
{
    if (argc != 4)
        return fprintf(stderr, "loop FIRST PEER COUNT\n"), 2;
    int first = atoi(argv[1]), peer = atoi(argv[2]), count = atoi(argv[3]);
    int *fds = calloc(count, sizeof *fds);
    for (int i = 0; i < count; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        to.sin_port = htons(peer + 2 * i);
        fds[i] = bound(first + 2 * i);
        if (connect(fds[i], (struct sockaddr *)&to, sizeof to))
            return perror("connect"), 1;
    }
    uint8_t data[512];
    puts("ready");
    fflush(stdout);
    for (int64_t due = now();; due += TICK) {
        sleep_until(due);
        if (now() - due > 50 * TICK)
            due = now(); /* it was stopped for a while */
        for (int i = 0; i < count; i++)
            for (ssize_t length; (length = recv(fds[i], data, sizeof data, 0)) >= 0;)
                send(fds[i], data, length, 0);
    }
}
