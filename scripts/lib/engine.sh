# Makes sure that a Docker engine answers. Sourced after common.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # mc_* comes from common.sh

readonly mc_engine_dir=$mc_state/quickstart/engine
readonly mc_engine_start_max_s=60

# True when an engine answers this user.
engine_answers() { timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# The endpoint that the docker client uses, as mcworker --docker takes it.
engine_endpoint() {
    if [[ -n ${DOCKER_HOST:-} ]]; then
        echo "$DOCKER_HOST"
    else
        docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || echo unix:///var/run/docker.sock
    fi
}

engine_note() {
    note "Docker $(timeout 20 docker version --format '{{.Server.Version}}') answers at $(engine_endpoint)"
}

# dockerd refuses to start without control groups; systemd, where it runs, has mounted them.
mount_cgroups() {
    grep -qE ' cgroup2? ' /proc/mounts && return
    command -v cgroupfs-mount >/dev/null || as_root apt-get install -y --no-install-recommends cgroupfs-mount
    as_root cgroupfs-mount
}

# Waits until "$@" succeeds; fails early when the engine that FILE remembers has ended.
wait_for_engine() {
    local file=$1 deadline_ms=$(($(now_ms) + mc_engine_start_max_s * 1000))
    shift
    until "$@"; do
        if [[ -n $file ]] && ! remembered_process "$file" >/dev/null; then
            echo "dockerd ended; the end of $mc_engine_dir/dockerd.log:"
            tail -n 15 "$mc_engine_dir/dockerd.log"
            return 1
        fi
        if (($(now_ms) > deadline_ms)); then
            echo "no answer after $mc_engine_start_max_s s"
            return 1
        fi
        sleep 0.2
    done
}

# sudo would drop DOCKER_HOST.
root_reaches_engine() {
    as_root env DOCKER_HOST="$(engine_endpoint)" timeout 20 docker version >/dev/null 2>&1
}

# dockerd in a session of its own. MC_DOCKERD_ARGS adds options, for a second engine beside the machine's.
start_background_engine() {
    local args=() pid
    # Nothing on its bridge reaches another, and VMs need no slower network for it (docs/adr/0022-*).
    read -ra args <<<"--icc=false ${MC_DOCKERD_ARGS:-}"
    mkdir -p "$mc_engine_dir"
    mount_cgroups
    echo "starting dockerd in the background, log in $mc_engine_dir/dockerd.log"
    rm -f "$mc_engine_dir/pid"
    # The inner shell writes its id before it becomes dockerd: sudo's own id would be of no use.
    # shellcheck disable=SC2016
    as_root setsid sh -c 'echo $$ >"$0"; exec dockerd "$@"' "$mc_engine_dir/pid" "${args[@]}" \
        </dev/null >>"$mc_engine_dir/dockerd.log" 2>&1 &
    for _ in {1..100}; do
        [[ -s $mc_engine_dir/pid ]] && break
        sleep 0.05
    done
    pid=$(<"$mc_engine_dir/pid")
    remember_process "$mc_engine_dir/dockerd" "$pid"
    wait_for_engine "$mc_engine_dir/dockerd" root_reaches_engine
}

# The step: starts an engine if none answers. Whether this user may use it is the next question.
provide_engine() {
    if engine_answers; then
        engine_note
        return
    fi
    if ((EUID != 0)) && root_reaches_engine; then
        note "an engine runs, and answers root only"
        return
    fi
    if [[ -n ${DOCKER_HOST:-} && -z ${MC_DOCKERD_ARGS:-} ]]; then
        echo "DOCKER_HOST is $DOCKER_HOST and no engine answers there: start that one, or unset DOCKER_HOST to use this machine's"
        return 1
    fi
    if ! command -v dockerd >/dev/null; then
        echo "there is no Docker engine here (no dockerd); install one: scripts/install-deps run"
        return 1
    fi
    if [[ -d /run/systemd/system && -z ${MC_DOCKERD_ARGS:-} ]]; then
        as_root systemctl start docker
        wait_for_engine "" root_reaches_engine
        note "started the service docker"
    else
        start_background_engine
        note "started dockerd in the background, log in $mc_engine_dir/dockerd.log"
    fi
}

# Who is not root needs the group docker for the engine's socket. A running shell does not get
# a new group: this runs the script again inside it. `sg` needs no password for a member.
enter_docker_group() {
    engine_answers && return
    ((EUID != 0)) || die "the engine answers no more; look at its log: $mc_engine_dir/dockerd.log, or: journalctl -u docker"
    local user
    user=$(id -un)
    [[ -z ${MC_REGROUPED:-} ]] || die "$user is in the group docker and still may not use $(engine_endpoint); check its owner and mode"
    command -v sg >/dev/null || die "you may not use $(engine_endpoint); run: sudo usermod -aG docker $user, log in again, and run this again"
    if ! id -nG "$user" | tr ' ' '\n' | grep -qx docker; then
        say "      adding $user to the group docker (its members can become root through the engine)"
        as_root usermod -aG docker "$user" || die "cannot add $user to the group docker; ask an administrator to"
    fi
    export MC_REGROUPED=1
    # Back to the user's own group at once, with docker among the others: newuidmap, which
    # makes the VM image, refuses a process whose group is not the one in /etc/passwd.
    local own command
    own=$(getent group "$(getent passwd "$user" | cut -d: -f4)" | cut -d: -f1)
    command=$(printf '%q ' "$@")
    exec sg docker -c "exec sg $(printf '%q' "$own") -c $(printf '%q' "$command")"
}

# Ends the engine that provide_engine started in the background; any other is left alone.
end_background_engine() {
    # It stops its containers first, which takes a while.
    end_process "$mc_engine_dir/dockerd" dockerd 40 as_root
}
