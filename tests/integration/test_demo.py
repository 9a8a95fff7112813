# SPDX-License-Identifier: BSD-2-Clause
"""What contrib/quickstart --demo shows a newcomer, after the build and inside a
namespace."""

import os
import re
import signal
import subprocess

import pytest

from world.daemon import BUILD
from world.real import RealWorld
from world.world import HANG_S

pytestmark = pytest.mark.skipif(RealWorld.missing() is not None,
                                reason=RealWorld.missing() or "")

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "../../contrib/demo/run")

SHOWN = {
    "enforce": ("secure match=mx.enforce.example servername=hostname",
                "policy 20260101, enforced"),
    "wildcard": ("secure match=.mail.wildcard.example servername=hostname",
                 "policy 20260101, enforced"),
    "testing": ("-", "in testing"),
    "none": ("-", "mode none"),
    "absent": ("-", "no _mta-sts TXT record"),
    "expired": ("-", "certificate expired on 2025-01-01"),
    "redirect": ("-", "redirect (301)"),
}


def take_interrupts():
    """Restores the default action of SIGINT: a process that a shell starts in the
    background ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(tmp):
    return subprocess.Popen(
        [DEMO, "--inside", BUILD], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env=dict(os.environ, TMPDIR=tmp), preexec_fn=take_interrupts)


def test_demo_shows_answers_and_findings(tmp_path):
    with start(str(tmp_path)) as demo:
        said, _ = demo.communicate(timeout=HANG_S)
    assert demo.returncode == 0, said
    for name, (answer, why) in SHOWN.items():
        found = re.search(r"^%s\.example +(.*)\n +(.*)$" % name, said,
                          re.MULTILINE)
        assert found and found.group(1) == answer, said
        assert why in found.group(2), said
    good, broken = said.split("$ mtasts-check --no-smtp ")[1:]
    assert good.startswith("enforce.example\nenforce.example: enforced"), said
    assert "No problems found." in good, said
    assert "expired.example: broken" in broken, said
    assert "[cert_expired]" in broken, said
    assert not os.listdir(tmp_path)


def test_demo_can_be_interrupted(tmp_path):
    """Ctrl-C, which the terminal sends to all running programs, ends the demo."""
    with start(str(tmp_path)) as demo:
        while "DOMAIN" not in demo.stdout.readline():
            assert demo.poll() is None
        os.killpg(demo.pid, signal.SIGINT)
        said, _ = demo.communicate(timeout=HANG_S)
    assert demo.returncode == 130, said
    assert not os.listdir(tmp_path)
