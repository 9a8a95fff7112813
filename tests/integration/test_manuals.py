# SPDX-License-Identifier: BSD-2-Clause
"""The manuals against what the programs say: every member of a JSON document."""

import os
import re

import pytest

from world import webserver as web
from world.daemon import Daemon

PAGE = os.path.join(os.environ["srcdir"], "doc", "man", "mtasts-ctl.1")


@pytest.fixture(scope="module")
def busy(world):
    """A daemon that has met all sorts of domains."""
    world.domain("enforce.example", mx=("mx1.{domain}", "*.mx.{domain}"))
    world.domain("expired.example", cert="expired")
    site = world.domain("fails.example")
    pinned = {"mode": "enforce", "mx": ["mx1.example"]}
    with Daemon(world, "busy", domains={
            "bypass.example": "bypass",
            "pinned.example": pinned}).start() as daemon:
        for name in ("enforce.example", "expired.example", "absent.example",
                     "fails.example"):
            daemon.ask(name)
        site.raw = web.close_after_hello
        daemon.ctl("refresh", "fails.example", status=1)
        yield daemon


def told():
    """The names in the JSON section of the page."""
    text = open(PAGE).read()
    text = text[text.index("\n.Sh JSON"):]
    text = text[:text.index("\n.Sh ENVIRONMENT")]
    names = set()
    for line in re.findall(r"^\.(?:It )?Va (.*)$", text, re.M):
        names.update(re.findall(r"[a-z_]+", line.split(" Po")[0]))
    return names


def members(value, into):
    if isinstance(value, list):
        for item in value:
            members(item, into)
    if isinstance(value, dict):
        for name, item in value.items():
            into.add(name)
            members(item, into)
    return into


@pytest.mark.parametrize("args", [
    ["status"], ["lookup", "enforce.example"],
    ["lookup", "enforce.example", "mx1.enforce.example"],
    ["lookup", "absent.example"], ["lookup", "bypass.example"],
    ["lookup", "pinned.example"], ["lookup", "[192.0.2.1]"],
    ["explain", "enforce.example"], ["explain", "expired.example"],
    ["explain", "absent.example"], ["explain", "pinned.example"],
    ["explain", "fails.example"], ["list"], ["list", "--names"],
    ["show", "enforce.example"], ["show", "fails.example"],
    ["show", "absent.example"],
    ["refresh", "enforce.example", "fails.example", "absent.example"],
    ["flush", "absent.example"], ["flush", "--negative"], ["flush", "--all"],
    ["check-config"], ["check-config", "/nonexistent"],
], ids=lambda args: " ".join(args))
def test_members(busy, args):
    got = members(busy.ctl(*args, status=None), set())
    assert got
    assert not got - told()
