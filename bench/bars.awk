# SPDX-License-Identifier: BSD-3-Clause
# Joins what the programs reported (first file) with the promises (second file).
FNR == NR && $1 == "value" { value[$2] = $3; next }
FNR == NR && $1 == "absent" { why[$2] = rest(3); next }
FNR == NR && $1 == "broken" { broken[$2] = rest(2); next }
FNR == NR || /^#/ || NF < 4 { next }
only != "" && $1 != only { next }

{
    n++
    if ($2 in value) {
        v = value[$2]
        good = holds(v, $3, $4)
        printf "bar %s %s %s %s %s\n", $2, v, $3, $4, good ? "ok" : "SHORT"
    } else {
        reason = $2 in why ? why[$2] : $1 in broken ? broken[$1] : $1 " did not report it"
        printf "bar %s n/a %s %s SHORT (%s)\n", $2, $3, $4, reason
        good = 0
    }
    n_short += !good
}

END {
    printf "%d bars, %d short\n", n, n_short
    exit n_short > 0
}

function rest(i,    s) {
    for (; i <= NF; i++)
        s = s (s == "" ? "" : " ") $i
    return s
}

function holds(v, op, target) {
    if (v !~ /^[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?$/)
        return 0
    v += 0
    target += 0
    return op == "<=" ? v <= target : op == ">=" ? v >= target : op == "<" ? v < target : 0
}
