#!/usr/bin/env bash
# Tests the VM image on a real Docker engine, the way a worker and a person use it:
# files uploaded before the first start, OpenSSH's own client afterwards.
#
# usage: vm_image_test.sh [IMAGE]      (default: what docker/vm/build builds)
# DOCKER_HOST chooses the engine; it must be on this machine, since the VMs' ports
# are published on 127.0.0.1. Needs: docker, ssh, sftp, sshpass, openssl.
# shellcheck disable=SC2016 # single quotes: much here is for the shell in the VM
set -euo pipefail

readonly time_max_s=900 # a build from nothing on a slow machine included
if [[ -z ${VM_IMAGE_TEST_BOUNDED:-} ]]; then
    export VM_IMAGE_TEST_BOUNDED=1
    exec timeout --kill-after=20 "$time_max_s" "$0" "$@"
fi

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly root
readonly build=$root/docker/vm/build
# Loose: this runs on loaded CI machines. README.md has the measured figures.
readonly banner_max_ms=3000
# What stops by itself needs a fraction of a second; what does not is killed by the engine after this.
readonly kill_after_s=10 stop_max_ms=8000
# What docker/vm/README.md says sshd and sudo need.
readonly capabilities=(CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SYS_CHROOT NET_BIND_SERVICE AUDIT_WRITE)

for tool in docker ssh sftp sshpass openssl; do
    if ! command -v "$tool" >/dev/null; then
        echo "vm_image_test: $tool is not installed; run: sudo apt-get install docker.io openssh-client sshpass openssl" >&2
        echo "0 passed, 1 failed"
        exit 1
    fi
done

