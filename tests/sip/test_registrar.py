"""The registrar's rules, each with the sentence of its RFC: what a REGISTER makes of the bindings of an address."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sip.bindings import Binding, by_preference
from sip.errors import SipError
from sip.message import Request
from sip.outputs import Flow
from sip.registrar import Kept, Rules, register
from sip.uri import Uri
from sip.values import NameAddr

ADDRESS = Uri.parse("sip:bob@phones.example")
DESK = "<sip:bob@192.0.2.4:5062>"
CELL = "<sip:bob@192.0.2.5:5060>"
URN = "urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF"
INSTANCE = f'+sip.instance="<{URN}>"'
UDP = Flow("udp", ("198.51.100.1", 5060), ("192.0.2.4", 5062))
TCP = Flow("tcp", ("198.51.100.1", 5060), ("203.0.113.9", 40001), 7)
WSS = Flow("wss", ("198.51.100.1", 443), ("203.0.113.9", 40002), 8)
OUTBOUND = {"Supported": "path, outbound"}
RULES = Rules(least=60, most=3600, usual=1800, contacts=3)


def request(
    *contacts: str, cseq: int = 1, call_id: str = "one", via: tuple[str, ...] = ("192.0.2.4;rport",),
    headers: dict[str, str] | None = None, **more: str,
) -> Request:  # fmt: skip
    """A REGISTER of bob; a header's name is written with `_` for `-`."""
    made = Request(method="REGISTER", uri=Uri.parse("sip:phones.example"))
    for hop in via:
        made.headers.add("Via", f"SIP/2.0/UDP {hop};branch=z9hG4bK1")
    made.headers.add("From", "<sip:bob@phones.example>;tag=1")
    made.headers.add("To", "<sip:bob@phones.example>")
    made.headers.add("Call-ID", call_id)
    made.headers.add("CSeq", f"{cseq} REGISTER")
    for contact in contacts:
        made.headers.add("Contact", contact)
    for name, value in (more | (headers or {})).items():
        made.headers.add(name.replace("_", "-"), value)
    return made


def done(asked: Request, before: Kept | None = None, now: float = 0.0, flow: Flow = UDP, rules: Rules = RULES) -> Kept:
    """What a REGISTER comes to."""
    return register(before.bindings if before is not None else (), asked, flow, now, rules, ADDRESS)


def refused(asked: Request, before: Kept | None = None, now: float = 0.0, flow: Flow = UDP) -> SipError:
    """How a REGISTER is refused."""
    with pytest.raises(SipError) as caught:
        done(asked, before, now, flow)
    return caught.value


def contacts(kept: Kept) -> list[str]:
    return [binding.contact for binding in kept.bindings]


def field(kept: Kept, name: str) -> list[str]:
    """The values of a header of the answer."""
    return [value for key, value in kept.headers if key == name]


def seconds(kept: Kept) -> list[str | None]:
    """The `expires` of the answer's contacts."""
    return [dict(NameAddr.parse(value).params)["expires"] for value in field(kept, "Contact")]


# RFC 3261 §10.3


def test_a_contact_becomes_a_binding_and_the_answer_lists_it_with_its_expiry() -> None:
    """Step 8: the response MUST contain Contact values enumerating all current bindings, each with `expires`."""
    kept = done(request(DESK, Expires="300", User_Agent="Desk 1"))
    (binding,) = kept.bindings
    assert (binding.contact, binding.expires, binding.call_id, binding.cseq) == (DESK[1:-1], 300.0, "one", 1)
    assert binding.user_agent == "Desk 1"
    assert field(kept, "Contact") == [f"{DESK};expires=300"]


def test_without_a_contact_it_is_a_question() -> None:
    """Step 6: if there is no Contact the registrar goes to the last step: nothing changes."""
    before = done(request(DESK, CELL))
    asked = done(request(cseq=0), before, 100.0)  # not even its CSeq counts
    assert asked.bindings == before.bindings
    assert seconds(asked) == ["1700", "1700"]


