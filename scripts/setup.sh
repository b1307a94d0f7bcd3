#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what Weir needs: from the distribution's packages, and ONNX Runtime from a
# language registry into a private prefix. Installs only what is missing; safe to run again.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: scripts/setup.sh [--list | --check | --help] [tier...]

  tiers    core   compilers, MPI, NetCDF: build everything, run the ocean
           onnx   ONNX Runtime (library and C header), into the prefix
           check  test and lint tools
           torch  libtorch and PyTorch: the torch backend, training
           server Redis and Valkey, TLS: the module's tests, rediss://
           all    all of them (the default)
  --list   what would be installed, and why
  --check  only say what is missing; installs nothing

  WEIR_PREFIX  the private prefix (default: .deps in the repository)

exit status: 0 everything is there, 1 an installation failed, 2 wrong usage,
             3 a system this script does not know: it lists what to install,
             4 no root: the rest is listed for an administrator
TEXT
}

# What is needed: tier, names in Debian 12, Debian 13 and Ubuntu 24.04 (= as in Debian 12),
# how to see that it is there without the package manager, why.
# A name with + can be unpacked into the prefix without root, with its list of packages; one
# with @SUITE: always is, out of that suite. No service is left enabled or running.
needs() {
    cat <<'TABLE'
core  gcc                 = =  cmd:gcc            C compiler
core  g++                 = =  cmd:g++            C++ compiler: torch backend, header checks
core  gfortran            = =  cmd:gfortran       Fortran compiler, 12 or later: module weir, the ocean
core  libc6-dev           = =  hdr:stdio.h        C headers
core  make                = =  cmd:make           the door to everything
core  cmake               = =  cmd:cmake          build system, 3.21 or later
core  +ninja-build        = =  cmd:ninja          runs the build
core  pkg-config          pkgconf pkgconf  cmd:pkg-config  finds NetCDF; users find Weir with it
core  git                 = =  cmd:git            make dist
core  openmpi-bin         = =  cmd:mpirun         runs the ocean on several ranks
core  libopenmpi-dev      = =  cmd:mpif90         MPI for C and Fortran
core  libnetcdff-dev      = =  pc:netcdf-fortran  the ocean's output files
core  python3             = =  cmd:python3        test runner, pictures
core  python3-numpy       = =  py:numpy           pictures, second opinions in tests
core  python3-netcdf4     = =  py:netCDF4         reads the ocean's output
core  python3-matplotlib  = =  py:matplotlib      draws the ocean's pictures
check +libcmocka-dev,libcmocka0 = =  hdr:cmocka.h  unit tests
check clang               = =  cmd:clang          second compiler, fuzzing
check clang-format        = =  cmd:clang-format   layout of C sources
check libclang-rt-14-dev  libclang-rt-19-dev libclang-rt-18-dev  rt:fuzzer  libFuzzer and sanitizers of clang
check man-db              = =  cmd:man            tests of the manual page
check python3-onnx        = =  py:onnx            makes and checks models in tests
torch libtorch-dev        = =  hdr:torch/script.h torch backend
torch python3-torch       = =  py:torch           training, reference results in tests
server +redis-server,redis-tools,libjemalloc2,liblzf1 = =  cmd:redis-server  server for the module's tests
server @bookworm-backports:valkey-server,valkey-tools +valkey-server,valkey-tools +valkey-server,valkey-tools  cmd:valkey-server  the other server for them, 8 or later
server libssl-dev         = =  hdr:openssl/ssl.h  TLS of our client (rediss://)
server openssl            = =  cmd:openssl        throw-away certificates of the TLS tests
server valgrind           = =  cmd:valgrind       the module's tests under valgrind
TABLE
}

root=$(cd "$(dirname "$0")/.." && pwd)
prefix=${WEIR_PREFIX:-$root/.deps}
python=/usr/bin/python3
mode=install tiers=() all_tiers=(core onnx check torch server)
ort_version=1.30.0
# SHA-256 of what the registries gave on 2026-11-21.
ort_wheel_x86_64=fa688e7891a6aa206636fe7372e27ee75fd17713289f6b4fc7b190e0a7de9328
ort_wheel_aarch64=6c32a000d5139a38ba9349030b0032e3331acb559d596b22738d9d2b343a2b83
smartredis_version=0.6.1
smartredis_wheel_cp311_x86_64=4e77b53be6c05c30189dde40fb30cc21a11e96015d6add54e6b2ecc2d679259f
ort_npm=6e3390d6b783e7be946fad629292799da28d0b42f84856e50d2c1b0383291e75

for word in "$@"; do
    case $word in
    --help | -h) usage; exit 0 ;;
    --list | --check) mode=${word#--} ;;
    core | onnx | check | torch | server) tiers+=("$word") ;;
    all) tiers+=("${all_tiers[@]}") ;;
    *) usage >&2; exit 2 ;;
    esac
