"""What stands before the routes of every API: keys, origins, limits, headers, request ids, log lines, one envelope for refusals."""
