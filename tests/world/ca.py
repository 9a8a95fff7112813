# SPDX-License-Identifier: BSD-2-Clause
"""A CA that signs anything, using the openssl program. For tests only.

root -> intermediate -> leaf, all ECDSA P-256. A certificate is made when it is first
needed. KINDS lists the kinds of certificates.
"""

import os
import subprocess
import threading
import time

CONFIG = """
[ca]
default_ca = it
[it]
database = {dir}/index.txt
new_certs_dir = {dir}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = optional
[req]
distinguished_name = name
[name]
"""

CA_EXTENSIONS = """basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
"""
YESTERDAY, TOMORROW = "20200101000000Z", "20490101000000Z"


def in_days(days):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(
        time.time() + days * 86400 + 3600))



# How each kind of certificate differs from the default: SAN DNS:HOST, CN "policy
# host", valid today, signed by the intermediate, which the server sends too.
# {host} is the policy host, {parent} the domain above it, {top} the one above
# that.
KINDS = {
    "good": {},
    "wildcard": {"san": "DNS:*.{parent}"},
    "many-names": {"san": "DNS:a.{parent}, DNS:{host}, DNS:b.{parent}"},
    "upper-case": {"san": "DNS:{HOST}"},
    "expired": {"start": "20190101000000Z", "end": "20200101000000Z"},
    "not-yet-valid": {"start": "20480101000000Z"},
    "other-name": {"san": "DNS:www.{parent}"},
    "parent-name": {"san": "DNS:{parent}"},
    "cn-only": {"san": None, "cn": "{host}"},
    "cn-other-san": {"san": "DNS:www.{parent}", "cn": "{host}"},
    "cn-mail-san": {"san": "email:postmaster@{parent}", "cn": "{host}"},
    "ip-san": {"san": "IP:5.9.0.10", "cn": "{host}"},
    "partial-wildcard": {"san": "DNS:mta-st*.{parent}"},
    "wildcard-too-high": {"san": "DNS:*.{top}"},
    "wildcard-inside": {"san": "DNS:mta-sts.*.{top}"},
    "wildcard-alone": {"san": "DNS:*"},
    "self-signed": {"issuer": None},
    "unknown-ca": {"issuer": "stranger"},
    "no-intermediate": {"chain": False},
    "no-intermediate-aia": {"chain": False, "aia": "http://ca.test/ca.crt"},
    "expires-in-10-days": {"end": in_days(10)},
    "expires-in-2-days": {"end": in_days(2)},
    "name-constraints": {"issuer": "constrained"},
    "leaf-as-ca": {"issuer": "leaf"},
    "client-only": {"eku": "clientAuth"},
}


class CA:
    """Stores its files in FOLDER, which must exist. Clients must trust the bundle
    root."""

    def __init__(self, folder):
        self.dir = folder
        self.lock = threading.RLock()
        self.config = self._write("openssl.cnf", CONFIG.format(dir=folder))
        self._write("index.txt", "")
        self._key("leaf")
        self._issue("root", None, CA_EXTENSIONS, cn="Test Root")
        self._issue("intermediate", "root", CA_EXTENSIONS,
                    cn="Test Intermediate")
        self.root = self.path("root.crt")

    def path(self, name):
        return os.path.join(self.dir, name)

    def certificate(self, host, kind="good"):
        """Returns (chain file, key file) of HOST's certificate."""
        with self.lock:
            return self._certificate(host, kind)

    def _certificate(self, host, kind):
        chain = self.path("%s.%s.pem" % (host, kind))
        if os.path.exists(chain):
            return chain, self.path("leaf.key")
        how = KINDS[kind]
        issuer = how.get("issuer", "intermediate")
        self._need_issuer(issuer)
        names = self._names(host)
        name = "%s.%s" % (host, kind)
        san = how.get("san", "DNS:{host}")
        extensions = "extendedKeyUsage = %s\n" % how.get("eku", "serverAuth")
        if san:
            extensions += "subjectAltName = %s\n" % san.format(**names)
        if "aia" in how:
            extensions += "authorityInfoAccess = caIssuers;URI:%s\n" % (
                how["aia"])
        self._issue(name, issuer, extensions, key="leaf",
                    cn=how.get("cn", "policy host").format(**names),
                    start=how.get("start", YESTERDAY),
                    end=how.get("end", TOMORROW))
        with open(chain, "w") as out:
            out.write(self._read(name + ".crt"))
            if issuer and how.get("chain", True):
                out.write(self._read(issuer + ".crt"))
            if issuer == "leaf":
                out.write(self._read("intermediate.crt"))
        return chain, self.path("leaf.key")

    @staticmethod
    def _names(host):
        parent = host.partition(".")[2]
        return {"host": host, "HOST": host.upper(), "parent": parent,
                "top": parent.partition(".")[2]}

    def _need_issuer(self, issuer):
        if issuer is None or os.path.exists(self.path(issuer + ".crt")):
            return
        if issuer == "stranger":
            self._issue(issuer, None, CA_EXTENSIONS, cn="Unknown Root")
        elif issuer == "constrained":
            self._issue(issuer, "root", CA_EXTENSIONS +
                        "nameConstraints = critical, permitted;DNS:other.test\n",
                        cn="Constrained")
        elif issuer == "leaf":  # signs, although it is not allowed to
            self._issue(issuer, "intermediate", "basicConstraints = CA:FALSE\n",
                        cn="No CA")

    def _issue(self, name, issuer, extensions, cn, key=None,
               start=YESTERDAY, end=TOMORROW):
        key = key or name
        self._key(key)
        signer = issuer or key
        extfile = self._write(name + ".ext", extensions)
        command = ["openssl", "ca", "-batch", "-config", self.config,
                   "-notext", "-preserveDN", "-subj", "/CN=" + cn[:64],
                   "-in", self.path(key + ".csr"),
                   "-out", self.path(name + ".crt"), "-extfile", extfile,
                   "-keyfile", self.path(signer + ".key"),
                   "-startdate", start, "-enddate", end]
        command += (["-cert", self.path(issuer + ".crt")] if issuer
                    else ["-selfsign"])
        self._run(command)

    def _key(self, name):
        if os.path.exists(self.path(name + ".key")):
            return
        self._run(["openssl", "req", "-new", "-config", self.config,
                   "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                   "-nodes", "-subj", "/CN=" + name,
                   "-keyout", self.path(name + ".key"),
                   "-out", self.path(name + ".csr")])

    def _run(self, command):
        done = subprocess.run(command, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise RuntimeError("%s:\n%s" % (" ".join(command), done.stderr))

    def _read(self, name):
        with open(self.path(name)) as file:
            return file.read()

    def _write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)
