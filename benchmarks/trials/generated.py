"""Requests generated from the service's own OpenAPI document, as it allows and as it forbids, and what came back (Schemathesis)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trials.ground import Ground, served
from trials.verdict import Row, judged

WANTED = "≥ 20 % answered 200; 0 5xx, undocumented statuses, accepted violations, exception text"
LEAST_ANSWERED = 0.2
# Of the cases of routes that take a body; a page without parameters has one case.
WEIGHTS = {"/predict": 6, "/predict-batch": 4, "/explain": 3, "/outcomes": 3, "/feedback": 2, "/what-if": 2, "/predict-csv": 1}
# Where an answer of 200 says of each item whether it was accepted: the items of the request, and the places of those that were not.
ITEMS = {"/predict-batch": "customers", "/outcomes": "outcomes"}
# Where one wrong field refuses the whole request: every so many accepted ones are sent again with a fault.
WHOLE, EACH = ("/predict", "/explain", "/feedback", "/what-if"), 5
EXCEPTION = re.compile(rb"Traceback|File \"|[a-z]Error\b|Exception|\bat 0x[0-9a-f]{6}")


@dataclass
class Seen:
    """Answers by status and route, and faults by kind with the first of each."""

    statuses: Counter[int] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def fault(self, kind: str, about: str) -> None:
        """Count a fault, and keep the first of its kind."""
        self.faults[kind] += 1
        self.first.setdefault(kind, about)


def generated(ground: Ground) -> Iterator[Row]:
    """One row."""
    seen, home = Seen(), ground.home("generated")
    with served(home, ground.folder / "generated.log") as server:
        _drive(f"{server.url}/openapi.json", ground.sizes.cases, ground.sizes.seed, seen)
        if not server.alive():
            seen.fault("the server died", "")
    for kind, about in seen.first.items():
        print(f"[generated] {seen.faults[kind]} × {kind}, first: {about}", flush=True)
    print(f"[generated] by route: {dict(seen.routes)}; by mode: {dict(seen.modes)}", flush=True)
    yield judge(seen, ground.sizes.cases)


def judge(seen: Seen, wanted_cases: int) -> Row:
    """The row of what was seen."""
    cases = seen.statuses.total()
    share = seen.statuses[200] / max(1, cases)
    faults = [f"{count} × {kind}" for kind, count in seen.faults.items()]
    faults += [f"only {cases:,} cases"] if cases < wanted_cases else []
    faults += [f"only {share:.1%} answered 200"] if share < LEAST_ANSWERED else []
    spread = ", ".join(f"{count:,} × {status}" for status, count in sorted(seen.statuses.items()))
    return judged(f"Schemathesis, {cases:,} cases", WANTED, f"{share:.1%} answered 200 ({spread}); {seen.faults.total()} faults", faults)


def _drive(url: str, cases: int, seed: int, seen: Seen) -> None:
    import requests
    import schemathesis

    schema = schemathesis.openapi.from_url(url)
    operations = {result.ok().path: result.ok() for result in schema.get_all_operations()}
    # A route that nobody gave a weight is tried too, and not a reason to try none.
    taking = {path: WEIGHTS.get(path, 1) for path, operation in operations.items() if operation.method == "post"}
    with requests.Session() as session:
        for path, operation in operations.items():
            if path not in taking:
                _operate(operation, "positive", 1, seed, session, seen)
        for path, weight in taking.items():
            for mode in ("positive", "negative"):
                _operate(operations[path], mode, cases * weight // (2 * sum(taking.values())), seed, session, seen)
        for attempt in range(1, 20):  # what a route has no more different cases of, and what rounding left
            if (missing := cases - seen.statuses.total()) <= 0:
                break
            _operate(operations["/predict"], ("positive", "negative")[attempt % 2], missing, seed + attempt, session, seen)


def _operate(operation: Any, mode: str, count: int, number: int, session: Any, seen: Seen) -> None:
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from schemathesis import GenerationMode

    @seed(number)
    @settings(max_examples=count, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(GenerationMode(mode)))
    def call(case: Any) -> None:
        response = case.call(session=session, timeout=30)
        seen.routes[operation.path] += 1
        seen.modes[mode] += 1
        _note(case, response, mode, seen)
        if mode == "positive" and response.status_code == 200 and operation.path in WHOLE and not seen.routes[operation.path] % EACH:
            _spoil(case, response, session, seen)

    call()


def _spoil(case: Any, response: Any, session: Any, seen: Seen) -> None:
    """The generator hardly ever names a field too many: send the accepted body again, a little wrong."""
    for body in spoilt(json.loads(_sent(response))):
        sent = json.dumps(body).encode()
        again = session.post(response.request.url, sent, headers={"Content-Type": "application/json"}, timeout=30)
        seen.statuses[again.status_code] += 1
        seen.modes["spoilt"] += 1
        about = f"POST {case.operation.path} spoilt: {again.status_code} {again.content[:160]!r} for {sent[:400]!r}"
        if again.status_code not in (200, 422):
            seen.fault("a status other than 422", about)
        if EXCEPTION.search(again.content):
            seen.fault("exception text", about)
        for fault in accepted_violations(case.operation.schema.raw_schema, case.operation.path, again.status_code, sent, again.content):
            seen.fault("schema violation accepted", f"{fault}: {about}")


def spoilt(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A body with a field too many, and without its first, and with that one in a list, and with its last as a text or a number."""
    first, last = next(iter(body)), list(body)[-1]
    other = 1 if isinstance(body[last], str) else "1"
    less = {name: value for name, value in body.items() if name != first}
    return [{**body, "nobody_documented_this": 1}, less, {**body, first: [body[first]]}, {**body, last: other}]


