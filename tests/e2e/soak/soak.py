"""A cloud under a steady, moderate load: does anything in its programs grow? Run by scripts/soak, see its --help."""

import argparse
import concurrent.futures
import csv
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import node
from cloud import wait_until
from resources import KIB, MIB, Series, folder_bytes, sample

SAMPLE_S = 10
REPORT_S = 300
WATCHERS = 4
LANES = 3
# A lane's rest between two rounds of create, exec, delete; with 3 lanes about a request per second.
REST_S = 9.0
# The first part, in which pools and caches fill, is not judged.
WARM_UP_SHARE = 0.3
# What may grow from there to the end: the allocator's noise, and what is kept on purpose: the
# outcome of each request for 24 h, four events and a tombstone per VM (docs/architecture.md, "What is stored").
RSS_GROWTH_BYTES_MAX = 2 * MIB
BROKER_BYTES_PER_REQUEST_MAX = 4 * KIB
STORE_BYTES_PER_REQUEST_MAX = 16 * KIB
STORE_BYTES_BASE = 16 * MIB
# What the broker may hold over a new one that has read the same store and does the same work: what it can't account for.
RSS_OVER_RESTART_BYTES_MAX = 4 * MIB
DESCRIPTOR_GROWTH_MAX = 4
DESCRIPTORS_MAX = 200
THREAD_GROWTH_MAX = 1
COMMAND_S = 120


def text_of(output):
    """What a command that ran out of time had said; subprocess gives that as bytes, or nothing."""
    return output.decode(errors="replace").strip() if output else "it said nothing"


class Load:
    """People at work. `done` counts accepted requests, `failed` holds what went wrong."""

    def __init__(self, cloud, machine, seed, began):
        self.cloud, self.machine, self.seed, self.began = cloud, machine, seed, began
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.counts, self.done, self.failed = {}, 0, []

    def run(self, *argv, changes=0):
        """Whether it went well. One that does not end is a failure as well, and said at once with all others."""
        try:
            done = self.cloud.mccli(*argv, check=False, timeout=COMMAND_S + 30)
            wrong = f"exit {done.returncode}: {done.stderr.strip()}" if done.returncode != 0 else None
        except subprocess.TimeoutExpired as expired:
            wrong = f"did not end within {expired.timeout} s: {text_of(expired.stderr)}"
        with self.lock:
            self.counts[argv[0]] = self.counts.get(argv[0], 0) + 1
            self.done += changes
            if wrong:
                self.failed.append(f"mccli {' '.join(argv)}: {wrong}")
                print(f"{time.monotonic() - self.began:6.0f} s  {self.failed[-1]}", flush=True)
        return wrong is None

    def log_in(self, name):
        """What broke a login is gone with the VM: its machine's view is printed while it is there."""
        if self.run("ssh", name, "--", "true"):
            return
        vm = self.cloud.vms().get(name, {})
        print("   ", json.dumps(vm), flush=True)
        container = vm.get("container")
        for argv in (["docker", "-H", self.machine.endpoint, "inspect", "-f", "{{json .State}} {{json .NetworkSettings}}", container],
                     ["docker", "-H", self.machine.endpoint, "logs", container],
                     ["docker", "-H", self.machine.endpoint, "exec", container, "ps", "axo", "pid,lstart,args"],
                     [*self.machine.inside, "ss", "-tn"]):  # fmt: skip
            if None not in argv:
                seen = subprocess.run(argv, capture_output=True, text=True, timeout=60)
                print("    " + (seen.stdout + seen.stderr).strip().replace("\n", "\n    "), flush=True)

    def round(self, name, draw):
        if not self.run("create", name, "--memory", "64M", "--timeout", f"{COMMAND_S}s", changes=1):
            return
        self.run("exec", name, "--", "hostname")
        self.log_in(name)
        # A stream of a size that needs several credits.
        self.run("exec", name, "--", "head", "-c", str(draw.randint(1, 4) * 512 * KIB), "/dev/zero")
        if draw.random() < 0.3:
            self.run("restart", name, "--timeout", f"{COMMAND_S}s", changes=1)
        self.run("delete", name, changes=1)
        self.run("list")

    def lane(self, number):
        draw = random.Random(f"{self.seed}/{number}")
        turn = 0
        while not self.stop.wait(draw.uniform(0.5, 1.5) * REST_S):
            turn += 1
            self.round(f"soak-{number}-{turn}", draw)
            self.run(draw.choice(["nodes", "jobs", "version"]))


