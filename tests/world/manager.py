# SPDX-License-Identifier: BSD-2-Clause
"""Does what systemd does: listens, passes its sockets to the daemon, and restarts the
daemon when it has ended."""

import socket
import subprocess
import sys
import threading

from .daemon import HANG_S, program, wait_for

RESTART_S = 0.1  # RestartSec= in mtastsd.service

# Moves the sockets to descriptors 3 and up and sets the variables, as
# sd_listen_fds(3) describes; then becomes the daemon.
PASS = """
import os, sys
fds = [int(fd) for fd in sys.argv[1].split(",") if fd]
high = [os.dup(fd) for fd in fds]
base = max(high, default=3) + 10
high = [os.dup2(fd, base + i) for i, fd in enumerate(high)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i, inheritable=True)
os.closerange(3 + len(fds), base + len(fds) + 10)
if fds:
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)),
                      LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


def listening(address):
    """Returns a listening socket for a path, or for a host and a port."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
    else:
        sock = socket.socket(socket.AF_INET6 if ":" in address[0]
                             else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)
    sock.listen(4096)  # Backlog= in mtastsd.socket
    return sock


def spawn_with(daemon, sockets, names=""):
    """Runs DAEMON with SOCKETS passed to it; does not wait until it is ready."""
    fds = [sock.fileno() for sock in sockets]
    daemon.runs += 1
    with open(daemon.log_path, "ab") as log:
        daemon.process = subprocess.Popen(
            [sys.executable, "-c", PASS, ",".join(map(str, fds)), names,
             program("mtastsd"), "-f", "-c", daemon.config],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=fds,
            start_new_session=True)
    return daemon.process


def start_with(daemon, sockets, names):
    spawn_with(daemon, sockets, names)
    wait_for(lambda: daemon.is_ready() or daemon.process.poll() is not None)
    assert daemon.is_ready(), daemon.log()


class Supervisor:
    """Runs DAEMON, with SOCKETS passed to it, and runs it again RESTART_S after it
    was killed, while RESTARTS is set."""

    def __init__(self, daemon, sockets=()):
        self.daemon, self.sockets = daemon, sockets
        self.restarts = threading.Event()
        self.restarts.set()
        self.ending = threading.Event()
        start_with(daemon, sockets, "")
        self.process = daemon.process
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            self.process.wait()
            self.ending.wait(RESTART_S)
            self.restarts.wait(HANG_S)
            if self.ending.is_set():
                return
            self.process = spawn_with(self.daemon, self.sockets)

    def kill9(self):
        """Kills the daemon, and waits until it is dead."""
        process = self.process
        process.kill()
        process.wait()

    def close(self):
        """Ends the daemon, which has to be running by then or soon."""
        wait_for(lambda: self.daemon.is_ready() and
                 self.process.poll() is None)
        self.ending.set()
        self.process.terminate()
        self.thread.join(HANG_S)
        assert self.process.returncode == 0, self.daemon.log()
        self.daemon.process = None
