#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The tables in src/spec are what scripts/gen_spec.py makes of spec/*.json. The self-test
# changes one of them by hand.
cd "$(dirname "$0")/.." || exit 2
if [ ! -f scripts/gen_spec.py ]; then
    echo "no scripts/gen_spec.py"
    exit 77
fi
if [ "${1:-}" = --self-test ]; then
    # A copy with one changed byte must be refused.
    copy=$(mktemp -d) || exit 2
    trap 'rm -rf "$copy"' EXIT
    mkdir "$copy/src" && cp -r scripts spec "$copy/" && cp -r src/spec "$copy/src/" || exit 2
    [ ! -d docs ] || cp -r docs "$copy/"
    table=$(grep -l -i -E '(made|generated) by scripts/' "$copy"/src/spec/*.[ch] | head -1)
    [ -n "$table" ] || { echo "no generated file in src/spec"; exit 1; }
    echo "/* changed by hand */" >> "$table"
    if /usr/bin/python3 "$copy/scripts/gen_spec.py" --check > /dev/null 2>&1; then
        echo "gen_spec.py --check does not see a changed table"
        exit 1
    fi
    exit 0
fi
exec /usr/bin/python3 scripts/gen_spec.py --check
