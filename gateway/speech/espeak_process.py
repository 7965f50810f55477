"""espeak-ng from the espeakng-loader wheel, in this process and no other: escaped text on stdin, WAV on stdout.

`python -m gateway.speech.espeak_process VOICE`: what speaks when the system has no espeak-ng program. The library is
GPL, so it never runs inside the gateway's own process.
"""

from __future__ import annotations

import ctypes
import sys

import espeakng_loader

from media.files import wav_header

# speak_lib.h
SYNCHRONOUS, UTF8, SSML, PHONEMES, CHARACTERS = 2, 0x01, 0x10, 0x100, 1
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


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
    pcm = synthesised(library, sys.stdin.buffer.read())
    sys.stdout.buffer.write(wav_header(1, len(pcm), rate) + pcm)
    return 0


def synthesised(library: ctypes.CDLL, text: bytes) -> bytes:
    """The samples of a text."""
    chunks: list[bytes] = []

    def take(wave: int | None, samples: int, events: int | None) -> int:
        if wave and samples > 0:
            chunks.append(ctypes.string_at(wave, 2 * samples))
        return 0

    callback = CALLBACK(take)
    library.espeak_SetSynthCallback(callback)
    size = ctypes.c_size_t(len(text) + 1)
    library.espeak_Synth(text, size, 0, CHARACTERS, 0, UTF8 | SSML | PHONEMES, None, None)
    library.espeak_Synchronize()
    return b"".join(chunks)


if __name__ == "__main__":
    sys.exit(main())
