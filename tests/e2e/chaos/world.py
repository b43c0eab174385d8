"""The cloud under test: a broker on a small disk, two machines with engines, three workers, and their supervisor."""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import threading
import time

import node
from cloud import wait_until

# How `Restart=always` in the documented systemd units behaves.
RESTART_S = 0.5
# Broker's disk: room for the store of an hour's load, and quickly filled.
DISK_BYTES = 48 << 20
# Shorter than the longest standstills and partitions, so that nodes are lost in some of them.
LOST_AFTER = "9s"
CLEANUP_GRACE = "20s"
ORPHAN_GRACE = "10s"
WORKERS = {"a1": 0, "a2": 0, "b1": 1}
POOL = {"a1": 2, "b1": 1}  # spares


class Busy(Exception):
    """Somebody else is doing something to it."""


class Program:
    """One process of ours. Who wants to hurt it holds it; the supervisor looks after those that nobody holds."""

    def __init__(self, name, launch):
        self.name, self._launch = name, launch
        self._lock = threading.Lock()
        self.process = None

    @contextlib.contextmanager
    def held(self):
        if not self._lock.acquire(blocking=False):
            raise Busy
        try:
            yield self
        finally:
            self._lock.release()

    def launch(self):
        self.process = self._launch()

    def ended(self):
        return self.process.popen.poll() is not None


