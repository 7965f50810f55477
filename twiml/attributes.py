"""Typed attributes: each reader knows default and range, and warns where a value is neither."""

from __future__ import annotations

from collections.abc import Iterable

from twiml.errors import Warning
from twiml.tree import Element

EVENTS = ("initiated", "ringing", "answered", "completed")


class Reader:
    """The attributes of one element. `rest` warns of those that nobody read."""

    def __init__(self, element: Element, warnings: list[Warning], code: int) -> None:
        self.element = element
        self.warnings = warnings
        self._code = code
        self._read: set[str] = set()

    def warn(self, code: int, message: str) -> None:
        """Warns about this element."""
        self.warnings.append(warning(self.element, code, message))

    def warn_of(self, child: Element, code: int, message: str) -> None:
        """Warns about an element inside this one."""
        self.warnings.append(warning(child, code, message))

    def childless(self, *known: str) -> None:
        """Warns of elements inside one that has none but those that are `known`."""
        for child in self.element:
            if child.tag not in known:
                self.warn_of(child, 12200, f"<{child.tag}> is not allowed inside <{self.element.tag}>: ignored")

    def textless(self, *, behind: bool = False) -> None:
        """Warns of text in an element that has none, or has none `behind` its first child."""
        texts = [child.tail for child in self.element] + ([] if behind else [self.element.text])
        if any(map(str.strip, texts)):
            self.warn(12200, f"text is not allowed inside <{self.element.tag}>: ignored")

    def empty(self) -> None:
        """Warns of whatever is inside."""
        self.childless()
        self.textless()

    def parameter(self, child: Element) -> dict[str, str]:
        """The name and value of a `<Parameter>`; nothing, with a warning, without a name."""
        read = Reader(child, self.warnings, 12200)
        name, value = read.text("name"), read.text("value", "") or ""
        read.rest()
        read.empty()
        if not name:
            read.warn(12200, "<Parameter> has no name: ignored")
        return {name: value} if name else {}

    def text(self, name: str, default: str | None = None) -> str | None:
        """Any text, trimmed."""
        self._read.add(name)
        value = self.element.get(name)
        return default if value is None else value.strip()

    def word(self, name: str, words: Iterable[str], default: str, code: int | None = None) -> str:
        """One of some words; true and false in whatever case."""
        value, allowed = self.text(name, default) or "", tuple(words)
        if value.lower() in ("true", "false"):
            value = value.lower()
        if value in allowed:
            return value
        return self._wrong(name, value, f"one of {', '.join(allowed)}", default, code)

    def method(self, name: str = "method", code: int | None = None) -> str:
        """GET or POST."""
        value = (self.text(name, "POST") or "POST").upper()
        return value if value in ("GET", "POST") else self._wrong(name, value, "GET or POST", "POST", code)

    def integer(self, name: str, default: int, least: int = 0, most: int = 2**31) -> int:
        """A whole number in a range."""
        value = self.text(name)
        if value is None:
            return default
        if value.isascii() and value.isdigit() and least <= int(value) <= most:
            return int(value)
        return int(self._wrong(name, value, f"a whole number from {least} to {most}", str(default)))

    def flag(self, name: str, default: bool) -> bool:
        """true or false, in whatever case."""
        return self.word(name, ("true", "false"), "true" if default else "false") == "true"

    def keys(self, name: str, default: str, most: int = 12) -> str:
        """Keys of the pad, possibly none."""
        value = self.text(name, default) or ""
        if len(value) <= most and all(key in "0123456789*#" for key in value):
            return value
        return self._wrong(name, value, f"up to {most} of 0-9, * and #", default)

    def events(self, name: str, allowed: Iterable[str], default: str) -> tuple[str, ...]:
        """A list of words with spaces between."""
        words = (self.text(name, default) or "").split()
        known = tuple(allowed)
        good = tuple(word for word in words if word in known)
        for word in words:
            if word not in known:
                self._wrong(name, word, f"of {', '.join(known)}", "")
        return good or tuple(default.split())

    def later(self, *names: str, code: int = 12200) -> None:
        """Attributes that are known and not supported by this version: one line names those that are there."""
        there = [name for name in names if self.text(name) is not None]
        if there:
            how = "is not supported by this version and has" if len(there) == 1 else "are not supported and have"
            self.warn(code, f"<{self.element.tag}> {', '.join(there)} {how} no effect")

    def rest(self) -> None:
        """Warns of attributes that Twilio does not know."""
        for name in self.element.attrib:
            if str(name) not in self._read:
                self.warn(12200, f"<{self.element.tag}> has no attribute {str(name)!r}: ignored")

    def _wrong(self, name: str, value: str | None, wanted: str, default: str, code: int | None = None) -> str:
        used = f"; {default!r} is used" if default else ""
        self.warn(code or self._code, f"<{self.element.tag}> {name}={value!r} is not {wanted}{used}")
        return default


def warning(element: Element, code: int, message: str) -> Warning:
    """About an element, with its place."""
    return Warning(code, message, element.line, element.column)
