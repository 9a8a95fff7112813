# SPDX-License-Identifier: BSD-2-Clause
"""The instructions of mtasts-mta(7), with the lines read from the page: they lead to a
first enforced delivery, and to the log lines that the page promises."""

import itertools
import os
import re
import shutil
import subprocess

import pytest

from world import mta as mta_module
from world.daemon import Socketmap, have, postmap, to_yaml, wait_for
from world.mta import Exim, Postfix37, Postfix310, Sendmail
from world.smtpserver import Receiver

WHY_NOT = mta_module.missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

PAGE = os.path.join(os.environ["srcdir"], "doc", "man", "mtasts-mta.7")
CONTRIB = os.path.join(os.environ["srcdir"], "contrib")
CA_FILE = "/etc/ssl/certs/ca-certificates.crt"


def section(title):
    """The text of a section or subsection."""
    with open(PAGE) as file:
        text = file.read()
    begin = re.search(r"^\.S[hs] %s\n" % re.escape(title), text, re.M)
    assert begin, title
    rest = text[begin.end():]
    return rest[:re.search(r"^\.S[hs] ", rest + "\n.Sh ", re.M).start()]


def blocks(title):
    """Its examples, each one text, as a person sees them."""
    return [re.sub(r"^\\&", "", text, flags=re.M).replace("\\e", "\\")
            for text in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed",
                                   section(title), re.M | re.S)]


def line(title, start):
    """Its .Dl line with that beginning."""
    return re.search(r"^\.Dl (%s.*)$" % re.escape(start), section(title),
                     re.M).group(1)


class Hosts:
    """Domains with a policy each; the name says what is wrong with the host."""

    KINDS = {"good": {}, "unknownca": {"cert": "unknown-ca"},
             "clear": {"cert": None}, "tls11": {"tls": "1.1"}, "unlisted": {},
             "down": {}, "free": {}}

    def __init__(self, world, number):
        self.receivers = {}
        for i, (kind, options) in enumerate(self.KINDS.items()):
            address = "5.9.%d.%d" % (30 + number, i + 1)
            host = "mx-%s%d.test" % (kind, number)
            world.dns.add(host, "A", address)
            self.receivers[kind] = Receiver(world.ca, host, address, **options)
            domain = "%s%d.test" % (kind, number)
            world.dns.add(domain, "MX", "10 %s." % host)
            if kind != "free":
                world.domain(domain, mx=(
                    "mx-other.test" if kind == "unlisted" else host,))
        self.number = number

    def recipient(self, kind):
        return "u@%s%d.test" % (kind, self.number)

    def mail(self, kind):
        return next((mail for mail in self.receivers[kind].mails
                     if self.recipient(kind) in mail.recipients), None)

    def stop(self):
        for receiver in self.receivers.values():
            receiver.stop()


@pytest.fixture
def hosts(world, counter=itertools.count()):
    made = Hosts(world, next(counter))
    yield made
    made.stop()


@pytest.fixture
def start(world, daemons):
    """start(YAML, KIND, OPTIONS) runs mtastsd with the page's lines, and a mail server
    that trusts the world's CA like the system's. /run/mtasts is the daemon's
    folder."""
    started = []

    def begin(yaml, kind, **options):
        daemon = daemons(dane="off")
        text = yaml.replace("/run/mtasts/", daemon.folder + "/")
        # The user exists in the server's root, not on this machine.
        text = re.sub(r"group: \S+", "mode: 0666", text)
        rest = {key: value for key, value in daemon.options.items()
                if key != "listen"}
        with open(daemon.config, "w") as file:
            file.write(text)
            file.write(to_yaml(rest))
        daemon.start()
        seen = "/world/%s/" % os.path.basename(daemon.folder)
        one = kind(world, **{key: value.replace("/run/mtasts/", seen)
                             for key, value in options.items()})
        with open(world.ca.root) as file:
            one.write(CA_FILE, file.read())
        started.append(one)
        return daemon, one.start()
    yield begin
    for one in started:
        one.stop()


def decide(mta, hosts, kind):
    """Sends a mail. Returns the mail, or the reason why it waits."""
    mta.send(hosts.recipient(kind))
    return wait_for(lambda: hosts.mail(kind) or
                    mta.deferral(hosts.recipient(kind)), timeout_s=60,
                    step_s=0.1)


def assert_works(mta, hosts):
    assert decide(mta, hosts, "good").sni == hosts.receivers["good"].name
    for kind in ("unknownca", "clear", "tls11", "unlisted"):
        assert isinstance(decide(mta, hosts, kind), str), kind
    assert decide(mta, hosts, "free").tls


# -- Postfix ------------------------------------------------------------------

