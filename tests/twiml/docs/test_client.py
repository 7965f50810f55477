"""`<Client>` in `<Dial>`: an identity, whose devices ring."""

from __future__ import annotations

from tests.lib.callcontrol import ran, targets
from twiml.targets import ClientTarget, Screen


def test_an_identity_as_text_or_as_a_child() -> None:
    assert targets("<Dial><Client> alice </Client></Dial>") == (ClientTarget("alice"),)
    assert targets("<Dial><Client><Identity>alice</Identity></Client></Dial>") == (ClientTarget("alice"),)


def test_parameters_are_for_the_device() -> None:
    verb = """<Dial><Client><Identity>a</Identity><Parameter name="First" value="1"/>
        <Parameter name="Second" value="two words"/></Client></Dial>"""
    assert targets(verb) == (ClientTarget("a", (("First", "1"), ("Second", "two words"))),)


def test_url_and_callbacks_are_as_with_a_number() -> None:
    verb = "<Dial><Client url='/w' statusCallback='/s' statusCallbackEvent='ringing'>a</Client></Dial>"
    assert targets(verb) == (
        ClientTarget("a", status_callback="/s", status_callback_events=("ringing",), screen=Screen("/w")),
    )


def test_no_identity_or_one_of_122_characters_is_not_dialled() -> None:
    assert ran(f"<Dial><Client>{'a' * 121}</Client></Dial>").codes == []
    assert ran(f"<Dial><Client>{'a' * 122}</Client></Dial>").codes == [13221, 13223]
    assert ran("<Dial><Client/></Dial>").codes == [13221, 13223]


def test_more_than_800_bytes_of_parameters_are_not_dialled() -> None:
    assert ran(f"<Dial><Client>a<Parameter name='n' value='{'v' * 800}'/></Client></Dial>").codes == [13221, 13223]


def test_a_parameter_without_a_name_is_ignored() -> None:
    done = ran("<Dial><Client>a<Parameter value='1'/><X/></Client></Dial>")
    assert (done.codes, done.targets) == ([12200, 12200], (ClientTarget("a"),))
