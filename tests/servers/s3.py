"""A server that speaks the protocol of S3, on loopback, with one bucket in memory."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any

#: What its clients have to say, and it does not ask.
KEY, SECRET, REGION = "any", "any", "us-east-1"


class S3:
    """Runs from `with` to its end."""

    def __init__(self, bucket: str = "shop") -> None:
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._bucket = bucket
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.url = ""

    @property
    def options(self) -> dict[str, Any]:
        """For an export to it."""
        return {"key": KEY, "secret": SECRET, "client_kwargs": {"endpoint_url": self.url, "region_name": REGION}}

    def client(self) -> Any:
        """A client that is not ours."""
        import botocore.session

        return botocore.session.get_session().create_client(
            "s3", endpoint_url=self.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name=REGION
        )

    def read(self, key: str) -> bytes:
        """What an object holds."""
        body: bytes = self.client().get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body

    def keys(self) -> list[str]:
        """The objects."""
        listed = self.client().list_objects_v2(Bucket=self._bucket)
        return [each["Key"] for each in listed.get("Contents", ())]

    def has(self, key: str) -> bool:
        """Whether there is such an object."""
        return key in self.keys()

    def __enter__(self) -> S3:
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.client().create_bucket(Bucket=self._bucket)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._server.stop()
