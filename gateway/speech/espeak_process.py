"""espeak-ng from the espeakng-loader wheel, in this process and no other: text on stdin, WAV on stdout.

`python -m gateway.speech.espeak_process VOICE`: what is spoken when the system has no espeak-ng program. The library
is GPL, so it never runs inside the gateway's own process.
"""

from __future__ import annotations

import ctypes
import sys

import espeakng_loader

from media.files import wav_header

SYNCHRONOUS, UTF8 = 2, 1


def main() -> int:
    """Speaks; exit status 1 with a line on stderr when it cannot."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, str(espeakng_loader.get_data_path()).encode(), 0)
    if rate <= 0:
        print("espeak-ng cannot be initialised", file=sys.stderr)
        return 1
    if library.espeak_SetVoiceByName(sys.argv[1].encode()) != 0:
        print(f"espeak-ng has no voice {sys.argv[1]!r}", file=sys.stderr)
        return 1
    chunks: list[bytes] = []

    def take(wave: int, samples: int, events: object) -> int:
        if samples > 0:
            chunks.append(ctypes.string_at(wave, 2 * samples))
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    callback = kind(take)  # kept: the library calls it later
    library.espeak_SetSynthCallback(callback)
    text = sys.stdin.buffer.read() + b"\0"
    library.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 1, 0, UTF8, None, None)
    pcm = b"".join(chunks)
    sys.stdout.buffer.write(wav_header(1, len(pcm), rate) + pcm)
    return 0


if __name__ == "__main__":
    sys.exit(main())
