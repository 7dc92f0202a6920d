#!/usr/bin/env bash
# Builds the Collector the suite runs into .cache/otelcol, once per source and lock of its modules.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
cache=../../.cache
stamp=$(cat otelcol/*.go otelcol/go.mod otelcol/go.sum | sha256sum | cut -d' ' -f1)
if [ -x "$cache/otelcol" ] && [ "$(cat "$cache/otelcol.sha256" 2>/dev/null)" = "$stamp" ]; then exit 0; fi
command -v go >/dev/null || { echo 'Go is needed to build the Collector for this suite.' >&2; exit 1; }
mkdir -p "$cache"
echo 'Building the OpenTelemetry Collector (minutes the first time)…' >&2
(cd otelcol && go build -trimpath -ldflags '-s -w' -o "../$cache/otelcol" .)
printf '%s' "$stamp" >"$cache/otelcol.sha256"
