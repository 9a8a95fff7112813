# SPDX-License-Identifier: BSD-2-Clause
"""How cost grows with the number of policies: a table, and growth.svg.

All sizes take turns in every round, so that a restless machine treats them
alike; a rate is given as the share of the smallest cache's in the same round.
"""
import statistics

import bench_plot
from bench_table import Table

SIZES = (1000, 10000, 100000, 1000000)


def short(count):
    return f"10{'⁰¹²³⁴⁵⁶⁷⁸⁹'[len(str(count)) - 1]}"


class Growth:
    HEAD = ("policies", "hits", "of the rate with 1,000 (min..max)",
            "by CPU", "CPU a hit", "start to first answer", "RssAnon, 100 clients",
            "file", "bytes a policy", "filled at")

    def __init__(self, many):
        self.many = many
        self.bench = many.bench
        self.world = many.world

    def rounds(self, daemons):
        """By size, a list of results, one a round."""
        results = {size: [] for size in SIZES}
        for turn in range(self.bench.pairs):
            for size in SIZES if turn % 2 == 0 else SIZES[::-1]:
                results[size].append(self.many.hits(daemons[size], size))
        return results

    def point(self, size, daemon, hits, base):
        made = self.many.cache(size)
        shares = [hit["rate"] / ref["rate"] for hit, ref in zip(hits, base)]
        memory_kib = self.bench.memory_kib(daemon, size, "")
        self.many.stop(daemon)
        return {
            "policies": size,
            "rate": statistics.median(hit["rate"] for hit in hits),
            "shares": shares,
            "share": statistics.median(shares),
            "by_cpu": statistics.median(ref["cpu_us"] / hit["cpu_us"]
                                        for hit, ref in zip(hits, base)),
            "cpu_us": statistics.median(hit["cpu_us"] for hit in hits),
            "start_ms": statistics.median(
                self.bench.start_times_ms(made["path"], "")),
            "rss_mib": memory_kib / 1024,
            "file_mib": made["bytes"] / 2**20,
            "bytes": made["bytes"] / size,
            "fill": size / made["seconds"],
        }

    @staticmethod
    def row(point):
        Table.row(
            f"{point['policies']:,}", f"{point['rate']:,.0f}/s",
            f"**{point['share']:.2f}** ({min(point['shares']):.2f}.."
            f"{max(point['shares']):.2f})", f"{point['by_cpu']:.2f}",
            f"{point['cpu_us']:.2f} µs",
            f"{point['start_ms']:.0f} ms", f"{point['rss_mib']:.1f} MiB",
            f"{point['file_mib']:,.1f} MiB", f"{point['bytes']:.0f}",
            f"{point['fill']:,.0f}/s")

    def measure(self, path):
        daemons = {size: self.many.daemon(size) for size in SIZES}
        results = self.rounds(daemons)
        print()
        Table.row(*self.HEAD)
        Table.row(*["---"] * len(self.HEAD))
        points = []
        for size in SIZES:
            points.append(self.point(size, daemons[size], results[size],
                                     results[SIZES[0]]))
            self.row(points[-1])
        self.plot(points, path)

    @staticmethod
    def plot(points, path):
        labels = [short(point["policies"]) for point in points]
        panels = [
            ("share of the rate with 1,000", "share", 1.0, "{:.2f}"),
            ("processor time a hit, µs", "cpu_us", None, "{:.1f}"),
            ("start to first answer, ms", "start_ms", 100, "{:.0f}"),
            ("private memory, MiB", "rss_mib", 32, "{:.1f}"),
            ("file, MiB", "file_mib", None, "{:,.1f}"),
            ("bytes a policy on disk", "bytes", None, "{:.0f}"),
        ]
        svg = bench_plot.draw(
            labels, [bench_plot.Panel(title, [p[key] for p in points], top,
                                      form)
                     for title, key, top, form in panels])
        with open(path, "w", encoding="utf-8") as file:
            file.write(svg)
        print(f"\nwritten: {path}", flush=True)
