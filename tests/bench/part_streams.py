"""Large files to and from a VM: through the broker, and by scp straight to it."""

import hashlib
import os
import subprocess
import tempfile
import time

import cloud as clouds
from measure import Sample, in_turn
from report import number
from world import BIN, swarm

MIB = 1 << 20
SIZE_MIB, ROUNDS = 1024, 3
LISTS_PER_SECOND = 50
# So long after its beginning a copy is in full swing, and so long it is asked beside: less than any copy takes.
LISTS_AFTER_S, LISTS_S = 0.5, 2.0
IN_VM = "/root/file"


class Copies:
    def __init__(self, cloud, directory, size_mib):
        self.cloud, self.size_mib = cloud, size_mib
        cloud.start_worker("node")
        self.vm = cloud.create("box")
        self.container = cloud.containers()[0]
        self.here, self.back = f"{directory}/here", f"{directory}/back"
        with open(self.here, "wb") as file:
            for _ in range(size_mib):
                file.write(os.urandom(MIB))
        self.digest = digest_of(self.here)
        self.lists = Sample()
        self.cpu = Sample()

    def mccli(self, *paths):
        return [f"{BIN}/mccli", "cp", "-q", "--route", "broker", *(path.replace("VM:", "box:") for path in paths)]

    def scp(self, *paths):
        vm = f"{self.vm['username']}@{self.vm['ssh_host']}:"
        options = {"Port": self.vm["ssh_port"], "StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null"}
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        key = f"{self.cloud.dir}/home/.ssh/id_ed25519"
        return ["scp", "-q", *words, "-i", key, *(path.replace("VM:", vm) for path in paths)]

    def up(self, command, asked=False):
        self.cloud.engines["node"].docker("exec", self.container, "rm", "-f", IN_VM)
        rate = self.copy(command(self.here, f"VM:{IN_VM}"), asked)
        told = self.cloud.engines["node"].docker("exec", self.container, "sha256sum", IN_VM)
        return self.checked(rate, told.split()[0])

    def down(self, command, asked=False):
        if os.path.exists(self.back):
            os.unlink(self.back)
        rate = self.copy(command(f"VM:{IN_VM}", self.back), asked)
        return self.checked(rate, digest_of(self.back))

    def checked(self, rate, digest):
        if digest != self.digest:
            raise RuntimeError("a copy is not what was copied")
        return rate

    def copy(self, argv, asked):
        """MiB per second. `asked`: somebody lists VMs meanwhile."""
        # What was written before must not be on its way to the disk still.
        os.sync()
        began = time.perf_counter()
        with subprocess.Popen(argv, env=self.cloud.env, stdin=subprocess.DEVNULL) as process:
            if asked:
                time.sleep(LISTS_AFTER_S)
                self.ask()
                if process.poll() is not None:
                    raise RuntimeError("the copy had ended before the lists: there is nothing to compare")
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}: exit code {process.returncode}")
        return self.size_mib / (time.perf_counter() - began)

    def ask(self):
        found = swarm("lists", rate=LISTS_PER_SECOND, seconds=LISTS_S, pid=self.cloud.broker.popen.pid,
                      clients_at=self.cloud.endpoints["clients"], key=f"{self.cloud.dir}/broker/admin.context")
        self.lists.add(found["p99_ms"])
        self.cpu.add(found["cpu_share"])


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run(part):
    if part.quick:
        return part.text("(needs an engine)")
    cloud = clouds.Cloud(endpoints=clouds.free_endpoints())
    try:
        with tempfile.TemporaryDirectory(prefix="mc-bench-") as directory:
            show(part, Copies(cloud, directory, SIZE_MIB))
    finally:
        cloud.close()


def show(part, copies):
    copies.up(copies.scp)  # for whoever is the first to copy down
    samples = in_turn({
        "mccli cp, up": lambda: copies.up(copies.mccli, asked=True),
        "scp, up": lambda: copies.up(copies.scp),
        "mccli cp, down": lambda: copies.down(copies.mccli, asked=True),
        "scp, down": lambda: copies.down(copies.scp),
    }, ROUNDS, warm_up=0)  # fmt: skip
    part.table("MiB per second", samples)
    part.table("ms", {f"`list` p99 meanwhile, {LISTS_PER_SECOND} a second": copies.lists})
    part.text(f"The broker used {number(copies.cpu.median)} of a core meanwhile.")
    at = {name: sample.median for name, sample in samples.items()}
    part.ratios([
        ("up: mccli cp / scp", at["mccli cp, up"] / at["scp, up"], "≥", 0.5, ""),
        ("down: mccli cp / scp", at["mccli cp, down"] / at["scp, down"], "≥", 0.5, ""),
        ("`list` p99 meanwhile", copies.lists.median, "≤", 10, " ms"),
    ])  # fmt: skip
    part.bars("A file of 1 GiB", "MiB per second", at)
