/* What members of conferences hear, sample by sample; media/mixer.py says what is mixed and does the same with NumPy. */

#include "streams.h"

#include <string.h>

enum { CODES = 1 << 16 };               /* of a law: by sample, as 16 bits without sign */
static const float WHOLE = 1.5f * (1 << 23); /* added to a sample it leaves no room for a fraction: IEEE 754 rounds */

static uint16_t sample(float audio)
{
    float cut = audio > 32767 ? 32767 : audio < -32768 ? -32768 : audio, rounded = cut + WHOLE;
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    return (uint16_t)bits;
}

/* `count` frames of audio in int16 range, what is louder cut off, by `law[i]` to frame `entries[i]` of `wire`. */
void mixing_encode(const float *audio, int64_t count, const int64_t *entries, const int64_t *law, const uint8_t *codes,
                   uint8_t *wire)
{
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *table = codes + law[i] * CODES;
        uint8_t *to = wire + entries[i] * FRAME;
        for (int64_t n = 0; n < FRAME; n++)
            to[n] = table[sample(audio[i * FRAME + n])];
    }
}
