"""A cloud of the real programs on real Docker engines, for tests that act as a person would.

MC_BIN is the folder with mcbroker, mcworker and mccli. Every cloud has its own state, endpoints and containers;
close() ends its processes by their own ids and removes its containers, found by its cloud label.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import signal
import shutil
import subprocess
import tempfile
import sys
import time
import unittest

# For those who import this too: the protocol's own client and worker.
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance"))
import loopback  # noqa: E402

BIN = os.environ["MC_BIN"]
# "address" or "thread" if the programs are built with one: they are slower, and keep what they freed.
SANITIZER = os.environ.get("MC_SANITIZER", "")
# Times all bounds on time, which are those of the programs as people get them.
SLOWNESS = 4 if SANITIZER else 1
IMAGE = os.environ.get("MC_TEST_IMAGE", "minicloud/vm:latest")
ENDPOINTS = ("clients", "workers", "events")
DEFAULT_ENGINE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
# Of `ip link add`. With an address of its own, as Docker's has: without, a bridge has the lowest of its ports', another
# one with each VM that comes or goes, and the other VMs send into the void until they ask for it anew, up to a minute later.
BRIDGE = ("address", "02:42:00:00:00:01", "type", "bridge")


def wait_until(what, condition, seconds=30.0, step=0.05):
    """Waits for an observable condition; a test that needs a bare sleep is wrong."""
    seconds *= SLOWNESS
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(step)


class Process:
    """A program of ours, ended by its own id."""

    def __init__(self, argv, log, env):
        self.log = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=env)

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """As a power cut would."""
        self.popen.kill()
        self.popen.wait()

    def stop(self, seconds=10):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(seconds * SLOWNESS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.popen.args[0]} did not end within {seconds} s of SIGTERM")
        return self.popen.returncode


class Engine:
    """A Docker engine by its endpoint."""

    # How a program is started on this engine's machine, and where people reach that machine.
    inside = ()
    advertise = "127.0.0.1"

    def __init__(self, endpoint=DEFAULT_ENGINE):
        self.endpoint = endpoint

    def docker(self, *argv, check=True):
        done = subprocess.run(["docker", "-H", self.endpoint, *argv], capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"docker {' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def containers(self, cloud_id, *filters):
        """Ids of this cloud's containers, running or not."""
        argv = ["ps", "-aq", "--no-trunc", "--filter", f"label=minicloud.cloud={cloud_id}"]
        for one in filters:
            argv += ["--filter", one]
        return self.docker(*argv).split()


PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


def adopt_orphans():
    """From now on what the children of this process leave behind is its own: reap_orphans()."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(name):
    """Those called so that have ended. Where nobody reaps them at once, a dockerd takes the dead containerd of its killed
    predecessor for a living one, waits for it for 15 s, and gives up."""
    for path in pathlib.Path("/proc/self/task").glob("*/children"):
        # A thread or a child may end in between.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ChildProcessError):
            for child in path.read_text().split():
                if f"({name}) Z " in pathlib.Path(f"/proc/{child}/stat").read_text():
                    os.waitpid(int(child), 0)


def free_subnet():
    """For a bridge on this machine: with that of another test's, one's VMs would answer for the other's."""
    taken = subprocess.run(["ip", "-4", "-o", "addr"], check=True, capture_output=True, text=True).stdout
    return next(f"10.231.{number}.1/24" for number in range(30, 250) if f" 10.231.{number}.1/" not in taken)