NEW, OLD = "Postfix 3.10 and later", "Postfix 3.4 to 3.9"
LOG = "What the log says"


def phrase(beginning):
    """The log lines that the page shows."""
    found = re.search(r"^\.It (%s.*)$" % re.escape(beginning), section(LOG),
                      re.M).group(1)
    return [part.strip() for part in found.split("...") if part.strip()]


@pytest.mark.parametrize("kind", [Postfix310, Postfix37],
                         ids=lambda kind: kind.name)
def test_postfix(world, hosts, start, kind):
    main_cf, yaml = blocks(NEW)
    question = line(NEW, "postmap")
    if kind is Postfix37:  # "The same with the map postfix"
        assert "Use the same lines with the map\n.Cm postfix ." in section(OLD)
        main_cf = main_cf.replace(":postfix-tlsrpt", ":postfix")
        question = question.replace(":postfix-tlsrpt", ":postfix")
    daemon, mta = start(yaml, kind, map="", lines=main_cf)
    words = question.replace("DOMAIN", "good%d.test" % hosts.number).split()
    if have("postmap"):
        status, value, _ = postmap(words[2], words[3].partition(":")[2])
        assert status == 0 and value.startswith("secure match=mx-good")
    assert_works(mta, hosts)
    log = mta.log()
    for text in ("Verified TLS", "4.7.5 Server certificate",
                 "4.7.4 TLS is required", "4.7.5 Cannot start TLS"):
        for part in phrase(text):
            assert part.removeprefix("4.7.5 ").removeprefix("4.7.4 ") in log
    # Nothing is enforced for "free".
    assert re.search("(Trusted|Untrusted|Anonymous) TLS connection established "
                     "to mx-free", log)
    if kind is Postfix310:
        first, last = phrase("MX name")
        assert re.search(first + ".*" + last, log)
    daemon.stop()
    assert phrase("4.7.5 ...")[1] in decide(mta, hosts, "down")
    assert "policy table lookup error" in section(LOG)
    assert "policy table lookup error" in mta.log()
    daemon.start()
    mta.flush_queue()
    wait_for(lambda: hosts.mail("down"), timeout_s=60, step_s=0.1)


@pytest.mark.parametrize("title, port, maps", [
    ("postfix-mta-sts-resolver", 8461, ["postfix"]),
    ("postfix-tlspol", 8642, ["QUERY", "QUERYwithTLSRPT"])])
def test_coming_from(world, hosts, start, title, port, maps):
    """The ports and map names of other daemons work: main.cf need not change."""
    text = section(title)
    assert "Its port is %d" % port in text
    for name in maps:
        assert ".Cm " + name in text
    yaml = blocks(title)[0] if port == 8642 else blocks(NEW)[1]
    kind = Postfix310 if "TLSRPT" in maps[-1] else Postfix37
    _, mta = start(yaml, kind, map="socketmap:inet:127.0.0.1:%d:%s" % (
        port, maps[-1]))
    assert_works(mta, hosts)


def test_zones(world, daemons):
    """The replacement of postfix-mta-sts-resolver's zones."""
    text = " ".join(section("postfix-mta-sts-resolver").split())
    for words in ("strict_testing: true becomes .Ic testing: enforce",
                  "require_sni: false becomes .Ic servername: false",
                  "tlsrpt: true becomes .Ic like: postfix-tlsrpt"):
        assert words in text.replace(".Cm ", "")
    world.domain("zone.test", mode="testing", mx=("mx.zone.test",))
    daemon = daemons(dane="off", maps=[
        {"name": "zone1", "testing": "enforce", "servername": False},
        {"name": "postfix", "like": "postfix-tlsrpt",
         "testing": "enforce"}]).start()
    assert daemon.ask("zone.test", "zone1") == "OK secure match=mx.zone.test"
    assert " policy_type=sts " in daemon.ask("zone.test", "postfix")
    assert daemon.ask("zone.test", "QUERY") == "NOTFOUND "


# -- Exim ---------------------------------------------------------------------

UPDATE = """dc_eximconfig_configtype='internet'
dc_other_hostnames='sender.test'
dc_local_interfaces='127.0.0.1.{port}'
dc_relay_nets='127.0.0.1'
dc_minimaldns='false'
dc_use_split_config='true'
dc_localdelivery='mail_spool'
"""


