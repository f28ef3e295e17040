# SPDX-License-Identifier: Apache-2.0
"""Batch signatures (docs/spec/04-objects.md Section 4.3.4): one signature for many objects."""

import hashlib
from typing import Any, NamedTuple

from cbor import binary, encode, exactly, number, tuple_of
from ed25519 import verify
from errors import require

BATCH_SIGNATURE = -65538
MAX_COUNT = 4096
NODE = 32


class BatchSignature(NamedTuple):
    """What stands in an object: the signature, the object's place, and the way to the root."""

    signature: bytes
    index: int
    count: int
    path: bytes

    def root(self, leaf: bytes) -> bytes:
        """The root that follows from the leaf (RFC 9162 Section 2.1.3)."""
        siblings = [self.path[at : at + NODE] for at in range(0, len(self.path), NODE)]
        for sibling, left in zip(siblings, _turns(self.index, self.count)):
            both = leaf + sibling if left else sibling + leaf
            leaf = hashlib.sha256(b"\x01" + both).digest()
        return leaf

    def verify(self, key: bytes, generation_id: bytes, signed_bytes: bytes) -> bool:
        root = self.root(hashlib.sha256(b"\0" + signed_bytes).digest())
        to_sign = encode(["waxwing batch v1", generation_id, self.count, root])
        return verify(key, to_sign, self.signature)


def _turns(index: int, count: int) -> list[bool]:
    """From the leaf to the root, whether we are on the left: n > 1 leaves are split at the largest
    power of two below n."""
    turns = []
    while count > 1:
        half = 1 << (count - 1).bit_length() - 1
        turns.append(index < half)
        index, count = (index, half) if index < half else (index - half, count - half)
    return turns[::-1]


def batch_signature(value: Any) -> BatchSignature:
    """`batch-signature`; a path has exactly as many nodes as index and count want."""
    counts = number(0, MAX_COUNT - 1), number(1, MAX_COUNT)
    found = BatchSignature(*tuple_of(exactly(64), *counts, binary())(value))
    require(found.index < found.count, "ERR_MALFORMED", "index")
    nodes = len(_turns(found.index, found.count))
    require(len(found.path) == NODE * nodes, "ERR_MALFORMED", "path")
    return found