work=$(mktemp -d)
containers=()
passed=0
failed=0
cleanup() {
    # By id, and only ours.
    ((${#containers[@]} == 0)) || docker rm --force --volumes "${containers[@]}" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 124' TERM INT

check() {
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok     $name"
    else
        failed=$((failed + 1))
        echo "FAILED $name"
        sed 's/^/       | /' "$work/log" | tail -n 20
    fi
}

now_ms() { date +%s%3N; }

# The checks run as conditions, where set -e is off: each chains with && instead.

# create NAME [docker create option]...: a VM with our key, not started.
declare -A id
create() {
    local name=$1
    shift
    id[$name]=$(docker create --publish 127.0.0.1::22 "$@" "$image") || exit 1
    containers+=("${id[$name]}")
    # As docker cp brings it: whatever mode and owner the file had here.
    docker cp --quiet "$work/upload/authorized_keys" "${id[$name]}:/root/.ssh/authorized_keys" 2>/dev/null ||
        docker cp "$work/upload/authorized_keys" "${id[$name]}:/root/.ssh/authorized_keys" >/dev/null
}

upload_hash() {
    printf '%s' "$2" >"$work/upload/password-hash"
    chmod 600 "$work/upload/password-hash"
    docker cp "$work/upload/password-hash" "${id[$1]}:/etc/minicloud/password-hash" >/dev/null
}

read_file_from() { docker cp "${id[$1]}:$2" - 2>/dev/null | tar -xO 2>/dev/null; }

# Starts a VM and pins its host key: the first .pub that can be read must be whole.
start() {
    local name=$1 key=
    docker start "${id[$name]}" >/dev/null || return 1
    for _ in {1..200}; do
        key=$(read_file_from "$name" /etc/ssh/ssh_host_ed25519_key.pub) && [[ -n $key ]] && break
        sleep 0.02
    done
    echo "first key read: $key"
    [[ $key =~ ^ssh-ed25519\ [A-Za-z0-9+/]{68}( |$) ]] || return 1
    pin "$name" "$key"
}

pin() {
    port[$1]=$(docker port "${id[$1]}" 22/tcp | head -n 1) && port[$1]=${port[$1]##*:} &&
        host_key[$1]=$(cut -d' ' -f1,2 <<<"$2") &&
        echo "[127.0.0.1]:${port[$1]} ${host_key[$1]}" >"$work/known_hosts.$1"
}
declare -A port host_key

# use NAME [KEY]: sets ssh_options for logging in to that VM with that key, ours if none is given.
ssh_options=()
use() {
    ssh_options=(
        -F /dev/null -i "${2:-$work/key}" -o IdentitiesOnly=yes -o IdentityAgent=none -o ConnectTimeout=10
        -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$work/known_hosts.$1" -o GlobalKnownHostsFile=/dev/null
        -o HostKeyAlgorithms=ssh-ed25519 -o LogLevel=ERROR -o Port="${port[$1]}"
    )
}

# vm NAME COMMAND: runs it in the VM over SSH, by key only.
vm() {
    local name=$1
    shift
    use "$name"
    wait_banner "$name" >/dev/null &&
        timeout 30 ssh "${ssh_options[@]}" -o BatchMode=yes root@127.0.0.1 "$@" </dev/null
}

vm_by_password() {
    use "$1"
    timeout 30 sshpass -p "$2" ssh "${ssh_options[@]}" -o PreferredAuthentications=password \
        -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 root@127.0.0.1 "$3" </dev/null
}

# Prints the SSH banner once sshd sends it. docker-proxy accepts before sshd does,
# so a connection alone proves nothing.
wait_banner() {
    local banner deadline_ms=$(($(now_ms) + 10000))
    while (($(now_ms) < deadline_ms)); do
        banner=
        if { exec 8<>"/dev/tcp/127.0.0.1/${port[$1]}"; } 2>/dev/null; then
            IFS= read -r -t 2 banner <&8 || true
            exec 8>&-
        fi
        [[ $banner == SSH-2.0-* ]] && echo "$banner" && return 0
        sleep 0.005
    done
    echo "no SSH banner on port ${port[$1]} in 10 s"
    docker logs --tail 5 "${id[$1]}"
    return 1
}

# ---------------------------------------------------------------- the image

# Also a build of which every step is in the engine's cache would name its image anew.
made_at() { docker image inspect --format '{{.Id}} {{.Created}} {{.Metadata.LastTagTime}}' "$image"; }

builds_nothing_again() {
    local before said
    before=$(made_at) || return 1
    said=$("$build" --image "$image" 2>&1) || { echo "$said" && return 1; }
    echo "$before" && echo "$said" && made_at
    [[ $said == *"$image is up to date" && $(made_at) == "$before" ]]
}

# Every layer, not only what the top one shows.
has_no_host_keys_in_any_layer() {
    local found
    mkdir -p "$work/image" && docker save "$image" | tar -x -C "$work/image" || return 1
    found=$(find "$work/image" -type f -size +1k -exec tar -tf {} \; 2>/dev/null >"$work/files" || true)
    found=$(grep -E 'etc/ssh/ssh_host_' "$work/files" || true)
    rm -rf "$work/image"
    echo "$found"
    # The listing itself must have worked, or it proves nothing.
    grep -q 'usr/sbin/sshd$' "$work/files" && [[ -z $found ]]
}

has_the_agreed_metadata() {
    local got
    got=$(docker image inspect --format \
        '{{index .Config.Labels "io.minicloud.vm"}} {{json .Config.ExposedPorts}} {{.Config.StopSignal}}' "$image")
    echo "$got"
    [[ $got == '1 {"22/tcp":{}} SIGTERM' ]]
}

has_empty_machine_id() {
    # With a marker, so that a failing docker cp is not taken for an empty file.
    local got
    got=$(read_file_from "$1" /etc/machine-id; echo "status ${PIPESTATUS[0]}")
    echo "$got"
    [[ $got == "status 0" ]]
}

# ------------------------------------------------------------------- the VMs

logs_in_by_key() { [[ $(vm "$1" 'id -un; hostname >/dev/null && echo fine') == $'root\nfine' ]]; }

own_host_keys() {
    echo "${host_key[a]}" && echo "${host_key[b]}" && [[ ${host_key[a]} != "${host_key[b]}" ]] &&
        local ecdsa_a ecdsa_b &&
        ecdsa_a=$(read_file_from a /etc/ssh/ssh_host_ecdsa_key.pub | cut -d' ' -f2) &&
        ecdsa_b=$(read_file_from b /etc/ssh/ssh_host_ecdsa_key.pub | cut -d' ' -f2) &&
        [[ -n $ecdsa_a && $ecdsa_a != "$ecdsa_b" ]]
}

refuses_a_foreign_key() {
    local said
    use a "$work/other"
    said=$(timeout 30 ssh "${ssh_options[@]}" -o BatchMode=yes root@127.0.0.1 'echo in' </dev/null 2>&1)
    echo "$said"
    [[ $said == *'Permission denied'* ]]
}

# Not even offered: a refused try alone could be a wrong password.
offers_no_password_login() {
    local said
    said=$(vm_by_password a "$password" 'echo in' 2>&1 || true)
    echo "$said"
    [[ $said == *'Permission denied (publickey)'* ]]
}

accepts_the_password() { [[ $(vm_by_password b "$password" 'echo in') == in ]]; }
refuses_a_wrong_password() { ! vm_by_password b "not-$password" 'echo in'; }
removed_the_hash_file() { vm b 'test ! -e /etc/minicloud/password-hash && ! grep -rF "\$6\$" /etc/minicloud /etc/ssh'; }

refuses_to_start_with() {
    local name=bad-$RANDOM
    create "$name" && upload_hash "$name" "$1" && docker start "${id[$name]}" >/dev/null &&
        [[ $(timeout 20 docker wait "${id[$name]}") == 78 ]] &&
        docker logs "${id[$name]}" 2>&1 | grep -q '^vm-init: /etc/minicloud/password-hash '
}

copies_files_by_sftp() {
    local bytes=300000
    use a
    head -c "$bytes" /dev/urandom >"$work/sent" &&
        printf 'put %s /root/sent\nget /root/sent %s\n' "$work/sent" "$work/received" >"$work/batch" &&
        timeout 30 sftp "${ssh_options[@]}" -q -o BatchMode=yes -b "$work/batch" root@127.0.0.1 &&
        cmp "$work/sent" "$work/received"
}

has_the_tools() {
    vm "$1" 'for t in bash sudo ip ps nano curl less tini sftp scp; do command -v $t || { echo "no $t"; exit 1; }; done
             ip -brief address && ps -ef && test -s /etc/ssl/certs/ca-certificates.crt'
}

sudo_works_for_root_and_users() {
    [[ $(vm "$1" sudo -n id -u) == 0 ]] &&
        vm "$1" 'useradd -m -s /bin/bash pupil && echo "pupil ALL=(ALL) NOPASSWD:ALL" >/etc/sudoers.d/pupil' &&
        [[ $(vm "$1" "su pupil -c 'id -un; sudo -n id -un'") == $'pupil\nroot' ]]
}

users_log_in_by_key() {
    # useradd locks the account with '!'; with '*' it takes keys, and only keys.
    vm "$1" "usermod -p '*' pupil && install -d -o pupil -g pupil -m 700 /home/pupil/.ssh &&
             install -o pupil -g pupil -m 600 /root/.ssh/authorized_keys /home/pupil/.ssh/" || return 1
    use "$1"
    [[ $(timeout 30 ssh "${ssh_options[@]}" -o BatchMode=yes pupil@127.0.0.1 id -un </dev/null) == pupil ]]
}

gives_a_terminal() {
    use "$1"
    local said
    said=$(timeout 30 ssh "${ssh_options[@]}" -tt -o BatchMode=yes root@127.0.0.1 'tty && stty size' </dev/null) && [[ $said == /dev/pts/* ]]
}

passes_exit_codes() {
    local code=0
    vm a 'exit 37' || code=$?
    [[ $code == 37 ]]
}

passes_the_environment() {
    local got
    got=$(vm a 'printf "%s|%s|%s|%s|%s" "$PLAIN" "$NASTY" "$EMPTY" "${MULTI-unset}" "$LANG"') || return 1
    echo "$got"
    [[ $got == "word|$nasty||unset|C.UTF-8" ]]
}

reaps_zombies() {
    # Orphans, so that PID 1 is who must reap them.
    vm a 'for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 600 &) </dev/null >/dev/null 2>&1; done
          orphans() { ps -eo ppid=,comm= | grep -c "^ *1 sleep$"; }
          left() { ps -eo stat=,ppid=,comm= | grep -e "^Z" -e " 1 sleep$"; }
          for try in $(seq 100); do [ "$(orphans)" -eq 10 ] && break; sleep 0.1; done
          echo "orphans: $(orphans)"; [ "$(orphans)" -eq 10 ] || exit 1
          pkill -P 1 -x sleep
          for try in $(seq 100); do left >/dev/null || exit 0; sleep 0.1; done
          left; exit 1'
}

# stop NAME: true when the VM ends by itself, and not by the engine's SIGKILL, which is 137.
stop() {
    local start_ms took_ms code
    start_ms=$(now_ms) && docker stop --time "$kill_after_s" "${id[$1]}" >/dev/null || return 1
    took_ms=$(($(now_ms) - start_ms))
    code=$(docker inspect --format '{{.State.ExitCode}}' "${id[$1]}")
    echo "took $took_ms ms, exit code $code"
    [[ $code != 137 ]] && ((took_ms < stop_max_ms))
}

stops_with_a_session() {
    local session stopped=0
    # With somebody logged in, as it is in life.
    vm "$1" 'sleep 600' &
    session=$!
    for _ in {1..200}; do
        [[ $(docker top "${id[$1]}") == *'sleep 600'* ]] && break
        sleep 0.05
    done
    [[ $(docker top "${id[$1]}") == *'sleep 600'* ]] || return 1
    stop "$1" || stopped=$?
    wait "$session" 2>/dev/null || true
    return "$stopped"
}

stops_during_first_start() {
    create early && docker start "${id[early]}" >/dev/null && stop early && start early && logs_in_by_key early
}

keeps_host_keys_over_restart() {
    local before=${host_key[$1]} start_ms took_ms
    docker stop --time 5 "${id[$1]}" >/dev/null && start_ms=$(now_ms) && docker start "${id[$1]}" >/dev/null || return 1
    # The engine picks another port; the key stays pinned to what it was.
    pin "$1" "$before" && wait_banner "$1" || return 1
    took_ms=$(($(now_ms) - start_ms))
    echo "banner after $took_ms ms"
    ((took_ms < banner_max_ms)) && logs_in_by_key "$1" &&
        [[ $(read_file_from "$1" /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f1,2) == "$before" ]]
}

first_banner_is_fast() {
    local start_ms took_ms
    create fast && start_ms=$(now_ms) && docker start "${id[fast]}" >/dev/null && pin fast "ssh-ed25519 unused" &&
        wait_banner fast || return 1
    took_ms=$(($(now_ms) - start_ms))
    echo "       (docker start to banner, docker's client included: $took_ms ms)" >&3
    ((took_ms < banner_max_ms))
}

# --------------------------------------------------------------------- go

exec 3>&1
image=${1:-minicloud/vm:latest}
if [[ -z ${1:-} ]]; then
    check "the image builds, or is there" "$build" --image "$image"
    check "building again does nothing" builds_nothing_again
fi
docker image inspect "$image" >/dev/null 2>&1 || {
    echo "vm_image_test: there is no image $image on this engine; run docker/vm/build" >&2
    echo "$passed passed, $((failed + 1)) failed"
    exit 1
}

mkdir "$work/upload"
ssh-keygen -q -t ed25519 -N '' -C test -f "$work/key"
ssh-keygen -q -t ed25519 -N '' -C other -f "$work/other"
cp "$work/key.pub" "$work/upload/authorized_keys"
chmod 666 "$work/upload/authorized_keys"
password=$(openssl rand -hex 12)
hash=$(openssl passwd -6 -stdin <<<"$password")
nasty='a "quoted" \back\\slash #no comment $HOME `id` '\''single'\''  two  %s*'

cap_options=(--cap-drop ALL)
for capability in "${capabilities[@]}"; do cap_options+=(--cap-add "$capability"); done

create a --env PLAIN=word --env NASTY="$nasty" --env EMPTY= --env MULTI=$'two\nexport LANG=lines' --env mc_type=x --env name=y
create b
upload_hash b "$hash"
create c "${cap_options[@]}"
upload_hash c "$hash"

check "no ssh_host_* file in any layer" has_no_host_keys_in_any_layer
check "label, port and stop signal are as agreed" has_the_agreed_metadata
check "/etc/machine-id is empty" has_empty_machine_id a
check "first start makes a host key that is whole when it appears" start a
check "first start with a password hash" start b
check "first start with few capabilities" start c
check "each VM has host keys of its own" own_host_keys
check "first banner is fast" first_banner_is_fast
check "login by the uploaded key" logs_in_by_key a
check "login by key beside a password" logs_in_by_key b
check "another key is refused" refuses_a_foreign_key
check "password login is not offered by default" offers_no_password_login
check "password login works with a hash" accepts_the_password
check "a wrong password is refused" refuses_a_wrong_password
check "the hash file is gone after the first start" removed_the_hash_file
check "an MD5 hash is refused, with a reason" refuses_to_start_with '$1$salt$qJH7.N4xYta3aEG/dfqo/0'
check "a hash with a colon is refused, with a reason" refuses_to_start_with "$hash:0:0"
check "an empty hash is refused, with a reason" refuses_to_start_with ""
check "sftp both ways" copies_files_by_sftp
check "the promised tools are there" has_the_tools a
check "sudo works for root and for users" sudo_works_for_root_and_users a
check "other users log in by key" users_log_in_by_key a
check "a terminal is given" gives_a_terminal a
check "exit codes pass through" passes_exit_codes
check "the container's environment reaches SSH sessions" passes_the_environment
check "zombies are reaped" reaps_zombies
check "few capabilities: login by key" logs_in_by_key c
check "few capabilities: tools" has_the_tools c
check "few capabilities: terminal" gives_a_terminal c
check "few capabilities: sudo" sudo_works_for_root_and_users c
check "few capabilities: other users log in" users_log_in_by_key c
check "stops by itself, with a session open" stops_with_a_session a
check "few capabilities: stops by itself, with a session open" stops_with_a_session c
check "stops by itself during its first start, and starts afterwards" stops_during_first_start
check "a restart keeps the host keys" keeps_host_keys_over_restart a
check "few capabilities: a restart keeps the host keys" keeps_host_keys_over_restart c
check "a restart keeps the password" eval 'keeps_host_keys_over_restart b && accepts_the_password'
check "the environment survives a restart" passes_the_environment

echo "$passed passed, $failed failed"
((failed == 0))
