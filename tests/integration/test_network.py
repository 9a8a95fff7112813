# SPDX-License-Identifier: BSD-2-Clause
"""Resolvers and policy hosts: whom the daemon asks, and whom it must not."""

import socket
import threading
import time

import pytest

from world import nameserver as ns
from world.webserver import BlackHole
from world.world import World, set_resolv_conf, wait_for

NONE = "NOTFOUND "
SILENT = "127.0.0.60"  # a resolver that accepts queries and does not answer
CLOSED = "127.0.0.61"  # no resolver there
PRIVATE = ("127.0.0.1", "::1", "198.51.100.10", "2001:db8::10")


@pytest.fixture(scope="module")
def world():
    """With a policy host on every address that a publisher must not use, so that
    only our own check prevents a connection."""
    web = [(address, 443) for address in
           PRIVATE + ("5.9.0.10", "2a01:4f8::10")]
    dns = [("127.0.0.53", 53), ("::1", 53), ("127.0.0.53", 5353),
           ("::1", 5353)]
    the_world = World(dns, web)
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hole.bind((SILENT, 53))
    yield the_world
    hole.close()
    the_world.close()


def ok(domain):
    return "OK secure match=mx1.%s servername=hostname" % domain


# -- resolvers ----------------------------------------------------------------

@pytest.mark.parametrize("number, servers", enumerate([
    ["127.0.0.53"], ["::1"], ["127.0.0.53:5353"], ["[::1]:5353"],
    [CLOSED, "127.0.0.53"], [SILENT, "127.0.0.53"], [SILENT, "::1"],
    [CLOSED, SILENT, "127.0.0.53"],
]))
def test_servers(world, daemons, number, servers):
    domain = "servers%d.example" % number
    world.domain(domain)
    daemon = daemons(dns={"servers": servers, "timeout": "5s"}).start()
    # This took less than dns.timeout; otherwise there would be no policy.
    assert daemon.ask(domain) == ok(domain)
    assert world.txt_count(domain) >= 1


@pytest.mark.parametrize("number, text", enumerate([
    "nameserver 127.0.0.53\n", "nameserver ::1\n",
    "# comment\nsearch example.\n\noptions edns0\nnameserver\t127.0.0.53  \n",
    "nameserver %s\nnameserver ::1\n" % CLOSED,
    "nameserver %s\nnameserver 127.0.0.53" % SILENT,
]))
def test_resolv_conf(world, daemons, number, text):
    domain = "resolv%d.example" % number
    world.domain(domain)
    set_resolv_conf(text)
    try:
        daemon = daemons(dns={"timeout": "5s"}).start()
        assert daemon.ask(domain) == ok(domain)
    finally:
        set_resolv_conf("nameserver 127.0.0.53\n")


def test_resolv_conf_is_read_again(world, daemons):
    """As when a laptop, or another machine with DHCP, moves."""
    world.domain("moved.example")
    set_resolv_conf("nameserver %s\n" % CLOSED)
    try:
        daemon = daemons(lookup={"negative_min": "1s", "timeout": "2s"},
                         dns={"timeout": "1s"}).start()
        assert daemon.ask("moved.example") == NONE
        assert world.txt_count("moved.example") == 0
    finally:
        set_resolv_conf("nameserver 127.0.0.53\n")
    wait_for(lambda: daemon.ask("moved.example") == ok("moved.example"),
             step_s=0.2)


def test_servers_failing(world, daemons):
    """SERVFAIL from the first server: the second is asked."""
    other = ns.NameServer([("127.0.0.62", 53)])
    other.everything = ns.servfail
    world.domain("second.example")
    try:
        daemon = daemons(dns={"servers": ["127.0.0.62", "127.0.0.53"]}
                         ).start()
        assert daemon.ask("second.example") == ok("second.example")
    finally:
        other.stop()


def test_no_server_answers(world, daemons):
    """No policy, and no crash."""
    daemon = daemons(dns={"servers": [CLOSED, SILENT], "timeout": "1s"},
                     lookup={"timeout": "3s"}).start()
    assert daemon.ask("unanswered.example") == NONE
    explained = daemon.ctl("explain", "unanswered.example", status=None)
    assert explained["reason"]


# -- policy hosts -------------------------------------------------------------

def test_ipv6_only_host(world, daemons):
    daemon = daemons(dns={"servers": ["::1"]}).start()
    world.domain("six.example", addresses=("2a01:4f8::10",))
    assert daemon.ask("six.example") == ok("six.example")
    request, = world.site("six.example").requests
    assert request.address == "2a01:4f8::10"