class Disk:
    """A file system of its own in a file, so that it can be full."""

    def __init__(self, image, mount):
        self.mount = mount
        os.makedirs(mount)
        with open(image, "wb") as file:
            file.truncate(DISK_BYTES)
        # No blocks for root alone: the broker under test is root.
        node.run("mkfs.ext4", "-q", "-m", "0", image)
        node.run("mount", "-o", "loop", image, mount)
        self.in_use = threading.Lock()

    def fill(self):
        with open(f"{self.mount}/ballast", "wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self):
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{self.mount}/ballast")


class Machine(node.Node):
    """A node's machine: it can lose its power and its network."""

    def __init__(self, name, number, live_restore):
        super().__init__(name, number)
        self.live_restore = live_restore
        self.network = threading.Lock()

    def launch(self):
        self.start(*(["--live-restore"] if self.live_restore else []), wait=False)
        return self.process

    def cut(self, *directions):
        """Drops what workers here say to the broker ("out"), what they would hear ("in"), or both."""
        for rule in self.rules(directions):
            node.run(*self.inside, "iptables", "-w", "-I", *rule)

    def mend(self, *directions):
        for rule in self.rules(directions):
            node.run(*self.inside, "iptables", "-w", "-D", *rule)

    @staticmethod
    def rules(directions):
        chains = {"out": ("OUTPUT", "--dport"), "in": ("INPUT", "--sport")}
        return [[chains[d][0], "-p", "tcp", chains[d][1], "7711", "-j", "DROP"] for d in directions]

    def network_facts(self):
        """Commands and what they said: who has which address here, who listens, and who answers at port 22."""
        yield ["ps"], subprocess.run(["ps", "-eo", "pid,ppid,stat,wchan:24,args"], check=False, capture_output=True, text=True).stdout
        spaces = {}
        for pid in self.processes():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                spaces.setdefault(os.readlink(f"/proc/{pid}/ns/net"), pid)
        asked = [[*self.inside, *argv.split()] for argv in ("ip neigh", "bridge fdb show", "ip -br link", "iptables-save -t nat")]
        for pid in spaces.values():
            asked += [["nsenter", f"--net=/proc/{pid}/ns/net", *argv.split()] for argv in ("ip -4 -br addr", "ss -Hltn")]
        for last in range(2, 20):
            say = f"exec 3<>/dev/tcp/172.17.0.{last}/22 && timeout 2 head -c 8 <&3"
            asked.append([*self.inside, "timeout", "3", "bash", "-c", say])
        for argv in asked:
            done = subprocess.run(argv, check=False, capture_output=True, text=True)
            yield argv[2:], f"{done.returncode}: {done.stdout}{done.stderr}"

    def remove_stale_task(self, folder):
        """A folder in which its containerd keeps a start that is over. True when it was here."""
        if not folder.startswith(f"{self.dir}/exec/") or not os.path.isdir(folder):
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True

    def shims(self):
        """Process ids of containerd's shims, one for each container that runs, by container."""
        found = {}
        for pid in self.processes():
            if container := container_of_shim(pid):
                found.setdefault(container, []).append(pid)
        return found

    @staticmethod
    def youngest(pids):
        """For how many seconds the youngest of these processes has been there."""
        with open("/proc/uptime") as file:
            now = float(file.read().split()[0])
        ages = []
        for pid in pids:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/stat") as stat:
                # The 22nd field, of which the second, in brackets, may have blanks.
                ages.append(now - int(stat.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK"))
        return min(ages, default=0)

    def processes(self):
        return processes_of(os.stat(f"/run/netns/{self.name}").st_ino)

    def power_off(self):
        """kill -9 of all that runs on it: workers, engine, shims, and the containers' processes."""
        for _ in range(200):
            found = self.processes()
            if not found:
                break
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        else:
            raise AssertionError(f"processes of {self.name} do not end: {found}")
        # What a boot finds: disks as they were, no mounts, nothing in /run.
        with open("/proc/self/mounts") as mounts:
            inside = [line.split()[1] for line in mounts if line.split()[1].startswith(f"{self.dir}/")]
        for mount in sorted(inside, reverse=True):
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        shutil.rmtree(f"{self.dir}/exec", ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{self.dir}/dockerd.pid")


def container_of_shim(pid):
    """None when that process is none."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(f"/proc/{pid}/cmdline") as cmdline:
            argv = cmdline.read().split("\0")
        if argv[0].endswith("/containerd-shim-runc-v2") and "-id" in argv:
            return argv[argv.index("-id") + 1]
    return None


def processes_of(network):
    """Processes in that network namespace, and all their descendants."""
    parents, found = {}, set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError, IndexError):
            with open(f"/proc/{entry}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            if fields[0] == "Z":
                continue
            parents[int(entry)] = int(fields[1])
            if os.stat(f"/proc/{entry}/ns/net").st_ino == network:
                found.add(int(entry))
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


class World:
    def __init__(self, journal):
        self.journal = journal
        node.make_network()
        # One engine of each kind at first; a restart may change it.
        self.machines = [Machine("n1", 1, live_restore=False), Machine("n2", 2, live_restore=True)]
        self.engines = [Program(f"engine of {m.name}", m.launch) for m in self.machines]
        for engine in self.engines:
            engine.launch()
        for machine in self.machines:
            wait_until(f"the engine of {machine.name} answers", machine.answers, 60, 0.2)
            machine.load_image()
        self.disk = Disk(f"{node.PRIVATE_DIR}/disk", f"{node.PRIVATE_DIR}/cloud/broker")
        self.cloud = node.new_cloud(cleanup_grace=CLEANUP_GRACE, orphan_grace=ORPHAN_GRACE, lost_after=LOST_AFTER)
        del self.cloud.env["MC_CONNECT_TIMEOUT"]  # people's commands end in time (people.py)
        self.broker = Program("broker", self._launch_broker)
        self.broker.process = self.cloud.broker
        self.workers = {name: Program(f"worker {name}", lambda n=name: self._launch_worker(n)) for name in WORKERS}
        for worker in self.workers.values():
            worker.launch()
        for name in WORKERS:
            self.cloud.wait_node(name, "ready")
        self.cloud_id = self.cloud.cloud_id()
        self.watches = [self.cloud.watch("--since", "0") for _ in range(3)]
        # One that was never answered gives up in time, as it has to: those that were frozen at that are no witnesses.
        wait_until("all watchers are there", lambda: all(self.cloud.events(watch) for watch in self.watches), 30)
        self._stop = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()

    def _launch_broker(self):
        self.cloud.start_broker(wait=False)
        return self.cloud.broker

    def _launch_worker(self, name):
        return self.cloud.start_worker(name, self.machines[WORKERS[name]], wait=False, options=("--pool", str(POOL.get(name, 0))))

    def programs(self):
        return [self.broker, *self.workers.values(), *self.engines]

    def remove_stale_task(self, folder):
        """The machine where that was, or None."""
        return next((machine for machine in self.machines if machine.remove_stale_task(folder)), None)

    def names_on(self, machine):
        return [name for name, place in WORKERS.items() if self.machines[place] is machine]

    def spares_max(self, machine):
        return sum(POOL.get(name, 0) for name in self.names_on(machine))

    def workers_on(self, machine):
        return [self.workers[name] for name in self.names_on(machine)]

    def machine_of(self, worker):
        return self.machines[WORKERS[worker]]

    def _supervise(self):
        while not self._stop.wait(RESTART_S):
            for program in self.programs():
                with contextlib.suppress(Busy), program.held():
                    if program.ended():
                        self._ended_by_itself(program)

    def _ended_by_itself(self, program):
        code = program.process.popen.returncode
        self.journal.violation("programs live until they are killed", f"{program.name} ended with code {code}")
        self.journal.note("restart", program=program.name, code=code)
        program.launch()

    def stop_supervision(self):
        self._stop.set()
        self._supervisor.join()

    # the truth

    def all_containers(self, machine, seconds=10):
        """Ids of all that this engine knows; None when it does not answer."""
        try:
            done = subprocess.run(["docker", "-H", machine.endpoint, "ps", "-aq", "--no-trunc"],
                                  capture_output=True, text=True, timeout=seconds)  # fmt: skip
        except subprocess.TimeoutExpired:
            return None
        return None if done.returncode else set(done.stdout.split())

    def containers(self, machine, seconds=10):
        """This cloud's containers on that machine; None when its engine does not answer."""
        form = "\t".join('{{.Label "minicloud.%s"}}' % label for label in ("vm", "request", "spare"))
        try:
            done = subprocess.run(
                ["docker", "-H", machine.endpoint, "ps", "-a", "--no-trunc", "--filter",
                 f"label=minicloud.cloud={self.cloud_id}", "--format", "{{.ID}}\t{{.State}}\t{{.Ports}}\t" + form],
                capture_output=True, text=True, timeout=seconds)  # fmt: skip
        except subprocess.TimeoutExpired:
            return None
        if done.returncode != 0:
            return None
        keys = ("id", "state", "ports", "vm", "request", "spare")
        return [dict(zip(keys, line.split("\t"))) | {"machine": machine.name} for line in done.stdout.splitlines()]
