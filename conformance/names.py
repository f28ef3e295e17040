# SPDX-License-Identifier: Apache-2.0
"""Stream names and patterns (docs/spec/03-streams.md Section 3.1)."""

import unicodedata
from typing import Any

from cbor import text
from errors import require


def is_pattern(value: str) -> bool:
    """Section 3.1.2: rules 1, 2, 3 and 5 of Section 3.1.1, and wildcards as whole levels."""
    if not 1 <= len(value.encode("utf-8")) <= 255 or unicodedata.normalize("NFC", value) != value:
        return False
    if any(unicodedata.category(c) == "Cc" for c in value):
        return False
    *levels, last = value.split("/")
    return last == "#" and all(map(_is_level, levels)) or all(map(_is_level, [*levels, last]))


def _is_level(level: str) -> bool:
    return level == "+" or (level != "" and "+" not in level and "#" not in level)


def is_name(value: str) -> bool:
    return is_pattern(value) and "+" not in value and "#" not in value


def matches(pattern: str, name: str) -> bool:
    """Text that is no pattern matches nothing, and nothing matches text that is no name."""
    if not is_pattern(pattern) or not is_name(name):
        return False
    wanted, levels = pattern.split("/"), name.split("/")
    if wanted[-1] == "#":
        wanted.pop()
        levels = levels[: len(wanted)]
    agree = all(level in ("+", found) for level, found in zip(wanted, levels))
    return len(wanted) == len(levels) and agree


def stream_name(value: Any) -> str:
    require(is_name(text(1, 255)(value)), "ERR_MALFORMED", "no stream name")
    return value


def name_pattern(value: Any) -> str:
    require(is_pattern(text(1, 255)(value)), "ERR_MALFORMED", "no pattern")
    return value
