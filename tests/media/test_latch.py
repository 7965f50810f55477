"""When a port follows the address that packets really come from: each condition alone."""

from __future__ import annotations

import pytest

from media.latch import Latch
from tests.lib.rig import plan_of

SIGNALLING, ELSEWHERE = "198.51.100.7", "203.0.113.9"


def follows(
    *, remote: str = "10.0.0.5", symmetric: bool = False, ip: str = SIGNALLING, port: int = 9, at: float = 1.0,
    sequences: tuple[int, ...] = (65534, 65535, 0), ssrcs: tuple[int, ...] = (7, 7, 7),
) -> bool:  # fmt: skip
    latch = Latch(plan_of(0, remote_ip=remote, signalling_ip=SIGNALLING, symmetric=symmetric), 0.0)
    return [latch.accepts((ip, port), ssrc, number, at) for number, ssrc in zip(sequences, ssrcs, strict=True)][-1]


def test_a_private_address_in_sdp_follows_the_signalling_ip() -> None:
    assert follows()


def test_a_public_address_in_sdp_is_believed_unless_the_trunk_is_symmetric() -> None:
    assert not follows(remote="8.8.8.8")
    assert follows(remote="8.8.8.8", symmetric=True)


@pytest.mark.parametrize(
    "strange",
    [
        {"ip": ELSEWHERE},
        {"at": 5.01},
        {"sequences": (1, 2, 4)},
        {"sequences": (1, 1, 2)},
        {"ssrcs": (7, 7, 8)},
        {"sequences": (1, 2), "ssrcs": (7, 7)},
    ],
    ids=["another IP", "too late", "a gap", "a repeat", "another SSRC", "two packets only"],
)
def test_nobody_else_is_followed(strange: dict[str, object]) -> None:
    assert not follows(**strange)  # type: ignore[arg-type]
