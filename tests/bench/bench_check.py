# SPDX-License-Identifier: BSD-2-Clause
"""Compares mtasts-check, for many domains that share their mail hosts, with bare
libcurl, which only fetches their policies."""
import json
import os
import subprocess
import sys
import time

import bench_world
from bench_table import show_cold
from bench_world import DOMAIN, Failed

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from world import ca, smtpserver  # noqa: E402

DOMAINS = 500
PARALLEL = 50


class Check:
    def __init__(self, bench):
        self.bench = bench
        self.world = bench.world
        self.count = min(DOMAINS, bench.domains)
        self.receivers = []
        os.mkdir(self.world.path("mail-ca"))
        self.ca = ca.CA(self.world.path("mail-ca"))

    def start(self):
        for number in range(bench_world.MAIL_HOSTS):
            name, address = bench_world.mail_host(number)
            self.receivers.append(
                smtpserver.Receiver(self.ca, name, address))
        with open(self.world.path("check-ca.pem"), "w") as bundle:
            for path in (self.world.ca_file, self.ca.root):
                with open(path) as file:
                    bundle.write(file.read())
        self.world.write("check-domains", "".join(
            DOMAIN.replace("#######", f"{number:07d}") + "\n"
            for number in range(self.count)))

    def stop(self):
        for receiver in self.receivers:
            receiver.stop()

    def measured(self, run):
        """What RUN takes, processes and all: their start counts on either
        side, as a user who checks a list of domains waits for it."""
        before = os.times()
        start = time.monotonic()
        value = run()
        seconds = time.monotonic() - start
        after = os.times()
        used_s = (after.children_user - before.children_user +
                  after.children_system - before.children_system)
        return value, {"seconds": seconds, "rate": self.count / seconds,
                       "cpu_us": used_s * 1e6 / self.count,
                       "busy": used_s / seconds}

    def subject(self):
        command = bench_world.pinned("subject") + [
            os.path.join(self.world.build, "mtasts-check"), "--jsonl",
            "--allow-private", "--resolver", "127.0.0.1", "--jobs",
            str(PARALLEL), "--ca-file", self.world.path("check-ca.pem"),
            "-f", self.world.path("check-domains")]
        calls = sum(receiver.connections for receiver in self.receivers)
        done, result = self.measured(lambda: subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False))
        self.must_be_whole(done.stdout, calls)
        return result

    def must_be_whole(self, out, calls):
        """Every policy fetched, every host called, and that once."""
        reports = [json.loads(line) for line in out.splitlines()]
        calls = sum(r.connections for r in self.receivers) - calls
        if len(reports) != self.count or calls != bench_world.MAIL_HOSTS or \
                not all(report["policy"] and
                        report["mx"][0]["addresses"][0]["reach"] == "tls"
                        for report in reports):
            raise Failed(f"{len(reports)} reports, {calls} calls: {out[:2000]}")

    def reference(self):
        fetched, result = self.measured(lambda: self.world.curl(
            0, self.count - 1, "-p", PARALLEL))
        if fetched["fetched"] != self.count:
            raise Failed(f"bare libcurl fetched {fetched['fetched']}")
        return result

    def row(self, table):
        self.start()
        try:
            pairs = self.bench.in_turns(self.reference, self.subject)
        finally:
            self.stop()
        table.ratio(f"mtasts-check: {self.count} domains that share "
                    f"{bench_world.MAIL_HOSTS} mail hosts, {PARALLEL} at a "
                    "time, beside the fetches alone", pairs, show_cold, 0.8)
