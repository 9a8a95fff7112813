# SPDX-License-Identifier: BSD-2-Clause
"""A reload applies a changed configuration, or rejects it as a whole. It drops no
client."""

import os
import re
import signal
import socket
import stat
import threading

import pytest

from world import ca
from world import nameserver as ns
from world import webserver as web
from world.daemon import HANG_S, wait_for
from world.world import set_resolv_conf

NONE = "NOTFOUND "
OK = "OK secure match=mx1.{0} servername=hostname"
INET = "inet:127.0.0.1:8461"
TCP = ("127.0.0.1", 8461)


@pytest.fixture(scope="module", autouse=True)
def domains(world):
    world.domain("reload.example")
    world.domain("testing.example", mode="testing")


@pytest.fixture
def daemon(daemons):
    one = daemons(log={"level": "info"}).start()
    assert one.ask("reload.example") == OK.format("reload.example")
    return one


def unix(daemon, name="map.sock", **more):
    return dict({"socketmap": "unix:" + daemon.path(name)}, **more)


def reload(daemon, **options):
    """Changes the options and reloads."""
    if "domains" in options:
        daemon.options.pop("domains", None)  # otherwise they would be added
    daemon.configure(**options)
    return daemon.ctl("reload")


def refused(daemon, words):
    """Checks that mtasts-ctl fails with status 1 and the reason, and that the log
    has the same reason."""
    before = len(daemon.events("reload_refused", "error"))
    status, out, err = daemon.ctl_raw("reload")
    assert (status, out) == (1, "")
    assert re.search(words, err), err
    events = daemon.events("reload_refused", "error")
    assert len(events) == before + 1
    assert re.search(words, events[-1])
    assert daemon.ctl("status")["reload"]["ok"] is False
    assert re.search(words, daemon.ctl("status")["reload"]["error"])


# -- what a reload changes ----------------------------------------------------

def test_unchanged_file(daemon):
    with daemon.connect() as client:
        assert reload(daemon) == {"config": daemon.config, "restart": []}
        assert client.ask("postfix", "reload.example").startswith("OK ")
    assert daemon.events("reloaded", "info")[0].startswith(
        "reloaded user=")
    assert "uid=%d pid=" % os.geteuid() in daemon.events("reloaded")[0]


def test_sighup_reloads(daemon):
    daemon.configure(domains={"reload.example": "bypass"})
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: daemon.events("reloaded signal=HUP", "info"))
    assert daemon.ask("reload.example") == NONE


def test_listeners_come_and_go(daemon):
    first = daemon.connect()
    assert first.ask("postfix", "reload.example").startswith("OK ")
    reload(daemon, listen=[unix(daemon), {"socketmap": INET}])
    second = daemon.connect(address=TCP)
    assert daemon.ctl("status")["listeners"] == [
        "socketmap unix:" + daemon.socket, "socketmap " + INET]
    reload(daemon, listen=[{"socketmap": INET},
                           {"exim": "unix:" + daemon.path("exim.sock")}])
    assert not os.path.exists(daemon.socket)
    with pytest.raises(OSError):
        daemon.connect()
    with socket.socket(socket.AF_UNIX) as exim:
        exim.connect(daemon.path("exim.sock"))
        exim.sendall(b"exim testing.example\n")
        assert exim.recv(1000) == b"mode=testing\n"
    # The clients of a removed listener are still served.
    for client in (first, second):
        assert client.ask("postfix", "reload.example").startswith("OK ")
    reload(daemon, listen=[unix(daemon)])
    with pytest.raises(OSError):
        daemon.connect(address=TCP)
    for client in (first, second, daemon.connect()):
        assert client.ask("postfix", "reload.example").startswith("OK ")
        client.close()


def test_deleted_socket_files_come_back(daemon):
    client = daemon.connect()
    assert client.ask("postfix", "reload.example").startswith("OK ")
    for path in (daemon.socket, daemon.control, daemon.stats):
        os.unlink(path)
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: daemon.events("reloaded signal=HUP", "info"))
    for path in (daemon.socket, daemon.control, daemon.stats):
        assert stat.S_ISSOCK(os.stat(path).st_mode)
    assert daemon.ask("reload.example").startswith("OK ")
    assert client.ask("postfix", "reload.example").startswith("OK ")
    assert daemon.ctl("status")["listeners"] == [
        "socketmap unix:" + daemon.socket]


