# SPDX-License-Identifier: Apache-2.0
"""Run the project's vectors (vectors/README.md) against what is here.

For each case the outcome has to be the one in the file: `valid`, or the very code. Where a valid
case has intermediate values, those that are derived here too are compared. Exits with 1 on any
disagreement, and if a file is neither covered nor named here as not covered.
"""

import json
import sys
from pathlib import Path
from typing import Any, Callable

import cbor
import hpke
from armour import armoured, unarmoured
from compact import contract, expand
from cose import encrypt0_aad, principal_id
from ed25519 import import_key, verify
from errors import Refused, require
from grants import prove_denial, receive, verify_grant
from objects import decode_object, open_object
from opener import judge
from packed import STATIC, unpack
from statements import decode_manifest, decode_statement
from tree import Node, content_key, cover, nodes_of
from trust import Trust, check_card, offer_card

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
Case = dict[str, Any]


class NotCovered(Exception):
    """A case that is outside of what is implemented here, and why."""


def same(found: Any, case: Case, key: str) -> None:
    """An intermediate value, as the file writes it."""
    if key in case:
        found = found.hex() if isinstance(found, bytes) else found
        if found != case[key]:
            raise AssertionError(f"{key} is {found}, not {case[key]}")


def hexed(case: Case, key: str) -> bytes:
    return bytes.fromhex(case[key])


def trust_of(case: Case) -> Trust:
    """Who trusts the bundle of a case, whose anchors somebody vouched for."""
    trust = Trust(own=decode_statement(hexed(case, "bundle"), "trust-bundle"))
    for partner in case.get("partnerBundles", []):
        bundle = decode_statement(bytes.fromhex(partner), "trust-bundle")
        trust.partners[bundle.fields[1]] = bundle
    for pin in case.get("pinned", []):
        trust.pin(import_key(hexed(pin, "publicKey")), pin["produces"])
    return trust


def ed25519_strict(case: Case) -> None:
    key = import_key(hexed(case, "publicKey"))
    require(verify(key, hexed(case, "message"), hexed(case, "signature")), "invalid")


def covers(case: Case) -> None:
    span = cbor.span(cbor.decode(hexed(case, "span")))
    nodes = nodes_of(span, hexed(case, "nodes"))
    same([[node.depth, node.index] for node in cover(*span)], case, "positions")
    if "root" in case:
        root = Node(0, 0, hexed(case, "root"))
        same(b"".join(root.descend(node.depth, node.index).key for node in nodes), case, "nodes")


def manifests(case: Case) -> None:
    manifest = decode_manifest(hexed(case, "manifest"))
    manifest.verify(import_key(hexed(case, "publicKey")))
    same(manifest.statement.payload, case, "payload")
    same(manifest.digest, case, "payloadDigest")
    same(manifest.generation_id, case, "generationId")
    same(manifest.kid, case, "kid")
    same(manifest[3], case, "streamName")


def objects(case: Case) -> None:
    sealed = decode_object(hexed(case, "object"))
    if "manifest" not in case:
        return
    manifest = decode_manifest(hexed(case, "manifest"))
    producer = trust_of(case).resolve(manifest[2], hexed(case, "credential"))
    manifest.verify(producer.key)
    leaf = Node(0, 0, hexed(case, "root")).descend(32, sealed.epoch)
    content = content_key(leaf, manifest.generation_id, sealed.session, manifest[6])
    opened = open_object(sealed, manifest, producer.key, leaf)
    judge(sealed, manifest, producer, case.get("closingEpoch"))
    derived = {
        "epoch": sealed.epoch, "session": sealed.session, "counter": sealed.counter,
        "leaf": leaf.key,
        "contentKey": content.key, "baseIv": content.base_iv, "commitment": content.commitment,
        "partialIv": sealed.partial_iv, "nonce": content.nonce(sealed.partial_iv),
        "protectedHeader": sealed.protected, "ciphertext": sealed.ciphertext,
        "signature": sealed.signature or (sealed.batch and sealed.batch.signature), "clearPart": sealed.clear_part,
        "plaintext": opened.plaintext,
    }
    for key, value in derived.items():
        same(value, case, key)


def batches(case: Case) -> None:
    """A valid case is a whole batch, a refused one a single object."""
    for place, one in enumerate(case.get("objects", [{}])):
        objects({**case, **one})
        if "path" in one:
            found = decode_object(hexed(one, "object")).batch
            assert found is not None and found.index == place
            same(found.path, one, "path")
            same(found.signature, case, "signature")
            same(found.root(hexed(one, "leafHash")), case, "merkleRoot")


def compact(case: Case) -> None:
    """A valid case has both forms, a refused one the form that cannot become the other."""
    if "compact" in case:
        same(expand(hexed(case, "compact")), case, "object")
    if "object" in case:
        same(contract(hexed(case, "object")), case, "compact")


def armour(case: Case) -> None:
    """A valid case is bytes and their text, a refused one text."""
    same(unarmoured(case["text"]), case, "bytes")
    assert armoured(hexed(case, "bytes")) == case["text"]


def credentials(case: Case) -> None:
    credential = decode_statement(hexed(case, "credential"), "credential")
    key = credential.fields[8][1]
    principal = trust_of(case).resolve(principal_id(key), credential.data)
    same(credential.author, case, "anchorId")
    same(key, case, "signingKey")
    same(principal.issued, case, "issued")
    same(principal.expires, case, "expires")


