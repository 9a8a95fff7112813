# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
# packages.sh - lists the Debian packages that quickstart, run-tests and build-deb
# need, and installs them.
# shellcheck disable=SC2034

# What the build needs.
BUILD_PACKAGES="autoconf automake pkg-config make gcc libc6-dev ca-certificates
 libuv1-dev libgetdns-dev libunbound-dev libevent-dev dns-root-data
 libcurl4-openssl-dev libssl-dev libyaml-dev liblmdb-dev libidn2-dev
 libjansson-dev libsystemd-dev libmicrohttpd-dev zlib1g-dev"

# What contrib/build-deb needs in addition.
DEB_PACKAGES="build-essential debhelper dpkg-dev xz-utils"

# What quickstart --demo needs in addition.
DEMO_PACKAGES="nsd nginx-light openssl iproute2 util-linux"

# What the tests need in addition.
TEST_PACKAGES="$DEMO_PACKAGES unbound knot libcmocka-dev clang libclang-rt-dev
 clang-format clang-tidy cppcheck shellcheck mandoc valgrind xz-utils git procps
 curl prometheus
 python3 python3-pytest python3-dnspython python3-cryptography
 python3-jsonschema
 debian-archive-keyring systemd zsh $DEB_PACKAGES lintian mmdebstrap"

have_package() {
	dpkg-query -W -f '${Status}' "$1" 2>/dev/null |
	    grep -q '^install ok installed$'
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "Run this as root, or install sudo: $*" >&2
		return 1
	fi
}

# Prevents the installation of a package from starting its service or enabling it at
# boot. We want the program, not a server on this machine.
POLICY=/usr/sbin/policy-rc.d

hold_services() {
	[ ! -e "$POLICY" ] || return 0
	printf '#!/bin/sh\n# contrib/packages.sh of mtasts\nexit 101\n' |
	    as_root sh -c "cat >$POLICY && chmod 755 $POLICY"
}

release_services() {
	if grep -qs 'packages.sh of mtasts' "$POLICY"; then
		as_root rm -f "$POLICY"
	fi
	for package in "$@"; do
		case $package in
		nsd) service=nsd ;;
		nginx-light) service=nginx ;;
		postfix) service=postfix ;;
		unbound) service=unbound ;;
		knot) service=knot ;;
		prometheus) service=prometheus ;;
		*) continue ;;
		esac
		as_root systemctl disable --quiet "$service" 2>/dev/null ||
		    as_root update-rc.d "$service" disable 2>/dev/null || :
	done
}

# need_packages PACKAGE...: installs those that are missing.
need_packages() {
	missing=
	for package in "$@"; do
		have_package "$package" || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	if ! command -v apt-get >/dev/null; then
		echo "No apt-get here; install what matches:$missing" >&2
		return 1
	fi
	echo "Installing:$missing"
	as_root apt-get update -q >/dev/null || return 1
	hold_services || return 1
	installed=0
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -q --no-install-recommends $missing \
	    >/dev/null || installed=1
	# shellcheck disable=SC2086
	release_services $missing
	return $installed
}