@pytest.mark.parametrize(
    ("contact", "expires", "granted"),
    [
        (DESK, None, 1800),  # our own choice where neither says anything
        (DESK, "600", 600),
        (f"{DESK};expires=700", "600", 700),  # the parameter goes before the header
        (f"{DESK};expires=90000", None, 3600),  # the registrar may shorten
        (f"{DESK};expires=soon", None, 3600),  # §20.10: malformed values count as 3600
        (DESK, "4294967296000", 3600),
    ],
)
def test_how_long_a_binding_lives(contact: str, expires: str | None, granted: int) -> None:
    kept = done(request(contact, headers={"Expires": expires} if expires else {}), now=50.0)
    assert kept.bindings[0].expires == 50.0 + granted
    assert seconds(kept) == [str(granted)]


def test_too_short_an_interval_is_answered_with_the_shortest() -> None:
    """Step 7: the registrar MAY reject with 423; §20.23: the response MUST have Min-Expires."""
    error = refused(request(f"{DESK};expires=59"))
    assert (error.status, error.headers) == (423, (("Min-Expires", "60"),))


def test_expiry_is_the_end_of_a_binding() -> None:
    before = done(request(DESK, Expires="300"))
    assert contacts(done(request(CELL, call_id="two"), before, 299.0)) == [DESK[1:-1], CELL[1:-1]]
    assert contacts(done(request(CELL, call_id="two"), before, 300.0)) == [CELL[1:-1]]


def test_expiry_zero_removes_one_contact() -> None:
    before = done(request(DESK, CELL))
    kept = done(request(f"{DESK};expires=0", cseq=2), before)
    assert contacts(kept) == [CELL[1:-1]]
    assert len(field(kept, "Contact")) == 1


@pytest.mark.parametrize("more", ["?Route=%3Csip:sip.example.com%3E", ";method=INVITE", ";method=INVITE?X-Line=2"])
def test_a_contact_with_headers_is_renewed_and_removed_as_it_was_written(more: str) -> None:
    """RFC 4475 §3.3.14: the headers are a part of the contact; §19.1.4: they count where contacts are compared."""
    odd = f"<sip:bob@192.0.2.4:5062{more}>"
    before = done(request(odd))
    assert [(one.contact, one.called_at) for one in before.bindings] == [(odd[1:-1], DESK[1:-1])]
    assert NameAddr.parse(field(before, "Contact")[0]).uri == NameAddr.parse(odd).uri
    renewed = done(request(odd, cseq=2), before)
    assert contacts(renewed) == [odd[1:-1]]
    assert contacts(done(request(DESK, cseq=3), renewed)) == [odd[1:-1], DESK[1:-1]]
    assert contacts(done(request(f"{odd};expires=0", cseq=3), renewed)) == []


def test_a_star_removes_all() -> None:
    """Step 6: `*` removes each binding whose Call-ID differs, or whose CSeq is lower."""
    before = done(request(CELL, call_id="two"), done(request(DESK)))
    kept = done(request("*", cseq=2, Expires="0"), before)
    assert (kept.bindings, field(kept, "Contact")) == ((), [])


@pytest.mark.parametrize(
    ("stars", "headers"), [(("*",), {}), (("*",), {"Expires": "60"}), (("*", DESK), {"Expires": "0"})]
)
def test_a_star_stands_alone_with_expiry_zero(stars: tuple[str, ...], headers: dict[str, str]) -> None:
    """Step 6: if the request has additional Contact fields or an expiration other than zero, the answer is 400."""
    assert refused(request(*stars, headers=headers)).status == 400


@pytest.mark.parametrize("contact", [DESK, f"{DESK};expires=0", "*"])
@pytest.mark.parametrize("cseq", [4, 5])
def test_an_older_request_of_the_same_call_id_changes_nothing(contact: str, cseq: int) -> None:
    """Step 7: if the CSeq is not higher than the binding's, the update MUST be aborted and the request fails."""
    before = done(request(DESK, cseq=5))
    more = {"Expires": "0"} if contact == "*" else {}
    assert refused(request(contact, cseq=cseq, headers=more), before).status == 500


def test_another_call_id_may_count_from_anywhere() -> None:
    """Step 7: if the Call-ID differs, the binding is updated, whatever its CSeq."""
    kept = done(request(DESK, cseq=1, call_id="two"), done(request(DESK, cseq=5)))
    assert (kept.bindings[0].call_id, kept.bindings[0].cseq, len(kept.bindings)) == ("two", 1, 1)


