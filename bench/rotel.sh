#!/usr/bin/env bash
# Installs Rotel for `npm run bench -- ingest` into .cache/rotel-venv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ -x .cache/rotel-venv/bin/pip ] || python3 -m venv .cache/rotel-venv
.cache/rotel-venv/bin/pip install --quiet rotel==0.0.1a15
