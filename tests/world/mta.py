# SPDX-License-Identifier: BSD-2-Clause
"""Runs real mail servers that send mail, in the roots that mail-servers made.

Each server runs in its root. Over the root we mount, only in our namespace, a copy of
its /etc, an empty /var, the devices it needs, /proc, and the test world's folder as
/world. So many tests can use one root at the same time.
"""

import os
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
import time

from .world import require_namespace, wait_for

PASSWD = """root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/:/bin/sh
mail:x:8:8:mail:/var/mail:/bin/sh
uucp:x:10:10:uucp:/var/spool/uucp:/bin/sh
postfix:x:105:108:postfix:/var/spool/postfix:/bin/sh
Debian-exim:x:106:110:exim:/var/spool/exim4:/bin/sh
smmta:x:107:111:sendmail:/var/lib/sendmail:/bin/sh
smmsp:x:109:112:sendmail:/var/lib/sendmail:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/sh
"""
GROUP = """root:x:0:
daemon:x:1:
mail:x:8:
uucp:x:10:
postfix:x:108:
postdrop:x:109:
Debian-exim:x:110:
smmta:x:111:
smmsp:x:112:
nogroup:x:65534:
"""
HOSTS = "127.0.0.1 localhost sender.test\n"
DEVICES = ("null", "zero", "urandom", "random")


def folder():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("MTS_MAIL_SERVERS") or os.path.join(
        here, "..", "..", "mail-servers")


def missing():
    """Returns why these servers can't run, or None if they can."""
    if os.geteuid() != 0 or _mapped_users() < 1000:
        return "mail servers switch users, which takes a real root"
    if not os.path.isdir(os.path.join(folder(), "sendmail-bookworm")):
        return "run tests/world/mail-servers first"
    return None


def _mapped_users():
    with open("/proc/self/uid_map") as file:
        return sum(int(line.split()[2]) for line in file)


