# SPDX-License-Identifier: BSD-2-Clause
"""Storms: ten thousand cold domains at once, and policy hosts that accept a
connection but never answer. Measures how long other clients wait meanwhile, and how
much memory it takes."""
import resource
import socket
import statistics
import time

import bench_world
from bench_world import ABSENT, DOMAIN, QUIET, QUIET_ADDRESS, QUIETS, Failed

COLD = 10000
SILENT = 64
HIT_RATE = 500  # a second
HIT_CLIENTS = 50
LOOKUP_S = 20  # lookup.timeout
# For who is answered at the time limit, with ten thousand others.
AFTER_S = 1
BEFORE_S = 0.2  # the hits' clients are connected then, and served
HIT = "OK secure match="
MISS = "NOTFOUND "


class Storm:
    def __init__(self, bench):
        self.bench = bench
        self.world = bench.world

    def daemon(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < COLD + 4000:
            raise Failed(f"ulimit -Hn is {hard}: too few for {COLD:,} clients")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, COLD + 4000),
                                                    hard))
        return self.world.daemon(self.bench.need_cache(), "storm", (
            f"limits: {{ clients: {COLD + 1000} }}",
            f"lookup: {{ timeout: {LOOKUP_S}s }}"))

    def cold(self, daemon, key, count, *options):
        """All COUNT of KEY at once, each on a connection of its own."""
        return self.world.tool_start(
            "bench_load", "-1", "-i", *options, "-n", count, "-s",
            3 * LOOKUP_S, "-k", key, "-r", f"0:{count - 1}", "-e", MISS,
            daemon.address)

    def hits(self, daemon):
        """For a second, on connections that are there before it begins."""
        return self.world.tool_start(
            "bench_load", "-i", "-q", HIT_RATE, "-n", HIT_CLIENTS, "-s", 1,
            "-k", DOMAIN, "-r", f"0:{self.bench.domains - 1}", "-e", HIT,
            daemon.address, role="watch")

    # -- the rows --------------------------------------------------------------

    def storm(self, *options):
        """One domain in ten has a record, and a host that says nothing. Returns
        the hits' 99th percentile of each second in ms, the first of which is
        the storm's own, the most memory in KiB, and the slowest answer in
        s."""
        daemon = self.daemon()
        with Quiet():
            hits = [self.hits(daemon)]
            time.sleep(BEFORE_S)
            loads = [self.cold(daemon, ABSENT, COLD - QUIETS, *options),
                     self.cold(daemon, QUIET, QUIETS, *options)]
            p99_ms, most_kib = [], 0
            while any(load.poll() is None for load in loads):
                p99_ms.append(self.world.tool_end(hits.pop())["p99_us"] / 1e3)
                hits.append(self.hits(daemon))
                most_kib = max(most_kib, bench_world.rss_anon_kib(daemon.pid))
            self.world.tool_end(hits.pop())
            slowest_s = max(self.world.tool_end(load)["max_us"]
                            for load in loads) / 1e6
        self.world.stop(daemon)
        return p99_ms, most_kib, slowest_s

    def row_cold(self, table):
        """They come, and ask; and once more, all there before the first asks:
        then their questions have been read before the next hit is."""
        came, came_kib, came_s = self.storm("-a")
        there, there_kib, there_s = self.storm()
        most_kib, slowest_s = max(came_kib, there_kib), max(came_s, there_s)
        table.value(f"99th percentile of {HIT_RATE} hits a second while "
                    f"{COLD:,} clients connect and ask for a cold domain each",
                    f"{max(came):.1f} ms in the worst second "
                    f"({statistics.median(came):.1f} in the median one)",
                    "5 ms", max(came) <= 5)
        table.value("the same if all are connected before the first asks",
                    f"{statistics.median(there):.1f} ms in the median second, "
                    f"{max(there):.1f} in the worst", "5 ms",
                    statistics.median(there) <= 5)
        table.value("private memory (RssAnon) meanwhile",
                    f"{most_kib / 1024:.0f} MiB", "128 MiB",
                    most_kib <= 128 * 1024)
        table.value(f"the last of the {COLD:,} is answered after",
                    f"{slowest_s:.1f} s", f"{LOOKUP_S} s (lookup.timeout)",
                    slowest_s <= LOOKUP_S + AFTER_S)

    def row_silent(self, table):
        """Domains that are new to the daemon, one at a time."""
        daemon = self.daemon()
        times_ms = []
        with Quiet():
            load = self.cold(daemon, QUIET, SILENT)
            while self.running(daemon) < SILENT:
                time.sleep(0.01)
            first = self.bench.domains
            for number in range(first, first + self.bench.pairs):
                start = time.monotonic()
                reply = bench_world.ask(daemon.address,
                                        f"postfix dom{number:07d}.example")
                times_ms.append((time.monotonic() - start) * 1e3)
                if not reply.startswith(HIT):
                    raise Failed(f"a cold domain: {reply}")
            load.kill()
            load.wait()
        self.world.stop(daemon)
        table.value(f"a cold domain while {SILENT} policy hosts say nothing",
                    f"{statistics.median(times_ms):.0f} ms (slowest "
                    f"{max(times_ms):.0f})", "1000 ms", max(times_ms) <= 1000)

    def running(self, daemon):
        status = self.world.control(daemon, "status")[0]
        return sum(status["fetcher"].values())


class Quiet:
    """While it is open, policy hosts accept connections and do not serve them."""

    def __enter__(self):
        self.listener = socket.socket()
        self.listener.bind((QUIET_ADDRESS, 443))
        self.listener.listen(4096)
        return self

    def __exit__(self, *_):
        self.listener.close()
