"""`<Number>` in `<Dial>`: a phone number, and what is done when it answers."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran, targets
from twiml.targets import NumberTarget, Screen


def test_numbers_with_their_attributes() -> None:
    verb = """<Dial><Number sendDigits="ww1#" statusCallback="/s" statusCallbackEvent="ringing answered"
        statusCallbackMethod="GET">+12125550123</Number><Number> +12125550124 </Number></Dial>"""
    assert targets(verb) == (
        NumberTarget("+12125550123", "ww1#", "/s", "GET", ("ringing", "answered")),
        NumberTarget("+12125550124"),
    )


@pytest.mark.parametrize(("method", "means"), [("", "POST"), ("method='GET'", "GET")])
def test_url_is_a_document_for_the_called_party(method: str, means: str) -> None:
    """It is asked for by POST unless `method` says GET, and run before the two are joined."""
    assert targets(f"<Dial><Number url='/whisper' {method}>+1</Number></Dial>") == (
        NumberTarget("+1", screen=Screen("/whisper", means)),
    )


def test_byoc_names_the_customers_own_carrier() -> None:
    assert targets("<Dial><Number byoc='BY1'>+1</Number></Dial>") == (NumberTarget("+1", byoc="BY1"),)


def test_digits_that_are_none_are_not_sent() -> None:
    done = ran("<Dial><Number sendDigits='1x'>+1</Number></Dial>")
    assert (done.codes, done.targets) == ([13221], (NumberTarget("+1"),))


def test_events_that_are_none_are_left_out() -> None:
    done = ran("<Dial><Number statusCallback='/s' statusCallbackEvent='ringing eaten'>+1</Number></Dial>")
    assert (done.codes, done.targets) == (
        [13221],
        (NumberTarget("+1", status_callback="/s", status_callback_events=("ringing",)),),
    )


@pytest.mark.parametrize("name", ["machineDetection", "machineDetectionTimeout", "amdStatusCallback"])
def test_machine_detection_is_known_by_name(name: str) -> None:
    done = ran(f"<Dial><Number {name}='1'>+1</Number></Dial>")
    assert (done.codes, done.targets) == ([13221], (NumberTarget("+1"),))


def test_an_empty_one_is_not_dialled() -> None:
    assert ran("<Dial><Number/></Dial>").codes == [13223, 13223]
