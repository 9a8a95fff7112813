# SPDX-License-Identifier: BSD-2-Clause
"""mtastsd as a service: systemd's protocol, the units, the init script, and how it gives
up root's privileges."""

import grp
import os
import pwd
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from world.daemon import BUILD, HANG_S, have, program, wait_for
from world.manager import listening, start_with

OK = "OK secure match=mx1.service.example servername=hostname"
USER = "daemon"
UNIT = os.path.join(BUILD, "contrib/systemd/mtastsd.service")
INIT = os.path.join(BUILD, "contrib/init/mtastsd")


@pytest.fixture(scope="module", autouse=True)
def domains(world):
    world.domain("service.example")


def built_with_systemd():
    with open(os.path.join(BUILD, "config.h")) as file:
        return "#define HAVE_SYSTEMD 1" in file.read()


needs_systemd = pytest.mark.skipif(not built_with_systemd(),
                                   reason="built without libsystemd")


def can_be_others():
    return os.geteuid() == 0 and subprocess.run(
        ["setpriv", "--reuid=" + USER, "--regid=" + USER, "--init-groups",
         "true"], capture_output=True, check=False).returncode == 0


needs_root = pytest.mark.skipif(not can_be_others(),
                                reason="can't become another user in here")


# -- the unit -----------------------------------------------------------------

@pytest.mark.skipif(not have("systemd-analyze"),
                    reason="systemd-analyze is not installed")
def test_sandbox():
    """An exposure level of 1.5 or better; --threshold is in tenths."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15",
         "--no-pager", UNIT], capture_output=True, text=True, check=False,
        env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
    level = re.search(r"Overall exposure level.*: (\d+\.\d)", done.stdout)
    assert level, done.stdout + done.stderr
    assert float(level.group(1)) <= 1.5, done.stdout
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not have("systemd-analyze"),
                    reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", ["mtastsd.service", "mtastsd.socket"])
def test_unit_is_understood(daemons, unit):
    """Without its program and manuals, which are not installed here."""
    folder = daemons().path("units")
    os.mkdir(folder)
    source = os.environ["srcdir"] + "/contrib/systemd/mtastsd.socket"
    for name, path in (("mtastsd.service", UNIT), ("mtastsd.socket", source)):
        with open(path) as file:
            text = file.read()
        text = re.sub(r"^(Exec\w+)=\S*/mtastsd ", r"\1=/bin/true ", text,
                      flags=re.MULTILINE)
        text = re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE)
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no",
         os.path.join(folder, unit)],
        capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines()
            if "mtasts" in line]
    assert not said, said


# -- messages to systemd -------------------------------------------------------

class Manager:
    """systemd's end of the notification socket."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        self.sock.settimeout(HANG_S)
        self.path = path

    def environment(self, **more):
        return dict(os.environ, NOTIFY_SOCKET=self.path, **more)

    def next(self, key):
        """The next message that has KEY, as a mapping."""
        while True:
            message = dict(line.split("=", 1) for line in
                           self.sock.recv(4096).decode().splitlines())
            if key in message:
                return message


@pytest.fixture
def told(daemons):
    daemon = daemons()
    manager = Manager(daemon.path("notify"))
    daemon.manager = manager
    yield daemon
    manager.sock.close()


@needs_systemd
def test_readiness(told):
    """READY comes when the daemon answers."""
    told.spawn(env=told.manager.environment())
    message = told.manager.next("READY")
    assert message["READY"] == "1"
    assert message["STATUS"] == "Listening on 1 sockets"
    assert told.ask("service.example") == OK
    told.stop()
    assert told.manager.next("STOPPING")["STOPPING"] == "1"


@needs_systemd
def test_no_readiness_of_a_failed_start(told):
    told.configure(fetch={"ca_file": "/nonexistent/ca.pem"})
    told.spawn(env=told.manager.environment())
    process, told.process = told.process, None
    assert process.wait(HANG_S) == 1
    told.manager.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        told.manager.next("READY")


@needs_systemd
def test_reload_is_reported(told):
    """systemd compares the time with that of its signal; the next READY ends the
    reload."""
    told.start(env=told.manager.environment())
    told.manager.next("READY")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    told.process.send_signal(signal.SIGHUP)
    message = told.manager.next("RELOADING")
    assert message["RELOADING"] == "1"
    assert before <= int(message["MONOTONIC_USEC"]) <= \
        time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert "refused" not in told.manager.next("READY")["STATUS"]
    told.configure("speed: fast\n")
    told.process.send_signal(signal.SIGHUP)
    told.manager.next("RELOADING")
    assert "speed: unknown option" in told.manager.next("READY")["STATUS"]


