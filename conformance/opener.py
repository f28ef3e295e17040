# SPDX-License-Identifier: Apache-2.0
"""An opener: grants in, objects opened (docs/spec/08-receiving.md Section 8.1).

Holds what a principal was granted, tries the nodes in the order of Section 7.5.3 of
docs/spec/07-granting.md, and says of each object what became of it. It keeps no record of what was
seen (Section 8.2), and parks nothing.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import hpke
from errors import Refused, require
from grants import Grant, receive, verify_grant
from objects import OpenedObject, SealedObject, decode_object, open_object
from packed import plain
from statements import Manifest
from tree import DEPTH, Node
from trust import Principal, Trust


class Result(NamedTuple):
    """The outcome for one object: `opened`, `refused`, `no-key` or `failed`, or a code."""

    outcome: str
    error: str | None = None
    sealed: SealedObject | None = None
    manifest: Manifest | None = None
    opened: OpenedObject | None = None


RANK = ("opened", "refused", "no-key", "failed")


def judge(
    sealed: SealedObject, manifest: Manifest, producer: Principal, closing: int | None
) -> None:
    """Steps 3 and 4 of Section 8.1: whether an object that opened counts."""
    require(closing is None or sealed.epoch <= closing, "ERR_CLOSED_GENERATION")
    producer.check_epoch(sealed.epoch * manifest[5])


@dataclass
class Generation:
    """What is held of one generation: its manifest, its producer, its nodes."""

    manifest: Manifest
    producer: Principal
    nodes: list[Node] = field(default_factory=list)
    proven: list[Node] = field(default_factory=list)
    closing: int | None = None

    def prove(self, node: Node) -> None:
        """Section 7.5.3, rules 2 and 5: what contradicts a proven node is dropped."""
        if self.manifest[9] != 0 and node not in self.proven:
            self.proven.append(node)
            self.nodes = [other for other in self.nodes if not _contradict(node, other)]

    def candidates(self, leaf: Node) -> list[Node]:
        """Rule 4: the proven node alone, or all."""
        proven = [node for node in self.proven if node.covers(leaf)]
        return proven[:1] or [node for node in self.nodes if node.covers(leaf)]

    def add(self, nodes: list[Node]) -> None:
        for node in nodes:
            if node not in self.nodes and not any(_contradict(node, p) for p in self.proven):
                self.nodes.append(node)

    def open(self, sealed: SealedObject) -> Result:
        place = Node(DEPTH, sealed.epoch)
        candidates = self.candidates(place)
        for node in candidates:
            try:
                leaf = node.descend(DEPTH, sealed.epoch)
                opened = open_object(sealed, self.manifest, self.producer.key, leaf)
            except Refused:
                continue
            self.prove(node)
            try:
                judge(sealed, self.manifest, self.producer, self.closing)
            except Refused as refused:
                return Result("refused", refused.code, sealed, self.manifest)
            return Result("opened", None, sealed, self.manifest, opened)
        return Result("failed" if candidates else "no-key", None, sealed)


def _contradict(one: Node, other: Node) -> bool:
    upper, lower = sorted((one, other), key=lambda node: node.depth)
    return upper.covers(lower) and upper.descend(lower.depth, lower.index).key != lower.key


@dataclass
class Opener:
    """A principal with its X25519 private keys, whom it trusts, and what it was granted."""

    principal: bytes
    secrets: list[bytes]
    trust: Trust
    now: int
    generations: dict[bytes, Generation] = field(default_factory=dict)

    def take_grant(self, data: bytes) -> Grant:
        """Open, authenticate and verify a grant (Sections 7.2.3, 7.2.4, 7.5.2), and hold it."""
        inside = hpke.open_sealed(data, self.principal, self.secrets)
        held = [self.trust.own.data] if self.trust.own else []
        message = receive(plain(inside.message, held), self.principal, self.trust, self.now)
        require(message.kind == "grant", "ERR_UNSUPPORTED", "no grant")
        require(not self.trust.frozen(self.now), "ERR_EXPIRED", "our bundle")
        fields: dict[int, Any] = message.fields
        grant = verify_grant(
            fields[16], fields[17], fields[18], grantee=self.principal, kem_key=inside.kem_key,
            trust=self.trust, now=self.now, issued=fields[2], author=message.author,
        )
        known = Generation(grant.manifest, grant.chain.producer)
        self.generations.setdefault(grant.manifest.generation_id, known).add(grant.nodes)
        self._close()
        return grant

    def _close(self) -> None:
        """docs/spec/03-streams.md Section 3.4: the lowest closing epoch of those who may close."""
        for generation in self.generations.values():
            named = generation.manifest[11]
            closed = self.generations.get(named[0]) if named and named[1] is not None else None
            if closed is None:
                continue
            epoch, old = named[1], closed.manifest
            if old[2] != generation.manifest[2]:
                since = closed.producer.revoked_since
                if since == float("inf") or old[3] != generation.manifest[3]:
                    continue
                epoch = max(epoch, int(since) // old[5])
            closed.closing = epoch if closed.closing is None else min(epoch, closed.closing)

    def open(self, data: bytes) -> Result:
        """One object, by all generations with its kid (Section 8.1)."""
        try:
            sealed = decode_object(data)
        except Refused as refused:
            return Result("refused", refused.code)
        best = Result("no-key", None, sealed)
        tried = [g for g in self.generations.values() if g.manifest.kid == sealed.kid]
        for index, generation in enumerate(tried):
            result = generation.open(sealed)
            if result.outcome in ("opened", "refused"):
                return result
            if index == 0 or RANK.index(result.outcome) < RANK.index(best.outcome):
                best = result
        return best
