"""Whom `<Dial>` calls: `Number`, `Sip`, `Client`, `Application` (twiml-voice.md §11-13, §16)."""

from __future__ import annotations

import re
from urllib.parse import quote

from twiml.attributes import EVENTS, Reader
from twiml.errors import Warning
from twiml.targets import ApplicationTarget, ClientTarget, NumberTarget, Screen, SipTarget, SipUri, Target
from twiml.tree import Element
from twiml.verbs.play import DIGITS

AMD = (
    "machineDetection", "machineDetectionTimeout", "machineDetectionSpeechThreshold",
    "machineDetectionSpeechEndThreshold", "machineDetectionSilenceTimeout", "amdStatusCallback",
    "amdStatusCallbackMethod",
)  # fmt: skip
LONGEST_URI, LONGEST_HEADERS = 255, 1024  # characters
MOST_URIS = 10
LONGEST_IDENTITY = 121
MOST_PARAMETERS = 800  # bytes of a Client's names and values
MOST_PASSED = 4096  # of an Application's


def number(element: Element, warnings: list[Warning]) -> Target | None:
    """A phone number; None where there is none."""
    read = Reader(element, warnings, 13221)
    read.later(*AMD, code=13221)
    digits = read.text("sendDigits", "") or ""
    if not DIGITS.issuperset(digits):
        read.warn(13221, f"<Number> sendDigits={digits!r} has other than 0-9 A-D * # w W: not sent")
        digits = ""
    byoc, screen = read.text("byoc") or None, _screen(read)
    target = NumberTarget(element.all_text(), digits, *_callback(read), byoc=byoc, screen=screen)
    read.rest()
    read.childless()
    if not target.number:
        read.warn(13223, "<Number> is empty: not dialled")
    return target if target.number else None


def sip(element: Element, warnings: list[Warning]) -> Target | None:
    """A SIP URI, or several of which one is reached; None without any."""
    read = Reader(element, warnings, 13241)
    read.later(*AMD, code=13241)
    username, password = read.text("username"), read.text("password")
    uris = [SipUri(element.text.strip(), username=username, password=password)] if element.text.strip() else []
    headers: list[tuple[str, str]] = []
    for child in element:
        if child.tag == "Headers":
            headers += _headers(child, warnings)
        elif child.tag == "Uri":
            uris.append(_uri(child, warnings, username, password))
        else:
            read.warn_of(child, 12200, f"<{child.tag}> is not allowed inside <Sip>: ignored")
    callback, screen = _callback(read), _screen(read)
    read.rest()
    read.textless(behind=True)
    if len(uris) > MOST_URIS:
        read.warn(13250, f"<Sip> has {len(uris)} URIs; the first {MOST_URIS} are tried")
    good = [uri for uri in (_with(uri, headers) for uri in uris[:MOST_URIS]) if _fits(read, uri)]
    if not good:
        read.warn(13243, "<Sip> has no URI that can be called: not dialled")
        return None
    first = min(good, key=lambda one: one.priority)
    more = tuple(good) if len(good) > 1 else ()
    return SipTarget(first.uri, first.username, first.password, (), *callback, uris=more, screen=screen)


def client(element: Element, warnings: list[Warning]) -> Target | None:
    """An identity whose devices ring; None without one."""
    read = Reader(element, warnings, 13221)
    identity, params = _named(read, "Identity")
    target = ClientTarget(identity, tuple(params.items()), *_callback(read), screen=_screen(read))
    read.rest()
    if not identity or len(identity) > LONGEST_IDENTITY:
        read.warn(13221, f"<Client> has no identity of 1 to {LONGEST_IDENTITY} characters: not dialled")
        return None
    if _size(params) > MOST_PARAMETERS:
        read.warn(13221, f"<Client> has more than {MOST_PARAMETERS} bytes of parameters: not dialled")
        return None
    return target