def test_socket_of_another_process_is_left_alone(daemon):
    """Another daemon has started since, and replaced our socket's file."""
    os.unlink(daemon.socket)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(daemon.socket)
        other.listen()
        refused(daemon, "in use: another process listens there")
        daemon.stop()
        assert os.path.exists(daemon.socket)
    daemon.start()
    assert daemon.ask("reload.example").startswith("OK ")


def test_clients_of_removed_listeners_get_the_new_answers(daemon):
    with daemon.connect() as client:
        assert client.ask("postfix", "testing.example") == NONE
        reload(daemon, testing="enforce", listen=[{"socketmap": INET}])
        assert client.ask("postfix", "testing.example") == \
            OK.format("testing.example")


def test_other_addresses_at_the_same_port(daemon):
    reload(daemon, listen=[{"socketmap": INET}])
    with daemon.connect(address=TCP) as client:
        reload(daemon, listen=[{"socketmap": "inet:0.0.0.0:8461"}])
        assert client.ask("postfix", "reload.example").startswith("OK ")
    with daemon.connect(address=TCP) as client:
        assert client.ask("postfix", "reload.example").startswith("OK ")
    reload(daemon, listen=[{"socketmap": INET}])
    with daemon.connect(address=TCP) as client:
        assert client.ask("postfix", "reload.example").startswith("OK ")


def test_protocol_at_the_same_address(daemon):
    """Existing clients keep the protocol they started with."""
    with daemon.connect() as before:
        reload(daemon, listen=[{"exim": "unix:" + daemon.socket}])
        assert before.ask("postfix", "reload.example").startswith("OK ")
    with socket.socket(socket.AF_UNIX) as exim:
        exim.connect(daemon.socket)
        exim.sendall(b"exim testing.example\n")
        assert exim.recv(1000) == b"mode=testing\n"


def test_mode_of_a_socket(daemon):
    def mode():
        return stat.S_IMODE(os.stat(daemon.socket).st_mode)
    inode = os.stat(daemon.socket).st_ino
    assert mode() == 0o660
    reload(daemon, listen=[unix(daemon, mode="0606")])
    assert mode() == 0o606
    daemon.configure(listen=[unix(daemon, mode="0600"),
                             unix(daemon, "none/x.sock")])
    refused(daemon, "none/x.sock")
    assert mode() == 0o606
    assert os.stat(daemon.socket).st_ino == inode


def test_maps(daemon):
    with daemon.connect() as client:
        assert client.ask("strict", "testing.example").startswith("PERM ")
        reload(daemon, maps=[{"name": "strict", "testing": "enforce"}])
        assert client.ask("strict", "testing.example") == \
            OK.format("testing.example")
        assert client.ask("postfix", "testing.example") == NONE
        reload(daemon, maps=[{"name": "strict", "testing": "enforce",
                              "servername": False}])
        assert client.ask("strict", "testing.example") == \
            "OK secure match=mx1.testing.example"
        reload(daemon, maps=[])
        assert client.ask("strict", "testing.example").startswith("PERM ")


def test_map_of_a_tcp_table_is_removed(daemon):
    """If the map of a tcp_table listener is removed, its clients get a temporary
    error."""
    reload(daemon, maps=[{"name": "strict", "testing": "enforce"}],
           listen=[{"tcp_table": "inet:127.0.0.1:8462", "map": "strict"}])
    with socket.create_connection(("127.0.0.1", 8462), 15) as client:
        client.sendall(b"get testing.example\n")
        assert client.recv(1000).startswith(b"200 secure")
        reload(daemon, maps=[], listen=[unix(daemon)])
        client.sendall(b"get testing.example\n")
        assert client.recv(1000).startswith(b"400 ")


def test_domains(daemon):
    with daemon.connect() as client:
        reload(daemon, domains={"reload.example": "bypass"})
        assert client.ask("postfix", "reload.example") == NONE
        reload(daemon, domains={"reload.example": {
            "mode": "enforce", "mx": ["mx9.reload.example"]}})
        assert client.ask("postfix", "reload.example") == \
            "OK secure match=mx9.reload.example servername=hostname"
        assert daemon.ctl("status")["domains"] == 1
        reload(daemon, domains={})
        assert client.ask("postfix", "reload.example") == \
            OK.format("reload.example")


