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


@dataclasses.dataclass
class Request:
    """A request that its author was told nothing final about, or whose acceptance alone is known."""

    id: str
    verb: str
    # The broker said that it is on its disk.
    accepted: bool


class Ledger:
    """Thread-safe. VM ids are 16 hexadecimal digits, as people and labels have them."""

    def __init__(self, machine_of):
        self._lock = threading.Lock()
        self._machine_of = machine_of
        self.vms = {}
        self.deleted = set()
        self.open_requests = []
        self._excused_vms, self._excused_machines = {}, {}

    def created(self, view):
        with self._lock:
            self.vms.setdefault(view["id"], Vm(view["id"], view["name"], view["node"]))

    def asked(self, vm_id, verb):
        """Before it is sent: from now on the outcome may be either."""
        with self._lock:
            vm = self.vms.get(vm_id)
            if vm:
                vm.intent = "any"
                vm.delete_asked |= verb == "delete"

    def told(self, vm_id, verb):
        """The outcome is known: it worked."""
        with self._lock:
            if verb == "delete":
                self.deleted.add(vm_id)
                self.vms.pop(vm_id, None)
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

    def forget(self, vm_id):
        with self._lock:
            self.vms.pop(vm_id, None)
            self.deleted.add(vm_id)

    # What may end a VM that nobody asked to end.

    def excuse_vm(self, vm_id, why):
        with self._lock:
            self._excused_vms[vm_id] = why

    def excuse_machine(self, machine, why):
        with self._lock:
            self._excused_machines[machine] = why

    def excuse_of(self, vm):
        with self._lock:
            return self._excused_vms.get(vm.id) or self._excused_machines.get(self._machine_of(vm.node))

    def no_more_excuses(self):
        """After a calm phase: what is there now has survived."""
        with self._lock:
            self._excused_vms.clear()
            self._excused_machines.clear()
