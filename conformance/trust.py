# SPDX-License-Identifier: Apache-2.0
"""Whom to trust (docs/spec/06-identity.md Sections 6.4 to 6.6)."""

from dataclasses import dataclass, field
from typing import NamedTuple

from cbor import item_end
from cose import principal_id
from ed25519 import import_key
from errors import Refused, require
from names import matches
from statements import Manifest, Statement, decode_statement

SKEW = 300
FREEZE_GRACE = 604_800


class Anchor(NamedTuple):
    """An anchor whose credentials count, and for which domain (Section 6.6.2, step 4)."""

    key: bytes
    domain: bytes
    since: int = 0
    until: int | None = None
    partner_patterns: list[str] | None = None


class Principal(NamedTuple):
    """A principal that is trusted (Section 6.6.1)."""

    id: bytes
    key: bytes
    domain: bytes | None
    produces: list[str]
    issued: int = 0
    expires: float = float("inf")
    partner_patterns: list[str] | None = None
    revoked_since: float = float("inf")

    def check_standing(self, now: int) -> None:
        """Section 6.6.3."""
        require(self.expires > now, "ERR_EXPIRED", "credential")
        require(self.issued <= now + SKEW, "ERR_NOT_YET_VALID", "credential")
        require(self.revoked_since > now + SKEW, "ERR_REVOKED", "author")

    def check_naming(self, manifest: Manifest) -> None:
        """Section 6.6.4."""
        partner = ["#"] if self.partner_patterns is None else self.partner_patterns
        lists = (self.produces, partner)
        named = all(any(matches(p, manifest[3]) for p in patterns) for patterns in lists)
        require(self.domain == manifest[1] and named, "ERR_NOT_AUTHORIZED", "stream name")

    def check_epoch(self, begins: int) -> None:
        """Section 6.6.5: whether its word counts for an epoch that begins then."""
        require(begins < self.expires, "ERR_EXPIRED", "producer")
        require(begins < self.revoked_since, "ERR_REVOKED", "producer")


def anchors_of(bundle: Statement) -> list[Anchor]:
    return [Anchor(key, bundle.fields[1], since, until) for key, since, until in bundle.fields[5]]


def in_use(bundle: Statement, author: bytes) -> list[bytes]:
    """The key of the author, if it is an anchor in use of the bundle."""
    return [a.key for a in anchors_of(bundle) if a.until is None and principal_id(a.key) == author]


