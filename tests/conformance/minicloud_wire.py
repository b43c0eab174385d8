"""The wire format, written from docs/protocol.md alone. Needs python3-zmq and python3-msgpack."""

import os
import struct
from collections import namedtuple
from types import SimpleNamespace

import msgpack

import release_0_1_0

MAGIC, VERSION = b"MC", 1
HEADER = struct.Struct(">2sBBHH16sII")
ZERO_ID = bytes(16)
ZERO_KEY = bytes(32)

REQUEST, REPLY, PROGRESS, DATA, CREDIT, END, CONTROL, NOTICE = range(1, 9)
INPUT, OUTPUT, ERROR_OUTPUT = range(3)

VERBS = {
    "hello": 1, "create": 2, "list": 3, "info": 4, "start": 5, "stop": 6, "restart": 7, "delete": 8, "exec": 9,
    "logs": 10, "nodes": 11, "events": 12, "beacon": 13, "job": 14, "jobs": 15, "cancel": 16,
    "cordon": 17, "uncordon": 18, "drain": 19, "forget": 20,
    "join": 21, "token_create": 22, "keys": 23, "revoke": 24, "audit": 25, "tunnel": 26, "usage": 27, "update": 28,
    "placement": 29,
    "images": 30,
    "node_register": 32, "node_heartbeat": 33, "node_inventory": 34, "node_usage": 35,
    "vm_create": 48, "vm_start": 49, "vm_stop": 50, "vm_restart": 51, "vm_remove": 52, "vm_exec": 53, "vm_logs": 54,
    "vm_inspect": 55, "job_cancel": 56, "vm_tunnel": 57, "node_images": 58, "event_beacon": 65, "events_published": 66,
}  # fmt: skip
VERB_NAMES = {number: name for name, number in VERBS.items()}

OK, BAD_MESSAGE, UNSUPPORTED_VERSION, UNKNOWN_VERB, INVALID_ARGUMENT, REQUEST_CONFLICT, TOO_LARGE = range(7)
NOT_FOUND, ALREADY_EXISTS, WRONG_STATE, CANCELLED, NOT_REGISTERED = range(10, 15)
NO_CAPACITY, NO_NODE, BUSY = range(20, 23)
NODE_UNREACHABLE, DEADLINE_EXCEEDED, STALE_EPOCH = 30, 40, 51
QUOTA_EXCEEDED, DENIED, NOT_AUTHORISED = 23, 50, 53
IMAGE_NOT_FOUND = 33

LIST, PULL, REMOVE = range(3)  # ImageAction
UNSAID, NO, YES = range(3)  # Fact

PENDING, CREATING, RUNNING, STOPPED, DELETING, DELETED, FAILED, UNKNOWN = range(8)
ABSENT, CREATED, CONTAINER_RUNNING, EXITED, REMOVING = range(5)

