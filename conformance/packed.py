# SPDX-License-Identifier: Apache-2.0
"""Packed messages (docs/spec/07-granting.md Section 7.2.6): DEFLATE over dictionaries."""

import hashlib
import re
import zlib
from pathlib import Path
from typing import Iterable

import cbor
from cbor import array, binary, exactly, tuple_of
from errors import Refused, require

MAX_BYTES = 1_048_576
FREE_BYTES, TIMES = 65_536, 16
SPECIFICATION = Path(__file__).resolve().parent.parent / "docs/spec/07-granting.md"
FORM = tuple_of(array(exactly(8), 0, 8), binary())


def static_dictionary() -> bytes:
    """The bytes that Section 7.2.6 prints."""
    printed = re.search(r"```hex\n([0-9a-f\n]+)```", SPECIFICATION.read_text("utf-8"))
    if printed is None:
        raise FileNotFoundError("no dictionary in Section 7.2.6")
    return bytes.fromhex(printed[1])


STATIC = static_dictionary()


def is_packed(data: bytes) -> bool:
    return data[:1] == b"\x82"


def unpack(data: bytes, held: Iterable[bytes]) -> bytes:
    """The statement that a packed message stands for; nothing is verified."""
    require(len(data) <= MAX_BYTES, "ERR_LIMIT", "packed message")
    references, deflated = FORM(cbor.decode(data))
    found = {hashlib.sha256(one).digest()[:8]: one for one in held}
    require(all(one in found for one in references), "ERR_KEY_UNKNOWN", "reference")
    dictionary = STATIC + b"".join(found[one] for one in references)
    return inflate(deflated, dictionary, min(MAX_BYTES, FREE_BYTES + TIMES * len(data)))


def inflate(deflated: bytes, dictionary: bytes, most: int) -> bytes:
    reader = zlib.decompressobj(-zlib.MAX_WBITS, zdict=dictionary[-32_768:])
    try:
        statement = reader.decompress(deflated, most + 1)
    except zlib.error as cause:
        raise Refused("ERR_MALFORMED", "DEFLATE data") from cause
    require(len(statement) <= most, "ERR_LIMIT", "packed message")
    good = reader.eof and not reader.unused_data and not reader.unconsumed_tail
    require(good, "ERR_MALFORMED", "end of DEFLATE data")
    return statement


def plain(data: bytes, held: Iterable[bytes] = ()) -> bytes:
    """A message as it came, packed or not."""
    return unpack(data, held) if is_packed(data) else data
