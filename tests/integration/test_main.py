# SPDX-License-Identifier: BSD-2-Clause
"""The normal case, with NSD, nginx and postmap: the answers that Postfix gets."""

import re
import tempfile

import pytest

from world.daemon import Daemon, have, postmap
from world.real import RealWorld
from world.world import policy

pytestmark = pytest.mark.skipif(RealWorld.missing() is not None,
                                reason=RealWorld.missing() or "")
INET = "127.0.0.1", 8461
MATCH_ALL = "secure match=mx1.all.example:.mx.all.example " \
    "servername=hostname"
NONE = "NOTFOUND "

MAIN = [
    # domain, the answer of maps postfix, sts, QUERY
    ("enforce.example",
     "OK secure match=mx1.enforce.example servername=hostname"),
    ("wildcard.example",
     "OK secure match=mx1.wildcard.example:.mx.wildcard.example "
     "servername=hostname"),
    ("crlf.example", "OK secure match=mx1.crlf.example servername=hostname"),
    ("testing.example", NONE),
    ("none.example", NONE),
    ("absent.example", NONE),   # no such name
    ("plain.example", NONE),    # a name, no record
    ("no-host.example", NONE),  # a record, no policy host
    ("expired.example", NONE),
    ("redirect.example", NONE),
    ("missing.example", NONE),  # 404
    ("html.example", NONE),
]


def build(real):
    real.domain("enforce.example")
    real.domain("wildcard.example",
                mx=("mx1.{domain}", "*.mx.{domain}"))
    real.domain("crlf.example", eol="\r\n")
    real.domain("testing.example", mode="testing")
    real.domain("none.example", mode="none", mx=())
    real.line('plain.example. TXT "v=spf1 -all"')
    real.line('_mta-sts.no-host.example. TXT "v=STSv1; id=1;"')
    real.domain("expired.example", cert="expired")
    real.domain("redirect.example", extra="location / { return 301 "
                "https://mta-sts.enforce.example$request_uri; }")
    real.domain("missing.example",
                extra="location / { return 404; }")
    real.domain("html.example", extra="default_type text/html; types { }")
    real.domain("alias.example", publish=False)
    real.line("_mta-sts.alias.example. CNAME _mta-sts.enforce.example.")
    real.domain("moved.example", id="1")
    real.domain("postmap.example")


@pytest.fixture(scope="module")
def real():
    with tempfile.TemporaryDirectory(prefix="mts-") as folder:
        the_world = RealWorld(folder)
        build(the_world)
        the_world.start()
        yield the_world
        the_world.stop()


@pytest.fixture(scope="module")
def daemon(real):
    class Root:  # what Daemon needs of a World
        ca = real.ca
        path = staticmethod(real.path)
    one = Daemon(Root, fetch={"timeout": "5s"})
    one.configure(listen=[{"socketmap": "unix:" + one.socket},
                          {"socketmap": "inet:%s:%d" % INET},
                          {"socketmap": "inet:[::1]:8461"}])
    with one.start():
        yield one


@pytest.mark.parametrize("domain, answer", MAIN, ids=[row[0] for row in MAIN])
def test_answer(daemon, domain, answer):
    assert daemon.ask(domain) == answer           # by discovery
    assert daemon.ask(domain) == answer           # from the cache
    assert daemon.ask(domain, "QUERY") == answer  # alias
    assert daemon.ask(domain, "sts") == answer


def test_tlsrpt(daemon):
    """The exact attributes of Postfix 3.10."""
    answer = ("OK secure match=mx1.wildcard.example:.mx.wildcard.example "
              "servername=hostname policy_type=sts "
              "policy_domain=wildcard.example "
              "mx_host_pattern=mx1.wildcard.example "
              "mx_host_pattern=*.mx.wildcard.example "
              "{ policy_string = version: STSv1 } "
              "{ policy_string = mode: enforce } "
              "{ policy_string = mx: mx1.wildcard.example } "
              "{ policy_string = mx: *.mx.wildcard.example } "
              "{ policy_string = max_age: 86400 }")
    assert daemon.ask("wildcard.example", "postfix-tlsrpt") == answer
    assert daemon.ask("wildcard.example", "QUERYwithTLSRPT") == answer
    for domain in ("testing.example", "none.example", "absent.example"):
        assert daemon.ask(domain, "postfix-tlsrpt") == NONE