@needs_systemd
def test_watchdog(told):
    """The daemon sends signs of life only while its loop runs."""
    told.start(env=told.manager.environment(WATCHDOG_USEC="200000"))
    for _ in range(5):
        told.manager.next("WATCHDOG")
    told.process.send_signal(signal.SIGSTOP)
    wait_for(lambda: status_of(told.process.pid)["State"].startswith("T"))
    try:
        told.manager.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                told.manager.next("WATCHDOG")
    finally:
        told.process.send_signal(signal.SIGCONT)
    told.manager.sock.settimeout(HANG_S)
    told.manager.next("WATCHDOG")


@needs_systemd
def test_no_watchdog_unless_configured(told):
    told.start(env=told.manager.environment())
    told.manager.next("READY")
    told.stop()
    told.manager.next("STOPPING")


# -- sockets that are passed --------------------------------------------------

@needs_systemd
def test_passed_sockets(daemons):
    """They are matched by address; their order and names do not matter. They stay open
    when the daemon stops, and the next daemon answers who connected meanwhile."""
    daemon = daemons()
    daemon.configure(listen=[{"socketmap": "unix:" + daemon.socket},
                             {"socketmap": "inet:127.0.0.1:8461"},
                             {"socketmap": "inet:[::1]:8461"},
                             {"socketmap": "unix:" + daemon.path("own.sock")}])
    sockets = [listening(("::1", 8461)), listening(daemon.control),
               listening(("127.0.0.1", 8461)), listening(daemon.socket)]
    inode = os.stat(daemon.socket).st_ino
    start_with(daemon, sockets, "a:b:c:d")
    for address in (daemon.socket, ("127.0.0.1", 8461), ("::1", 8461),
                    daemon.path("own.sock")):
        with daemon.connect(address=address) as client:
            assert client.ask("postfix", "service.example") == OK
    assert daemon.ctl("status")["control"] == "unix:" + daemon.control
    assert not daemon.events("socket_unused")
    daemon.stop()
    assert os.stat(daemon.socket).st_ino == inode
    assert os.path.exists(daemon.control)
    assert not os.path.exists(daemon.path("own.sock"))
    client = daemon.connect()
    client.request("postfix", "service.example")
    start_with(daemon, sockets, "a:b:c:d")
    assert client.reply() == OK
    client.close()
    for sock in sockets:
        sock.close()


def open_files(pid):
    """The targets of its descriptors; some may be closed meanwhile."""
    folder = "/proc/%d/fd/" % pid
    for number in os.listdir(folder):
        try:
            yield os.readlink(folder + number)
        except FileNotFoundError:
            pass


@needs_systemd
def test_unused_passed_socket_is_closed(daemons):
    daemon = daemons()
    with listening(("127.0.0.1", 8999)) as one, \
            listening(daemon.path("other.sock")) as two, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as three:
        start_with(daemon, [one, two, three], "web:other:udp")
        events = daemon.events("socket_unused", "warning")
        assert len(events) == 3
        text = "\n".join(events)
        assert 'address="inet:127.0.0.1:8999" name="web"' in text
        assert 'address="unix:%s" name="other"' % daemon.path(
            "other.sock") in text
        assert "(udp) is not a listening stream socket" in text
        assert daemon.ask("service.example") == OK
        passed = {"socket:[%d]" % os.fstat(sock.fileno()).st_ino
                  for sock in (one, two, three)}
        assert not passed & set(open_files(daemon.process.pid))


@needs_systemd
def test_passed_socket_comes_back(daemons):
    """One reload removes its listener, the next brings it back."""
    daemon = daemons()
    with listening(daemon.socket) as sock:
        start_with(daemon, [sock], "map")
        daemon.configure(listen=[{"socketmap": "inet:127.0.0.1:8461"}])
        daemon.ctl("reload")
        assert os.path.exists(daemon.socket)
        daemon.configure(listen=[{"socketmap": "unix:" + daemon.socket}])
        daemon.ctl("reload")
        assert daemon.ask("service.example") == OK


def test_variables_for_another_process(daemons):
    """LISTEN_PID names another process: the variables are ignored."""
    daemon = daemons().start(env=dict(os.environ, LISTEN_PID="1",
                                      LISTEN_FDS="3"))
    assert daemon.ask("service.example") == OK


# -- root's privileges --------------------------------------------------------

@pytest.fixture
def rooted(world, daemons, monkeypatch):
    """A daemon that starts as root and becomes USER. Its sockets are in a folder that
    does not exist yet."""
    # A leak check at the end, in a sanitized build, runs as USER.
    monkeypatch.setenv("LSAN_OPTIONS", world.lsan_options())
    daemon = daemons()
    daemon.socket = daemon.path("run/map.sock")
    daemon.control = daemon.path("run/ctl.sock")
    for folder in (world.tmp, daemon.folder, os.path.dirname(world.ca.root)):
        os.chmod(folder, 0o755)
    daemon.configure(user=USER, control="unix:" + daemon.control,
                     listen=[{"socketmap": "unix:" + daemon.socket},
                             {"socketmap": "inet:127.0.0.1:25"}])
    return daemon


