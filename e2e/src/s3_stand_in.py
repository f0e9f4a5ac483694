"""A stand-in for S3 with Object Lock: moto, a fake, and what it leaves out of AWS's own words ("a
retention in compliance mode cannot be shortened, nor its mode changed", "you can't suspend
versioning" where Object Lock is on) in the bucket `locked`; `lenient` is moto as it is, and `open`
does not lock. Prints its port.
"""

import threading

import boto3
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.s3.exceptions import AccessDeniedByLock
from moto.s3.models import S3Backend

lenient = S3Backend.put_object_retention


def put_object_retention(self, bucket_name, key_name, version_id, retention):
    key = self.get_object(bucket_name, key_name, version_id=version_id)
    mode, until = retention
    if bucket_name == "locked" and key.lock_mode == "COMPLIANCE":
        if mode != "COMPLIANCE" or not until or until < key.lock_until:
            raise AccessDeniedByLock
    return lenient(self, bucket_name, key_name, version_id=version_id, retention=retention)


versioning = S3Backend.put_bucket_versioning


def put_bucket_versioning(self, bucket_name, status):
    if bucket_name == "locked" and status != "Enabled":
        raise AccessDeniedByLock
    return versioning(self, bucket_name, status)


S3Backend.put_object_retention = put_object_retention
S3Backend.put_bucket_versioning = put_bucket_versioning
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
port = server.get_host_and_port()[1]
s3 = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
                  aws_access_key_id="AKIAMAKERMAKERMAKER0", aws_secret_access_key="maker-maker-maker")
for bucket in ("locked", "lenient"):
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
s3.create_bucket(Bucket="open")
s3.put_bucket_versioning(Bucket="open", VersioningConfiguration={"Status": "Enabled"})
print(port, flush=True)
threading.Event().wait()
