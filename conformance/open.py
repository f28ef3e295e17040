# SPDX-License-Identifier: Apache-2.0
"""Open objects and archives with a grant: a line of JSON for each item.

    open.py --principal ID --key X25519-PRIVATE... --grant FILE...
            (--domain ID --bundle FILE [--partner FILE...] | --pin KEY=PATTERN...) FILE...

Grants are sealed messages, in files of their own or among the items of an archive. Keys and
plaintexts are hex, ids as in docs/spec/01-conventions.md Section 1.6. Exits with 1 if an item is
damaged or refused, or if an object does not open.
"""

import argparse
import base64
import json
import sys
import time
from pathlib import Path
from typing import Any, Iterator

from archive import Damaged, Item, split
from cose import principal_id
from ed25519 import import_key
from errors import Refused, require
from opener import Opener, Result
from statements import decode_statement
from trust import Trust


def parse_id(text: str) -> bytes:
    """A principal or domain id: base64url without padding, in its canonical form."""
    data = base64.urlsafe_b64decode(text + "=")
    canonical = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    require(len(data) == 32 and canonical == text, "ERR_MALFORMED", "no id")
    return data


def hold_credential(trust: Trust, data: bytes) -> None:
    """Remember what a credential says of a key; whether it counts is asked each time."""
    credential = decode_statement(data, "credential")
    trust.credentials[principal_id(credential.fields[8][1])] = data


def trust_of(options: argparse.Namespace) -> Trust:
    trust = Trust()
    for path in options.bundle:
        trust.follow(Path(path).read_bytes(), parse_id(options.domain), options.now)
    for path in options.partner:
        trust.accept_newer(Path(path).read_bytes(), options.now)
    for pin in options.pin:
        key, _, pattern = pin.partition("=")
        trust.pin(import_key(bytes.fromhex(key)), [pattern])
    named = list(trust.own.fields[6]) if trust.own else []
    for data in named + ([trust.own.fields[7][0]] if trust.own and trust.own.fields[7] else []):
        try:
            hold_credential(trust, data)
        except Refused:
            continue
    return trust


def describe_object(result: Result) -> dict[str, Any]:
    """What is known of an object; the text only of one that opened and counts."""
    line: dict[str, Any] = {"outcome": result.outcome, "error": result.error}
    if result.sealed:
        sealed = result.sealed
        line |= {"kid": sealed.kid.hex(), "epoch": sealed.epoch}
        line |= {"session": sealed.session.hex(), "counter": sealed.counter}
    if result.opened and result.sealed and result.manifest:
        manifest, metadata = result.manifest, result.opened.metadata
        offset, clear = metadata[1], result.sealed.clear_part
        begins = result.sealed.epoch * manifest[5] * 1000
        line |= {
            "stream": manifest[3], "generation": manifest.generation_id.hex(),
            "producer": manifest[2].hex(), "signed": manifest[9] != 0,
            "timeMs": None if offset is None else begins + offset, "contentType": metadata[2],
            "headers": metadata[3], "heartbeat": metadata[7],
            "clear": None if clear is None else clear.hex(),
            "plaintext": result.opened.plaintext.hex(),
        }
    return line


def describe_grant(opener: Opener, data: bytes) -> dict[str, Any]:
    try:
        grant = opener.take_grant(data)
    except Refused as refused:
        outcome = "not-for-us" if refused.code == "ERR_RECIPIENT" else "refused"
        return {"outcome": outcome, "error": refused.code}
    first, last = grant.chain.last[6]
    return {"outcome": "granted", "stream": grant.manifest[3], "first": first, "last": last}


def describe_statement(data: bytes) -> dict[str, Any]:
    try:
        return {"outcome": "decoded", "type": decode_statement(data).kind}
    except Refused as refused:
        return {"outcome": "refused", "error": refused.code}


def items_of(path: str) -> tuple[list[Item], dict[str, Any] | None]:
    """The items of a file, and what is wrong behind them."""
    found: list[Item] = []
    try:
        for item in split(Path(path).read_bytes()):
            found.append(item)
    except Damaged as damaged:
        return found, {"outcome": "damaged", "error": damaged.code, "offset": damaged.offset}
    return found, None


def read(opener: Opener, grants: list[str], paths: list[str]) -> Iterator[dict[str, Any]]:
    """Grants first, wherever they stand; then everything else in its order."""
    archives = {path: items_of(path) for path in [*grants, *paths]}
    for path, (items, _) in archives.items():
        for item in items:
            if item.kind == "sealed":
                place = {"file": path, "offset": item.offset, "kind": item.kind}
                yield {**place, **describe_grant(opener, item.data)}
    for path, (items, damage) in archives.items():
        for item in items:
            place = {"file": path, "offset": item.offset, "kind": item.kind}
            if item.kind == "object":
                yield {**place, **describe_object(opener.open(item.data))}
            elif item.kind == "statement":
                yield {**place, **describe_statement(item.data)}
            elif item.kind == "unknown":
                yield {**place, "outcome": "refused", "error": "ERR_UNSUPPORTED"}
        if damage:
            yield {"file": path, **damage}


def options_of(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="open.py", description="Opens objects with a grant.")
    many: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--principal", required=True, help="our principal id")
    parser.add_argument("--key", **many, help="an X25519 private key, in hex")
    parser.add_argument("--grant", **many, help="a file with sealed grants")
    parser.add_argument("--domain", help="the id of our domain, as a person vouches for it")
    parser.add_argument("--bundle", **many, help="a file with its trust bundles")
    parser.add_argument("--partner", **many, help="a file with a trust bundle of a partner")
    parser.add_argument("--pin", **many, help="KEY=PATTERN of a producer, the key in hex")
    parser.add_argument("--now", type=int, default=int(time.time()), help="in seconds")
    parser.add_argument("files", nargs="+", metavar="FILE", help="objects or archives")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = options_of(arguments)
    secrets = [bytes.fromhex(key) for key in options.key]
    opener = Opener(parse_id(options.principal), secrets, trust_of(options), options.now)
    good = True
    for line in read(opener, options.grant, options.files):
        print(json.dumps({key: value for key, value in line.items() if value is not None}))
        good &= line["outcome"] in ("opened", "granted", "not-for-us", "decoded")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
