/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_errors.c - the messages for an invalid configuration file: which
 * line, what is wrong, and what to write instead. */
#include "tests.h"

#include "base/slice.h"
#include "conf/conf.h"

#define TEXT(s)                                                                \
	{                                                                      \
		(s), sizeof(s) - 1                                             \
	}

static const struct {
	struct slice text;
	int status;
	const char *why;
} rows[] = {
	/* Unknown options: the nearest known one, or all that are known. */
	{ TEXT("lookup:\n  timout: 5s\n"), MTS_ESYNTAX,
	  "F:2: lookup.timout: unknown option; did you mean lookup.timeout?" },
	{ TEXT("lokup:\n  timeout: 5s\n"), MTS_ESYNTAX,
	  "F:1: lokup: unknown option; did you mean lookup?" },
	{ TEXT("timeout: 5s\n"), MTS_ESYNTAX,
	  "F:1: timeout: unknown option; known here: listen, control, "
	  "control_users, control_group, stats, cache, "
	  "dns, fetch, lookup, refresh, dane, dane_answer, testing, protocols, "
	  "servername, strict_mx, "
	  "maps, domains, limits, "
	  "log, user" },
	{ TEXT("lookup.timeout: 5s\n"), MTS_ESYNTAX,
	  "F:1: lookup.timeout: write two lines, lookup: and, indented below "
	  "it, timeout:" },
	{ TEXT("stats: tcp:/x\n"), MTS_ESYNTAX,
	  "F:1: stats: 'tcp:/x' is not an address; write unix:/path or "
	  "inet:host:port" },
	{ TEXT("control: unix:/x\nstats: unix:/x\n"), MTS_ESYNTAX,
	  "F: stats: unix:/x is also the address of control" },
	{ TEXT("listen:\n  - socketmap: inet:[::1]:9461\n"
	       "stats: inet:[::1]:9461\n"),
	  MTS_ESYNTAX,
	  "F:2: listen.socketmap: inet:[::1]:9461 is also the address of "
	  "stats" },
	{ TEXT("cache: { shards: 3 }\n"), MTS_ESYNTAX,
	  "F:1: cache.shards: unknown option; known here: directory, max_size, "
	  "unused_after" },
	{ TEXT("dane: yes\n"), MTS_ESYNTAX,
	  "F:1: dane: 'yes' is not known; write auto, on, precedence or off" },
	{ TEXT("dane_answer: dane\n"), MTS_ESYNTAX,
	  "F:1: dane_answer: 'dane' is not known; write dane-only or none" },
	{ TEXT("lookup:\n  level: info\n"), MTS_ESYNTAX,
	  "F:2: lookup.level: unknown option; did you mean log.level?" },
	{ TEXT("Fetch:\n"), MTS_ESYNTAX,
	  "F:1: Fetch: unknown option; did you mean fetch?" },
	{ TEXT("fetch: {max-size: 1KiB}\n"), MTS_ESYNTAX,
	  "F:1: fetch.max-size: unknown option; did you mean fetch.max_size?" },
	/* Durations have a unit. */
	{ TEXT("lookup:\n  timeout: 20\n"), MTS_ESYNTAX,
	  "F:2: lookup.timeout: '20' has no unit; write ms, s, m, h or d after "
	  "the number, as in 20s" },
	{ TEXT("lookup:\n  timeout: soon\n"), MTS_ESYNTAX,
	  "F:2: lookup.timeout: 'soon' is not a duration; write a number and "
	  "ms, "
	  "s, m, h or d, as in 20s" },
	{ TEXT("lookup:\n  timeout: 1h30m\n"), MTS_ESYNTAX,
	  "F:2: lookup.timeout: '1h30m' is not a duration; write a number and "
	  "ms, "
	  "s, m, h or d, as in 20s" },
	{ TEXT("lookup:\n  timeout: -5s\n"), MTS_ESYNTAX,
	  "F:2: lookup.timeout: '-5s' is not a duration; write a number and "
	  "ms, "
	  "s, m, h or d, as in 20s" },
	{ TEXT("lookup:\n  timeout: 91s\n"), MTS_ERANGE,
	  "F:2: lookup.timeout: 91s is out of range; write 1s to 90s" },
	{ TEXT("lookup:\n  timeout: 0\n"), MTS_ERANGE,
	  "F:2: lookup.timeout: 0 is out of range; write 1s to 90s" },
	{ TEXT("lookup:\n  timeout: 999ms\n"), MTS_ERANGE,
	  "F:2: lookup.timeout: 999ms is out of range; write 1s to 90s" },
	{ TEXT("lookup:\n  timeout: 99999999999999999999s\n"), MTS_ERANGE,
	  "F:2: lookup.timeout: 99999999999999999999s is out of range; write "
	  "1s to 90s" },
	{ TEXT("lookup: {timeout: 18446744073709551615d}\n"), MTS_ERANGE,
	  "F:1: lookup.timeout: 18446744073709551615d is out of range; write "
	  "1s to 90s" },
	/* Past 64 bits, and back to 5.384 s or 5 if they were let pass. */
	{ TEXT("lookup: {timeout: 18446744073709557s}\n"), MTS_ERANGE,
	  "F:1: lookup.timeout: 18446744073709557s is out of range; write 1s "
	  "to 90s" },
	{ TEXT("fetch: {concurrency: 18446744073709551621}\n"), MTS_ERANGE,
	  "F:1: fetch.concurrency: 18446744073709551621 is out of range; write "
	  "1 to 1024" },
	{ TEXT("lookup:\n  timeout: [5s]\n"), MTS_ESYNTAX,
	  "F:2: lookup.timeout: has a list or options below it; write one "
	  "value after the colon" },
	{ TEXT("lookup:\n  timeout: {a: b}\n"), MTS_ESYNTAX,
	  "F:2: lookup.timeout: has a list or options below it; write one "
	  "value after the colon" },
	{ TEXT("lookup:\n  timeout:\n"), MTS_ESYNTAX,
	  "F:2: lookup.timeout: has no value; leave the line out for the "
	  "default" },
	{ TEXT("lookup:\n  timeout: ~\n"), MTS_ESYNTAX,
	  "F:2: lookup.timeout: has no value; leave the line out for the "
	  "default" },
	{ TEXT("lookup:\n  timeout: ''\n"), MTS_ESYNTAX,
	  "F:2: lookup.timeout: '' is not a duration; write a number and ms, "
	  "s, "
	  "m, h or d, as in 20s" },
	/* Sections. */
	{ TEXT("lookup: 5s\n"), MTS_ESYNTAX,
	  "F:1: lookup: has options of its own; write them below it, "
	  "indented" },
	{ TEXT("lookup: []\n"), MTS_ESYNTAX,
	  "F:1: lookup: has options of its own; write them below it, "
	  "indented" },
	/* Sizes, numbers, truth, words. */
	{ TEXT("fetch:\n  max_size: 64k\n"), MTS_ESYNTAX,
	  "F:2: fetch.max_size: '64k' is not a size; write a number of bytes, "
	  "or "
	  "a number and KiB, MiB, GiB or TiB, as in 64KiB" },
	{ TEXT("fetch:\n  max_size: 65KiB\n"), MTS_ERANGE,
	  "F:2: fetch.max_size: 65KiB is out of range; write 1KiB to 64KiB" },
	{ TEXT("fetch: {max_size: 100}\n"), MTS_ERANGE,
	  "F:1: fetch.max_size: 100 is out of range; write 1KiB to 64KiB" },
	{ TEXT("fetch: {concurrency: many}\n"), MTS_ESYNTAX,
	  "F:1: fetch.concurrency: 'many' is not a number; write one, as in "
	  "64" },
	{ TEXT("fetch: {concurrency: 0}\n"), MTS_ERANGE,
	  "F:1: fetch.concurrency: 0 is out of range; write 1 to 1024" },
	{ TEXT("fetch: {concurrency: 1.5}\n"), MTS_ESYNTAX,
	  "F:1: fetch.concurrency: '1.5' is not a number; write one, as in "
	  "64" },
	{ TEXT("fetch: {retry: 4m}\n"), MTS_ERANGE,
	  "F:1: fetch.retry: 4m is out of range; write 5m to 1d" },
	{ TEXT("fetch: {allow_private_addresses: on}\n"), MTS_ESYNTAX,
	  "F:1: fetch.allow_private_addresses: 'on' is neither true nor "
	  "false" },
	{ TEXT("log: {level: verbose}\n"), MTS_ESYNTAX,
	  "F:1: log.level: 'verbose' is not known; write error, warning, info "
	  "or debug" },
	{ TEXT("log: {target: file}\n"), MTS_ESYNTAX,
	  "F:1: log.target: 'file' is not known; write stderr or syslog" },
	/* Texts. */
	{ TEXT("cache: {directory: var/lib}\n"), MTS_ESYNTAX,
	  "F:1: cache.directory: 'var/lib' is not an absolute path; write one "
	  "that "
	  "begins with /" },
	{ TEXT("cache: {directory: ''}\n"), MTS_ERANGE,
	  "F:1: cache.directory: must not be empty" },
	{ TEXT("fetch: {ca_file: ca.pem}\n"), MTS_ESYNTAX,
	  "F:1: fetch.ca_file: 'ca.pem' is not an absolute path; write one "
	  "that "
	  "begins with /" },
	{ TEXT("fetch: {ca_file: \"/a\\0b\"}\n"), MTS_ESYNTAX,
	  "F:1: fetch.ca_file: control characters are not allowed" },
	/* A control socket is never on the network. */
	{ TEXT("control: inet:127.0.0.1:1\n"), MTS_ESYNTAX,
	  "F:1: control: 'inet:127.0.0.1:1' is not a unix socket; write unix: "
	  "and "
	  "an absolute path, as in unix:/run/mtasts/name.sock" },
	{ TEXT("control: /run/x\n"), MTS_ESYNTAX,
	  "F:1: control: '/run/x' is not a unix socket; write unix: and an "
	  "absolute path, as in unix:/run/mtasts/name.sock" },
	{ TEXT("control: unix:run/x\n"), MTS_ESYNTAX,
	  "F:1: control: 'unix:run/x' is not a unix socket; write unix: and an "
	  "absolute path, as in unix:/run/mtasts/name.sock" },
	{ TEXT("control: "
	       "unix:/"
	       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	       "x\n"),
	  MTS_ERANGE,
	  "F:1: control: the path has 128 bytes; a unix socket's has 107 at "
	  "most" },
	/* Listeners. */
	{ TEXT("listen: unix:/a\n"), MTS_ESYNTAX,
	  "F:1: listen: is a list; write each entry below it, as in - "
	  "socketmap: inet:127.0.0.1:8461" },
	{ TEXT("listen: []\n"), MTS_ESYNTAX,
	  "F:1: listen: is empty, so that no MTA could ask; leave it out for "
	  "the default" },
	{ TEXT("listen:\n"), MTS_ESYNTAX,
	  "F:1: listen: is a list; write each entry below it, as in - "
	  "socketmap: inet:127.0.0.1:8461" },
	{ TEXT("listen:\n  - unix:/a\n"), MTS_ESYNTAX,
	  "F:2: listen: an entry is a protocol and an address, as in - "
	  "socketmap: inet:127.0.0.1:8461" },
	{ TEXT("listen:\n  - socketmap: tcp:1\n"), MTS_ESYNTAX,
	  "F:2: listen.socketmap: 'tcp:1' is not an address; write unix:/path "
	  "or "
	  "inet:host:port" },
	{ TEXT("listen:\n  - socketmap: inet:8461\n"), MTS_ESYNTAX,
	  "F:2: listen.socketmap: 'inet:8461' has no port; write "
	  "inet:host:port, as in inet:127.0.0.1:8461" },
	{ TEXT("listen:\n  - socketmap: inet::8461\n"), MTS_ESYNTAX,
	  "F:2: listen.socketmap: 'inet::8461' has no host; for every address "
	  "of this machine write inet:0.0.0.0:8461 or inet:[::]:8461" },
	{ TEXT("listen:\n  - socketmap: inet:localhost\n"), MTS_ESYNTAX,
	  "F:2: listen.socketmap: 'inet:localhost' has no port; write "
	  "inet:host:port, as in inet:127.0.0.1:8461" },
	{ TEXT("listen:\n  - socketmap: inet:::1:8461\n"), MTS_ESYNTAX,
	  "F:2: listen.socketmap: an IPv6 address needs brackets and a port, "
	  "as in inet:[::1]:8461" },
	{ TEXT("listen:\n  - socketmap: inet:::1\n"), MTS_ESYNTAX,
	  "F:2: listen.socketmap: an IPv6 address needs brackets and a port, "
	  "as in inet:[::1]:8461" },
	{ TEXT("listen:\n  - socketmap: inet:[::1]\n"), MTS_ESYNTAX,
	  "F:2: listen.socketmap: 'inet:[::1]' has no port; write "
	  "inet:host:port, as in inet:127.0.0.1:8461" },
	{ TEXT("listen:\n  - socketmap: inet:[::1]:0\n"), MTS_ERANGE,
	  "F:2: listen.socketmap: '0' is not a port; write a number from 1 to "
	  "65535" },
	{ TEXT("listen:\n  - socketmap: inet:a:70000\n"), MTS_ERANGE,
	  "F:2: listen.socketmap: '70000' is not a port; write a number from 1 "
	  "to "
	  "65535" },
	{ TEXT("listen:\n  - socketmap: inet:127.0.0.256:1\n"), MTS_ESYNTAX,
	  "F:2: listen.socketmap: '127.0.0.256' is neither a host name nor an "
	  "address; IPv6 addresses go in brackets" },
	{ TEXT("listen:\n  - socketmap: inet:*:1\n"), MTS_ESYNTAX,
	  "F:2: listen.socketmap: '*' is neither a host name nor an address; "
	  "IPv6 addresses go in brackets" },
	{ TEXT("listen:\n  - mode: 0660\n"), MTS_ESYNTAX,
	  "F:2: listen: the entry has no address; write socketmap:, "
	  "tcp_table: or exim: and unix:/path or inet:host:port" },
	{ TEXT("listen:\n  - socketmap: unix:/a\n    mode: 0999\n"),
	  MTS_ESYNTAX,
	  "F:3: listen.mode: '0999' is not a file mode; write it in octal, as "
	  "in "
	  "0660" },
	{ TEXT("listen:\n  - socketmap: unix:/a\n    mode: 01777\n"),
	  MTS_ERANGE,
	  "F:3: listen.mode: 01777 is out of range; write 0000 to 0777" },
	{ TEXT("listen:\n  - socketmap: unix:/a\n    mode: rw\n"), MTS_ESYNTAX,
	  "F:3: listen.mode: 'rw' is not a file mode; write it in octal, as in "
	  "0660" },
	{ TEXT("listen:\n  - socketmap: inet:a:1\n    mode: 0660\n"),
	  MTS_ESYNTAX,
	  "F:3: listen.mode: is for unix sockets only; leave it out for "
	  "inet:a:1" },
	{ TEXT("listen:\n  - socketmap: unix:/a\n  - socketmap: inet:a:1\n  - "
	       "socketmap: unix:/a\n"),
	  MTS_ESYNTAX,
	  "F:4: listen.socketmap: unix:/a is listened on already, by line 2" },
	{ TEXT("listen:\n  - socketmap: unix:/a/b\n  - "
	       "socketmap: unix:/a//b\n"),
	  MTS_ESYNTAX,
	  "F:3: listen.socketmap: unix:/a//b is listened on already, by line "
	  "2" },
	{ TEXT("listen:\n  - socketmap: inet:127.0.0.1:1\n  - "
	       "socketmap: inet:0.0.0.0:1\n"),
	  MTS_ESYNTAX,
	  "F:3: listen.socketmap: inet:0.0.0.0:1 is listened on already, by "
	  "line 2" },
	{ TEXT("listen:\n  - socketmap: inet:[::]:1\n  - "
	       "socketmap: inet:[fe80::1]:1\n"),
	  MTS_ESYNTAX,
	  "F:3: listen.socketmap: inet:[fe80::1]:1 is listened on already, by "
	  "line 2" },
	{ TEXT("listen:\n  - socketmap: inet:[::1]:1\n  - "
	       "socketmap: inet:[0:0::0:1]:1\n"),
	  MTS_ESYNTAX,
	  "F:3: listen.socketmap: inet:[0:0::0:1]:1 is listened on already, "
	  "by line 2" },
	{ TEXT("listen:\n  - socketmap: inet:A.example:1\n  - "
	       "socketmap: inet:a.EXAMPLE:1\n"),
	  MTS_ESYNTAX,
	  "F:3: listen.socketmap: inet:a.EXAMPLE:1 is listened on already, by "
	  "line 2" },
	{ TEXT("listen:\n  - socketmap: unix:/a\ncontrol: unix:/a\n"),
	  MTS_ESYNTAX,
	  "F:2: listen.socketmap: unix:/a is also the address of control" },
	{ TEXT("listen:\n  - socketmap: unix:/a\n    owner: a b\n"),
	  MTS_ESYNTAX,
	  "F:3: listen.owner: 'a b' is not a name; remove blanks, ':' and "
	  "'/'" },
	{ TEXT("listen:\n  - socketmap: unix:/a\n    socketmap: unix:/b\n"),
	  MTS_ESYNTAX,
	  "F:3: listen.socketmap: is given twice, first in line 2; leave one" },
	{ TEXT("listen:\n  - netmap: inet:a:1\n"), MTS_ESYNTAX,
	  "F:2: listen.netmap: unknown option; known here: socketmap, mode, "
	  "owner, group, tcp_table, map, exim" },
	{ TEXT("listen:\n  - exim: unix:/a\n    tcp_table: inet:a:1\n"),
	  MTS_ESYNTAX,
	  "F:2: listen.exim: the entry has an address already, by "
	  "listen.tcp_table; begin another one with a hyphen" },
	{ TEXT("listen:\n  - exim: unix:/a\n    map: postfix\n"), MTS_ESYNTAX,
	  "F:3: listen.map: is for tcp_table only; leave it out" },
	{ TEXT("listen:\n  - tcp_table: inet:a:1\n    map: nomap\n"),
	  MTS_ESYNTAX,
	  "F:2: listen.map: there is no map 'nomap'; write postfix, "
	  "postfix-tlsrpt or verdict, or add it to maps:" },
	{ TEXT("maps: strict\n"), MTS_ESYNTAX,
	  "F:1: maps: is a list; write each entry below it, as in - name: "
	  "strict" },
	{ TEXT("maps:\n  - strict\n"), MTS_ESYNTAX,
	  "F:2: maps: an entry has options of its own, as in - name: strict" },
	{ TEXT("maps:\n  - like: postfix\n"), MTS_ESYNTAX,
	  "F:2: maps: the entry has no name; write name: and what MTAs ask it "
	  "by" },
	{ TEXT("maps:\n  - name: a\n  - name: b\n  - name: a\n"), MTS_ESYNTAX,
	  "F:4: maps.name: 'a' is already used, in line 2" },
	{ TEXT("maps:\n  - name: a b\n"), MTS_ESYNTAX,
	  "F:2: maps.name: 'a b' is not a name; remove blanks, ':' and '/'" },
	{ TEXT("maps:\n  - { name: a, like: exim }\n"), MTS_ESYNTAX,
	  "F:2: maps.like: 'exim' is not known; write postfix, postfix-tlsrpt, "
	  "sts or verdict" },
	{ TEXT("testing: maybe\n"), MTS_ESYNTAX,
	  "F:1: testing: 'maybe' is not known; write report or enforce" },
	{ TEXT("listen:\n  - tcp_table: inet:a:1\n    mode: 0660\n"),
	  MTS_ESYNTAX,
	  "F:3: listen.mode: is for unix sockets only; leave it out for "
	  "inet:a:1" },
	{ TEXT("listen:\n  - exim: unix:/a\n  - socketmap: unix:/a\n"),
	  MTS_ESYNTAX,
	  "F:3: listen.socketmap: unix:/a is listened on already, by line 2" },
	{ TEXT("listen:\n  - []\n"), MTS_ESYNTAX,
	  "F:2: listen: an entry is a protocol and an address, as in - "
	  "socketmap: inet:127.0.0.1:8461" },
	{ TEXT("dns: { dnssec: off }\ndane: on\n"), MTS_ESYNTAX,
	  "F:2: dane: 'on' takes DNSSEC, and dns.dnssec is off; write auto, or "
	  "dns.dnssec: auto" },
	{ TEXT("dane: on\ndns: { dnssec: off }\n"), MTS_ESYNTAX,
	  "F:2: dns.dnssec: 'off' leaves nothing to look at for dane: on; "
	  "write "
	  "auto, or dane: off" },
	/* The operator's own word on domains. */
	{ TEXT("domains: bypass\n"), MTS_ESYNTAX,
	  "F:1: domains: is a mapping; write each domain below it, as in "
	  "example.org: bypass" },
	{ TEXT("domains:\n  - example.org\n"), MTS_ESYNTAX,
	  "F:2: domains: is a mapping; write each domain below it, as in "
	  "example.org: bypass" },
	{ TEXT("domains:\n  example.org: ignore\n"), MTS_ESYNTAX,
	  "F:2: domains.example.org: neither bypass nor a policy; write one of "
	  "them, a policy as { mode: enforce, mx: [mx1.example.org] }" },
	{ TEXT("domains:\n  example.org:\n"), MTS_ESYNTAX,
	  "F:2: domains.example.org: neither bypass nor a policy; write one of "
	  "them, a policy as { mode: enforce, mx: [mx1.example.org] }" },
	{ TEXT("domains:\n  a.example: bypass\n  -b.example: bypass\n"),
	  MTS_ESYNTAX,
	  "F:3: domains.-b.example: not a domain name: it has a label "
	  "that "
	  "begins with a hyphen" },
	{ TEXT("domains:\n  \"*.example.org\": bypass\n"), MTS_ESYNTAX,
	  "F:2: domains.*.example.org: not a domain name: it holds more "
	  "than letters, digits, hyphens and dots" },
	{ TEXT("domains:\n  .example.org: bypass\n"), MTS_ESYNTAX,
	  "F:2: domains..example.org: not a domain name: it begins with a "
	  "dot, and a parent's policy does not apply (RFC 8461 3.4)" },
	{ TEXT("domains:\n  example.org:587: bypass\n"), MTS_ESYNTAX,
	  "F:2: domains.example.org:587: write the domain without a port; an "
	  "entry applies to every port" },
	{ TEXT("domains:\n  \"[example.org]\": bypass\n"), MTS_ESYNTAX,
	  "F:2: domains.[example.org]: write the domain without brackets; an "
	  "entry applies with brackets, too" },
	{ TEXT("domains:\n  192.0.2.1: bypass\n"), MTS_ESYNTAX,
	  "F:2: domains.192.0.2.1: not a domain name: its last label is "
	  "all digits, as in an address" },
	{ TEXT("domains:\n  example.org: bypass\n  EXAMPLE.ORG.: bypass\n"),
	  MTS_ESYNTAX,
	  "F:3: domains.EXAMPLE.ORG.: is given twice, first in line 2; leave "
	  "one" },
	{ TEXT("domains:\n  xn--bcher-kva.example: bypass\n"
	       "  b\xc3\xbc\x63her.example: bypass\n"),
	  MTS_ESYNTAX,
	  "F:3: domains.b??cher.example: is given twice, first in line 2; "
	  "leave "
	  "one" },
	{ TEXT("domains:\n  a.example: { mode: strict }\n"), MTS_ESYNTAX,
	  "F:2: domains.a.example.mode: 'strict' is not known; write enforce, "
	  "testing or none" },
	{ TEXT("domains:\n  a.example: { mode: [] }\n"), MTS_ESYNTAX,
	  "F:2: domains.a.example.mode: '' is not known; write enforce, "
	  "testing "
	  "or none" },
	{ TEXT("domains:\n  a.example: { mode: none, max_age: 1 }\n"),
	  MTS_ESYNTAX,
	  "F:2: domains.a.example: 'max_age' is not known here; a policy has "
	  "mode and mx" },
	{ TEXT("domains:\n  a.example: { mode: none, mode: none }\n"),
	  MTS_ESYNTAX,
	  "F:2: domains.a.example: 'mode' is given twice; leave one" },
	{ TEXT("domains:\n  a.example: { mx: [mx1.a.example] }\n"), MTS_ESYNTAX,
	  "F:2: domains.a.example: the policy has no mode; write mode: "
	  "enforce, "
	  "testing or none" },
	{ TEXT("domains:\n  a.example:\n    mode: enforce\n"), MTS_ESYNTAX,
	  "F:4: domains.a.example: the policy names no host, so that no mail "
	  "could go anywhere; write mx: and a list of patterns" },
	{ TEXT("domains:\n  a.example: { mode: testing, mx: [] }\n"),
	  MTS_ESYNTAX,
	  "F:2: domains.a.example: the policy names no host, so that no mail "
	  "could go anywhere; write mx: and a list of patterns" },
	{ TEXT("domains:\n  a.example:\n    mode: enforce\n    mx:\n"
	       "      - mx1.a.example\n      - mx*.a.example\n"),
	  MTS_ESYNTAX,
	  "F:6: domains.a.example.mx: 'mx*.a.example' is not an MX pattern; "
	  "write "
	  "a "
	  "host name, or '*.' and a domain for any one label" },
	/* What would steer Postfix. */
	{ TEXT("domains:\n  a.example: { mode: enforce, mx: [hostname] }\n"),
	  MTS_ESYNTAX,
	  "F:2: domains.a.example.mx: 'hostname' is not an MX pattern; write a "
	  "host "
	  "name, or '*.' and a domain for any one label" },
	{ TEXT("domains:\n  a.example: { mode: enforce, mx: mx.a.example }\n"),
	  MTS_ESYNTAX,
	  "F:2: domains.a.example.mx: 'mx.a.example' is not a list; write "
	  "[mx1.example.org, '*.example.net']" },
	/* Users. */
	{ TEXT("control_users: anna\n"), MTS_ESYNTAX,
	  "F:1: control_users: is a list; write [anna, otto], or [] for none" },
	{ TEXT("control_users: [[]]\n"), MTS_ESYNTAX,
	  "F:1: control_users: each item must be one name" },
	{ TEXT("control_users: [anna, '']\n"), MTS_ERANGE,
	  "F:1: control_users: must not be empty" },
	{ TEXT("control_users: [anna, 'o:o']\n"), MTS_ESYNTAX,
	  "F:1: control_users: 'o:o' is not a name; remove blanks, ':' and "
	  "'/'" },
	{ TEXT("control_group: a/b\n"), MTS_ESYNTAX,
	  "F:1: control_group: 'a/b' is not a name; remove blanks, ':' and "
	  "'/'" },
	/* Name servers. */
	{ TEXT("dns: {servers: 192.0.2.1}\n"), MTS_ESYNTAX,
	  "F:1: dns.servers: is a list; write [192.0.2.1, 192.0.2.2], or [] "
	  "for none" },
	{ TEXT("dns: {servers: [dns.example]}\n"), MTS_ESYNTAX,
	  "F:1: dns.servers: 'dns.example' is not a name server; write an "
	  "address, as in 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53" },
	{ TEXT("dns: {servers: [192.0.2.1:0]}\n"), MTS_ESYNTAX,
	  "F:1: dns.servers: '192.0.2.1:0' is not a name server; write an "
	  "address, as in 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53" },
	{ TEXT("dns: {servers: ['[::1']}\n"), MTS_ESYNTAX,
	  "F:1: dns.servers: '[::1' is not a name server; write an address, as "
	  "in "
	  "192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53" },
	{ TEXT("dns: {servers: [[]]}\n"), MTS_ESYNTAX,
	  "F:1: dns.servers: each item must be one address" },
	{ TEXT("dns: {servers: ['']}\n"), MTS_ERANGE,
	  "F:1: dns.servers: must not be empty" },
	/* Once is enough. */
	{ TEXT("control: ''\ncontrol: ''\n"), MTS_ESYNTAX,
	  "F:2: control: is given twice, first in line 1; leave one" },
	{ TEXT("cache:\ncache:\n"), MTS_ESYNTAX,
	  "F:2: cache: is given twice, first in line 1; leave one" },
	{ TEXT("lookup: {timeout: 5s, timeout: 5s}\n"), MTS_ESYNTAX,
	  "F:1: lookup.timeout: is given twice, first in line 1; leave one" },
	/* Bounds must not cross; an option that was not written is at its default. */
	{ TEXT("lookup: {negative_min: 2h}\n"), MTS_ERANGE,
	  "F:1: lookup.negative_min: 2h is more than lookup.negative_max, "
	  "which is 1h" },
	{ TEXT("lookup:\n  negative_max: 1s\n"), MTS_ERANGE,
	  "F:2: lookup.negative_max: 1s is less than lookup.negative_min, "
	  "which is 1m" },
	{ TEXT("lookup:\n  negative_max: 1s\n  negative_min: 2s\n"), MTS_ERANGE,
	  "F:3: lookup.negative_min: 2s is more than lookup.negative_max, "
	  "which is 1s" },
	{ TEXT("refresh: {id_check_min: 2d}\n"), MTS_ERANGE,
	  "F:1: refresh.id_check_min: 2d is more than refresh.id_check_max, "
	  "which is 1d" },
	/* What YAML can do and a configuration has no use for. */
	{ TEXT("- a\n"), MTS_ESYNTAX,
	  "F:1: options are expected, each as name: value" },
	{ TEXT("just text\n"), MTS_ESYNTAX,
	  "F:1: options are expected, each as name: value" },
	{ TEXT("a: &x b\n"), MTS_ESYNTAX,
	  "F:1: a: unknown option; known here: listen, control, control_users, "
	  "control_group, stats, cache, dns, "
	  "fetch, lookup, refresh, dane, dane_answer, testing, protocols, "
	  "servername, strict_mx, "
	  "maps, domains, limits, log, user" },
	{ TEXT("log: &x {level: info}\n"), MTS_ESYNTAX,
	  "F:1: YAML anchors and aliases are not accepted; write the value "
	  "out" },
	{ TEXT("log: *x\n"), MTS_ESYNTAX,
	  "F:1: YAML anchors and aliases are not accepted; write the value "
	  "out" },
	{ TEXT("control: !!str a\n"), MTS_ESYNTAX,
	  "F:1: YAML tags are not accepted; write the plain value" },
	{ TEXT("<<: {control: a}\n"), MTS_ESYNTAX,
	  "F:1: YAML merge keys are not accepted; write the options out" },
	{ TEXT("log: { <<: {level: info} }\n"), MTS_ESYNTAX,
	  "F:1: log: YAML merge keys are not accepted; write the options out" },
	{ TEXT("control: ''\n---\ncontrol: ''\n"), MTS_ESYNTAX,
	  "F:2: a second YAML document begins; only one is accepted" },
	{ TEXT("? [a]\n: b\n"), MTS_ESYNTAX,
	  "F:1: the name of an option is expected" },
	{ TEXT("dns:\n  servers: "
	       "[1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,"
	       "1.1.1.1,1.1.1.1]\n"),
	  MTS_ESYNTAX,
	  "F:2: dns.servers: has too many items; 8 at most are possible" },
	{ TEXT("[[[[[[[["), MTS_ESYNTAX,
	  "F:1: options are expected, each as name: value" },
};

