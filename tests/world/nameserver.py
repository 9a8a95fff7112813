# SPDX-License-Identifier: BSD-2-Clause
"""A recursive name server that can misbehave for each name in a different way.

It answers over UDP and TCP from tables that the test fills, and counts every query.
A fault is a behaviour: a function that gets the Ask and returns what to send (a
message, raw bytes, or None for silence).
"""

import asyncio
import contextlib
import socket
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

SO_RCVBUFFORCE = 33  # Linux; the module does not know it
SOA_TTL = 3600  # longer than any minimum the tests set


class Ask:
    """One query, as a behaviour sees it."""

    def __init__(self, server, query, proto):
        self.server = server
        self.query = query
        self.proto = proto  # "udp" or "tcp"
        self.name = query.question[0].name.to_text().lower().rstrip(".")
        self.rtype = dns.rdatatype.to_text(query.question[0].rdtype)
        self.wait_s = 0  # before the reply goes out

    def answer(self):
        """Returns the answer from the tables."""
        return self.server.answer(self)

    def empty(self, rcode=dns.rcode.NOERROR):
        reply = dns.message.make_response(self.query, recursion_available=True)
        reply.set_rcode(rcode)
        return reply


# -- behaviours ---------------------------------------------------------------

def servfail(ask):
    return ask.empty(dns.rcode.SERVFAIL)


def refused(ask):
    return ask.empty(dns.rcode.REFUSED)


def silent(_ask):
    return None


def no_soa(ask):
    """A negative answer without the SOA that limits how long to cache it."""
    reply = ask.answer()
    reply.authority = []
    return reply


def truncate(ask):
    """Only the TC flag over UDP; the answer over TCP."""
    reply = ask.answer()
    if ask.proto == "udp":
        reply = ask.empty()
        reply.flags |= dns.flags.TC
    return reply


def truncate_silent_tcp(ask):
    """The TC flag over UDP; over TCP it accepts and sends nothing."""
    return truncate(ask) if ask.proto == "udp" else None


def garbage(_ask):
    return b"\xde\xad\xbe\xef" * 10