done
[ ${#tiers[@]} -gt 0 ] || tiers=("${all_tiers[@]}")
wanted() { case " ${tiers[*]} " in *" $1 "*) return 0 ;; esac; return 1; }

# --- which system -------------------------------------------------------------------------
system=unknown column=0 later_suite=
detect() {
    local ID='' VERSION_ID=''
    [ -r /etc/os-release ] && eval "$(grep -E '^(ID|VERSION_ID)=' /etc/os-release)"
    system="$ID $VERSION_ID"
    case $ID:$VERSION_ID in
    debian:12) column=2 later_suite=trixie ;;
    debian:*) column=3 ;;
    ubuntu:2[4-9].*) column=4 later_suite=resolute ;;
    esac
    case $ID:$VERSION_ID in debian:[1-9] | debian:1[01]) column=0 ;; esac
    command -v apt-get > /dev/null || column=0
}

# --- what is missing ----------------------------------------------------------------------
# One line per missing thing of the wanted tiers: package, why.
missing() {
    local tier p12 p13 u24 probe why name
    local installed modules
    installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 2> /dev/null |
        sed -n 's/^ii *//p' || true)
    modules=$(python_modules)
    while read -r tier p12 p13 u24 probe why; do
        wanted "$tier" || continue
        case $column in
        3) name=$p13 ;;
        4) name=$u24 ;;
        *) name=$p12 ;;
        esac
        [ "$name" = = ] && name=$p12
        grep -qx -- "$(first_package "$name")" <<< "$installed" && continue
        present "$probe" "$modules" && continue
        printf '%s\t%s\n' "$name" "$why"
    done < <(needs)
}
first_package() { local n=${1#+}; n=${n#@*:}; echo "${n%%,*}"; }

python_modules() { # those of the table that the system's Python has
    [ -x $python ] || return 0
    $python - $(needs | grep -o ' py:[^ ]*' | sed 's/ py://') <<'PY'
import importlib.util, sys
print(" ".join(m for m in sys.argv[1:] if importlib.util.find_spec(m)))
PY
}

present() { # PROBE MODULES
    local what=${1#*:}
    case $1 in
    cmd:python3) [ -x $python ] ;;
    cmd:*) command -v "$what" > /dev/null || [ -x "$prefix/usr/bin/$what" ] ;;
    hdr:*) [ -e "$prefix/usr/include/$what" ] ||
        echo "#include <$what>" | cc -M -x c - > /dev/null 2>&1 || [ -e "/usr/include/$what" ] ;;
    pc:*) pkg-config --exists "$what" 2> /dev/null ;;
    py:*) case " $2 " in *" $what "*) ;; *) return 1 ;; esac ;;
    rt:*) command -v clang > /dev/null &&
        ls "$(clang -print-resource-dir)"/lib/*/*"$what"* > /dev/null 2>&1 ;;
    esac
}

have_ort() {
    [ -e "$prefix/lib/libonnxruntime.so.1" ] && [ -e "$prefix/include/onnxruntime/onnxruntime_c_api.h" ] &&
        [ "$(cat "$prefix/lib/onnxruntime.version" 2> /dev/null)" = $ort_version ]
}

# SmartRedis's own client is optional: only tests use it, and its registry has no wheel for
# every Python. The sum that belongs to this system's Python, or nothing.
smartredis_sum() {
    local tag=
    [ ! -x $python ] || tag=$($python -c 'import sys, platform
print("cp%d%d_%s" % (*sys.version_info[:2], platform.machine()))')
    tag=smartredis_wheel_$tag
    echo "${!tag:-}"
}
have_smartredis() { # or cannot have it
    [ "$(cat "$prefix/smartredis/version" 2> /dev/null)" = $smartredis_version ] ||
        [ -z "$(smartredis_sum)" ] || [ -z "$(pip_client)" ]
}
complete() {
    [ -z "$(missing)" ] && { ! wanted onnx || have_ort; } && { ! wanted server || have_smartredis; }
}

# --- installing ---------------------------------------------------------------------------
started=$SECONDS
say() { printf '%3d s  %s\n' $((SECONDS - started)) "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

as_root=() rootless=
find_root() {
    if [ "$(id -u)" = 0 ]; then
        return
    elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
        as_root=(sudo -n)
    else
        rootless=yes
    fi
}

updated=
apt_update() {
    [ -z "$updated" ] || return 0
    say "apt-get update"
    "${as_root[@]}" apt-get -q update > "$log" 2>&1 || fail "apt-get update: $(tail -3 "$log")"
    updated=yes
}

# apt_install NAME...: what the system offers of it; the rest goes to `not_offered`.
not_offered=()
apt_install() {
    local name offered=()
    apt_update
    for name in "$@"; do
        if apt-cache show --no-all-versions "$name" > /dev/null 2>&1; then
            offered+=("$name")
        else
            not_offered+=("$name")
        fi
    done
    [ ${#offered[@]} -gt 0 ] || return 0
    no_services
    say "apt-get install ${offered[*]}"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q \
        --no-install-recommends -o DPkg::Lock::Timeout=300 install "${offered[@]}" \
        > "$log" 2>&1 || fail "apt-get install: $(tail -5 "$log")"
    "${as_root[@]}" apt-get -q clean
    for name in "${offered[@]}"; do
        case $name in
        redis-server | valkey-server) "${as_root[@]}" systemctl -q disable "$name" > "$log" 2>&1 || true ;;
        esac
    done
}

# While packages are installed, no service of theirs starts (policy-rc.d is Debian's switch).
policy=/usr/sbin/policy-rc.d policy_is_ours=
no_services() {
    [ ! -e $policy ] && [ -z "$policy_is_ours" ] || return 0
    printf '#!/bin/sh\nexit 101\n' > "$work/policy"
    "${as_root[@]}" install -m 755 "$work/policy" $policy && policy_is_ours=yes
}
clean_up() {
    [ -z "$policy_is_ours" ] || "${as_root[@]}" rm -f $policy
    rm -rf "$work"
}

# A private view of another suite of this distribution: its lists and cache lie in the
# prefix and nothing in /etc changes, so that nothing newer is installed by mistake.
suite_view() { # SUITE, or nothing for the system's own
    local d=$work/apt-${1:-own} source
    mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
    : > "$d/status" # what is installed here does not matter for what there is to fetch
    for source in /etc/apt/sources.list.d/{debian,ubuntu}.sources; do
        [ -r "$source" ] || continue
        awk 'BEGIN { RS = ""; ORS = "\n\n" } NR == 1' "$source" | sed -e '/^#/d' \
            ${1:+-e "s/^Suites:.*/Suites: $1/"} > "$d/view.sources"
        break
    done
    if [ ! -s "$d/view.sources" ]; then # the older one-line form
        awk -v suite="${1:-}" '$1 == "deb" { if (suite != "") for (i = 3; i <= NF; i++)
            if ($(i - 1) ~ /:\/\// || $(i - 1) ~ /^file:/) { $i = suite; break }
            print; exit }' /etc/apt/sources.list > "$d/view.list"
    fi
    printf '%s\n' "Dir::Etc::sourcelist \"$(ls "$d"/view.*)\";" 'Dir::Etc::sourceparts "-";' \
        "Dir::State::status \"$d/status\";" \
        "Dir::State::lists \"$d/lists\";" "Dir::Cache \"$d/cache\";" \
        'Acquire::Languages "none";' 'APT::Sandbox::User "root";' > "$d/apt.conf"
    APT_CONFIG=$d/apt.conf apt-get -q update > "$d/log" 2>&1 || return 1
    echo "$d/apt.conf"
}

