# SPDX-License-Identifier: BSD-2-Clause
"""Receiving mail servers, each with its own address and its own fault."""

import socket
import ssl
import threading


class Mail:
    """A mail that was received."""

    def __init__(self, server, session, recipients, data):
        self.server = server
        self.tls = session.tls    # None: in the clear; "TLSv1.3" and so on
        self.sni = session.sni
        self.recipients = recipients
        self.data = data


class Receiver:
    """An MX host at ADDRESS, port 25, from its creation until stop().

    CERT: a kind of ca.KINDS, for the name CERT_NAME (default: NAME). With None it has
    no STARTTLS. TLS: the highest version, such as "1.1". EHLO: whether it supports
    EHLO.
    """

    def __init__(self, ca, name, address, cert="good", cert_name=None,
                 tls=None, ehlo=True):
        self.name, self.address = name, address
        self.cert, self.tls, self.ehlo = cert, tls, ehlo
        self.mails = []
        self.connections = 0
        if cert:
            self.files = ca.certificate(cert_name or name, cert)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, 25))
        self.listener.listen(50)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.listener.close()

    def context(self, session):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.files)
        if self.tls == "1.1":
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1

        def note(_socket, name, _context):
            session.sni = name
        context.sni_callback = note
        return context

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=Session(self, sock).run,
                             daemon=True).start()


class Session:
    def __init__(self, server, sock):
        self.server, self.sock = server, sock
        self.tls = self.sni = self.file = None

    def run(self):
        try:
            self.sock.settimeout(60)
            self._talk()
        except (OSError, ValueError):
            pass
        finally:
            if self.file:
                self.file.close()  # it holds the socket open
            self.sock.close()

    def say(self, text):
        self.sock.sendall(text.encode() + b"\r\n")

    def _talk(self):
        self.file = self.sock.makefile("rb")
        self.say("220 %s ESMTP" % self.server.name)
        recipients = []
        while True:
            line = self.file.readline()
            if not line:
                return
            verb = line.strip().upper().decode("latin-1")
            if verb.startswith("EHLO") and not self.server.ehlo:
                self.say("502 not implemented")
            elif verb.startswith("EHLO"):
                if self.server.cert and not self.tls:
                    self.say("250-" + self.server.name)
                    self.say("250 STARTTLS")
                else:
                    self.say("250 " + self.server.name)
            elif verb == "STARTTLS" and self.server.cert:
                self.say("220 go ahead")
                self.sock = self.server.context(self).wrap_socket(
                    self.sock, server_side=True)
                self.tls = self.sock.version()
                self.file.close()
                self.file = self.sock.makefile("rb")
            elif verb.startswith("RCPT"):
                recipients.append(line.split(b"<")[1].split(b">")[0].decode())
                self.say("250 yes")
            elif verb == "DATA":
                self.say("354 go on")
                data = self._data()
                self.server.mails.append(Mail(self.server, self, recipients,
                                              data))
                recipients = []
                self.say("250 taken")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 well")

    def _data(self):
        lines = []
        while True:
            line = self.file.readline()
            if line in (b".\r\n", b""):
                return b"".join(lines)
            lines.append(line)
