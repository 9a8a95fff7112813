# SPDX-License-Identifier: BSD-2-Clause
"""A signed Internet: root, "example", zones below, and resolvers that differ.

Knot DNS signs and serves the zones, with one process for each level (SERVERS): the
root, "example", "optout.example", and the zones below the last two. A zone whose
servers misbehave is delegated to a Proxy (FAULTY) instead. The resolvers (RESOLVERS)
are Unbound and proxies in front of it.

    tree.zone("secure.example")                    signed, DS above it
    tree.zone("plain.example", signed=False)       no DS
    tree.zone("bad.example", behaviour=proxy.tamper)
    tree.add("mx.secure.example", "A", "192.0.2.1")
    tree.start()

Define names and zones before start(). Afterwards add() and remove() send dynamic
updates (RFC 2136), which Knot signs at once.
"""

import glob
import importlib.util
import os
import subprocess
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.update
from . import proxy
from .daemon import have
from .nameserver import txt_rdata
from .world import World

# From the root down. No server has both a zone and its parent, because resolvers
# would then skip the delegation.
SERVERS = {"root": "5.9.0.53", "tld": "5.9.0.54", "optout": "5.9.0.55",
           "zones": "5.9.0.56"}
FAULTY = "5.9.0.57"

# The resolvers that a daemon can use. Unbound listens at two addresses, because
# dns.dnssec: auto trusts only loopback.
RESOLVERS = {
    "validating": "127.0.0.60",
    "validating-far": "5.9.0.60",
    "plain": "127.0.0.61",          # hands on signatures, validates nothing
    "stripping": "127.0.0.62",      # no DNSSEC data, no AD
    "stripping-far": "5.9.0.62",
    "choking": "127.0.0.63",        # SERVFAIL to questions with DO
    "choking-far": "5.9.0.63",
    "no-dnskey": "127.0.0.64",      # never an answer for DNSKEY
    "changing": "127.0.0.65",       # what the test makes of it
}

KNOT_CONF = """server:
  listen: {address}@53
  rundir: {dir}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {dir}
  kasp-db: {dir}/kasp
log:
  - target: stderr
    any: info
acl:
  - id: all
    address: 5.9.0.0/16
    action: update
policy:
  - id: nsec
    single-type-signing: on
    algorithm: ecdsap256sha256
    cds-cdnskey-publish: none
  - id: nsec3
    single-type-signing: on
    algorithm: ecdsap256sha256
    cds-cdnskey-publish: none
    nsec3: on
    nsec3-iterations: 0
  - id: optout
    single-type-signing: on
    algorithm: ecdsap256sha256
    cds-cdnskey-publish: none
    nsec3: on
    nsec3-iterations: 0
    nsec3-opt-out: on
template:
  - id: default
    storage: {dir}
    file: "%s.zone"
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: changes
    acl: all
zone:
"""

ZONE_HEAD = """$TTL 60
{name} SOA {server}.root. root.root. 1 3600 600 36000 {minimum}
{name} NS {server}.root.
"""

UNBOUND_CONF = """server:
  {interfaces}
  port: 53
  do-daemonize: no
  do-ip6: no
  username: ""
  chroot: ""
  directory: "{dir}"
  pidfile: "{dir}/{name}.pid"
  use-syslog: no
  logfile: ""
  verbosity: 1
  access-control: 0.0.0.0/0 allow
  root-hints: "{dir}/hints"
  module-config: "{modules}"
  trust-anchor-file: "{anchor}"
  infra-cache-max-rtt: 1200
  val-bogus-ttl: 1
remote-control:
  control-enable: no
"""


class Zone:
    """See SignedTree.zone()."""

    def __init__(self, name, server, signed, ds, behaviour, minimum):
        self.name = name        # "" is the root's
        self.knot = server      # which of SERVERS has it
        self.server = "faulty" if behaviour else server  # whom others ask
        self.signed = signed
        self.ds = signed if ds is None else ds
        self.behaviour = behaviour
        self.minimum = minimum
        self.lines = []

    @property
    def absolute(self):
        return self.name + "."

    def line(self, *words):
        self.lines.append(" ".join(map(str, words)))

    def text(self):
        head = ZONE_HEAD.format(name=self.absolute, minimum=self.minimum,
                                server=self.server)
        return head + "\n".join(self.lines) + "\n"


