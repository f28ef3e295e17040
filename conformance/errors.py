# SPDX-License-Identifier: Apache-2.0
"""The one way in which everything here says no (docs/spec/01-conventions.md Section 1.8)."""


class Refused(Exception):
    """Data, a key or a policy said no. `code` is one of docs/reference/errors.md."""

    def __init__(self, code: str, what: str = "") -> None:
        super().__init__(f"{code}: {what}" if what else code)
        self.code = code


def require(condition: object, code: str, what: str = "") -> None:
    """Refuse with the code, unless the condition holds."""
    if not condition:
        raise Refused(code, what)
