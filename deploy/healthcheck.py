"""Whether the service in this container is ready: `python -m deploy.healthcheck`.

Every container of the image asks alike, so it looks for the one service that listens here.
Nothing but the standard library is loaded: it runs every few seconds.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

SERVICES = {"registration": 8001, "badging": 8002, "checkin": 8003, "notifications": 8004}
PATIENCE_SECONDS = 4


def readiness(service: str, port: int) -> str | None:
    """What the service says of itself when it is not ready; None when it is.

    Raises:
        ConnectionRefusedError: it does not run here.
    """
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", f"/{service}/health/ready")
        response = connection.getresponse()
        said = response.read().decode(errors="replace")
    finally:
        connection.close()
    return None if response.status == 200 else f"{service}: {said}"


def check() -> str | None:
    """What is wrong, or None."""
    for service, usual_port in SERVICES.items():
        port = int(os.environ.get(f"FORUMPASS_{service.upper()}_PORT") or usual_port)
        try:
            return readiness(service, port)
        except ConnectionRefusedError:
            continue
        except (OSError, HTTPException) as error:
            return f"{service}: {error}"
    return "no service listens here"


if __name__ == "__main__":
    sys.exit(check())
