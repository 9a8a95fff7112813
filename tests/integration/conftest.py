# SPDX-License-Identifier: BSD-2-Clause
"""Shared fixtures: one world for each test file, and new daemons for each test."""

import pytest

from world.daemon import Daemon
from world.world import World


@pytest.fixture(scope="module")
def world():
    the_world = World()
    yield the_world
    the_world.close()


@pytest.fixture
def daemons(world):
    """daemons(OPTIONS...) returns a new Daemon that is not yet started. After the
    test all of them are ended; the test fails if one has crashed."""
    made = []

    def make(**options):
        made.append(Daemon(world, "d%d" % make.count, **options))
        make.count += 1
        return made[-1]
    make.count = next_number()
    yield make
    close_all(made)


@pytest.fixture(scope="module")
def daemon(world):
    """One daemon for a whole test file, with the default options."""
    with Daemon(world, "shared").start() as one:
        yield one


def next_number(counter=[0]):
    counter[0] += 100
    return counter[0]


def close_all(daemons):
    errors = []
    for one in daemons:
        try:
            one.close()
        except AssertionError as error:
            errors.append(str(error))
    assert not errors, "\n".join(errors)