def key_cards(case: Case) -> None:
    principal, key = hexed(case, "principalId"), import_key(hexed(case, "publicKey"))
    card = check_card(hexed(case, "card"), principal, key, case["now"])
    if "held" in case:
        offer_card(card, decode_statement(hexed(case, "held"), "key-card"))
    same([kem.thumbprint.hex() for kem in card.fields[3]], case, "thumbprints")


def bundles(case: Case) -> None:
    data, now = hexed(case, "bundle"), case["now"]
    if "held" not in case:
        trust = Trust()
        trust.accept_first(data, hexed(case, "anchorId"), now)
        assert trust.own is not None
        same(trust.own.digest[:8], case, "digest")
        same(trust.own.fields[2], case, "version")
        return
    trust = trust_of({**case, "bundle": case["held"]})
    same(trust.accept_newer(data, now), case, "outcome")


def message(case: Case) -> None:
    recipient = case["recipient"] and hexed(case, "recipient")
    trust = trust_of(case)
    found = receive(hexed(case, "message"), recipient, trust, case["now"])
    if found.kind == "denial":
        prove_denial(found, trust, case["now"])
    same(found.author, case, "author")
    same(found.payload, case, "payload")
    same(found.digest, case, "digest")


def sealed(case: Case) -> None:
    if case["kind"] != "x25519":
        raise NotCovered("X-Wing: the library has no ML-KEM")
    secret, recipient = hexed(case, "secretKey"), hexed(case, "recipientId")
    same(hpke.public_key(secret).key, case, "publicKey")
    opened = hpke.open_sealed(hexed(case, "sealed"), recipient, [secret])
    same(opened.message, case, "message")
    if "sharedSecret" in case:
        shared = hpke.shared_secret(secret, hexed(case, "encapsulatedKey"))
        same(shared, case, "sharedSecret")
        key, nonce = hpke.key_schedule(shared, hexed(case, "info"))
        same(key, case, "key")
        same(nonce, case, "baseNonce")
        same(encrypt0_aad(hexed(case, "protectedHeader"), b""), case, "aad")


def packed(case: Case) -> None:
    same(STATIC, case, "dictionary")
    found = unpack(hexed(case, "packed"), map(bytes.fromhex, case["held"]))
    same(found, case, "message")
    same(len(found), case, "length")


def links(case: Case) -> None:
    link = decode_statement(hexed(case, "link"), "link")
    same(link.payload, case, "payload")
    same(link.digest, case, "digest")


def grants(case: Case) -> None:
    grant = verify_grant(
        hexed(case, "manifest"), list(map(bytes.fromhex, case["chain"])), hexed(case, "nodes"),
        grantee=hexed(case, "grantee"), kem_key=case["kemKey"] and hexed(case, "kemKey"),
        trust=trust_of(case), now=case["now"], issued=case["issued"],
    )
    same(grant.manifest.generation_id, case, "generationId")
    if "root" in case:
        root = Node(0, 0, hexed(case, "root"))
        if any(root.descend(node.depth, node.index) != node for node in grant.nodes):
            raise AssertionError("nodes are not those below the root")


COVERED: dict[str, Callable[[Case], None]] = {
    "acks": message, "armour": armour, "batches": batches, "bundles": bundles, "compact": compact, "covers": covers,
    "credentials": credentials,
    "denials": message, "ed25519-strict": ed25519_strict, "enrolments": message,
    "grant-messages": message, "grants": grants, "key-cards": key_cards, "links": links,
    "manifests": manifests, "objects": objects, "packed": packed, "requests": message, "revocations": message,
    "sealed": sealed,
}
NOT_COVERED: dict[str, str] = {
    "edhoc": "not covered: EDHOC is no part of the format",
    "oscore": "not covered: OSCORE is no part of the format",
}


def outcome(run: Callable[[Case], None], case: Case) -> str:
    try:
        run(case)
    except Refused as refused:
        return refused.code
    return "valid"


def run_file(name: str, cases: list[Case]) -> bool:
    """Run all cases of a file, and say in a line how that went."""
    passed, refused, left_out, wrong = 0, 0, {}, []
    for case in cases:
        try:
            found = outcome(COVERED[name], case)
        except NotCovered as reason:
            left_out[str(reason)] = left_out.get(str(reason), 0) + 1
            continue
        except AssertionError as difference:
            found = str(difference)
        if found != case["result"]:
            place = f"{case['id']} ({case['comment']})"
            wrong.append(f"  WRONG: {place}: {found}, not {case['result']}")
        passed, refused = passed + (found == "valid"), refused + (found != "valid")
    notes = "".join(f", {count} not covered ({why})" for why, count in left_out.items())
    print(f"{name}:" if wrong else f"{name}: {passed} passed, {refused} refused rightly{notes}")
    print("".join(f"{line}\n" for line in wrong), end="")
    return bool(cases) and not wrong


def main() -> int:
    good = True
    for path in sorted(VECTORS.glob("*.json")):
        name = path.stem
        if name in COVERED:
            good &= run_file(name, json.loads(path.read_text("utf-8"))["tests"])
        else:
            print(f"{name}: " + (NOT_COVERED.get(name) or "NOT COVERED, and nobody says why"))
            good &= name in NOT_COVERED
    missing = sorted(COVERED.keys() - {path.stem for path in VECTORS.glob("*.json")})
    print("\n".join(f"{name}: MISSING" for name in missing), end="\n" if missing else "")
    return 0 if good and not missing else 1


if __name__ == "__main__":
    sys.exit(main())