/* libyaml's own words follow, and differ from release to release. */
static const struct {
	struct slice text;
	const char *why;
} yaml_rows[] = {
	{ TEXT("lookup:\n\ttimeout: 5s\n"), "F:2: not YAML: " },
	{ TEXT("lookup:\n  timeout: 5s\n bad\n"), "F:3: not YAML: " },
	{ TEXT("lookup: {timeout: 5s\n"), "F:2: not YAML: " },
	{ TEXT("a: \xff\n"), "F:1: not plain UTF-8: " },
	{ TEXT("control: ''\nlog:\n  level: \xc3(\n"),
	  "F:3: not plain UTF-8: " },
	{ TEXT("\x01: a\n"), "F:1: not plain UTF-8: " },
	{ TEXT("control: \"\xc2\x9b\"\n"), "F:1: not plain UTF-8: " },
	{ TEXT("%YAML 3.0\n---\na: b\n"), "F:1: not YAML: " },
	{ TEXT("x\0y"), "F:1: not plain UTF-8: " },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf *conf = NULL;
		struct fault why = { 0 };
		int status = conf_parse(rows[i].text.data, rows[i].text.len,
		                        "F", &conf, &why);

		assert_null(conf);
		assert_string_equal(why.text, rows[i].why);
		assert_int_equal(status, rows[i].status);
		assert_int_equal(why.status, status);
		/* The message explains itself. */
		assert_int_equal(conf_parse(rows[i].text.data, rows[i].text.len,
		                            "F", &conf, NULL),
		                 status);
	}
}

