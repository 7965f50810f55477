/* What the loops over streams share: the columns that they work on, as media/native_streams.py tells them. */
#pragma once
#include <stdint.h>

enum { HEADER = 12, COMFORT_NOISE = 13, CONTROL = 64, CONTROL_END = 96, RATE = 8000 };
enum { DROPOUT = 3000, MISORDER = 100, A_TICK = 8 };           /* media/probation.py */
enum { FRAME = RATE / 50, SIZE = 25 * FRAME }; /* samples: of a tick, and kept of a row */
enum { AHEAD = 8, LINE = 64 };                 /* packets; bytes */

/* Columns by port row. */
struct rows {
    /* ports */
    const int64_t *payload_type, *dtmf_type, *peer, *ssrc, *timestamp;
    const uint8_t *receive, *connected;
    int64_t *sequence, *packets_in, *packets_out, *bytes_out;
    double *heard_at;
    uint8_t *marker;
    /* the stream that is heard */
    int64_t *heard_ssrc, *highest, *heard;
    /* what is reported of it */
    int64_t *extended, *counted;
    double *transit, *jitter;
    /* what is forwarded into the row */
    uint8_t *aligned;
    int64_t *source, *ahead_sequence, *ahead_timestamp, *idle;
    /* playout */
    const int64_t *law;
    uint8_t *ring; /* SIZE bytes a row */
    int64_t *play, *at, *left, *ring_ssrc, *margin, *ticks, *late;
    const int64_t *most, *delay;
};

/* Columns by packet. */
struct headers {
    uint8_t *ok, *marker;
    int64_t *payload_type, *sequence, *timestamp, *ssrc, *start, *size;
};

/* Packets as they lie: packet i in `width` bytes, of which `lengths[i]` count. */
struct packets {
    const uint8_t *data;
    int64_t width;
    const int64_t *lengths, *rows;
    int64_t count;
};

/* What comes in a moment is fetched now: packets lie where the kernel wrote them, far from any cache. */
static inline void fetch(const struct packets *from, int64_t i, int64_t bytes)
{
    const uint8_t *at = from->data + (i + AHEAD) * from->width;
    for (int64_t done = 0; i + AHEAD < from->count && done < bytes; done += LINE)
        __builtin_prefetch(at + done);
}
