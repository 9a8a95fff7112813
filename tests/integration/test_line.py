# SPDX-License-Identifier: BSD-2-Clause
"""The line protocols on the wire: Postfix's tcp_table(5), and Exim's."""

import select
import socket
import time

import pytest

from world import webserver as web
from world.daemon import HANG_S, Daemon, have, postmap, wait_for

TCP = ("127.0.0.1", 8462)
TLSRPT = ("127.0.0.1", 8463)
VERDICT = ("127.0.0.1", 8464)
MANY = ["mx%d.some-long-name.example" % i for i in range(200)]


@pytest.fixture(scope="module")
def daemon(world):
    world.domain("enforce.example", mx=("mx1.{domain}", "*.{domain}"))
    world.domain("testing.example", mode="testing")
    world.domain("none.example", mode="none", mx=())
    world.domain("slow.example", raw=web.silent)
    # some 5,000 bytes of names: too many for tcp_table
    world.domain("many.example", mx=MANY)
    # 25 fit with the attributes of 3.10, but not with policy_string
    world.domain("some.example", mx=MANY[:35])
    world.domain("more.example", mx=MANY[:60])
    one = Daemon(world, "line", lookup={"timeout": "8s"},
                 fetch={"timeout": "8s"})
    one.exim = one.path("exim.sock")
    one.configure(listen=[{"socketmap": "unix:" + one.socket},
                          {"tcp_table": "inet:%s:%d" % TCP},
                          {"tcp_table": "inet:%s:%d" % TLSRPT,
                           "map": "postfix-tlsrpt"},
                          {"tcp_table": "inet:%s:%d" % VERDICT,
                           "map": "verdict"},
                          {"exim": "unix:" + one.exim},
                          {"exim": "inet:127.0.0.1:8465"}])
    with one.start():
        yield one


class Lines:
    """A client that sends bytes and receives lines."""

    def __init__(self, address, timeout_s=HANG_S):
        if isinstance(address, tuple):
            self.sock = socket.create_connection(address, timeout_s)
        else:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout_s)
            self.sock.connect(address)
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def ask(self, line):
        self.send(line.encode() + b"\n")
        return self.line()

    def line(self):
        """The next line; None at EOF, which must follow a complete line."""
        line = self.file.readline()
        assert not line or line.endswith(b"\n"), line
        return line[:-1].decode() if line else None


def ask_exim(daemon, line, half_close=False, address=None):
    """The only answer; the daemon closes after it."""
    with Lines(address or daemon.exim) as client:
        client.send(line.encode() + b"\n")
        if half_close:
            client.sock.shutdown(socket.SHUT_WR)
        answer = client.line()
        assert client.line() is None
        return answer


# -- tcp_table ----------------------------------------------------------------

ENFORCE = ("200 secure%20match=mx1.enforce.example:.enforce.example%20"
           "servername=hostname")
NONE = "500 not%20found"

TABLE = [
    ("get enforce.example", ENFORCE),
    ("get ENFORCE.example.", ENFORCE),
    ("get %5Benforce.example%5D:25", ENFORCE),
    ("get enforce%2eexample", ENFORCE),
    ("get testing.example", NONE),
    ("get none.example", NONE),
    ("get absent.example", NONE),
    ("get [192.0.2.1]", NONE),
    ("get .example", NONE),
    ("get ", NONE),
    ("get a b", NONE),
    # 400: an error, try again later; never 500 for an invalid request
    ("get", "400 want%20get%20KEY"),
    ("put a b", "400 want%20get%20KEY"),
    ("GET / HTTP/1.0", "400 want%20get%20KEY"),
    ("get %", "400 a%20%25%20without%20two%20hexadecimal%20digits"),
    ("get %00", "400 a%20NUL%20in%20the%20request"),
    ("", "400 want%20get%20KEY"),
]


@pytest.mark.parametrize("line, answer", TABLE,
                         ids=[row[0] or "empty" for row in TABLE])
def test_tcp_table(daemon, line, answer):
    with Lines(TCP) as client:
        assert client.ask(line) == answer
        assert client.ask("get enforce.example") == ENFORCE  # it stays


def test_tcp_table_in_one_packet(daemon):
    rows = TABLE * 20
    with Lines(TCP) as client:
        client.send("".join(row[0] + "\n" for row in rows).encode())
        for _, answer in rows:
            assert client.line() == answer


