"""Bytes to a document, parsed once: hardened XML, Twilio's limits, and what each content type means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lxml import etree

from twiml.attributes import line_of
from twiml.errors import TwimlError, Warning
from twiml.verbs import LATER, REGISTRY, Verb
from twiml.verbs.hangup import Hangup
from twiml.verbs.play import Play
from twiml.verbs.say import Say

LARGEST = 64 * 1024
MARKUP = ("text/xml", "application/xml", "text/html")
AUDIO = (
    "audio/mpeg", "audio/mp3", "audio/wav", "audio/wave", "audio/x-wav", "audio/aiff", "audio/x-aiff", "audio/x-aifc",
    "audio/gsm", "audio/x-gsm", "audio/ulaw", "audio/basic",
)  # fmt: skip
PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
    remove_comments=True, remove_pis=True, recover=False,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """The verbs in their order, and what was odd about them."""

    verbs: tuple[Verb, ...]
    warnings: tuple[Warning, ...] = ()


def from_response(body: bytes, content_type: str, url: str) -> Document:
    """An HTTP answer as a document (twiml-voice.md: content types)."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in AUDIO:
        return Document((Play(url, 1, ""), Hangup()))
    if kind == "text/plain":
        try:
            return parse(body)
        except TwimlError:
            return Document((Say(body.decode("utf-8", "replace").strip(), "man", "en-US", 1), Hangup()))
    if kind and kind not in MARKUP:
        raise TwimlError(12300, f"content type {kind!r} is neither XML, audio nor text")
    return parse(body)


def parse(body: bytes) -> Document:
    """TwimlError for what cannot be run at all."""
    if len(body) > LARGEST:
        raise TwimlError(11750, f"the document has {len(body)} bytes; {LARGEST} are allowed")
    if not body.strip():
        raise TwimlError(11770, "the answer is empty")
    root = _root(body)
    warnings = [
        Warning(12200, f"<Response> has no attribute {str(name)!r}: ignored", line_of(root)) for name in root.attrib
    ]
    verbs = [verb for child in root if (verb := _verb(child, warnings)) is not None]
    return Document(tuple(verbs), tuple(warnings))


def _root(body: bytes) -> etree._Element:
    try:
        root = etree.fromstring(body.strip(), PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        raise TwimlError(12100, f"not well-formed XML: {error}", line) from error
    info: Any = root.getroottree().docinfo
    if info.doctype:
        raise TwimlError(12100, "a document type declaration is not allowed")
    if info.xml_version not in ("1.0", None):
        raise TwimlError(12101, f"XML {info.xml_version} is not supported, only 1.0")
    if root.tag != "Response":
        raise TwimlError(12102, f"the root is <{root.tag}>, not <Response>", line_of(root))
    return root


def _verb(element: etree._Element, warnings: list[Warning]) -> Verb | None:
    if not isinstance(element.tag, str):
        return None
    line = line_of(element)
    module = REGISTRY.get(element.tag)
    if module is not None:
        parsed: Verb | None = module.parse(element, warnings)
        return parsed
    if element.tag in LATER:
        warnings.append(Warning(LATER[element.tag], f"<{element.tag}> is not supported by this version: skipped", line))
    else:
        warnings.append(Warning(12200, f"<{element.tag}> is not a verb: skipped", line))
    return None
