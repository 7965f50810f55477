"""A foreign phone in a process of its own: pjsua2 calls URI, plays SAY, records HEARD, presses DIGITS."""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import Any

import pjsua2 as pj


class Call(pj.Call):  # type: ignore[misc]
    """One call with a player and a recorder."""

    def __init__(self, account: Any, say: str, heard: str) -> None:
        super().__init__(account)
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


def main() -> None:
    """Calls until the far end hangs up."""
    uri, say, heard, digits = sys.argv[1:5]
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
    transport.boundAddress = "127.0.0.1"
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    settings = pj.AccountConfig()
    settings.idUri = "sip:+15555550123@127.0.0.1"
    settings.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    account = pj.Account()
    account.create(settings)
    call = Call(account, say, heard)
    call.makeCall(uri, pj.CallOpParam(True))
    pressed, end = False, time.monotonic() + 40
    while call.state != "DISCONNECTED" and time.monotonic() < end:
        endpoint.libHandleEvents(10)
        if call.answered and not pressed and time.monotonic() > call.answered + 1:
            call.dialDtmf(digits)
            pressed = True
    print(json.dumps({"state": call.state}), flush=True)
    call.drop()
    del call, account
    gc.collect()
    endpoint.libDestroy()


if __name__ == "__main__":
    main()
