"""`<Sip>` in `<Dial>`: a SIP URI, or several of which one is reached."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran, targets
from twiml.targets import Screen, SipTarget, SipUri


def test_a_uri_with_credentials_and_headers() -> None:
    verb = "<Dial><Sip username='u' password='p'>sip:a@b.example;transport=tcp?X-One=1</Sip></Dial>"
    assert targets(verb) == (SipTarget("sip:a@b.example;transport=tcp?X-One=1", "u", "p"),)


def test_headers_as_elements() -> None:
    verb = "<Dial><Sip><Uri>sip:a@b</Uri><Headers><Header name='X-Two' value='a b'/></Headers></Sip></Dial>"
    assert targets(verb) == (SipTarget("sip:a@b?X-Two=a%20b"),)
    verb = "<Dial><Sip>sip:a@b?X-One=1<Headers><Header name='X-Two' value='2'/></Headers></Sip></Dial>"
    assert targets(verb) == (SipTarget("sip:a@b?X-One=1&X-Two=2"),)


def test_several_uris_have_priorities_weights_and_credentials() -> None:
    """A lower priority is tried first; credentials of the Sip hold for those that have none."""
    verb = """<Dial><Sip username="u" password="p"><Uri priority="2">sip:a@b</Uri>
        <Uri priority="1" weight="5" username="v" password="q">sip:c@d</Uri></Sip></Dial>"""
    assert targets(verb) == (
        SipTarget("sip:c@d", "v", "q", uris=(SipUri("sip:a@b", 2, 1, "u", "p"), SipUri("sip:c@d", 1, 5, "v", "q"))),
    )


def test_url_and_callbacks_are_as_with_a_number() -> None:
    verb = "<Dial><Sip url='/w' method='GET' statusCallback='/s' statusCallbackEvent='answered'>sip:a@b</Sip></Dial>"
    assert targets(verb) == (
        SipTarget("sip:a@b", status_callback="/s", status_callback_events=("answered",), screen=Screen("/w", "GET")),
    )


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(targets("<Dial><Sip username='u' password='secret'>sip:a@b</Sip></Dial>"))


def test_no_uri_is_not_dialled() -> None:
    assert ran("<Dial><Sip/></Dial>").codes == [13243, 13223]


def test_a_uri_of_255_characters_is_not_dialled() -> None:
    assert ran(f"<Dial><Sip>sip:{'a' * 248}@b</Sip></Dial>").codes == []
    assert ran(f"<Dial><Sip>sip:{'a' * 250}@b</Sip></Dial>").codes == [13243, 13243, 13223]


def test_headers_of_1024_characters_are_not_sent() -> None:
    assert ran(f"<Dial><Sip>sip:a@b?X-A={'a' * 1024}</Sip></Dial>").codes == [13251, 13243, 13223]


def test_ten_uris_are_tried() -> None:
    done = ran(f"<Dial><Sip>{'<Uri>sip:a@b</Uri>' * 12}</Sip></Dial>")
    assert done.codes == [13250]
    (target,) = done.targets
    assert isinstance(target, SipTarget)
    assert len(target.uris) == 10


def test_what_does_not_belong_there_is_ignored() -> None:
    verb = "<Dial><Sip>sip:a@b<Number>+1</Number><Headers><X/><Header value='1'/></Headers></Sip></Dial>"
    done = ran(verb)
    assert (done.codes, done.targets) == ([12200, 12200, 12200], (SipTarget("sip:a@b"),))


def test_machine_detection_is_known_by_name() -> None:
    assert ran("<Dial><Sip machineDetection='Enable'>sip:a@b</Sip></Dial>").codes == [13241]


@pytest.mark.parametrize("name", ["region=us1", "edge=dublin", "tnx=TK1"])
def test_where_it_leaves_twilio_has_no_effect(name: str) -> None:
    """Which is warned of."""
    done = ran(f"<Dial><Sip>sip:a@b;{name}?X-One=1</Sip></Dial>")
    assert (done.codes, done.targets) == ([13241], (SipTarget(f"sip:a@b;{name}?X-One=1"),))