class DebianExim(Exim):
    """Debian's own configuration, changed as the page says."""

    def configure(self):
        super().configure()
        folder = self.path("/etc/exim4")
        shutil.rmtree(folder)
        shutil.copytree(self.original, folder)
        self.write("/etc/exim4/update-exim4.conf.conf",
                   UPDATE.format(port=self.port))
        for words in map(str.split, blocks("EXIM")[0].splitlines()):
            if words[0] == "cp":
                shutil.copy(os.path.join(CONTRIB, "exim", words[1]),
                            self.path(words[2]))
        # The only difference: where the test's mtastsd listens.
        self.write("/etc/exim4/conf.d/main/04_test",
                   "MTASTS_SOCKET = %s\n" % self.options["socket"])
        self.make("/var/lib/exim4")
        # It is a script, for a machine with the group.
        self._run("mount", "--bind", self.path("/etc/group"), "/etc/group")
        try:
            subprocess.run(
                ["sh", self.path("/usr/sbin/update-exim4.conf"), "-d", folder,
                 "-o", self.path("/etc/exim4/exim4.conf")], check=True,
                capture_output=True)
        finally:
            self._run("umount", "/etc/group")

    def _mount(self):
        self.original = os.path.join(self.world.path("exim4"))
        shutil.copytree(self.path("/etc/exim4"), self.original, symlinks=True)
        super()._mount()

    def address_test(self, recipient):
        return self.run("/usr/sbin/exim4", "-C", "/etc/exim4/exim4.conf",
                        "-bt", recipient)


def test_exim(world, hosts, start):
    with open(os.path.join(CONTRIB, "exim", "mtasts.conf")) as file:
        assert "MTASTS_SOCKET = /run/mtasts/exim.sock" in file.read()
    _, yaml = blocks("EXIM")
    daemon, mta = start(yaml, DebianExim, socket="/run/mtasts/exim.sock")
    assert "names the router\n.Cm mtasts_enforce" in section("EXIM")
    assert "router = mtasts_enforce" in mta.address_test(
        hosts.recipient("good"))
    assert "router = dnslookup" in mta.address_test(hosts.recipient("free"))
    assert_works(mta, hosts)
    told = section("EXIM").replace("DOMAIN", "%s%d.test")
    assert "MTA-STS: no mail host of %s%d.test is in its policy" in told
    assert "MTA-STS: no mail host of unlisted%d.test is in its policy" % \
        hosts.number in mta.log()
    daemon.stop()
    assert "MTA-STS: can't learn the policy of %s%d.test" in told
    assert decide(mta, hosts, "down") == \
        "MTA-STS: can't learn the policy of down%d.test" % hosts.number
    daemon.start()
    mta.flush_queue()
    wait_for(lambda: hosts.mail("down"), timeout_s=60, step_s=0.1)


# -- any other program --------------------------------------------------------

def test_any_other_program(world, daemons):
    """The questions on the page get the answers on the page."""
    asked, piped = blocks("ANY OTHER PROGRAM")
    world.domain("example.org", id="20260701T000000", mx=("mx1.example.org",))
    daemon = daemons(dane="off")
    exim = daemon.path("exim.sock")
    daemon.configure(listen=[{"socketmap": "inet:127.0.0.1:8461"},
                             {"exim": "unix:" + exim}])
    daemon.start()
    for block, answers in [(asked, answer_of_postmap), (piped, answer_of_nc)]:
        lines = block.replace("\\\n", "").replace("|\n", "|").splitlines()
        question = re.sub(" +", " ", lines[0].removeprefix("$ "))
        got = answers(question, exim)
        assert re.sub(r"expires=\d+", "", got) == \
            re.sub(r"expires=\d+", "", lines[1])


def answer_of_postmap(question, _):
    key, table = re.fullmatch('postmap -q "(.*)" socketmap:(.*)',
                              question).groups()
    if not have("postmap"):
        address, port, name = table.removeprefix("inet:").split(":")
        with Socketmap((address, int(port))) as client:
            return client.ask(name, key).removeprefix("OK ")
    return postmap(key, table)[1]


def answer_of_nc(question, path):
    words = re.fullmatch(r"echo (.*) \| ?nc -U /run/mtasts/exim.sock",
                         question).group(1)
    with Socketmap(path) as client:
        client.send(words.encode() + b"\n")
        return client.sock.recv(1000).decode().rstrip("\n")


# -- Sendmail -----------------------------------------------------------------

def test_sendmail(world, hosts, start):
    before, after = blocks("SENDMAIL")[0].split("...\n")
    listen = re.search(r"^\.Ql (- socketmap: .*)$", section("SENDMAIL"),
                       re.M).group(1)
    daemon, mta = start("listen:\n  %s\n" % listen, Sendmail,
                        socket="inet:8461@127.0.0.1", feature=before,
                        rules=after)
    assert_works(mta, hosts)
    daemon.stop()
    assert isinstance(decide(mta, hosts, "down"), str)
    daemon.start()
    mta.flush_queue()
    wait_for(lambda: hosts.mail("down"), timeout_s=60, step_s=0.1)
