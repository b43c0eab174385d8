"""A client of a minicloud, written from docs/protocol.md alone."""

import time

import zmq

import minicloud_wire as wire

REPLIES = {
    "hello": "HelloReply", "create": "ItemsReply", "start": "ItemsReply", "stop": "ItemsReply", "restart": "ItemsReply",
    "delete": "ItemsReply", "list": "ListReply", "info": "InfoReply", "nodes": "NodesReply", "events": "EventsReply",
    "job": "JobReply", "jobs": "JobsReply", "exec": "ExecResult", "cordon": "ItemsReply", "uncordon": "ItemsReply",
    "drain": "ItemsReply", "forget": "ItemsReply", "join": "JoinReply", "token_create": "ItemsReply", "keys": "KeysReply",
    "revoke": "ItemsReply", "audit": "AuditReply", "usage": "UsageReply", "images": "ImagesReply",
}  # fmt: skip


class Refused(Exception):
    def __init__(self, code, body):
        super().__init__(f"code {code}: {body.message}")
        self.code, self.message = code, body.message


class Client:
    def __init__(self, endpoint, context=None, keys=None):
        """`keys`: of cloud.Keys; None speaks plaintext."""
        self.context = context or zmq.Context.instance()
        self.endpoint, self.keys = endpoint, keys
        self.progress = []
        self.connect()

    def connect(self):
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.maxmsgsize = 1 << 20
        if self.keys:
            self.keys.use(self.socket)
        self.socket.connect(self.endpoint)

    def close(self):
        self.socket.close()

    def send(self, message):
        self.socket.send_multipart(message.frames())

    def receive(self, timeout=10.0):
        """The next message, or None."""
        if not self.socket.poll(int(timeout * 1000)):
            return None
        return wire.Message.parse(self.socket.recv_multipart())

    def reply_to(self, request_id, timeout=10.0):
        """The reply to that request; progress on the way is kept in self.progress."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if message is None or message.id != request_id:
                continue
            if message.kind == wire.REPLY:
                return message
            if message.kind == wire.PROGRESS and message.body:
                self.progress.append(wire.unpack("Progress", message.body))
        raise TimeoutError(f"no reply to {request_id.hex()} in {timeout} s")

    def call(self, verb, body="", value=None, request_id=None, deadline_ms=0, timeout=10.0):
        """Asks and returns (code, body of the reply). A refusal raises Refused."""
        request_id = request_id or wire.new_id()
        packed = wire.pack(body, value) if body else b""
        self.send(wire.message(wire.REQUEST, verb, request_id, packed, value=deadline_ms))
        return self.result(self.reply_to(request_id, timeout))

    @staticmethod
    def result(reply):
        if reply.value == 1:
            raise Refused(reply.code, wire.unpack("ErrorBody", reply.body))
        kind = REPLIES.get(reply.verb)
        return reply.code, wire.unpack(kind, reply.body) if kind and reply.body else None

    def hello(self, timeout=10.0):
        return self.call("hello", "HelloRequest", wire.new("HelloRequest", version="py"), timeout=timeout)[1]

    def create(self, count=1, *, node="", request_id=None, timeout=15.0, deadline_ms=0, **spec):
        request = wire.new("CreateRequest", spec=wire.new("VmSpec", **spec), count=count, node=node)
        return self.call(
            "create", "CreateRequest", request, request_id=request_id, timeout=timeout, deadline_ms=deadline_ms
        )

    def act(self, verb, *targets, timeout=15.0, request_id=None):
        request = wire.new("ActionRequest", targets=list(targets))
        return self.call(verb, "ActionRequest", request, timeout=timeout, request_id=request_id)

    def list(self, limit=1000):
        """Every VM, page by page; and the number of pages."""
        vms, after, pages = [], "", 0
        while True:
            reply = self.call("list", "ListRequest", wire.new("ListRequest", after=after, limit=limit))[1]
            vms += reply.vms
            pages += 1
            if not reply.next:
                return vms, pages
            after = reply.next

    def info(self, target):
        return self.call("info", "InfoRequest", wire.new("InfoRequest", target=target))[1].vm

    def nodes(self):
        return self.call("nodes")[1].nodes

    def events(self, after=0, limit=1000):
        return self.call("events", "EventsRequest", wire.new("EventsRequest", after=after, limit=limit))[1]

    def job(self, request_id):
        return self.call("job", "JobRequest", wire.new("JobRequest", request=request_id))[1].job

    def open_stream(self, verb, target, spec, body, window=262144):
        return Stream(self, verb, target, wire.pack(spec, body) if spec else b"", window)


class Stream:
    """An exec, logs or tunnel stream. The client must do nothing else meanwhile."""

    def __init__(self, client, verb, target, spec, window):
        self.client, self.verb, self.id = client, verb, wire.new_id()
        self.output, self.may_send, self.sent, self.next_in = b"", None, 0, 0
        self.reply, self.unacknowledged = None, 0
        request = wire.new("StreamRequest", target=target, window_bytes=window)
        client.send(wire.message(wire.REQUEST, verb, self.id, wire.pack("StreamRequest", request), spec))

    def say(self, kind, body=b"", data=b"", value=0, sequence=0):
        self.client.send(wire.message(kind, self.verb, self.id, body, data, value=value, sequence=sequence))

    def turn(self, timeout=10.0):
        """Takes one message of this stream; False when nothing came."""
        message = self.client.receive(timeout)
        if message is None:
            return False
        if message.id != self.id:
            return True
        if message.kind == wire.PROGRESS:
            self.may_send = message.value
        elif message.kind == wire.CREDIT:
            self.may_send += message.value
        elif message.kind == wire.DATA:
            assert message.sequence == self.next_in, f"chunk {message.sequence} instead of {self.next_in}"
            self.next_in += 1
            self.output += message.data
            self.unacknowledged += len(message.data)
        elif message.kind == wire.REPLY:
            self.reply = message
        return True

    def give_credit(self, size=None):
        size = self.unacknowledged if size is None else size
        self.unacknowledged -= size
        self.say(wire.CREDIT, value=size)

    def write(self, data, chunk=65536):
        """Sends input within the credit."""
        while self.may_send is None:
            assert self.turn(), "the stream was not granted"
        while data:
            while self.may_send == 0:
                assert self.turn(), "no credit"
            piece = data[: min(chunk, self.may_send)]
            self.say(wire.DATA, data=piece, value=wire.INPUT, sequence=self.sent)
            self.sent += 1
            self.may_send -= len(piece)
            data = data[len(piece) :]

    def finish(self):
        """Reads to the end and returns (code, body of the reply)."""
        while self.reply is None:
            if self.unacknowledged:
                self.give_credit()
            assert self.turn(), "the stream did not end"
        return Client.result(self.reply)


class Watcher:
    """Follows the events channel as the page says: counted, with holes closed by a replay."""

    def __init__(self, endpoint, client):
        self.client = client
        self.socket = client.context.socket(zmq.SUB)
        self.socket.linger = 0
        self.socket.subscribe(b"")
        if client.keys:
            client.keys.use(self.socket)
        self.socket.connect(endpoint)
        self.last, self.cloud, self.seen, self.replayed = 0, 0, [], 0
        end = time.monotonic() + 10
        while time.monotonic() < end and not self.cloud:
            client.call("beacon")
            self.turn(0.1, start=True)
        assert self.cloud, "no beacon arrived"

    def close(self):
        self.socket.close()

    def show(self, event):
        assert event.seq == self.last + 1, f"event {event.seq} after {self.last}"
        self.last = event.seq
        self.seen.append(event)

    def catch_up(self, to):
        while self.last < to:
            reply = self.client.events(self.last)
            if reply.first_kept > self.last + 1:
                self.last = reply.first_kept - 1
            for event in reply.events:
                self.show(event)
                self.replayed += 1

    def turn(self, timeout=1.0, start=False):
        """Takes one message of the channel; False when nothing came."""
        if not self.socket.poll(int(timeout * 1000)):
            return False
        frames = self.socket.recv_multipart()
        message = wire.Message.parse(frames[1:])
        assert message.kind == wire.NOTICE and message.id == wire.ZERO_ID
        if frames[0] == b"beacon":
            beacon = wire.unpack("Beacon", message.body)
            if start:
                self.last, self.cloud = beacon.last, beacon.cloud
            elif beacon.last > self.last:
                self.catch_up(beacon.last)
        elif not start and not wire.RELEASE:  # that one does not know the verb, and hears of events by the beacons
            assert frames[0] == b"events" or frames[0].startswith(b"event/")
            assert message.verb == "events_published"
            for event in wire.unpack("EventBatch", message.body).events:
                if event.seq > self.last + 1:
                    self.catch_up(event.seq - 1)
                if event.seq == self.last + 1:
                    self.show(event)
        return True

    def until(self, kind, name, timeout=10.0):
        """The event of that kind about that VM or node."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for event in self.seen:
                if event.kind == kind and name in (event.name, event.node):
                    return event
            self.turn(0.2)
        raise TimeoutError(f"no {kind} of {name} in {[(e.seq, e.kind, e.name) for e in self.seen]}")