def test_all_contacts_of_a_request_count_or_none() -> None:
    """Step 7: the binding updates MUST be committed only if all of them succeed."""
    before = done(request(CELL, cseq=5))
    assert refused(request(DESK, CELL, cseq=5), before).status == 500
    assert refused(request(DESK, f"{CELL};expires=10", cseq=6), before).status == 423


def test_one_contact_twice_in_a_request_is_one() -> None:
    kept = done(request(f"{DESK};expires=100", f"{DESK};expires=200"))
    assert seconds(kept) == ["200"]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("sip:bob@192.0.2.4:5062;transport=TCP", "sip:bob@192.0.2.4:5062;transport=tcp", True),
        ("sip:bob@Phone.Example", "sip:bob@phone.example", True),
        ("sip:b%6Fb@192.0.2.4", "sip:bob@192.0.2.4", True),
        ("sip:bob@192.0.2.4;line=1", "sip:bob@192.0.2.4", True),
        ("sip:bob@192.0.2.4;line=1", "sip:bob@192.0.2.4;line=2", False),
        ("sip:Bob@192.0.2.4", "sip:bob@192.0.2.4", False),
        ("sip:bob@192.0.2.4:5060", "sip:bob@192.0.2.4", False),
        ("sip:bob@192.0.2.4;transport=udp", "sip:bob@192.0.2.4", False),
        ("sips:bob@192.0.2.4", "sip:bob@192.0.2.4", False),
    ],
)
def test_contacts_are_compared_as_uris(one: str, other: str, alike: bool) -> None:
    """§19.1.4: when two URIs are the same."""
    kept = done(request(f"<{other}>", call_id="two"), done(request(f"<{one}>")))
    assert len(kept.bindings) == (1 if alike else 2)


def test_preference_is_kept_and_orders_who_rings() -> None:
    """§20.10: q is 0 to 1; §16.6: targets are tried from the highest q on, equal ones together."""
    kept = done(request(f"{DESK};q=0.5", f"{CELL};q=0.5", "<sip:bob@192.0.2.6>"))
    assert [[one.contact for one in rank] for rank in by_preference(kept.bindings)] == [
        ["sip:bob@192.0.2.6"], [DESK[1:-1], CELL[1:-1]]
    ]  # fmt: skip
    assert ";q=0.5" in field(kept, "Contact")[0]
    for nonsense in ("2", "1.5", "-1", "high", "nan"):
        assert refused(request(f"{DESK};q={nonsense}")).status == 400


def test_more_contacts_than_allowed_push_out_those_that_end_first() -> None:
    kept = done(request(*(f"<sip:bob@192.0.2.{n}>;expires={100 * n}" for n in range(1, 5))))
    assert contacts(kept) == [f"sip:bob@192.0.2.{n}" for n in (2, 3, 4)]


def test_a_contact_that_cannot_be_called_is_refused() -> None:
    made = request(DESK)
    made.__dict__["contact"] = [NameAddr(replace(Uri.parse("sip:x"), scheme="mailto"))]
    assert refused(made).status == 416


# RFC 3327: Path


def test_the_path_is_kept_and_shown_to_who_understands_it() -> None:
    """§5.3: the registrar stores the path with the binding, and copies it into the 2xx."""
    made = request(DESK, Path="<sip:p2.example;lr>", Supported="path")
    made.headers.add("Path", "<sip:p1.example;lr>, <sip:p0.example;lr>")
    kept = done(made)
    assert kept.bindings[0].path == ("<sip:p2.example;lr>", "<sip:p1.example;lr>", "<sip:p0.example;lr>")
    assert field(kept, "Path") == ["<sip:p2.example;lr>", "<sip:p1.example;lr>, <sip:p0.example;lr>"]
    assert field(done(request(DESK, Path="<sip:p.example;lr>")), "Path") == []


def test_a_path_that_cannot_be_read_is_refused() -> None:
    assert refused(request(DESK, Path="<sip:p.example")).status == 400


# the way back


