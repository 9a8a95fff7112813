# SPDX-License-Identifier: BSD-2-Clause
"""Compares the cost of a cache of a million policies with one of a thousand.

bench_fill makes both, which differ only in size. They are warm: each policy was asked
for once before the measurement, so that the disk does not count. Keys are uniformly
random over all policies. No mail server does that, and it is the worst case for the
daemon: hardly any policy is in the processor's caches.
"""
import statistics
import subprocess
import threading
import time

import bench_world
from bench_table import show_rate
from bench_world import DOMAIN, Failed

FEW = 1000
MANY = 1000000
# Hits while a list is written: as in the row of the cold look-ups.
HIT_RATE = 500
HIT_CLIENTS = 50


class Many:
    def __init__(self, bench):
        self.bench = bench
        self.world = bench.world
        self.caches = {}  # by size: what bench_fill said, and the folder

    def cache(self, count):
        if count not in self.caches:
            path = self.world.new_cache()
            made = self.world.tool_end(self.world.tool_start(
                "bench_fill", path, DOMAIN, f"0:{count - 1}"))
            self.caches[count] = dict(made, path=path)
        return self.caches[count]

    def daemon(self, count, warm=True):
        daemon = self.world.daemon(self.cache(count)["path"], f"many{count}")
        if warm:
            self.world.load("-1", "-n", self.bench.clients, "-s", 120, "-k",
                            DOMAIN, "-r", f"0:{count - 1}", daemon.address)
        return daemon

    def hits(self, daemon, count, polls=True):
        return self.bench.measure(daemon, DOMAIN, "", polls, count)

    def stop(self, *daemons):
        """What was measured must have been hits, all of it, and nothing
        else can have gone on."""
        for daemon in daemons:
            lookups = self.world.control(daemon, "status")[0]["lookups"]
            self.world.stop(daemon)
            if any(lookups[key] for key in ("misses", "absent",
                                            "discoveries")):
                raise Failed(f"no hits: {lookups}")

    # -- the rows --------------------------------------------------------------

    def row_hits(self, table):
        few, many = self.daemon(FEW), self.daemon(MANY)
        for what, polls in (
                (f"cached look-up, {MANY:,} policies against {FEW:,}, "
                 f"{self.bench.clients} client processes", False),
                ("the same, one client process that never sleeps", True)):
            pairs = self.bench.in_turns(lambda: self.hits(few, FEW, polls),
                                        lambda: self.hits(many, MANY, polls))
            table.ratio(what, pairs, show_rate, 0.9)
        self.stop(few, many)

    def row_start(self, table):
        self.bench.start_value(table, self.cache(MANY)["path"], MANY, "")

    def row_memory(self, table):
        daemon = self.daemon(MANY)
        self.bench.memory_value(table, daemon, MANY, "")
        self.stop(daemon)

    def row_idle(self, table):
        daemon = self.daemon(MANY)
        self.bench.idle_value(table, daemon, f", {MANY:,} policies")
        self.stop(daemon)

    def row_list(self, table):
        daemon = self.daemon(MANY)
        start = time.monotonic()
        self.world.control(daemon, "status")
        took_ms = (time.monotonic() - start) * 1e3
        table.value(f"mtasts-ctl status of {MANY:,} policies",
                    f"{took_ms:.1f} ms", "5 ms", took_ms <= 5)
        for words in (["list"], ["--json", "list"], ["list", "*7.example"]):
            self.list_value(table, daemon, words)
        self.stop(daemon)

    def list_value(self, table, daemon, words):
        """One list while others ask."""
        most = {}  # by process: KiB
        hits = []
        start = time.monotonic()
        client = self.world.ctl_start(daemon, words)
        watch = threading.Thread(target=watch_memory,
                                 args=(client, (client.pid, daemon.pid), most))
        watch.start()
        try:
            while client.poll() is None:
                hits.append(self.world.load(
                    "-i", "-q", HIT_RATE, "-n", HIT_CLIENTS, "-s", 1, "-k",
                    DOMAIN, "-r", f"0:{MANY - 1}", daemon.address,
                    role="watch"))
        finally:
            client.kill()
            watch.join()
        if client.returncode != 0:
            raise Failed(f"mtasts-ctl {' '.join(words)}: {client.returncode}")
        took_s = most["end"] - start
        p99_ms = statistics.median(hit["p99_us"] for hit in hits) / 1e3
        mib = [most[pid] / 1024 for pid in (client.pid, daemon.pid)]
        table.value(
            f"mtasts-ctl {' '.join(words)} of {MANY:,} policies: 99th "
            f"percentile of {HIT_RATE} hits a second meanwhile",
            f"{p99_ms:.1f} ms; list in {took_s:.1f} s, private memory of "
            f"mtasts-ctl {mib[0]:.1f} MiB, of mtastsd {mib[1]:.1f} MiB",
            "5 ms, 32 MiB", p99_ms <= 5 and max(mib) <= 32)


def watch_memory(process, pids, most):
    """Notes the most that each of PIDS has had, until PROCESS ends, and
    when that was."""
    while process.poll() is None:
        for pid in pids:
            try:
                kib = bench_world.rss_anon_kib(pid)
            except (OSError, Failed):  # it has just ended
                continue
            most[pid] = max(most.get(pid, 0), kib)
        time.sleep(0.02)
    most["end"] = time.monotonic()
