"""What the people of a chaos run were told, and what may therefore be expected of the cloud."""

import dataclasses
import threading


@dataclasses.dataclass
class Vm:
    id: str
    name: str
    node: str
    # What its people last asked for and were told is done; "any" after an unknown outcome.
    intent: str = "running"
    delete_asked: bool = False
    # Made with --on-lost replace: another of its name may take its place.
    replaceable: bool = False


@dataclasses.dataclass
class Request:
    """A request that its author was told nothing final about, or whose acceptance alone is known."""

    id: str
    verb: str
    # The broker said that it is on its disk.
    accepted: bool


class Ledger:
    """Thread-safe. VM ids are 16 hexadecimal digits, as people and labels have them."""

    def __init__(self):
        self._lock = threading.Lock()
        self.vms = {}
        # Gone, and their containers with them; gone, but where its node was lost a container may be left for a while.
        self.deleted, self.given_up = set(), set()
        self.open_requests = []
        self._excused, self._drained = {}, set()
        # What was done to an engine: for the whole run, as what it left behind stays.
        self._engines = {"killed": set(), "ended": set()}
        # Who was replaced, by whom: people name a VM, and know the id that they were once told.
        self._heirs = {}

    def _now(self, vm_id):
        while vm_id in self._heirs:
            vm_id = self._heirs[vm_id]
        return vm_id

    def created(self, view):
        with self._lock:
            vm = Vm(view["id"], view["name"], view["node"], replaceable=view.get("on_lost") == "replace")
            self.vms.setdefault(vm.id, vm)

    def asked(self, vm_id, verb):
        """Before it is sent: from now on the outcome may be either."""
        with self._lock:
            vm = self.vms.get(self._now(vm_id))
            if vm:
                vm.intent = "any"
                vm.delete_asked |= verb == "delete"

    def told(self, vm_id, verb):
        """The outcome is known: it worked."""
        with self._lock:
            vm_id = self._now(vm_id)
            if verb == "delete":
                vm = self.vms.pop(vm_id, None)
                # It was asked for by its name, which may have been that of its successor.
                (self.given_up if vm and vm.replaceable else self.deleted).add(vm_id)
            elif vm_id in self.vms:
                self.vms[vm_id].intent = "stopped" if verb == "stop" else "running"

    def left_open(self, request_id, verb, accepted=False):
        with self._lock:
            self.open_requests.append(Request(request_id, verb, accepted))

    def take_open(self):
        with self._lock:
            taken, self.open_requests = self.open_requests, []
            return taken

    def snapshot(self):
        with self._lock:
            return [dataclasses.replace(vm) for vm in self.vms.values()], set(self.deleted)

    def gone(self):
        """Those that may be in no list any more."""
        with self._lock:
            return self.deleted | self.given_up

    def forget(self, vm_id):
        with self._lock:
            self.vms.pop(vm_id, None)
            self.deleted.add(vm_id)

    def found(self, vm_id, state):
        """In a calm phase: that is what is expected from then on."""
        with self._lock:
            self.vms[vm_id].intent = state

    def succeeded_by(self, vm_id, view):
        with self._lock:
            old = self.vms.pop(vm_id)
            self.given_up.add(vm_id)
            self._heirs[vm_id] = view["id"]
            self.vms[view["id"]] = dataclasses.replace(old, id=view["id"], node=view["node"])

    # What may end a VM that nobody asked to end.

    def excuse_vm(self, vm_id, why):
        """Its container was ended; what ends with its engine or machine is started again and needs no excuse."""
        with self._lock:
            self._excused[vm_id] = why

    def excuse_of(self, vm):
        with self._lock:
            return self._excused.get(vm.id)

    def excuse_stops(self, worker):
        """Its VMs may be stopped; not gone."""
        with self._lock:
            self._drained.add(worker)

    def may_be_stopped(self, vm):
        with self._lock:
            return vm.node in self._drained

    def engine_was(self, how, workers):
        """`how`: "killed", or "ended" by SIGTERM."""
        with self._lock:
            self._engines[how].update(workers)

    def was_its_engine(self, how, worker):
        with self._lock:
            return worker in self._engines[how]

    def no_more_excuses(self):
        """After a calm phase: what is there now has survived, and is what is expected from then on."""
        with self._lock:
            self._drained.clear()
            self._excused.clear()
