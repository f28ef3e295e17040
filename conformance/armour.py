# SPDX-License-Identifier: Apache-2.0
"""Bytes as text, for SMS that carry text only (docs/spec/09-bindings.md Section 9.10.5)."""

import string

from errors import require

MARK = ":%"
CHARACTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase + "@$_!\"#%&'()*+,-./:;<=>?"


def armoured(data: bytes) -> str:
    """The text of these bytes."""
    text = MARK
    for at in range(0, len(data), 4):
        group = data[at : at + 4]
        value = int.from_bytes(group.ljust(4, b"\0"), "big")
        digits = [value // 85**power % 85 for power in (4, 3, 2, 1, 0)]
        text += "".join(CHARACTERS[digit] for digit in digits[: len(group) + 1])
    return text


def unarmoured(text: str) -> bytes:
    """The bytes of this text, which is the one that they have."""
    require(text.startswith(MARK), "ERR_MALFORMED", "mark")
    require(all(character in CHARACTERS for character in text), "ERR_MALFORMED", "character")
    data = b""
    for at in range(len(MARK), len(text), 5):
        digits = [CHARACTERS.index(character) for character in text[at : at + 5]]
        require(len(digits) > 1, "ERR_MALFORMED", "length")
        value = 0
        for digit in digits + [84] * (5 - len(digits)):
            value = value * 85 + digit
        require(value < 2**32, "ERR_MALFORMED", "group")
        data += value.to_bytes(4, "big")[: len(digits) - 1]
    require(armoured(data) == text, "ERR_MALFORMED", "not the one form")
    return data
