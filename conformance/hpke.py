# SPDX-License-Identifier: Apache-2.0
"""Sealed messages: COSE-HPKE with X25519, opening only.

docs/spec/02-algorithms.md Section 2.5 and docs/spec/07-granting.md Section 7.2.3; RFC 9180 in base
mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20Poly1305. X-Wing is not here: the
library has no ML-KEM.
"""

import hmac
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import cbor
from cose import HPKE_4, HPKE_XWING, PublicKey, encrypt0_aad, frame
from errors import Refused, require
from tree import hkdf_expand

MAX_SEALED_BYTES = 1_048_576 + 2_048
KEM_SUITE = b"KEM" + bytes.fromhex("0020")
HPKE_SUITE = b"HPKE" + bytes.fromhex("002000010003")


class Opened(NamedTuple):
    """What was inside, and the thumbprint of the KEM key that opened it."""

    message: bytes
    kem_key: bytes


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return hkdf_expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def public_key(secret: bytes) -> PublicKey:
    private = X25519PrivateKey.from_private_bytes(secret)
    return PublicKey("x25519", private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def shared_secret(secret: bytes, encapsulated: bytes) -> bytes:
    """Decap of RFC 9180 Section 4.1; an all-zero result is refused (Section 2.5, rule 2)."""
    private = X25519PrivateKey.from_private_bytes(secret)
    try:
        dh = private.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    except ValueError as cause:
        raise Refused("ERR_NOT_AUTHENTIC") from cause
    require(any(dh), "ERR_NOT_AUTHENTIC")
    prk = _extract(KEM_SUITE, b"", b"eae_prk", dh)
    context = encapsulated + public_key(secret).key
    return _expand(KEM_SUITE, prk, b"shared_secret", context, 32)


def key_schedule(shared: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Key and base nonce in base mode (RFC 9180 Section 5.1)."""
    psk_id_hash = _extract(HPKE_SUITE, b"", b"psk_id_hash", b"")
    context = b"\0" + psk_id_hash + _extract(HPKE_SUITE, b"", b"info_hash", info)
    prk = _extract(HPKE_SUITE, shared, b"secret", b"")
    key = _expand(HPKE_SUITE, prk, b"key", context, 32)
    return key, _expand(HPKE_SUITE, prk, b"base_nonce", context, 12)


def open_sealed(data: bytes, recipient: bytes, secrets: list[bytes]) -> Opened:
    """Open a sealed message (Section 7.2.3) with the X25519 keys of a principal."""
    require(len(data) <= MAX_SEALED_BYTES, "ERR_LIMIT")
    found = frame(data, 16, 3)
    alg = found.header.get(1)
    require(1 in found.header, "ERR_MALFORMED", "alg")
    require(type(alg) is int and alg in (HPKE_4, HPKE_XWING), "ERR_UNSUPPORTED", "alg")
    require(-5 not in found.header, "ERR_UNSUPPORTED", "psk")
    length = 32 if alg == HPKE_4 else 1120
    encapsulated = cbor.exactly(length)(found.unprotected.get(-4))
    kid = cbor.exactly(8)(found.header.get(4))
    keys = [(s, public_key(s).thumbprint) for s in secrets] if alg == HPKE_4 else []
    held = [pair for pair in keys if pair[1][:8] == kid]
    require(held, "ERR_RECIPIENT")
    for secret, thumbprint in held:
        info = cbor.encode(["waxwing control v1", recipient])
        try:
            key, nonce = key_schedule(shared_secret(secret, encapsulated), info)
            aad = encrypt0_aad(found.protected, b"")
            return Opened(ChaCha20Poly1305(key).decrypt(nonce, found.rest[0], aad), thumbprint)
        except (InvalidTag, Refused):
            continue
    raise Refused("ERR_NOT_AUTHENTIC")
