# SPDX-License-Identifier: BSD-2-Clause
"""The table that "make bench" prints, and how its figures are written."""
import statistics

BUSY_MIN = 0.8  # of the time, or a neighbour has the processor


class Table:
    """Rows of Markdown, each printed as soon as it is there."""

    HEAD = ("what", "reference", "mtastsd", "ratio (min..max)", "by CPU",
            "budget", "")

    def __init__(self):
        self.row(*self.HEAD)
        self.row(*["---"] * len(self.HEAD))

    @staticmethod
    def row(*cells):
        print("| " + " | ".join(cells) + " |", flush=True)

    def ratio(self, what, pairs, show, budget):
        """PAIRS of (reference, subject): each a dict with a rate and what
        one cost in processor time."""
        refs, subjects = zip(*pairs)
        ratios = [subject["rate"] / ref["rate"] for ref, subject in pairs]
        by_cpu = [ref["cpu_us"] / subject["cpu_us"] for ref, subject in pairs]
        median = statistics.median(ratios)
        result = verdict(median >= budget) if budget else ""
        if median_of(refs + subjects, "busy") < BUSY_MIN:
            result += " (restless machine)"
        self.row(what, show(refs), show(subjects),
                 f"**{median:.2f}** ({min(ratios):.2f}..{max(ratios):.2f})",
                 f"{statistics.median(by_cpu):.2f}",
                 f"{budget}" if budget else "", result)

    def value(self, what, text, budget, good):
        self.row(what, "", text, "", "", budget, verdict(good))


def verdict(good):
    return "ok" if good else "MISSED"


def median_of(results, key):
    return statistics.median(result[key] for result in results)


def show_rate(results):
    """With what a look-up cost the server: it shows what the generator's or
    a neighbour's share in a rate would hide."""
    return (f"{median_of(results, 'rate'):,.0f}/s, "
            f"{median_of(results, 'cpu_us'):.2f} µs CPU, "
            f"busy {median_of(results, 'busy') * 100:.0f} %")


def show_cold(results):
    return (f"{median_of(results, 'rate'):,.0f}/s, "
            f"{median_of(results, 'cpu_us') / 1e3:.2f} ms CPU, "
            f"busy {median_of(results, 'busy') * 100:.0f} %")
