# SPDX-License-Identifier: BSD-2-Clause
"""The screens of mtasts-ctl in doc/screens.md, as they really look.

What changes from day to day (times, spans, numbers, folders) does not count, nor
where lines are broken because of that."""

import os
import re

import pytest

from world.daemon import wait_for

SCREENS = os.path.join(os.environ["srcdir"], "doc", "screens.md")


def screens():
    """The commands, each with what is said to come of it."""
    with open(SCREENS) as file:
        text = file.read()
    blocks = re.findall(
        r"^    \$ mtasts-ctl (.*)\n((?:(?!    \$ )    .*\n|\n)*)", text,
        re.MULTILINE)
    return [(args.split(), re.sub("^    ", "", out, flags=re.MULTILINE))
            for args, out in blocks]


def essence(text):
    """The words of TEXT, without what is another each time."""
    text = " ".join(text.split())
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME", text)
    text = re.sub(r"unix:/\S*/", "unix:/", text)
    text = re.sub(r"/\S*/(mtastsd.yaml)", r"\1", text)
    text = re.sub(r"\b\d+(\.\d+)?(\s(KiB|MiB|GiB)|[dhms](\s\d+[dhms])?)?\b",
                  "N", text)
    text = re.sub(r"\bN ago\b|\bin N\b|\bnow(?= \(TIME)", "WHEN", text)
    return text.split()


@pytest.fixture(scope="module")
def told(world, daemon):
    """Domains in the states that the document shows."""
    for name, mode in (("good", "enforce"), ("renewed", "enforce"),
                       ("moved", "enforce"), ("trial", "testing")):
        domain = name + ".example"
        world.domain(domain, mode=mode, mx=("mx1.{domain}", "*.mx.{domain}"))
        world.dns.add(domain, "MX", "10 mx1.%s." % domain)
        daemon.ask(domain)
    world.site("renewed.example").cert = "expired"
    daemon.ctl("refresh", "renewed.example", status=1)
    world.dns.add("moved.example", "MX", "20 mail.elsewhere.example.")
    world.dns.remove("_mta-sts.moved.example", "TXT")
    daemon.ask("absent.example")
    # Before that an MTA would wait.
    wait_for(lambda: daemon.ctl("status")["cache"]["pending"] == 0)
    wait_for(lambda: daemon.ctl("status")["dane"]["dnssec"] == "failing")
    return daemon


def test_there_are_some():
    commands = {args[0] for args, _ in screens()}
    assert {"status", "list", "show", "explain", "top"} <= commands


@pytest.mark.parametrize("args, expected", screens(),
                         ids=[" ".join(args) for args, _ in screens()])
def test_screen(told, args, expected, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, err = told.ctl_raw(*args)
    assert essence(out + err) == essence(expected), out + err