@pytest.mark.parametrize(
    ("contact", "via", "flow", "kept"),
    [
        ("sip:bob@192.0.2.4:5062", "192.0.2.4:5062;rport", UDP, True),
        ("sip:bob@10.0.0.5", "10.0.0.5;rport", UDP, True),  # behind NAT
        ("sip:bob@192.0.2.4:5063", "192.0.2.4:5063", UDP, False),  # RFC 3581: it listens elsewhere
        ("sip:bob@10.0.0.5", "phone.local", UDP, True),
        ("sip:bob@93.184.216.34", "192.0.2.4;rport", UDP, False),  # somebody else
        ("sip:bob@10.0.0.5;transport=tcp", "10.0.0.5", TCP, True),
        ("sip:bob@93.184.216.34;transport=tcp", "10.0.0.5", TCP, False),
        ("sip:bob@df7jal23ls0d.invalid;transport=ws", "df7jal23ls0d.invalid", WSS, True),  # RFC 7118 §5
        ("sip:bob@192.0.2.77;transport=ws", "df7jal23ls0d.invalid", WSS, True),
    ],
)
def test_a_phone_is_reached_by_the_way_that_it_came(contact: str, via: str, flow: Flow, kept: bool) -> None:
    (binding,) = done(request(f"<{contact}>", via=(via,)), flow=flow).bindings
    assert (binding.flow is flow) is kept


def test_a_phone_behind_a_proxy_is_reached_by_its_path_or_its_contact() -> None:
    through = request(DESK, via=("192.0.2.9", "192.0.2.4;rport"), Path="<sip:192.0.2.9;lr>")
    assert done(through).bindings[0].flow is None
    assert done(request(DESK, via=("192.0.2.9", "192.0.2.4;rport"))).bindings[0].flow is None


# RFC 5626: outbound


def test_a_kept_flow_is_granted() -> None:
    """§6: the registrar MUST include `outbound` in Require of the 200; §5.4: Flow-Timer says when to ping."""
    contact = f"<sip:bob@10.0.0.5;transport=tcp>;reg-id=1;{INSTANCE}"
    kept = done(request(contact, via=("10.0.0.5",), headers=OUTBOUND), flow=TCP)
    (binding,) = kept.bindings
    assert (binding.reg_id, binding.instance, binding.flow, binding.needs_flow) == (1, f"<{URN}>", TCP, True)
    assert field(kept, "Require") == ["outbound"]
    assert field(kept, "Flow-Timer") == ["120"]
    assert field(done(request(contact, headers=OUTBOUND)), "Flow-Timer") == ["25"]  # UDP: a NAT forgets sooner
    assert f';+sip.instance="<{URN}>";reg-id=1' in field(kept, "Contact")[0]


def test_a_new_flow_takes_the_place_of_the_old_one() -> None:
    """§6: instance and reg-id name the binding, whatever its contact has become."""
    first = request(f"<sip:bob@10.0.0.5:1111>;reg-id=1;{INSTANCE}", headers=OUTBOUND)
    again = request(f"<sip:bob@10.0.0.6:2222>;reg-id=1;{INSTANCE}", call_id="reboot", headers=OUTBOUND)
    kept = done(again, done(first, flow=TCP), flow=replace(TCP, id=9))
    assert contacts(kept) == ["sip:bob@10.0.0.6:2222"]
    assert kept.bindings[0].flow == replace(TCP, id=9)


def test_two_flows_of_one_device_stand_beside_each_other() -> None:
    """§4.2: a device registers over several flows, with a reg-id for each."""
    one = request(f"<sip:bob@10.0.0.5>;reg-id=1;{INSTANCE}", headers=OUTBOUND)
    two = request(f"<sip:bob@10.0.0.5>;reg-id=2;{INSTANCE}", call_id="two", headers=OUTBOUND)
    assert len(done(two, done(one, flow=TCP), flow=replace(TCP, id=9)).bindings) == 2


@pytest.mark.parametrize(
    ("params", "headers"),
    [
        (";reg-id=1", OUTBOUND),  # §6: without instance the reg-id is ignored
        (f";reg-id=1;{INSTANCE}", {}),  # without `outbound` it is an ordinary contact
        (f";reg-id=0;{INSTANCE}", OUTBOUND),
        (f";reg-id=x;{INSTANCE}", OUTBOUND),
    ],
)
def test_what_is_no_kept_flow_is_an_ordinary_contact(params: str, headers: dict[str, str]) -> None:
    kept = done(request(f"<sip:bob@10.0.0.5>{params}", headers=headers), flow=TCP)
    assert kept.bindings[0].reg_id == 0
    assert field(kept, "Require") == []


