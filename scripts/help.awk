# SPDX-License-Identifier: BSD-3-Clause
# Prints the targets of the Makefile, by group, with the text after `##`.
BEGIN { FS = ":.*## " }
/^##@/ { printf "\n%s\n", substr($0, 5) }
/^[a-z-]+:.*## / { printf "  %-10s %s\n", $1, $2 }
