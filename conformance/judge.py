# SPDX-License-Identifier: Apache-2.0
"""Many questions at once, for the test that compares this opener with another implementation.

Reads one JSON value from the standard input and writes one to the standard output. Each case is a
reader of its own: it takes the grants, in order, then opens the objects. Byte strings are hex.
"""

import json
import sys
from typing import Any

from archive import Damaged, split
from ed25519 import import_key
from errors import Refused
from names import is_name, is_pattern, matches
from objects import read_text
from opener import Opener, Result
from statements import decode_statement
from trust import Trust

Json = dict[str, Any]


def trust_of(question: Json) -> Trust:
    trust = Trust()
    domain, now = bytes.fromhex(question["domain"]), question["now"]
    trust.follow(bytes.fromhex(question["bundle"]), domain, now)
    for partner in question["partners"]:
        trust.accept_newer(bytes.fromhex(partner), now)
    for pin in question["pinned"]:
        trust.pin(import_key(bytes.fromhex(pin["publicKey"])), pin["produces"])
    return trust


def code_of(call: Any, data: bytes) -> str:
    try:
        call(data)
    except Refused as refused:
        return refused.code
    return "valid"


def shown(result: Result) -> Json:
    opened = result.opened
    return {
        "outcome": result.outcome, "error": result.error,
        "plaintext": opened.plaintext.hex() if opened else None,
    }


def split_up(data: bytes) -> Json:
    """The lengths of an archive's items, and where and why it could not go on."""
    items, error = [], None
    try:
        for item in split(data):
            items.append(len(item.data))
    except Damaged as damaged:
        error = {"code": damaged.code, "offset": damaged.offset}
    return {"items": items, "error": error}


def answer(question: Json) -> Json:
    principal = bytes.fromhex(question["principal"])
    secrets = [bytes.fromhex(key) for key in question["keys"]]
    cases = []
    for case in question["cases"]:
        opener = Opener(principal, secrets, trust_of(question), question["now"])
        grants = [code_of(opener.take_grant, bytes.fromhex(grant)) for grant in case["grants"]]
        objects = [shown(opener.open(bytes.fromhex(data))) for data in case["objects"]]
        cases.append({"grants": grants, "objects": objects})
    statements = [bytes.fromhex(statement) for statement in question["statements"]]
    return {
        "cases": cases,
        "statements": [code_of(decode_statement, statement) for statement in statements],
        "texts": [code_of(read_text, bytes.fromhex(text)) for text in question["texts"]],
        "names": [
            [is_name(name), is_pattern(pattern), matches(pattern, name)]
            for name, pattern in question["names"]
        ],
        "archives": [split_up(bytes.fromhex(data)) for data in question["archives"]],
    }


if __name__ == "__main__":
    json.dump(answer(json.load(sys.stdin)), sys.stdout)