class Soak:
    def __init__(self, options):
        self.options = options
        self.began = time.monotonic()
        self.faults = []
        node.make_network()
        self.machine = node.Node("n1", 1)
        self.machine.start()
        self.machine.load_image()
        self.cloud = node.new_cloud()
        for name in ("node-a", "node-b"):
            self.cloud.start_worker(name, self.machine)
        self.watches = [self.cloud.watch("--since", "0") for _ in range(WATCHERS)]
        self.cloud.create("--name", "resident", "--memory", "64M")
        # One command that talks all the time, and one that is silent.
        self.streams = [
            self.cloud.mccli_start("exec", "resident", "--", "sh", "-c", "while date; do sleep 1; done",
                                   stdout=subprocess.DEVNULL),
            self.cloud.mccli_start("exec", "resident", "--", "sleep", "1000000"),
        ]  # fmt: skip
        self.programs = {
            "mcbroker": self.cloud.broker.popen, "mcworker node-a": self.cloud.workers["node-a"].popen,
            "mcworker node-b": self.cloud.workers["node-b"].popen, "mccli watch": self.watches[0],
            "mccli exec": self.streams[0],
        }  # fmt: skip
        self.series = {name: Series(name) for name in [*self.programs, "store"]}
        self.load = Load(self.cloud, self.machine, options.seed, self.began)

    def now(self):
        return time.monotonic() - self.began

    def take_samples(self, out):
        at, done = self.now(), self.load.done
        for name, process in self.programs.items():
            values = sample(process.pid)
            if values is None or process.poll() is not None:
                raise AssertionError(f"{name} ended by itself after {at:.0f} s, with code {process.poll()}")
            self.series[name].add(at, done, values)
            out.writerow([f"{at:.0f}", done, name, *values.values()])
        size = folder_bytes(f"{self.cloud.dir}/broker")
        self.series["store"].add(at, done, {"rss_bytes": size})
        out.writerow([f"{at:.0f}", done, "store", size])

    def report(self):
        parts = [f"{name} {s.rows[-1]['rss_bytes'] / MIB:.1f} MiB" for name, s in self.series.items()]
        print(f"{self.now():6.0f} s  {self.load.done} requests, {len(self.load.failed)} failed; {', '.join(parts)}", flush=True)

    def run(self):
        path = f"{self.options.output}/samples.csv"
        with concurrent.futures.ThreadPoolExecutor(LANES) as pool, open(path, "w", newline="", buffering=1) as file:
            out = csv.writer(file)
            out.writerow(["seconds", "requests", "program", "rss_bytes", "peak_bytes", "descriptors", "threads"])
            lanes = [pool.submit(self.load.lane, number) for number in range(LANES)]
            try:
                self.keep_sampling(out)
            finally:
                self.load.stop.set()
            for lane in lanes:
                lane.result()
            # With nothing under way, as it was at the first sample.
            self.take_samples(out)

    def keep_sampling(self, out):
        due, report_due = self.now(), REPORT_S
        while self.now() < self.options.minutes * 60:
            self.take_samples(out)
            if self.now() >= report_due:
                self.report()
                report_due += REPORT_S
            due += SAMPLE_S
            time.sleep(max(0.0, due - self.now()))

    # judgement

    def check(self, what, value, bound, text):
        good = value <= bound
        print(f"  {'ok  ' if good else 'FAIL'} {what}: {text(value)}, at most {text(bound)}")
        if not good:
            self.faults.append(f"{what}: {text(value)} is over {text(bound)}")

    def judge_program(self, series, warm_up_s):
        rows = series.after(warm_up_s)
        hours = (rows[-1]["at"] - rows[0]["at"]) / 3600
        requests = rows[-1]["done"] - rows[0]["done"]
        growth = series.growth("rss_bytes", warm_up_s)
        bound = RSS_GROWTH_BYTES_MAX + (BROKER_BYTES_PER_REQUEST_MAX * requests if series.name == "mcbroker" else 0)
        print(f"{series.name}: VmRSS {rows[0]['rss_bytes'] / MIB:.2f} -> {rows[-1]['rss_bytes'] / MIB:.2f} MiB, "
              f"VmHWM {rows[-1]['peak_bytes'] / MIB:.2f} MiB; slope {growth / hours / KIB:.0f} KiB/h, "
              f"{growth / max(requests, 1):.0f} bytes per request; {rows[-1]['descriptors']} descriptors, "
              f"{rows[-1]['threads']} threads")  # fmt: skip
        self.check("growth of memory", growth, bound, lambda v: f"{v / MIB:.2f} MiB")
        self.check("growth of descriptors", series.growth("descriptors", warm_up_s), DESCRIPTOR_GROWTH_MAX, "{:.1f}".format)
        self.check("descriptors", max(row["descriptors"] for row in series.rows), DESCRIPTORS_MAX, str)
        self.check("growth of threads", series.growth("threads", warm_up_s), THREAD_GROWTH_MAX, "{:.1f}".format)

    def judge_restart(self):
        """All that the broker remembers on purpose is in its store too; what is not is a leak."""
        before = sample(self.cloud.broker.popen.pid)["rss_bytes"]
        self.cloud.broker.stop()
        self.cloud.start_broker()
        for name in self.cloud.workers:
            self.cloud.wait_node(name, "ready")
        idle = sample(self.cloud.broker.popen.pid)["rss_bytes"]
        # What it needs to work it has to need again before the two can be compared.
        with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
            for lane in [pool.submit(self.load.round, f"again-{number}", random.Random(number)) for number in range(LANES)]:
                lane.result()
        after = sample(self.cloud.broker.popen.pid)["rss_bytes"]
        print(f"mcbroker: VmRSS {before / MIB:.2f} MiB, after a restart {idle / MIB:.2f}, at work again {after / MIB:.2f} MiB")
        self.check("memory that a restart frees", before - after, RSS_OVER_RESTART_BYTES_MAX, lambda v: f"{v / MIB:.2f} MiB")

    def judge_watchers(self):
        last = self.cloud.json("version")["last_event"]
        for watch in self.watches:
            wait_until("every watcher has seen the last event", lambda: self.cloud.events(watch)[-1].get("seq") == last)
            if [event.get("seq") for event in self.cloud.events(watch)] != list(range(1, last + 1)):
                self.faults.append("a watcher did not see each event once and in order")
        print(f"{WATCHERS} watchers saw each of {last} events once and in order")

    def judge(self):
        warm_up_s = self.options.minutes * 60 * WARM_UP_SHARE
        print(f"\nafter the first {warm_up_s:.0f} s:")
        for name in self.programs:
            self.judge_program(self.series[name], warm_up_s)
        store = self.series["store"].rows
        print(f"store: {store[0]['rss_bytes'] / MIB:.2f} -> {store[-1]['rss_bytes'] / MIB:.2f} MiB")
        self.check("state directory", store[-1]["rss_bytes"],
                   STORE_BYTES_BASE + STORE_BYTES_PER_REQUEST_MAX * self.load.done, lambda v: f"{v / MIB:.1f} MiB")  # fmt: skip
        self.judge_restart()
        self.judge_watchers()
        self.cloud.wait_removed(*(vm["container"] for vm in self.cloud.vms().values()))
        left = set(self.cloud.vms()), len(self.cloud.containers())
        if left != ({"resident"}, 1):
            self.faults.append(f"left at the end: VMs {left[0]}, {left[1]} containers; expected the resident one only")
        print("operations:", json.dumps(self.load.counts))
        self.faults += self.load.failed


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/soak", add_help=False)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--output", required=True)
    return parser.parse_args()


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("soak: ended before its time"))
    print(f"soak of {options.minutes:g} minutes, seed {options.seed}, samples in {options.output}/samples.csv", flush=True)
    soak = Soak(options)
    try:
        soak.run()
        soak.judge()
    except BaseException:
        soak.cloud.show_logs()
        raise
    for fault in soak.faults[:20]:
        print(f"FAILED: {fault}")
    print(f"soak {'failed' if soak.faults else 'passed'}: {soak.load.done} requests, {len(soak.faults)} faults")
    return 1 if soak.faults else 0


if __name__ == "__main__":
    sys.exit(main())
