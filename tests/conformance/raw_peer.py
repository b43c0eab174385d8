"""A peer without a ZeroMQ library, which can do what none lets one do: ZMTP 3.0 with CURVE (CurveZMQ, RFC 26), on libsodium."""

import ctypes
import ctypes.util
import os
import socket
import struct

import zmq.utils.z85

import minicloud_wire as wire

sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
assert sodium.sodium_init() >= 0

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"CURVE".ljust(20, b"\0") + b"\0" + bytes(31)
MAC = 16
COMMAND, LONG = 4, 2


def box(plain, nonce, public, secret):
    out = ctypes.create_string_buffer(len(plain) + MAC)
    assert sodium.crypto_box_easy(out, plain, ctypes.c_ulonglong(len(plain)), nonce, public, secret) == 0
    return out.raw


def unbox(sealed, nonce, public, secret):
    out = ctypes.create_string_buffer(len(sealed) - MAC)
    assert sodium.crypto_box_open_easy(out, sealed, ctypes.c_ulonglong(len(sealed)), nonce, public, secret) == 0
    return out.raw


class RawPeer:
    """A DEALER that has shaken hands. `keys`: of curve_keys.Keys."""

    def __init__(self, endpoint, keys, identity=b""):
        host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.nonces = 0
        decode = zmq.utils.z85.decode
        self.server, public, secret = decode(keys.broker), decode(keys.public), decode(keys.secret)
        ours, self.secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
        sodium.crypto_box_keypair(ours, self.secret)
        self.socket.sendall(GREETING)
        self.read(64)
        nonce = self.nonce()
        hello = box(bytes(64), b"CurveZMQHELLO---" + nonce, self.server, self.secret)
        self.command(b"\x05HELLO\x01\x00" + bytes(72) + ours.raw + nonce + hello)
        welcome = self.frame().removeprefix(b"\x07WELCOME")
        opened = unbox(welcome[16:], b"WELCOME-" + welcome[:16], self.server, self.secret)
        self.peer, cookie = opened[:32], opened[32:]
        tail = os.urandom(16)
        vouch = tail + box(ours.raw + self.server, b"VOUCH---" + tail, self.peer, secret)
        metadata = b"".join(
            bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
            for name, value in ((b"Socket-Type", b"DEALER"), (b"Identity", identity))
        )
        nonce = self.nonce()
        sealed = box(public + vouch + metadata, b"CurveZMQINITIATE" + nonce, self.peer, self.secret)
        self.command(b"\x08INITIATE" + cookie + nonce + sealed)
        assert self.frame().startswith(b"\x05READY"), "it was not let in"

    def close(self):
        self.socket.close()

    def nonce(self):
        self.nonces += 1
        return struct.pack(">Q", self.nonces)

    def read(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionResetError("the broker has hung up")
            data += piece
        return data

    def frame(self):
        flags = self.read(1)[0]
        return self.read(int.from_bytes(self.read(8 if flags & LONG else 1), "big"))

    def put(self, flags, body):
        size = struct.pack(">Q", len(body)) if len(body) > 255 else bytes([len(body)])
        self.socket.sendall(bytes([flags | (LONG if len(body) > 255 else 0)]) + size + body)

    def command(self, body):
        self.put(COMMAND, body)

    def seal(self, flags, body):
        nonce = self.nonce()
        sealed = box(bytes([flags]) + body, b"CurveZMQMESSAGEC" + nonce, self.peer, self.secret)
        self.put(0, b"\x07MESSAGE" + nonce + sealed)

    def send(self, frame, more):
        """One frame of a message; the message ends with the first of which `more` is false."""
        self.seal(1 if more else 0, frame)

    def ping(self):
        """A sign of life of ZMTP's own, without which the other side hangs up after 6 s."""
        self.seal(2, b"\x04PING" + bytes(2))

    def say_hello(self):
        frames = wire.message(wire.REQUEST, "hello", wire.new_id(), wire.pack("HelloRequest", wire.new("HelloRequest"))).frames()
        for at, frame in enumerate(frames):
            self.send(frame, more=at + 1 < len(frames))

    def has_ended(self):
        """Whether the other side has hung up. Reads what it has sent."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except BlockingIOError:
            return False
        except ConnectionError:
            return True
        finally:
            self.socket.settimeout(30)