def test_limit_of_clients(daemon):
    """A lower limit closes no existing connection, but accepts no new ones."""
    clients = [daemon.connect() for _ in range(4)]
    for client in clients:
        assert client.ask("postfix", "reload.example").startswith("OK ")
    reload(daemon, limits={"clients": 2})
    assert daemon.connect().is_closed()
    for client in clients:
        assert client.ask("postfix", "reload.example").startswith("OK ")
    for client in clients[:3]:
        client.close()
    wait_for(lambda: daemon.ctl("status")["clients"]["now"] == 1)
    with daemon.connect() as client:
        assert client.ask("postfix", "reload.example").startswith("OK ")
    reload(daemon, limits={"clients": 1024})
    clients[3].close()


def test_log_level(daemon):
    daemon.ask("reload.example")
    reload(daemon, log={"level": "debug"})
    daemon.ask("level.example")
    assert "level.example" in daemon.log()
    reload(daemon, log={"level": "error"})
    size = len(daemon.log())
    reload(daemon, log={"level": "error"})
    assert len(daemon.log()) == size


def test_log_target(daemon):
    """The log can move to syslog and back."""
    reload(daemon, log={"level": "debug", "target": "syslog"})
    size = len(daemon.log())
    daemon.ask("syslog.example")
    assert len(daemon.log()) == size
    reload(daemon, log={"target": "stderr"})
    daemon.ask("stderr.example")
    assert "stderr.example" in daemon.log()


def test_dns_servers(world, daemon):
    """Switches from resolv.conf to a configured server, and back."""
    reload(daemon, dns={"servers": ["127.0.0.9"], "timeout": "1s"})
    assert daemon.ctl("status")["resolver"] == "127.0.0.9:53"
    world.domain("servers.example")
    assert daemon.ask("servers.example") == NONE
    reload(daemon, dns={"servers": ["127.0.0.53"]})
    daemon.ctl("flush", "--negative")
    assert daemon.ask("servers.example") == OK.format("servers.example")


def test_ca_file(world, daemon):
    """Switches to another CA's certificates, and back to the right ones."""
    os.mkdir(daemon.path("ca"))
    other = ca.CA(daemon.path("ca")).root
    world.domain("ca-file.example")
    reload(daemon, fetch={"ca_file": other})
    assert daemon.ask("ca-file.example") == NONE
    reload(daemon, fetch={"ca_file": world.ca.root})
    daemon.ctl("flush", "--negative")
    assert daemon.ask("ca-file.example") == OK.format("ca-file.example")


@pytest.mark.parametrize("dane", ["auto", "on", "precedence", "off"])
def test_dane(daemon, dane):
    """DANE is turned on and off while a client keeps asking."""
    with daemon.connect() as client:
        for mode in ("off", dane, "off", dane):
            reload(daemon, dane=mode)
            assert daemon.ctl("status")["dane"]["mode"] == mode
            assert client.ask("sts", "reload.example").startswith("OK ")


@pytest.mark.parametrize("mode", ["off", "trust-ad", "validate"])
def test_dnssec(world, daemon, mode):
    """dns.dnssec changes while look-ups wait for the daemon's DNSSEC test."""
    def dnssec():
        return daemon.ctl("status")["dane"]["dnssec"]
    for n, now in enumerate((mode, "auto", mode, "auto")):
        domain = "%s%d.dnssec.example" % (mode, n)
        world.domain(domain)
        with daemon.connect() as client:
            client.request("postfix", domain)
            reload(daemon, dns={"dnssec": now})
            assert client.reply() == OK.format(domain)
        assert (dnssec() == "none") == (now == "off")


def test_control_moves(daemon):
    old = daemon.control
    new = daemon.path("other.sock")
    reload(daemon, control="unix:" + new)
    assert not os.path.exists(old)
    daemon.control = new
    assert daemon.ctl("status")["control"] == "unix:" + new
    daemon.configure(control="")
    assert daemon.ctl("reload")["restart"] == []
    assert not os.path.exists(new)
    daemon.configure(control="unix:" + old)
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: os.path.exists(old))
    daemon.control = old
    daemon.ctl("status")


