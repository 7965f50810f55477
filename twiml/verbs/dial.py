"""`<Dial>`: calls to others, joined with the caller."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader, warning
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome, Redirect
from twiml.plans import DialPlan
from twiml.targets import ConferenceTarget, NumberTarget, QueueTarget, Target
from twiml.tree import Element
from twiml.verbs import conference, queue
from twiml.verbs.nouns import NOUNS
from twiml.verbs.record import STATES

NOT_ALONE, NO_TRANSFER = 13000, 13802
MOST_TARGETS = 10
LONGEST_REASON = 50  # characters
RECORDS = (
    "do-not-record", "record-from-answer", "record-from-ringing", "record-from-answer-dual",
    "record-from-ringing-dual", "true", "false",
)  # fmt: skip
ALIASES = {"true": "record-from-answer", "false": "do-not-record"}
# twiml-voice.md: value lists
RING_TONES = (
    "at", "au", "be", "bg", "br", "ch", "cl", "cn", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hu", "il", "in",
    "it", "jp", "lt", "mx", "my", "nl", "no", "nz", "ph", "pl", "pt", "ru", "se", "sg", "th", "tw", "uk", "us",
    "us-old", "ve", "za",
)  # fmt: skip
LATER = {"WhatsApp": 13200, "Sim": 13200}
LATER_ATTRIBUTES = ("events", "passports", "recordingConfigurationId")


@dataclass(frozen=True, slots=True)
class Dial:
    """Whom to call and how; `plan` None: none of its targets can be dialled."""

    plan: DialPlan | None
    action: str | None
    method: str

    async def run(self, call: CallControl) -> Outcome:
        """Goes on to `action` with the result, or to the next verb without one; to `referUrl` after a transfer."""
        params = {"DialCallStatus": "failed", "DialBridged": "false"}
        if self.plan is not None:
            dialled = await call.dial(self.plan)
            params = dialled.params
            if dialled.referred is not None:
                return Redirect(self.plan.refer_url, self.plan.refer_method, dialled.referred)
        return Next() if self.action is None else Redirect(self.action or None, self.method, params)


def parse(element: Element, warnings: list[Warning]) -> Dial:
    """Nouns that this version does not know leave the Dial without them."""
    read = Reader(element, warnings, 13210)
    read.later(*LATER_ATTRIBUTES, code=13210)
    targets, room, line = _targets(element, warnings), _conference(element, read), _queue(element, read)
    if bool(targets) + (room is not None) + (line is not None) > 1:
        read.warn(NOT_ALONE, f"<{'Conference' if room else 'Queue'}> stands alone in a <Dial>: nobody is called")
        targets, room, line = [], None, None
    record = read.word("record", RECORDS, "do-not-record")
    plan = DialPlan(
        targets=tuple(targets[:MOST_TARGETS]),
        timeout=read.integer("timeout", 30, least=5, most=600),
        time_limit=read.integer("timeLimit", 14400, least=1),
        caller_id=read.text("callerId"),
        hangup_on_star=read.flag("hangupOnStar", False),
        answer_on_bridge=read.flag("answerOnBridge", False),
        record=ALIASES.get(record, record),
        sequential=read.flag("sequential", False),
        trim=read.word("trim", ("trim-silence", "do-not-trim"), "do-not-trim") == "trim-silence",
        recording_track=read.word("recordingTrack", ("inbound", "outbound", "both"), "both"),
        recording_status_callback=read.text("recordingStatusCallback"),
        recording_status_callback_method=read.method("recordingStatusCallbackMethod"),
        recording_status_callback_events=read.events("recordingStatusCallbackEvent", STATES, "completed"),
        refer_url=read.text("referUrl") or None,
        refer_method=read.method("referMethod"),
        ring_tone=_ring_tone(read),
        reason=_reason(read),
        conference=room,
        queue=line,
    )
    verb = Dial(plan if targets or room or line else None, read.text("action"), read.method())
    read.rest()
    read.textless(behind=True)
    if len(targets) > MOST_TARGETS:
        read.warn(13210, f"<Dial> has {len(targets)} targets; the first {MOST_TARGETS} are called")
    if verb.plan is None:
        read.warn(13223, "<Dial> has nothing that can be dialled: DialCallStatus is failed")
    return verb


def _reason(read: Reader) -> str:
    """What the called party is told of the call."""
    reason = read.text("callReason") or ""
    if len(reason) > LONGEST_REASON:
        read.warn(13210, f"<Dial> callReason has {len(reason)} characters; {LONGEST_REASON} are allowed: not told")
    return reason if len(reason) <= LONGEST_REASON else ""


def _ring_tone(read: Reader) -> str | None:
    """A country, None for whatever is usual."""
    country = (read.text("ringTone") or "").lower()
    if country and country not in RING_TONES:
        read.warn(13220, f"<Dial> ringTone={country!r} is not one of {', '.join(RING_TONES)}: the usual one is heard")
    return country if country in RING_TONES else None


def _conference(element: Element, read: Reader) -> ConferenceTarget | None:
    found = _alone(element, "Conference", read.warnings)
    if found is not None and read.text("referUrl"):
        read.warn(NO_TRANSFER, "<Dial> referUrl has no effect with a <Conference>, which has no other party")
    return None if found is None else conference.parse(found, read.warnings)


def _queue(element: Element, read: Reader) -> QueueTarget | None:
    """Without a `timeout` of its own, a Dial waits for a caller for ever (twiml-voice.md: Queue)."""
    found = _alone(element, "Queue", read.warnings)
    if found is None:
        return None
    patience = None if read.text("timeout") is None else float(read.integer("timeout", 30, least=5, most=600))
    return queue.parse(found, read.warnings, patience)


def _alone(element: Element, tag: str, warnings: list[Warning]) -> Element | None:
    """The one child with this tag; None where there are several."""
    found = [child for child in element if child.tag == tag]
    if len(found) > 1:
        warnings.append(warning(found[1], NOT_ALONE, f"<{tag}> stands alone in a <Dial>: nobody is called"))
    return found[0] if len(found) == 1 else None


def _targets(element: Element, warnings: list[Warning]) -> list[Target]:
    targets: list[Target | None] = [NumberTarget(text)] if (text := element.text.strip()) else []
    for child in element:
        if child.tag in NOUNS:
            targets.append(NOUNS[child.tag](child, warnings))
        elif child.tag in LATER:
            code = LATER[child.tag]
            warnings.append(warning(child, code, f"<{child.tag}> is not supported by this version: not dialled"))
        elif child.tag not in ("Conference", "Queue"):
            warnings.append(warning(child, 12200, f"<{child.tag}> is not allowed inside <Dial>: ignored"))
    return [target for target in targets if target is not None]
