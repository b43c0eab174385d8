# Runs a test in a world of its own: processes, network and mounts that end with it. Sourced, never run.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # mc_root is of common.sh; mc_python is for who sources this

# Debian's own Python: it has python3-zmq and python3-msgpack, which one from elsewhere may not.
mc_python=/usr/bin/python3
[[ -x $mc_python ]] || mc_python=python3
readonly mc_python

# What runs as process 1 of that world. It collects orphans, such as those of an engine that
# was killed; and when it ends, for whatever reason, the kernel kills all that is left.
# Its mounts are its own, and shared among themselves, as systemd makes those of a machine. Where
# they are not, dockerd mounts its data root over itself, and hides what it mounted before that.
# shellcheck disable=SC2016 # expanded in there
readonly mc_private_init='
mount --make-rprivate / && mount --make-rshared / && mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ip link set lo up || exit 1
"$@" &
child=$!
trap "kill -TERM $child 2>/dev/null" TERM INT
code=0
while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
done
exit "$code"
'

# provide_programs: builds the release programs, unless MC_BIN says where others are.
provide_programs() {
    if [[ -z ${MC_BIN:-} ]]; then
        MC_BIN=$mc_root/build/release/bin
        [[ -f $mc_root/build/release/CMakeCache.txt ]] || cmake --preset release -S "$mc_root" >/dev/null
        cmake --build "$mc_root/build/release" --parallel "$(build_jobs)" --target mcbroker mcworker mccli >&2
    fi
    [[ -x $MC_BIN/mcbroker ]] || die "there is no mcbroker in $MC_BIN; build it, or unset MC_BIN"
    export MC_BIN
}

# become_root SCRIPT ARGUMENT...: namespaces and engines need it. After provide_programs, so that
# what was built belongs to who asked for it.
become_root() {
    local variable kept=()
    # What tests/sanitizers/no_reports says is for the programs in there too.
    for variable in DOCKER_HOST ASAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS UBSAN_OPTIONS; do
        [[ -z ${!variable:-} ]] || kept+=("$variable=${!variable}")
    done
    ((EUID == 0)) || exec sudo MC_BIN="$MC_BIN" "${kept[@]}" "$@"
}

# run_private COMMAND...: in its own namespaces, with a directory MC_PRIVATE_DIR and a name for
# its cgroups MC_PRIVATE_CGROUP, both taken away afterwards. The exit code is the command's.
run_private() {
    local code=0 stale
    # A script that was killed with -9 could not take its files away.
    for stale in /tmp/mc-private-*; do
        [[ -s $stale/owner ]] && ! kill -0 "$(<"$stale/owner")" 2>/dev/null && remove_private "$stale"
    done
    MC_PRIVATE_DIR=$(mktemp -d /tmp/mc-private-XXXXXX)
    MC_PRIVATE_CGROUP=$(basename "$MC_PRIVATE_DIR")
    echo $$ >"$MC_PRIVATE_DIR/owner"
    export MC_PRIVATE_DIR MC_PRIVATE_CGROUP PYTHONDONTWRITEBYTECODE=1
    trap end_private EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    # It dies with this script, even when that is killed with -9.
    setpriv --pdeathsig KILL unshare --mount --net --pid --fork --kill-child --mount-proc \
        bash -c "$mc_private_init" private "$@" &
    mc_private_pid=$!
    wait "$mc_private_pid" || code=$?
    mc_private_pid=
    return "$code"
}

end_private() {
    local code=$? init=
    trap - EXIT
    trap '' INT TERM
    if [[ -n ${mc_private_pid:-} ]]; then
        # unshare itself does not listen to SIGTERM.
        read -r init <"/proc/$mc_private_pid/task/$mc_private_pid/children" || true
        [[ -z $init ]] || kill -TERM "${init%% *}" 2>/dev/null || true
        for ((i = 0; i < 300; i++)); do
            kill -0 "$mc_private_pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$mc_private_pid" 2>/dev/null || true
        wait "$mc_private_pid" 2>/dev/null || true
    fi
    remove_private "$MC_PRIVATE_DIR"
    exit "$code"
}

# remove_private DIRECTORY: after its processes have ended.
remove_private() {
    local folder name
    name=$(basename "$1")
    # A killed engine leaves the cgroups of its containers. An rmdir can only take empty ones.
    for folder in /sys/fs/cgroup/*/"$name" /sys/fs/cgroup/"$name"; do
        [[ -d $folder ]] || continue
        find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    rm -rf "$1"
}
