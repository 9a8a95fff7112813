# SPDX-License-Identifier: BSD-2-Clause
"""Set-ups of a mail domain in DNS, each described in one line (RFC 7672).

    Situation("two-of-three", "MX a b c; A a b c; TLSA a b", ...)

Statements are separated by ";". A name is below the domain unless it ends with a
dot; "@" is the domain itself:
    MX h...         in order of preference; "." is the null MX
    A h...  AAAA h...
    TLSA h...       3 1 1, for port 25; TLSA:KIND and TLSA:587 as in TLSA below
    CNAME a b       a is an alias of b; DNAME a b likewise
    !FAULT TYPE h   how servers fail for this query: see FAULTS
Each exists twice: "sts.NAME.ZONE" has a policy in mode enforce, "bare.NAME.ZONE"
has none.
"""

from . import nameserver, proxy

ONLY, DANE, SECURE, NONE, TEMP = "dane-only", "dane", "secure", "none", "temp"

DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
TLSA_KINDS = {
    "ee": "3 1 1 " + DIGEST,
    "ta": "2 0 1 " + DIGEST,
    "sha512": "3 0 2 " + 2 * DIGEST,
    "pkix-ta": "0 0 1 " + DIGEST,      # 7672 3.1.3: undefined
    "pkix-ee": "1 1 1 " + DIGEST,
    "short": "3 1 1 " + DIGEST[:62],   # too short for SHA2-256
    "long": "3 1 1 " + DIGEST + "00",
    "short512": "3 1 2 " + DIGEST,
    "selector": "3 2 1 " + DIGEST,
    "matching": "3 1 3 " + DIGEST,
    "usage": "4 1 1 " + DIGEST,
    "private": "255 1 1 " + DIGEST,
}

FAULTS = {
    "servfail": nameserver.servfail,
    "refused": nameserver.refused,
    "silent": nameserver.silent,
    "garbage": nameserver.garbage,
    "tampered": proxy.tamper,
    "stripped": proxy.no_signatures,
    "no-proof": proxy.no_proof,
    "forged": proxy.forge,
    "expired": proxy.expired,
}


class Situation:
    """The name is in ZONE; shared_zones() makes the zones that all share. With
    OWN (implied by "!" and FAULT), the name is a zone of its own below ZONE,
    with these arguments for SignedTree.zone(). FAULT affects every query to its
    servers. STS and BARE are the expected answers."""

    def __init__(self, name, text, sts, bare, zone="secure.example", own=None,
                 fault=None, key="{domain}"):
        self.name, self.text = name, text
        self.expected = {"sts": sts, "bare": bare}
        self.own = own
        if own is None and (fault or "!" in text):
            self.own = {}
        self.zone = "example" if self.own is not None else zone
        if self.own is not None and zone != "secure.example":
            self.zone = zone
        self.fault = fault
        self.key_format = key

    def domain(self, variant):
        return "%s.%s.%s" % (variant, self.name, self.zone)

    def key(self, variant):
        return self.key_format.format(domain=self.domain(variant))

    def publish(self, world):
        if self.own is not None:
            fault = FAULTS.get(self.fault, self.fault)
            if fault is None and "!" in self.text:
                fault = nameserver.Ask.answer
            world.dns.zone("%s.%s" % (self.name, self.zone), behaviour=fault,
                           **self.own)
        world.domain(self.domain("sts"), ttl=60)
        for variant in self.expected:
            for statement in filter(None, self.text.split(";")):
                self._state(world.dns, self.domain(variant),
                            *statement.split())

    def misbehave(self, world):
        """Call this once the tree is running."""
        for variant in self.expected:
            for statement in self.text.split(";"):
                what, *rest = statement.split() or [""]
                if what.startswith("!"):
                    rtype, host = rest
                    name = absolute(host, self.domain(variant))
                    if rtype == "TLSA":
                        name = "_25._tcp." + name
                    world.dns.behave(name, FAULTS[what[1:]], rtype)

    @staticmethod
    def _state(tree, domain, what, *words):
        what, _, kind = what.partition(":")
        names = [absolute(word, domain) for word in words]
        if what == "MX":
            tree.add(domain, "MX", *("%d %s." % (10 * i + 10, name)
                                     for i, name in enumerate(names)))
        elif what in ("CNAME", "DNAME"):
            tree.add(names[0], what, names[1] + ".")
        elif what in ("A", "AAAA"):
            for name in names:
                tree.add(name, what,
                         "192.0.2.25" if what == "A" else "2001:db8::25")
        elif what == "TLSA":
            port = kind if kind.isdigit() else "25"
            for name in names:
                if not name.startswith("*"):
                    name = "_%s._tcp.%s" % (port, name)
                tree.add(name, "TLSA", TLSA_KINDS.get(kind, TLSA_KINDS["ee"]))
        elif not what.startswith("!"):
            raise ValueError(what)


def absolute(name, domain):
    if name == "@":
        return domain
    return name[:-1] if name.endswith(".") else name + "." + domain


def shared_zones(tree):
    """Makes zones that work, with hosts for the MX records of other domains."""
    tree.zone("secure.example")
    tree.zone("secure.optout.example")
    tree.zone("plain.example", signed=False)
    tree.zone("plain.optout.example", signed=False)
    for zone in ("secure.example", "secure.optout.example", "plain.example",
                 "plain.optout.example"):
        for host in ("good", "none"):
            tree.add("%s.%s" % (host, zone), "A", "192.0.2.25")
        tree.add("_25._tcp.good." + zone, "TLSA", TLSA_KINDS["ee"])
        tree.add("good-mail." + zone, "MX", "10 good.%s." % zone)
    # RFC 7672 2.2.2: load balancers that mishandle TLSA, in unsigned zones
    tree.zone("balanced.example", signed=False,
              behaviour=proxy.no_answer_to("TLSA"))
    tree.add("mx.balanced.example", "A", "192.0.2.25")
