"""Takes REGISTER in place of an agent: grants, refuses, wants it longer, or says when to retry (RFC 3261 §10.3)."""

from __future__ import annotations

from random import Random

from sip.message import Request, parse_message


class Registrar:
    """Keeps nothing: a repeated request gets the same answer, because chance is drawn from its branch."""

    def answers(self, data: bytes) -> bytes | None:
        """The response to a REGISTER, None to all else."""
        if not data.startswith(b"REGISTER "):
            return None
        request = parse_message(data)
        assert isinstance(request, Request)
        status = Random(request.via[0].branch).choice((200, 200, 200, 403, 423, 503))
        response = request.reply(status, to_tag="registrar")
        for name, value in {200: (("Contact", _granted(request)),), 423: (("Min-Expires", "90"),)}.get(status, ()):
            response.headers.add(name, value)
        if status == 503:
            response.headers.add("Retry-After", "7")
        return bytes(response)


def _granted(request: Request) -> str:
    return f"{request.headers.get('Contact')};expires={request.headers.get('Expires')}"
