/* Frames that a DTMF tone may be in, told at a glance; media/dtmf.py says what is looked for and does it with NumPy. */

#include "arithmetic.h"

enum { TONES = 8, LOW = 4, SHIFT = 4 }; /* samples lose SHIFT bits, so that sums over a frame fit into 32 */

static int32_t product(const int16_t *one, const int16_t *other)
{
    int32_t sum = 0;
    for (int64_t n = 0; n < FRAME; n++)
        sum += (int32_t)one[n] * other[n];
    return sum;
}

static float strongest(const float *power, int count)
{
    float most = 0;
    for (int tone = 0; tone < count; tone++)
        most = power[tone] > most ? power[tone] : most;
    return most;
}

/* `bank`: FRAME samples of each tone's cosine, then of each one's sine. */
static float tones(const int16_t *pcm, const int16_t *bank)
{
    float power[TONES];
    for (int tone = 0; tone < TONES; tone++) {
        float cosine = (float)product(pcm, bank + tone * FRAME), sine = (float)product(pcm, bank + (TONES + tone) * FRAME);
        power[tone] = cosine * cosine + sine * sine;
    }
    return strongest(power, LOW) + strongest(power + LOW, TONES - LOW);
}

/* Of each of `count` rows of `heard` (FRAME samples a row): whether its energy is above `least`, and the strongest two
 * tones are more than `share` of it, as `bank` counts. */
void dtmf_glance(const int16_t *heard, const int64_t *rows, int64_t count, const int16_t *bank, float share,
                 float least, uint8_t *suspect)
{
    for (int64_t i = 0; i < count; i++) {
        const int16_t *from = heard + rows[i] * FRAME;
        int16_t pcm[FRAME];
        for (int64_t n = 0; n < FRAME; n++)
            pcm[n] = from[n] >> SHIFT;
        float energy = (float)product(pcm, pcm) * (1 << 2 * SHIFT);
        suspect[i] = energy > least && tones(pcm, bank) * (1 << 2 * SHIFT) > share * energy;
    }
}