def test_stats_move(daemon):
    def healthz(path):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(HANG_S)
            sock.connect(path)
            sock.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            return sock.recv(1000).split(b"\r\n")[0]
    for name in ("one", "two"):
        reload(daemon, stats="unix:" + daemon.path(name))
        assert healthz(daemon.path(name)).startswith(b"HTTP/1.")
    assert not os.path.exists(daemon.path("one"))
    daemon.configure(stats="unix:/nonexistent/s")
    refused(daemon, "/nonexistent/s")
    assert healthz(daemon.path("two")).startswith(b"HTTP/1.")
    reload(daemon, stats="")
    assert not os.path.exists(daemon.path("two"))


def test_many_hangups(daemon):
    with daemon.connect() as client:
        for _ in range(50):
            daemon.process.send_signal(signal.SIGHUP)
            assert client.ask("postfix", "reload.example").startswith("OK ")
    assert not daemon.events("reload_refused")


def ignores_sigpipe(process):
    """True once the process ignores SIGPIPE; it has blocked SIGHUP by then."""
    try:
        with open("/proc/%d/status" % process.pid) as file:
            mask = re.search(r"^SigIgn:\s*(\w+)", file.read(), re.M).group(1)
    except OSError:
        return False
    return bool(int(mask, 16) >> signal.SIGPIPE - 1 & 1)


def test_hangup_during_startup(daemons):
    """SIGHUP during startup does not end the daemon, and is not lost."""
    daemon = daemons(log={"level": "info"})
    for _ in range(10):
        process = daemon.spawn()
        wait_for(lambda: ignores_sigpipe(process), step_s=0)
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(daemon.events("reloaded")) == daemon.runs or
                 process.poll() is not None)
        daemon.stop()
    assert len(daemon.events("reloaded signal=HUP")) == 10


def test_hangup_despite_an_inherited_mask(daemons):
    """SIGHUP works even if the parent process had blocked it."""
    daemon = daemons(log={"level": "info"})
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    try:
        process = daemon.spawn()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: daemon.events("reloaded signal=HUP"))


def test_reload_says_that_a_restart_is_needed(daemon):
    """Each reload says so until the daemon is restarted. Other changes take effect."""
    for _ in range(2):
        done = reload(daemon, cache={"directory": daemon.path("elsewhere"),
                                     "max_size": "65MiB"},
                      user="nobody", domains={"reload.example": "bypass"})
        assert done["restart"] == ["cache.directory", "cache.max_size",
                                   "user"]
        assert daemon.events("restart_needed", "warning")[-1].startswith(
            'restart_needed options="cache.directory, cache.max_size, user"')
    assert daemon.ask("reload.example") == NONE
    assert not os.path.exists(daemon.path("elsewhere"))
    assert daemon.ctl("status")["reload"]["restart"] == done["restart"]
    status, out, _ = daemon.ctl_raw("reload")
    assert status == 0 and "needs restart" in out


# -- what a reload refuses ----------------------------------------------------

