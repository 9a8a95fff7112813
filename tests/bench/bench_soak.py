# SPDX-License-Identifier: BSD-2-Clause
"""The soak: half an hour of everything that can happen to a daemon, at a modest rate.
It checks that memory and descriptors do not grow.

The number of names is bounded. A window of domains with a policy moves over a larger
set, and domains that leave it are flushed. There is also a fixed set of absent
domains. So whatever still grows is a leak.
"""
import json
import os
import random
import signal
import time

import bench_plot
import bench_world
from bench_world import ABSENT, DOMAIN, Failed

SAMPLE_S = 5
SETTLED = 1 / 3  # of the run, after which it must be flat: 20 of 30 minutes
EARLY = 1 / 6  # of the run: the first figure, after 5 of 30 minutes
WINDOW = 500  # domains with a policy that are asked for
STEP = 5  # of which as many leave at each round of SAMPLE_S
BEHIND = 50  # the clients that still ask for what has left: longer than LOAD_S
ABSENTS = 500
RATE = 150  # questions a second, of each of the two loads
CLIENTS = 20  # of each, which leave after LOAD_S, and others come
LOAD_S = 17
VISITS = 5  # a second: clients that ask once, or go without a reply
FLAT_KIB = 1  # a minute, in what is left after SETTLED
MIB = 1024  # in KiB
HIT = "OK secure match="
MISS = "NOTFOUND "


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def sample(pid, start):
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    number = {key: int(fields[key].split()[0])
              for key in ("RssAnon", "VmRSS", "Threads")}
    return {"s": round(time.monotonic() - start, 1),
            "anon_kib": number["RssAnon"], "rss_kib": number["VmRSS"],
            "fds": descriptors(pid),
            "threads": number["Threads"]}


def slope_kib_min(samples):
    """Of the straight line nearest to the samples (least squares)."""
    xs = [one["s"] / 60 for one in samples]
    ys = [one["anon_kib"] for one in samples]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return (sum((a - x) * (b - y) for a, b in zip(xs, ys)) /
            sum((a - x) ** 2 for a in xs))


def span(samples, key):
    values = [one[key] for one in samples]
    return f"{min(values)}..{max(values)}"


def after(samples, share):
    """What lies behind that share of the run."""
    return [one for one in samples if one["s"] >= samples[-1]["s"] * share]


