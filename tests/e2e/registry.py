"""A registry for images, read-only and in memory, on 127.0.0.1: where engines speak http.

It has one image of one layer under any name that was added. Its layer can be held back halfway.
"""

import gzip
import hashlib
import http.server
import io
import json
import os
import re
import tarfile
import threading

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        content = os.urandom(2 << 20)  # another image each time, too large for the buffers on the way
        entry = tarfile.TarInfo("hello")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Registry:
    def __init__(self):
        files = layer()
        config = json.dumps({
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z", "config": {"Cmd": ["/hello"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(files)]},
        }).encode()  # fmt: skip
        packed = gzip.compress(files)
        self.blobs = {digest(content): content for content in (config, packed)}
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config),
                       "digest": digest(config)},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": len(packed),
                        "digest": digest(packed)}],
        }).encode()  # fmt: skip
        self.id = digest(config)
        self.names = set()
        self.go_on = threading.Event()
        self.go_on.set()
        self.held = threading.Event()
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, name):
        """What to call it: `name` with its tag, as engines ask for it here."""
        self.names.add(name)
        return f"{self.address}/{name}"

    def close(self):
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        kind, content = "application/json", b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
        manifest = re.fullmatch(r"/v2/(.+)/manifests/(.+)", request.path)
        blob = re.fullmatch(r"/v2/.+/blobs/(.+)", request.path)
        code = 200
        if request.path == "/v2/":
            content = b"{}"
        elif manifest and (f"{manifest[1]}:{manifest[2]}" in self.names or manifest[2] == digest(self.manifest)):
            kind, content = MANIFEST, self.manifest
        elif blob and blob[1] in self.blobs:
            kind, content = "application/octet-stream", self.blobs[blob[1]]
        else:
            code = 404
        request.send_response(code)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
        if manifest:
            request.send_header("Docker-Content-Digest", digest(content))
        request.end_headers()
        if request.command == "HEAD":
            return
        half = len(content) // 2 if blob and len(content) > 65536 else 0
        request.wfile.write(content[:half])
        if half and not self.go_on.is_set():
            self.held.set()
            self.go_on.wait()
        request.wfile.write(content[half:])
