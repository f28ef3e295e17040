# SPDX-License-Identifier: Apache-2.0
"""The one Ed25519 rule (docs/spec/02-algorithms.md Section 2.3).

What concerns the encodings is checked with plain integers. Only step 6 of Section 2.3.2, the
comparison of [S]B - [k]A with R, is left to the library, which does just that.
"""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from errors import Refused

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

SMALL_ORDER = {
    int.from_bytes(bytes.fromhex(y), "little")
    for y in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
}

Point = tuple[int, int, int, int]  # extended coordinates (RFC 8032 Section 5.1.4)


def _good_y(encoding: bytes) -> bool:
    """Steps 2 and 3 of Section 2.3.1, which are 3 and 4 of Section 2.3.2."""
    y = int.from_bytes(encoding, "little") % 2**255
    return y < P and y not in SMALL_ORDER


def _decode(encoding: bytes) -> Point | None:
    """RFC 8032 Section 5.1.3, for a y that is canonical."""
    number = int.from_bytes(encoding, "little")
    y, sign = number % 2**255, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square or (x == 0 and sign):
        return None
    x = P - x if x % 2 != sign else x
    return x, y, 1, x * y % P


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _in_subgroup(point: Point) -> bool:
    """Whether [L]A is the identity."""
    total: Point = (0, 1, 1, 0)
    for bit in bin(L)[2:]:
        total = _add(total, total)
        if bit == "1":
            total = _add(total, point)
    return total[0] % P == 0 and (total[1] - total[2]) % P == 0


@lru_cache(maxsize=4096)
def _importable(key: bytes) -> bool:
    if len(key) != 32 or not _good_y(key):
        return False
    point = _decode(key)
    return point is not None and _in_subgroup(point)


def import_key(key: bytes) -> bytes:
    """Section 2.3.1: the same bytes, or ERR_KEY_INVALID."""
    if not _importable(key):
        raise Refused("ERR_KEY_INVALID", "no Ed25519 key")
    return key


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Section 2.3.2, with a key that was imported."""
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= L:
        return False
    if not _good_y(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True
