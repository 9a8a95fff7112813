# SPDX-License-Identifier: BSD-2-Clause
"""World: domains with records, policy hosts, and faults."""

import os
import shutil
import tempfile
import time

from . import ca, nameserver, webserver

POLICY_HOST_V4 = "5.9.0.10"
POLICY_HOST_V6 = "2a01:4f8::10"
WEB_ADDRESSES = ((POLICY_HOST_V4, 443), (POLICY_HOST_V6, 443))
DNS_ADDRESSES = (("127.0.0.53", 53), ("::1", 53))
HANG_S = 60  # longer than anything takes, even on a busy machine


def policy(mode="enforce", mx=("mx1.{domain}",), max_age=86400, eol="\n",
           domain=""):
    """Returns the text of a policy."""
    lines = ["version: STSv1", "mode: " + mode]
    lines += ["mx: " + name.format(domain=domain) for name in mx]
    lines += ["max_age: %d" % max_age]
    return eol.join(lines) + eol


def record(id="1"):
    return "v=STSv1; id=%s;" % id


def require_namespace():
    """These tests bind port 53 and rewrite /etc/resolv.conf."""
    if not os.environ.get("MTS_NAMESPACE"):
        raise RuntimeError("run this through tests/world/in-namespace")


def set_resolv_conf(text):
    require_namespace()
    with open("/etc/resolv.conf", "w") as file:
        file.write(text)


class World:
    """A name server, a web server and a CA. close() ends it."""

    def __init__(self, dns_addresses=DNS_ADDRESSES,
                 web_addresses=WEB_ADDRESSES):
        require_namespace()
        # The path must be short: a unix socket's path is limited to 107 bytes.
        self.folder = tempfile.TemporaryDirectory(prefix="mts-")
        self.tmp = self.folder.name
        os.mkdir(self.path("ca"))
        self.ca = ca.CA(self.path("ca"))
        self.dns = self.make_dns(dns_addresses)
        self.dns_addresses = dns_addresses
        self.web_addresses = web_addresses
        self.web = webserver.WebServer(self.ca, web_addresses)

    def make_dns(self, addresses):
        return nameserver.NameServer(addresses)

    def path(self, name):
        return os.path.join(self.tmp, name)

    def share(self, path):
        """Copies a file to where every user can reach it; returns the path of the
        copy. The checkout may be in a folder that only root can enter, like /root."""
        folder = self.path("shared-files")
        for name in (self.tmp, folder):
            os.makedirs(name, exist_ok=True)
            os.chmod(name, 0o755)
        copy = os.path.join(folder, os.path.basename(path))
        if not os.path.exists(copy):
            shutil.copy(path, copy)
            os.chmod(copy, os.stat(path).st_mode | 0o444)
        return copy

    def lsan_options(self):
        """Returns LSAN_OPTIONS for a sanitized program that changes its user."""
        return "suppressions=" + self.share(
            os.path.join(os.environ["srcdir"], "tests", "lsan.supp"))

    def domain(self, name, text=None, id="1", records=None, mode="enforce",
               mx=("mx1.{domain}",), max_age=86400,
               addresses=(POLICY_HOST_V4,), ttl=300, **site):
        """Publishes MTA-STS for NAME; returns its Site. RECORDS instead of
        one for ID; further arguments are the Site's."""
        if text is None:
            text = policy(mode, mx, max_age, domain=name)
        self.publish_id(name, id, ttl)
        if records is not None:
            self.dns.txt("_mta-sts." + name, *records, ttl=ttl)
        host = "mta-sts." + name
        for rtype, colon in (("A", False), ("AAAA", True)):
            those = [a for a in addresses if (":" in a) == colon]
            if those:
                self.dns.add(host, rtype, *those)
        return self.web.add(webserver.Site(host, text, **site))

    def publish_id(self, name, id, ttl=300):
        self.dns.txt("_mta-sts." + name, record(id), ttl=ttl)

    def site(self, name):
        return self.web.sites["mta-sts." + name]

    def txt_count(self, name):
        return self.dns.count("_mta-sts." + name, "TXT")

    def fetch_count(self, name):
        return len(self.site(name).requests)

    def die(self):
        """From now on there is no DNS answer and no policy host."""
        self.dns.everything = nameserver.silent
        self.web.stop()

    def rise(self):
        self.dns.everything = None
        sites = self.web.sites
        self.web = webserver.WebServer(self.ca, self.web_addresses)
        self.web.sites = sites

    def close(self):
        self.dns.stop()
        self.web.stop()
        self.folder.cleanup()


def wait_for(what, timeout_s=HANG_S, step_s=0.02):
    """Calls WHAT until it returns a true value; fails after TIMEOUT_S."""
    end = time.monotonic() + timeout_s
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < end, "waited %g s without success" % timeout_s
        time.sleep(step_s)
