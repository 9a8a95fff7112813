#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes ./configure from a git checkout; a release has it already.
set -e
cd "$(dirname "$0")"
mkdir -p m4
exec autoreconf --force --install --warnings=all "$@"
