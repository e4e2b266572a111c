#!/bin/sh
# Rebuild policy.33 from policy/*.cil and renew SHA256SUMS. Run by go generate,
# with Debian's secilc; the output is the same wherever that is the same.
#
# -N: the policy holds, on purpose, one rule that breaks a typebounds
# statement (policy/web.cil), as local modules may on hosts that do not check.
# -X 0: keep attributes, however few members they have.
set -eu
export LC_ALL=C
dir=$(dirname "$0")
out=${1:-$dir/policy.33}
secilc -c 33 -M true -N -X 0 -o "$out" -f /dev/null "$dir"/policy/*.cil
if [ $# -eq 0 ]; then
	cd "$dir"
	sha256sum policy/*.cil policy.33 > SHA256SUMS
fi
