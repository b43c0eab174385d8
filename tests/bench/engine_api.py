"""The Engine API without anything around it: what a create costs at least."""

import http.client
import json
import socket
import time

# As tests/e2e uses it: of the machine's engine.
API = "/v1.41"


class Api:
    """One connection to an engine's unix socket, kept open. Not for several threads."""

    def __init__(self, endpoint):
        self.path = endpoint.removeprefix("unix://")
        self.connection = http.client.HTTPConnection("localhost")
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.connect(self.path)

    def call(self, method, path, body=None):
        self.connection.request(method, API + path, json.dumps(body) if body is not None else None,
                                {"Content-Type": "application/json"})  # fmt: skip
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300 and answer.status != 304:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text) if text else None

    def create(self, image):
        """Created, started, and asked for its port: its id and port."""
        container = self.call("POST", "/containers/create", {
            "Image": image, "ExposedPorts": {"22/tcp": {}},
            "HostConfig": {"PortBindings": {"22/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]},
                           "Memory": 512 << 20, "NanoCpus": 10**9, "PidsLimit": 512}})["Id"]  # fmt: skip
        self.call("POST", f"/containers/{container}/start")
        ports = self.call("GET", f"/containers/{container}/json")["NetworkSettings"]["Ports"]["22/tcp"]
        return container, int(ports[0]["HostPort"])

    def remove(self, container):
        self.call("DELETE", f"/containers/{container}?force=1")

    def close(self):
        self.connection.close()


def wait_for_sshd(port, seconds=10):
    """Until its first words have come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        time.sleep(0.002)
    raise RuntimeError(f"no sshd at port {port}")