class OwnEngine(Engine):
    """A second engine on this machine: own socket, data, bridge. Needs root."""

    def __init__(self, name):
        self.dir = tempfile.mkdtemp(prefix=f"mc-engine-{name}-")
        self.bridge = f"mc{name}{os.getpid() % 100000}"
        super().__init__(f"unix://{self.dir}/docker.sock")
        # Never --bridge none beside another engine: that removes the machine's docker0.
        subprocess.run(["ip", "link", "add", self.bridge, *BRIDGE], check=True)
        subprocess.run(["ip", "addr", "add", free_subnet(), "dev", self.bridge], check=True)
        subprocess.run(["ip", "link", "set", self.bridge, "up"], check=True)
        self.process = None
        adopt_orphans()
        self.start()

    def start(self, *options, wait=True):
        reap_orphans("containerd")
        self.process = Process(
            [*self.inside, "dockerd", "-H", self.endpoint, "--data-root", f"{self.dir}/data",
             "--exec-root", f"{self.dir}/exec", "--pidfile", f"{self.dir}/dockerd.pid", "--bridge", self.bridge,
             "--storage-driver", "overlay2", *options],
            f"{self.dir}/log", os.environ.copy())
        if wait:
            wait_until("the second engine answers", lambda: self.answers(), 60, 0.2)

    def start_until_it_answers(self, *options):
        """As a service manager does: a dockerd that gives up is started again."""
        def answers():
            if self.process.popen.poll() is not None:
                self.start(*options, wait=False)
            return self.answers()

        wait_until("the engine answers again", answers, 120, 0.2)

    def answers(self):
        return subprocess.run(["docker", "-H", self.endpoint, "version"], capture_output=True).returncode == 0

    def load_image(self, image=IMAGE, source=DEFAULT_ENGINE):
        save = subprocess.Popen(["docker", "-H", source, "save", image], stdout=subprocess.PIPE)
        subprocess.run(["docker", "-H", self.endpoint, "load"], stdin=save.stdout, check=True, capture_output=True)
        save.stdout.close()
        if save.wait() != 0:
            raise AssertionError(f"docker save {image} failed; build it with docker/vm/build")

    def close(self):
        if self.process.popen.poll() is None:
            ids = self.docker("ps", "-aq", check=False).split()
            if ids:
                self.docker("rm", "-f", *ids, check=False)
            self.docker("network", "rm", "minicloud", check=False)  # a worker's; its bridge would stay on this machine
            self.process.popen.terminate()
            self.process.popen.wait(60)
        subprocess.run(["ip", "link", "delete", self.bridge], check=False)
        subprocess.run(["umount", "-R", f"{self.dir}/data"], check=False, capture_output=True)
        shutil.rmtree(self.dir, ignore_errors=True)


def free_endpoints():
    """On this machine's loopback, with keys."""
    return dict(zip(ENDPOINTS, loopback.free_endpoints(len(ENDPOINTS))))