def status_of(pid):
    with open("/proc/%d/status" % pid) as file:
        return dict(line.split(":\t", 1) for line in file.read().splitlines()
                    if ":\t" in line)


@needs_root
def test_privileges(rooted):
    """What needs root is done first; then the daemon is another user."""
    rooted.start()
    uid, gid = pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid
    status = status_of(rooted.process.pid)
    assert status["Uid"].split() == [str(uid)] * 4
    assert status["Gid"].split() == [str(gid)] * 4
    assert set(status["Groups"].split()) == {
        str(g) for g in os.getgrouplist(USER, gid)}
    for key in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        assert int(status[key], 16) == 0
    assert status["NoNewPrivs"] == "1"
    for task in os.listdir("/proc/%d/task" % rooted.process.pid):
        assert status_of(int(task))["Uid"].split() == [str(uid)] * 4
    for path in ("run", "run/map.sock", "run/ctl.sock", "cache"):
        found = os.stat(rooted.path(path))
        assert (found.st_uid, found.st_gid) == (uid, gid)
    assert stat.S_IMODE(os.stat(rooted.control).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(rooted.path("cache")).st_mode) == 0o750
    assert not rooted.events("running_as_root")
    assert rooted.ask("service.example") == OK
    with rooted.connect(address=("127.0.0.1", 25)) as client:
        assert client.ask("postfix", "service.example") == OK
    assert rooted.ctl("status")["ok"]
    rooted.stop()
    assert not os.path.exists(rooted.socket)
    rooted.start()  # and once more, over what is there
    assert rooted.ask("service.example") == OK


@needs_root
def test_reload_without_privileges(rooted):
    rooted.start()
    with rooted.connect(address=("127.0.0.1", 25)) as client:
        more = [{"socketmap": "unix:" + rooted.socket},
                {"socketmap": "inet:127.0.0.1:25"},
                {"socketmap": "unix:" + rooted.path("run/more.sock")}]
        rooted.configure(listen=more)
        rooted.ctl("reload")
        with rooted.connect(address=rooted.path("run/more.sock")) as second:
            assert second.ask("postfix", "service.example") == OK
        rooted.configure(listen=more + [{"socketmap": "inet:127.0.0.1:26"}])
        status, _, err = rooted.ctl_raw("reload")
        assert status == 1
        assert "inet:127.0.0.1:26" in err and "1024" in err
        rooted.configure(listen=more[:1])
        rooted.ctl("reload")
        assert client.ask("postfix", "service.example") == OK
    with pytest.raises(OSError):
        rooted.connect(address=("127.0.0.1", 25))


@needs_root
def test_unreadable_for_the_user(rooted):
    """A reload reads the file again as that user, and says that it can't."""
    rooted.start()
    os.chmod(rooted.config, 0o600)
    status, _, err = rooted.ctl_raw("reload")
    assert status == 1 and "Permission denied" in err
    assert rooted.ask("service.example") == OK


@needs_root
def test_cache_folder_of_root(rooted):
    """A cache folder that belongs to root is an error; the daemon does not stay root."""
    os.mkdir(rooted.path("cache"), 0o700)
    status, said = rooted.run_to_end()
    assert status == 1
    assert "chown -R daemon" in said
    assert not os.path.exists(rooted.socket)


@needs_root
def test_owner_of_a_socket(rooted):
    """Root gives the socket to the configured owner and group."""
    rooted.configure(listen=[{"socketmap": "unix:" + rooted.socket,
                              "owner": "bin", "group": "mail"}])
    rooted.start()
    found = os.stat(rooted.socket)
    assert found.st_uid == pwd.getpwnam("bin").pw_uid
    assert found.st_gid == grp.getgrnam("mail").gr_gid


@needs_root
def test_unknown_user(rooted):
    rooted.configure(user="nobody-of-this-name")
    status, said = rooted.run_to_end()
    assert status == 1
    assert "there is no user nobody-of-this-name" in said
    assert not os.path.exists(rooted.path("cache"))


@needs_root
def test_background_as_root(rooted):
    """The process ID is in the file that root created; the log goes to syslog."""
    pid_file = rooted.path("pid")
    done = subprocess.run(
        [program("mtastsd"), "-c", rooted.config, "-p", pid_file],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=HANG_S, check=False)
    assert done.returncode == 0, done.stderr
    try:
        with open(pid_file) as file:
            pid = int(file.read())
        assert rooted.pids() == [pid]
        assert status_of(pid)["Uid"].split()[0] == str(
            pwd.getpwnam(USER).pw_uid)
        assert rooted.ask("service.example") == OK
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not rooted.pids())
    finally:
        rooted.close()