def test_tcp_table_byte_by_byte(daemon):
    with Lines(TCP) as client:
        for byte in b"get enforce.example\r\n":
            client.send(bytes([byte]))
            time.sleep(0.001)
        assert client.line() == ENFORCE


def test_tcp_table_long_line(daemon):
    """4,096 bytes, by tcp_table(5)."""
    with Lines(TCP) as client:
        assert client.ask("get " + 4091 * "x") == NONE
        client.send(b"get " + 4092 * b"x" + b"\n")
        assert client.line() is None


def test_tcp_table_long_answers(daemon):
    """If the names do not fit, the mail waits. It must not go out without the policy, or
    with weaker checks than Postfix 3.10.5 makes. Attributes that only serve reports
    may be left out."""
    with Lines(TCP) as client:
        assert client.ask("get many.example") == \
            "400 the%20policy%20is%20too%20long%20for%20a%20reply"
        assert client.ask("get more.example").startswith("200 secure")
    with Lines(TLSRPT) as client:
        assert client.ask("get many.example").startswith("400 ")
        answer = client.ask("get enforce.example")
        assert "policy_string" in answer and "mx_host_pattern" in answer
        answer = client.ask("get some.example")
        assert "mx_host_pattern" in answer and "policy_string" not in answer
        assert client.ask("get more.example").startswith("400 the%20policy")


def test_tcp_table_verdict(daemon):
    with Lines(VERDICT) as client:
        assert client.ask("get enforce.example%20mx1.enforce.example") \
            .startswith("200 enforce%20match%20id=1%20expires=")
        assert client.ask("get enforce.example").startswith("400 map%20verd")


def test_tcp_table_slow(daemon):
    """As with socketmap: while the first question waits, the client is not read."""
    daemon.flush("slow.example")
    with Lines(TCP) as client, Lines(TCP) as other:
        client.send(b"get slow.example\nget enforce.example\n")
        assert other.ask("get enforce.example") == ENFORCE
        assert client.line() == NONE
        assert client.line() == ENFORCE


@pytest.mark.skipif(not have("postmap"), reason="postfix is not installed")
def test_postmap_tcp(daemon):
    def ask(key):
        return postmap(key, "127.0.0.1:8462", kind="tcp")[:2]
    assert ask("enforce.example") == (
        0, "secure match=mx1.enforce.example:.enforce.example "
           "servername=hostname")
    assert ask("absent.example") == (1, "")
    assert ask("testing.example") == (1, "")
    status, value, errors = postmap("many.example", "127.0.0.1:8462",
                                    kind="tcp")
    assert status == 1 and value == "" and "query error" in errors


# -- exim ---------------------------------------------------------------------

HOSTS = ("mode=enforce hosts=!^mx1[.]enforce[.]example$:"
         "!^[^.]+[.]enforce[.]example$:*")

EXIM = [
    ("exim enforce.example", HOSTS),
    ("exim Enforce.Example.", HOSTS),
    ("exim testing.example", "mode=testing"),
    ("exim none.example", "mode=none"),
    ("exim absent.example", "mode=none"),
    ("exim [192.0.2.1]", "mode=none"),
    ("exim enforce.example mx1.enforce.example", "mode=enforce mx=match"),
    ("exim enforce.example a.b.enforce.example", "mode=enforce mx=mismatch"),
    ("exim testing.example evil.example", "mode=testing mx=mismatch"),
    ("exim absent.example evil.example", "mode=none"),
    # invalid requests: never "none"
    ("exim", "mode=fail"),
    ("exim ", "mode=fail"),
    ("exim enforce.example ", "mode=fail"),
    ("exim a b c", "mode=fail"),
    ("get enforce.example", "mode=fail"),
    ("", "mode=fail"),
]


@pytest.mark.parametrize("half_close", [False, True], ids=["open", "half"])
@pytest.mark.parametrize("line, answer", EXIM,
                         ids=[row[0] or "empty" for row in EXIM])
def test_exim(daemon, line, answer, half_close):
    assert ask_exim(daemon, line, half_close) == answer


def test_exim_inet(daemon):
    assert ask_exim(daemon, "exim enforce.example", True,
                    ("127.0.0.1", 8465)) == HOSTS


def test_exim_long_answer(daemon):
    answer = ask_exim(daemon, "exim many.example")
    assert answer.endswith("[.]some-long-name[.]example$:*")
    assert answer.count("!^") == 200


