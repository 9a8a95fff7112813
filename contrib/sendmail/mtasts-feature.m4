divert(-1)dnl
dnl # SPDX-License-Identifier: BSD-2-Clause
dnl # mtasts-feature.m4 - MTA-STS (RFC 8461) for Sendmail 8.17, with mtastsd(8).
dnl #
dnl # In sendmail.mc, before the MAILER lines:
dnl #     include(`/etc/mail/mtasts-feature.m4')dnl
dnl # and as its last line:
dnl #     include(`/etc/mail/mtasts-rules.m4')dnl
dnl # See mtasts-mta(7). To say where mtastsd listens, write before that:
dnl #     define(`MTASTS_SOCKET', `inet:8461@127.0.0.1')dnl
dnl #
dnl # If all mail goes to a smart host, its own policy counts (RFC 8461 3.4),
dnl # which the feature never asks for: it asks for recipients' domains. Name it
dnl # a second time, and the rules of mtasts-rules.m4 replace the feature:
dnl #     define(`SMART_HOST', `[smart.example.org]')dnl
dnl #     define(`MTASTS_SMART_HOST', `smart.example.org')dnl
dnl #
dnl # Sendmail waits at most 5 seconds for an answer. If none comes, or if mtastsd is
dnl # down, mail waits: the map then returns the value of -T, which the feature's rules
dnl # check.
dnl #
dnl # NO_SAN_TST turns off the feature's own test of the certificate's names, which
dnl # rejects wildcards; mtasts-rules.m4 has a test that accepts them.
ifdef(`MTASTS_SOCKET', `', `define(`MTASTS_SOCKET', `inet:8461@127.0.0.1')')
divert(0)dnl
ifdef(`MTASTS_SMART_HOST', `LOCAL_CONFIG
Ksts socket -d5 -T<TMPF> MTASTS_SOCKET
', `FEATURE(`sts', `socket -d5 -T<TMPF> MTASTS_SOCKET', `NO_SAN_TST')dnl
LOCAL_CONFIG
')dnl
# The names in a certificate's SAN, for mtasts-rules.m4.
O SetCertAltnames=true
divert(0)dnl
