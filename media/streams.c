/* The RTP streams of a tick, packet by packet: plain C without Python.h, called through ctypes with the interpreter lock
 * released. media/native_streams.py is the other end, media/streams.py does the same with NumPy where this was not built. */

#include "streams.h"

#include <math.h>
#include <string.h>

static int64_t big(const uint8_t *at, int bytes)
{
    int64_t value = 0;
    while (bytes--)
        value = value << 8 | *at++;
    return value;
}

static void put_big(uint8_t *at, int bytes, int64_t value)
{
    while (bytes--)
        at[bytes] = (uint8_t)value, value >>= 8;
}

/* A header of ours. */
static void head(uint8_t *to, int marker, int64_t type, int64_t sequence, int64_t timestamp, int64_t ssrc)
{
    to[0] = 0x80;
    to[1] = (uint8_t)(marker << 7 | type);
    put_big(to + 2, 2, sequence);
    put_big(to + 4, 4, timestamp);
    put_big(to + 8, 4, ssrc);
}

/* How far `ahead` is ahead of `of` among 16-bit numbers. */
static int64_t distance(int64_t ahead, int64_t of)
{
    return (int16_t)(uint16_t)(ahead - of);
}

/* One header (RFC 3550 §5.1); CSRCs, an extension and padding are stepped over. */
static void parse(struct headers *to, int64_t i, const uint8_t *data, int64_t width, int64_t length)
{
    int64_t start = HEADER + 4 * (data[0] & 15);
    if (data[0] & 0x10) {
        int64_t at = start + 2 < width - 2 ? start + 2 : width - 2;
        start += 4 + 4 * big(data + at, 2);
    }
    int64_t size = length - start;
    if (data[0] & 0x20) {
        int64_t last = length < 1 ? 0 : length > width ? width - 1 : length - 1;
        size -= data[last] ? data[last] : 1;
    }
    to->ok[i] = data[0] >> 6 == 2 && length >= HEADER && size >= 0;
    to->marker[i] = data[1] >> 7;
    to->payload_type[i] = data[1] & 0x7F;
    to->sequence[i] = big(data + 2, 2);
    to->timestamp[i] = big(data + 4, 4);
    to->ssrc[i] = big(data + 8, 4);
    to->start[i] = start;
    to->size[i] = size;
}

static int agreed(const struct rows *rows, int64_t row, int64_t type)
{
    return type == rows->payload_type[row] || type == rows->dtmf_type[row];
}

static int is_control(int64_t type)
{
    return type >= CONTROL && type < CONTROL_END;
}

/* Parses; `ok` are packets of the streams that are heard already. Returns how many of the others are to be looked at:
 * `others` are those that were agreed on, and those that were not and seem to be RTCP. */
int64_t streams_sort(const struct rows *rows, struct headers *to, const struct packets *from, int64_t tick,
                     int64_t *others)
{
    int64_t found = 0;
    for (int64_t i = 0; i < from->count; i++) {
        int64_t row = from->rows[i];
        fetch(from, i, HEADER);
        parse(to, i, from->data + i * from->width, from->width, from->lengths[i]);
        int64_t type = to->payload_type[i];
        int known = agreed(rows, row, type), control = to->ok[i] && !known && is_control(type);
        int fits = to->ok[i] && (known || type == COMFORT_NOISE) && rows->receive[row] && rows->connected[row];
        int64_t ahead = distance(to->sequence[i], rows->highest[row]);
        int64_t lost = MISORDER + A_TICK * (tick - rows->heard[row]), most = lost < DROPOUT ? lost : DROPOUT;
        to->ok[i] = fits && to->ssrc[i] == rows->heard_ssrc[row] && ahead < most && ahead > -MISORDER;
        if (control || (fits && !to->ok[i]))
            others[found++] = i;
        if (to->ok[i]) {
            rows->heard[row] = tick;
            if (ahead > 0)
                rows->highest[row] = to->sequence[i];
        }
    }
    return found;
}

/* Counts what is `ok` (RFC 3550 §A.1, §A.8); comfort noise counts, and is not `ok` any more then. Returns the size of
 * the largest payload; `events`: how many are telephone events. */
