/* Playout buffers (media/jitter.py says how they work): packets in, a frame of samples out for each row. */

#include "streams.h"

#include <stdlib.h>
#include <string.h>

enum { JUMP = SIZE / 2, LEAST = FRAME, PATIENCE = 250, LOOK = 16 };

static const uint8_t QUIET[] = {0xFF, 0xD5}; /* by law */

static void start(const struct rows *rows, int64_t row, int64_t ssrc, int64_t timestamp)
{
    memset(rows->ring + row * SIZE, QUIET[rows->law[row]], SIZE);
    rows->ring_ssrc[row] = ssrc;
    rows->play[row] = (timestamp - rows->delay[row]) & 0xFFFFFFFF;
    rows->margin[row] = JUMP;
    rows->ticks[row] = rows->left[row] = 0;
}

/* A payload to where it plays, `ahead` samples from now; what should have played already is left out. */
static void place(const struct rows *rows, int64_t row, const uint8_t *payload, int64_t size, int64_t ahead)
{
    int64_t over = ahead < 0 ? -ahead : 0, at = (rows->at[row] + ahead + over) % SIZE;
    int64_t count = size - over, straight = count < SIZE - at ? count : SIZE - at;
    uint8_t *ring = rows->ring + row * SIZE;
    memcpy(ring + at, payload + over, (size_t)straight);
    memcpy(ring, payload + over + straight, (size_t)(count - straight));
}

/* Audio packets of the rows that are listened to, into their buffers. */
void playout_put(const struct rows *rows, const struct headers *of, const struct packets *from, const uint8_t *listened)
{
    for (int64_t i = 0; i < from->count; i++) {
        int64_t row = from->rows[i], size = of->size[i];
        fetch(from, i, HEADER + FRAME);
        if (!of->ok[i] || !listened[row] || of->payload_type[i] != rows->payload_type[row] ||
            size > from->width - HEADER)
            continue;
        int64_t ahead = (int32_t)(uint32_t)(of->timestamp[i] - rows->play[row]);
        if (of->ssrc[i] != rows->ring_ssrc[row] || llabs(ahead) > JUMP) {
            start(rows, row, of->ssrc[i], of->timestamp[i]);
            ahead = rows->delay[row];
        }
        rows->margin[row] = ahead < rows->margin[row] ? ahead : rows->margin[row];
        rows->left[row] = ahead + size > rows->left[row] ? ahead + size : rows->left[row];
        if (ahead + size > 0)
            place(rows, row, from->data + i * from->width + of->start[i], size, ahead);
        else
            rows->late[row]++;
    }
}

/* Whether playout may have to move by a frame: packets came too late, or have been early for a while. */
static int wavers(const struct rows *rows, int64_t row)
{
    int64_t margin = rows->margin[row], delay = rows->delay[row];
    if (margin < 0 && delay < rows->most[row])
        return 1;
    if (rows->ticks[row] < PATIENCE)
        return 0;
    int early = margin >= 2 * FRAME && margin < JUMP && delay > LEAST;
    return !early || (rows->ticks[row] + row) % LOOK == 0;
}

/* A frame of each of `count` rows into `heard` (FRAME samples a row); zeros where nothing has come. `tables`: 256
 * samples a law. Returns how many rows may have to move: they are in `wavering`. */
int64_t playout_take(const struct rows *rows, const int64_t *listening, int64_t count, const int16_t *tables,
                     int16_t *heard, int64_t *wavering)
{
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t row = listening[i];
        int16_t *pcm = heard + row * FRAME;
        uint8_t *wire = rows->ring + row * SIZE + rows->at[row];
        const int16_t *table = tables + 256 * rows->law[row];
        if (i + AHEAD < count)
            for (int64_t next = listening[i + AHEAD], done = 0; done < FRAME; done += LINE)
                __builtin_prefetch(rows->ring + next * SIZE + rows->at[next] + done, 1);
        if (rows->left[row] > 0) {
            for (int64_t n = 0; n < FRAME; n++)
                pcm[n] = table[wire[n]];
            memset(wire, QUIET[rows->law[row]], FRAME);
        } else
            memset(pcm, 0, FRAME * sizeof *pcm);
        rows->play[row] = (rows->play[row] + FRAME) & 0xFFFFFFFF;
        rows->at[row] = (rows->at[row] + FRAME) % SIZE;
        rows->left[row] = rows->left[row] > FRAME ? rows->left[row] - FRAME : 0;
        rows->ticks[row]++;
        if (wavers(rows, row))
            wavering[found++] = row;
    }
    return found;
}