def application(element: Element, warnings: list[Warning]) -> Target | None:
    """An application that answers the call; None without its SID."""
    read = Reader(element, warnings, 13221)
    sid, params = _named(read, "ApplicationSid")
    target = ApplicationTarget(
        sid, tuple(params.items()), *_callback(read), screen=_screen(read),
        customer_id=read.text("customerId") or None, copy_parent_to=read.flag("copyParentTo", False),
    )  # fmt: skip
    read.rest()
    if _size(params) > MOST_PASSED:
        read.warn(13221, f"<Application> has more than {MOST_PASSED} bytes of parameters: not dialled")
        return None
    if not re.fullmatch(r"AP[0-9a-f]{32}", sid):
        read.warn(13221, f"<Application> {sid!r} is not the SID of an application: not dialled")
        return None
    return target


def _size(params: dict[str, str]) -> int:
    return sum(len(f"{name}{value}".encode()) for name, value in params.items())


NOUNS = {"Number": number, "Sip": sip, "Client": client, "Application": application}


def _callback(read: Reader) -> tuple[str | None, str, tuple[str, ...]]:
    return (
        read.text("statusCallback"),
        read.method("statusCallbackMethod"),
        read.events("statusCallbackEvent", EVENTS, "completed"),
    )


def _screen(read: Reader) -> Screen | None:
    """What the called party hears before it is joined."""
    url, method = read.text("url"), read.method()
    return Screen(url, method) if url else None


def _named(read: Reader, name: str) -> tuple[str, dict[str, str]]:
    """The name of the one to be called, as text or as the child `name`, and the `Parameter` children."""
    text, params = read.element.text.strip(), dict[str, str]()
    for child in read.element:
        if child.tag == name:
            text = child.all_text()
            inside = Reader(child, read.warnings, 12200)
            inside.rest()
            inside.childless()
        elif child.tag == "Parameter":
            params |= read.parameter(child)
        else:
            read.warn_of(child, 12200, f"<{child.tag}> is not allowed inside <{read.element.tag}>: ignored")
    return text, params


def _uri(element: Element, warnings: list[Warning], username: str | None, password: str | None) -> SipUri:
    read = Reader(element, warnings, 13241)
    uri = SipUri(
        element.all_text(),
        priority=read.integer("priority", 0, most=65535),
        weight=read.integer("weight", 1, most=65535),
        username=read.text("username", username),
        password=read.text("password", password),
    )
    read.rest()
    read.childless()
    return uri


def _headers(element: Element, warnings: list[Warning]) -> list[tuple[str, str]]:
    headers = []
    outer = Reader(element, warnings, 13252)
    outer.rest()
    outer.textless()
    for child in element:
        read = Reader(child, warnings, 13252)
        name, value = read.text("name"), read.text("value", "") or ""
        read.rest()
        read.empty()
        if child.tag == "Header" and name:
            headers.append((name, value))
        else:
            read.warn(12200, f"<{child.tag}> inside <Headers> is no <Header> with a name: ignored")
    return headers


def _with(uri: SipUri, headers: list[tuple[str, str]]) -> SipUri:
    """The headers as part of the URI, where Twilio's own form has them."""
    text = uri.uri
    for name, value in headers:
        text += f"{'&' if '?' in text else '?'}{quote(name)}={quote(value)}"
    return SipUri(text, uri.priority, uri.weight, uri.username, uri.password)


def _fits(read: Reader, uri: SipUri) -> bool:
    """Within Twilio's limits."""
    bare, _, headers = uri.uri.partition("?")
    for name in re.findall(r";(region|edge|tnx)=", bare):
        read.warn(13241, f"<Sip> URI: {name} has no effect, for this gateway has one place: it is passed on as it is")
    if not bare or len(bare) >= LONGEST_URI:
        read.warn(13243, f"<Sip> URI of {len(bare)} characters; 1 to {LONGEST_URI - 1} are allowed: not dialled")
    elif len(headers) >= LONGEST_HEADERS:
        read.warn(13251, f"<Sip> headers of {len(headers)} characters; {LONGEST_HEADERS - 1} are allowed: not dialled")
    else:
        return True
    return False
