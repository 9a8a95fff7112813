divert(-1)dnl
dnl # SPDX-License-Identifier: BSD-2-Clause
dnl # mtasts-rules.m4 - closes two gaps of FEATURE(`sts'); see
dnl # mtasts-feature.m4:
dnl #
dnl # * A message to two domains that share a mail host: the feature verifies the
dnl #   connection only for the first recipient. These rules check each recipient
dnl #   before its RCPT command. A recipient waits only if its policy requires more
dnl #   than the connection offers.
dnl # * Certificates with a wildcard: the feature rejects them, but RFC 8461 4.2 allows
dnl #   them.
dnl #
dnl # Tabs separate the left side of a rule from the right side: keep them when you
dnl # copy.
dnl #
dnl # For a smart host, only these rules apply, without the feature.
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
# Verified by DANE (RFC 7672), which takes precedence and has its own rules for names.
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
