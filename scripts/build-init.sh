#!/usr/bin/env bash
# build-init.sh ARCH FILE: builds sandwright-init for linux, small: without
# symbols and HTTP/2, inlined only where it matters for speed, and on amd64 with
# no bytes between functions.
set -euo pipefail
cd "$(dirname "$0")/.."
hot=(internal/bytealg sync 'sync/...' bytes golang.org/x/sys/unix
	github.com/sandwright/sandwright/internal/svlog github.com/sandwright/sandwright/internal/loop)
flags=(-gcflags=all=-l)
for package in "${hot[@]}"; do
	flags+=("-gcflags=$package=")
done
align=8
if [[ $1 == amd64 ]]; then
	align=1
fi
CGO_ENABLED=0 GOOS=linux GOARCH=$1 exec go build -trimpath -buildvcs=false -tags nethttpomithttp2 \
	-ldflags "-s -w -buildid= -funcalign=$align ${VERSION:+-X main.version=$VERSION}" "${flags[@]}" -o "$2" ./cmd/sandwright-init
