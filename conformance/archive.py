# SPDX-License-Identifier: Apache-2.0
"""Archives (docs/spec/09-bindings.md Section 9.4): a CBOR Sequence, item by item."""

from typing import Iterator, NamedTuple

import cbor
from cose import HPKE_4, HPKE_XWING
from errors import Refused

MAX_ITEM_BYTES = 64 * 2**20


class Item(NamedTuple):
    """An item: `object`, `sealed`, `statement` or `unknown` (Section 9.4.2)."""

    kind: str
    offset: int
    data: bytes


class Damaged(Refused):
    """Where the sequence cannot go on. All items before are good."""

    def __init__(self, code: str, offset: int) -> None:
        super().__init__(code, f"damaged at {offset}")
        self.offset = offset


def kind_of(data: bytes) -> str:
    if data[0] == 0xD2:
        return "statement"
    if data[0] != 0xD0:
        return "unknown"
    return "sealed" if _alg(data) in (HPKE_4, HPKE_XWING) else "object"


def _alg(data: bytes) -> int | None:
    """Label 1 of the protected header, where there is one to be read."""
    try:
        alg = cbor.decode(cbor.decode(data).value[0]).get(1)
    except (Refused, AttributeError, IndexError, KeyError, TypeError):
        return None
    return alg if type(alg) is int else None


def split(data: bytes, max_item_bytes: int = MAX_ITEM_BYTES) -> Iterator[Item]:
    """The items of an archive, one after the other; raises Damaged where it cannot go on."""
    at = 0
    while at < len(data):
        try:
            end = cbor.split_end(data, at, max_item_bytes)
        except Refused as refused:
            raise Damaged(refused.code, at) from refused
        yield Item(kind_of(data[at:end]), at, data[at:end])
        at = end
