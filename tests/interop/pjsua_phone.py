"""A foreign phone in a process of its own: pjsua2 calls a URI or waits to be called, plays, records, presses digits."""

from __future__ import annotations

import argparse
import gc
import json
import time
from typing import Any

import pjsua2 as pj


class Call(pj.Call):  # type: ignore[misc]
    """One call with a player and a recorder."""

    def __init__(self, account: Any, say: str, heard: str, number: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, number)
        self.state = ""
        self.answered = 0.0
        self._files = (say, heard)
        self._player: Any = None
        self._recorder: Any = None

    def onCallState(self, prm: Any) -> None:
        self.state = str(self.getInfo().stateText)
        if self.state == "CONFIRMED":
            self.answered = time.monotonic()

    def onCallMediaState(self, prm: Any) -> None:
        media = self.getAudioMedia(-1)
        if self._player is None:
            self._player, self._recorder = pj.AudioMediaPlayer(), pj.AudioMediaRecorder()
            self._player.createPlayer(self._files[0])
            self._recorder.createRecorder(self._files[1])
        self._player.startTransmit(media)
        media.startTransmit(self._recorder)

    def drop(self) -> None:
        """Lets go of the files, before the library ends."""
        self._player = self._recorder = None


class Account(pj.Account):  # type: ignore[misc]
    """Who we are; a call that comes in is answered at once."""

    def __init__(self, say: str, heard: str) -> None:
        super().__init__()
        self.call: Call | None = None
        self._files = (say, heard)

    def dial(self, uri: str) -> None:
        """Calls."""
        self.call = Call(self, *self._files)
        self.call.makeCall(uri, pj.CallOpParam(True))

    def onIncomingCall(self, prm: Any) -> None:
        self.call = Call(self, *self._files, prm.callId)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        self.call.answer(answer)


def endpoint_on(host: str, port: int) -> Any:
    """The library, started, with a null sound device."""
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.medConfig.clockRate = 8000
    config.medConfig.noVad = True
    config.medConfig.ecTailLen = 0
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    transport = pj.TransportConfig()
    transport.boundAddress, transport.port = host, port
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_TCP, transport)
    endpoint.libStart()
    return endpoint


def account_on(host: str, say: str, heard: str, login: str) -> Account:
    """An account that needs no registration; `login`: USER:PASSWORD for challenges."""
    settings = pj.AccountConfig()
    settings.idUri = f"sip:+15555550123@{host}"
    if login:
        username, _, password = login.partition(":")
        settings.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", username, 0, password))
    settings.mediaConfig.transportConfig.boundAddress = host
    account = Account(say, heard)
    account.create(settings)
    return account


def follow(endpoint: Any, account: Account, wanted: argparse.Namespace) -> str:
    """Until the call is over; its last state."""
    pressed, end = False, time.monotonic() + wanted.patience
    while time.monotonic() < end:
        endpoint.libHandleEvents(10)
        call = account.call
        if call is None or not call.answered:
            if call is not None and call.state == "DISCONNECTED":
                break
            continue
        up = time.monotonic() - call.answered
        if call.state == "DISCONNECTED":
            break
        if wanted.digits and not pressed and up > 1:
            call.dialDtmf(wanted.digits)
            pressed = True
        if wanted.hangup_after and up > wanted.hangup_after:
            call.hangup(pj.CallOpParam())
            wanted.hangup_after = 0.0
    return account.call.state if account.call is not None else "NEVER CALLED"


def main() -> None:
    """One call, placed (`--call`) or awaited."""
    parser = argparse.ArgumentParser()
    parser.add_argument("say")
    parser.add_argument("heard")
    parser.add_argument("--call", metavar="URI")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--login", default="", metavar="USER:PASSWORD")
    parser.add_argument("--digits", default="")
    parser.add_argument("--hangup-after", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--patience", type=float, default=40.0, metavar="SECONDS")
    wanted = parser.parse_args()
    endpoint = endpoint_on(wanted.host, wanted.port)
    account = account_on(wanted.host, wanted.say, wanted.heard, wanted.login)
    print("ready", flush=True)
    if wanted.call:
        account.dial(wanted.call)
    state = follow(endpoint, account, wanted)
    print(json.dumps({"state": state}), flush=True)
    if account.call is not None:
        account.call.drop()
    del account
    gc.collect()
    endpoint.libDestroy()


if __name__ == "__main__":
    main()
