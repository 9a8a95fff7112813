# SPDX-License-Identifier: BSD-2-Clause
"""Real servers in the world's namespace: NSD for DNS, nginx for HTTPS."""

import os
import socket
import subprocess
import time

from . import ca as ca_module
from .daemon import have
from .world import policy, record, require_namespace

NSD_CONF = """server:
  {addresses}
  port: 53
  username: ""
  chroot: ""
  server-count: 1
  zonesdir: "{dir}"
  database: ""
  zonelistfile: "{dir}/zone.list"
  pidfile: "{dir}/nsd.pid"
  xfrdfile: "{dir}/xfrd.state"
  xfrdir: "{dir}"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: "example."
  zonefile: "zone"
"""

ZONE_HEAD = """$ORIGIN example.
$TTL {ttl}
@ SOA ns.example. root.example. {serial} 7200 3600 604800 {minimum}
@ NS ns.example.
ns A 127.0.0.53
"""

NGINX_CONF = """user root root;
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ }}
http {{
  access_log {dir}/access.log;
  default_type text/plain;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2;
  fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  ssl_protocols TLSv1.2 TLSv1.3;
{servers}
}}
"""

SERVER = """  server {{
    {listen}
    server_name {host};
    ssl_certificate {chain};
    ssl_certificate_key {key};
    {extra}
    root {root};
  }}
"""


class RealWorld:
    """Domains below "example". NSD and nginx serve them after start()."""

    def __init__(self, folder, dns=("127.0.0.53", "::1"),
                 web=("5.9.0.10", "2a01:4f8::10"), minimum=60):
        require_namespace()
        self.dir = folder
        self.dns, self.web, self.minimum = dns, web, minimum
        self.serial = 0
        self.lines, self.servers = [], []
        os.mkdir(self.path("ca"))
        self.ca = ca_module.CA(self.path("ca"))
        self.processes = {}

    def path(self, name):
        return os.path.join(self.dir, name)

    @staticmethod
    def missing():
        """Returns why it can't run here, or None."""
        lacking = [name for name in ("nsd", "nginx", "openssl")
                   if not have(name)]
        return "not installed: " + ", ".join(lacking) if lacking else None

    def domain(self, name, text=None, id="1", cert="good", extra="",
               publish=True, addresses=None, **how):
        """Publishes NAME's policy; EXTRA goes into nginx's server block."""
        host = "mta-sts." + name
        if publish:
            self.line('_mta-sts.%s. TXT "%s"' % (name, record(id)))
        for address in addresses or self.web:
            self.line("%s. %s %s" % (host, "AAAA" if ":" in address else "A",
                                     address))
        self.write_policy(name, text or policy(domain=name, **how))
        chain, key = self.ca.certificate(host, cert)
        listen = " ".join("listen %s:443 ssl;" %
                          ("[%s]" % a if ":" in a else a) for a in self.web)
        self.servers.append(SERVER.format(
            listen=listen, host=host, chain=chain, key=key, extra=extra,
            root=self.path("web/" + host)))

    def write_policy(self, name, text):
        folder = self.path("web/mta-sts.%s/.well-known" % name)
        os.makedirs(folder, exist_ok=True)
        with open(folder + "/mta-sts.txt", "w") as file:
            file.write(text)

    def line(self, text):
        """Adds a line to the zone file."""
        self.lines.append(text)

    def start(self):
        self.start_dns()
        self.start_web()

    def start_dns(self):
        self.serial += 1
        self._write("zone", ZONE_HEAD.format(
            ttl=60, serial=self.serial, minimum=self.minimum) +
            "\n".join(self.lines) + "\n")
        self._write("nsd.conf", NSD_CONF.format(dir=self.dir, addresses="\n  ".
                    join("ip-address: " + a for a in self.dns)))
        self._spawn("nsd", "-d", "-c", self.path("nsd.conf"))
        for address in self.dns:
            self._wait("nsd", address, 53)

    def start_web(self):
        self._write("nginx.conf", NGINX_CONF.format(
            dir=self.dir, servers="".join(self.servers)))
        self._spawn("nginx", "-c", self.path("nginx.conf"),
                    "-e", self.path("error.log"))
        for address in self.web:
            self._wait("nginx", address, 443)

    def stop(self, *names):
        for name in names or list(self.processes):
            process = self.processes.pop(name)
            process.terminate()
            process.wait(10)

    def requests(self):
        """Returns the lines of nginx's access log."""
        with open(self.path("access.log")) as file:
            return file.read().splitlines()

    def _write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def _spawn(self, name, *args):
        with open(self.path(name + ".out"), "ab") as out:
            self.processes[name] = subprocess.Popen(
                [have(name), *args], stdin=subprocess.DEVNULL, stdout=out,
                stderr=out)

    def _wait(self, name, address, port):
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection((address, port), 1).close()
                return
            except OSError:
                if (time.monotonic() > end or
                        self.processes[name].poll() is not None):
                    with open(self.path(name + ".out")) as out:
                        raise RuntimeError("%s does not answer on %s:\n%s" % (
                            name, address, out.read())) from None
                time.sleep(0.02)