# Fields in wire order with the default of one that is not there. A str names another body,
# [..] is a list of it, and a callable makes a fresh value.
BODIES = {
    "ErrorBody": {"message": "", "retry_after_ms": 0},
    "Progress": {"stage": "", "detail": "", "percent": 0, "name": ""},
    "HelloRequest": {"version": ""},
    "HelloReply": {"version": "", "cloud": 0, "epoch": 0, "events_endpoint": "", "time": 0, "last_event": 0, "name": "",
                   "role": 0, "key": ZERO_KEY, "clients_endpoint": "", "verb_max": 16, "disk": "DiskSpace"},
    "VmSpec": {
        "name": "", "image": "", "cpus_milli": 0, "memory_bytes": 0, "pids": 0, "env": [], "authorized_keys": [],
        "password_hash": "", "labels": ("Label",), "ttl_seconds": 0,
    },
    "Label": {"key": "", "value": ""},
    "VmView": {
        "id": 0, "name": "", "state": 0, "intent": 0, "reason": "", "node": "", "image": "", "cpus_milli": 0,
        "memory_bytes": 0, "pids": 0, "ssh_host": "", "ssh_port": 0, "username": "", "host_key": "", "created": 0,
        "started": 0, "expires": 0, "labels": ("Label",), "password": False, "container": "", "on_lost": 0,
        "owner": "",
    },
    "VmReport": {
        "vm": 0, "state": 0, "container": "", "image": "", "ssh_port": 0, "host_key": "", "started": 0, "exit_code": 0,
        "reason": "", "ended": 0, "late_stop": False,
    },
    "CreateRequest": {"spec": "VmSpec", "count": 1, "node": "", "on_lost": 0, "placement": "Placement", "setup": ""},
    "Placement": {"policy": 0, "require": ("Label",), "prefer": ("Label",)},
    "PlacementRequest": {"create": "CreateRequest", "names": []},
    "PlacementReply": {"items": ("PlacementItem",), "nodes": ("PlacementNode",)},
    "PlacementItem": {"name": "", "node": "", "code": 0, "message": ""},
    "PlacementNode": {"name": "", "taken": 0, "reason": ""},
    "ActionRequest": {"targets": [], "grace_seconds": 10},
    "UpdateRequest": {"targets": [], "name": "", "expiry": 0, "seconds": 0},
    "ItemResult": {"target": "", "code": 0, "message": "", "vm": "VmView?"},
    "ItemsReply": {"items": ("ItemResult",)},
    "ListRequest": {"after": "", "limit": 1000},
    "ListReply": {"vms": ("VmView",), "next": ""},
    "VmUsage": {
        "vm": 0, "memory_bytes": 0, "span_ms": 0, "cpu_milli": 0, "rx_bytes_per_s": 0, "tx_bytes_per_s": 0,
    },
    "UsageReply": {"vms": ("VmUsage",), "next": ""},
    "NodeUsage": {"boot": 0, "vms": ("VmUsage",)},
    "ImagesRequest": {"node": "", "action": 0, "image": ""},
    "ImageView": {"name": "", "id": "", "size_bytes": 0, "created": 0},
    "ImagesReply": {"images": ("ImageView",), "left_out": 0},
    "NodeImagesOrder": {"epoch": 0, "action": 0, "image": "", "owner": ""},
    "InfoRequest": {"target": ""},
    "InfoReply": {"vm": "VmView"},
    "StreamRequest": {"target": "", "window_bytes": 262144},
    "ExecSpec": {
        "argv": [], "tty": False, "input": False, "rows": 24, "columns": 80, "env": [], "user": "", "workdir": "",
    },
    "Resize": {"rows": 24, "columns": 80},
    "ExecResult": {"exit_code": 0},
    "LogsSpec": {"follow": False, "tail": 0, "since_unix_seconds": 0, "timestamps": False},
    "NodeView": {
        "name": "", "id": 0, "state": 2, "reason": "", "slots": 0, "slots_used": 0, "cpus_milli": 0, "memory_bytes": 0,
        "advertise": "", "engine_version": "", "worker_version": "", "silent_ms": 0, "engine_age_ms": 0,
        "labels": ("Label",), "cordoned": False, "drain_deadline": 0, "lost": False, "engine": "EngineFacts",
    },
    "NodeActionRequest": {"targets": [], "deadline_seconds": 0, "with_vms": False},
    "NodesReply": {"nodes": ("NodeView",)},
    "EventsRequest": {"after": 0, "limit": 1000},
    "Event": {
        "seq": 0, "epoch": 0, "time": 0, "kind": "", "vm": 0, "name": "", "node": "", "reason": "", "request": ZERO_ID,
        "owner": "",
    },
    "EventBatch": {"events": ("Event",)},
    "EventsReply": {"events": ("Event",), "first_kept": 0, "last": 0, "cloud": 0, "through": 0},
    "JobRequest": {"request": ZERO_ID},
    "JobView": {"request": ZERO_ID, "verb": 2, "done": False, "accepted": 0, "items": ("ItemResult",)},
    "JobReply": {"job": "JobView"},
    "JobsRequest": {"verb_max": 16},
    "JobsReply": {"jobs": ("JobView",)},
    "Beacon": {"cloud": 0, "epoch": 0, "last": 0},
    "NodeStatus": {
        "ready": False, "reason": "", "slots": 0, "cpus_milli": 0, "memory_bytes": 0, "engine_version": "",
        "engine_age_ms": 0, "jobs_running": 0, "engine": "EngineFacts",
    },
    "EngineFacts": {"live_restore": 0, "seccomp": 0, "userns_remap": 0, "disk": "DiskSpace"},
    "DiskSpace": {"free_bytes": 0, "bytes": 0},
    "RegisterRequest": {
        "name": "", "node": 0, "boot": 0, "version": "", "epoch_seen": 0, "advertise": "", "labels": ("Label",),
        "status": "NodeStatus", "verb_max": 56,
    },
    "RegisterReply": {"cloud": 0, "epoch": 0, "version": ""},
    "Heartbeat": {"epoch": 0, "boot": 0, "status": "NodeStatus", "usage_wanted": False, "interval_ms": 0},
    "Inventory": {"boot": 0, "vms": ("VmReport",), "spares": ("Spare",)},
    "Spare": {"vm": 0, "image": ""},
    "CreateOrder": {"epoch": 0, "vm": 0, "request": ZERO_ID, "owner": "", "spec": "VmSpec", "setup": ""},
    "VmOrder": {"epoch": 0, "vm": 0, "grace_seconds": 10, "name": ""},
    "StreamOrder": {"epoch": 0, "vm": 0, "window_bytes": 262144},
    "Quota": {"vms": 0, "cpus_milli": 0, "memory_bytes": 0, "ttl_seconds": 0},
    "JoinRequest": {"key": ZERO_KEY, "name": ""},
    "JoinReply": {
        "name": "", "role": 0, "cloud": 0, "clients_endpoint": "", "workers_endpoint": "", "events_endpoint": "",
    },
    "TokenCreateRequest": {
        "key": ZERO_KEY, "role": 0, "name": "", "ttl_seconds": 900, "uses": 1, "quota": "Quota", "key_ttl_seconds": 0,
    },
    "KeysRequest": {"after": "", "limit": 1000},
    "KeyView": {
        "fingerprint": "", "name": "", "role": 0, "grants": 0, "uses_left": 0, "created": 0, "expires": 0, "node": 0,
        "quota": "Quota", "made_by": "",
    },
    "KeysReply": {"keys": ("KeyView",), "next": ""},
    "RevokeRequest": {"targets": []},
    "AuditRequest": {"after": 0, "limit": 1000},
    "AuditEntry": {
        "seq": 0, "time": 0, "key": "", "name": "", "action": "", "target": "", "code": 0, "request": ZERO_ID,
        "detail": "", "previous": "", "hash": "",
    },
    "AuditReply": {"entries": ("AuditEntry",), "first_kept": 0, "last": 0},
}  # fmt: skip