class Cloud:
    """`endpoints` by the broker's option for each; ipc in a new directory without. The rest are broker options, True for flags.

    On tcp everybody has a key: mccli the first admin's, which the broker makes; workers join with a token.
    """

    def __init__(self, directory=None, endpoints=None, **broker_options):
        self.dir = directory or tempfile.mkdtemp(prefix="mc-e2e-")
        self.broker_options = broker_options
        self.endpoints = endpoints or {name: f"ipc://{self.dir}/{name}" for name in ENDPOINTS}
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("MC_")}
        self.env.update(MC_BROKER=self.endpoints["clients"], XDG_STATE_HOME=f"{self.dir}/state",
                        XDG_CONFIG_HOME=f"{self.dir}/config", HOME=f"{self.dir}/home", LC_ALL="C.UTF-8")
        self.env["MC_CONNECT_TIMEOUT"] = "30s"  # a machine that stands still for the usual 3 s is no finding
        os.makedirs(f"{self.dir}/home/.ssh", mode=0o700)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.dir}/home/.ssh/id_ed25519"],
                       check=True)
        self.broker = None
        self.workers = {}
        self.engines = {}
        self.others = []
        self.cloud_ids = set()  # what is left of them is removed, also when no broker answers any more
        self.start_broker()

    # programs

    def start_broker(self, wait=True):
        argv = [f"{BIN}/mcbroker", "--state-dir", f"{self.dir}/broker"]
        for name, endpoint in self.endpoints.items():
            argv += [f"--{name}", endpoint]
        for name, value in self.broker_options.items():
            argv += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
        self.broker = Process(argv, f"{self.dir}/broker.log", self.env)
        if wait:
            # Not by `version`, which ends well without a broker too.
            wait_until("the broker answers", lambda: self.mccli("nodes", check=False).returncode == 0)
            self.cloud_ids.add(self.cloud_id())

    def join_worker(self, node, engine):
        """Once for each node: its key is kept with its state."""
        if self.endpoints["workers"].startswith("ipc://") or os.path.exists(f"{self.dir}/worker-{node}/connection"):
            return
        token = self.mccli("token", "create", "--role", "worker", "--name", node, "--quiet").stdout
        subprocess.run([*engine.inside, f"{BIN}/mcworker", "join", "-", "--node", node, "--state-dir", f"{self.dir}/worker-{node}"],
                       input=token, text=True, check=True, capture_output=True, timeout=60, env=self.env)

    def start_worker(self, node, engine=None, slots=32, wait=True, labels=(), options=(), prefix=()):
        engine = engine or Engine()
        self.engines[node] = engine
        self.join_worker(node, engine)
        self.workers[node] = Process(
            [*prefix, *engine.inside, f"{BIN}/mcworker", "--broker", self.endpoints["workers"], "--node", node, "--docker", engine.endpoint,
             "--advertise", engine.advertise, "--state-dir", f"{self.dir}/worker-{node}", "--slots", str(slots),
             *[f"--label={label}" for label in labels], *options],
            f"{self.dir}/worker-{node}.log", self.env)
        if wait:
            self.wait_node(node, "ready")
        return self.workers[node]

    def wait_node(self, node, state, seconds=30):
        wait_until(f"node {node} is {state}", lambda: self.nodes().get(node, {}).get("state") == state, seconds)

    def wait_vm(self, name, state, seconds=30):
        return wait_until(f"VM {name} is {state}", lambda: self.vms().get(name, {}).get("state") == state, seconds)

    # mccli

    def mccli(self, *argv, check=True, stdin=None, timeout=180, env=None):
        done = subprocess.run([f"{BIN}/mccli", *argv], capture_output=True, text=True, timeout=timeout,
                              input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                              env={**self.env, **(env or {})})
        if check and done.returncode != 0:
            raise AssertionError(f"mccli {' '.join(argv)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def mccli_start(self, *argv, **popen):
        """In the background; ended by close() at the latest."""
        process = subprocess.Popen([f"{BIN}/mccli", *argv], env=self.env, text=True, stdin=subprocess.DEVNULL, **popen)
        self.others.append(process)
        return process

    def json(self, *argv, **options):
        return json.loads(self.mccli(*argv, "-o", "json", **options).stdout)

    def create(self, *argv, **options):
        return self.json("create", *argv, **options)

    def vms(self):
        return {vm["name"]: vm for vm in self.json("list")}

    def nodes(self):
        return {node["name"]: node for node in self.json("nodes")}

    def cloud_id(self):
        return self.json("version")["cloud"]

    def watch(self, *argv):
        """`mccli watch -o json` into a file; see events()."""
        path = f"{self.dir}/watch-{len(self.others)}.jsonl"
        with open(path, "w") as out, open(f"{path}.err", "w") as err:
            process = self.mccli_start("watch", "-o", "json", *argv, stdout=out, stderr=err)
        process.events_path = path
        return process

    @staticmethod
    def events(watch):
        with open(watch.events_path) as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_event(self, watch, seconds=30, **fields):
        def seen():
            return [e for e in self.events(watch) if all(e.get(k) == v for k, v in fields.items())]

        return wait_until(f"event {fields}", seen, seconds)[0]

    # the truth

    def containers(self, *filters):
        cloud_id = self.cloud_id()
        found = []
        for endpoint in {engine.endpoint for engine in self.engines.values()}:
            found += Engine(endpoint).containers(cloud_id, *filters)
        return found

    def wait_removed(self, *kept):
        """What was deleted goes from the engines behind the answer (docs/adr/0039); `kept`: the containers that stay."""
        wait_until("the engines have what is kept", lambda: sorted(self.containers()) == sorted(kept))

    def show_logs(self):
        for name in sorted(os.listdir(self.dir)):
            if name.endswith(".log"):
                with open(f"{self.dir}/{name}") as log:
                    print(f"--- {name}\n{''.join(log.readlines()[-60:])}")

    def close(self):
        for process in self.others:
            if process.poll() is None:
                process.kill()
            process.wait()
        for process in [*self.workers.values(), self.broker]:
            process.signal(signal.SIGCONT)
            process.stop()
        for engine in {engine.endpoint: engine for engine in self.engines.values()}.values():
            for cloud_id in self.cloud_ids:
                for container in engine.containers(cloud_id):
                    engine.docker("rm", "-f", container, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


class CloudTest(unittest.TestCase):
    """A test with a cloud of its own; its logs are shown when it fails."""

    def setUp(self):
        self.cloud = None

    def new_cloud(self, **broker_options):
        self.cloud = Cloud(**broker_options)
        self.addCleanup(self.cloud.close)
        return self.cloud

    def tearDown(self):
        outcome = self._outcome
        failed = any(error for _, error in getattr(outcome, "errors", [])) or any(
            test is self for test, _ in (outcome.result.failures + outcome.result.errors if outcome.result else []))
        if failed and self.cloud:
            self.cloud.show_logs()


class SharedCloudTest(CloudTest):
    """A class of tests with one cloud, for what would take long to start for each; every test begins without VMs."""

    with_keys = False

    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud(endpoints=free_endpoints() if cls.with_keys else None)
        cls.addClassCleanup(cls.cloud.close)

    def setUp(self):
        self.addCleanup(self.cloud.mccli, "delete", "--all", "-y")
