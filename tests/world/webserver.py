# SPDX-License-Identifier: BSD-2-Clause
"""A web server for policy hosts that can misbehave for each host in a different way.

Each connection has its own thread. The server chooses the host by the SNI, which it
reads from the ClientHello before TLS begins. So a fault can occur before the
handshake (Site.raw), during it (Site.cert, Site.tls), or after it (Site.http).
"""

import gzip
import socket
import ssl
import threading
import time

POLICY_PATH = "/.well-known/mta-sts.txt"


class Site:
    """One policy host: what it serves and what is wrong with it."""

    def __init__(self, host, body, cert="good", status="200 OK",
                 ctype="text/plain", headers=(), raw=None, http=None,
                 tls=None):
        self.host = host
        self.body = body if isinstance(body, bytes) else body.encode()
        self.cert = cert      # a kind of ca.KINDS
        self.status = status
        self.ctype = ctype    # None: no such header
        self.headers = headers  # further (name, value)
        self.raw = raw        # raw(connection): instead of TLS
        self.http = http      # http(connection): instead of the answer
        self.tls = tls        # "1.1": speaks TLS 1.1 at best; "1.2"; "1.3"
        # What has been seen.
        self.connections = 0  # ClientHellos that named the host
        self.handshakes = 0
        self.requests = []    # Request

    def head(self, length=None):
        lines = ["HTTP/1.1 " + self.status]
        if self.ctype is not None:
            lines.append("Content-Type: " + self.ctype)
        if length is not None:
            lines.append("Content-Length: %d" % length)
        lines += ["%s: %s" % header for header in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Request:
    def __init__(self, head, connection):
        lines = head.decode("latin-1").split("\r\n")
        self.at = time.monotonic()
        self.line = lines[0]
        self.headers = [(name.lower(), value.strip()) for name, _, value in
                        (line.partition(":") for line in lines[1:] if line)]
        self.sni = connection.sni
        self.tls = connection.sock.version()
        self.address = connection.sock.getsockname()[0]
        self.serial = connection.serial  # of the connection


class Connection:
    """What a behaviour gets: the site, the socket, and wait(), which also ends when
    the server is stopped."""

    def __init__(self, server, sock, serial):
        self.server = server
        self.sock = sock
        self.serial = serial
        self.sni = None
        self.site = None

    def send(self, data):
        self.sock.sendall(data)

    def wait(self, seconds=60):
        """Waits for SECONDS, or until the server stops or the client disconnects."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.server.stopping.is_set():
            if gone(self.sock):
                raise ConnectionError("client went away")
            self.server.stopping.wait(0.02)


def gone(sock):
    """True if the peer has closed its TCP connection."""
    plain = socket.socket(fileno=sock.fileno())
    try:
        return plain.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        plain.detach()


# -- behaviours instead of TLS ------------------------------------------------

def silent(connection):
    connection.wait()


def close_after_hello(_connection):
    pass


def garbage_tls(connection):
    connection.send(b"\x00garbage, and not TLS at all\xff\xfe" * 20)
    connection.wait(1)


def plain_http(connection):
    site = connection.site
    connection.send(site.head(len(site.body)) + site.body)


def reset(connection):
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               b"\x01\0\0\0\0\0\0\0")


# -- behaviours instead of the answer -----------------------------------------

def no_answer(connection):
    connection.wait()


def close_without_answer(_connection):
    pass


def garbage_http(connection):
    connection.send(b"\x7fELF this is not HTTP\r\n\r\n" * 3)


def http_09(connection):
    """The body without status line and headers."""
    connection.send(connection.site.body)


def slow_head(connection):
    for byte in connection.site.head(len(connection.site.body)):
        connection.send(bytes([byte]))
        connection.wait(0.2)


def slow_body(connection):
    site = connection.site
    connection.send(site.head(len(site.body)))
    for byte in site.body:
        connection.send(bytes([byte]))
        connection.wait(0.2)


def later(seconds):
    """A good answer after SECONDS."""
    def behaviour(connection):
        connection.wait(seconds)
        answer(connection)
    return behaviour


def until_reset(connection):
    """The same, and TCP is not closed either."""
    connection.send(connection.site.head() + connection.site.body)
    reset(connection)


def once(event):
    """A good answer once EVENT is set."""
    def behaviour(connection):
        while not event.is_set() and not connection.server.stopping.is_set():
            connection.wait(0.05)
        answer(connection)
    return behaviour


def cut_off(connection):
    """Half of the announced body."""
    site = connection.site
    connection.send(site.head(len(site.body)) +
                    site.body[:len(site.body) // 2])


def cut_chunk(connection):
    """Chunked, without the last chunk."""
    site = connection.site
    site.headers = [("Transfer-Encoding", "chunked")]
    connection.send(site.head() + b"%x\r\n" % len(site.body) + site.body +
                    b"\r\n")


def until_close(connection):
    """No Content-Length: the end of the connection ends the body, as in HTTP/1.0."""
    connection.send(connection.site.head() + connection.site.body)
    end_tls(connection)


def until_cut(connection):
    """The same, but TLS is not closed properly, so an attacker may have cut it off."""
    connection.send(connection.site.head() + connection.site.body)


def chunked(connection):
    site = connection.site
    site.headers = [("Transfer-Encoding", "chunked")]
    connection.send(site.head())
    size = max(7, len(site.body) // 100)
    for at in range(0, len(site.body), size):
        part = site.body[at:at + size]
        connection.send(b"%x\r\n" % len(part) + part + b"\r\n")
    connection.send(b"0\r\n\r\n")


def gzipped(connection):
    site = connection.site
    site.headers = [("Content-Encoding", "gzip")]
    body = gzip.compress(site.body)
    connection.send(site.head(len(body)) + body)


def endless_body(connection):
    connection.send(connection.site.head())
    while True:
        connection.send(b"x: y\n" * 2000)


def endless_head(connection):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")
    while True:
        connection.send(b"X-More: and more\r\n" * 500)


def endless_100(connection):
    while True:
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 500)


def hints_first(connection):
    """One 103 Early Hints, then a good answer. RFC 9110 15.2: clients must be able to
    parse it."""
    connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
    answer(connection)


def answer(connection):
    """A good answer, as defined by the site."""
    site = connection.site
    connection.send(site.head(len(site.body)) + site.body)


def end_tls(connection):
    """Sends close_notify, which the client may not want to answer."""
    try:
        connection.sock.settimeout(1)
        connection.sock = connection.sock.unwrap()
    except (OSError, ValueError):
        pass


# -- no server at all -------------------------------------------------------

class BlackHole:
    """While it is open, connects to port 443 of ADDRESS get no answer, because the
    queue of connections is full."""

    def __init__(self, address):
        self.address = address, 443
        self.sockets = []

    def __enter__(self):
        listener = socket.socket()
        self.sockets.append(listener)
        listener.bind(self.address)
        listener.listen(0)
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(self.address)
            self.sockets.append(client)
        return self

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()


# -- the server ---------------------------------------------------------------

class WebServer:
    """Serves from its creation until stop()."""

    def __init__(self, ca, addresses):
        self.ca = ca
        self.sites = {}  # by host name
        self.unknown = []  # SNIs of no known site; None stands for no SNI
        self.accepted = 0  # all accepted connections
        self.stopping = threading.Event()
        self.contexts = {}
        self.lock = threading.Lock()
        self.listeners = [self._listen(*address) for address in addresses]

    def add(self, site):
        self.sites[site.host] = site
        return site

    def stop(self):
        self.stopping.set()
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _listen(self, host, port):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(512)
        threading.Thread(target=self._accept, args=(listener,),
                         daemon=True).start()
        return listener

    def _accept(self, listener):
        while not self.stopping.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, daemon=True,
                             args=(Connection(self, sock, self.accepted),)
                             ).start()

    def _serve(self, connection):
        connection.sock.settimeout(30)
        # Session tickets and answer are two writes, which Nagle would delay.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._converse(connection)
        except (OSError, ValueError):
            pass  # it is normal that clients disconnect
        finally:
            try:
                connection.sock.close()
            except OSError:
                pass

    def _converse(self, connection):
        connection.sni = read_sni(connection.sock)
        site = connection.site = self.sites.get(connection.sni)
        if site is None:
            self.unknown.append(connection.sni)
            return
        with self.lock:
            site.connections += 1
        if site.raw:
            connection.sock.recv(65536)
            site.raw(connection)
            return
        connection.sock = self._context(site).wrap_socket(
            connection.sock, server_side=True)
        with self.lock:
            site.handshakes += 1
        while self._one_request(connection):
            pass

    def _one_request(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.sock.recv(65536)
            if not data:
                return False
            head += data
        site = connection.site
        site.requests.append(Request(head, connection))
        if site.http:
            site.http(connection)
            return False
        answer(connection)
        return True

    def _context(self, site):
        with self.lock:
            key = site.host, site.cert, site.tls
            if key not in self.contexts:
                self.contexts[key] = self._new_context(site)
            return self.contexts[key]

    def _new_context(self, site):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if site.tls == "1.1":
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        elif site.tls == "1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        elif site.tls == "1.3":
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(*self.ca.certificate(site.host, site.cert))
        return context


def read_sni(sock):
    """Returns the host name in the next ClientHello without consuming it, or None if
    it has none. Raises ValueError if the data is not a ClientHello."""
    while True:
        data = sock.recv(65536, socket.MSG_PEEK)
        if not data:
            raise ValueError("closed")
        if data[0] != 22:
            raise ValueError("no TLS")
        if len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[3:5], "big"):
            return parse_sni(data[5:])
        time.sleep(0.005)


def parse_sni(hello):
    at = 4 + 2 + 32                                      # header, version, random
    at += 1 + hello[at]                                  # session
    at += 2 + int.from_bytes(hello[at:at + 2], "big")    # ciphers
    at += 1 + hello[at]                                  # compression
    end = at + 2 + int.from_bytes(hello[at:at + 2], "big")
    at += 2
    while at + 4 <= end:
        kind = int.from_bytes(hello[at:at + 2], "big")
        size = int.from_bytes(hello[at + 2:at + 4], "big")
        if kind == 0:  # server_name: list length, type, length, name
            return hello[at + 9:at + 4 + size].decode("ascii").lower()
        at += 4 + size
    return None
