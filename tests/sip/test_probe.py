"""OPTIONS outside of calls: is somebody there?"""

from __future__ import annotations

from sip import commands
from sip.events import Event, Probed
from sip.outputs import Srv
from sip.probe import PATIENCE
from tests.lib.wire import Wire

ME = "sip:ping@192.0.2.1"


def probed(uri: str, *, deaf: bool = False, seconds: float = PATIENCE + 0.1) -> list[Event]:
    """What is said by then; once, and nothing is left behind."""
    wire = Wire()
    wire.dns["SRV", "_sip._udp.two.example"] = (Srv(0, 0, 5060, "192.0.2.66"), Srv(1, 0, 5060, "192.0.2.2"))
    if deaf:
        wire.deaf.add("b")
    wire.apply(wire.a, commands.Probe(uri, ME))
    wire.run(seconds)
    said = wire.a.said(Probed)
    wire.run(100)
    assert len(wire.a.said(Probed)) == 1
    assert (wire.a.agent.transactions, wire.b.agent.transactions, wire.a.agent.next_timeout()) == (0, 0, None)
    return said


def test_somebody_is_there() -> None:
    assert probed("sip:192.0.2.2") == [Probed("sip:192.0.2.2", 200)]


def test_silence_is_noticed_long_before_timer_f() -> None:
    """Checks that come each few seconds cannot wait for half a minute; a late answer is the next check's."""
    assert probed("sip:192.0.2.2", deaf=True) == [Probed("sip:192.0.2.2", 0)]
    assert probed("sip:192.0.2.2", deaf=True, seconds=PATIENCE - 0.1) == []


def test_a_domain_whose_first_server_is_silent_counts_as_silent() -> None:
    """A call would wait for it, too."""
    assert probed("sip:two.example;transport=udp") == [Probed("sip:two.example;transport=udp", 0)]
