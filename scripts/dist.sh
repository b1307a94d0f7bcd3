#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Packs what is committed into build/weir-VERSION.tar.gz, the same bytes each time.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^project(weir VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
mkdir -p build
git archive --format=tar --prefix="weir-$version/" HEAD | gzip -n9 > "build/weir-$version.tar.gz"
[ -z "$(git status --porcelain --untracked-files=no)" ] || echo "note: uncommitted changes are not in it"
ls -l "build/weir-$version.tar.gz"
