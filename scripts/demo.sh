#!/usr/bin/env bash
# demo.sh: brings the example up and asks each of its services for an answer.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root/examples/iterate"
sandwright=$root/bin/sandwright

echo "\$ cd examples/iterate && sandwright up"
"$sandwright" up
for url in http://127.0.0.1:3000/api/health http://127.0.0.1:3001/health http://127.0.0.1:3002/health; do
	echo
	echo "\$ curl $url"
	curl --fail --silent --show-error --max-time 10 --retry 2 "$url"
	echo
done
cat <<'END'

The sandbox keeps running. In examples/iterate, with bin/ on your PATH, try:
  sandwright ps
  sandwright logs -f example-service-a
  sandwright exec opencode --version
  sandwright down
END
