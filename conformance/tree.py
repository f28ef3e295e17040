# SPDX-License-Identifier: Apache-2.0
"""The key tree (docs/spec/05-keys.md Sections 5.1 to 5.4)."""

import hashlib
import hmac
from typing import NamedTuple

from cbor import encode
from errors import require

DEPTH = 32

# Key bytes, nonce bytes and tag bytes by algorithm (docs/spec/02-algorithms.md Section 2.1).
CONTENT_ALGORITHMS = {24: (32, 12, 16), 3: (32, 12, 16), 1: (16, 12, 16), 10: (16, 13, 8)}


class Node(NamedTuple):
    """A node of the tree with its key, or without one where only its place is meant."""

    depth: int
    index: int
    key: bytes = b""

    def covers(self, other: "Node") -> bool:
        below = other.depth - self.depth
        return below >= 0 and other.index >> below == self.index

    def descend(self, depth: int, index: int) -> "Node":
        """The node below this one at a place that this one covers (Section 5.1)."""
        key = self.key
        for level in range(depth - self.depth - 1, -1, -1):
            both = hmac.digest(key, b"waxwing tree v1", "sha512")
            key = both[32:] if index >> level & 1 else both[:32]
        return Node(depth, index, key)


def cover(first: int, last: int) -> list[Node]:
    """The places of the cover of a span, from left to right (Section 5.3)."""
    places = []
    while first <= last:
        height = DEPTH if first == 0 else (first & -first).bit_length() - 1
        while first + (1 << height) - 1 > last:
            height -= 1
        places.append(Node(DEPTH - height, first >> height))
        first += 1 << height
    return places


def nodes_of(span: tuple[int, int], keys: bytes) -> list[Node]:
    """The nodes of a span's cover with the keys that travelled beside it (Section 5.3)."""
    places = cover(*span)
    require(len(keys) == 32 * len(places), "ERR_MALFORMED", "not the nodes of the cover")
    return [Node(p.depth, p.index, keys[32 * i : 32 * i + 32]) for i, p in enumerate(places)]


def hkdf_expand(prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256 (RFC 5869 Section 2.3)."""
    block, out, counter = b"", b"", 0
    while len(out) < length:
        counter += 1
        block = hmac.digest(prk, block + info + bytes([counter]), hashlib.sha256)
        out += block
    return out[:length]


class ContentKey(NamedTuple):
    """What Section 5.4 derives for one epoch, session and algorithm."""

    key: bytes
    base_iv: bytes
    commitment: bytes

    def nonce(self, partial_iv: bytes) -> bytes:
        padded = partial_iv.rjust(len(self.base_iv), b"\0")
        return bytes(a ^ b for a, b in zip(self.base_iv, padded))


def content_key(leaf: Node, generation_id: bytes, session: bytes, alg: int) -> ContentKey:
    key_bytes, nonce_bytes, _ = CONTENT_ALGORITHMS[alg]
    rest = [generation_id, leaf.index, session, alg]
    info = encode(["waxwing content v1", *rest])
    material = hkdf_expand(leaf.key, info, key_bytes + nonce_bytes)
    commitment = hkdf_expand(leaf.key, encode(["waxwing commit v1", *rest]), 32)
    return ContentKey(material[:key_bytes], material[key_bytes:], commitment)
