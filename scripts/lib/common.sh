# What the scripts share: steps with times, a log for each, sudo. Sourced, never run.
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by the scripts

mc_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly mc_root
# Same rule as the programs' (src/io/files.hpp, state_dir).
readonly mc_state=${XDG_STATE_HOME:-${HOME:-/root}/.local/state}/minicloud
# The calling script's name, for its messages.
mc_script=scripts/$(basename "$0")
readonly mc_script

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "$mc_script" "$*" >&2; }
die() {
    warn "error: $*"
    exit 1
}

now_ms() {
    local micro=${EPOCHREALTIME//[.,]/}
    echo $((micro / 1000))
}

# 12345 -> "12.3 s"
seconds_text() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# Runs a command as root: as it is for root, through sudo for others.
as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this needs root and there is no sudo here; run it as root: $*"
    fi
}

# How many compilers at once: one per core, as far as memory goes.
build_jobs() {
    local cores memory_kib jobs
    cores=$(nproc)
    memory_kib=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
    # A file of ours takes up to 1 GiB to compile with sanitizers.
    jobs=$((memory_kib / 1048576))
    ((jobs > cores)) && jobs=$cores
    ((jobs < 1)) && jobs=1
    echo "$jobs"
}

# ------------------------------------------------------------------- steps

# begin_steps DIRECTORY COUNT: logs of the steps go there, one file each.
begin_steps() {
    mc_steps_dir=$1
    mc_steps_count=$2
    mc_steps_done=0
    mkdir -p "$mc_steps_dir" || die "cannot make $mc_steps_dir; set XDG_STATE_HOME to a directory you can write to"
    mc_note=$mc_steps_dir/.note
}

# In a step: what its line ends with, instead of "done".
note() { printf '%s' "$*" >"$mc_note"; }

# On a terminal, the last line of a running step's log, so that a person sees it move.
show_progress() {
    local log=$1 line columns
    columns=$(($(tput cols 2>/dev/null || echo 80) - 8))
    while sleep 0.5; do
        line=$(tail -c 2000 "$log" 2>/dev/null | tr '\r' '\n' | tr -cd '[:print:]\n' | grep -v '^ *$' | tail -n 1)
        [[ -n $line ]] && printf '\r\033[K      %s' "${line:0:columns}"
    done
}

# step TITLE ADVICE COMMAND...: runs it in a subshell with its output in a log. When
# it fails: the end of the log and what to do, and the script ends. Not to be called
# in a condition, where the shell would go on after a failed line.
step() {
    local title=$1 advice=$2 log started_ms code ticker=
    shift 2
    mc_steps_done=$((mc_steps_done + 1))
    log=$mc_steps_dir/step-$mc_steps_done.log
    : >"$mc_note"
    printf '[%d/%d] %s\n' "$mc_steps_done" "$mc_steps_count" "$title"
    started_ms=$(now_ms)
    : >"$log"
    if [[ -t 1 ]]; then
        show_progress "$log" &
        ticker=$!
    fi
    set +e
    (
        set -e
        "$@"
    ) >>"$log" 2>&1
    code=$?
    set -e
    if [[ -n $ticker ]]; then
        kill "$ticker" 2>/dev/null || true
        wait "$ticker" 2>/dev/null || true
        printf '\r\033[K'
    fi
    if ((code != 0)); then
        tail -n 25 "$log" | sed 's/^/      | /' >&2
        warn "\"$title\" failed after $(seconds_text $(($(now_ms) - started_ms))); all of its output: $log"
        [[ -z $advice ]] || warn "$advice"
        exit 1
    fi
    local said
    said=$(<"$mc_note")
    printf '      %s (%s)\n' "${said:-done}" "$(seconds_text $(($(now_ms) - started_ms)))"
}

# --------------------------------------------------------------- processes
# A process is known by its id AND the moment it started: an id alone is used again.

# When the process started, in clock ticks since boot; fails when there is none.
start_ticks() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The name, in parentheses, may hold spaces: count from its end.
    read -ra fields <<<"${stat##*)}"
    [[ ${fields[0]} != Z ]] && echo "${fields[19]}"
}

# remember_process FILE PID
remember_process() { echo "$2 $(start_ticks "$2") $(</proc/sys/kernel/random/boot_id)" >"$1"; }

# Prints the id of the process that FILE remembers, if that very process still runs.
remembered_process() {
    local pid ticks boot
    [[ -s $1 ]] || return 1
    read -r pid ticks boot <"$1"
    [[ $boot == "$(</proc/sys/kernel/random/boot_id)" && -n $ticks && $(start_ticks "$pid") == "$ticks" ]] || return 1
    echo "$pid"
}

# program_of PID: the file it runs; " (deleted)" is at its end when that was replaced.
program_of() { readlink "/proc/$1/exe" 2>/dev/null || as_root readlink "/proc/$1/exe"; }

# end_process FILE PROGRAM SECONDS [as_root]: SIGTERM, and SIGKILL after SECONDS. Only
# if it is the remembered process, and runs PROGRAM. Nothing to end is a success.
end_process() {
    local file=$1 program=$2 pid runs seconds=$3 deadline_ms
    shift 3
    if pid=$(remembered_process "$file"); then
        runs=$(program_of "$pid")
        if [[ $(basename "${runs% (deleted)}") != "$program" ]]; then
            warn "process $pid is $runs, not $program; it is left alone"
            return 1
        fi
        "$@" kill -TERM "$pid"
        deadline_ms=$(($(now_ms) + seconds * 1000))
        while remembered_process "$file" >/dev/null; do
            if (($(now_ms) > deadline_ms)); then
                warn "$program did not end within $seconds s; killing process $pid"
                "$@" kill -KILL "$pid"
                break
            fi
            sleep 0.05
        done
    fi
    rm -f "$file"
}
