"""A customer's day with Twilio's own library: SIP resources are made, phones log in, talk, and are moved."""

from __future__ import annotations

import re
import socket
import uuid
from hashlib import new as digest
from pathlib import Path

import pytest
from twilio.rest import Client

from tests.interop.conftest import App, GatewayProcess, wait_for
from tests.interop.pjsua import ended, loudest_hertz, read_wav, start_pjsua
from tests.interop.test_registrations import contacts

DOMAIN, PBX = "office.example", "pbx.example"
USERS = {"alice": "Wonderland-1865", "bob": "Rock-and-roll-42", "carol": "Long-and-winding-70"}
TALK = "<Response><Dial action='/move'><Sip>{To}</Sip></Dial></Response>"
MOVE = f"<Response><Refer action='/moved'><Sip>sip:carol@{DOMAIN}</Sip></Refer></Response>"
ALICE, BOB, CAROL = 440.0, 620.0, 880.0


def resources(client: Client, app: App) -> None:
    """Domain, credential list, IP list, mappings, and a trunk that uses both lists."""
    domain = client.sip.domains.create(domain_name=DOMAIN, voice_url=app.url("/voice"), sip_registration=True)
    users = client.sip.credential_lists.create(friendly_name="Staff")
    for user, password in USERS.items():
        client.sip.credential_lists(users.sid).credentials.create(username=user, password=password)
    near = client.sip.ip_access_control_lists.create(friendly_name="Office")
    client.sip.ip_access_control_lists(near.sid).ip_addresses.create(friendly_name="loopback", ip_address="127.0.0.1")
    auth = client.sip.domains(domain.sid).auth
    auth.registrations.credential_list_mappings.create(credential_list_sid=users.sid)
    auth.calls.credential_list_mappings.create(credential_list_sid=users.sid)
    auth.calls.ip_access_control_list_mappings.create(ip_access_control_list_sid=near.sid)
    trunk = client.trunking.v1.trunks.create(domain_name=PBX, friendly_name="PBX", transfer_mode="sip-only")
    way = client.trunking.v1.trunks(trunk.sid)
    way.credentials_lists.create(credential_list_sid=users.sid)
    way.ip_access_control_lists.create(ip_access_control_list_sid=near.sid)
    assert sorted(client.trunking.v1.trunks(trunk.sid).fetch().auth_type_set) == ["CREDENTIAL_LIST", "IP_ACL"]


def asked(gateway: GatewayProcess, user: str, login: str = "") -> str:
    """The answer to a REGISTER."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(20)
        ip, port = phone.getsockname()
        lines = (
            f"REGISTER sip:{DOMAIN} SIP/2.0", f"Via: SIP/2.0/UDP {ip}:{port};branch=z9hG4bK{uuid.uuid4().hex};rport",
            f"From: <sip:{user}@{DOMAIN}>;tag=1", f"To: <sip:{user}@{DOMAIN}>", f"Call-ID: {uuid.uuid4().hex}",
            "CSeq: 1 REGISTER", f"Contact: <sip:{user}@{ip}:{port}>", "Max-Forwards: 70", "Expires: 60",
            *([login] if login else []), "Content-Length: 0", "", "",
        )  # fmt: skip
        host, gateway_port = gateway.sip.split(":")
        phone.sendto("\r\n".join(lines).encode(), (host, int(gateway_port)))
        return phone.recv(4096).decode()


def registers(gateway: GatewayProcess, user: str, password: str, algorithm: str) -> str:
    """A login by the text of RFC 7616: the status line, and the headers that do not differ by chance."""
    challenges = re.findall(r'nonce="(\S+)", algorithm=(\S+),', asked(gateway, user))
    nonce = {name: nonce for nonce, name in challenges}[algorithm]

    def hashed(text: str) -> str:
        return digest(algorithm.replace("-", "").lower(), text.encode()).hexdigest()

    secret, uri = hashed(f"{user}:{DOMAIN}:{password}"), f"sip:{DOMAIN}"
    shown = hashed(f"{secret}:{nonce}:00000001:c:auth:{hashed(f'REGISTER:{uri}')}")
    answer = asked(
        gateway,
        user,
        f'Authorization: Digest username="{user}", realm="{DOMAIN}", nonce="{nonce}", uri="{uri}", qop=auth, '
        f'nc=00000001, cnonce="c", algorithm={algorithm}, response="{shown}"',
    )
    kept = [line for line in answer.splitlines() if not line.startswith(("Via", "From", "To", "Call-ID", "Contact"))]
    return re.sub(r'nonce="\S+"', "nonce", "\n".join(kept))


def phone(gateway: GatewayProcess, user: str, *more: str) -> list[str]:
    """The arguments of a pjsua2 phone that registers."""
    login = ["--register", f"sip:{user}@{DOMAIN}", "--login", f"{user}:{USERS[user]}"]
    return [*login, "--proxy", f"sip:{gateway.sip};lr", *more]


@pytest.mark.interop
def test_phones_of_a_domain_log_in_talk_and_are_moved(app: App, tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path)
    gateway.config.write_text('[phones]\ndigest = ["SHA-256", "MD5"]\n')
    gateway.start()
    try:
        resources(gateway.client(), app)
        app.documents = {
            "/voice": lambda params: TALK.format(**params),
            "/move": MOVE,
            "/moved": "<Response><Hangup/></Response>",
        }
        for algorithm in ("MD5", "SHA-256"):
            assert registers(gateway, "alice", USERS["alice"], algorithm).startswith("SIP/2.0 200")
        wrong = registers(gateway, "alice", "Wonderland-1866", "SHA-256")
        assert wrong.startswith("SIP/2.0 401")
        assert registers(gateway, "mallory", "Wonderland-1866", "SHA-256") == wrong
        assert contacts(gateway, "mallory") == []

        bob = start_pjsua(tmp_path, "bob", BOB, *phone(gateway, "bob", "--hangup-after", "4"))
        carol = start_pjsua(tmp_path, "carol", CAROL, *phone(gateway, "carol"))
        call = ["--call", f"sip:bob@{DOMAIN}", "--hangup-after", "9"]
        alice = start_pjsua(tmp_path, "alice", ALICE, *phone(gateway, "alice", *call))
        wait_for(lambda: len(app.to("/moved")) == 1, 30, "the end of the Refer")
        assert [ended(one) for one in (alice, bob, carol)] == ["DISCONNECTED"] * 3
        first = app.to("/voice")[0].params
        assert (first["From"], first["To"]) == (f"sip:alice@{DOMAIN}", f"sip:bob@{DOMAIN}")
        assert first["SipAuthUsername"] == "alice"
        assert app.to("/move")[0].params["DialCallStatus"] == "completed"
        assert app.to("/moved")[0].params["ReferCallStatus"] == "in-progress"
    finally:
        gateway.stop()
    assert abs(loudest_hertz(read_wav(tmp_path / "bob.wav")[8000:24000]) - ALICE) <= 1
    assert abs(loudest_hertz(read_wav(tmp_path / "alice.wav")[16000:28000]) - BOB) <= 1
    assert abs(loudest_hertz(read_wav(tmp_path / "alice-2.wav")[8000:24000]) - CAROL) <= 1
    assert abs(loudest_hertz(read_wav(tmp_path / "carol.wav")[8000:24000]) - ALICE) <= 1