@pytest.mark.parametrize("number, address", enumerate(
    PRIVATE + ("::ffff:127.0.0.1", "::127.0.0.1", "0.0.0.0", "::",
               "64:ff9b::7f00:1", "2002:7f00:1::")))
def test_private_address_refused(world, daemons, number, address):
    domain = "private%d.example" % number
    daemon = daemons().start()
    world.domain(domain, addresses=(address,))
    accepted = world.web.accepted
    assert daemon.ask(domain) == NONE
    assert world.web.accepted == accepted
    explained = daemon.ctl("explain", domain, status=None)
    assert "allow_private_addresses" in str(explained) or \
        address in str(explained)


@pytest.mark.parametrize("number, address", enumerate(PRIVATE))
def test_private_address_allowed(world, daemons, number, address):
    domain = "allowed%d.example" % number
    daemon = daemons(fetch={"allow_private_addresses": True}).start()
    world.domain(domain, addresses=(address,))
    assert daemon.ask(domain) == ok(domain)


def test_silent_address(world, daemons):
    """All addresses are tried, also after one that swallows what we send. The
    resolver may turn their order: one of six domains has the silent first."""
    daemon = daemons(fetch={"timeout": "12s"},
                     lookup={"timeout": "10s"}).start()
    domains = ["silent%d.example" % i for i in range(6)]
    with BlackHole("5.9.0.97"):
        for domain in domains:
            world.domain(domain, addresses=("5.9.0.97", "5.9.0.10"))
        clients = [daemon.connect() for _ in domains]
        for client, domain in zip(clients, domains):
            client.request("postfix", domain)
        for client, domain in zip(clients, domains):
            assert client.reply() == ok(domain)
            client.close()


def test_rebinding(world, daemons):
    """A public address beside a private one: only the public is tried."""
    daemon = daemons().start()
    domain = "both.example"
    site = world.domain(domain, addresses=("127.0.0.1", "5.9.0.10"))
    assert daemon.ask(domain) == ok(domain)
    assert [request.address for request in site.requests] == ["5.9.0.10"]


def test_proxy_of_the_environment_is_no_matter(world, daemons):
    world.domain("direct.example")
    daemon = daemons()
    import os
    environment = dict(os.environ, https_proxy="http://127.0.0.1:9",
                       ALL_PROXY="http://127.0.0.1:9")
    daemon.start(env=environment)
    assert daemon.ask("direct.example") == ok("direct.example")


def test_connections_are_not_reused(world, daemons):
    """Two domains at one provider: two connections, each with its own SNI."""
    daemon = daemons().start()
    sites = [world.domain("customer%d.example" % i) for i in range(5)]
    for i in range(5):
        domain = "customer%d.example" % i
        assert daemon.ask(domain) == ok(domain)
    serials = {site.requests[0].serial for site in sites}
    assert len(serials) == 5
    assert all(site.connections == 1 for site in sites)


def test_no_http_state(world, daemons):
    """3.3: no HTTP caching; and no cookies, nor anything else that is kept
    from one fetch to the next."""
    daemon = daemons().start()
    site = world.domain("state.example", headers=[
        ("Set-Cookie", "who=you; Max-Age=9999; Path=/"),
        ("Cache-Control", "public, max-age=99999"), ("ETag", '"x"'),
        ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")])
    assert daemon.ask("state.example") == ok("state.example")
    daemon.ctl("refresh", "state.example")
    first, second = site.requests
    assert first.headers == second.headers
    assert first.line == second.line
    assert first.serial != second.serial


def test_concurrency_limit(world, daemons):
    """At most fetch.concurrency fetches run at a time; the others wait and are
    served.

    A fetch that takes more than half a second gives up its slot. So only a round
    of look-ups that took less than that as a whole can show the limit; on a busy
    machine there are several rounds."""
    from world import webserver as web
    daemon = daemons(fetch={"concurrency": 2}).start()

    def busy(connection):
        with busy.lock:
            busy.now += 1
            busy.seen.append(busy.now)
        connection.wait(0.02)
        with busy.lock:
            busy.now -= 1
        web.answer(connection)
    busy.lock = threading.Lock()
    for round_ in range(30):
        busy.now, busy.seen = 0, []
        domains = ["round%d-%d.example" % (round_, i) for i in range(8)]
        for domain in domains:
            world.domain(domain, http=busy)
        clients = [daemon.connect() for _ in domains]
        began = time.monotonic()
        for client, domain in zip(clients, domains):
            client.request("postfix", domain)
        for client, domain in zip(clients, domains):
            assert client.reply() == ok(domain)
        took_s = time.monotonic() - began
        for client in clients:
            client.close()
        if took_s < 0.45:
            assert max(busy.seen) == 2
            return