class SignedTree:
    """Keeps its files in FOLDER, which must exist."""

    def __init__(self, folder):
        self.folder = folder
        self.anchor = os.path.join(folder, "root.key")
        self.processes = []
        self.proxies = {}  # by name of the resolver; "faulty"
        self.zones = {}
        self.started = False
        root = self.zone("", server="root")
        for name, address in (*SERVERS.items(), ("faulty", FAULTY)):
            root.line(name + ".root.", "A", address)
        self.zone("example", server="tld")
        self.zone("optout.example", server="optout", signed="optout")

    # what the test says

    def zone(self, name, signed=True, ds=None, behaviour=None, minimum=60,
             server="zones"):
        """Adds a zone. SIGNED: False, True (NSEC), "nsec3", or "optout" (NSEC3). DS is
        the record in the zone above: True, False, "other" (of another key) or
        "unknown" (of an unknown algorithm); None matches SIGNED. BEHAVIOUR is its
        server's; use proxy.Ask.answer if only some names must misbehave."""
        self.zones[name] = Zone(name, server, signed, ds, behaviour, minimum)
        return self.zones[name]

    def zone_of(self, name):
        labels = name.lower().rstrip(".").split(".")
        return next(self.zones[zone] for zone in
                    (".".join(labels[i:]) for i in range(len(labels) + 1))
                    if zone in self.zones)

    def add(self, name, rtype, *rdatas, ttl=60):
        """Before start() it adds records, afterwards it replaces them."""
        if self.started:
            self._update(name, "replace", ttl, rtype, *rdatas)
            return
        for rdata in rdatas:
            self.zone_of(name).line(name + ".", ttl, rtype, rdata)

    def txt(self, name, *texts, ttl=60):
        self.add(name, "TXT", *map(txt_rdata, texts), ttl=ttl)

    def remove(self, name, rtype):
        self._update(name, "delete", rtype)

    def behave(self, name, behaviour, rtype=None):
        """Sets the behaviour for one name in a zone whose servers misbehave."""
        self.proxies["faulty"].behave(name, behaviour, rtype)

    def count(self, name, rtype=None):
        """Returns the questions to servers that misbehave."""
        return self.proxies["faulty"].count(name, rtype)

    # its life

    @staticmethod
    def missing():
        """Returns why it can't run here, or None."""
        lacking = [name for name in ("knotd", "unbound") if not have(name)]
        # dns.dnssec can't sign without
        if importlib.util.find_spec("cryptography") is None:
            lacking.append("python3-cryptography")
        return "not installed: " + ", ".join(lacking) if lacking else None

    def start(self):
        faulty = proxy.Proxy([(FAULTY, 53)], (SERVERS["zones"], 53))
        self.proxies["faulty"] = faulty
        for server in reversed(SERVERS):
            self._start_knot(server)
            self._add_delegations(server)
        for zone in self.zones.values():
            if zone.behaviour:
                faulty.behave_zone(zone.name, zone.behaviour)
        self._read_private_keys(faulty)
        self._start_resolvers()
        self.started = True

    def stop(self):
        for one in self.proxies.values():
            one.stop()
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(10)

    # the authoritative side

    def _start_knot(self, server):
        folder = os.path.join(self.folder, server)
        os.mkdir(folder)
        address = SERVERS[server]
        conf = KNOT_CONF.format(dir=folder, address=address)
        zones = [z for z in self.zones.values() if z.knot == server]
        for zone in zones:
            conf += '  - domain: "%s"\n' % zone.absolute
            if zone.signed:
                conf += "    dnssec-signing: on\n    dnssec-policy: %s\n" % (
                    "nsec" if zone.signed is True else zone.signed)
            # as Knot's %s has it
            self._write(os.path.join(server, zone.name + ".zone"), zone.text())
        self._write(os.path.join(server, "knot.conf"), conf)
        process = self._spawn("knot-" + server, "knotd", "-c",
                              os.path.join(folder, "knot.conf"))
        for zone in zones:
            self._wait(process, address, zone.absolute, "SOA",
                       signed=zone.signed)

    def _add_delegations(self, server):
        """Returns the records that the parent zones have for SERVER's zones."""
        for zone in list(self.zones.values()):
            if zone.knot != server:
                continue
            keys = self._dnskeys(zone) if zone.signed else None
            if zone.name == "":
                self._write("root.key", "".join(
                    ". 172800 IN DNSKEY %s\n" % key for key in keys))
                self._write("hints", ". 3600000 NS root.root.\n"
                            "root.root. 3600000 A %s\n" % SERVERS["root"])
                continue
            above = self.zone_of(zone.name.partition(".")[2])
            above.line(zone.absolute, "NS", zone.server + ".root.")
            for key in keys if zone.ds else ():
                above.line(zone.absolute, "DS", self._ds(zone, key))

    @staticmethod
    def _ds(zone, key):
        text = dns.dnssec.make_ds(zone.absolute, key, "SHA256").to_text()
        tag, algorithm, digest, data = text.split(" ", 3)
        if zone.ds == "other":
            data = "00" * 32
        elif zone.ds == "unknown":
            algorithm = "200"
        return " ".join((tag, algorithm, digest, data))

    def _dnskeys(self, zone):
        reply = dns.query.udp(
            dns.message.make_query(zone.absolute, "DNSKEY", want_dnssec=True),
            SERVERS[zone.knot], 2)
        return [rdata for rrset in reply.answer for rdata in rrset
                if rdata.rdtype == dns.rdatatype.DNSKEY]

    def _read_private_keys(self, server):
        """Gives the keys to behaviours that sign answers as Knot would."""
        from cryptography.hazmat.primitives import serialization
        keys = {}
        for path in glob.glob(os.path.join(self.folder, "zones/kasp/**/*.pem"),
                              recursive=True):
            with open(path, "rb") as file:
                key = serialization.load_pem_private_key(file.read(), None)
            made = dns.dnssec.make_dnskey(key.public_key(), 13, flags=257)
            keys[made.key] = key
        for zone in self.zones.values():
            if zone.knot == "zones" and zone.signed and zone.behaviour:
                for dnskey in self._dnskeys(zone):
                    server.keys[dns.name.from_text(zone.absolute)] = (
                        dnskey, keys[dnskey.key])

    def _update(self, name, how, *args):
        zone = self.zone_of(name)
        update = dns.update.UpdateMessage(zone.absolute)
        getattr(update, how)(name + ".", *args)
        reply = dns.query.tcp(update, SERVERS[zone.knot], 5,
                              source=FAULTY)
        assert reply.rcode() == dns.rcode.NOERROR, reply

    # the resolvers

    def _start_resolvers(self):
        validating = [RESOLVERS["validating"], RESOLVERS["validating-far"]]
        plain = RESOLVERS["plain"], 53
        self._start_unbound("validating", validating, "validator iterator")
        self._start_unbound("plain", [plain[0]], "iterator")
        for name, behaviour in (
                ("stripping", proxy.strip),
                ("choking", proxy.servfail_to_dnssec),
                ("no-dnskey", proxy.no_answer_to("DNSKEY")),
                ("changing", None)):
            addresses = [(RESOLVERS[n], 53) for n in (name, name + "-far")
                         if n in RESOLVERS]
            self.proxies[name] = proxy.Proxy(addresses, plain)
            if behaviour:
                self.proxies[name].behave_zone("", behaviour)
        self.proxies["changing"].upstream = validating[0], 53

    def _start_unbound(self, name, addresses, modules):
        path = self._write(name + ".conf", UNBOUND_CONF.format(
            dir=self.folder, name=name, modules=modules, anchor=self.anchor,
            interfaces="\n  ".join("interface: " + a for a in addresses)))
        process = self._spawn(name, "unbound", "-d", "-c", path)
        for address in addresses:
            self._wait(process, address, ".", "SOA")

    # processes

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def _spawn(self, name, *command):
        with open(os.path.join(self.folder, name + ".out"), "wb") as out:
            process = subprocess.Popen(
                [have(command[0]), *command[1:]], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out)
        process.out = out.name
        self.processes.append(process)
        return process

    @staticmethod
    def _wait(process, address, name, rtype, signed=False):
        """Waits until PROCESS answers, with a signature if SIGNED."""
        query = dns.message.make_query(name, rtype, want_dnssec=True)
        end = time.monotonic() + 10
        while True:
            try:
                reply = dns.query.udp(query, address, 0.2)
                if len(reply.answer) > (1 if signed else 0):
                    return
            except (OSError, dns.exception.DNSException):
                pass
            if time.monotonic() > end or process.poll() is not None:
                with open(process.out) as out:
                    raise RuntimeError("%s does not answer:\n%s" % (
                        process.args, out.read()))
            time.sleep(0.01)


def look_up(name, rtype, resolver="validating", timeout_s=10, **how):
    """Returns the message that a stub resolver gets."""
    query = dns.message.make_query(name, rtype, **{"want_dnssec": True, **how})
    reply, _ = dns.query.udp_with_fallback(query, RESOLVERS[resolver],
                                           timeout_s)
    return reply


class SignedWorld(World):
    """A World with a signed tree instead of its name server. Call start() once
    everything is defined."""

    def make_dns(self, addresses):
        os.mkdir(self.path("tree"))
        return SignedTree(self.path("tree"))

    def start(self):
        self.dns.start()
