# SPDX-License-Identifier: Apache-2.0
"""The CBOR profile and strict structures (docs/spec/01-conventions.md Section 1.4).

cbor2 accepts far more than the profile. So `item_end` walks the heads first and refuses what the
profile does not have; only what passed is given to cbor2. The structures of waxwing.cddl are then
read with small checks, each of which takes a decoded value and returns it, or refuses it.
"""

from typing import Any, Callable, NamedTuple

import cbor2

from errors import Refused, require

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 16
MAX_EPOCH = 2**32 - 1
MEANINGLESS_TAG = bytes.fromhex("d9ffff")

Check = Callable[[Any], Any]


class Tagged(NamedTuple):
    """An item under a tag; the profile has tags only around a whole structure."""

    tag: int
    value: Any


def malformed(what: str) -> Refused:
    return Refused("ERR_MALFORMED", what)


def encode(value: Any) -> bytes:
    """`CBOR(v)` of Section 1.3, for what is made here: arrays of numbers, texts and bytes."""
    return cbor2.dumps(value)


class _Walk:
    """Goes over the heads of an item. `strict` looks at texts and map keys as well.

    Without it, this is how an archive is split (docs/spec/09-bindings.md Section 9.4.1); `limit`
    is the offset behind which no item may end. Tags are collected on the way.
    """

    def __init__(self, data: bytes, strict: bool = True, limit: int | None = None) -> None:
        self.data, self.strict, self.limit = data, strict, limit
        self.tags: list[tuple[int, int]] = []

    def head(self, at: int) -> tuple[int, int, int]:
        """Major type, argument and end of the head at an offset; it is as short as can be."""
        data = self.data
        require(at < len(data), "ERR_MALFORMED", "cut off")
        major, info = data[at] >> 5, data[at] & 31
        if info < 24:
            return major, info, at + 1
        require(info < 28 and major != 7, "ERR_MALFORMED", "indefinite, float or simple value")
        size = 1 << (info - 24)
        require(at + 1 + size <= len(data), "ERR_MALFORMED", "cut off")
        argument = int.from_bytes(data[at + 1 : at + 1 + size], "big")
        shorter = 24 if size == 1 else 1 << (4 * size)
        require(argument >= shorter, "ERR_MALFORMED", "a head that could be shorter")
        return major, argument, at + 1 + size

    def end(self, start: int, depth: int = 0) -> int:
        """The offset behind the item that begins at `start`."""
        major, argument, at = self.head(start)
        self._within_limit(at + (argument if 2 <= major <= 5 else 0))
        if major in (2, 3):
            require(argument <= len(self.data) - at, "ERR_MALFORMED", "cut off")
            if major == 3 and self.strict:
                _utf8(self.data[at : at + argument])
            return at + argument
        if major == 7:
            require(argument in (20, 21, 22), "ERR_MALFORMED", "a simple value without a place")
        if major < 4 or major == 7:
            return at
        too_deep = "ERR_MALFORMED" if self.strict else "ERR_LIMIT"
        require(depth < MAX_DEPTH, too_deep, "nested too deep")
        if major == 5:
            return self._map(at, argument, depth + 1)
        if major == 6:
            require(argument <= MAX_INTEGER, "ERR_MALFORMED", "the number of a tag")
            self.tags.append((start, at))
        for _ in range(argument if major == 4 else 1):
            at = self.end(at, depth + 1)
        return at

    def _map(self, at: int, count: int, depth: int) -> int:
        before = b""
        for _ in range(count):
            key, end = at, self.end(at, depth)
            if self.strict:
                self._check_key(self.data[key:end], before)
                before = self.data[key:end]
            at = self.end(end, depth)
        return at

    def _check_key(self, key: bytes, before: bytes) -> None:
        """Section 1.4, rule 2."""
        major, argument, _ = _Walk(key).head(0)
        good = major == 3 or (major < 2 and argument <= MAX_INTEGER - major)
        require(good, "ERR_MALFORMED", "a bad map key")
        require(key > before, "ERR_MALFORMED", "map keys out of order, or twice")

    def _within_limit(self, end: int) -> None:
        require(self.limit is None or end <= self.limit, "ERR_LIMIT", "an item that is too long")


