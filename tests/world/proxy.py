# SPDX-License-Identifier: BSD-2-Clause
"""A name server that forwards queries and damages the answers.

Proxy is a NameServer that gets its answers from another server, and allows a
behaviour for a whole zone. The behaviours here damage DNSSEC data, as a server or
something on the path might.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import dns.dnssec
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import dns.rrset

from .nameserver import NameServer, Udp

# Record types that a server without DNSSEC does not send.
DNSSEC_TYPES = {dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3,
                dns.rdatatype.DS, dns.rdatatype.DNSKEY,
                dns.rdatatype.NSEC3PARAM}
LONG_AGO_S = 1577836800, 1580515200  # January 2020


def _keep(reply, keeps):
    """Leaves in REPLY only the RRsets for which KEEPS(rrset) is true."""
    for number in (1, 2, 3):
        reply.sections[number] = list(filter(keeps, reply.sections[number]))
    return reply


# -- behaviours ---------------------------------------------------------------

def strip(ask):
    """No DNSSEC data and no AD flag, like the resolver in many routers."""
    reply = ask.answer()
    if reply is None:
        return None
    reply.flags &= ~dns.flags.AD
    _keep(reply, lambda rrset: rrset.rdtype not in DNSSEC_TYPES)
    if reply.edns >= 0:
        reply.ednsflags &= ~dns.flags.DO
    return reply


def no_signatures(ask):
    """Like strip(), but queries for the keys themselves are answered."""
    return _keep(ask.answer(),
                 lambda rrset: rrset.rdtype != dns.rdatatype.RRSIG)


def no_proof(ask):
    """A negative answer without its proof."""
    gone = (dns.rdatatype.NSEC, dns.rdatatype.NSEC3)

    def keeps(rrset):
        return rrset.rdtype not in gone and rrset.covers not in gone
    return _keep(ask.answer(), keeps)


def tamper(ask):
    """One bit of every signature is flipped."""
    def turn(rdata):
        raw = bytearray(rdata.signature)
        raw[0] ^= 1
        return rdata.replace(signature=bytes(raw))
    return _change(ask.answer(), turn)


def forge(ask):
    """A forged and unsigned negative answer."""
    reply = ask.answer()
    reply.answer = []
    return reply


def expired(ask):
    """Signed with the right key, but the signature expired long ago."""
    reply = ask.answer()
    for section in reply.sections[1:]:
        for rrset in list(section):
            if rrset.rdtype == dns.rdatatype.RRSIG:
                section.remove(rrset)
                section.append(_sign_anew(ask.server, section, rrset))
    return reply


def no_answer_to(*rtypes):
    """Does not answer questions for these types."""
    def behaviour(ask):
        return None if ask.rtype in rtypes else ask.answer()
    return behaviour


def servfail_to_dnssec(ask):
    """A resolver that fails if the question asks for DNSSEC."""
    asked = ask.query.edns >= 0 and ask.query.ednsflags & dns.flags.DO
    if asked or ask.rtype in ("DS", "DNSKEY"):
        return ask.empty(dns.rcode.SERVFAIL)
    return strip(ask)


def _change(reply, change):
    for section in reply.sections[1:]:
        for i, rrset in enumerate(section):
            if rrset.rdtype == dns.rdatatype.RRSIG:
                section[i] = dns.rrset.from_rdata_list(
                    rrset.name, rrset.ttl, [change(rdata) for rdata in rrset])
    return reply


def _sign_anew(server, section, rrsig):
    """Returns an RRSIG that expired long ago."""
    signed = next(rrset for rrset in section if rrset.name == rrsig.name and
                  rrset.rdtype == rrsig.covers)
    dnskey, private = server.keys[rrsig[0].signer]
    again = dns.dnssec.sign(signed, private, rrsig[0].signer, dnskey,
                            inception=LONG_AGO_S[0], expiration=LONG_AGO_S[1])
    return dns.rrset.from_rdata(rrsig.name, rrsig.ttl, again)


# -- the server ---------------------------------------------------------------

class _Udp(Udp):
    def datagram_received(self, data, addr):
        self.server.loop.create_task(self._pass_on(data, addr))

    async def _pass_on(self, data, addr):
        reply, wait_s = await self.server._work(data, "udp")
        await asyncio.sleep(wait_s)
        if reply is not None:
            self._send(reply, addr)


class Proxy(NameServer):
    """Forwards queries to UPSTREAM, an (address, port)."""

    udp = _Udp
    WAIT_S = 20

    def __init__(self, addresses, upstream):
        self.upstream = upstream
        self.zones = {}  # zone -> behaviour
        self.keys = {}   # zone -> its DNSKEY, its private key
        self.pool = ThreadPoolExecutor(32)
        super().__init__(addresses)

    def behave_zone(self, zone, behaviour):
        """Sets a behaviour for ZONE and everything below it; "" is all names."""
        self.zones[zone] = behaviour

    def stop(self):
        super().stop()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def answer(self, ask):
        host, port = self.upstream
        try:
            reply, _ = dns.query.udp_with_fallback(
                ask.query, host, self.WAIT_S, port, ignore_unexpected=True)
        except (OSError, dns.exception.DNSException):
            return ask.empty(dns.rcode.SERVFAIL)
        return reply

    def _behaviour(self, ask):
        found = super()._behaviour(ask)
        if found is not type(ask).answer:
            return found
        zones = [zone for zone in self.zones
                 if zone in ("", ask.name) or ask.name.endswith("." + zone)]
        return self.zones[max(zones, key=len)] if zones else found

    async def _work(self, wire, proto):
        return await self.loop.run_in_executor(self.pool, self._reply, wire,
                                               proto)
