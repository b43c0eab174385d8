"""A worker that keeps its VMs and images in memory, written from docs/protocol.md alone.

Images it can't make or pull: "missing" (image_not_found). Of image "slow" VMs are made once `finish_slow` says so; it is pulled until that is cancelled. "used" is not removed. Commands: `cat` copies input to output,
`flood N` writes N bytes, `exit N`, anything else echoes its arguments.
"""

import threading
import time

import zmq

import minicloud_wire as wire


class Job:
    def __init__(self, message):
        self.message, self.order, self.reply = message, None, None


class Output:
    """The worker's end of a stream."""

    def __init__(self, message, order, data, wants_input):
        self.message, self.pending, self.window = message, data, order.window_bytes
        self.credit, self.sent, self.received = order.window_bytes, 0, 0
        self.wants_input, self.ended, self.exit_code = wants_input, not wants_input, 0
        self.sizes = []


class Worker(threading.Thread):
    """One node. Everything happens on its own thread; `vms`, `orders` and `streams` may be looked at."""

    INPUT_WINDOW = 131072

    def __init__(self, endpoint, name, node, slots=8, boot=None, vms=None, keys=None, advertise="192.0.2.1"):
        super().__init__(daemon=True)
        self.endpoint, self.node_name, self.node = endpoint, name, node
        self.slots, self.keys, self.advertise = slots, keys, advertise
        self.boot = boot or int.from_bytes(wire.new_id()[:8], "big") | 1
        self.vms = vms if vms is not None else {}
        self.epoch_seen, self.cloud = 0, 0
        self.spares = {}  # image by VM id
        self.orders, self.jobs, self.streams, self.errors = [], {}, {}, []
        self.registered = threading.Event()
        self.registrations = 0
        self.stop_now, self.mute, self.finish_slow = threading.Event(), threading.Event(), threading.Event()
        self.drop_replies = 0
        self.usages_sent = 0
        self.images, self.verb_max = {"used:1"}, wire.VERBS["node_images"]
        self.engine = wire.new("EngineFacts")
        self.port = 20000 + node % 1000

    def end(self):
        self.stop_now.set()
        self.join(10)

    # The loop

    def run(self):
        self.context = zmq.Context()
        self.connect()
        while not self.stop_now.is_set():
            if self.mute.is_set():
                time.sleep(0.02)
                continue
            now = time.monotonic()
            if self.socket.poll(20):
                self.on_message(wire.Message.parse(self.socket.recv_multipart()))
            self.finish_jobs()
            self.pump_streams()
            if now - self.heard > 4 * self.interval:
                self.connect()
            if now >= self.next_beat:
                self.next_beat = now + (self.interval if self.registered.is_set() else 1)
                self.heartbeat() if self.registered.is_set() else self.register()
            if self.registered.is_set() and now >= self.next_inventory:
                self.inventory()
        self.socket.close()
        self.context.term()

    def connect(self, routing_id=b""):
        if hasattr(self, "socket"):
            self.socket.close()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.maxmsgsize = 1 << 20
        if routing_id:
            self.socket.routing_id = routing_id
        if self.keys:
            self.keys.use(self.socket)
        self.socket.connect(self.endpoint)
        self.registered.clear()
        self.heard, self.next_beat, self.next_inventory, self.interval = time.monotonic(), 0, 0, 1

    def send(self, kind, verb, request_id=wire.ZERO_ID, body=b"", data=b"", **header):
        self.socket.send_multipart(wire.message(kind, verb, request_id, body, data, **header).frames())

    def status(self):
        return wire.new(
            "NodeStatus", ready=True, slots=self.slots, cpus_milli=64000, memory_bytes=64 << 30, engine_version="memory",
            engine=self.engine,
        )

    def register(self):
        body = wire.new(
            "RegisterRequest", name=self.node_name, node=self.node, boot=self.boot, version="py",
            epoch_seen=self.epoch_seen, advertise=self.advertise, status=self.status(),
            verb_max=self.verb_max,
        )  # fmt: skip
        self.send(wire.REQUEST, "node_register", wire.new_id(), wire.pack("RegisterRequest", body))

    def heartbeat(self):
        body = wire.new("Heartbeat", epoch=self.epoch_seen, boot=self.boot, status=self.status())
        self.send(wire.NOTICE, "node_heartbeat", body=wire.pack("Heartbeat", body))

    def inventory(self):
        self.next_inventory = time.monotonic() + 3
        spares = [wire.new("Spare", vm=vm, image=image) for vm, image in self.spares.items()]
        body = wire.new("Inventory", boot=self.boot, vms=list(self.vms.values()), spares=spares)
        self.send(wire.NOTICE, "node_inventory", body=wire.pack("Inventory", body))

    def usage(self):
        """Each VM uses half a core."""
        self.usages_sent += 1
        running = [vm for vm, report in self.vms.items() if report.state == wire.CONTAINER_RUNNING]
        vms = [wire.new("VmUsage", vm=vm, memory_bytes=1 << 20, span_ms=1000, cpu_milli=500) for vm in running]
        body = wire.new("NodeUsage", boot=self.boot, vms=vms)
        self.send(wire.NOTICE, "node_usage", body=wire.pack("NodeUsage", body))

    # Messages

    def on_message(self, message):
        self.heard = time.monotonic()
        if message.kind == wire.REPLY:
            return self.on_reply(message)
        if message.kind == wire.NOTICE:
            return self.on_notice(message)
        if message.kind == wire.REQUEST:
            return self.on_order(message)
        if message.id in self.streams:
            self.on_stream(self.streams[message.id], message)

    def on_reply(self, message):
        if message.verb == "node_register" and message.code == wire.OK:
            reply = wire.unpack("RegisterReply", message.body)
            self.cloud, self.epoch_seen = reply.cloud, max(self.epoch_seen, reply.epoch)
            self.registrations += 1
            self.registered.set()
            self.inventory()
        elif message.code == wire.NOT_REGISTERED:
            self.registered.clear()
        else:
            self.errors.append((message.verb, message.code, wire.unpack("ErrorBody", message.body).message))

    def on_notice(self, message):
        if message.verb == "node_heartbeat":
            heartbeat = wire.unpack("Heartbeat", message.body)
            self.epoch_seen = max(self.epoch_seen, heartbeat.epoch)
            if heartbeat.boot == self.boot:
                self.interval = min(max(1, heartbeat.interval_ms / 1000), 30)
            if heartbeat.usage_wanted and heartbeat.boot == self.boot:
                self.usage()
        elif message.verb == "job_cancel":
            self.streams.pop(message.id, None)
            job = self.jobs.get(message.id)
            if job and not job.reply:
                self.refuse(job, wire.CANCELLED, "cancelled")

    def on_order(self, message):
        known = self.jobs.get(message.id)
        if known:
            if known.reply:
                self.send_reply(known)
            else:
                self.accept(message)
            return
        job = self.jobs[message.id] = Job(message)
        kind = {"vm_create": "CreateOrder", "vm_exec": "StreamOrder", "vm_logs": "StreamOrder", "vm_tunnel": "StreamOrder",
                "node_images": "NodeImagesOrder"}.get(message.verb, "VmOrder")
        order = wire.unpack(kind, message.body)
        self.orders.append((message.verb, message.id, order))
        if order.epoch < self.epoch_seen:
            return self.refuse(job, wire.STALE_EPOCH, "a newer broker has spoken")
        self.epoch_seen = order.epoch
        if kind == "StreamOrder":
            return self.open_stream(job, order)
        if kind == "NodeImagesOrder":
            return self.on_images(job, order)
        self.accept(message)
        job.order = order

    def on_images(self, job, order):
        if order.action == wire.LIST:
            images = [wire.new("ImageView", name=name, id=f"id-{name}", size_bytes=1000) for name in sorted(self.images)]
            return self.done(job, wire.new("ImagesReply", images=images), "ImagesReply")
        if order.action == wire.REMOVE:
            if order.image not in self.images:
                return self.refuse(job, wire.NOT_FOUND, f"there is no image {order.image} on node {self.node_name}")
            if order.image.startswith("used"):
                return self.refuse(job, wire.WRONG_STATE, "it is in use")
            self.images.discard(order.image)
            return self.done(job, wire.new("ImagesReply"), "ImagesReply")
        body = wire.pack("Progress", wire.new("Progress", stage="pulling", detail="1 of 2 layers", percent=43))
        self.send(wire.PROGRESS, job.message.verb, job.message.id, body)
        if order.image == "slow":
            return
        if order.image == "missing":
            return self.refuse(job, wire.IMAGE_NOT_FOUND, "there is no image named missing")
        self.images.add(order.image)
        pulled = wire.new("ImageView", name=order.image, id=f"id-{order.image}", size_bytes=1000)
        self.done(job, wire.new("ImagesReply", images=[pulled]), "ImagesReply")

    def accept(self, message):
        body = wire.pack("Progress", wire.new("Progress", stage="accepted"))
        self.send(wire.PROGRESS, message.verb, message.id, body)

    # Jobs

    def finish_jobs(self):
        for job in list(self.jobs.values()):
            if job.reply is None and job.order and not self.is_held(job):
                self.carry_out(job, job.order)
                self.inventory()

    def is_held(self, job):
        return job.message.verb == "vm_create" and job.order.spec.image == "slow" and not self.finish_slow.is_set()

    def carry_out(self, job, order):
        verb, vm = job.message.verb, order.vm
        if verb == "vm_create":
            if order.spec.image == "missing":
                return self.refuse(job, wire.IMAGE_NOT_FOUND, "there is no image named missing")
            self.port += 1
            self.spares.pop(vm, None)
            self.vms.setdefault(
                vm,
                wire.new(
                    "VmReport", vm=vm, state=wire.CONTAINER_RUNNING, container=f"c{vm:016x}", image=order.spec.image,
                    ssh_port=self.port, host_key=f"ssh-ed25519 AAAA{vm:016x}", started=int(time.time() * 1000),
                ),  # fmt: skip
            )
        elif verb == "vm_remove":
            self.vms.pop(vm, None)
            return self.done(job, wire.new("VmReport", vm=vm, state=wire.ABSENT))
        elif verb == "vm_inspect" and vm not in self.vms:
            return self.done(job, wire.new("VmReport", vm=vm, state=wire.ABSENT))
        elif vm not in self.vms:
            return self.refuse(job, wire.NOT_FOUND, "there is no such container")
        elif verb == "vm_stop":
            self.vms[vm].state, self.vms[vm].started = wire.EXITED, 0
        elif verb in ("vm_start", "vm_restart"):
            self.vms[vm].state, self.vms[vm].started = wire.CONTAINER_RUNNING, int(time.time() * 1000)
        self.done(job, self.vms[vm])

    def done(self, job, report, kind="VmReport"):
        job.reply = dict(body=wire.pack(kind, report))
        self.send_reply(job)

    def refuse(self, job, code, sentence):
        job.reply = dict(body=wire.pack("ErrorBody", wire.new("ErrorBody", message=sentence)), code=code, value=1)
        self.send_reply(job)

    def send_reply(self, job):
        if self.drop_replies > 0:
            self.drop_replies -= 1
            return
        self.send(wire.REPLY, job.message.verb, job.message.id, **job.reply)

    # Streams

    def open_stream(self, job, order):
        vm = self.vms.get(order.vm)
        if job.message.verb != "vm_logs" and (not vm or vm.state != wire.CONTAINER_RUNNING):
            return self.refuse(job, wire.NOT_FOUND, "there is no such running container")
        if job.message.verb == "vm_logs":
            spec = wire.unpack("LogsSpec", job.message.data)
            lines = [b"line %d\n" % i for i in range(1, 11)]
            stream = Output(job.message, order, b"".join(lines[-spec.tail :]), False)
        elif job.message.verb == "vm_tunnel":
            stream = Output(job.message, order, b"SSH-2.0-fake\r\n", True)  # and says everything back
        else:
            spec = wire.unpack("ExecSpec", job.message.data)
            data, stream_code = b"", 0
            if spec.argv[:1] == ["flood"]:
                data = b"x" * int(spec.argv[1])
            elif spec.argv[:1] == ["exit"]:
                stream_code = int(spec.argv[1])
            elif spec.argv != ["cat"]:
                data = " ".join(spec.argv).encode() + b"\n"
            stream = Output(job.message, order, data, spec.argv == ["cat"] and spec.input)
            stream.exit_code = stream_code
        self.streams[job.message.id] = stream
        granted = self.INPUT_WINDOW if stream.wants_input else 0
        self.send(wire.PROGRESS, job.message.verb, job.message.id, value=granted)

    def on_stream(self, stream, message):
        if message.kind == wire.CREDIT:
            stream.credit += message.value
        elif message.kind == wire.DATA:
            assert message.sequence == stream.received, "input out of order"
            stream.received += 1
            stream.pending += message.data
            self.send(wire.CREDIT, stream.message.verb, stream.message.id, value=len(message.data))
        elif message.kind == wire.END:
            stream.ended = True
        elif message.kind == wire.CONTROL:
            stream.sizes.append(wire.unpack("Resize", message.body))

    def pump_streams(self):
        for key, stream in list(self.streams.items()):
            while stream.pending and stream.credit > 0:
                piece = stream.pending[: min(65536, stream.credit)]
                self.send(
                    wire.DATA, stream.message.verb, key, data=piece, value=wire.OUTPUT, sequence=stream.sent
                )
                stream.sent += 1
                stream.credit -= len(piece)
                stream.pending = stream.pending[len(piece) :]
            if stream.ended and not stream.pending:
                del self.streams[key]
                exec = stream.message.verb == "vm_exec"
                body = b"" if not exec else wire.pack("ExecResult", wire.new("ExecResult", exit_code=stream.exit_code))
                self.jobs[key].reply = dict(body=body)
                self.send(wire.REPLY, stream.message.verb, key, body=body)
