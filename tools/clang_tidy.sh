#!/bin/sh
# Runs clang-tidy on one source, if it is in the compilation database; hides the counts of suppressed warnings.
set -eu
database=build/lint/compile_commands.json
grep -q "\"file\": \".*/$1\"" "$database" || exit 0
clang-tidy-19 -p build/lint --quiet --warnings-as-errors='*' "$1" 2>/dev/null