# unpack SUITE NAME...: packages into the prefix, without root; SUITE may be empty.
unpack() {
    local view name
    view=$(suite_view "$1") || return 1
    shift
    for name in "$@"; do
        (cd "$work" && APT_CONFIG=$view apt-get -q download "$name" > "$log" 2>&1 &&
            dpkg -x "$name"_*.deb "$prefix") || return 1
    done
}

install_packages() {
    local name suite rest=() private=() other=()
    while IFS=$'\t' read -r name _; do
        case $name in
        '') ;;
        @*) other+=("${name#@}") ;;
        +*) private+=("${name#+}") ;;
        *) rest+=("$name") ;;
        esac
    done <<< "$(missing)"
    for name in ${other[@]+"${other[@]}"}; do
        suite=${name%%:*} name=${name#*:}
        say "unpack $name of $suite into $prefix"
        unpack "$suite" ${name//,/ } || say "could not: $(tail -1 "$log")"
    done
    if [ -z "$rootless" ]; then
        if wanted onnx && ! have_ort && [ -z "$(pip_client)" ] && ! command -v npm > /dev/null; then
            rest+=(python3-pip) # fetches ONNX Runtime
        fi
        for name in ${private[@]+"${private[@]}"}; do rest+=("${name%%,*}"); done
        [ ${#rest[@]} = 0 ] || apt_install "${rest[@]}"
        return
    fi
    for name in ${private[@]+"${private[@]}"}; do
        say "unpack $name into $prefix"
        unpack '' ${name//,/ } || say "could not: $(tail -1 "$log")"
    done
}

check_sum() { echo "$1  $2" | sha256sum -c --quiet > /dev/null || fail "$2: wrong SHA-256"; }

pip_client() {
    local try
    for try in "$python -m pip" pip3 pip; do
        if $try --version > /dev/null 2>&1; then echo "$try"; return; fi
    done
}

# The library out of the registry's package, with the client that is there.
get_ort_library() {
    local machine wheel sum pip
    machine=$(uname -m)
    sum=ort_wheel_$machine
    [ -n "${!sum:-}" ] || fail "ONNX Runtime is not pinned for $machine; set WEIR_WITH_ONNX=OFF"
    read -r -a pip <<< "$(pip_client)"
    cd "$work"
    if [ ${#pip[@]} -gt 0 ]; then
        say "ONNX Runtime $ort_version: ${pip[*]} download (24 MB)"
        "${pip[@]}" download -q --disable-pip-version-check --no-deps --only-binary=:all: \
            --python-version 3.12 --platform "manylinux_2_28_$machine" \
            "onnxruntime==$ort_version" > "$log" 2>&1 || fail "pip: $(tail -3 "$log")"
        wheel=$(echo onnxruntime-*.whl)
        check_sum "${!sum}" "$wheel"
        $python -c 'import sys, zipfile; open(sys.argv[3], "wb").write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' \
            "$wheel" "onnxruntime/capi/libonnxruntime.so.$ort_version" libonnxruntime.so.1
    elif command -v npm > /dev/null; then
        say "ONNX Runtime $ort_version: npm pack (114 MB)"
        npm pack --silent "onnxruntime-node@$ort_version" > "$log" 2>&1 || fail "npm: $(tail -3 "$log")"
        check_sum $ort_npm "onnxruntime-node-$ort_version.tgz"
        tar xzf "onnxruntime-node-$ort_version.tgz" --strip-components=5 \
            "package/bin/napi-v6/linux/$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')/libonnxruntime.so.1"
    else
        cd "$root"
        return 1
    fi
    mkdir -p "$prefix/lib"
    mv libonnxruntime.so.1 "$prefix/lib/"
    cd "$root"
}

# The C header out of the distribution's libonnxruntime-dev: this release's own, or the next
# one's through a private view (it is only text). The library's table of functions is
# append-only, so an older header serves a newer library.
get_ort_header() {
    local view
    say "ONNX Runtime's C header: libonnxruntime-dev"
    for suite in '' $later_suite; do
        view=$(suite_view $suite) || continue
        if (cd "$work" && APT_CONFIG=$view apt-get -q download libonnxruntime-dev > "$log" 2>&1); then
            dpkg -x "$work"/libonnxruntime-dev_*.deb "$work/x"
            mkdir -p "$prefix/include"
            rm -rf "$prefix/include/onnxruntime"
            cp -r "$work/x/usr/include/onnxruntime" "$prefix/include/"
            return 0
        fi
    done
    return 1
}

install_ort() {
    have_ort && return
    if [ $column = 0 ]; then return; fi
    get_ort_library || return 0
    if ! get_ort_header; then
        say "no libonnxruntime-dev on $system: put onnxruntime_c_api.h (1.17 or later) into $prefix/include/onnxruntime"
        return 0
    fi
    echo $ort_version > "$prefix/lib/onnxruntime.version"
}

# SmartRedis's Python client, for tests; whatever goes wrong here is no failure.
install_smartredis() {
    local pip sum wheel
    have_smartredis && return
    sum=$(smartredis_sum)
    read -r -a pip <<< "$(pip_client)"
    say "SmartRedis $smartredis_version: ${pip[*]} download (1 MB, optional)"
    if (cd "$work" && "${pip[@]}" download -q --disable-pip-version-check --no-deps \
        --only-binary=:all: --python-version "$($python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" \
        "smartredis==$smartredis_version" > "$log" 2>&1); then
        wheel=$(echo "$work"/smartredis-*.whl)
        if echo "$sum  $wheel" | sha256sum -c --quiet > /dev/null 2>&1; then
            rm -rf "$prefix/smartredis"
            $python -m zipfile -e "$wheel" "$prefix/smartredis"
            echo $smartredis_version > "$prefix/smartredis/version"
            return
        fi
        echo "wrong SHA-256" > "$log"
    fi
    say "no SmartRedis, its tests will be skipped: $(tail -1 "$log")"
}

# --- report -------------------------------------------------------------------------------
list() {
    local tier p12 p13 u24 probe why
    printf '%-6s %-26s %-26s %-26s %s\n' tier 'Debian 12' 'Debian 13' 'Ubuntu 24.04' why
    while read -r tier p12 p13 u24 probe why; do
        wanted "$tier" || continue
        p12=$(first_package "$p12")
        [ "$p13" = = ] || [ "${p13#+}" != "$p13" ] && p13=$p12
        [ "$u24" = = ] || [ "${u24#+}" != "$u24" ] && u24=$p12
        printf '%-6s %-26s %-26s %-26s %s\n' "$tier" "$p12" "$p13" "$u24" "$why"
    done < <(needs)
    if wanted onnx; then
        printf '%-6s %s\n' onnx "onnxruntime $ort_version (pip wheel, or npm's onnxruntime-node): libonnxruntime.so.1, onnx backend"
        printf '%-6s %s\n' onnx "libonnxruntime-dev (Debian 13's, Ubuntu 26.04's): its C header, taken out without installing"
    fi
    if wanted server; then
        printf '%-6s %s\n' server "smartredis $smartredis_version (pip wheel, Python 3.11): a real client in tests; optional, in the prefix"
    fi
}

report() { # prints what is missing; the result says whether something is
    local left name why
    left=$(missing)
    if [ -n "$left" ]; then
        echo "missing:"
        while IFS=$'\t' read -r name why; do
            printf '  %-26s %s\n' "$(first_package "$name")" "$why"
        done <<< "$left"
    fi
    if wanted onnx && ! have_ort; then
        printf '  %-26s %s\n' "ONNX Runtime $ort_version" "onnx backend: library and C header, in $prefix; needs pip or npm"
        left=yes
    fi
    if wanted server && ! have_smartredis; then
        printf '  %-26s %s\n' "smartredis $smartredis_version" "optional: SmartRedis's client in tests"
    fi
    [ -z "$left" ]
}

detect
case $mode in
list) list; exit 0 ;;
check) if report; then echo "everything is there (${tiers[*]})"; exit 0; else exit 1; fi ;;
esac

if complete; then
    say "everything is there (${tiers[*]})"
    exit 0
fi
if [ $column = 0 ]; then
    echo "setup: this script knows Debian 12, Debian 13 and Ubuntu 24.04; this is '$system'."
    echo "Please install these, here by their Debian names:"
    report || exit 3
fi

find_root
mkdir -p "$prefix"
work=$(mktemp -d "$prefix/setup.XXXXXX") log=$work/log
trap clean_up EXIT
install_packages
if wanted onnx; then install_ort; fi
if wanted server; then install_smartredis; fi
if report; then
    say "done (${tiers[*]}); private prefix: $prefix"
    exit 0
fi
if [ -n "$rootless" ]; then
    echo "setup: no root and no sudo: ask an administrator for the packages above;"
    echo "the build uses what is there and says what it leaves out."
    exit 4
fi
[ ${#not_offered[@]} = 0 ] || echo "setup: not offered by $system: ${not_offered[*]}"
echo "setup: the build goes on without them and says what it leaves out."
exit 4