class Value(SimpleNamespace):
    """A body: its fields as attributes, or by name."""

    def __getitem__(self, field):
        return getattr(self, field)

    def __setitem__(self, field, value):
        setattr(self, field, value)


def new(name, /, **fields):
    """A body of that name; what is not given is at its default."""
    unknown = set(fields) - set(BODIES[name])
    if unknown:
        raise TypeError(f"{name} has no field {unknown}")
    value = Value()
    for field, default in BODIES[name].items():
        if field in fields:
            value[field] = fields[field]
        elif isinstance(default, str) and default.endswith("?"):
            value[field] = None
        elif isinstance(default, str) and default in BODIES:
            value[field] = new(default)
        else:
            value[field] = [] if isinstance(default, (list, tuple)) else default
    return value


RELEASE = os.environ.get("MC_WIRE_RELEASE", "")  # "" = this one
if RELEASE not in ("", "0.1.0"):
    raise ValueError(f"MC_WIRE_RELEASE: nothing is known of release {RELEASE}")


def cut(name, array):
    """What an older release would send, or understand, of a body."""
    if not RELEASE:
        return array
    array = array[: release_0_1_0.FIELDS[name]]
    for field, item in zip(BODIES[name], array):
        enumeration = release_0_1_0.ENUMERATIONS.get((name, field))
        if enumeration and item > release_0_1_0.LAST[enumeration]:
            raise ValueError(f"{name}.{field} {item}: release {RELEASE} refuses that")
        if (name, field) == ("JobView", "verb") and item not in release_0_1_0.JOB_VERBS:
            raise ValueError(f"a job of verb {item}: release {RELEASE} refuses that")
    return array


def to_array(name, value):
    array = []
    known = release_0_1_0.FIELDS[name] if RELEASE else None  # of what is left out that release knew no bodies either
    for field, default in list(BODIES[name].items())[:known]:
        item = value[field]
        if isinstance(default, tuple):
            array.append([to_array(default[0], entry) for entry in item])
        elif isinstance(default, str) and default.rstrip("?") in BODIES:
            array.append(None if item is None else to_array(default.rstrip("?"), item))
        else:
            array.append(item)
    return cut(name, array)


def from_array(name, array):
    value = new(name)
    for (field, default), item in zip(BODIES[name].items(), cut(name, array)):
        if isinstance(default, tuple):
            value[field] = [from_array(default[0], entry) for entry in item]
        elif isinstance(default, str) and default.rstrip("?") in BODIES:
            value[field] = None if item is None else from_array(default.rstrip("?"), item)
        else:
            value[field] = item
    return value


def pack(name, value):
    return msgpack.packb(to_array(name, value), use_bin_type=True)


def unpack(name, raw):
    return from_array(name, msgpack.unpackb(raw, raw=False) if raw else [])


class Message(namedtuple("Message", "kind verb code id value sequence body data")):
    """One message; `verb` is its word, `body` is packed."""

    def frames(self):
        header = HEADER.pack(
            MAGIC, VERSION, self.kind, VERBS[self.verb], self.code, self.id, self.value, self.sequence
        )
        return [header, self.body] + ([self.data] if self.data else [])

    @staticmethod
    def parse(frames):
        if len(frames) not in (2, 3):
            raise ValueError(f"{len(frames)} frames")
        magic, version, kind, verb, code, request_id, value, sequence = HEADER.unpack(frames[0])
        if magic != MAGIC or version != VERSION:
            raise ValueError("not a message of version 1")
        data = frames[2] if len(frames) == 3 else b""
        return Message(kind, VERB_NAMES[verb], code, request_id, value, sequence, frames[1], data)


def message(kind, verb, request_id=ZERO_ID, body=b"", data=b"", code=OK, value=0, sequence=0):
    return Message(kind, verb, code, request_id, value, sequence, body, data)


def new_id():
    return os.urandom(16)
