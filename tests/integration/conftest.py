# SPDX-License-Identifier: BSD-2-Clause
"""What the integration tests share: a world a file, daemons a test."""

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
    """daemons(OPTIONS...) is a new Daemon, not yet started. All of them are
    ended after the test, which fails if one has crashed."""
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
    """One for a whole file, with the defaults of Daemon."""
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
