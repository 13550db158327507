#!/usr/bin/env bash
# setup.sh demo|test: installs what the target needs, or says what is missing.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

declare -A package=(
	[git]=git [runc]=runc [mmdebstrap]=mmdebstrap [curl]=curl
	[gcc]=gcc [busybox]=busybox-static [s6-svscan]=s6 [node]=nodejs [npm]=npm [unshare]=util-linux [ps]=procps [rsync]=rsync [xz]=xz-utils
	[docker-registry]=docker-registry [dockerd]=docker.io [ssh-agent]=openssh-client
)
case "${1:-}" in
demo) commands=(git runc mmdebstrap curl) ;;
test) commands=(git runc mmdebstrap curl gcc busybox s6-svscan node npm unshare ps rsync xz docker-registry dockerd ssh-agent) ;;
*)
	echo "usage: scripts/setup.sh demo|test" >&2
	exit 2
	;;
esac

command -v go >/dev/null || {
	echo "error: cannot find go; install Go 1.26 from https://go.dev/dl" >&2
	exit 1
}

missing=()
for c in "${commands[@]}"; do
	command -v "$c" >/dev/null || missing+=("${package[$c]}")
done
# Where npm packages come from is npm's to say, unless it is configured.
if [ "$1" = demo ] && ! command -v npm >/dev/null && [ -z "${npm_config_registry:-}" ] && ! grep -qs '^registry' ~/.npmrc /etc/npmrc; then
	missing+=(npm)
fi
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
if [ "$1" = test ] && command -v gcc >/dev/null && [ ! -e /usr/include/stdlib.h ]; then
	missing+=(libc6-dev)
elif [[ " ${missing[*]} " == *" gcc "* ]]; then
	missing+=(libc6-dev)
fi
if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "error: cannot go on without these packages (Debian's names): ${missing[*]}" >&2
	echo "hint:  on Debian, run: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
	exit 1
fi
echo "installing: ${missing[*]}"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