class Soak:
    # Recently asked domains are asked again: nothing is spared.
    MORE = ("refresh: { min_interval: 1s }",
            "lookup: { negative_min: 1s, negative_max: 30s }")

    def __init__(self, world):
        self.world = world
        self.daemon = None
        self.cache = None
        self.first = 0  # of the window
        self.extra = False  # is the second listener there?
        self.counts = dict.fromkeys(("answers", "visits", "scrapes", "reload",
                                     "refresh", "flush", "explain", "list"), 0)
        self.loads = {}
        self.samples = []

    # -- the configuration, with and without a second listener ---------------

    def second(self):
        return "unix:" + self.world.path("soak-second.sock")

    def reload(self):
        """Adds the second listener or takes it away; HUP and the control
        socket take turns, two by two."""
        command, _ = self.world.daemon_command(self.cache, "soak", self.MORE)
        self.extra = not self.extra
        if self.extra:
            with open(command[-1]) as file:
                text = file.read()
            with open(command[-1], "w") as file:
                file.write(text.replace("listen:\n", "listen:\n - socketmap: "
                                        f"{self.second()}\n"))
        if self.counts["reload"] // 2 % 2 == 0:
            self.ctl("reload")  # that it is in force, check_second() tells
        else:
            os.kill(self.daemon.pid, signal.SIGHUP)
            self.counts["reload"] += 1
        self.check_second()

    def check_second(self):
        end = time.monotonic() + bench_world.START_LIMIT_S
        while time.monotonic() < end:
            try:
                bench_world.connect(self.second()).close()
                there = True
            except OSError:
                there = False
            if there == self.extra:
                return
            time.sleep(0.01)
        raise Failed("a reload has not changed the listeners")

    # -- what goes on --------------------------------------------------------

    def ctl(self, *words):
        status = self.world.ctl_start(self.daemon, list(words)).wait()
        if status not in (0, 1):  # 1: of that domain nothing is known
            raise Failed(f"mtasts-ctl {' '.join(words)}: status {status}")
        self.counts[words[0]] += 1

    def load_end(self, key):
        if key in self.loads:
            self.counts["answers"] += self.world.tool_end(
                self.loads.pop(key))["answered"]

    def load(self, key, first, last, prefix):
        """Clients that ask for a while and leave; then others come."""
        if key in self.loads and self.loads[key].poll() is None:
            return
        self.load_end(key)
        self.loads[key] = self.world.tool_start(
            "bench_load", "-i", "-q", RATE, "-n", CLIENTS, "-s", LOAD_S, "-k",
            key, "-r", f"{first}:{last}", "-e", prefix, self.daemon.address)

    def name(self):
        return f"dom{self.first + random.randrange(WINDOW):07d}.example"

    def visit(self):
        """One that asks and goes, one that goes without its reply, one
        that leaves in the middle of a question, one that sends garbage."""
        bench_world.ask(self.daemon.address, "postfix " + self.name())
        question = f"postfix {self.name()}".encode()
        whole = b"%d:%s," % (len(question), question)
        for data in (whole, whole[:9], b"x" * 50):
            with bench_world.connect(self.daemon.address) as sock:
                sock.sendall(data)
        self.counts["visits"] += 4

    def scrape(self):
        for page in ("/metrics", "/stats.json", "/healthz"):
            with bench_world.connect(bench_world.control_of(
                    self.daemon.address) + ".stats") as sock:
                sock.sendall(f"GET {page} HTTP/1.0\r\n\r\n".encode())
                while sock.recv(65536):
                    pass
            self.counts["scrapes"] += 1

    def move_on(self):
        """The window moves; what leaves it is forgotten."""
        left = self.first - BEHIND
        for number in range(max(left, 0), max(left + STEP, 0)):
            self.ctl("flush", f"dom{number:07d}.example")
        self.first += STEP
        if self.first + WINDOW > self.world.domains:
            self.ctl("flush", "--all")
            self.first = 0

    def second_of_life(self):
        self.load(DOMAIN, self.first, self.first + WINDOW - 1, HIT)
        self.load(ABSENT, 0, ABSENTS - 1, MISS)
        self.visit()
        self.ctl("refresh", self.name())
        self.ctl("flush", self.name())

    def round(self):
        self.scrape()
        self.reload()
        self.move_on()
        if self.counts["reload"] % 6 == 0:
            self.ctl("flush", "--negative")
        self.ctl("list")
        self.ctl("explain", self.name())

    # -- the run -------------------------------------------------------------

    def live(self, seconds, path):
        start = time.monotonic()
        turn = 0
        with open(path, "w") as file:
            while time.monotonic() - start < seconds:
                self.second_of_life()
                if turn % SAMPLE_S == 0:
                    self.round()
                    self.samples.append(sample(self.daemon.pid, start))
                    print(json.dumps(self.samples[-1]), file=file, flush=True)
                turn += 1
                time.sleep(max(0, start + turn - time.monotonic()))
        for key in list(self.loads):
            self.load_end(key)

    def idle_descriptors(self):
        """When what clients have left behind is closed."""
        time.sleep(2)
        return descriptors(self.daemon.pid)

    def measure(self, table, seconds, path):
        """PATH: of the plot; the samples are written beside it."""
        self.cache = self.world.new_cache()
        self.daemon = self.world.daemon(self.cache, "soak", self.MORE)
        bench_world.ask(self.daemon.address, "postfix dom0000000.example")
        cpu = bench_world.cpu_s(self.daemon.pid)
        idle = [self.idle_descriptors()]
        self.live(seconds, path + ".json")
        if self.extra:
            self.reload()
        idle.append(self.idle_descriptors())
        busy = (bench_world.cpu_s(self.daemon.pid) - cpu) / seconds
        self.world.stop(self.daemon)
        show(table, self.samples, idle)
        plot(self.samples, path)
        print("\nIn that time: " + ", ".join(
            f"{count:,} {what}" for what, count in self.counts.items()) +
            f"; {busy * 100:.1f} % of a processor.\nwritten: {path}",
            flush=True)


def show(table, samples, idle):
    """IDLE: the descriptors before and after all that."""
    late = after(samples, SETTLED)
    slope = slope_kib_min(late)
    early = after(samples, EARLY)[0]
    minutes = samples[-1]["s"] / 60
    table.value(
        f"private memory (RssAnon) in {minutes:.0f} minutes' soak",
        f"{early['anon_kib'] / MIB:.2f} MiB after {early['s'] / 60:.0f} "
        f"minutes, {samples[-1]['anon_kib'] / MIB:.2f} at the end; slope of "
        f"the last {(late[-1]['s'] - late[0]['s']) / 60:.0f}: {slope:+.2f} "
        "KiB a minute", f"{FLAT_KIB} KiB a minute", slope <= FLAT_KIB)
    table.value(
        "descriptors and threads meanwhile",
        f"{span(samples, 'fds')}, {span(samples, 'threads')}; descriptors "
        f"before {idle[0]}, after {idle[1]}", "as before",
        idle[0] == idle[1])


def plot(samples, path):
    curves = [
        bench_plot.Panel(title, [one[key] / unit for one in samples], None,
                         form)
        for title, key, unit, form in (
            ("private memory, MiB", "anon_kib", MIB, "{:.2f}"),
            ("resident memory, MiB", "rss_kib", MIB, "{:.1f}"),
            ("descriptors", "fds", 1, "{:.0f}"))]
    svg = bench_plot.draw_curves([one["s"] / 60 for one in samples], "min",
                                 curves)
    with open(path, "w", encoding="utf-8") as file:
        file.write(svg)
