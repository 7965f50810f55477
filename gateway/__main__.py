"""The program: `trunkline serve`, `doctor`, `phone`, `demo`, `twiml`, `credentials`, `bench`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

import uvloop

from gateway import config, log, pages


def main(argv: list[str] | None = None) -> int:
    """Runs one subcommand; the process' exit status."""
    arguments = _parser().parse_args(argv)
    log.start(logging.DEBUG if arguments.verbose else logging.INFO)
    try:
        return int(arguments.run(arguments))
    except config.ConfigError as error:
        print(f"trunkline: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        logging.getLogger(__name__).debug("! a file or socket", exc_info=True)
        print(f"trunkline: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("trunkline", description="A self-hosted, Twilio-compatible gateway.")
    parser.add_argument("--verbose", action="store_true", help="log each SIP message and more")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _serve(commands.add_parser("serve", help="run the gateway"))
    _doctor(commands.add_parser("doctor", help="look at settings, machine and trunks, and say what to do"))
    _phone(commands.add_parser("phone", help="a softphone: dial, press digits, record what is heard"))
    _demo(commands.add_parser("demo", help="one whole call on this machine, printed as a timeline"))
    _twiml(commands.add_parser("twiml", help="check documents"))
    _credentials(commands.add_parser("credentials", help="show or renew account SID, token and operator key"))
    _bench(commands.add_parser("bench", help="run the benchmarks of a source checkout"))
    return parser


def _serve(parser: argparse.ArgumentParser) -> None:
    _settings(parser)
    parser.set_defaults(run=serve)


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="trunkline.toml")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where everything is kept (./var)")
    parser.add_argument("--http", metavar="HOST:PORT", help="REST API (127.0.0.1:8080)")
    parser.add_argument("--sip", metavar="HOST:PORT", help="SIP over UDP and TCP (127.0.0.1:5060)")
    parser.add_argument("--rtp", metavar="HOST:FROM-TO", help="media (127.0.0.1:20000-29999)")


def settings_of(arguments: argparse.Namespace) -> config.Settings:
    """The settings with the flags laid over them."""
    return config.load(arguments.config, _overrides(arguments))


def _overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    flags = {"data": "data", "http": "http.listen", "sip": "sip.listen", "rtp": "media.rtp"}
    return {name: value for flag, name in flags.items() if (value := getattr(arguments, flag, None)) is not None}


def serve(arguments: argparse.Namespace) -> int:
    """Runs the gateway until SIGTERM or SIGINT."""
    pages.for_new_objects()
    from gateway import app

    return uvloop.run(app.serve(settings_of(arguments)))


def _doctor(parser: argparse.ArgumentParser) -> None:
    _settings(parser)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=doctor)


def doctor(arguments: argparse.Namespace) -> int:
    """Looks at everything; exit status 1 where something cannot work."""
    from gateway.doctor import command

    return asyncio.run(command.run(arguments.config, _overrides(arguments), as_text=not arguments.json))


def _phone(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", help="a number, or a SIP URI")
    parser.add_argument("--sip", default="127.0.0.1:5060", metavar="HOST:PORT", help="the gateway")
    parser.add_argument("--digits", default="", help="0-9 * # A-D; w waits half a second, W one")
    parser.add_argument("--record", type=Path, metavar="FILE", help="WAV file of what is heard")
    parser.add_argument("--say", type=Path, metavar="FILE", help="WAV file to speak after the digits")
    parser.add_argument("--seconds", type=float, default=60.0, help="hang up after so long")
    parser.add_argument("--from", dest="caller", default="+15555550199", help="the caller's number")
    parser.add_argument("--tcp", action="store_true", help="SIP over TCP")
    parser.add_argument("--user", help="digest user name")
    parser.add_argument("--password", help="digest password")
    parser.set_defaults(run=phone)


def phone(arguments: argparse.Namespace) -> int:
    """Places one call; exit status 0 when it was answered."""
    from gateway import phone as softphone

    return uvloop.run(softphone.run(arguments))


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=demo)


def demo(arguments: argparse.Namespace) -> int:
    """One whole call; exit status 0 only if every step was seen."""
    from gateway import demo as whole_call

    return uvloop.run(whole_call.run())


def _twiml(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="say what is wrong with a document, and where")
    check.add_argument("source", metavar="FILE|URL", help="- for standard input")
    check.add_argument("--strict", action="store_true", help="warnings are errors, too")
    check.set_defaults(run=check_twiml)


def check_twiml(arguments: argparse.Namespace) -> int:
    """Checks one document; exit status 1 where a call could not run it, 2 where it cannot be read."""
    from gateway import check

    return check.run(arguments.source, strict=arguments.strict)


def _credentials(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.add_argument("--data", type=Path, metavar="DIR")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--reset", action="store_true", help="make a new token and operator key")
    kind.add_argument("--export", action="store_true", help="print TWILIO_… as `eval` of a shell reads it")
    parser.set_defaults(run=credentials)


def credentials(arguments: argparse.Namespace) -> int:
    """Shows the credentials file, or makes new credentials."""
    from gateway.accounts import command

    if arguments.export:
        return command.export(settings_of(arguments))
    return asyncio.run(command.run(settings_of(arguments), reset=arguments.reset))


def _bench(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=bench)


def bench(arguments: argparse.Namespace) -> int:
    """Runs every bench/bench_*.py of the checkout."""
    import subprocess

    folder = Path(__file__).parent.parent / "bench"
    files = sorted(folder.glob("bench_*.py"))
    if not files:
        print("trunkline: the benchmarks are in a source checkout, in bench/", file=sys.stderr)
        return 2
    return max(subprocess.run([sys.executable, str(file)], check=False).returncode for file in files)


if __name__ == "__main__":
    sys.exit(main())
