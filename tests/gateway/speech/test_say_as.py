"""`<say-as>` as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.speech import say_as
from twiml.ssml import DATES, SAID_AS


@pytest.mark.parametrize(
    ("kind", "text", "written"),
    [
        ("characters", "AB-1 2", "A, B, -, 1, 2"), ("spell-out", "hi", "h, i"), ("digits", "1234", "1 2 3 4"),
        ("telephone", "+12125551234", "plus 1, 2 1 2, 5 5 5, 1 2 3 4"),
        ("telephone", "212-555-1234", "2 1 2, 5 5 5, 1 2 3 4"),
        ("telephone", "5551234", "5 5 5, 1 2 3 4"), ("telephone", "112", "1 1 2"), ("cardinal", "1,234", "1234"),
        ("number", "-5", "-5"), ("ordinal", "1", "1st"), ("ordinal", "22", "22nd"), ("ordinal", "113", "113th"),
        ("ordinal", "many", "many"), ("fraction", "3/8", "3 8ths"), ("fraction", "1/2", "1 half"),
        ("fraction", "1+1/2", "1 and 1 half"), ("fraction", "2/3", "2 3rds"), ("unit", "10ft", "10 feet"),
        ("unit", "1 inches", "1 inches"), ("unit", "1in", "1 inch"), ("unit", "20%", "20 percent"),
        ("unit", "5 mph", "5 miles per hour"),
        ("currency", "$42.01", "42 dollars and 1 cent"), ("currency", "USD1", "1 dollar"),
        ("currency", "9.20 EUR", "9 euros and 20 cents"), ("currency", "£1,000.02", "1000 pounds and 2 pence"),
        ("time", "2:30pm", "2 30 p m"), ("time", "2:05 a.m.", "2 oh 5 a m"), ("time", "14:00", "14 hundred"),
        ("time", "9:00", "9 o'clock"), ("time", "1'21\"", "1 minute 21 seconds"), ("time", "noon", "noon"),
        ("address", "150 Main St, Apt 3", "150 Main Street, Apartment 3"),
    ],
)  # fmt: skip
def test_english(kind: str, text: str, written: str) -> None:
    assert say_as.read(text, kind, "", "en-US") == written


@pytest.mark.parametrize(
    ("text", "form", "language", "written"),
    [
        ("3/4/2024", "mdy", "en-US", "March 4th, 2024"), ("3/4/2024", "dmy", "en-GB", "April 3rd, 2024"),
        ("2024-03-04", "", "en-US", "March 4th, 2024"), ("20240304", "yyyymmdd", "en-US", "March 4th, 2024"),
        ("????0304", "yyyymmdd", "en-US", None), ("3/2024", "my", "en-US", "March 2024"),
        ("3/4", "dm", "en-US", "April 3rd"),
        ("4.3.2024", "dmy", "de-DE", "4. März 2024"), ("4/3/2024", "dmy", "es-MX", "4 de marzo de 2024"),
        ("4/3/2024", "dmy", "fr-FR", "4 mars 2024"), ("13/13/2024", "mdy", "en-US", None),
        ("soon", "mdy", "en-US", None),
        ("4/3/2024", "dmy", "ja-JP", None),
    ],
)  # fmt: skip
def test_dates(text: str, form: str, language: str, written: str | None) -> None:
    assert say_as.read(text, "date", form, language) == written


def test_what_has_no_rule_in_a_language_is_left_to_the_engine() -> None:
    assert say_as.read("3", "ordinal", "", "de-DE") is None
    assert say_as.read("AB", "characters", "", "ja-JP") == "A, B"


@given(
    st.text(max_size=30), st.sampled_from(SAID_AS), st.sampled_from(("", *DATES)), st.sampled_from(("en-US", "es-ES"))
)
def test_any_text_is_read(text: str, kind: str, form: str, language: str) -> None:
    assert isinstance(say_as.read(text, kind, form, language), str | None)
