# SPDX-License-Identifier: Apache-2.0
"""Messages, chains and grants (docs/spec/07-granting.md Sections 7.2.4, 7.5.2 and 7.6)."""

import hashlib
from typing import NamedTuple

from cbor import MAX_EPOCH
from cose import principal_id
from ed25519 import import_key
from errors import require
from statements import Manifest, Statement, decode_manifest, decode_statement, generation_id
from tree import Node, nodes_of
from trust import SKEW, Principal, Trust, in_use

SHARE = 2


def receive(data: bytes, recipient: bytes | None, trust: Trust, now: int) -> Statement:
    """Steps 2, 3 and 5 to 9 of Section 7.2.4: whose message it is. The body is not acted upon."""
    message = decode_statement(data, "message")
    fields = message.fields
    require(fields[3] + SKEW > now, "ERR_EXPIRED", "message")
    require(fields[2] <= now + SKEW, "ERR_NOT_YET_VALID", "message")
    if message.kind == "enrol":
        key = import_key(fields[16])
        require(principal_id(key) == message.author, "ERR_SIGNATURE", "author")
        message.verify(key)
        return message
    recipient = None if message.kind == "revocation" else recipient
    anchors = in_use(trust.own, message.author) if trust.own else []
    if message.kind == "revocation" and anchors:
        message.verify(anchors[0])
        return message
    credential = fields[6] if fields[6] is not None else trust.credentials.get(message.author)
    author = trust.resolve(message.author, credential)
    message.verify(author.key, recipient)
    if message.kind != "grant":
        author.check_standing(now)
    return message


class Chain(NamedTuple):
    """A verified chain: its links, and the producer that began it."""

    links: list[Statement]
    producer: Principal

    @property
    def last(self) -> dict:
        return self.links[-1].fields


def _check_step(link: Statement, before: Statement | None, producer: bytes) -> None:
    """Rules 1 and 2 of Section 7.5.2: how a link hangs on the one before."""
    fields = link.fields
    if before is None:
        require(fields[11] is None and fields[3] == producer, "ERR_CHAIN", "first link")
        return
    above = before.fields
    require(fields[11] == before.digest and fields[3] == above[4], "ERR_CHAIN", "parent or issuer")
    require(fields[1] == above[1] and fields[2] == above[2], "ERR_CHAIN", "generation or grant")
    require(above[7] == SHARE and fields[8] < above[8], "ERR_CHAIN", "rights or depth")
    require(above[6][0] <= fields[6][0] and fields[6][1] <= above[6][1], "ERR_CHAIN", "span")
    within = above[10] is None or (fields[10] is not None and fields[10] <= above[10])
    require(within and fields[9] >= above[9] - SKEW, "ERR_CHAIN", "end or issue time")


def verify_chain(
    chain: list[bytes], producer: bytes, trust: Trust, now: int, issued: int
) -> Chain:
    """Section 7.5.2, for a producer and for the issue time of the message that brought it."""
    require(1 <= len(chain) <= 4, "ERR_CHAIN", "length")
    links = [decode_statement(data, "link") for data in chain]
    begun_by: Principal | None = None
    for before, link in zip([None, *links], links):
        fields = link.fields
        _check_step(link, before, producer)
        require(fields[9] <= now + SKEW, "ERR_CHAIN", "issued in the future")
        require(fields[10] is None or fields[10] > max(now, issued), "ERR_EXPIRED", "link")
        issuer = trust.resolve(fields[3], fields[13])
        require(link.author == fields[3], "ERR_CHAIN", "author of a link")
        link.verify(issuer.key)
        require(issuer.issued - SKEW <= fields[9] < issuer.expires, "ERR_EXPIRED", "issuer")
        require(before is None or issuer.revoked_since == float("inf"), "ERR_REVOKED", "delegate")
        begun_by = begun_by or issuer
    assert begun_by is not None
    return Chain(links, begun_by)


class Grant(NamedTuple):
    """A verified grant."""

    manifest: Manifest
    chain: Chain
    nodes: list[Node]


def verify_grant(
    manifest_data: bytes, links: list[bytes], keys: bytes, *,
    grantee: bytes, kem_key: bytes | None, trust: Trust, now: int, issued: int,
    author: bytes | None = None,
) -> Grant:
    """The eleven steps of Section 7.5.2; `kem_key` is None where the grant came unsealed."""
    manifest = decode_manifest(manifest_data)
    chain = verify_chain(links, manifest[2], trust, now, issued)
    last = chain.last
    require(last[1] == manifest.generation_id, "ERR_CHAIN", "generation")
    require(last[4] == grantee, "ERR_RECIPIENT", "grantee")
    require(kem_key in (None, last[5]), "ERR_RECIPIENT", "KEM key")
    require(hashlib.sha256(keys).digest() == last[12], "ERR_CHAIN", "nodes")
    if last[7] != SHARE and last[10] is not None:
        require(last[6][1] <= min(last[10] // manifest[5], MAX_EPOCH), "ERR_CHAIN", "lease")
    chain.producer.check_naming(manifest)
    nodes = nodes_of(last[6], keys)
    manifest.verify(chain.producer.key)
    require(author in (None, last[3]), "ERR_CHAIN", "author of the grant")
    return Grant(manifest, chain, nodes)


def prove_denial(denial: Statement, trust: Trust, now: int) -> None:
    """Section 7.6: whether its author may speak for the generation."""
    fields = denial.fields
    generation = generation_id(fields[19], fields[20])
    require(generation.startswith(fields[16]), "ERR_CHAIN", "kid")
    if not fields[21]:
        require(denial.author == fields[19], "ERR_CHAIN", "author of the denial")
        return
    last = verify_chain(fields[21], fields[19], trust, now, fields[2]).last
    good = last[1] == generation and last[4] == denial.author and last[7] == SHARE
    require(good, "ERR_CHAIN", "authority")