VERDICTS = [
    ("wildcard.example mx1.wildcard.example", "enforce match"),
    ("wildcard.example MX1.wildcard.example.", "enforce match"),
    ("wildcard.example a.mx.wildcard.example", "enforce match"),
    ("wildcard.example a.b.mx.wildcard.example", "enforce mismatch"),
    ("wildcard.example mx.wildcard.example", "enforce mismatch"),
    ("wildcard.example evil.example", "enforce mismatch"),
    ("testing.example mx1.testing.example", "testing match"),
    ("testing.example evil.example", "testing mismatch"),
    ("none.example mx1.none.example", "none"),
]


@pytest.mark.parametrize("key, words", VERDICTS,
                         ids=[row[0].replace(" ", "/") for row in VERDICTS])
def test_verdict(daemon, key, words):
    found = re.fullmatch(r"OK %s id=1 expires=(\d+)" % words,
                         daemon.ask(key, "verdict"))
    assert found and 86400 - 300 < int(found.group(1)) <= 86400


def test_verdict_without_policy(daemon):
    assert daemon.ask("absent.example mx.absent.example", "verdict") == NONE
    assert daemon.ask("expired.example mx.x.example", "verdict") == NONE


@pytest.mark.parametrize("map", ["nonsense", "Postfix", "query", "postfix2"])
def test_unknown_map(daemon, map):
    answer = daemon.ask("enforce.example", map)
    assert answer.startswith("PERM ")
    for name in ("postfix", "postfix-tlsrpt", "sts", "verdict", "QUERY",
                 "QUERYwithTLSRPT"):
        assert name in answer


def test_record_by_cname(daemon):
    """8.2: a provider's customers have a CNAME at _mta-sts."""
    assert daemon.ask("alias.example") == \
        "OK secure match=mx1.alias.example servername=hostname"


@pytest.mark.parametrize("table", ["unix:{socket}", "inet:127.0.0.1:8461",
                                   "inet:[::1]:8461"])
@pytest.mark.skipif(not have("postmap"), reason="postfix is not installed")
def test_postmap(daemon, table):
    table = table.format(socket=daemon.socket)
    # (without root, postmap prints other warnings)
    def ask(key, map):
        status, value, errors = postmap(key, table + ":" + map)
        assert "socketmap" not in errors and "fatal" not in errors
        return status, value
    assert ask("postmap.example", "postfix") == (
        0, "secure match=mx1.postmap.example servername=hostname")
    assert ask("POSTMAP.example", "QUERY")[0] == 0
    assert ask("absent.example", "postfix") == (1, "")
    assert ask("testing.example", "postfix") == (1, "")
    status, value, errors = postmap("enforce.example", table + ":nonsense")
    assert status not in (0, 1) or "nonsense" in errors
    assert value == ""


def test_listener_on_ipv6(daemon):
    with daemon.connect(address=("::1", 8461)) as client:
        assert client.ask("postfix", "testing.example") == NONE


def test_one_request_each(daemon, real):
    """However often the tests above asked, each policy was fetched once."""
    assert daemon.ask("enforce.example").startswith("OK ")
    for host in ("enforce", "wildcard", "testing", "none"):
        daemon.ask(host + ".example")
    lines = [line for line in real.requests() if '"GET ' in line]
    assert all('"GET /.well-known/mta-sts.txt HTTP/1.1"' in line
               for line in lines)
    # good policies, a redirect, a 404 and a wrong type
    assert len([line for line in lines if '" 200 ' in line]) <= 9
    assert len([line for line in lines if '" 301 ' in line]) <= 1
    assert len([line for line in lines if '" 404 ' in line]) <= 1


def test_world_gone(daemon, real):
    """RFC 8461 3.3: an unexpired policy wins over failing DNS and HTTPS."""
    assert daemon.ask("moved.example").startswith("OK ")
    real.stop("nginx")
    real.stop("nsd")
    try:
        assert daemon.ask("moved.example") == \
            "OK secure match=mx1.moved.example servername=hostname"
        assert daemon.ask("not-asked-before.example") == NONE
    finally:
        real.start()


def test_new_policy_by_refresh(daemon, real):
    """An operator need not wait for the next check of the record."""
    daemon.ask("moved.example")
    real.write_policy("moved.example", policy(domain="moved.example",
                                              mx=("new.{domain}",)))
    real.lines = [line.replace("id=1", "id=2") if "moved" in line else line
                  for line in real.lines]
    real.stop("nsd")
    real.start_dns()
    daemon.ctl("refresh", "moved.example")
    assert daemon.ask("moved.example") == \
        "OK secure match=new.moved.example servername=hostname"
