# SPDX-License-Identifier: BSD-2-Clause
"""Daemons that use a signed tree, and the answers to expect from them."""

import re

from .daemon import Daemon
from .signed import RESOLVERS
from .situations import DANE, NONE, ONLY, SECURE, TEMP

LOOKUP_S = 12

MODES = {
    "trust-ad": {"servers": [RESOLVERS["validating"]], "dnssec": "trust-ad"},
    "validate": {"servers": [RESOLVERS["plain"]], "dnssec": "validate"},
}


def dane_daemon(world, name, dns, **options):
    dns = dict({"timeout": "3s", "trust_anchor": world.dns.anchor}, **dns)
    return Daemon(world, name, dns=dns, lookup={"timeout": "%ds" % LOOKUP_S},
                  **options)


def matches(answer, expected, domain):
    """EXPECTED: one of situations.py's words, or several to choose from."""
    if isinstance(expected, tuple):
        return any(matches(answer, one, domain) for one in expected)
    return re.fullmatch({
        ONLY: "OK dane-only",
        DANE: "OK dane",
        SECURE: "OK secure match=mx1.%s servername=hostname" %
                re.escape(domain),
        NONE: "NOTFOUND ",
        TEMP: "TEMP .+",
    }[expected], answer) is not None
