# SPDX-License-Identifier: Apache-2.0
"""Statements: COSE_Sign1 with a type (docs/spec/07-granting.md Section 7.1), and their payloads.

A decoded statement says nothing yet: `Statement.verify` turns it into somebody's word.
"""

import hashlib
from typing import Any, NamedTuple

import cbor
from cbor import array, binary, encode, exactly, nullable, number, record, span
from cbor import table, text, tuple_of
from cose import frame, kem_key, signing_key
from ed25519 import import_key, verify
from errors import Refused, require
from names import name_pattern, stream_name
from tree import CONTENT_ALGORITHMS

MAX_STATEMENT_BYTES = 1_048_576
ED25519 = -19
MESSAGES = ("request", "grant", "denial", "ack", "revocation", "enrol")
NO_RECIPIENT_EVER = ("credential",)

label_text, seconds, digest, principal = text(1, 255), number(), exactly(32), exactly(32)
epoch = number(high=cbor.MAX_EPOCH)


def one_of(check: cbor.Check, *values: int) -> cbor.Check:
    """A number of a closed list; another number is ERR_UNSUPPORTED."""

    def checked(value: Any) -> int:
        require(check(value) in values, "ERR_UNSUPPORTED", "an unknown value")
        return value

    return checked


def _kid(value: Any) -> bytes:
    require(type(value) is bytes and len(value) in (4, 8), "ERR_MALFORMED", "kid")
    return value


def _kem_keys(value: Any) -> list[Any]:
    """One or two KEM keys, not of one kind."""
    keys = array(kem_key, 1, 2)(value)
    require(len({k.kind for k in keys}) == len(keys), "ERR_MALFORMED", "two keys of one kind")
    return keys


def _manifest(value: Any) -> dict[int, Any]:
    """`manifest-payload` (docs/spec/03-streams.md Section 3.2)."""
    fields = record({
        1: nullable(principal), 2: principal, 3: stream_name, 4: exactly(16),
        5: number(1, 31_536_000),
        6: one_of(number(-cbor.MAX_INTEGER), *CONTENT_ALGORITHMS), 7: number(4, 8),
        8: one_of(number(), 0, 1), 9: one_of(number(), 0, 1, 2), 10: one_of(number(), 0, 1),
        11: nullable(tuple_of(digest, nullable(epoch))),
    })(value)
    require(fields[7] in (4, 8), "ERR_MALFORMED", "kid length")
    return fields


def _credential(value: Any) -> dict[int, Any]:
    """`credential-payload` (docs/spec/06-identity.md Section 6.3)."""
    claims = record({}, {
        1: label_text, 2: array(label_text, 0, 32), 3: table(label_text, label_text, 32),
        4: array(name_pattern, 0, 32),
    })
    cnf = record({1: signing_key})
    return record({2: label_text, 4: seconds, 6: seconds, 8: cnf, -65537: claims})(value)


def _key_card(value: Any) -> dict[int, Any]:
    """`key-card-payload` (docs/spec/06-identity.md Section 6.4.1)."""
    fields = record({1: seconds, 2: seconds, 3: _kem_keys})(value)
    require(fields[1] < fields[2] <= fields[1] + 31_536_000, "ERR_MALFORMED", "life")
    require(any(k.kind == "x25519" for k in fields[3]), "ERR_MALFORMED", "no X25519 key")
    return fields


def _trust_bundle(value: Any) -> dict[int, Any]:
    """`trust-bundle-payload` (docs/spec/06-identity.md Section 6.5)."""
    anchor = tuple_of(signing_key, seconds, nullable(seconds))
    partner = tuple_of(principal, array(signing_key, 1, 16), array(name_pattern, 0, 64))
    fields = record({
        1: principal, 2: number(), 3: seconds, 4: seconds, 5: array(anchor, 1, 16),
        6: array(binary(), 0, 64), 7: nullable(tuple_of(binary(), _kem_keys)),
        8: array(partner, 0, 256), 9: array(tuple_of(principal, seconds), 0, 10_000),
        10: cbor.boolean,
    })(value)
    require(fields[3] < fields[4], "ERR_MALFORMED", "life")
    return fields


def _link(value: Any) -> dict[int, Any]:
    """`link-payload` (docs/spec/07-granting.md Section 7.5.1)."""
    fields = record({
        1: digest, 2: exactly(16), 3: principal, 4: principal, 5: digest, 6: span, 7: number(1, 2),
        8: number(0, 3), 9: seconds, 10: nullable(seconds), 11: nullable(digest), 12: digest,
        13: nullable(binary()),
    })(value)
    require((fields[8] > 0) == (fields[7] == 2), "ERR_MALFORMED", "depth")
    return fields


def _nodes(value: Any) -> bytes:
    require(len(binary(32, 1984)(value)) % 32 == 0, "ERR_MALFORMED", "nodes")
    return value