static void test_yaml_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yaml_rows); i++) {
		struct conf *conf = NULL;
		struct fault why = { 0 };

		assert_int_equal(conf_parse(yaml_rows[i].text.data,
		                            yaml_rows[i].text.len, "F", &conf,
		                            &why),
		                 MTS_ESYNTAX);
		assert_null(conf);
		if (strncmp(why.text, yaml_rows[i].why,
		            strlen(yaml_rows[i].why)) != 0)
			assert_string_equal(why.text, yaml_rows[i].why);
	}
}

static void test_tabs_are_named(void **state)
{
	static const char text[] = "lookup:\n\ttimeout: 5s\n";
	struct conf *conf = NULL;
	struct fault why;

	(void)state;
	assert_int_equal(conf_parse(text, sizeof(text) - 1, "F", &conf, &why),
	                 MTS_ESYNTAX);
	assert_non_null(strstr(why.text, "; indent with spaces, not tabs"));
}

/* A value can't push the reason out of the message. */
static void test_long_values_are_cut(void **state)
{
	struct conf *conf = NULL;
	struct fault why;
	char text[3000] = "log: { level: ";
	size_t len = strlen(text);

	(void)state;
	memset(text + len, 'x', 2000);
	text[len + 2000] = '}';
	assert_int_equal(conf_parse(text, len + 2001, "F", &conf, &why),
	                 MTS_ESYNTAX);
	assert_non_null(
	    strstr(why.text, "write error, warning, info or debug"));
	memcpy(text, "control: unix", 13);
	memset(text + 13, 'x', 2000);
	assert_int_equal(conf_parse(text, 2013, "F", &conf, &why), MTS_ESYNTAX);
	assert_non_null(strstr(why.text, "write unix: and an absolute path"));
	memset(text, 'x', 1000); /* YAML's longest */
	memcpy(text + 1000, ": 1", 3);
	assert_int_equal(conf_parse(text, 1003, "F", &conf, &why), MTS_ESYNTAX);
	assert_non_null(strstr(why.text, "unknown option; known here: listen"));
}

/* "Billion laughs": refused at the first anchor, whatever it stands for. */
static void test_no_bombs(void **state)
{
	static const char text[] =
	    "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nlog: *c\n";
	static const char list[] = "dns: { servers: &a [192.0.2.1] }\n";
	struct conf *conf = NULL;
	struct fault why;

	(void)state;
	assert_int_equal(conf_parse(text, sizeof(text) - 1, "F", &conf, &why),
	                 MTS_ESYNTAX);
	assert_int_equal(conf_parse(list, sizeof(list) - 1, "F", &conf, &why),
	                 MTS_ESYNTAX);
	assert_string_equal(why.text, "F:1: YAML anchors and aliases are not "
	                              "accepted; write the value out");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_yaml_rows),
		cmocka_unit_test(test_tabs_are_named),
		cmocka_unit_test(test_long_values_are_cut),
		cmocka_unit_test(test_no_bombs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
