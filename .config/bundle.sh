#!/bin/sh
# Bundles what is started often or by hand: one file loads many times faster than a tree of modules.
set -eu
cd "$(dirname "$0")/.."
bundle() { # bundle ENTRY OUT [INTERPRETER]
  npx --no-install esbuild "$1" --bundle --platform=node --target=node20 --format=esm --external:koffi \
    --minify-whitespace --line-limit=120 --log-level=warning --sourcemap --outfile="$2" \
    --banner:js="#!/usr/bin/env ${3:-node}
import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);"
  chmod 755 "$2"
}
# The daemon's live data is some 20 MB: by default V8 lets several times that gather before it collects them, and the C
# library gives each thread a heap of its own.
lean='-S MALLOC_ARENA_MAX=1 node --max-semi-space-size=4 --heap-growing-percent=40'
if [ -e test/firecracker/main.ts ]; then bundle test/firecracker/main.ts dist/bin/firecracker.js; fi
if [ -e daemon/main.ts ]; then bundle daemon/main.ts dist/bin/thawd.js "$lean"; fi
if [ -e client/cli/main.ts ]; then bundle client/cli/main.ts dist/bin/thaw.js; fi
# Called for every container, nearly always with nothing to do: CommonJS starts 15 ms earlier.
if [ -e client/oci-hook/main.ts ]; then
  npx --no-install esbuild client/oci-hook/main.ts --bundle --platform=node --target=node20 --format=cjs --minify \
    --log-level=warning --outfile=dist/bin/thaw-oci-hook.cjs --banner:js="#!/usr/bin/env node"
  chmod 755 dist/bin/thaw-oci-hook.cjs
fi
