"""Kamailio as a process of the test: carrier.cfg, free ports of loopback, ended by its own id."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

from tests.interop.conftest import missing, need, wait_for
from tests.lib.ports import free_port

TLS_MODULE = "*/kamailio/modules/tls.so"
CONFIG = Path(__file__).parent / "carrier.cfg"
OPTIONS = (
    "OPTIONS sip:{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {own}:{ours};branch=z9hG4bKup\r\nMax-Forwards: 70\r\n"
    "From: <sip:test@{own}>;tag=1\r\nTo: <sip:{host}>\r\nCall-ID: up\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class Kamailio:
    """One Kamailio; the words of carrier.cfg say what it does, in upper case."""

    def __init__(self, folder: Path, *words: str, **values: str | int) -> None:
        self.program = need("kamailio")
        self.folder = folder
        self.host, self.port = "127.0.0.1", free_port()
        self.tls_port = free_port()
        self.words = [f"WITH_{word}" for word in words]
        if "TLS" in words and not any(Path("/usr/lib").glob(TLS_MODULE)):
            missing("kamailio-tls-modules")
        defaults: dict[str, str | int] = {
            "GATEWAY": "sip:127.0.0.1:9", "CARRIER": "sip:127.0.0.1:9", "PASSWORD": "secret",
            "ALGORITHM": "SHA-256", "LONGEST": 3600, "FRESH": 30,
        }  # fmt: skip
        self.values = defaults | values
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def start(self) -> None:
        """Starts it and waits until it answers (where it is one that does)."""
        self.folder.mkdir(exist_ok=True)
        listen = [f"-l{kind}:{self.address}" for kind in ("udp", "tcp")]
        if "WITH_TLS" in self.words:
            listen.append(f"-ltls:{self.host}:{self.tls_port}")
        words = self.words + [f"{name}={_token(value)}" for name, value in self.values.items()]
        defines = [part for word in words for part in ("-A", word)]
        command = [self.program, "-f", str(CONFIG), "-DD", "-m32", "-M4", "-Y", str(self.folder), *listen, *defines]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stderr=log, stdout=log, start_new_session=True)
        if "WITH_SILENCE" not in self.words:
            wait_for(self.answers, 5, f"Kamailio's start ({(self.folder / 'log').read_text()[-2000:]})")

    def answers(self) -> bool:
        """Whether OPTIONS over UDP is answered."""
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((self.host, 0))
            own, ours = one.getsockname()
            one.settimeout(0.2)
            text = OPTIONS.format(host=self.host, port=self.port, own=own, ours=ours)
            one.sendto(text.encode(), (self.host, self.port))
            try:
                return one.recv(2000).startswith(b"SIP/2.0 200")
            except OSError:
                return False

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text(errors="replace")

    def asked(self, method: str, more: str = "") -> int:
        """How many requests of this method came; `more`: the user of To, and the Expires header."""
        return len(re.findall(rf"asked {method} {more}", self.log()))

    def kill(self) -> None:
        """kill -9, its children included: they are a group of their own."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, which ends its children, too."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()


def _token(value: str | int) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'