int64_t streams_count(const struct rows *rows, struct headers *of, const struct packets *from, double now,
                      int64_t *events)
{
    int64_t largest = 0;
    *events = 0;
    for (int64_t i = 0; i < from->count; i++) {
        if (!of->ok[i])
            continue;
        int64_t row = from->rows[i], step = distance(of->sequence[i], rows->extended[row]);
        double transit = now * RATE - (double)of->timestamp[i], off = fabs(transit - rows->transit[row]);
        rows->packets_in[row]++;
        rows->heard_at[row] = now;
        rows->extended[row] += step > 0 ? step : 0;
        rows->counted[row]++;
        rows->transit[row] = transit;
        rows->jitter[row] += ((off < RATE ? off : RATE) - rows->jitter[row]) / 16;
        of->ok[i] = of->payload_type[i] != COMFORT_NOISE || agreed(rows, row, COMFORT_NOISE);
        *events += of->payload_type[i] == rows->dtmf_type[row];
        largest = of->size[i] > largest ? of->size[i] : largest;
    }
    return largest;
}

/* Takes the shift anew where it does not hold, so that our stream goes on without a break. */
static void align(const struct rows *rows, const struct headers *of, int64_t i, int64_t target)
{
    if (rows->aligned[target] && rows->source[target] == of->ssrc[i])
        return;
    rows->ahead_sequence[target] = rows->sequence[target] - of->sequence[i];
    rows->ahead_timestamp[target] = rows->timestamp[target] - of->timestamp[i];
    rows->aligned[target] = rows->marker[target] = 1;
    rows->source[target] = of->ssrc[i];
}

/* One packet for a peer. */
static void pass(const struct rows *rows, const struct headers *of, const struct packets *from, int64_t i,
                 int64_t target, int event, uint8_t *to)
{
    align(rows, of, i, target);
    int64_t sequence = (of->sequence[i] + rows->ahead_sequence[target]) & 0xFFFF;
    int64_t type = event ? rows->dtmf_type[target] : rows->payload_type[target];
    int64_t timestamp = of->timestamp[i] + rows->ahead_timestamp[target];
    head(to, of->marker[i] || rows->marker[target], type, sequence, timestamp, rows->ssrc[target]);
    memcpy(to + HEADER, from->data + i * from->width + of->start[i], (size_t)of->size[i]);
    rows->marker[target] = 0;
    rows->sequence[target] = (sequence + 1) & 0xFFFF;
    rows->idle[target] = 0;
    rows->packets_out[target]++;
    rows->bytes_out[target] += of->size[i];
}

/* Packets of `forwarding` rows, of up to `stride` bytes, for their peers: into `out`, `stride` bytes each. Returns how
 * many there are; `targets` and `lengths` say whose each is. */
int64_t streams_forward(const struct rows *rows, const struct headers *of, const struct packets *from,
                        const uint8_t *forwarding, uint8_t *out, int64_t stride, int64_t *targets, int64_t *lengths)
{
    int64_t found = 0;
    for (int64_t i = 0; i < from->count; i++) {
        int64_t row = from->rows[i], target = rows->peer[row];
        fetch(from, i, stride);
        if (!of->ok[i] || !forwarding[row] || HEADER + of->size[i] > stride)
            continue;
        int event = of->payload_type[i] == rows->dtmf_type[row];
        if (event && rows->dtmf_type[target] < 0)
            continue;
        pass(rows, of, from, i, target, event, out + found * stride);
        targets[found] = target;
        lengths[found++] = HEADER + of->size[i];
    }
    return found;
}

/* Another tick without a packet for each of `count` rows that are forwarded into: how many are starved by now. */
int64_t streams_wait(const struct rows *rows, const int64_t *fed, int64_t count, int64_t starved)
{
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++)
        found += ++rows->idle[fed[i]] > starved;
    return found;
}

/* What `count` rows of ours say, a frame each in `wire`, as packets: into `out`, HEADER + FRAME bytes each. What was
 * forwarded into the rows has to be aligned anew. */
void streams_pack(const struct rows *rows, const int64_t *saying, int64_t count, const int64_t *types,
                  const int64_t *timestamps, const int64_t *sizes, const uint8_t *wire, int64_t starved, uint8_t *out,
                  int64_t *lengths)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t row = saying[i];
        uint8_t *to = out + i * (HEADER + FRAME);
        head(to, rows->marker[row], types[i], rows->sequence[row], timestamps[i], rows->ssrc[row]);
        memcpy(to + HEADER, wire + i * FRAME, FRAME);
        rows->marker[row] = rows->aligned[row] = 0;
        rows->idle[row] = starved;
        rows->sequence[row] = (rows->sequence[row] + 1) & 0xFFFF;
        rows->packets_out[row]++;
        rows->bytes_out[row] += sizes[i];
        lengths[i] = HEADER + sizes[i];
    }
}