def test_a_kept_flow_is_registered_alone() -> None:
    """§6: more than one contact with a reg-id and an expiry above zero is a 400."""
    one, two = f"<sip:bob@10.0.0.5>;reg-id=1;{INSTANCE}", f"<sip:bob@10.0.0.6>;reg-id=2;{INSTANCE}"
    assert refused(request(one, two, headers=OUTBOUND), flow=TCP).status == 400
    assert done(request(one, f"{DESK};expires=0", headers=OUTBOUND), flow=TCP).bindings[0].reg_id == 1


@pytest.mark.parametrize(("path", "granted"), [("<sip:edge.example;lr;ob>", True), ("<sip:edge.example;lr>", False)])
def test_the_first_hop_has_to_keep_flows_too(path: str, granted: bool) -> None:
    """§6: 439 First Hop Lacks Outbound Support, unless the first proxy put `ob` in its Path."""
    made = request(
        f"<sip:bob@10.0.0.5>;reg-id=1;{INSTANCE}", via=("192.0.2.9", "10.0.0.5"), Path=path, headers=OUTBOUND
    )  # fmt: skip
    if granted:
        assert field(done(made, flow=TCP), "Require") == ["outbound"]
        assert field(done(made, flow=TCP), "Flow-Timer") == []  # the first hop's is not ours
    else:
        assert refused(made, flow=TCP).status == 439


def test_when_its_connection_ends_a_kept_flow_is_gone_and_others_are_called_again() -> None:
    """§5.3: a request whose flow is gone is not sent elsewhere; RFC 3261 §18: a plain contact gets a new connection."""

    def gone(contact: str, flow: Flow, headers: dict[str, str] | None = None) -> Binding | None:
        (binding,) = done(request(contact, via=("10.0.0.5;rport",), headers=headers), flow=flow).bindings
        return binding.without_flow()

    assert gone(f"<sip:bob@10.0.0.5>;reg-id=1;{INSTANCE}", TCP, headers=OUTBOUND) is None
    assert gone("<sip:bob@x.invalid;transport=ws>", WSS) is None
    assert gone("<sip:bob@10.0.0.5;transport=tcp>", TCP) is None  # an address behind its NAT, not behind ours
    plain = gone("<sip:bob@203.0.113.9;transport=tcp>", TCP)
    assert plain is not None
    assert plain.flow is None


# RFC 5627: GRUU


def test_a_device_that_asks_gets_its_public_gruu() -> None:
    """§5.3: pub-gruu is in the contact of the 200 when the request supports `gruu` and names an instance."""
    kept = done(request(f"{DESK};{INSTANCE}", Supported="gruu"))
    (contact,) = (NameAddr.parse(value) for value in field(kept, "Contact"))
    assert dict(contact.params)["pub-gruu"] == f"sip:bob@phones.example;gr={URN}"
    assert kept.bindings[0].is_instance(URN)
    assert not kept.bindings[0].is_instance("urn:uuid:other")


def test_a_temporary_gruu_stands_beside_the_public_one() -> None:
    """§5.3: a new one with each 200."""
    asked = request(f"{DESK};{INSTANCE}", Supported="gruu")
    kept = register((), asked, UDP, 0.0, RULES, ADDRESS, lambda address, one: f"sip:x{one.cseq}@{address.host};gr")
    (contact,) = (NameAddr.parse(value) for value in field(kept, "Contact"))
    assert dict(contact.params)["temp-gruu"] == "sip:x1@phones.example;gr"
    silent = request(f"{DESK};{INSTANCE}", Supported="path")
    assert "temp-gruu" not in field(register((), silent, UDP, 0.0, RULES, ADDRESS, lambda *_: "never"), "Contact")[0]


@pytest.mark.parametrize(
    ("params", "supported"), [(f";{INSTANCE}", "path"), ("", "gruu"), (';+sip.instance="a;b"', "gruu")]
)
def test_who_cannot_have_a_gruu_gets_none(params: str, supported: str) -> None:
    kept = done(request(DESK + params, Supported=supported))
    assert "pub-gruu" not in field(kept, "Contact")[0]
