# SPDX-License-Identifier: Apache-2.0
"""Objects (docs/spec/04-objects.md): decoding without a key, and opening with a leaf."""

from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

import cbor
from batch import BATCH_SIGNATURE, BatchSignature, batch_signature
from cbor import Tagged, array, binary, encode, exactly, number, record, table, text, tuple_of
from cose import encrypt0_aad
from ed25519 import verify
from errors import Refused, require
from statements import Manifest
from tree import CONTENT_ALGORITHMS, Node, content_key

CLEAR_PART = -65537
MAX_METADATA_BYTES = 65_535
COUNTER = number(high=2**40 - 1)


def _heartbeat(value: Any) -> bool:
    require(value is True, "ERR_MALFORMED", "heartbeat")
    return True


def _piece(value: Any) -> tuple[Any, ...]:
    """Section 4.4.1: only the first piece may say the size."""
    fields = (exactly(16), number(high=2**24 - 1), cbor.boolean)
    has_size = type(value) is list and len(value) == 4 and value[1] == 0
    return tuple_of(*fields, number())(value) if has_size else tuple_of(*fields)(value)


METADATA = record({}, {
    1: number(high=31_536_000_000),
    2: text(0, 255),
    3: table(text(), text(), 64),
    4: tuple_of(number(), number(), array(tuple_of(exactly(7), COUNTER), 0, 4)),
    5: _piece,
    6: binary(),
    7: _heartbeat,
})


class SealedObject(NamedTuple):
    """A decoded object. Nothing of it is verified."""

    protected: bytes
    ciphertext: bytes
    signature: bytes | None
    batch: BatchSignature | None
    alg: int
    kid: bytes
    partial_iv: bytes
    epoch: int
    clear_part: bytes | None

    @property
    def signature_mode(self) -> int:
        """0 `none`, 1 `each`, 2 `batch`, by the form alone (Section 4.3.3)."""
        return 2 if self.batch else int(self.signature is not None)

    @property
    def durable(self) -> bool:
        return len(self.partial_iv) != 10

    @property
    def session(self) -> bytes:
        return b"" if self.durable else self.partial_iv[:7]

    @property
    def counter(self) -> int:
        return int.from_bytes(self.partial_iv[len(self.session) :], "big")


class OpenedObject(NamedTuple):
    metadata: dict[int, Any]
    plaintext: bytes


def decode_object(data: bytes) -> SealedObject:
    """The steps of Section 4.2.3."""
    item = cbor.decode(data)
    require(isinstance(item, Tagged), "ERR_MALFORMED", "tag")
    require(item.tag == 16, "ERR_UNSUPPORTED", "tag")
    good = type(item.value) is list and len(item.value) == 3
    require(good and type(item.value[0]) is bytes and type(item.value[1]) is dict, "ERR_MALFORMED")
    protected, unprotected, ciphertext = item.value
    header = cbor.decode(protected)
    require(type(header) is dict, "ERR_MALFORMED", "protected header")
    require(header.keys() <= {1, 4, 6, 10, CLEAR_PART}, "ERR_UNSUPPORTED", "label")
    require(unprotected.keys() <= {12, BATCH_SIGNATURE}, "ERR_UNSUPPORTED", "unprotected label")
    if 1 in header:
        known = type(header[1]) is int and header[1] in CONTENT_ALGORITHMS
        require(known, "ERR_UNSUPPORTED", "alg")
    bytes_of = record(
        {1: number(), 4: binary(4, 8), 6: binary(1, 10), 10: exactly(4)},
        {CLEAR_PART: binary(0, 65_535)},
    )(header)
    signatures = record({}, {12: exactly(64), BATCH_SIGNATURE: batch_signature})(unprotected)
    require(len(unprotected) < 2, "ERR_MALFORMED", "two signatures")
    iv = bytes_of[6]
    good = len(bytes_of[4]) in (4, 8) and len(iv) in (1, 2, 3, 4, 5, 10)
    require(good, "ERR_MALFORMED", "lengths")
    require(len(iv) in (1, 10) or iv[0] != 0, "ERR_MALFORMED", "a leading zero")
    return SealedObject(
        protected, binary()(ciphertext), signatures[12], signatures[BATCH_SIGNATURE],
        bytes_of[1], bytes_of[4], iv, int.from_bytes(bytes_of[10], "big"), bytes_of[CLEAR_PART],
    )


def _aead(alg: int, key: bytes) -> Any:
    if alg == 10:
        return AESCCM(key, tag_length=8)
    return ChaCha20Poly1305(key) if alg == 24 else AESGCM(key)


def open_object(
    sealed: SealedObject, manifest: Manifest, producer_key: bytes, leaf: Node
) -> OpenedObject:
    """Section 4.5: one way to fail, whatever was wrong."""
    try:
        return _open(sealed, manifest, producer_key, leaf)
    except (Refused, InvalidTag, ValueError, OverflowError) as cause:
        raise Refused("ERR_NOT_AUTHENTIC") from cause


def _open(
    sealed: SealedObject, manifest: Manifest, producer_key: bytes, leaf: Node
) -> OpenedObject:
    generation = manifest.generation_id
    require(sealed.alg == manifest[6], "ERR_NOT_AUTHENTIC")
    require(sealed.durable == (manifest[8] == 1), "ERR_NOT_AUTHENTIC")
    require(sealed.kid == manifest.kid and leaf.index == sealed.epoch, "ERR_NOT_AUTHENTIC")
    require(sealed.signature_mode == manifest[9], "ERR_NOT_AUTHENTIC")
    require(len(sealed.ciphertext) > CONTENT_ALGORITHMS[sealed.alg][2], "ERR_NOT_AUTHENTIC")
    content = content_key(leaf, generation, sealed.session, sealed.alg)
    aad = encrypt0_aad(sealed.protected, encode(["waxwing object v1", generation]))
    nonce = content.nonce(sealed.partial_iv)
    plain = _aead(sealed.alg, content.key).decrypt(nonce, sealed.ciphertext, aad)
    external = encode(["waxwing object v1", generation, content.commitment])
    signed_bytes = encode(["CounterSignature0", sealed.protected, external, sealed.ciphertext])
    if sealed.signature is not None:
        require(verify(producer_key, signed_bytes, sealed.signature), "ERR_NOT_AUTHENTIC")
    if sealed.batch is not None:
        require(sealed.batch.verify(producer_key, generation, signed_bytes), "ERR_NOT_AUTHENTIC")
    return read_text(plain)


def read_text(plain: bytes) -> OpenedObject:
    """Metadata, and right behind it the payload (Section 4.4)."""
    end = cbor.item_end(plain)
    require(end <= MAX_METADATA_BYTES, "ERR_MALFORMED", "metadata")
    return OpenedObject(METADATA(cbor.decode(plain[:end])), plain[end:])
