/* The packets of many UDP sockets at once: plain C without Python.h, called through ctypes with the interpreter lock
 * released. media/packets.py is the other end, and does the same in Python where this was not built. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Reads up to `each` packets of each of `sockets` sockets into `data`, a packet in `width` bytes; what is longer is
 * cut. `rows` and `lengths` say whose each is. Starts at socket `first`, so that with a full `data` nobody starves.
 * Returns how many were read. */
int64_t packets_drain(const int32_t *fds, const int64_t *row_of, int64_t sockets, int64_t first, int64_t each,
                      uint8_t *data, int64_t width, int64_t *rows, int64_t *lengths, int64_t room)
{
    int64_t count = 0;
    for (int64_t turn = 0; turn < sockets; turn++) {
        int64_t one = first + turn < sockets ? first + turn : first + turn - sockets;
        for (int64_t n = 0; n < each && count < room;) {
            ssize_t length = recv(fds[one], data + count * width, (size_t)width, MSG_DONTWAIT);
            if (length < 0) {
                if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EBADF)
                    break;
                n++; /* an ICMP error about something we sent */
                continue;
            }
            rows[count] = row_of[one];
            lengths[count++] = length;
            n++;
        }
    }
    return count;
}

/* Sends packet `i` of `count`, `lengths[i]` bytes at `data + i * width`, on the connected socket of its row,
 * `fds[rows[i]]` (-1: none).
 * What cannot be sent is lost, as on any network. Returns how many left. */
int64_t packets_send(const int32_t *fds, const int64_t *rows, const uint8_t *data, int64_t width,
                     const int64_t *lengths, int64_t count)
{
    int64_t left = 0;
    for (int64_t one = 0; one < count; one++)
        if (fds[rows[one]] >= 0)
            left += send(fds[rows[one]], data + one * width, (size_t)lengths[one], MSG_DONTWAIT) >= 0;
    return left;
}
