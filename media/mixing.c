/* What rooms and their members hear, sample by sample; media/mixer.py says what is mixed and does the same with NumPy. */

#include "arithmetic.h"

enum { CODES = 1 << 16, MIDDLE = CODES / 2 }; /* of a law: by sample, as 16 bits without sign */

/* Columns by member: its port row, its room, how loud it is. */
struct members {
    const int64_t *rows, *room;
    const float *gain;
};

/* Frames as samples, rounded; what is too loud is cut off, before it is more than a whole number can be. */
static void whole(const float *audio, uint16_t *samples)
{
    for (int64_t n = 0; n < FRAME; n++) {
        float above = audio[n] + (MIDDLE + 0.5f), positive = above < 0 ? 0 : above;
        samples[n] = (uint16_t)((int32_t)(positive > CODES - 1 ? CODES - 1 : positive) ^ MIDDLE);
    }
}

/* Of `count` members those who `spoke` into the sums of their rooms, FRAME samples each, as `heard` (by port row). */
void mixing_sum(const struct members *of, int64_t count, const uint8_t *spoke, const int16_t *heard, float *rooms)
{
    for (int64_t i = 0; i < count; i++) {
        if (!spoke[i])
            continue;
        const int16_t *pcm = heard + of->rows[i] * FRAME;
        float *restrict sum = rooms + of->room[i] * FRAME, gain = of->gain[i];
        for (int64_t n = 0; n < FRAME; n++)
            sum[n] += gain * pcm[n];
    }
}

/* What each of `count` members who spoke hears, its room without itself, by `law[i]` to frame `entries[i]` of `wire`. */
void mixing_own(const struct members *of, const int64_t *which, int64_t count, const int16_t *heard, const float *rooms,
                const int64_t *entries, const int64_t *law, const uint8_t *codes, uint8_t *wire)
{
    for (int64_t i = 0; i < count; i++) {
        const float *sum = rooms + of->room[which[i]] * FRAME, gain = of->gain[which[i]];
        const int16_t *pcm = heard + of->rows[which[i]] * FRAME;
        const uint8_t *table = codes + law[i] * CODES;
        uint8_t *to = wire + entries[i] * FRAME;
        float own[FRAME];
        uint16_t samples[FRAME];
        for (int64_t n = 0; n < FRAME; n++)
            own[n] = sum[n] - gain * pcm[n];
        whole(own, samples);
        for (int64_t n = 0; n < FRAME; n++)
            to[n] = table[samples[n]];
    }
}
