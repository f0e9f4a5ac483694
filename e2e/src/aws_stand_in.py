"""A stand-in for AWS: keeps objects in memory, writes down what arrives, and checks each signature
with botocore's own signer and the real key. Called with a folder that holds leaf.pem and leaf.key.
"""

import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import ssl
import sys
import threading
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FOLDER = pathlib.Path(sys.argv[1])
KEY_ID, SECRET = os.environ["KEY_ID"], os.environ["SECRET"]
OBJECTS, UPLOADS, LOCK = {}, {}, threading.Lock()
XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def signature(handler, body):
    """Whose signature it is, whether it is right, its stamp, scope and text."""
    header = handler.headers.get("Authorization", "")
    found = re.match(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+/([^/]+)/([^/]+)/aws4_request), "
        r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$",
        header,
    )
    if not found:
        return "", False, None
    key_id, scope, region, service, names, given = found.groups()
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    auth = signer(Credentials(KEY_ID, SECRET), service, region)
    url = f"https://{handler.headers['Host']}{handler.path}"
    request = AWSRequest(method=handler.command, url=url, data=body)
    for name in names.split(";"):
        request.headers[name] = handler.headers[name]
    request.context["timestamp"] = handler.headers["x-amz-date"]
    text = auth.string_to_sign(request, auth.canonical_request(request))
    right = key_id == KEY_ID and hmac.compare_digest(auth.signature(text, request), given)
    wanted = {name for name in map(str.lower, handler.headers) if name.startswith("x-amz-")}
    right = right and wanted <= set(names.split(";"))
    return key_id, right, (handler.headers["x-amz-date"], scope, given)


def signing_key(scope):
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def pieces(body, payload, seed):
    """The content of an aws-chunked body, and whether each piece is signed rightly."""
    signed = payload.startswith("STREAMING-AWS4")
    content, right, previous = b"", True, seed and seed[2]
    empty = hashlib.sha256(b"").hexdigest()
    key = signing_key(seed[1]) if signed and seed else b""

    def following(kind, *digests):
        text = "\n".join([kind, seed[0], seed[1], previous, *digests])
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    while True:
        line, _, body = body.partition(b"\r\n")
        size, _, given = line.decode().partition(";chunk-signature=")
        data, body = body[: int(size, 16)], body[int(size, 16) :]
        if signed:
            digest = hashlib.sha256(data).hexdigest()
            previous = following("AWS4-HMAC-SHA256-PAYLOAD", empty, digest)
            right = right and previous == given
        if not data:
            break
        content, body = content + data, body[2:]
    lines = [line for line in body.decode().split("\r\n") if line]
    if payload.endswith("-TRAILER") and signed:
        *lines, last = lines
        digest = hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()
        given = last.partition("x-amz-trailer-signature:")[2]
        right = right and following("AWS4-HMAC-SHA256-TRAILER", digest) == given
    return content, right, lines


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, body=b"", headers=()):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self):
        body = self.body()
        key_id, right, seed = signature(self, body)
        payload, right_pieces, trailers = self.headers.get("x-amz-content-sha256", ""), None, []
        if payload.startswith("STREAMING-"):
            body, right_pieces, trailers = pieces(body, payload, seed)
        elif re.fullmatch("[0-9a-f]{64}", payload):
            right = right and hashlib.sha256(body).hexdigest() == payload
        fact = {
            "method": self.command,
            "host": self.headers["Host"],
            "target": self.path,
            "key_id": key_id,
            "signed": right,
            "payload": payload,
            "pieces": right_pieces,
            "trailers": trailers,
            "body_bytes": len(body),
        }
        with LOCK, open(FOLDER / "arrived", "a") as file:
            file.write(json.dumps(fact) + "\n")
        if not right or right_pieces is False:
            error = "<Error><Code>SignatureDoesNotMatch</Code><Message>wrong</Message></Error>"
            return self.answer(403, error)
        host = self.headers["Host"]
        return self.objects(body) if ".s3." in host or host.startswith("s3.") else self.api(body)

    def api(self, body):
        action = dict(parse_qsl(body.decode(errors="replace"))).get("Action", "")
        if "x-amz-target" in self.headers or self.headers["Host"].startswith("lambda"):
            return self.answer(200, "{}", [("Content-Type", "application/x-amz-json-1.0")])
        result = {
            "GetCallerIdentity": "<Arn>arn:aws:iam::123456789012:user/real</Arn><UserId>"
            f"{KEY_ID}</UserId><Account>123456789012</Account>",
            "DescribeDBInstances": "<DBInstances/>",
        }.get(action, "")
        text = f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"
        self.answer(200, text, [("Content-Type", "text/xml")])

    def objects(self, body):
        split = urlsplit(self.path)
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        host = self.headers["Host"]
        path = unquote(split.path).lstrip("/")
        name = path if host.startswith("s3.") else host.split(".s3.")[0] + "/" + path
        bucket, _, key = name.partition("/")
        method = self.command
        if method == "PUT" and "partNumber" in query:
            UPLOADS[query["uploadId"]][int(query["partNumber"])] = body
            return self.answer(200, headers=[("ETag", '"part"')])
        if method == "PUT" and key:
            OBJECTS[bucket, key] = body
            return self.answer(200, headers=[("ETag", f'"{hashlib.md5(body).hexdigest()}"')])
        if method == "POST" and "uploads" in query:
            upload = f"upload-{len(UPLOADS)}"
            UPLOADS[upload] = {}
            text = f"<InitiateMultipartUploadResult {XMLNS}><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            return self.answer(200, text)
        if method == "POST" and "uploadId" in query:
            parts = UPLOADS.pop(query["uploadId"])
            OBJECTS[bucket, key] = b"".join(parts[number] for number in sorted(parts))
            text = f'<CompleteMultipartUploadResult {XMLNS}><ETag>"whole"</ETag></CompleteMultipartUploadResult>'
            return self.answer(200, text)
        if method == "GET" and not key:
            keys = [own for at, own in OBJECTS if at == bucket]
            items = "".join(
                f"<Contents><Key>{escape(own)}</Key><LastModified>2026-11-20T00:00:00Z</LastModified>"
                f"<Size>{len(OBJECTS[bucket, own])}</Size></Contents>"
                for own in keys
            )
            text = f"<ListBucketResult {XMLNS}><Name>{bucket}</Name><KeyCount>{len(keys)}</KeyCount><IsTruncated>false</IsTruncated>{items}</ListBucketResult>"
            return self.answer(200, text)
        if method == "DELETE":
            OBJECTS.pop((bucket, key), None)
            return self.answer(204)
        if (bucket, key) not in OBJECTS:
            return self.answer(404, "<Error><Code>NoSuchKey</Code></Error>")
        data, etag = OBJECTS[bucket, key], ("ETag", '"an-etag"')
        found = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", ""))
        if found:
            start, end = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
            about = ("Content-Range", f"bytes {start}-{end}/{len(data)}")
            return self.answer(206, data[start : end + 1], [etag, about])
        return self.answer(200, data, [etag, ("Last-Modified", "Fri, 20 Nov 2026 00:00:00 GMT")])

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = serve


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / "leaf.pem", FOLDER / "leaf.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