@dataclass
class Trust:
    """Our own bundle, those of partners, and who was pinned by hand."""

    own: Statement | None = None
    partners: dict[bytes, Statement] = field(default_factory=dict)
    pinned: dict[bytes, Principal] = field(default_factory=dict)
    credentials: dict[bytes, bytes] = field(default_factory=dict)

    def pin(self, key: bytes, produces: list[str]) -> None:
        self.pinned[principal_id(key)] = Principal(principal_id(key), key, None, produces)

    # Bundles

    def accept_first(self, data: bytes, anchor_id: bytes, now: int) -> None:
        """The first bundle, and the anchor that somebody vouches for (Section 6.5.1)."""
        bundle = decode_statement(data, "trust-bundle")
        require(bundle.fields[3] <= now + SKEW, "ERR_NOT_YET_VALID", "bundle")
        require(self.own is None or self.own.data == data, "ERR_CONFLICT", "a bundle is held")
        require(bundle.author == anchor_id, "ERR_NOT_TRUSTED", "author of the bundle")
        keys = in_use(bundle, anchor_id)
        require(keys, "ERR_NOT_TRUSTED", "anchor")
        bundle.verify(keys[0])
        self.own = bundle

    def accept_newer(self, data: bytes, now: int) -> str:
        """Section 6.5.2: `accepted`, or `known` where it is the very one that is held."""
        bundle = decode_statement(data, "trust-bundle")
        if self.own is None:
            raise Refused("ERR_NOT_TRUSTED", "no bundle is held")
        domain = bundle.fields[1]
        ours = domain == self.own.fields[1]
        held = self.own if ours else self.partners.get(domain)
        named = [p[1] for p in self.own.fields[8] if p[0] == domain]
        require(ours or named, "ERR_NOT_TRUSTED", "no partner")
        if held is not None and held.data == data:
            return "known"
        if held is None:
            keys = [k for keys in named for k in keys if principal_id(k) == bundle.author]
        else:
            keys = in_use(held, bundle.author)
        require(keys, "ERR_NOT_TRUSTED", "author of the bundle")
        bundle.verify(keys[0])
        if held is not None:
            require(bundle.fields[2] >= held.fields[2], "ERR_ROLLBACK", "bundle")
            require(bundle.fields[2] != held.fields[2], "ERR_CONFLICT", "bundle")
        require(bundle.fields[3] <= now + SKEW, "ERR_NOT_YET_VALID", "bundle")
        if ours:
            self.own = bundle
        else:
            self.partners[domain] = bundle
        return "accepted"

    def follow(self, chain: bytes, domain: bytes, now: int) -> None:
        """A chain of bundles, from a domain id that somebody vouches for (Section 6.5.6)."""
        at, count = 0, 0
        while at < len(chain) or count == 0:
            end, count = item_end(chain, at), count + 1
            require(count <= 17, "ERR_MALFORMED", "a chain of bundles")
            bundle = decode_statement(chain[at:end], "trust-bundle")
            require(bundle.fields[1] == domain, "ERR_NOT_TRUSTED", "domain")
            if self.own is None:
                self.accept_first(bundle.data, domain, now)
            elif bundle.fields[2] >= self.own.fields[2]:
                self.accept_newer(bundle.data, now)
            at = end

    def frozen(self, now: int) -> bool:
        """Section 6.5.4."""
        return self.own is not None and now > self.own.fields[4] + FREEZE_GRACE

    # Principals

    def _partner_anchors(self, author: bytes) -> list[Anchor]:
        """What partners' bundles, or our own where none is held, name under this id."""
        assert self.own is not None
        found, named = [], []
        for domain, keys, patterns in self.own.fields[8]:
            of_ours = [Anchor(key, domain) for key in keys]
            bundle = self.partners.get(domain)
            for anchor in anchors_of(bundle) if bundle else of_ours:
                if principal_id(anchor.key) == author:
                    found.append(anchor._replace(partner_patterns=patterns))
            if any(principal_id(key) == author for key in keys):
                named.append(domain)
        if len(found) < 2:
            return found
        return [a for a in found if named == [a.domain]]

    def _anchors(self, author: bytes) -> list[Anchor]:
        """Section 6.6.2, step 4."""
        if self.own is None:
            return []
        ours = [a for a in anchors_of(self.own) if principal_id(a.key) == author]
        return ours or self._partner_anchors(author)

    def _revoked_since(self, principal: bytes, domain: bytes | None) -> float:
        bundles = [self.own, self.partners.get(domain) if domain else None]
        return min(
            (since for b in bundles if b for who, since in b.fields[9] if who == principal),
            default=float("inf"),
        )

    def resolve(self, principal: bytes, credential: bytes | None) -> Principal:
        """Section 6.6.2. What an anchor says of its own goes before a person's word."""
        if credential is not None:
            statement = decode_statement(credential, "credential")
            claims = statement.fields
            for anchor in self._anchors(statement.author)[:1]:
                ended = anchor.until is not None and claims[6] > anchor.until
                if claims[6] < anchor.since or ended:
                    break
                statement.verify(anchor.key)
                key = import_key(claims[8][1])
                if principal_id(key) != principal:
                    break
                return Principal(
                    principal, key, anchor.domain, claims[-65537][4] or [], claims[6], claims[4],
                    anchor.partner_patterns, self._revoked_since(principal, anchor.domain),
                )
        if principal not in self.pinned:
            raise Refused("ERR_NOT_TRUSTED", "nobody vouches for it")
        return self.pinned[principal]._replace(revoked_since=self._revoked_since(principal, None))


def check_card(data: bytes, principal: bytes, key: bytes, now: int) -> Statement:
    """A key card of a principal (Section 6.4.2)."""
    card = decode_statement(data, "key-card")
    require(card.author == principal, "ERR_SIGNATURE", "author of the card")
    card.verify(key)
    require(card.fields[2] > now, "ERR_EXPIRED", "card")
    require(card.fields[1] <= now + SKEW, "ERR_NOT_YET_VALID", "card")
    return card


def offer_card(card: Statement, held: Statement) -> None:
    """Another, verified card beside the one that is held (Section 6.4.2)."""
    require(card.fields[1] >= held.fields[1], "ERR_ROLLBACK", "card")
    require(card.fields[1] > held.fields[1] or card.data == held.data, "ERR_CONFLICT", "card")
