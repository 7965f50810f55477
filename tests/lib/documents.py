"""Random TwiML: valid documents as trees (hypothesis), and what can be made of them.

Every verb and noun with every attribute and valid values of it: a valid document is one that warns of nothing.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

BASIC = ("man", "woman", "alice")
Values = st.SearchStrategy[str]

FLAG = st.sampled_from(["true", "false", "TRUE"])
METHOD = st.sampled_from(["GET", "POST"])
URL = st.sampled_from(["/next", "http://app.example/next?a=1&b=2", "next", ""])
CALLBACK = st.sampled_from(["/status", "http://app.example/status"])
NAME = st.text("abcXYZ019 _-", min_size=1, max_size=12).filter(str.strip)
NUMBER = st.sampled_from(["+12125550123", "+442071838750", "212-555-0123"])
DIGITS = st.text("0123456789ABCD*#wW", max_size=8)
TEXT = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs", "Cc", "Zs")), max_size=20
)
TRIM = st.sampled_from(["trim-silence", "do-not-trim"])
TRACK = st.sampled_from(["inbound", "outbound", "both"])


def whole(least: int, most: int) -> Values:
    """A number in a range."""
    return st.integers(least, most).map(str)


def some(*words: str) -> Values:
    """Words with spaces between."""
    return st.lists(st.sampled_from(words), min_size=1, max_size=len(words), unique=True).map(" ".join)


def callbacks(name: str, *events: str) -> dict[str, Values]:
    """Three attributes of one callback."""
    return {name: CALLBACK, f"{name}Method": METHOD, f"{name}Event": some(*events)}


@dataclass(frozen=True)
class Kind:
    """What one element may have: attributes, text (None: none), and children, by name."""

    attributes: dict[str, Values] = field(default_factory=dict)
    text: Values | None = None
    children: tuple[str, ...] = ()
    least: int = 0  # children


ACTION = {"action": URL, "method": METHOD}
RECORDED = callbacks("recordingStatusCallback", "in-progress", "completed", "absent")
TOLD = callbacks("statusCallback", "initiated", "ringing", "answered", "completed")
SCREENED = {"url": st.sampled_from(["/screen", "http://app.example/screen"]), "method": METHOD}
SSML = ("break", "emphasis", "lang", "prosody", "say-as", "sub", "phoneme")

KINDS: dict[str, Kind] = {
    "Say": Kind(
        {"voice": st.sampled_from(["man", "woman", "alice", "Polly.Joanna", "Google.de-DE-Standard-A"]),
         "language": st.sampled_from(["en-US", "de-DE", "fr"]), "loop": whole(0, 9)},
        TEXT.map("Hello {}".format), (*SSML, "p", "s"),
    ),
    "break": Kind({"strength": st.sampled_from(["none", "weak", "x-strong"]), "time": st.sampled_from(["1s", "20ms"])}),
    "emphasis": Kind({"level": st.sampled_from(["strong", "moderate", "reduced"])}, TEXT, SSML),
    "lang": Kind({"xml:lang": st.sampled_from(["fr-FR", "es-MX"])}, TEXT, SSML),
    "p": Kind({}, TEXT, (*SSML, "s")),
    "s": Kind({}, TEXT, SSML),
    "prosody": Kind(
        {"rate": st.sampled_from(["slow", "80%"]), "pitch": st.sampled_from(["high", "-10%"]),
         "volume": st.sampled_from(["loud", "silent", "+3dB"])}, TEXT, SSML,
    ),
    "say-as": Kind({"interpret-as": st.sampled_from(["digits", "date", "ordinal", "expletive"])}, TEXT),
    "sub": Kind({"alias": NAME}, TEXT),
    "phoneme": Kind({"alphabet": st.sampled_from(["ipa", "x-sampa"]), "ph": st.just("pɪˈkɑːn")}, TEXT),
    "Play": Kind({"loop": whole(0, 9)}, st.sampled_from(["/a.mp3", "http://app.example/b.wav"])),
    "Pause": Kind({"length": whole(1, 86400)}),
    "Gather": Kind(
        {**ACTION, "input": st.just("dtmf"), "timeout": whole(1, 60), "finishOnKey": st.sampled_from(["#", "", "5"]),
         "numDigits": whole(1, 20), "actionOnEmptyResult": FLAG},
        None, ("Say", "Pause"),
    ),
    "Record": Kind(
        {**ACTION, "timeout": whole(0, 60), "finishOnKey": st.text("0123456789*#", max_size=12),
         "maxLength": whole(2, 14400), "playBeep": FLAG, "trim": TRIM, **RECORDED},
    ),
    "Dial": Kind(
        {**ACTION, "timeout": whole(5, 600), "hangupOnStar": FLAG, "timeLimit": whole(1, 14400), "callerId": NUMBER,
         "record": st.sampled_from(["do-not-record", "record-from-answer", "record-from-ringing-dual", "true"]),
         "recordingTrack": TRACK, "trim": TRIM, **RECORDED, "answerOnBridge": FLAG,
         "ringTone": st.sampled_from(["at", "us-old", "UK"]), "sequential": FLAG, "referUrl": CALLBACK,
         "referMethod": METHOD, "callReason": NAME},
        None, ("Number", "Sip", "Client", "Application"), least=1,
    ),
    "Number": Kind({"sendDigits": DIGITS, "byoc": st.just("BY" + "0" * 32), **SCREENED, **TOLD}, NUMBER),
    "Sip": Kind(
        {"username": NAME, "password": NAME, **SCREENED, **TOLD},
        st.sampled_from(["sip:a@b.example", "sip:a@b.example;transport=tcp?X-One=1"]), ("Uri", "Headers"),
    ),
    "Uri": Kind({"priority": whole(0, 65535), "weight": whole(0, 65535), "username": NAME, "password": NAME},
                st.just("sips:c@d.example")),
    "Headers": Kind({}, None, ("Header",)),
    "Header": Kind({"name": st.just("X-Two"), "value": NAME}),
    "Client": Kind({**SCREENED, **TOLD}, NAME, ("Parameter",)),
    "Application": Kind(
        {**SCREENED, **TOLD, "customerId": NAME, "copyParentTo": FLAG}, st.just("AP" + "0" * 32), ("Parameter",),
    ),
    "Parameter": Kind({"name": NAME, "value": NAME}),
    "Conference": Kind(
        {"muted": FLAG, "beep": st.sampled_from(["true", "onEnter"]), "startConferenceOnEnter": FLAG,
         "endConferenceOnExit": FLAG, "participantLabel": NAME, "waitUrl": URL, "waitMethod": METHOD,
         "maxParticipants": whole(1, 250), "record": st.sampled_from(["record-from-start", "do-not-record"]),
         "trim": TRIM, "coach": st.just("CA" + "0" * 32), **RECORDED,
         **callbacks("statusCallback", "start", "end", "join", "leave", "mute", "hold", "speaker")}, NAME,
    ),
    "Queue": Kind(SCREENED, NAME),
    "Enqueue": Kind({**ACTION, "waitUrl": URL, "waitUrlMethod": METHOD, "maxQueueSize": whole(1, 5000)}, NAME),
    "Sms": Kind({**ACTION, "to": NUMBER, "from": NUMBER, "statusCallback": CALLBACK}, NAME),
    "Message": Kind({**ACTION, "to": NUMBER, "from": NUMBER, "statusCallback": CALLBACK}, NAME),
    "Pay": Kind(
        {"action": URL, "statusCallback": CALLBACK, "statusCallbackMethod": METHOD, "timeout": whole(1, 600),
         "maxAttempts": whole(1, 3), "paymentMethod": st.sampled_from(["credit-card", "ach-debit"]),
         "bankAccountType": st.sampled_from(["consumer-checking", "commercial-savings"]), "securityCode": FLAG,
         "postalCode": st.sampled_from(["true", "false", "94105"]), "minPostalCodeLength": whole(1, 12),
         "paymentConnector": NAME, "tokenType": st.sampled_from(["one-time", "reusable", "payment-method"]),
         "chargeAmount": st.sampled_from(["0", "20.45", "1000000"]), "currency": st.sampled_from(["usd", "EUR"]),
         "description": NAME, "validCardTypes": some("visa", "amex", "jcb", "enroute"),
         "language": st.sampled_from(["en-US", "fr-CA"]), "input": st.just("dtmf")},
        None, ("Prompt", "Parameter"),
    ),
    "Prompt": Kind(
        {"for": some("payment-card-number", "postal-code", "payment-processing", "security-code-matcher"),
         "errorType": some("timeout", "input-timeout", "invalid-date", "input-matching-failed"),
         "cardType": some("visa", "optima"), "attempt": some("1", "2", "10"), "requireMatchingInputs": FLAG},
        None, ("Say", "Pause"),
    ),
    "Leave": Kind(),
    "Hangup": Kind(),
    "Echo": Kind(),
    "Redirect": Kind({"method": METHOD}, URL),
    "Reject": Kind({"reason": st.sampled_from(["rejected", "busy"])}),
    "Refer": Kind(ACTION, None, ("Target",), least=1),
    "Start": Kind({}, None, ("Recording", "Siprec"), least=1),
    "Siprec": Kind(
        {"name": NAME, "connectorName": NAME, "track": st.sampled_from(["inbound_track", "both_tracks"]),
         "statusCallback": CALLBACK, "statusCallbackMethod": METHOD},
        None, ("Parameter",),
    ),
    "Stop": Kind({}, None, ("Stopped",), least=1),
    "Recording": Kind(
        {"name": NAME, "track": TRACK, "channels": st.sampled_from(["mono", "dual"]), "trim": TRIM, **RECORDED}
    ),
}  # fmt: skip
VERBS = ("Say", "Play", "Pause", "Gather", "Record", "Dial", "Enqueue", "Leave", "Hangup", "Echo", "Redirect", "Reject",
         "Refer", "Start", "Stop", "Sms", "Message", "Pay")  # fmt: skip
# attributes without which an element says nothing
NEEDED = {
    "Parameter": ("name",),
    "Siprec": ("connectorName",),
    "Prompt": ("for",),
    "Header": ("name",),
    "phoneme": ("ph",),
    "sub": ("alias",),
    "lang": ("xml:lang",),
    "say-as": ("interpret-as",),
}
ALONE = ("Conference", "Queue")  # in a Dial


@dataclass(eq=False)
class Node:
    """An element that can be changed."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def __str__(self) -> str:
        attributes = "".join(f" {name}={quoteattr(value)}" for name, value in self.attributes.items())
        return f"<{self.tag}{attributes}>{escape(self.text)}{''.join(map(str, self.children))}</{self.tag}>"

    def all(self) -> list[Node]:
        """Itself and all inside."""
        return [self, *(one for child in self.children for one in child.all())]


