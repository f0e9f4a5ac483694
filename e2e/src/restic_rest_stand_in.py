"""A stand-in for restic's REST server: a fake of ours, after the protocol's description
(restic.readthedocs.io, "REST Backend"), which restic's own client is made to use as well. One
folder behind two ports: the first only appends, as `--append-only` does; behind the second whoever
keeps it may remove. Called with the folder; prints both ports.
"""

import base64
import hashlib
import http.server
import json
import os
import pathlib
import re
import sys
import threading
from urllib.parse import parse_qs, urlsplit

FOLDER = pathlib.Path(sys.argv[1])
USERS = {"writer": "may-write", "keeper": "may-remove"}
KINDS = ("data", "keys", "locks", "snapshots", "index")
NAME = re.compile(r"[0-9a-f]{64}$")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    appends = True

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_one(self):
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(length)
        given = self.headers.get("Authorization", "").partition(" ")[2]
        user, _, password = base64.b64decode(given).decode().partition(":")
        if not password or USERS.get(user) != password:
            return self.answer(401, b"who are you?")
        url = urlsplit(self.path)
        parts = [part for part in url.path.split("/") if part]
        if any(part.startswith(".") for part in parts):
            return self.answer(400, b"no such path")
        if parts and parts[-1] == "config":
            return self.file(FOLDER.joinpath(*parts), "config", body)
        if len(parts) > 1 and parts[-2] in KINDS and NAME.match(parts[-1]):
            return self.file(FOLDER.joinpath(*parts), parts[-2], body)
        if parts and parts[-1] in KINDS and self.command == "GET":
            return self.list(FOLDER.joinpath(*parts))
        if self.command == "POST" and parse_qs(url.query).get("create") == ["true"]:
            for kind in KINDS:
                FOLDER.joinpath(*parts, kind).mkdir(parents=True, exist_ok=True)
            return self.answer(200)
        if self.command == "DELETE":
            return self.answer(403 if self.appends else 501, b"not the whole of it")
        return self.answer(404, b"no such path")

    do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = do_PATCH = handle_one

    def list(self, folder):
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        listed = [{"name": it.name, "size": it.stat().st_size} for it in found if NAME.match(it.name)]
        kind = "application/vnd.x.restic.rest.v2"
        if kind not in self.headers.get("Accept", ""):
            listed, kind = [it["name"] for it in listed], "application/vnd.x.restic.rest.v1"
        self.answer(200, json.dumps(listed).encode(), [("Content-Type", kind)])

    def file(self, path, kind, body):
        if self.command in ("GET", "HEAD"):
            if not path.is_file():
                return self.answer(404, b"no such file")
            content = path.read_bytes()
            found = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", ""))
            if not found:
                return self.answer(200, content)
            start, end = int(found[1]), int(found[2] or len(content) - 1)
            total = [("Content-Range", f"bytes {start}-{end}/{len(content)}")]
            return self.answer(206, content[start : end + 1], total)
        if self.command == "POST":
            if kind != "config" and hashlib.sha256(body).hexdigest() != path.name:
                return self.answer(400, b"its name is not that of its content")
            try:
                file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            except FileExistsError:
                return self.answer(403, b"it is there")
            except FileNotFoundError:
                return self.answer(404, b"there is no repository")
            with open(file, "wb") as file:
                file.write(body)
            return self.answer(200)
        if self.command == "DELETE":
            if self.appends and kind != "locks":
                return self.answer(403, b"this server only appends")
            if not path.is_file():
                return self.answer(404, b"no such file")
            path.unlink()
            return self.answer(200)
        return self.answer(405, b"no such method")


class Keeper(Handler):
    appends = False


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # whoever goes without a word


servers = [Server(("127.0.0.1", 0), it) for it in (Handler, Keeper)]
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(*(server.server_address[1] for server in servers), flush=True)
threading.Event().wait()
