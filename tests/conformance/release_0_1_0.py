"""What release 0.1.0 knew of the wire: how many fields each body had, and where its enumerations ended.

With MC_WIRE_RELEASE=0.1.0 the client and the worker here speak like that release, so that the same tests show that it and
this one understand each other. Never changed: it is history.
"""

FIELDS = {
    "ErrorBody": 2,
    "Progress": 4,
    "HelloRequest": 1,
    "HelloReply": 6,
    "VmSpec": 10,
    "Label": 2,
    "VmView": 20,
    "VmReport": 9,
    "CreateRequest": 3,
    "ActionRequest": 2,
    "ItemResult": 4,
    "ItemsReply": 1,
    "ListRequest": 2,
    "ListReply": 2,
    "InfoRequest": 1,
    "InfoReply": 1,
    "StreamRequest": 2,
    "ExecSpec": 8,
    "Resize": 2,
    "ExecResult": 1,
    "LogsSpec": 4,
    "NodeView": 14,
    "NodesReply": 1,
    "EventsRequest": 2,
    "Event": 9,
    "EventsReply": 4,
    "JobRequest": 1,
    "JobView": 5,
    "JobReply": 1,
    "JobsReply": 1,
    "Beacon": 3,
    "NodeStatus": 8,
    "RegisterRequest": 8,
    "RegisterReply": 3,
    "Heartbeat": 3,
    "Inventory": 2,
    "CreateOrder": 5,
    "VmOrder": 3,
    "StreamOrder": 3,
}

LAST = {"VmState": 7, "VmIntent": 2, "ContainerState": 4, "NodeState": 2}
ENUMERATIONS = {
    ("VmView", "state"): "VmState", ("VmView", "intent"): "VmIntent", ("VmReport", "state"): "ContainerState",
    ("NodeView", "state"): "NodeState",
}  # fmt: skip
JOB_VERBS = {2, 5, 6, 7, 8}
