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
        self._account = account
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

    def onCallTransferRequest(self, prm: Any) -> None:
        """A REFER: it is followed by a new call, which the library places."""
        prm.newCall = self._account.referred()

    def drop(self) -> None:
        """Lets go of the files, before the library ends."""
        self._account = self._player = self._recorder = None


class Account(pj.Account):  # type: ignore[misc]
    """Who we are; a call that comes in is answered at once."""

    def __init__(self, say: str, heard: str) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.registration = 0  # the status of the last REGISTER
        self._say, self._heard = say, heard

    @property
    def call(self) -> Call | None:
        """The first one that is not over; the last one when all are."""
        return next((one for one in self.calls if one.state != "DISCONNECTED"), self.calls[-1] if self.calls else None)

    def _files(self) -> tuple[str, str]:
        """What the next call says, and where it is recorded: the second in a file of its own."""
        number = len(self.calls)
        return self._say, self._heard if number == 0 else self._heard.replace(".wav", f"-{number + 1}.wav")

    def onRegState(self, prm: Any) -> None:
        self.registration = int(prm.code)

    def dial(self, uri: str) -> None:
        """Calls."""
        self.calls.append(Call(self, *self._files()))
        self.calls[-1].makeCall(uri, pj.CallOpParam(True))

    def referred(self) -> Call:
        """The call that the far end asked for."""
        self.calls.append(Call(self, *self._files()))
        return self.calls[-1]

    def onIncomingCall(self, prm: Any) -> None:
        self.calls.append(Call(self, *self._files(), prm.callId))
        answer = pj.CallOpParam()
        answer.statusCode = 200
        self.calls[-1].answer(answer)


def endpoint_on(host: str, port: int, *, tls: bool) -> Any:
    """The library, started, with a null sound device; over TLS it believes any certificate."""
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
    if tls:
        transport.port = 0
        endpoint.transportCreate(pj.PJSIP_TRANSPORT_TLS, transport)
    endpoint.libStart()
    return endpoint


def account_on(wanted: argparse.Namespace) -> Account:
    """An account, which registers where that is wanted."""
    settings = pj.AccountConfig()
    settings.idUri = wanted.register or f"sip:+15555550123@{wanted.host}"
    if wanted.login:
        username, _, password = wanted.login.partition(":")
        settings.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", username, 0, password))
    if wanted.proxy:
        settings.sipConfig.proxies.append(wanted.proxy)
    if wanted.register:
        settings.regConfig.registrarUri = f"sip:{wanted.register.partition('@')[2]}"
        settings.regConfig.timeoutSec = 600
        settings.regConfig.retryIntervalSec = 0
    settings.mediaConfig.transportConfig.boundAddress = wanted.host
    account = Account(wanted.say, wanted.heard)
    account.create(settings)
    return account


def register(endpoint: Any, account: Account) -> None:
    """Until the registrar has answered."""
    end = time.monotonic() + 10
    while not account.registration and time.monotonic() < end:
        endpoint.libHandleEvents(10)


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
        if wanted.digits and not pressed and up > wanted.digits_after:
            call.dialDtmf(wanted.digits)
            pressed = True
        if wanted.hold_after and up > wanted.hold_after:
            wanted.hold_after = 0.0
            call.setHold(pj.CallOpParam())
        if wanted.unhold_after and up > wanted.unhold_after:
            wanted.unhold_after = 0.0
            again = pj.CallOpParam(True)
            again.opt.flag = pj.PJSUA_CALL_UNHOLD
            call.reinvite(again)
        if wanted.transfer_after and up > wanted.transfer_after:
            wanted.transfer_after = 0.0
            call.xfer(wanted.transfer_to, pj.CallOpParam(True))
        if wanted.consult_after and up > wanted.consult_after:
            wanted.consult_after = 0.0
            call.setHold(pj.CallOpParam())
            account.dial(wanted.consult)
        if wanted.join_after and len(account.calls) > 1 and up > wanted.join_after:
            wanted.join_after = 0.0
            call.xferReplaces(account.calls[1], pj.CallOpParam(True))
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
    parser.add_argument("--register", default="", metavar="ADDRESS", help="registers this address of record")
    parser.add_argument("--proxy", default="", metavar="URI", help="where everything goes")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--digits", default="")
    parser.add_argument("--digits-after", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--hold-after", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--unhold-after", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--transfer-to", default="", metavar="URI", help="whom the other one is sent to")
    parser.add_argument("--transfer-after", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--consult", default="", metavar="URI", help="who is asked while the other one holds")
    parser.add_argument("--consult-after", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--join-after", type=float, default=0.0, metavar="SECONDS", help="joins both by Replaces")
    parser.add_argument("--hangup-after", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--patience", type=float, default=40.0, metavar="SECONDS")
    wanted = parser.parse_args()
    endpoint = endpoint_on(wanted.host, wanted.port, tls=wanted.tls)
    account = account_on(wanted)
    if wanted.register:
        register(endpoint, account)
    print("ready", flush=True)
    if wanted.call:
        account.dial(wanted.call)
    refused = wanted.register and account.registration >= 300
    state = "NOT REGISTERED" if refused else follow(endpoint, account, wanted)
    print(json.dumps({"state": state, "registration": account.registration}), flush=True)
    while account.calls:
        account.calls.pop().drop()
    del account
    gc.collect()
    endpoint.libDestroy()


if __name__ == "__main__":
    main()