class Mta:
    """A sending mail server; send() hands it a mail. Each server has its own
    configure()."""

    name = root_name = None
    port = 0

    def __init__(self, world, **options):
        require_namespace()
        self.world, self.options = world, options
        self.root = os.path.realpath(os.path.join(folder(), self.root_name))
        self.mounts = []
        self.process = None
        self.syslog = []
        self.output_path = world.path(self.name.replace(" ", "-") + ".out")
        self._mount()
        self.configure()

    # its root

    def path(self, name):
        return self.root + name

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        # Postfix waits until a file is at least a second old.
        os.utime(path, (1, 1))

    def make(self, name, user="root", group=None, mode=0o755):
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        os.chown(path, self._id(PASSWD, user), self._id(GROUP, group or "root"))
        os.chmod(path, mode)

    @staticmethod
    def _id(text, name):
        return int(re.search(r"^%s:x:(\d+)" % name, text, re.M).group(1))

    def _mount(self):
        with tempfile.TemporaryDirectory() as copy:
            etc = os.path.join(copy, "etc")
            shutil.copytree(self.path("/etc"), etc, symlinks=True)
            for name in ("/etc", "/var", "/tmp", "/dev"):
                self._run("mount", "-t", "tmpfs", "-o", "mode=755", "mtas",
                          self.path(name))
                self.mounts.append(self.path(name))
            shutil.copytree(etc, self.path("/etc"), symlinks=True,
                            dirs_exist_ok=True)
        for device in DEVICES:
            open(self.path("/dev/" + device), "w").close()
            self._bind("/dev/" + device, "/dev/" + device)
        self._bind("/proc", "/proc")
        self._bind(self.world.tmp, "/world")
        os.chmod(self.world.tmp, 0o755)
        os.chmod(self.path("/tmp"), 0o1777)
        self.write("/etc/passwd", PASSWD)
        self.write("/etc/group", GROUP)
        self.write("/etc/hosts", HOSTS)
        self.write("/etc/mailname", "sender.test\n")
        self.write("/etc/nsswitch.conf",
                   "passwd: files\ngroup: files\nhosts: files dns\n")
        shutil.copy("/etc/resolv.conf", self.path("/etc/resolv.conf"))
        for name in ("/var/spool", "/var/log", "/var/run", "/var/lib"):
            self.make(name)
        self._listen_syslog()

    def _bind(self, source, name):
        self._run("mount", "--bind", source, self.path(name))
        self.mounts.append(self.path(name))

    @staticmethod
    def _run(*command):
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    def _listen_syslog(self):
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        log.bind(self.path("/dev/log"))
        os.chmod(self.path("/dev/log"), 0o666)
        self.syslog_socket = log

        def read():
            while True:
                try:
                    data = log.recv(65536)
                except OSError:
                    return
                self.syslog.append(data.decode("latin-1"))
        threading.Thread(target=read, daemon=True).start()

    # its life

    def run(self, *command, check=True):
        """Runs a program from its root and waits until it ends."""
        done = subprocess.run(
            ["chroot", self.root, *command], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})
        assert not check or done.returncode == 0, (
            command, done.stdout, done.stderr, self.log())
        return done.stdout

    def start(self):
        with open(self.output_path, "ab") as out:
            self.process = subprocess.Popen(
                ["chroot", self.root, *self.command()],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})
        try:
            wait_for(self._answers, timeout_s=30)
        except AssertionError:
            raise AssertionError("%s does not answer:\n%s" % (
                self.name, self.log())) from None
        return self

    def _answers(self):
        assert self.process.poll() is None, self.log()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        """Ends every process of ours that runs in the root."""
        if self.process:
            for signal in (15, 9):
                for pid in self._pids():
                    try:
                        os.kill(pid, signal)
                    except ProcessLookupError:
                        pass
                end = time.monotonic() + 5
                while self._pids() and time.monotonic() < end:
                    self.process.poll()
                    time.sleep(0.05)
            self.process.wait(5)
            self.process = None
        self.syslog_socket.close()
        for path in reversed(self.mounts):
            subprocess.run(["umount", "-l", path], check=False)
        self.mounts = []

    def _pids(self):
        """True if the process is in our network namespace, not in another test's."""
        ours = os.readlink("/proc/self/ns/net")
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink("/proc/%s/root" % pid) == self.root and \
                        os.readlink("/proc/%s/ns/net" % pid) == ours:
                    found.append(int(pid))
            except OSError:
                continue
        return found

    # mail

    def send(self, *recipients, text="hello"):
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
            client.sendmail("sender@sender.test", recipients,
                            "Subject: test\r\n\r\n%s\r\n" % text)

    def log(self):
        text = "".join(self.read(name) for name in self.log_files)
        with open(self.output_path, errors="replace") as file:
            return text + file.read() + "\n".join(self.syslog)

    def read(self, name):
        try:
            with open(self.path(name), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    log_files = ()

    def deferral(self, recipient):
        """Returns why the mail to RECIPIENT waits, from the log; None if the log
        does not say that it waits."""
        found = re.findall(self.deferred % re.escape(recipient), self.log())
        return found[-1] if found else None


# -- Postfix ------------------------------------------------------------------

POSTFIX_MAIN = """compatibility_level = 3.6
myhostname = sender.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = all
alias_maps =
local_recipient_maps =
smtpd_recipient_restrictions = permit_mynetworks, reject
maillog_file = /var/log/mail.log
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
minimal_backoff_time = 600s
maximal_backoff_time = 600s
smtp_connect_timeout = 5s
smtp_tls_loglevel = 1
transport_maps = regexp:/etc/postfix/transport
{lines}"""

POSTFIX_LINES = """smtp_tls_policy_maps = {map}
smtp_tls_security_level = may
smtp_tls_CAfile = /world/ca/root.crt
"""


# Domains by their last label but one, KEY of "NAME-KEY.test"; {by}: a transport.
POSTFIX_TRANSPORT = r"""/@smartgood-{key}\.test$/ {by}:[mx-good.test]:25
/@smartbad-{key}\.test$/ {by}:[mx-smartbad.test]
/@smartfree-{key}\.test$/ {by}:[mx-unknownca2.test]
/-{key}\.test$/ {by}:
"""


class Postfix(Mta):
    """OPTIONS: map; lines, which stand in main.cf for POSTFIX_LINES; ways,
    {key: {parameter: value}}: smtp(8) with other parameters for domains with
    that key, "chroot" among them."""

    log_files = ("/var/log/mail.log",)
    deferred = r"to=<%s>.*status=deferred \((.*)\)"

    def configure(self):
        lines = self.options.get("lines", POSTFIX_LINES)
        with open(self.path("/usr/share/postfix/master.cf.dist")) as file:
            master = file.read()
        master = re.sub(r"^smtp( +)inet( +n +- +)y", r"127.0.0.1:%d\1inet\2y" %
                        self.port, master, flags=re.M)
        # No chroot is needed: we are already in one.
        master = re.sub(r"^(\S+ +\S+ +\S+ +\S+ +)y", r"\1n", master,
                        flags=re.M)
        self.write("/etc/postfix/main.cf", POSTFIX_MAIN.format(
            lines=lines.format(map=self.options["map"])))
        ways = self.options.get("ways", {})
        self.write("/etc/postfix/master.cf", master + "".join(
            self.service(key, dict(ways[key])) for key in ways))
        self.write("/etc/postfix/transport", "".join(
            [POSTFIX_TRANSPORT.format(key=key, by=key) for key in ways] +
            [POSTFIX_TRANSPORT.format(key=self.options.get("key", ""),
                                      by="smtp")]))
        self.make("/var/lib/postfix", "postfix")
        self.make("/var/spool/postfix")
        self.make("/var/spool/postfix/pid")
        for name in ("active", "bounce", "corrupt", "defer", "deferred",
                     "flush", "hold", "incoming", "private", "saved", "trace"):
            self.make("/var/spool/postfix/" + name, "postfix", mode=0o700)
        self.make("/var/spool/postfix/public", "postfix", "postdrop", 0o710)
        self.make("/var/spool/postfix/maildrop", "postfix", "postdrop", 0o730)
        self.fill_chroot()

    @staticmethod
    def service(name, parameters):
        """Returns the line of master.cf for an smtp(8)."""
        return "%s unix - - %s - - smtp\n%s" % (
            name, parameters.pop("chroot", "n"),
            "".join("  -o {%s = %s}\n" % item for item in parameters.items()))

    def fill_chroot(self):
        """Prepares the files as Debian's start script of Postfix does. Sockets in
        /world appear in the folder mtasts there."""
        for name in ("hosts", "nsswitch.conf", "resolv.conf"):
            self.write("/var/spool/postfix/etc/" + name,
                       self.read("/etc/" + name))
        self.make("/var/spool/postfix/mtasts")
        self._bind(self.world.tmp, "/var/spool/postfix/mtasts")

    def command(self):
        return ["/usr/lib/postfix/sbin/master", "-d"]

    def version(self):
        return self.run("/usr/sbin/postconf", "-hd", "mail_version").strip()

    def send_by(self, host, recipient):
        """Hands it a mail for a domain that goes to the smart host HOST, according to
        the file "transport"."""
        self.send(recipient)

    def flush_queue(self):
        self.run("/usr/sbin/postqueue", "-f")


class Postfix37(Postfix):
    name, root_name, port = "Postfix 3.7", "postfix-bookworm", 2537


class Postfix310(Postfix):
    name, root_name, port = "Postfix 3.10", "postfix-trixie", 2510


# -- Exim ---------------------------------------------------------------------

EXIM_CONF = """exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = sender.test
domainlist local_domains =
hostlist relay_from_hosts = 127.0.0.1
{macros}
MTASTS_SOCKET = {socket}
MTASTS_CA_BUNDLE = /world/ca/root.crt
.include /etc/exim4/mtasts.conf
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
tls_advertise_hosts =
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
log_selector = +tls_sni +tls_cipher
acl_smtp_rcpt = accept
queue_run_max = 5

begin acl
accept:
  accept

begin routers
{before}
.include /etc/exim4/mtasts-routers.conf

.ifdef MTASTS_SMARTHOST
ordinary:
  driver = manualroute
  route_list = * MTASTS_SMARTHOST
.else
ordinary:
  driver = dnslookup
.endif
  domains = ! +local_domains
  transport = remote_smtp
  no_more

begin transports
.include /etc/exim4/mtasts-transport.conf

remote_smtp:
  driver = smtp
  connect_timeout = 5s

begin retry
* * F,2h,10m
"""


class Exim(Mta):
    """OPTIONS: socket, for ${readsocket}; before: routers before ours."""

    name, root_name, port = "Exim 4.96", "exim-bookworm", 2596
    log_files = ("/var/log/exim4/mainlog", "/var/log/exim4/paniclog")
    deferred = r"== %s.*? defer \([^)]*\)(?:: | )?(.*)"

    def configure(self):
        source = os.path.join(os.environ["srcdir"], "contrib", "exim")
        for name in ("mtasts.conf", "mtasts-routers.conf",
                     "mtasts-transport.conf"):
            with open(os.path.join(source, name)) as file:
                self.write("/etc/exim4/" + name, file.read())
        self.write_conf("exim4.conf")
        self.make("/var/spool/exim4", "Debian-exim", "Debian-exim", 0o750)
        self.make("/var/log/exim4", "Debian-exim", "Debian-exim", 0o750)

    def write_conf(self, name, macros=""):
        self.write("/etc/exim4/" + name, EXIM_CONF.format(
            socket=self.options["socket"], port=self.port, macros=macros,
            before=self.options.get("before", "")))

    def send_by(self, host, recipient):
        """Hands a mail to the smart host HOST, by another configuration."""
        self.write_conf(host, "MTASTS_SMARTHOST = " + host)
        self.run("/usr/sbin/exim4", "-C", "/etc/exim4/" + host, "-odi", "-f",
                 "sender@sender.test", recipient)

    def command(self):
        return ["/usr/sbin/exim4", "-bdf", "-C", "/etc/exim4/exim4.conf"]

    def version(self):
        return re.search(r"version (\S+)", self.run(
            "/usr/sbin/exim4", "-C", "/etc/exim4/exim4.conf", "-bV")).group(1)

    def flush_queue(self):
        self.run("/usr/sbin/exim4", "-C", "/etc/exim4/exim4.conf", "-qff")


# -- Sendmail -----------------------------------------------------------------

# The limits on the load are high, or Sendmail would only queue mail, or not listen,
# on a busy machine.
SENDMAIL_MC = """divert(-1)dnl
divert(0)dnl
VERSIONID(`test')
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`confDOMAIN_NAME', `sender.test')dnl
define(`confCACERT', `/world/ca/root.crt')dnl
define(`confCACERT_PATH', `/world/ca')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`confTO_ICONNECT', `5s')dnl
define(`confTO_CONNECT', `5s')dnl
define(`confTO_IDENT', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confLOG_LEVEL', `14')dnl
define(`MTASTS_SOCKET', `{socket}')dnl
{macros}
FEATURE(`promiscuous_relay')dnl
FEATURE(`nocanonify')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`accept_unresolvable_domains')dnl
DAEMON_OPTIONS(`Name=MTA, Addr=127.0.0.1, Port={port}')dnl
{feature}
MAILER(`smtp')dnl
{rules}
"""


class Sendmail(Mta):
    """OPTIONS: socket, as the socket map has it."""

    name, root_name, port = "Sendmail 8.17", "sendmail-bookworm", 2517
    deferred = r"to=<?%s>?,.*stat=(Deferred.*)"
    program = "/usr/libexec/sendmail/sendmail"

    def configure(self):
        source = os.path.join(os.environ["srcdir"], "contrib", "sendmail")
        for name in ("mtasts-feature.m4", "mtasts-rules.m4"):
            with open(os.path.join(source, name)) as file:
                self.write("/etc/mail/" + name, file.read())
        self.write_conf("sendmail.cf")
        for name in ("local-host-names", "aliases", "relay-domains",
                     "trusted-users"):
            self.write("/etc/mail/" + name, "")
        self.make("/var/lib/sendmail", "smmta", "smmsp")
        self.make("/var/spool/mqueue", "smmta", "smmsp", 0o2750)
        self.make("/var/run/sendmail/mta", "smmta", "smmsp")
        self.make("/run/sendmail/mta", "smmta", "smmsp")

    def write_conf(self, name, macros="dnl"):
        self.write("/etc/mail/test.mc", SENDMAIL_MC.format(
            socket=self.options["socket"], port=self.port, macros=macros,
            feature=self.options.get(
                "feature", "include(`/etc/mail/mtasts-feature.m4')dnl"),
            rules=self.options.get(
                "rules", "include(`/etc/mail/mtasts-rules.m4')dnl")))
        self.write("/etc/mail/" + name, self.run(
            "/usr/bin/m4", "-D_CF_DIR_=/usr/share/sendmail/cf/",
            "/usr/share/sendmail/cf/m4/cf.m4", "/etc/mail/test.mc"))

    def send_by(self, host, recipient):
        """Hands a mail to the smart host HOST, by another configuration."""
        self.write_conf(host + ".cf", "define(`SMART_HOST', `[%s]')dnl\n"
                        "define(`MTASTS_SMART_HOST', `%s')dnl" % (host, host))
        self.run(self.program, "-C", "/etc/mail/%s.cf" % host, "-Am", "-odi",
                 "-f", "sender@sender.test", recipient)

    def command(self):
        return [self.program, "-bD", "-C", "/etc/mail/sendmail.cf"]

    def version(self):
        return re.search(r"Version (\S+)", self.run(
            self.program, "-C", "/etc/mail/sendmail.cf", "-d0.1", "-bv",
            "root", check=False)).group(1)

    def flush_queue(self):
        self.run(self.program, "-C", "/etc/mail/sendmail.cf", "-q")
