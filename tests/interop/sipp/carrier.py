"""sipp as the far end of calls: it runs a scenario, and says what it saw when it is not content."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interop import scenario as s
from tests.interop.conftest import NUMBER, need
from tests.lib.ports import free_port

PATIENCE = 25  # seconds for a whole scenario, unless a test says otherwise


class Carrier:
    """sipp on a port of its own."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.program = need("sipp")
        self.folder = folder
        self.host = host
        self.port = free_port()
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def uri(self) -> str:
        """Where it is called."""
        return f"sip:{self.host}:{self.port}"

    def call(self, target: str, *steps: str, options: tuple[str, ...] = (), patience: int = PATIENCE) -> None:
        """Calls in: every step must be seen."""
        with self._run("caller", steps, (*options, target), patience) as process:
            assert process.wait(patience + 5) == 0, self.trouble("caller")

    @contextmanager
    def calling(self, target: str, *steps: str, options: tuple[str, ...] = ()) -> Iterator[None]:
        """Calls in while the block runs: every step must be seen by its end."""
        with self._run("caller", steps, (*options, target), PATIENCE) as process:
            yield
            assert process.wait(PATIENCE + 5) == 0, self.trouble("caller")

    @contextmanager
    def answering(self, *steps: str, options: tuple[str, ...] = (), patience: int = PATIENCE) -> Iterator[None]:
        """Is called while the block runs: every step must be seen by its end."""
        with self._run("callee", steps, options, patience) as process:
            self._listening(process)
            yield
            assert process.wait(patience + 5) == 0, self.trouble("callee")

    @contextmanager
    def _run(
        self, name: str, steps: tuple[str, ...], options: tuple[str, ...], patience: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        path = self.folder / f"{name}.xml"
        path.write_text(s.scenario(name, *steps))
        host = f"[{self.host}]" if ":" in self.host else self.host
        command = [
            self.program, "-sf", str(path), "-s", NUMBER, "-m", "1", "-i", host, "-p", str(self.port), "-mp",
            str(free_port()), "-timeout", str(patience), "-timeout_error", "-nostdin", "-trace_err", "-error_file",
            str(self.folder / f"{name}.errors"), "-trace_msg", "-message_file", str(self._messages(name)), *options,
        ]  # fmt: skip
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, cwd=self.folder, stdout=quiet, stderr=quiet) as process:
            self._running.append(process)
            try:
                yield process
            finally:
                process.kill()

    def stop(self) -> None:
        """Ends what still runs."""
        for process in self._running:
            if process.poll() is None:
                process.kill()

    def _listening(self, process: subprocess.Popen[bytes]) -> None:
        """Waits until its port is taken, so that the first INVITE need not be repeated."""
        port, end = f":{self.port:04X} ", time.monotonic() + 5
        tables = [Path(f"/proc/net/{name}") for name in ("udp", "udp6", "tcp", "tcp6")]
        while not any(port in table.read_text() for table in tables):
            assert process.poll() is None, self.trouble("callee")
            assert time.monotonic() < end, "sipp does not listen"
            time.sleep(0.01)

    def _messages(self, name: str) -> Path:
        return self.folder / f"{name}.messages"

    def trouble(self, name: str) -> str:
        """What sipp complains of, and the last messages."""
        files = [self.folder / f"{name}.errors", self._messages(name)]
        return "\n".join(path.read_text(errors="replace")[-6000:] for path in files if path.exists())

    def messages(self) -> str:
        """Everything that was said, by sipp too."""
        files = map(self._messages, ("caller", "callee"))
        return "".join(path.read_text(errors="replace") for path in files if path.exists())

    def received(self, first: str, name: str = "callee") -> list[str]:
        """The messages that came and start like this."""
        parts = self._messages(name).read_text(errors="replace").split("-" * 40)
        came = [part.partition("\n\n") for part in parts[1:] if "message received" in part[:200]]
        return [text.strip() for _, _, text in came if text.strip().startswith(first)]


def header(message: str, name: str) -> str:
    """The value of a header of a message."""
    lines = (line for line in message.splitlines() if line.lower().startswith(f"{name.lower()}:"))
    return next(lines).partition(":")[2].strip()