def test_root_is_warned(daemons):
    daemon = daemons().start()
    assert bool(daemon.events("running_as_root", "warning")) == \
        (os.geteuid() == 0)


def test_pid_file(daemons):
    """In the foreground the file exists from readiness until the end."""
    daemon = daemons()
    path = daemon.path("pid")
    daemon.start("-p", path)
    wait_for(lambda: os.path.getsize(path) > 0)  # start() returns a moment earlier
    with open(path) as file:
        assert file.read() == "%d\n" % daemon.process.pid
    second = daemons()  # fails to start, and leaves the file alone
    second.configure(cache={"directory": daemon.path("cache")})
    status, _ = second.run_to_end("-f", "-c", second.config, "-p", path)
    assert status == 1
    with open(path) as file:
        assert file.read() == "%d\n" % daemon.process.pid
    daemon.stop()
    assert not os.path.exists(path)


def test_pid_file_in_a_missing_folder(daemons):
    daemon = daemons()
    status, said = daemon.run_to_end("-f", "-c", daemon.config,
                                     "-p", "/nonexistent/pid")
    assert status == 1 and "/nonexistent/pid" in said


# -- the init script ----------------------------------------------------------

class Script:
    """The init script, with the paths of the test's daemon."""

    def __init__(self, daemon):
        self.path = daemon.path("init")
        self.pid_file = daemon.path("pid")
        with open(INIT) as file:
            text = file.read()
        for key, value in (("DAEMON", program("mtastsd")),
                           ("CONFIG", daemon.config),
                           ("PIDFILE", self.pid_file)):
            text, count = re.subn("^%s=.*$" % key, "%s=%s" % (
                key, os.path.abspath(value)), text, flags=re.MULTILINE)
            assert count == 1
        with open(self.path, "w") as file:
            file.write(text)
        os.chmod(self.path, 0o755)

    def __call__(self, action):
        """Returns the exit status and the output."""
        done = subprocess.run([self.path, action], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60,
                              check=False)
        return done.returncode, done.stdout + done.stderr

    def pid(self):
        with open(self.pid_file) as file:
            return int(file.read())


@pytest.fixture
def script(daemons):
    daemon = daemons()
    one = Script(daemon)
    one.daemon = daemon
    yield one
    one("stop")
    assert not daemon.pids()


def test_init_script(script):
    """Every action, with the exit statuses of the LSB."""
    daemon = script.daemon
    assert script("status")[0] == 3
    assert script("reload")[0] == 7
    assert script("try-restart")[0] == 0
    assert script("status")[0] == 3
    assert script("start")[0] == 0
    assert daemon.ask("service.example") == OK
    pid = script.pid()
    assert daemon.pids() == [pid]
    assert script("status")[0] == 0
    assert script("start")[0] == 0  # already running
    assert daemon.pids() == [pid]
    daemon.configure(domains={"service.example": "bypass"})
    assert script("reload")[0] == 0
    wait_for(lambda: daemon.ask("service.example") == "NOTFOUND ")
    assert script("restart")[0] == 0
    assert script.pid() != pid
    assert daemon.pids() == [script.pid()]
    assert script("stop")[0] == 0
    assert not daemon.pids() and not os.path.exists(script.pid_file)
    assert script("stop")[0] == 0
    assert script("nonsense")[0] == 2


def test_init_script_and_a_bad_file(script):
    """It does not stop the running daemon, and says what is wrong."""
    daemon = script.daemon
    assert script("start")[0] == 0
    pid = script.pid()
    with open(daemon.config, "a") as file:
        file.write("speed: fast\n")
    for action in ("reload", "restart", "try-restart"):
        status, said = script(action)
        assert status == 6 and "speed: unknown option" in said
    assert daemon.pids() == [pid]
    assert daemon.ask("service.example") == OK
    script("stop")
    status, said = script("start")
    assert status == 1 and "speed: unknown option" in said


def test_init_script_after_a_crash(script):
    """The pid file that is left behind names another program by now."""
    assert script("start")[0] == 0
    os.kill(script.pid(), signal.SIGKILL)
    wait_for(lambda: not script.daemon.pids())
    assert script("status")[0] == 1
    with open(script.pid_file, "w") as file:
        file.write("%d\n" % os.getpid())
    assert script("status")[0] == 1
    assert script("stop")[0] == 0  # and we are still here
    assert script("start")[0] == 0
    assert script.daemon.ask("service.example") == OK
