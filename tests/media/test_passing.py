"""Keys that are pressed on one side of a bridge reach the other, whatever is agreed on and whoever listens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from media import commands, events
from media.codecs import g711
from media.dialling import MOST
from media.dtmf import EVENTS, Listener, payload
from media.frames import FRAME
from tests.lib.rig import DTMF, Rig, Sent, plan_of, voice

PRESS = 7  # ticks that a key is held
TICKS = 16  # from one key to the next


def bridged(law: str = "PCMU", dtmf: int = DTMF) -> Rig:
    """Row 0 with a row 1 of that kind."""
    rig = Rig(2)
    rig.do(commands.Connect(1, plan_of(1, law, dtmf)))
    rig.do(commands.Bridge(0, 1))
    return rig


def press(rig: Rig, keys: str, held: int = PRESS) -> list[Sent]:
    """The peer of row 0 presses keys; what that of row 1 is sent meanwhile, and a while after."""
    sent: list[Sent] = []
    for number in range((len(keys) + 3) * TICKS):
        place, tick = divmod(number, TICKS)
        one = voice(0, number, b"\xff" * FRAME)
        if place < len(keys) and tick < held:
            data = payload(EVENTS.index(keys[place]), tick == held - 1, FRAME * (tick + 1))
            one = Sent(0, data, number, place * TICKS * FRAME, DTMF)
        sent += rig.tick(one).get(1, [])
    return sent


def events_in(sent: list[Sent]) -> str:
    """As whoever gets them counts them: a timestamp is a key."""
    keys = {one.timestamp: EVENTS[one.payload[0]] for one in sent if one.payload_type == DTMF}
    return "".join(keys.values())


def tones_in(sent: list[Sent], law: int = 0) -> str:
    """What a listener makes of the audio."""
    listener, row = Listener(1), np.array([0])
    frames = [np.frombuffer(one.payload, np.uint8)[None] for one in sent if one.payload_type != DTMF]
    heard = [listener.listen(row, g711.decode(frame, np.array([law]))) for frame in frames]
    return "".join(digit for found in heard for _, digit in found)


@pytest.mark.parametrize("record", [False, True])
@pytest.mark.parametrize("law", ["PCMU", "PCMA"])
def test_keys_pass_where_packets_do_not(tmp_path: Path, law: str, *, record: bool) -> None:
    rig = bridged(law)
    if record:
        rig.do(commands.Record(0, "RE1", str(tmp_path / "a.wav"), 2, "both"))
    assert events_in(press(rig, "159#")) == "159#"
    assert "".join(one.digit for one in rig.said if isinstance(one, events.DigitReceived)) == "159#"
    rig.do(commands.Release(0))


@pytest.mark.parametrize("law", ["PCMU", "PCMA"])
def test_who_has_no_events_hears_tones(law: str) -> None:
    assert tones_in(press(bridged(law, -1), "159#"), int(law == "PCMA")) == "159#"


def test_while_something_plays_to_the_other_side_keys_pass_once() -> None:
    """Also one that is held until what plays is over, and packets pass again."""
    rig = bridged()
    rig.do(commands.Play(1, 1, (commands.Tone(500.0, 0.0, 20 * (TICKS + 3), 0),)))
    assert events_in(press(rig, "159", held=TICKS - 1)) == "159"


def test_a_key_that_came_during_a_stall_is_passed_on_once() -> None:
    rig = bridged()
    for number in range(3):
        rig.late(Sent(0, payload(5, False, FRAME * (number + 1)), number, 0, DTMF))
    sent = [rig.tick(Sent(0, payload(5, True, FRAME * 4), number, 0, DTMF)) for number in range(3, 6)]
    sent += [rig.tick() for _ in range(20)]
    assert events_in([one for out in sent for one in out.get(1, [])]) == "5"


def test_what_is_withheld_is_not_passed_on_nor_what_nobody_is_joined_to() -> None:
    rig = bridged("PCMA")
    rig.do(commands.Withhold(0, True))
    assert events_in(press(rig, "159")) == ""
    rig = bridged("PCMA")
    rig.do(commands.Unbridge(0))
    assert events_in(press(rig, "159")) == ""


def test_whoever_presses_without_end_is_not_followed_for_ever() -> None:
    rig = bridged("PCMA")
    rig.tick(*(Sent(0, payload(number % 10, True, 800), number, 800 * number, DTMF) for number in range(200)))
    sent = [one for _ in range(50 * MOST) for one in rig.tick().get(1, [])]
    assert len(events_in(sent)) == MOST
    assert {one.payload_type for one in rig.tick()[1]} == {8}


@pytest.mark.parametrize("dtmf", [DTMF, -1])
def test_a_key_that_came_by_other_means_is_passed_on_too(dtmf: int) -> None:
    rig, sent = bridged(dtmf=dtmf), []
    for key in "19":
        rig.do(commands.Press(0, key))
        sent += [one for _ in range(5) for one in rig.tick()[1]]
    sent += [one for _ in range(30) for one in rig.tick()[1]]
    assert (events_in(sent), tones_in(sent)) == (("19", "") if dtmf >= 0 else ("", "19"))


def test_it_is_not_where_it_is_withheld_or_nobody_is_there() -> None:
    rig = bridged()
    rig.do(commands.Press(1, "1"))
    rig.do(commands.Withhold(0, True))
    rig.do(commands.Press(0, "1"))
    rig.do(commands.Unbridge(0))
    rig.do(commands.Press(0, "1"))
    sent = [rig.tick() for _ in range(20)]
    assert [events_in([one for out in sent for one in out[row]]) for row in (0, 1)] == ["1", ""]
