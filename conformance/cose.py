# SPDX-License-Identifier: Apache-2.0
"""Public keys, and the framing that statements and sealed messages share.

docs/spec/02-algorithms.md Section 2.4, docs/spec/07-granting.md Sections 7.1.2 and 7.1.3.
"""

import hashlib
from typing import Any, NamedTuple

import cbor
from cbor import Tagged, encode
from errors import Refused, require

HPKE_4, HPKE_XWING = 42, -65539
ANY_NUMBER = cbor.number(-cbor.MAX_INTEGER)
KEY_PREFIX = {
    "ed25519": bytes.fromhex("a301012006215820"),
    "x25519": bytes.fromhex("a301012004215820"),
    "x-wing": bytes.fromhex("a30107033a00010002205904c0"),
}


class PublicKey(NamedTuple):
    kind: str
    key: bytes

    @property
    def thumbprint(self) -> bytes:
        return hashlib.sha256(KEY_PREFIX[self.kind] + self.key).digest()


def principal_id(key: bytes) -> bytes:
    """The thumbprint of an Ed25519 key (docs/spec/06-identity.md Section 6.1)."""
    return PublicKey("ed25519", key).thumbprint


def _public_key(value: Any) -> PublicKey:
    """A COSE_Key of Section 2.4: kind first (ERR_UNSUPPORTED), then its parameters."""
    require(type(value) is dict and 1 in value, "ERR_MALFORMED", "no key")
    kty, known = ANY_NUMBER(value[1]), {6: "ed25519", 4: "x25519"}
    require(kty in (1, 7), "ERR_UNSUPPORTED", "a key type")
    if kty == 7:
        require(3 in value, "ERR_MALFORMED", "a key without its algorithm")
        require(ANY_NUMBER(value[3]) == HPKE_XWING, "ERR_UNSUPPORTED", "an algorithm of a key")
        wanted, length, kind = {1, 3, -1}, 1216, "x-wing"
    else:
        require(-1 in value, "ERR_MALFORMED", "a key without its curve")
        require(ANY_NUMBER(value[-1]) in known, "ERR_UNSUPPORTED", "a curve")
        wanted, length, kind = {1, -1, -2}, 32, known[value[-1]]
    require(value.keys() == wanted, "ERR_MALFORMED", "parameters of a key")
    return PublicKey(kind, cbor.exactly(length)(value[-1 if kty == 7 else -2]))


def signing_key(value: Any) -> bytes:
    """An `ed25519-key`. Decoding does not import it; whoever uses it does (Section 2.3.1)."""
    found = _public_key(value)
    require(found.kind == "ed25519", "ERR_MALFORMED", "a KEM key where a signing key has to be")
    return found.key


def kem_key(value: Any) -> PublicKey:
    found = _public_key(value)
    require(found.kind != "ed25519", "ERR_MALFORMED", "a signing key where a KEM key has to be")
    return found


class Frame(NamedTuple):
    """A COSE message that is only taken apart."""

    protected: bytes
    header: dict[Any, Any]
    unprotected: dict[Any, Any]
    rest: list[Any]


def frame(data: bytes, tag: int, count: int) -> Frame:
    """Steps 2 to 4 of Section 7.1.3, for a message of `count` parts under a tag."""
    item = cbor.decode(data)
    require(isinstance(item, Tagged) and item.tag == tag, "ERR_MALFORMED", "tag")
    parts = item.value
    require(type(parts) is list and len(parts) == count, "ERR_MALFORMED", "parts")
    protected, unprotected, *rest = parts
    require(type(protected) is bytes and type(unprotected) is dict, "ERR_MALFORMED", "headers")
    header = cbor.decode(protected) if protected else {}
    require(type(header) is dict, "ERR_MALFORMED", "protected header")
    require(not header.keys() & unprotected.keys(), "ERR_MALFORMED", "a label in both headers")
    both = header.keys() | unprotected.keys()
    if 2 in both:
        raise Refused("ERR_UNSUPPORTED", "crit")
    require(not {5, 6} <= both, "ERR_MALFORMED", "IV and Partial IV")
    require(all(type(part) is bytes for part in rest), "ERR_MALFORMED", "parts")
    return Frame(protected, header, unprotected, rest)


def encrypt0_aad(protected: bytes, external_aad: bytes) -> bytes:
    """The Enc_structure of RFC 9052 Section 5.3."""
    return encode(["Encrypt0", protected, external_aad])