def _note(case: Any, response: Any, mode: str, seen: Seen) -> None:
    from schemathesis import openapi  # noqa: F401 - its checks are registered by this
    from schemathesis.checks import load_all_checks
    from schemathesis.core.failures import FailureGroup
    from schemathesis.specs.openapi import checks

    load_all_checks()
    path, status = case.operation.path, response.status_code
    seen.statuses[status] += 1
    about = f"{case.method} {path} {mode}: {status} {response.content[:160]!r} for {_sent(response)[:400]!r}"
    if status >= 500:
        seen.fault("5xx", about)
    if EXCEPTION.search(response.content) and path not in ("/openapi.json", "/docs"):
        seen.fault("exception text", about)
    asked = [checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance]
    if path not in ITEMS:
        asked.append(checks.negative_data_rejection)
    try:
        case.validate_response(response, checks=asked)
    except FailureGroup as failures:
        for one in failures.exceptions:
            seen.fault(type(one).__name__, f"{about}: {str(one)[:300]}")
    for fault in accepted_violations(case.operation.schema.raw_schema, path, status, _sent(response), response.content):
        seen.fault("schema violation accepted", f"{fault}: {about}")


def _sent(response: Any) -> bytes:
    body = response.request.body or b""
    return body if isinstance(body, bytes) else str(body).encode()


def accepted_violations(document: Mapping[str, Any], path: str, status: int, sent: bytes, answered: bytes) -> list[str]:
    """Where a JSON body, or an item of one that was not rejected, was accepted though the document forbids it."""
    import jsonschema_rs

    content = document["paths"].get(path, {}).get("post", {}).get("requestBody", {}).get("content", {})
    if status != 200 or "application/json" not in content:
        return []
    schema = content["application/json"]["schema"]
    try:
        body = json.loads(sent)
    except ValueError:
        return ["a body that is no JSON"]
    if path not in ITEMS:
        return [str(error.message)[:100] for error in jsonschema_rs.validator_for(schema).iter_errors(body)][:1]
    name = ITEMS[path]
    rejected = {one["index"] for one in json.loads(answered)["rejected"]}
    item = jsonschema_rs.validator_for(schema["properties"][name]["items"])
    whole = jsonschema_rs.validator_for({**schema, "properties": {name: {**schema["properties"][name], "items": {}}}})
    faults = [f"item {index}" for index, one in enumerate(body[name]) if index not in rejected and not item.is_valid(one)]
    return faults if whole.is_valid(body) else [*faults, "the body"]