REFUSED = {
    "syntax": ({}, "speed: fast\n", r":\d+: speed: unknown option"),
    "value": ({"dane": "maybe"}, "", r":\d+: dane: "),
    "folder": ({"listen": [{"socketmap": "unix:/nonexistent/x"}]}, "",
               "/nonexistent/x"),
    "owner": ({"listen": [{"socketmap": "unix:/tmp/mts-none",
                           "owner": "nobody-of-this-name"}]}, "",
              "nobody-of-this-name"),
    "address": ({"listen": [{"socketmap": "inet:192.0.2.99:8461"}]}, "",
                "192.0.2.99:8461"),
    "ca": ({"fetch": {"ca_file": "/nonexistent/ca.pem"}}, "",
           "/nonexistent/ca.pem"),
    "anchor": ({"dns": {"trust_anchor": "/nonexistent/root.key",
                        "dnssec": "validate"}}, "", "/nonexistent/root.key"),
    "control": ({"control": "unix:/nonexistent/c"}, "", "/nonexistent/c"),
    "control-user": ({"control_users": ["nobody-of-this-name"]}, "",
                     "nobody-of-this-name"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_configuration_changes_nothing(daemon, name):
    """Nothing changes, even if most of the file is valid."""
    options, text, words = REFUSED[name]
    before = dict(daemon.options)
    with daemon.connect() as client:
        listen = [unix(daemon), {"socketmap": INET}]
        daemon.configure(**dict({"listen": listen, "testing": "enforce",
                                 "domains": {"reload.example": "bypass"},
                                 "log": {"level": "error"}}, **options))
        if text:
            with open(daemon.config, "a") as file:
                file.write(text)
        refused(daemon, words)
        assert client.ask("postfix", "reload.example") == \
            OK.format("reload.example")
        assert client.ask("postfix", "testing.example") == NONE
        assert daemon.ctl("status")["listeners"] == [
            "socketmap unix:" + daemon.socket]
        with pytest.raises(OSError):
            daemon.connect(address=TCP)
        daemon.options = before
        assert reload(daemon)["restart"] == []
        assert client.ask("postfix", "reload.example") == \
            OK.format("reload.example")
    assert daemon.ask("reload.example") == OK.format("reload.example")


def test_no_resolver(daemon):
    set_resolv_conf("# none\n")
    try:
        refused(daemon, "/etc/resolv.conf")
    finally:
        set_resolv_conf("nameserver 127.0.0.53\n")
    daemon.ctl("reload")


def test_port_in_use(daemon):
    with socket.create_server(TCP):
        daemon.configure(listen=[{"socketmap": INET}])
        refused(daemon, "in use")
    daemon.ctl("reload")
    with daemon.connect(address=TCP) as client:
        assert client.ask("postfix", "reload.example").startswith("OK ")


def test_missing_file(daemon):
    os.rename(daemon.config, daemon.config + "~")
    refused(daemon, "No such file")
    os.rename(daemon.config + "~", daemon.config)


# -- under load ---------------------------------------------------------------

def test_lookups_under_way(world, daemon):
    """Running look-ups continue and are answered."""
    world.domain("later.example", http=web.later(1))
    with daemon.connect() as client:
        client.request("postfix", "later.example")
        wait_for(lambda: world.site("later.example").connections)
        for dane in ("off", "auto", "off"):
            reload(daemon, dane=dane, lookup={"timeout": "6s"},
                   fetch={"timeout": "4s"}, dns={"servers": ["127.0.0.53"]})
        assert client.reply() == OK.format("later.example")


def test_dns_under_way(world, daemon):
    """The answer of a name server still counts if the server is no longer configured."""
    world.domain("slow-dns.example")
    world.dns.behave("_mta-sts.slow-dns.example", ns.delay(0.7))
    with daemon.connect() as client:
        client.request("postfix", "slow-dns.example")
        reload(daemon, dns={"servers": ["127.0.0.53", "127.0.0.9"]})
        assert client.reply() == OK.format("slow-dns.example")


class Asker(threading.Thread):
    """Keeps asking on one connection, and counts the answers."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.answers = 0
        self.wrong = []
        self.ending = False

    def run(self):
        try:
            while not self.ending:
                answer = self.client.ask("postfix", "reload.example")
                self.answers += 1
                if answer not in (OK.format("reload.example"), NONE):
                    self.wrong.append(answer)
        except Exception as error:  # noqa: BLE001
            self.wrong.append(repr(error))


def test_under_load(daemon):
    askers = [Asker(daemon.connect()) for _ in range(8)]
    for asker in askers:
        asker.start()
    fds = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
    for n in range(30):
        listen = [unix(daemon)] if n % 3 else [unix(daemon),
                                               {"socketmap": INET}]
        domains = {"reload.example": "bypass"} if n % 2 else {}
        daemon.options.pop("domains", None)
        daemon.configure(listen=listen, domains=domains,
                         dane="off" if n % 5 else "auto",
                         fetch={"concurrency": 1 + n})
        if n % 4 == 3:
            with open(daemon.config, "a") as file:
                file.write("speed: fast\n")
            refused(daemon, "speed")
        else:
            daemon.ctl("reload")
    counts = [asker.answers for asker in askers]
    wait_for(lambda: all(asker.answers > count or asker.wrong
                         for asker, count in zip(askers, counts)))
    for asker in askers:
        asker.ending = True
        asker.join(15)
        assert not asker.wrong
        asker.client.close()
    # DANE opens its thread and pipe when it is first turned on.
    wait_for(lambda: len(os.listdir(
        "/proc/%d/fd" % daemon.process.pid)) <= fds + 8)
