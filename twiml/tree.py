"""XML as a tree of elements that know where they stand (XML 1.0), hardened against what documents need not have.

Names are as they are written, prefixes included: `xml:lang`, `amazon:effect`. Comments and processing instructions are
left out; a document type declaration is refused, and with it every entity but XML's own five.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from twiml.errors import TwimlError

DEEPEST = 100  # elements inside each other


@dataclass(slots=True, eq=False)
class Element:
    """One element; `text` is what stands before its first child, `tail` what stands behind its end."""

    tag: str
    attrib: dict[str, str]
    line: int  # from 1
    column: int  # from 1
    text: str = ""
    tail: str = ""
    children: list[Element] = field(default_factory=list)

    def __iter__(self) -> Iterator[Element]:
        return iter(self.children)

    def get(self, name: str) -> str | None:
        """An attribute's value."""
        return self.attrib.get(name)

    def all_text(self) -> str:
        """Everything inside, tags left out, white space folded."""
        return " ".join(self.exact_text().split())

    def exact_text(self) -> str:
        """Everything inside, tags left out, without white space around it."""
        return "".join(self._texts()).strip()

    def _texts(self) -> Iterator[str]:
        yield self.text
        for child in self.children:
            yield from child._texts()
            yield child.tail


def parse(data: bytes, encoding: str | None = None) -> Element:
    """The root; TwimlError 12100 for what is not well-formed, 12101 for another version of XML.

    `encoding`: in place of the one that is declared.

    White space before it is no error, nor behind a byte order mark; it counts as lines.
    """
    inside = data.removeprefix(BOM_UTF8).lstrip()
    builder = _Builder(data[: len(data) - len(inside)].count(b"\n"), encoding)
    try:
        builder.parser.Parse(inside, True)
    except expat.ExpatError as error:
        line = builder.above + error.lineno
        text = f"not well-formed XML: {expat.ErrorString(error.code)}"
        raise TwimlError(12100, text, line, error.offset + 1) from error
    except (ValueError, LookupError) as error:  # an encoding that cannot be read
        raise TwimlError(12100, f"not well-formed XML: {error}", 1) from error
    finally:
        del builder.parser  # which knows the builder, too, and its buffers are not to wait for the collector
    assert builder.root is not None
    return builder.root


class _Builder:
    """What the parser calls."""

    def __init__(self, above: int, encoding: str | None) -> None:
        self.above = above  # lines before the document
        self.root: Element | None = None
        self._open: list[Element] = []
        self.parser = parser = expat.ParserCreate(encoding)
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if version != "1.0":
            raise TwimlError(12101, f"XML {version} is not supported, only 1.0", 1)

    def _doctype(self, *_: object) -> None:
        raise self._error("a document type declaration is not allowed")

    def _start(self, tag: str, attrib: dict[str, str]) -> None:
        if len(self._open) == DEEPEST:
            raise self._error(f"more than {DEEPEST} elements are inside each other")
        element = Element(tag, attrib, *self._place())
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        inside = self._open[-1]
        if inside.children:
            inside.children[-1].tail += text
        else:
            inside.text += text

    def _error(self, message: str) -> TwimlError:
        return TwimlError(12100, message, *self._place())

    def _place(self) -> tuple[int, int]:
        """Line and column of what is being read, from 1."""
        return self.above + self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1