def cut_short(ask):
    """The first half of the answer, with the right id."""
    wire = ask.answer().to_wire()
    return wire[:len(wire) // 2]


def wrong_id(ask):
    reply = ask.answer()
    reply.id ^= 1
    return reply


def wrong_question(ask):
    """An answer to a different question, with our id."""
    reply = ask.answer()
    other = dns.name.from_text("other.example.")
    reply.question = [dns.rrset.RRset(other, q.rdclass, q.rdtype)
                      for q in reply.question]
    return reply


def formerr_edns(ask):
    """An old server that doesn't support EDNS."""
    if ask.query.edns < 0:
        return ask.answer()
    reply = ask.empty(dns.rcode.FORMERR)
    reply.use_edns(-1)
    return reply


def authentic(ask):
    """An answer as from a resolver that has validated it."""
    reply = ask.answer()
    reply.flags |= dns.flags.AD
    return reply


def delay(seconds):
    def behaviour(ask):
        ask.wait_s = seconds
        return ask.answer()
    return behaviour


def drop(count):
    """Loses the first COUNT queries."""
    left = [count]

    def behaviour(ask):
        left[0] -= 1
        return None if left[0] >= 0 else ask.answer()
    return behaviour


# -- the server ---------------------------------------------------------------

def txt_rdata(text):
    """Formats TXT data as in a zone file; a list is one record of several strings."""
    def quote(string):
        data = string if isinstance(string, bytes) else string.encode()
        return '"%s"' % "".join("\\%03d" % byte for byte in data)

    if not isinstance(text, (list, tuple)):
        text = [text[i:i + 255] for i in range(0, len(text), 255)] or [""]
    return " ".join(map(quote, text))


class Udp(asyncio.DatagramProtocol):
    def __init__(self, server):
        self.server = server
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        reply, wait_s = self.server._reply(data, "udp")
        if reply is not None:
            self.server.loop.call_later(wait_s, self._send, reply, addr)

    def _send(self, reply, addr):
        if not self.transport.is_closing():
            self.transport.sendto(reply, addr)


class NameServer:
    """Serves from its creation until stop()."""

    udp = Udp

    def __init__(self, addresses):
        self.addresses = addresses
        self.records = {}  # (name, type) -> [rdata text], TTL
        self.soas = {}     # zone -> minimum, TTL
        self.behaviours = {}  # (name, type or None) -> behaviour
        self.everything = None  # a behaviour for all names, if not None
        self.log = []  # (time, "udp" or "tcp", name, type)
        self.loop = asyncio.new_event_loop()
        self.transports = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        started = threading.Event()
        self.loop.call_soon(started.set)
        asyncio.set_event_loop(None)
        self.loop.run_until_complete(self._open())
        self.thread.start()
        started.wait()

    # what the test says

    def add(self, name, rtype, *rdatas, ttl=300):
        """Replaces the records of this name and type."""
        self.records[name.lower(), rtype] = (list(rdatas), ttl)

    def txt(self, name, *texts, ttl=300):
        """Sets TXT records; a list is one record of several strings."""
        self.add(name, "TXT", *map(txt_rdata, texts), ttl=ttl)

    def remove(self, name, rtype):
        self.records.pop((name.lower(), rtype), None)

    def soa(self, zone, minimum, ttl=SOA_TTL):
        self.soas[zone] = (minimum, ttl)

    def behave(self, name, behaviour, rtype=None):
        """None ends it."""
        self.behaviours[name.lower(), rtype] = behaviour

    def count(self, name, rtype=None):
        return sum(1 for _, _, n, t in list(self.log)
                   if n == name.lower() and rtype in (None, t))

    def stop(self):
        def close():
            for transport in self.transports:
                transport.close()
            self.loop.call_later(0.05, self.loop.stop)
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(close)
            self.thread.join(5)

    # what goes out

    def answer(self, ask):
        reply = ask.empty()
        name, seen = ask.name, set()
        while (name, "CNAME") in self.records and ask.rtype != "CNAME":
            if name in seen:  # as a resolver says it of a loop
                return ask.empty(dns.rcode.SERVFAIL)
            seen.add(name)
            reply.answer.append(self._rrset(name, "CNAME"))
            name = self.records[name, "CNAME"][0][0].lower().rstrip(".")
        if (name, ask.rtype) in self.records:
            reply.answer.append(self._rrset(name, ask.rtype))
            return reply
        if not self._exists(name):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self._add_soa(reply, name)
        return reply

    def _exists(self, name):
        return any(n == name or n.endswith("." + name)
                   for n, _ in list(self.records))

    def _rrset(self, name, rtype):
        rdatas, ttl = self.records[name, rtype]
        return dns.rrset.from_text_list(name + ".", ttl, "IN", rtype, rdatas)

    def _add_soa(self, reply, name):
        zones = [z for z in self.soas
                 if z in ("", name) or name.endswith("." + z)]
        zone = max(zones, key=len, default="")
        minimum, ttl = self.soas.get(zone, (300, SOA_TTL))
        reply.authority.append(dns.rrset.from_text(
            zone + ".", ttl, "IN", "SOA",
            "ns.invalid. root.invalid. 1 7200 3600 604800 %d" % minimum))

    def _reply(self, wire, proto):
        """Returns what to send (None for nothing), and the delay."""
        try:
            ask = Ask(self, dns.message.from_wire(wire), proto)
        except Exception:  # not a query: no answer
            return None, 0
        self.log.append((time.monotonic(), proto, ask.name, ask.rtype))
        reply = self._behaviour(ask)(ask)
        if isinstance(reply, dns.message.Message):
            reply = self._to_wire(ask, reply)
        return reply, ask.wait_s

    def _behaviour(self, ask):
        return (self.everything or
                self.behaviours.get((ask.name, ask.rtype)) or
                self.behaviours.get((ask.name, None)) or Ask.answer)

    @staticmethod
    def _to_wire(ask, reply):
        limit = 65535
        if ask.proto == "udp":
            limit = max(512, ask.query.payload if ask.query.edns >= 0 else 0)
        wire = reply.to_wire(max_size=65535)
        if len(wire) > limit:
            short = ask.empty()
            short.flags |= dns.flags.TC
            wire = short.to_wire()
        return wire

    # sockets

    async def _work(self, wire, proto):
        return self._reply(wire, proto)

    async def _open(self):
        for host, port in self.addresses:
            transport, _ = await self.loop.create_datagram_endpoint(
                lambda: self.udp(self), local_addr=(host, port))
            # As large as resolvers make it: holds about 800 waiting questions.
            with contextlib.suppress(PermissionError):
                transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, SO_RCVBUFFORCE, 512 * 1024)
            self.transports.append(transport)
            self.transports.append(await asyncio.start_server(
                self._serve_tcp, host, port))

    def _run(self):
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    async def _serve_tcp(self, reader, writer):
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                reply, wait_s = await self._work(
                    await reader.readexactly(size), "tcp")
                await asyncio.sleep(wait_s)
                if reply is not None:
                    writer.write(len(reply).to_bytes(2, "big") + reply)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError,
                asyncio.CancelledError):
            pass
        finally:
            writer.close()

