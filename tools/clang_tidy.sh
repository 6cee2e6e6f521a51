#!/bin/sh
# clang-tidy over one source, if the compilation database knows it; without the noise about suppressed warnings.
set -eu
database=build/lint/compile_commands.json
grep -q "\"file\": \".*/$1\"" "$database" || exit 0
clang-tidy-19 -p build/lint --quiet --warnings-as-errors='*' "$1" 2>/dev/null
