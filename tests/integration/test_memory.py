# SPDX-License-Identifier: BSD-2-Clause
"""Starting the daemon with little memory."""

import resource

import pytest

from world.world import wait_for


@pytest.mark.parametrize("kib", [40000, 100000, 1000000])
def test_starts_or_says_why_not(daemons, kib):
    """If there is too little memory, it logs one error line and ends."""
    daemon = daemons()
    if daemon.start().is_instrumented():
        pytest.skip("a sanitizer needs terabytes of address space")
    daemon.stop()
    daemon.spawn(preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_AS, (kib * 1024, kib * 1024)))
    wait_for(lambda: daemon.is_ready() or not daemon.is_running())
    if daemon.is_running():
        assert kib > 40000
        return
    assert kib < 1000000
    assert daemon.process.returncode == 1
    daemon.process = None
    assert len(daemon.events("start_failed", "error")) == 1, daemon.log()
