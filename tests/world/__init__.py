# SPDX-License-Identifier: BSD-2-Clause
"""A small Internet on loopback, for tests of whole programs.

World (world.py) is what a test uses: domains with their record, their policy
host and what is wrong with it; Daemon (daemon.py) is the program under test.
Behind them stand a name server (nameserver.py), a web server (webserver.py)
and a CA (ca.py) that misbehave as they are told, and real ones (real.py).
For DNSSEC there is a tree of signed zones, by Knot DNS, and resolvers that
validate, strip or choke (signed.py), with proxies that spoil what passes
(proxy.py), and a language for what a mail domain has in the DNS
(situations.py).
All of it runs in a namespace of its own: see in-namespace.
"""
