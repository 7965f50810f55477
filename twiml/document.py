"""Bytes to a document, parsed once: hardened XML, Twilio's limits, and what each content type means."""

from __future__ import annotations

from dataclasses import dataclass

from twiml import tree
from twiml.attributes import Reader, warning
from twiml.errors import TwimlError, Warning
from twiml.tree import Element
from twiml.verbs import LATER, REGISTRY, Verb
from twiml.verbs.play import Play
from twiml.verbs.say import Say

LARGEST = 64 * 1024
TOO_LARGE, EMPTY = 11750, 11770
MARKUP = ("text/xml", "application/xml", "text/html")
AUDIO = (
    "audio/mpeg", "audio/mp3", "audio/wav", "audio/wave", "audio/x-wav", "audio/aiff", "audio/x-aiff", "audio/x-aifc",
    "audio/gsm", "audio/x-gsm", "audio/ulaw", "audio/basic",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """The verbs in their order, and what was odd about them."""

    verbs: tuple[Verb, ...]
    warnings: tuple[Warning, ...] = ()


def from_response(body: bytes, content_type: str, url: str) -> Document:
    """An HTTP answer as a document, whose end hangs up, of bare audio or text too (twiml-voice.md: content types)."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in AUDIO:
        return Document((Play(url, 1, ""),))
    if kind == "text/plain":
        try:
            return parse(body)
        except TwimlError as error:
            if error.code in (TOO_LARGE, EMPTY):
                raise
            return Document((Say(body.decode("utf-8", "replace").strip(), "man", "en-US", 1),))
    if kind and kind not in MARKUP:
        raise TwimlError(12300, f"content type {kind!r} is neither XML, audio nor text")
    return parse(body)


def parse(body: bytes | str) -> Document:
    """TwimlError for what cannot be run at all. A text is in no encoding, whatever it declares."""
    encoding = "utf-8" if isinstance(body, str) else None
    if isinstance(body, str):
        body = body.encode("utf-8", "replace")
    if len(body) > LARGEST:
        raise TwimlError(TOO_LARGE, f"the document has {len(body)} bytes; {LARGEST} are allowed")
    if not body.strip():
        raise TwimlError(EMPTY, "the answer is empty")
    root = _root(body, encoding)
    warnings: list[Warning] = []
    read = Reader(root, warnings, 12200)
    read.rest()
    read.textless()
    verbs = [verb for child in root if (verb := _verb(child, warnings)) is not None]
    return Document(tuple(verbs), tuple(warnings))


def _root(body: bytes, encoding: str | None) -> Element:
    root = tree.parse(body, encoding)
    if root.tag != "Response":
        raise TwimlError(12102, f"the root is <{root.tag}>, not <Response>", root.line, root.column)
    return root


def _verb(element: Element, warnings: list[Warning]) -> Verb | None:
    module = REGISTRY.get(element.tag)
    if module is not None:
        parsed: Verb | None = module.parse(element, warnings)
        return parsed
    if element.tag in LATER:
        code = LATER[element.tag]
        warnings.append(warning(element, code, f"<{element.tag}> is not supported by this version: skipped"))
    else:
        warnings.append(warning(element, 12200, f"<{element.tag}> is not a verb: skipped"))
    return None
