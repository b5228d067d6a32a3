"""Does every published service say that it is ready? All have TIDEGATE_HEALTH_SECONDS (120) to say so; the first that does not ends it."""

from __future__ import annotations

import sys
import time

from published import asked, setting, url

READY = {"api": "/ready", "operate": "/ready", "ui": "/_stcore/health", "reports": "/nginx-health", "mlflow": "/health"}
PAUSE_SECONDS = 1.0


def main() -> int:
    """Code of the process."""
    services = setting("TIDEGATE_HEALTH_OF", " ".join(READY)).split()
    until = time.monotonic() + float(setting("TIDEGATE_HEALTH_SECONDS", "120"))
    for service in services:
        if service not in READY:
            print(f"TIDEGATE_HEALTH_OF: there is no service {service}; there are {', '.join(READY)}.", file=sys.stderr)
            return 2
        address = url(service) + READY[service]
        while (status := asked(address)[0]) not in (200, 204):
            if time.monotonic() > until:
                said = f"answers {status}" if status else "does not answer"
                print(f"{service} is not ready: {address} {said}.", file=sys.stderr)
                return 1
            time.sleep(PAUSE_SECONDS)
        print(f"{service} is ready: {address}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
