# SPDX-License-Identifier: BSD-2-Clause
"""A small Internet on loopback, for tests of whole programs.

A test uses World (world.py), which has domains with records, policy hosts and
faults, and Daemon (daemon.py), the program under test. World uses a name server
(nameserver.py), a web server (webserver.py) and a CA (ca.py) that misbehave on
request; real.py has real servers. For DNSSEC, signed.py has a tree of zones that
Knot DNS signs, and resolvers that validate, strip or fail. Proxies can damage the
answers (proxy.py). situations.py describes a mail domain's DNS in one line.
Everything runs in its own namespace: see in-namespace.
"""
