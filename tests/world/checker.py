# SPDX-License-Identifier: BSD-2-Clause
"""Domains for mtasts-check, and runs of mtasts-check."""

import itertools
import json
import os
import socket
import subprocess
import threading

import jsonschema

from . import nameserver, smtpserver, world as world_module
from .daemon import program

ZONE_SERVER = "5.9.0.53"     # the world's name server, which serves the zones
OTHER_SERVER = "5.9.0.54"
SCHEMA = os.path.join(os.environ.get("srcdir", "."),
                      "doc/mtasts-check.schema.json")
DNS_ADDRESSES = world_module.DNS_ADDRESSES + ((ZONE_SERVER, 53),)


class Checked:
    """A domain with everything that a sender looks at. At first it has no faults."""

    numbers = itertools.count(1)

    def __init__(self, checks, name):
        self.checks, self.world, self.name = checks, checks.world, name
        self.dns = self.world.dns
        self.args = []
        self.publish()
        self.mx("mx1")
        self.dns.txt("_smtp._tls." + name,
                     "v=TLSRPTv1; rua=mailto:reports@" + name)
        self.dns.add(name, "NS", "ns1.%s." % name)
        self.dns.add("ns1." + name, "A", ZONE_SERVER)

    def host(self, label):
        return label if "." in label else "%s.%s" % (label, self.name)

    def publish(self, mx=("mx1.{domain}",), max_age=604800, **how):
        """Publishes a new policy and record, as World.domain() does."""
        return self.world.domain(self.name, mx=mx, max_age=max_age, **how)

    @property
    def site(self):
        return self.world.site(self.name)

    def mx(self, *labels, receiver=True, v6=False, **how):
        """Publishes MX records for these hosts, and starts a mail server for each."""
        self.dns.add(self.name, "MX", *(
            "%d %s." % (10 * (i + 1), self.host(label))
            for i, label in enumerate(labels)))
        for label in labels:
            self.mail_host(self.host(label), receiver, v6, **how)

    def mail_host(self, name, receiver=True, v6=False, **how):
        number = next(self.numbers)
        addresses = ["5.9.%d.%d" % (16 + number // 200, 1 + number % 200)]
        self.dns.add(name, "A", *addresses)
        if v6:
            addresses.append("2a01:4f8::11")
            self.dns.add(name, "AAAA", addresses[1])
        if not receiver:
            return []
        made = [smtpserver.Receiver(self.world.ca, name, address, **how)
                for address in addresses]
        self.checks.receivers += made
        return made

    def no_record(self):
        self.dns.remove("_mta-sts." + self.name, "TXT")

    def record(self, *texts):
        self.dns.txt("_mta-sts." + self.name, *texts)

    def check(self, *args, **how):
        return self.checks.one(self.name, *self.args, *args, **how)


class Port80:
    """Serves a file over plain HTTP."""

    def __init__(self, address, body):
        self.body = body
        self.calls = 0
        self.listener = socket.create_server((address, 80))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.calls += 1
            with sock:
                sock.recv(65536)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                             b"Content-Length: %d\r\n\r\n" % len(self.body) +
                             self.body)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Checks:
    """A world in which mtasts-check runs."""

    def __init__(self):
        self.world = world_module.World(dns_addresses=DNS_ADDRESSES)
        self.validator = None
        self.receivers = []
        self.others = []

    def domain(self, name):
        return Checked(self, name)

    def other_name_server(self):
        server = nameserver.NameServer(((OTHER_SERVER, 53),))
        self.others.append(server)
        return server

    def run(self, *args, stdin="", env=None, timeout_s=120):
        """Returns (exit status, standard output, standard error), decoded as UTF-8."""
        done = subprocess.run(
            [program("mtasts-check"), "--ca-file", self.world.ca.root, *args],
            input=stdin, capture_output=True, text=True, errors="replace",
            env=dict(os.environ, LC_ALL="C.UTF-8", **(env or {})),
            timeout=timeout_s, check=False)
        assert "Sanitizer" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    def json(self, *args, **how):
        """Returns the JSON document, which must match the schema and the exit
        status."""
        status, out, err = self.run("--json", *args, **how)
        assert out, err
        document = json.loads(out)
        self.validate(document)
        reports = document if isinstance(document, list) else [document]
        if len(reports) == 1:
            assert status == reports[0]["exit_status"], out + err
        return document

    def validate(self, document):
        if self.validator is None:
            with open(SCHEMA) as file:
                self.validator = jsonschema.Draft202012Validator(
                    json.load(file))
        self.validator.validate(document)

    def one(self, *args, **how):
        return Report(self.json(*args, **how))

    def close(self):
        for one in self.receivers + self.others:
            one.stop()
        self.world.close()


class Report(dict):
    @property
    def ids(self):
        return sorted({f["id"] for f in self["findings"]})

    def finding(self, id):
        found = [f for f in self["findings"] if f["id"] == id]
        assert found, "no %s among %s" % (id, self["findings"])
        return found[0]