ENVELOPE = {1: exactly(16), 2: seconds, 3: seconds}
ENVELOPE_OPTIONAL = {4: digest, 5: tuple_of(number(), exactly(8)), 6: binary(), 7: binary()}
REQUIRED: dict[str, dict[int, cbor.Check]] = {
    "request": {16: _kid, 17: array(span, 1, 16), 18: number(1, 2)},
    "grant": {16: binary(), 17: array(binary(), 1, 4), 18: _nodes},
    "denial": {16: _kid, 17: number(1, 4), 18: number(0, 3600), 19: principal, 20: digest,
               21: array(binary(), 0, 3)},
    "ack": {16: number(0, 1)},
    "revocation": {16: principal, 17: seconds, 18: nullable(digest)},
    "enrol": {16: signing_key, 17: label_text, 19: array(label_text, 0, 32),
              20: array(name_pattern, 0, 32)},
}
OPTIONAL: dict[str, dict[int, cbor.Check]] = {
    "request": {19: text(0, 256)}, "revocation": {19: text(0, 256)},
    "enrol": {18: label_text, 21: binary(16, 64)},
}


def _message(kind: str) -> cbor.Check:
    """The payload of a message: envelope and body in one map (Section 7.2.1)."""
    rule = record(ENVELOPE | REQUIRED[kind], ENVELOPE_OPTIONAL | OPTIONAL.get(kind, {}))

    def checked(value: Any) -> dict[int, Any]:
        fields = rule(value)
        life = fields[3] - fields[2]
        require(0 <= life <= 3_155_760_000, "ERR_MALFORMED", "life of a message")
        return fields

    return checked


PAYLOADS: dict[str, cbor.Check] = {
    "manifest": _manifest, "link": _link, "credential": _credential, "key-card": _key_card,
    "trust-bundle": _trust_bundle, **{kind: _message(kind) for kind in MESSAGES},
}
TYPES = {f"waxwing-{kind}+{'cwt' if kind == 'credential' else 'cose'}": kind for kind in PAYLOADS}


class Statement(NamedTuple):
    """A decoded statement; `fields` is its payload, by the keys of its rule."""

    kind: str
    typ: str
    author: bytes
    fields: dict[int, Any]
    protected: bytes
    payload: bytes
    signature: bytes
    data: bytes

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.data).digest()

    def verify(self, key: bytes, recipient: bytes | None = None) -> None:
        """The signature, for a recipient (Section 7.1.2); else ERR_SIGNATURE. Imports the key."""
        aad = encode(["waxwing control v1", self.typ, recipient])
        external = b"" if self.kind in NO_RECIPIENT_EVER else aad
        signed = encode(["Signature1", self.protected, external, self.payload])
        require(verify(import_key(key), signed, self.signature), "ERR_SIGNATURE", self.kind)


def decode_statement(data: bytes, expected: str | None = None) -> Statement:
    """The steps of Section 7.1.3; `message` expects any of the six (Section 7.2.4, step 3)."""
    require(len(data) <= MAX_STATEMENT_BYTES, "ERR_LIMIT", "a statement")
    found = frame(data, 18, 4)
    typ = found.header.get(16)
    if type(typ) is not str or typ not in TYPES:
        raise Refused("ERR_UNSUPPORTED", "typ")
    alg = found.header.get(1)
    require(type(alg) is int and alg == ED25519, "ERR_UNSUPPORTED", "alg")
    require(len(found.header) == 3 and not found.unprotected, "ERR_UNSUPPORTED", "labels")
    author = exactly(32)(found.header.get(4))
    kind = TYPES[typ]
    require(expected != "message" or kind in MESSAGES, "ERR_UNSUPPORTED", "no message")
    require(expected in (None, "message", kind), "ERR_MALFORMED", f"no {expected}")
    payload, signature = found.rest
    fields = PAYLOADS[kind](cbor.decode(payload))
    return Statement(kind, typ, author, fields, found.protected, payload, signature, data)


class Manifest(NamedTuple):
    """A manifest's statement with what follows from it (docs/spec/03-streams.md Section 3.3)."""

    statement: Statement
    digest: bytes
    generation_id: bytes

    def __getitem__(self, key: Any) -> Any:
        return self.statement.fields[key]

    @property
    def kid(self) -> bytes:
        return self.generation_id[: self.statement.fields[7]]

    def verify(self, producer_key: bytes) -> None:
        """Section 3.2: the author is the producer, and signed for nobody in particular."""
        require(self.statement.author == self[2], "ERR_SIGNATURE", "author of the manifest")
        self.statement.verify(producer_key)


def generation_id(producer: bytes, manifest_digest: bytes) -> bytes:
    return hashlib.sha256(encode(["waxwing generation v1", producer, manifest_digest])).digest()


def decode_manifest(data: bytes) -> Manifest:
    statement = decode_statement(data, "manifest")
    payload_digest = hashlib.sha256(statement.payload).digest()
    return Manifest(statement, payload_digest, generation_id(statement.fields[2], payload_digest))
