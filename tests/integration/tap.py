# SPDX-License-Identifier: BSD-2-Clause
"""tap.py FILE [PYTEST-ARGUMENT]... - runs a pytest file and speaks TAP.

pytest's own output is left out. The text of a failure follows its "not ok" as
"# " lines, and so does the duration of a slow test.
"""

import os
import sys


class Tap:
    """A pytest plugin that prints the plan, then one line for each test."""

    def __init__(self, out):
        self.out = out
        self.number = 0
        self.broken = {}  # node id -> text of what went wrong
        self.skipped = {}
        self.took_s = {}

    def say(self, text):
        print(text, file=self.out, flush=True)

    def comment(self, text):
        for line in text.rstrip().splitlines():
            self.say("# " + line)

    def pytest_collection_finish(self, session):
        self.say("1..%d" % len(session.items))

    def pytest_collectreport(self, report):
        if report.failed:
            self.comment(report.longreprtext)
            self.say("Bail out! can't read the tests")
        elif report.skipped:
            self.say("1..0 # SKIP " + self.reason(report))

    def pytest_internalerror(self, excrepr):
        self.comment(str(excrepr))
        self.say("Bail out! pytest failed")

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.broken[report.nodeid] = "%s%s in %s" % (
                self.broken.get(report.nodeid, ""), report.longreprtext,
                report.when)
            for title, text in report.sections:
                self.broken[report.nodeid] += "\n-- %s\n%s" % (title, text)
        elif report.skipped:
            self.skipped[report.nodeid] = self.reason(report)
        if report.when == "call":
            self.took_s[report.nodeid] = report.duration
        if report.when == "teardown":
            self.finish(report.nodeid)

    @staticmethod
    def reason(report):
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        return text.replace("Skipped: ", "").replace("\n", " ")

    def finish(self, nodeid):
        self.number += 1
        # '#' would begin a directive.
        name = "%d - %s" % (self.number,
                            nodeid.partition("::")[2].replace("#", "number "))
        if nodeid in self.broken:
            self.say("not ok " + name)
            self.comment(self.broken[nodeid])
        elif nodeid in self.skipped:
            self.say("ok %s # SKIP %s" % (name, self.skipped[nodeid]))
        else:
            self.say("ok " + name)
        if self.took_s.get(nodeid, 0) > 1:
            self.say("# took %.1f s" % self.took_s[nodeid])


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:0] = [os.path.dirname(here), here]
    # TAP goes to the real standard output; pytest's own output is discarded.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        import dns.version
        import pytest
    except ImportError as error:
        print("1..0 # SKIP %s: apt install python3-pytest python3-dnspython" %
              error, file=out)
        return 0
    status = pytest.main(
        ["-p", "no:cacheprovider", "--tb=short", "--rootdir", here,
         "-c", os.devnull, "--import-mode=importlib",
         os.path.join(here, sys.argv[1])] + sys.argv[2:],
        plugins=[Tap(out)])
    # The TAP lines report failed tests; statuses of 2 and above are pytest's errors.
    return 0 if status in (0, 1, 5) else int(status)


if __name__ == "__main__":
    sys.exit(main())