@st.composite
def elements(draw: st.DrawFn, tag: str, depth: int = 2) -> Node:
    """A valid element."""
    if tag == "Target":
        return Node("Sip", {}, "sip:carol@example.com")
    if tag == "Stopped":
        return Node("Recording", {"name": draw(NAME)})
    kind = KINDS[tag]
    optional = draw(st.lists(st.sampled_from(sorted(kind.attributes)), max_size=4)) if kind.attributes else []
    names = dict.fromkeys((*NEEDED.get(tag, ()), *optional))
    node = Node(tag, {name: draw(kind.attributes[name]) for name in names})
    node.text = draw(kind.text) if kind.text is not None else ""
    if tag == "Say" and node.attributes.get("voice", "man") not in BASIC:
        node.attributes.pop("language", None)  # a cloud's voice has its own
    if tag == "Dial" and draw(st.booleans()):
        alone = draw(st.sampled_from(ALONE))
        node.children = [draw(elements(alone))]
        if alone == "Conference":
            node.attributes.pop("referUrl", None)  # of which is warned
    elif kind.children:
        most = 1 if tag == "Refer" else 3 if depth else 0
        wanted = draw(st.lists(st.sampled_from(kind.children), min_size=kind.least, max_size=max(most, kind.least)))
        node.children = [draw(elements(child, depth - 1)) for child in wanted]
        if tag == "Say" and node.children and node.attributes.get("voice", "man") in BASIC:  # which speak no SSML
            node.attributes = node.attributes | {"voice": "Polly.Joanna", "language": "en-US"}
    return node


