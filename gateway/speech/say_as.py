"""`<say-as>` as plain text that any engine reads as it is meant (twiml-voice.md §5: interpret-as).

Spelling, digits and telephone numbers are the same in every language. What needs words (dates, units, money, fractions)
is here for English, and dates for the languages of MONTHS; None: the engine's own reading has to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_MONTHS = """
en January February March April May June July August September October November December
de Januar Februar März April Mai Juni Juli August September Oktober November Dezember
fr janvier février mars avril mai juin juillet août septembre octobre novembre décembre
es enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
it gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
pt janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
"""
MONTHS = {line[:2]: line.split()[1:] for line in _MONTHS.split("\n") if line}
OF = {"es": " de ", "pt": " de "}  # between the day, the month and the year
UNITS = {
    "ft": "feet", "in": "inches", "yd": "yards", "mi": "miles", "m": "meters", "km": "kilometers", "cm": "centimeters",
    "mm": "millimeters", "g": "grams", "kg": "kilograms", "mg": "milligrams", "lb": "pounds", "lbs": "pounds",
    "oz": "ounces", "l": "liters", "ml": "milliliters", "gal": "gallons", "s": "seconds", "sec": "seconds",
    "min": "minutes", "h": "hours", "hr": "hours", "ms": "milliseconds", "mph": "miles per hour",
    "km/h": "kilometers per hour", "kb": "kilobytes", "mb": "megabytes", "gb": "gigabytes", "hz": "hertz",
    "khz": "kilohertz", "mhz": "megahertz", "w": "watts", "kw": "kilowatts", "v": "volts", "%": "percent",
    "°c": "degrees Celsius", "°f": "degrees Fahrenheit",
}  # fmt: skip
ONE = {"feet": "foot", "inches": "inch", "hertz": "hertz", "kilohertz": "kilohertz", "megahertz": "megahertz",
       "percent": "percent", "degrees Celsius": "degree Celsius", "degrees Fahrenheit": "degree Fahrenheit",
       "miles per hour": "mile per hour", "kilometers per hour": "kilometer per hour"}  # fmt: skip
MONEY = {"$": ("dollar", "cent"), "USD": ("dollar", "cent"), "€": ("euro", "cent"), "EUR": ("euro", "cent"),
         "£": ("pound", "penny"), "GBP": ("pound", "penny")}  # fmt: skip
STREETS = {"st": "Street", "ave": "Avenue", "blvd": "Boulevard", "rd": "Road", "dr": "Drive", "ln": "Lane",
           "hwy": "Highway", "pkwy": "Parkway", "apt": "Apartment", "ste": "Suite"}  # fmt: skip
PARTS = {2: "half", 4: "quarter"}
SIGNS = {".": "dot", ",": "comma", "-": "dash", "@": "at", "/": "slash", "#": "hash", "*": "star", "+": "plus",
         "_": "underscore", "&": "and", ":": "colon"}  # fmt: skip


def read(text: str, kind: str, form: str, language: str) -> str | None:
    """How `text` is written for it to be read as `kind`; None where nothing is known for this language."""
    tongue = language.partition("-")[0].lower()
    if kind in ANYWHERE:
        return ANYWHERE[kind](text)
    if kind == "date":
        return date(text, form, tongue)
    return ENGLISH[kind](text) if tongue == "en" and kind in ENGLISH else None


def spelled(text: str) -> str:
    """`AB-1` -> `A, B, -, 1`: one by one."""
    return ", ".join(text.replace(" ", ""))


def digits(text: str) -> str:
    """`1234` -> `1 2 3 4`."""
    return " ".join(text.replace(" ", ""))


def telephone(text: str) -> str:
    """`+12125551234` -> `plus 1, 2 1 2, 5 5 5, 1 2 3 4`: in the groups that it is written in, else in those of NANP."""
    groups = re.findall(r"\d+", text)
    if len(groups) == 1:
        groups = _nanp(groups[0])
    return ("plus " if text.lstrip().startswith("+") else "") + ", ".join(" ".join(group) for group in groups)


def _nanp(number: str) -> list[str]:
    """The last four, and threes before them."""
    head, groups = number[:-4], [number[-4:]]
    while head:
        head, groups = head[:-3], [head[-3:], *groups]
    return groups


def cardinal(text: str) -> str:
    """`1,234` -> `1234`: every engine reads numbers."""
    return text.replace(",", "") if re.fullmatch(r"[+-]?[\d,]+(\.\d+)?", text.strip()) else text


def ordinal(text: str) -> str | None:
    """`3` -> `3rd`."""
    number = text.strip()
    return number + _suffix(int(number)) if _small(number) else text


def _suffix(number: int) -> str:
    return "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _small(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def fraction(text: str) -> str:
    """`3/8` -> `3 8ths`, `1+1/2` -> `1 and 1 half`."""
    found = re.fullmatch(r"(?:(\d+)\s*[+ ]\s*)?(\d+)\s*/\s*(\d{1,9})", text.strip(), re.ASCII)
    if found is None:
        return text
    above, below = found[2], int(found[3])
    part = PARTS.get(below) or f"{below}{_suffix(below)}"
    if int(above) != 1:
        part = "halves" if part == "half" else f"{part}s"
    return f"{found[1]} and {above} {part}" if found[1] else f"{above} {part}"


def unit(text: str) -> str:
    """`10ft` -> `10 feet`."""
    found = re.fullmatch(r"([+-]?[\d.,]+)[\s-]*(\S+)", text.strip(), re.ASCII | re.IGNORECASE)
    if found is None or found[2].lower() not in UNITS:
        return text
    many = UNITS[found[2].lower()]
    return f"{found[1]} {ONE.get(many, many.removesuffix('s')) if found[1] == '1' else many}"


def currency(text: str) -> str:
    """`$42.01` -> `42 dollars and 1 cent`; also `USD42.01` and `42.01 EUR`."""
    found = re.fullmatch(r"(\$|€|£|[A-Z]{3})?\s*([\d,]+)(?:\.(\d\d))?\s*(\$|€|£|[A-Z]{3})?", text.strip(), re.ASCII)
    names = MONEY.get(found[1] or found[4] or "") if found else None
    if found is None or names is None:
        return text
    whole, cents = found[2].replace(",", ""), int(found[3] or 0)
    said = f"{whole} {names[0]}{'' if whole == '1' else 's'}"
    return f"{said} and {cents} {_cents(names[1], cents)}" if cents else said


def _cents(name: str, number: int) -> str:
    if number == 1:
        return name
    return "pence" if name == "penny" else f"{name}s"


def time(text: str) -> str:
    """`2:05pm` -> `2 oh 5 p m`, `14:00` -> `14 hundred`, `1'21"` -> `1 minute 21 seconds`."""
    if length := re.fullmatch(r"(\d+)'(?:(\d+)\"?)?", text.strip(), re.ASCII):
        found = [(length[1], "minute"), (length[2], "second")]
        return " ".join(f"{many} {name}{'' if many == '1' else 's'}" for many, name in found if many)
    clock = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d))?\s*([ap])?\.?(?:m\.?)?", text.strip(), re.ASCII | re.IGNORECASE)
    if clock is None:
        return text
    hour, minute, second, half = str(int(clock[1])), clock[2], clock[3], clock[4]
    said = [hour, "" if minute == "00" else f"oh {minute[1]}" if minute < "10" else minute]
    if minute == "00" and not half:
        said[1] = "hundred" if int(hour) > 12 else "o'clock"
    said += [f"and {int(second)} seconds"] if second else []
    said += [f"{half.lower()} m"] if half else []
    return " ".join(filter(None, said))


def address(text: str) -> str:
    """`150 Main St` -> `150 Main Street`; numbers of four digits and more in pairs or one by one."""
    return re.sub(r"\b([A-Za-z]+)\.?(?=[\s,]|$)", lambda word: STREETS.get(word[1].lower(), word[0]), text)


def date(text: str, form: str, tongue: str) -> str | None:
    """`3/4/2024` as `mdy` -> `March 4th, 2024`; None where it cannot be read or the language's months are not known."""
    months, given = MONTHS.get(tongue), _date(text.strip(), form)
    if months is None or not given:
        return None
    day, month, year = (given.get(letter) for letter in "dmy")
    if not (1 <= int(month or 1) <= 12 and 1 <= int(day or 1) <= 31):
        return None
    name = months[int(month) - 1] if month else ""
    if tongue == "en":
        said = f"{name} {ordinal(str(int(day)))}".strip() if day else name
        return ", ".join(filter(None, (said, year))) if day else f"{said} {year or ''}".strip()
    number = f"{int(day)}{'.' if tongue == 'de' else ''}" if day else ""
    joint = OF.get(tongue, " ")
    return joint.join(filter(None, (number, name, year)))


def _date(text: str, form: str) -> dict[str, str]:
    """Letter of the format -> what the text has there; empty where they do not match."""
    form = {"yyyymmdd": "ymd", "": "mdy"}.get(form, form)
    numbers = re.findall(r"\d+|\?+", text, re.ASCII)
    if len(numbers) == 1 and len(numbers[0]) == 8 and form == "ymd":
        numbers = [text[:4], text[4:6], text[6:8]]
    if len(numbers) == 3 and len(numbers[0]) == 4 and form == "mdy":
        form = "ymd"  # as ISO 8601 has it
    if len(numbers) != len(form):
        return {}
    return {letter: number for letter, number in zip(form, numbers, strict=True) if number.isdigit()}


ANYWHERE: dict[str, Callable[[str], str]] = {
    "characters": spelled, "spell-out": spelled, "digits": digits, "telephone": telephone, "cardinal": cardinal,
    "number": cardinal,
}  # fmt: skip
ENGLISH: dict[str, Callable[[str], str | None]] = {
    "ordinal": ordinal, "fraction": fraction, "unit": unit, "currency": currency, "time": time, "address": address,
}  # fmt: skip
