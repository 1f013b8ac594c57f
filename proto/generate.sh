#!/usr/bin/env bash
# Regenerates the Go code beside every .proto of this folder. Needs only Go: buf
# and both generators are pinned in tools/go.mod and no remote is asked.
# With --check nothing is written; the script fails when a file would change.
set -euo pipefail
cd "$(dirname "$0")"
tool() { "${GO:-go}" tool -modfile=../tools/go.mod "$@"; }

if [[ "${1:-}" != --check ]]; then
  tool buf generate
  exit
fi

fresh="$(mktemp -d)"
trap 'rm -rf "$fresh"' EXIT
tool buf generate -o "$fresh"
generated() { (cd "$1" && find . -name '*.pb.go' | sort); }
status=0
while read -r file; do
  cmp -s "$fresh/$file" "$file" || { echo "proto/${file#./} is out of date; run: make generate" >&2; status=1; }
done < <({ generated . ; generated "$fresh"; } | sort -u)
exit $status
