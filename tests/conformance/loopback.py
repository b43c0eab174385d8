"""Ports for the servers of tests that no other program comes upon: not at this moment, and not while the server is down.

So neither at 127.0.0.1, where other tests are at the same time, nor of those that the system hands out: to connections,
to whoever asks for any, to Docker.
"""

import contextlib
import ipaddress
import itertools
import os
import socket

HOST = str(ipaddress.IPv4Address("127.1.0.0") + os.getpid())  # an id of a process has at most 22 bits

ports = itertools.count(20_000)  # the system's begin at 32,768


def free_address(host=HOST):
    for port in ports:
        with contextlib.suppress(OSError), socket.create_server((host, port)):
            return host, port


def free_endpoints(count):
    return ["tcp://{}:{}".format(*free_address()) for _ in range(count)]


def address_of(endpoint):
    """As Python's sockets take it."""
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    return host, int(port)
