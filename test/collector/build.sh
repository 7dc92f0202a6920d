#!/usr/bin/env bash
# Builds the Collector the suite runs into .cache/otelcol, once per source and lock of its modules, and the project's load
# generator into .cache/telemetrygen.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
cache=../../.cache
stamp=$(cat otelcol/*.go otelcol/go.mod otelcol/go.sum | sha256sum | cut -d' ' -f1)
telemetrygen=v0.161.0
needed=()
if [ ! -x "$cache/otelcol" ] || [ "$(cat "$cache/otelcol.sha256" 2>/dev/null)" != "$stamp" ]; then needed+=(otelcol); fi
if [ ! -x "$cache/telemetrygen" ] || [ "$(cat "$cache/telemetrygen.version" 2>/dev/null)" != "$telemetrygen" ]; then needed+=(telemetrygen); fi
[ "${#needed[@]}" -gt 0 ] || exit 0
command -v go >/dev/null || { echo 'Go is needed to build the Collector for this suite.' >&2; exit 1; }
mkdir -p "$cache"
if [[ " ${needed[*]} " == *' otelcol '* ]]; then
  echo 'Building the OpenTelemetry Collector (minutes the first time)…' >&2
  (cd otelcol && go build -trimpath -ldflags '-s -w' -o "../$cache/otelcol" .)
  printf '%s' "$stamp" >"$cache/otelcol.sha256"
fi
if [[ " ${needed[*]} " == *' telemetrygen '* ]]; then
  echo 'Building telemetrygen…' >&2
  GOBIN="$(cd "$cache" && pwd)" go install -trimpath -ldflags '-s -w' \
    "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@$telemetrygen"
  printf '%s' "$telemetrygen" >"$cache/telemetrygen.version"
fi