def test_exim_without_newline(daemon):
    """An incomplete question gets no answer, and Exim takes that for a failure."""
    with Lines(daemon.exim) as client:
        client.send(b"exim enforce.example")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.line() is None


def test_exim_long_line(daemon):
    with Lines(daemon.exim) as client:
        client.send(2000 * b"x")
        assert client.line() is None


@pytest.mark.parametrize("half_close", [False, True], ids=["open", "half"])
def test_exim_in_time(daemon, world, half_close):
    """Exim waits for 5 s, so a look-up has 4 s, not the 8 s of lookup.timeout."""
    name = "slow%d.example" % half_close
    world.domain(name, raw=web.silent)
    with daemon.connect() as postfix:
        postfix.request("postfix", name)
        begin = time.monotonic()
        assert ask_exim(daemon, "exim " + name, half_close) == "mode=none"
        assert time.monotonic() - begin > 3.5
        assert not select.select([postfix.sock], [], [], 0)[0]


# -- maps of the configuration -------------------------------------------------

SECURE = "OK secure match=mx1.%s.example servername=hostname"
TLS12 = " protocols=>=TLSv1.2"

MAPS = [
    ("strict", "testing", SECURE % "testing" + TLS12),
    ("strict", "none", "NOTFOUND "),
    ("strict", "absent", "NOTFOUND "),
    ("postfix", "testing", "NOTFOUND "),
    ("QUERY", "testing", "NOTFOUND "),
    ("hard-sts", "testing", SECURE % "testing"),
    # replaces the built-in map
    ("sts", "testing", "NOTFOUND "),
    ("verdict", "testing", "OK enforce match id=1 expires="),
]


@pytest.fixture(scope="module")
def mapped(world, daemon):
    """A daemon with maps of its configuration, and one that enforces testing."""
    made = []
    for number, options in enumerate([
            {"maps": [{"name": "strict", "testing": "enforce",
                       "protocols": True},
                      {"name": "hard-sts", "like": "sts",
                       "testing": "enforce", "protocols": True},
                      {"name": "verdict", "like": "verdict",
                       "testing": "enforce"}]},
            {"testing": "enforce", "protocols": True}]):
        one = Daemon(world, "mapped%d" % number, **options)
        one.exim = one.path("exim.sock")
        one.configure(listen=[{"socketmap": "unix:" + one.socket},
                              {"exim": "unix:" + one.exim}])
        made.append(one.start())
    yield made
    for one in made:
        one.close()


@pytest.mark.parametrize("map, name, answer", MAPS,
                         ids=["%s-%s" % row[:2] for row in MAPS])
def test_own_maps(mapped, map, name, answer):
    key = name + ".example"
    if map == "verdict":
        key += " mx1." + key
    assert mapped[0].ask(key, map).startswith(answer)
    if map != "verdict":
        assert mapped[0].ask(key, map) == answer


def test_own_maps_are_named(mapped):
    answer = mapped[0].ask("testing.example", "nomap")
    assert answer.startswith("PERM ") and "strict, hard-sts, " in answer


def test_testing_enforced(mapped):
    """testing: enforce applies to the built-in maps and to Exim."""
    hard = mapped[1]
    assert hard.ask("testing.example") == SECURE % "testing" + TLS12
    assert hard.ask("testing.example", "sts") == SECURE % "testing"
    assert hard.ask("none.example") == "NOTFOUND "
    # TLS reports name the policy as it is published
    assert "policy_string = mode: testing }" in hard.ask("testing.example",
                                                         "postfix-tlsrpt")
    assert ask_exim(hard, "exim testing.example") == \
        "mode=enforce hosts=!^mx1[.]testing[.]example$:*"
    assert hard.ctl("lookup", "testing.example")["answer"] == \
        SECURE % "testing" + TLS12
    assert ask_exim(mapped[0], "exim testing.example") == "mode=testing"


def test_listeners_in_status(daemon):
    text = str(daemon.ctl("status"))
    for part in ("tcp_table inet:127.0.0.1:8462", "exim unix:" + daemon.exim):
        assert part in text


def test_exim_connections_are_closed(daemon):
    """None is left open."""
    before = daemon.ctl("status")["clients"]["now"]
    for _ in range(50):
        ask_exim(daemon, "exim enforce.example")
    wait_for(lambda: daemon.ctl("status")["clients"]["now"] == before)
