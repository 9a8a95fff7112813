divert(-1)dnl
dnl # SPDX-License-Identifier: BSD-2-Clause
dnl # mtasts-rules.m4 - closes the gaps of FEATURE(`sts'); see
dnl # mtasts-feature.m4. It closes two:
dnl #
dnl # * A message to two domains that share a mail host: the feature verifies the
dnl #   connection for the recipient that it sees first. These rules look at each
dnl #   one before its RCPT command, and only those wait whose policy asks for
dnl #   more than the connection has.
dnl # * Certificates with a wildcard, which are good by RFC 8461 4.2.
dnl #
dnl # Between left and right side stand tabs: mind that when you copy.
dnl #
dnl # For a smart host they are all there is.
define(`_MTASTS_HOST_', `ifdef(`MTASTS_SMART_HOST', `MTASTS_SMART_HOST', `$&{server_name}')')
divert(0)dnl
LOCAL_TLS_RCPT
ifdef(`MTASTS_SMART_HOST', `# The policy of the smart host.
R$*			$: MTASTS_SMART_HOST', `# The policy of the recipients domain.
R$*@$+			$: $2
R$+.			$: $1')
R$+			$: $(sts $1 $: none $)
R$* <TMPF>		$#error $@ 4.7.0 $: "450 MTA-STS: mtastsd does not answer"
R$* secure $*		$: <VERIFY> $&{verify}
# By DANE (RFC 7672): that comes first, and names count by its rules.
R<VERIFY> TRUSTED	$@ ok
R<VERIFY> OK		$: <NAME> _MTASTS_HOST_
R<VERIFY> $*		$#error $@ 4.7.0 $: "450 MTA-STS: " $&{server_name} " is not authenticated"
R<NAME> $={cert_altnames}	$@ ok
# One label may be a star.
R<NAME> $- . $+		$: <STAR> * . $2
R<STAR> $={cert_altnames}	$@ ok
R<STAR> $*		$#error $@ 4.7.0 $: "450 MTA-STS: the certificate is not for " _MTASTS_HOST_
R<NAME> $*		$#error $@ 4.7.0 $: "450 MTA-STS: the certificate is not for " _MTASTS_HOST_
# Nothing is enforced for this domain.
R$*			$@ ok
divert(0)dnl
