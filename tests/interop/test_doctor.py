"""`trunkline doctor` as a command: beside a gateway that is well, and on five set-ups that are not."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.interop.conftest import ROOT, GatewayProcess
from tests.lib.dns import in_thread
from tests.lib.ports import free_port
from tests.lib.stir import Authority


def doctor(folder: Path, *more: str) -> tuple[int, str]:
    """Exit status and what it prints, for the settings in a folder."""
    arguments = ["doctor", "--config", str(folder / "trunkline.toml"), "--data", str(folder / "var"), *more]
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def write(folder: Path, text: str = "", *, sip: str = "127.0.0.1", rtp: str = "127.0.0.1:20000-20999") -> None:
    """A trunkline.toml on free ports."""
    http = f'[http]\nlisten = "127.0.0.1:{free_port()}"\n'
    listen = sip if ":" in sip else f"{sip}:{free_port()}"
    (folder / "trunkline.toml").write_text(f'{http}[media]\nrtp = "{rtp}"\n[sip]\nlisten = "{listen}"\n{text}')


def errors(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("error")]


@pytest.mark.interop
def test_beside_a_gateway_that_is_well(gateway: GatewayProcess) -> None:
    gateway.operator("POST", "trunks", {"name": "near", "uris": ["sip:127.0.0.1:5060"]})
    flags = ("--http", gateway.http, "--sip", gateway.sip, "--rtp", f"127.0.0.1:{gateway.rtp}-{gateway.rtp + 1999}")
    status, text = doctor(gateway.folder, *flags)
    assert errors(text) == []
    assert status == 0
    for line in (
        f"ok       sip.listen {gateway.sip} (udp): in use, and the gateway is running",
        "ok       trunk near: sip:127.0.0.1:5060 is udp 127.0.0.1 port 5060; SDP says 127.0.0.1, "
        "packets leave from 127.0.0.1",
    ):
        assert line in text.splitlines()
    assert "answers, and is up to date" in text
    status, text = doctor(gateway.folder, "--json", *flags)
    assert {one["level"] for one in json.loads(text)} <= {"ok", "warning"}
    assert gateway.well()


@contextmanager
def taken(folder: Path) -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        write(folder, sip=f"127.0.0.1:{other.getsockname()[1]}")
        yield "another program uses it. Cure: stop that program, or choose another sip.listen"


@contextmanager
def unheard(folder: Path) -> Iterator[str]:
    write(folder, '[[trunks]]\nname = "far"\nuris = ["sip:93.184.216.34"]\n', sip="0.0.0.0")
    yield (
        "trunk far: SDP tells 93.184.216.34 to send media to 127.0.0.1, which is itself. Cure: set media.public_address"
    )


@contextmanager
def nowhere(folder: Path) -> Iterator[str]:
    with in_thread({}) as server:
        write(folder, f'nameservers = ["{server.nameserver}"]\n[[trunks]]\nname = "far"\nuris = ["sip:sbc.example"]\n')
        yield (
            "trunk far: sip:sbc.example has no server in DNS (NAPTR, SRV, A and AAAA were asked for). "
            "Cure: correct uris of the trunk"
        )


@contextmanager
def expired(folder: Path) -> Iterator[str]:
    past = datetime.now(UTC) - timedelta(days=10)
    signer = Authority(past).signer(end=past + timedelta(days=5))
    (folder / "expired.pem").write_bytes(signer.pem)
    (folder / "expired.key").write_bytes(signer.key_pem)
    write(folder, f'tls_cert = "{folder}/expired.pem"\ntls_key = "{folder}/expired.key"\n')
    yield f"sip.tls_cert {folder}/expired.pem: has expired on {past + timedelta(days=5):%Y-%m-%d}. Cure: renew it"


@contextmanager
def readable(folder: Path) -> Iterator[str]:
    write(folder)
    (folder / "var").mkdir()
    (folder / "var" / "secret.key").touch(0o644)
    yield f"secret.key can be read by others than the gateway's user. Cure: chmod 600 {folder}/var/secret.key"


@contextmanager
def astray(folder: Path) -> Iterator[str]:
    write(folder, '[[trunks]]\nname = "acme"\n[[routes]]\nprefix = "+1"\ntrunks = ["acem"]\n')
    yield "route +1: there is no trunk acem. Cure: correct trunks of the route, or declare the trunk"


@contextmanager
def mistyped(folder: Path) -> Iterator[str]:
    write(folder, '[store]\nurl = "nonsense"\n')
    yield "store.url: does not answer: Could not parse SQLAlchemy URL from given URL string. Cure: start the database"


@pytest.mark.interop
@pytest.mark.parametrize("broken", [taken, unheard, nowhere, expired, readable, astray, mistyped])
def test_what_is_broken_is_named_with_its_cure(
    tmp_path: Path, broken: Callable[[Path], AbstractContextManager[str]]
) -> None:
    with broken(tmp_path) as line:
        status, text = doctor(tmp_path)
    assert status == 1
    (found,) = errors(text)
    assert line in found


@pytest.mark.interop
def test_settings_that_cannot_be_read_are_a_finding(tmp_path: Path) -> None:
    (tmp_path / "trunkline.toml").write_text('[sip]\nlistn = "127.0.0.1:5060"\n')
    status, text = doctor(tmp_path)
    assert (status, "did you mean sip.listen? Cure: correct it" in text) == (1, True)
