"""What the service and the child process that scores a file say to each other: a letter, a length, and JSON or CSV."""

from __future__ import annotations

import struct

HEAD = struct.Struct(">cI")
LARGEST_FRAME = 256 << 20

ORDER = b"O"  # to the child: the installation's secret in hex, the request's key, and the running experiment or null
PREDICTIONS = b"P"  # from the child: some predictions, each a list of its values
RECORD = b"R"  # from the child: those were all of a batch, and how many values of each column were outside the expected range
KEPT = b"K"  # to the child: null where they are recorded as sent, otherwise [probability, prediction, version] of each
CSV = b"C"  # from the child: a piece of the answer
REFUSED = b"E"  # from the child: name, detail and remedy of an error
DONE = b"D"  # from the child: that was all


def framed(kind: bytes, body: bytes) -> bytes:
    """One message as it is sent."""
    return HEAD.pack(kind, len(body)) + body
