"""How words sound, in IPA or X-SAMPA, as espeak-ng's phoneme mnemonics (its docs/phonemes.md)."""

from __future__ import annotations

# IPA -> espeak-ng; longer symbols first where one begins with another
_IPA = {
    "t͡ʃ": "tS", "d͡ʒ": "dZ", "tʃ": "tS", "dʒ": "dZ", "eɪ": "eI", "aɪ": "aI", "ɔɪ": "OI", "oʊ": "oU", "əʊ": "oU",
    "aʊ": "aU", "iː": "i:", "uː": "u:", "ɑː": "A:", "ɔː": "O:", "ɜː": "3:", "ɝ": "3:", "ɚ": "3", "ɛ": "E", "æ": "a",
    "ɑ": "A:", "ɒ": "0", "ɔ": "O:", "ʊ": "U", "ʌ": "V", "ə": "@", "ɪ": "I", "ɜ": "3:", "i": "i", "u": "u:", "e": "E",
    "a": "a", "o": "oU", "ɐ": "V", "y": "y", "ø": "Y", "œ": "W", "ç": "C", "ɲ": "n^", "ʁ": "R", "x": "x", "ɣ": "Q",
    "p": "p", "b": "b", "t": "t", "d": "d", "k": "k", "g": "g", "ɡ": "g", "f": "f", "v": "v", "θ": "T", "ð": "D",
    "s": "s", "z": "z", "ʃ": "S", "ʒ": "Z", "h": "h", "m": "m", "n": "n", "ŋ": "N", "l": "l", "ɫ": "l", "ɹ": "r",
    "r": "r", "j": "j", "w": "w", "ʔ": "?", "ɾ": "t", "ː": "", "ˈ": "'", "ˌ": ",", ".": "", "‿": "", " ": "||",
}  # fmt: skip
# X-SAMPA -> IPA, where they differ
_SAMPA = {
    "r\\": "ɹ", "@`": "ɚ", "3`": "ɝ", "I": "ɪ", "E": "ɛ", "{": "æ", "A": "ɑ", "Q": "ɒ", "O": "ɔ", "U": "ʊ", "V": "ʌ",
    "@": "ə", "3": "ɜ", "2": "ø", "9": "œ", "C": "ç", "J": "ɲ", "R": "ʁ", "G": "ɣ", "T": "θ", "D": "ð", "S": "ʃ",
    "Z": "ʒ", "N": "ŋ", "?": "ʔ", "4": "ɾ", ":": "ː", '"': "ˈ", "%": "ˌ", "-": ".",
}  # fmt: skip


def espeak(ph: str, alphabet: str) -> str | None:
    """The mnemonics; None where a symbol or the alphabet is not known."""
    if alphabet not in ("ipa", "x-sampa"):
        return None
    ipa = _mapped(ph, _SAMPA, keep=True) if alphabet == "x-sampa" else ph
    return _mapped(ipa, _IPA, keep=False) if ipa is not None else None


def _mapped(text: str, table: dict[str, str], *, keep: bool) -> str | None:
    """Symbol by symbol, the longest first; what is not in the table stays with `keep`, else ends it."""
    found, at = [], 0
    while at < len(text):
        symbol = next((text[at : at + size] for size in (3, 2, 1) if text[at : at + size] in table), None)
        if symbol is None and not keep:
            return None
        found.append(table[symbol] if symbol is not None else text[at])
        at += len(symbol or "x")
    return "".join(found)
