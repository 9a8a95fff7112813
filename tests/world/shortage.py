# SPDX-License-Identifier: BSD-2-Clause
"""A daemon that is refused memory while it runs."""

import resource


def refuse(daemon, room_kib):
    """From now on it gets no more than ROOM_KIB besides what it has."""
    pid = daemon.process.pid
    with open("/proc/%d/statm" % pid) as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS,
                     (size + room_kib * 1024, resource.RLIM_INFINITY))


def grant(daemon):
    resource.prlimit(daemon.process.pid, resource.RLIMIT_AS,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def ask_or_be_let_go(daemon, keys):
    """The answers to one question on a connection each, all at once; None: it
    was closed."""
    clients = [daemon.connect() for _ in keys]
    for client, key in zip(clients, keys):
        try:
            client.request("postfix", key)
        except OSError:
            pass  # let go already, as its reply() tells
    answers = [client.reply() for client in clients]
    for client in clients:
        client.close()
    return answers