@st.composite
def documents(draw: st.DrawFn) -> Node:
    """A valid document."""
    tags = draw(st.lists(st.sampled_from(VERBS), max_size=5))
    return Node("Response", children=[draw(elements(tag)) for tag in tags])


TAGS = (*KINDS, "Connect", "Stream", "Pay", "Prompt", "Sms", "Transcription", "say", "Blink", "amazon:effect")
JUNK = (
    "-1",
    "0",
    "99999999999999999999",
    "true",
    "",
    "\u0663",
    "1e3",
    "nan",
    "\U0001f600",
    "x" * 200,
    "&<>",
    "[[",
    "  ",
)


def mutated(valid: Node, random: Random) -> bytes:
    """What is left of a document after some accidents."""
    root = deepcopy(valid)
    for _ in range(random.randint(1, 4)):
        _accident(root, random)
    data = str(root).encode()
    if random.random() < 0.25:
        at = random.randrange(len(data))
        data = data[:at] + random.randbytes(random.randrange(6)) + data[at + random.randrange(12) :]
    return data


def _accident(root: Node, random: Random) -> None:
    """Changes one place."""
    nodes = root.all()
    one, other = random.choice(nodes), random.choice(nodes)
    match random.randrange(6):
        case 0:
            one.tag = random.choice(TAGS)
        case 1:
            names = ["loop", "timeout", "url", "zz", "record", *one.attributes]
            one.attributes[random.choice(names)] = random.choice(JUNK)
        case 2:
            one.text = random.choice(JUNK)
        case 3 if one.children:
            one.children.pop(random.randrange(len(one.children)))
        case 4 if one is not root and other not in one.all():
            other.children.append(one)
        case _:
            one.children.append(Node(random.choice(TAGS), {}, random.choice(JUNK)))
