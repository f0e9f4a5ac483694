"""Prints a status for each: presigned put and get, one of version 2, signed pieces with and without
a trailer, a large one, and one that has ended."""
import datetime
import hashlib
import hmac
import os
import zlib
import base64

import boto3
import urllib3
from botocore.config import Config

proxy = urllib3.util.parse_url(os.environ["HTTPS_PROXY"])
headers = urllib3.make_headers(proxy_basic_auth=proxy.auth)
http = urllib3.ProxyManager(
    f"http://{proxy.host}:{proxy.port}", proxy_headers=headers, ca_certs=os.environ["AWS_CA_BUNDLE"]
)
found = []
s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
where = {"Bucket": "shop-backups", "Key": "presigned/a note.txt"}
put = s3.generate_presigned_url("put_object", Params=where, ExpiresIn=60)
found.append(http.request("PUT", put, body=b"a note").status)
get = s3.generate_presigned_url("get_object", Params=where, ExpiresIn=60)
answer = http.request("GET", get)
found.append(answer.status if answer.data == b"a note" else answer.data)
old = boto3.client("s3", config=Config(signature_version="s3"))
answer = http.request("GET", old.generate_presigned_url("get_object", Params=where))
found.append(answer.status if answer.data == b"a note" else answer.data)

KEY_ID, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
HOST = "shop-backups.s3.eu-west-1.amazonaws.com"
EMPTY = hashlib.sha256(b"").hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def in_pieces(key, content, trailer, size):
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/eu-west-1/s3/aws4_request"
    payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
    sent = {"host": HOST, "x-amz-content-sha256": payload, "x-amz-date": now,
            "x-amz-decoded-content-length": str(len(content))}
    if trailer:
        sent["x-amz-trailer"] = "x-amz-checksum-crc32"
    names = ";".join(sorted(sent))
    lines = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent))
    canonical = f"PUT\n/{key}\n\n{lines}\n{names}\n{payload}"
    secret = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        secret = mac(secret, part)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    previous = mac(secret, f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}").hex()
    sent["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, Signature={previous}"
    )
    sent["content-encoding"] = "aws-chunked"
    body = b""
    for at in [*range(0, len(content), size), len(content)]:
        data = content[at : at + size]
        text = [now, scope, previous, EMPTY, hashlib.sha256(data).hexdigest()]
        previous = mac(secret, "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", *text])).hex()
        body += f"{len(data):x};chunk-signature={previous}\r\n".encode() + data
        body += b"\r\n" if data else b""
    if trailer:
        checksum = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
        line = f"x-amz-checksum-crc32:{checksum}"
        text = [now, scope, previous, hashlib.sha256((line + "\n").encode()).hexdigest()]
        previous = mac(secret, "\n".join(["AWS4-HMAC-SHA256-TRAILER", *text])).hex()
        body += f"{line}\r\nx-amz-trailer-signature:{previous}\r\n".encode()
    return http.request("PUT", f"https://{HOST}/{key}", body=body + b"\r\n", headers=sent)


found.append(in_pieces("plain", b"a note in pieces", False, 8).status)
found.append(in_pieces("trailer", b"a note in pieces", True, 8).status)
found.append(in_pieces("large", bytes(20_000_000), True, 65536).status)
late = s3.generate_presigned_url("get_object", Params=where, ExpiresIn=-5)
found.append(http.request("GET", late).status)
print(*found)
