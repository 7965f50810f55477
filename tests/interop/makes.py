"""Independent phones of other makes, which register as a user and do what they are told: baresip and linphone.

Both say a tone. Baresip refuses 127.0.0.1: it needs a network of the test's own (tests/lib/namespace.py).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.interop.conftest import need
from tests.interop.pjsua import write_tone
from tests.interop.test_phones import BARESIP
from tests.lib.namespace import ALIAS
from tests.lib.ports import free_port

CONTROL = "module_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{port}\n"
LINPHONE = """[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port={tls}
verify_server_certs=0
verify_server_cn=0
use_ipv6=0
[auth_info_0]
username={user}
passwd={password}
realm={domain}
domain={domain}
[proxy_0]
reg_proxy=<{proxy}>
reg_route=<{proxy}>
reg_identity=sip:{user}@{domain}
reg_expires=600
reg_sendregister=1
publish=0
"""


class Make(Protocol):
    """A phone that takes calls by itself."""

    def dial(self, uri: str) -> None:
        """Calls."""

    def says(self) -> None:
        """Its tone, from now on, in the call that is up."""

    def hold(self) -> None:
        """The other party waits."""

    def resume(self) -> None:
        """No more."""

    def transfer(self, uri: str) -> None:
        """Sends the other party there."""


class Baresip:
    """`control`: the port that takes its commands."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, control: int) -> None:
        self.process = process
        self.folder = folder
        self._control = control

    def heard(self) -> Path:
        """What it heard of the last talk."""
        return max(self.folder.glob("*dec.wav"), key=lambda path: path.stat().st_mtime)

    def dial(self, uri: str) -> None:
        self._tell("dial", uri)

    def says(self) -> None:
        """It always does."""

    def hold(self) -> None:
        self._tell("hold")

    def resume(self) -> None:
        self._tell("resume")

    def transfer(self, uri: str) -> None:
        self._tell("transfer", uri)

    def _tell(self, command: str, params: str = "") -> None:
        """A netstring of JSON; events come before the answer."""
        text = json.dumps({"command": command, "params": params}).encode()
        with socket.create_connection(("127.0.0.1", self._control), 5) as one:
            one.sendall(b"%d:%s," % (len(text), text))
            answer = b""
            while b'"response":true' not in answer:
                answer += (piece := one.recv(4096))
                assert piece, answer
            assert b'"ok":true' in answer, answer


@contextmanager
def baresip(folder: Path, address: str, password: str, hertz: float, proxy: str) -> Iterator[Baresip]:
    """A baresip that registers USER@DOMAIN through a proxy (`sip:…;transport=…`)."""
    program, control = need("baresip"), free_port()
    folder.mkdir()
    modules = next(path.parent for path in Path("/usr/lib").rglob("aufile.so"))
    say = write_tone(folder, hertz)
    settings = BARESIP.format(modules=modules, host=ALIAS, folder=folder, say=say) + CONTROL.format(port=control)
    (folder / "config").write_text(settings)
    account = f'<sip:{address}>;auth_pass={password};outbound="{proxy}";regint=120;answermode=auto\n'
    (folder / "accounts").write_text(account)
    (folder / "contacts").write_text("")
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [program, "-f", str(folder), "-t", "40"], stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        yield Baresip(process, folder, control)
        process.terminate()
        process.wait(10)
    finally:
        process.kill()
        process.wait()


class Linphone:
    """Takes commands on its standard input, numbers its calls from 1, and says nothing by itself."""

    def __init__(self, process: subprocess.Popen[bytes], say: Path) -> None:
        self.process = process
        self._say = say

    def dial(self, uri: str) -> None:
        self.tell(f"call {uri}")

    def says(self) -> None:
        self.tell(f"incall-player-start {self._say}")

    def hold(self) -> None:
        self.tell("call-pause 1")

    def resume(self) -> None:
        self.tell("call-resume 1")

    def transfer(self, uri: str) -> None:
        self.tell(f"call-transfer 1 {uri}")

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()


@contextmanager
def linphone(folder: Path, address: str, password: str, hertz: float, proxy: str) -> Iterator[Linphone]:
    """A linphone that registers USER@DOMAIN through a proxy (`sip:…;transport=…`)."""
    program, (user, _, domain) = need("linphone-daemon"), address.partition("@")
    (folder / ".local" / "share" / "linphone").mkdir(parents=True)
    ports = {name: free_port() for name in ("udp", "tcp", "tls")}
    settings = folder / "linphonerc"
    settings.write_text(LINPHONE.format(user=user, domain=domain, password=password, proxy=proxy, **ports))
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [program, "--config", str(settings), "--log", str(folder / "linphone.log"), "--auto-answer"],
            stdin=subprocess.PIPE, stdout=out, stderr=out, cwd=folder, env=environment,
        )  # fmt: skip
    one = Linphone(process, write_tone(folder, hertz))
    try:
        yield one
        one.tell("quit")
        process.wait(10)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.kill()
        process.wait()