def item_end(data: bytes, start: int = 0) -> int:
    """The offset behind the item of the profile that begins at `start`."""
    return _Walk(data).end(start)


def split_end(data: bytes, start: int, max_bytes: int) -> int:
    """The same by the heads alone, for an item of an archive."""
    return _Walk(data, strict=False, limit=start + max_bytes).end(start)


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise malformed("text that is no UTF-8") from cause


def decode(data: bytes) -> Any:
    """The one item of the profile that the bytes are.

    cbor2 gives meanings to tags. The tag around everything becomes `Tagged`; any other, which no
    structure has, becomes one without a meaning, so that no check takes it for a value.
    """
    walk = _Walk(data)
    require(walk.end(0) == len(data), "ERR_MALFORMED", "bytes behind the item")
    outermost = walk.tags[0] if walk.tags and walk.tags[0][0] == 0 else None
    for start, end in reversed(walk.tags[1:] if outermost else walk.tags):
        data = data[:start] + MEANINGLESS_TAG + data[end:]
    if outermost:
        return Tagged(walk.head(0)[1], cbor2.loads(data[outermost[1] :]))
    return cbor2.loads(data)


# Checks: the rules of waxwing.cddl as functions.


def number(low: int = 0, high: int = MAX_INTEGER) -> Check:
    def check(value: Any) -> int:
        require(type(value) is int and low <= value <= high, "ERR_MALFORMED", "no such number")
        return value

    return check


def binary(low: int = 0, high: int | None = None) -> Check:
    """A byte string of `low` to `high` bytes; without `high`, of any length from `low`."""

    def check(value: Any) -> bytes:
        good = type(value) is bytes and low <= len(value) and (high is None or len(value) <= high)
        require(good, "ERR_MALFORMED", "no such byte string")
        return value

    return check


def exactly(length: int) -> Check:
    return binary(length, length)


def text(low: int = 0, high: int | None = None) -> Check:
    """A text; its length is counted in bytes of UTF-8 (Section 1.7)."""

    def check(value: Any) -> str:
        require(type(value) is str, "ERR_MALFORMED", "no text")
        binary(low, high)(value.encode("utf-8"))
        return value

    return check


def boolean(value: Any) -> bool:
    require(type(value) is bool, "ERR_MALFORMED", "neither true nor false")
    return value


def nullable(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def array(check: Check, low: int, high: int) -> Check:
    def checked(value: Any) -> list[Any]:
        good = type(value) is list and low <= len(value) <= high
        require(good, "ERR_MALFORMED", "no such array")
        return [check(item) for item in value]

    return checked


def tuple_of(*checks: Check) -> Check:
    def checked(value: Any) -> tuple[Any, ...]:
        good = type(value) is list and len(value) == len(checks)
        require(good, "ERR_MALFORMED", "no such array")
        return tuple(check(item) for check, item in zip(checks, value))

    return checked


def table(key: Check, value: Check, high: int) -> Check:
    """A map of any keys that pass, at most `high` of them."""

    def checked(found: Any) -> dict[Any, Any]:
        require(type(found) is dict and len(found) <= high, "ERR_MALFORMED", "no such map")
        return {key(k): value(v) for k, v in found.items()}

    return checked


def record(required: dict[int, Check], optional: dict[int, Check] = {}) -> Check:
    """A map with exactly these keys; what is optional and absent reads as `None`."""

    def checked(found: Any) -> dict[int, Any]:
        checks = {**required, **optional}
        good = type(found) is dict and required.keys() <= found.keys() <= checks.keys()
        require(good, "ERR_MALFORMED", "fields")
        return {k: check(found[k]) if k in found else None for k, check in checks.items()}

    return checked


def span(value: Any) -> tuple[int, int]:
    """`span`: two epochs, the first not after the last (docs/spec/05-keys.md Section 5.2)."""
    first, last = tuple_of(number(high=MAX_EPOCH), number(high=MAX_EPOCH))(value)
    require(first <= last, "ERR_MALFORMED", "a span that runs backwards")
    return first, last
