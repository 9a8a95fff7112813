# SPDX-License-Identifier: BSD-2-Clause
"""The environment that "make bench" measures in, and the programs that run there.

Everything runs in its own namespaces (network, mounts, processes). So nothing leaves
the machine, ports 53 and 443 are free, /etc/resolv.conf is ours, and all processes
end together with the first one: see enter().

Two processors share the work. The measured program has one to itself, and everything
else (load generator, DNS, HTTPS) uses the other.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

DOMAIN = "dom#######.example"  # see struct pattern in bench.h
ABSENT = "none#######.example"
QUIET = "quiet#######.example"  # whose policy host accepts and says nothing
QUIETS = 1000
QUIET_ADDRESS = "127.1.0.1"  # in another network than the good ones
HTTPS = "inet:127.0.0.1:443"
CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem",
              "/etc/pki/tls/certs/ca-bundle.crt")
START_LIMIT_S = 20
MAIL_HOSTS = 20  # that all domains share


class Failed(Exception):
    """Something did not work, so there is nothing to measure."""


def mail_host(number):
    """Name and address."""
    return f"mail{number}.example", f"127.0.1.{number + 1}"


def enter():
    """Starts this script again inside the namespaces, and does not return."""
    for tool in ("unshare", "ip", "nsd", "taskset"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            raise Failed(f"{tool} not found: install it (Debian: util-linux, "
                         "iproute2, nsd)")
    command = ["unshare", "--net", "--mount", "--pid", "--fork",
               "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        command.append("--map-root-user")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    os.execvp(command[0], command + [sys.executable] + sys.argv + ["--inside"])


def pinned(role):
    """The words before a command that give it its processor and priority."""
    # A watch must not wait for its turn and call that the server's latency, and
    # what else runs on this machine must not be measured either. Without the
    # right to it, nice says so and goes on.
    words = ["nice", "-n", "-15"] if role in ("watch", "subject") else []
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return words
    return words + ["taskset", "-c",
                    str(cpus[0] if role == "subject" else cpus[1])]


def task_values(pid, name):
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/{name}") as file:
            yield file.read()


def cpu_s(pid):
    """Processor time of all threads alive; finer than utime and stime."""
    return sum(int(text.split()[0])
               for text in task_values(pid, "schedstat")) / 1e9


def status_sum(pid, field):
    """A counter of /proc/PID/status, over all threads."""
    return sum(int(line.split()[1])
               for text in task_values(pid, "status")
               for line in text.splitlines() if line.startswith(field + ":"))


def rss_anon_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    raise Failed("no RssAnon in /proc/PID/status")


def connect(address):
    """A socket connected to unix:PATH or inet:HOST:PORT, or OSError."""
    kind, _, rest = address.partition(":")
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX)
        target = rest
    else:
        sock = socket.socket()
        target = (rest.rpartition(":")[0], int(rest.rpartition(":")[2]))
    sock.settimeout(START_LIMIT_S)
    try:
        sock.connect(target)
    except OSError:
        sock.close()
        raise
    return sock


def ask(address, question):
    """One socketmap question on a connection of its own."""
    with connect(address) as sock:
        sock.sendall(b"%d:%s," % (len(question), question.encode()))
        data = b""
        while b":" not in data or \
                len(data) < int(data.split(b":")[0]) + data.index(b":") + 2:
            more = sock.recv(65536)
            if not more:
                raise Failed(f"{question}: connection closed")
            data += more
        return data[data.index(b":") + 1:-1].decode()


def control_of(address):
    """The control socket of the daemon that answers at ADDRESS."""
    return address + ".control"


class Server:
    """A process that listens; what it writes goes to a log of its own."""

    def __init__(self, name, command, address, log):
        self.name = name
        self.address = address
        self.log = log
        with open(log, "ab") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        self.pid = self.process.pid

    def wait(self):
        end = time.monotonic() + START_LIMIT_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                connect(self.address).close()
                return self
            except OSError:
                time.sleep(0.0005)
        raise Failed(f"{self.name} did not start:\n{self.tail()}")

    def tail(self):
        with open(self.log, errors="replace") as file:
            return "".join(file.readlines()[-15:])

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class World:
    """DNS, policy hosts, and the programs of "make bench" at hand."""

    def __init__(self, build, domains):
        self.build = build
        self.domains = domains
        self.dir = tempfile.mkdtemp(prefix="mtasts-bench-", dir="/var/tmp")
        self.ca_file = self.path("ca.pem")
        self.caches = 0
        self.servers = []

    def __enter__(self):
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            self.set_resolver()
            self.start_dns()
            self.start_https()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def tool(self, name):
        return os.path.join(self.build, "tests", "bench", name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def set_resolver(self):
        path = self.write("resolv.conf", "nameserver 127.0.0.1\n")
        subprocess.run(["mount", "--bind", path,
                        os.path.realpath("/etc/resolv.conf")], check=True)

    def start_dns(self):
        """A plain authoritative server: it takes the questions of a stub."""
        zone = ["$ORIGIN example.", "$TTL 3600",
                "@ SOA ns hostmaster 1 3600 600 86400 3600", "@ NS ns",
                "ns A 127.0.0.1"]
        for number in range(MAIL_HOSTS):
            name, address = mail_host(number)
            zone.append(f"{name}. A {address}")
        for number in range(self.domains):
            name = f"dom{number:07d}"
            zone += [f"{name} MX 10 {mail_host(number % MAIL_HOSTS)[0]}.",
                     f"mta-sts.{name} A 127.0.0.1",
                     f'_mta-sts.{name} TXT "v=STSv1; id=20240101T000000;"']
        for number in range(QUIETS):
            name = f"quiet{number:07d}"
            zone += [f"mta-sts.{name} A {QUIET_ADDRESS}",
                     f'_mta-sts.{name} TXT "v=STSv1; id=1;"']
        self.write("example.zone", "\n".join(zone) + "\n")
        conf = self.write("nsd.conf", "\n".join((
            "server:", " ip-address: 127.0.0.1", " server-count: 1",
            ' username: ""', ' chroot: ""', ' database: ""',
            f' zonesdir: "{self.dir}"', f' zonelistfile: "{self.dir}/zones"',
            f' xfrdfile: "{self.dir}/xfrd"', f' xfrdir: "{self.dir}"',
            f' pidfile: "{self.dir}/nsd.pid"',
            " rrl-ratelimit: 0",  # it would answer 200 a second
            "remote-control:", " control-enable: no",
            "zone:", " name: example", " zonefile: example.zone", "")))
        self.serve("nsd", pinned("world") + ["nsd", "-d", "-c", conf],
                   "inet:127.0.0.1:53")

    def start_https(self):
        """The CA file is a real bundle plus one: reading it must cost what
        it costs in life, or reading it too often would not show."""
        own = self.path("own-ca.pem")
        self.serve("bench_https",
                   pinned("world") + [self.tool("bench_https"), HTTPS, DOMAIN,
                                      f"0:{self.domains - 1}", own], HTTPS)
        with open(self.ca_file, "wb") as bundle:
            for path in [own] + [p for p in CA_BUNDLES if os.path.exists(p)][:1]:
                with open(path, "rb") as file:
                    shutil.copyfileobj(file, bundle)

    def serve(self, name, command, address):
        server = Server(name, command, address, self.path(name + ".log"))
        self.servers.append(server)
        return server.wait()

    def stop(self, server):
        self.servers.remove(server)
        server.stop()

    def bare(self, reply, delay_ns=0):
        """The bare server, answering REPLY."""
        address = "unix:" + self.path(f"bare{len(self.servers)}.sock")
        return self.serve("bench_echo", pinned("subject") +
                          [self.tool("bench_echo"), "-d", str(delay_ns),
                           address, reply], address)

    def new_cache(self):
        self.caches += 1
        path = self.path(f"cache{self.caches}")
        os.mkdir(path)
        return path

    def daemon_command(self, cache, name="daemon", more=()):
        socket_path = self.path(name + ".sock")
        conf = self.write(name + ".yaml", "\n".join((
            "listen:", f" - socketmap: unix:{socket_path}",
            f"control: {control_of('unix:' + socket_path)}",
            f"stats: {control_of('unix:' + socket_path)}.stats",
            f"cache: {{ directory: {cache} }}",
            'dns: { servers: ["127.0.0.1:53"] }', "dane: off",
            f"fetch: {{ ca_file: {self.ca_file}, "
            "allow_private_addresses: true }", *more, "")))
        program = os.path.join(self.build, "mtastsd")
        return (pinned("subject") + [program, "-f", "-c", conf],
                "unix:" + socket_path)

    def daemon(self, cache, name="daemon", more=()):
        """MORE: lines of its configuration."""
        command, address = self.daemon_command(cache, name, more)
        return self.serve("mtastsd", command, address)

    @staticmethod
    def control(daemon, request):
        """What mtastsd says to REQUEST: a list of objects, the end last."""
        with connect(control_of(daemon.address)) as sock:
            sock.sendall(request.encode() + b"\n")
            with sock.makefile() as lines:
                said = []
                while not said or not said[-1].get("end"):
                    said.append(json.loads(lines.readline()))
        return said

    def ctl_start(self, daemon, words):
        """mtasts-ctl, which writes to nowhere."""
        return subprocess.Popen(
            pinned("world") + [os.path.join(self.build, "mtasts-ctl"), "-s",
                               control_of(daemon.address)] + words,
            stdout=subprocess.DEVNULL)

    def tool_start(self, name, *arguments, role="world"):
        return subprocess.Popen(
            pinned(role) + [self.tool(name)] + [str(a) for a in arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def tool_end(self, process):
        """What it printed. An error of its is one of the measurement's."""
        out, err = process.communicate()
        if process.returncode != 0:
            logs = "".join(f"-- {s.name}:\n{s.tail()}" for s in self.servers)
            raise Failed(f"{' '.join(process.args)}: {out}{err}\n{logs}")
        return json.loads(out)

    def load(self, *arguments, role="world"):
        return self.tool_end(self.tool_start("bench_load", *arguments,
                                             role=role))

    def curl(self, first, last, *arguments):
        return self.tool_end(self.tool_start(
            "bench_curl", *arguments, DOMAIN, f"{first}:{last}", self.ca_file,
            role="subject"))
