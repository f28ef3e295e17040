# SPDX-License-Identifier: Apache-2.0
"""The compact form of an object (docs/spec/04-objects.md Section 4.7): to the object, and back."""

import cbor2

from errors import require
from objects import decode_object

ALGORITHMS = (24, 3, 1, 10)
SIGNATURE = 64


def expand(data: bytes) -> bytes:
    """The object of a compact form."""
    require(data != b"" and data[0] < 0x80, "ERR_MALFORMED", "flags")
    flags = data[0]
    require(flags < 0x40, "ERR_UNSUPPORTED", "flags")
    counter = flags >> 4
    kid_end = 1 + (4 if flags & 2 else 8)
    iv_end = kid_end + 4 + (counter or 10)
    end = len(data) - (SIGNATURE if flags & 1 else 0)
    require(end >= iv_end, "ERR_MALFORMED", "length")
    partial_iv = data[kid_end + 4 : iv_end]
    require(counter < 2 or partial_iv[0] != 0, "ERR_MALFORMED", "a leading zero")
    header = {
        1: ALGORITHMS[flags >> 2 & 3], 4: data[1:kid_end], 6: partial_iv,
        10: data[kid_end : kid_end + 4],
    }
    unprotected = {12: data[end:]} if flags & 1 else {}
    return cbor2.dumps(cbor2.CBORTag(16, [cbor2.dumps(header), unprotected, data[iv_end:end]]))


def contract(data: bytes) -> bytes:
    """The compact form of an object, if it has one."""
    found = decode_object(data)
    require(found.clear_part is None, "ERR_UNSUPPORTED", "clear part")
    require(found.batch is None, "ERR_UNSUPPORTED", "batch signature")
    require(len(found.partial_iv) in (1, 2, 3, 10), "ERR_UNSUPPORTED", "Partial IV")
    flags = (len(found.partial_iv) << 4) % 0xA0 | ALGORITHMS.index(found.alg) << 2
    flags |= (len(found.kid) == 4) << 1 | (found.signature is not None)
    fields = [found.kid, found.epoch.to_bytes(4, "big"), found.partial_iv, found.ciphertext]
    return bytes([flags]) + b"".join(fields) + (found.signature or b"")
