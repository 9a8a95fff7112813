# SPDX-License-Identifier: BSD-2-Clause
"""Memory refused where DANE is looked at: to getdns, or to libunbound, which
validates. A domain with DANE is never answered as one without."""

import pytest

from world.dane import MODES, dane_daemon, matches
from world.shortage import ask_or_be_let_go, grant, refuse
from world.signed import SignedTree, SignedWorld
from world.situations import NONE, ONLY, SECURE, TEMP, Situation, shared_zones
from world.world import wait_for

if SignedTree.missing():
    pytest.skip(SignedTree.missing(), allow_module_level=True)

SITUATIONS = \
    [Situation("all%d" % i, "MX a b; A a b; TLSA a b", ONLY, ONLY)
     for i in range(12)] + \
    [Situation("none%d" % i, "MX a b; A a b", SECURE, NONE)
     for i in range(12)]
KEYS = {situation.key(variant): situation.expected[variant]
        for situation in SITUATIONS for variant in ("sts", "bare")}


@pytest.fixture(scope="module")
def world():
    the_world = SignedWorld()
    shared_zones(the_world.dns)
    for situation in SITUATIONS:
        situation.publish(the_world)
    try:
        the_world.start()
        yield the_world
    finally:
        the_world.close()


def may_be(answer, key):
    """A policy that can't be had is none; of DANE that must not be said."""
    expected = KEYS[key]
    if expected == SECURE:
        expected = (SECURE, NONE)
    return answer is None or matches(answer, TEMP, key) or \
        matches(answer, expected, key)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("room_kib", [0, 64, 256, 1024, 4096])
def test_dane(world, mode, warm, room_kib):
    """WARM: something has been looked up before."""
    name = "%s-%d-%d" % (mode, warm, room_kib)
    with dane_daemon(world, name, MODES[mode]).start() as daemon:
        if daemon.is_instrumented():
            pytest.skip("a sanitizer ends what is refused memory")
        if warm:
            wait_for(lambda: daemon.ask("good-mail.secure.example") ==
                     "OK dane-only")
        refuse(daemon, room_kib)
        answers = ask_or_be_let_go(daemon, list(KEYS))
        assert daemon.is_running(), daemon.log()
        for key, answer in zip(KEYS, answers):
            assert may_be(answer, key), (key, answer)
        assert len(daemon.events("memory_refused")) <= 1
        grant(daemon)
        missing = dict(KEYS)

        def is_well():
            daemon.flush("--all")
            for key in list(missing):
                if matches(daemon.ask(key), missing[key], key):
                    del missing[key]
            return not missing
        wait_for(is_well, step_s=0.5)
