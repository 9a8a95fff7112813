# SPDX-License-Identifier: BSD-2-Clause
"""monitoring.py SRCDIR - the body of monitoring.test; prints TAP.

The metrics are read from mtasts-metrics(7). A unit test compares that page with the
code's own table."""

import json
import os
import re
import shutil
import subprocess
import sys

SRCDIR = sys.argv[1]
CONTRIB = os.path.join(SRCDIR, "contrib")
BOARD = os.path.join(CONTRIB, "grafana", "mtasts-dashboard.json")
PROMETHEUS = os.path.join(CONTRIB, "prometheus")
# Labels that the scrape adds, and Grafana's variables.
EVERYWHERE = {"job": None, "instance": None, "le": None}


def told():
    """Returns {name: {label: {values}}} from the manual."""
    page = os.path.join(SRCDIR, "doc", "man", "mtasts-metrics.7")
    with open(page) as file:
        text = file.read()
    text = text[text.index("\n.Sh METRICS"):text.index("\n.Sh FILES")]
    metrics = {}
    for item in text.split("\n.It Va ")[1:]:
        name, _, rest = item.partition("\n")
        labels = {}
        for label, values in re.findall(
                r"Label\n\.Va (\S+) :\n((?:\.Va .*\n?)+)", rest):
            labels[label] = set(re.findall(
                r"[a-z_0-9-]+", values.replace(".Va", "")))
        metrics[name] = labels
        if "\nHistogram" in "\n" + rest:
            for suffix in ("_bucket", "_sum", "_count"):
                metrics[name + suffix] = labels
    metrics["mtasts_build_info"] = {"version": None}
    return metrics


def board_queries():
    """Yields every query of the dashboard, with its panel."""
    with open(BOARD) as file:
        board = json.load(file)
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"]
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                yield panel["title"], "sum by (%s) (%s)" % (
                    label, target["expr"])


def rule_queries():
    with open(os.path.join(PROMETHEUS, "mtasts-rules.yml")) as file:
        text = file.read()
    for name, rest in re.findall(
            r"- alert: (\S+)\n(.*?)(?=labels:|for:)", text, re.DOTALL):
        yield name, rest


def faults(where, query, metrics):
    """Yields what QUERY uses that does not exist."""
    grouped = [label.strip() for group in re.findall(
        r"by \(([^)]*)\)", query) for label in group.split(",")]
    found = re.findall(r"(mtasts_\w+)(?:{([^}]*)})?", query)
    labels = dict(EVERYWHERE)
    for name, inside in found:
        if name not in metrics:
            yield "%s: there is no %s" % (where, name)
            continue
        known = {**EVERYWHERE, **metrics[name]}
        labels.update(known)
        for label, value in re.findall(r'(\w+)!?=~?"([^"]*)"', inside):
            if label not in known:
                yield "%s: %s has no label %s" % (where, name, label)
            elif known[label] is not None and value not in known[label]:
                yield "%s: %s has no %s=%s" % (where, name, label, value)
    for label in grouped:
        if label not in labels:
            yield "%s: nothing there has a label %s" % (where, label)


def result(number, what, wrong):
    print("%sok %d - %s" % ("not " if wrong else "", number, what))
    for line in wrong:
        print("# " + line)


def operations():
    with open(os.path.join(SRCDIR, "doc", "operations.md")) as file:
        return file.read()


def panels():
    """Compares the dashboard's panels with those in operations.md."""
    with open(BOARD) as file:
        there = {panel["title"] for panel in json.load(file)["panels"]
                 if panel["type"] != "row"}
    text = re.search(r"The board has these panels:(.*?)\.\n\n",
                     operations(), re.DOTALL).group(1)
    return sorted(there ^ set(re.split("[,;] ", " ".join(text.split()))))


def alerts(rules):
    """Compares the alerts with those in operations.md."""
    return sorted({name for name, _ in rules} ^
                  set(re.findall(r"^\| `(Mtasts\w+)` \|", operations(),
                                 re.MULTILINE)))


def promtool(*args):
    if not shutil.which("promtool"):
        return None
    done = subprocess.run(["promtool", *args], cwd=PROMETHEUS,
                          capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else (
        done.stdout + done.stderr).splitlines()


def main():
    metrics = told()
    board = list(board_queries())
    rules = list(rule_queries())
    print("1..7")
    result(1, "the dashboard uses only what exists",
           [fault for where, query in board
            for fault in faults(where, query, metrics)] or
           ([] if len(board) > 30 else ["it has hardly any queries"]))
    result(2, "the alert rules use only what exists",
           [fault for where, query in rules
            for fault in faults(where, query, metrics)] or
           ([] if len(rules) > 5 else ["there are none"]))
    shown = {re.sub("_(bucket|sum|count)$", "", name)
             for _, query in board
             for name in re.findall(r"mtasts_\w+", query)}
    result(3, "the dashboard shows every metric",
           sorted(name for name in metrics if name not in shown and
                  not re.search("_(bucket|sum|count)$", name)))
    result(4, "operations.md lists the dashboard's panels", panels())
    result(5, "operations.md says what to do about each alert", alerts(rules))
    for number, args in ((6, ("check", "rules", "mtasts-rules.yml")),
                         (7, ("test", "rules", "mtasts-rules-test.yml"))):
        wrong = promtool(*args)
        if wrong is None:
            print("ok %d # SKIP no promtool" % number)
        else:
            result(number, "promtool " + " ".join(args), wrong)


main()
