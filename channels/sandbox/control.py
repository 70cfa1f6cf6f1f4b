"""Look into the sandbox and steer it: state, clock, recorded requests, faults, seeds."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict
from typing import TYPE_CHECKING

from channels.sandbox.ledger import count
from channels.sandbox.wire import Request, Response, route

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox


@route("GET", "/sandbox/state")
def state(sandbox: Sandbox, request: Request) -> Response:
    """Show all state, or one section with ?section=…"""
    everything = sandbox.store.snapshot()
    section = request.query.get("section")
    return Response.json(everything.get(section, {}) if section else everything)


@route("GET", "/sandbox/clock")
def clock(sandbox: Sandbox, request: Request) -> Response:
    """Answer the sandbox's time."""
    return Response.json({"now": sandbox.store.now().isoformat()})


@route("POST", "/sandbox/clock")
def advance_clock(sandbox: Sandbox, request: Request) -> Response:
    """Move the sandbox's clock: {"advance_seconds": 3600}."""
    body = request.json()
    if not isinstance(body, dict) or not isinstance(body.get("advance_seconds"), int | float):
        return Response.json({"message": "advance_seconds must be a number"}, 422)
    sandbox.store.advance(body["advance_seconds"])
    return clock(sandbox, request)


@route("GET", "/sandbox/requests")
def recorded_requests(sandbox: Sandbox, request: Request) -> Response:
    """List the recorded requests; ?method= and ?path= (a part of the path) narrow it."""
    found = sandbox.requests(request.query.get("method"), request.query.get("path", ""))
    return Response.json([asdict(entry) for entry in found])


@route("GET", "/sandbox/ledger")
def ledger(sandbox: Sandbox, request: Request) -> Response:
    """List what was written down; ?kind= narrows it. ?count=yes counts it instead (without a plan)."""
    lines = sandbox.ledger.lines()
    if request.query.get("count"):
        return Response.json(count(lines).as_dict())
    wanted = request.query.get("kind")
    return Response.json([line for line in lines if wanted in (None, line["kind"])])


@route("POST", "/sandbox/drop-connections")
def drop_connections(sandbox: Sandbox, request: Request) -> Response:
    """Cut every connection that is open, this one too."""
    sandbox.drop_connections()
    return Response(204)


@route("GET", "/sandbox/faults")
def list_faults(sandbox: Sandbox, request: Request) -> Response:
    """List the faults that are set, with how often each has happened."""
    return Response.json(sandbox.faults.as_list())


@route("POST", "/sandbox/faults")
def add_fault(sandbox: Sandbox, request: Request) -> Response:
    """Set a fault; see `channels.sandbox.faults`."""
    body = request.json()
    if not isinstance(body, dict) or "kind" not in body:
        return Response.json({"message": "give an object with kind, and match"}, 422)
    options = {key: value for key, value in body.items() if key not in ("match", "kind", "id", "hits")}
    try:
        fault = sandbox.faults.add(body.get("match") or {}, body["kind"], **options)
    except (TypeError, ValueError) as error:
        return Response.json({"message": str(error)}, 422)
    return Response.json(fault.as_dict(), 201)


@route("DELETE", "/sandbox/faults/{number}")
def remove_fault(sandbox: Sandbox, request: Request) -> Response:
    """Remove one fault by its id."""
    number = request.params["number"]
    gone = number.isdigit() and sandbox.faults.remove(int(number))
    return Response(204) if gone else Response.json({"message": "no such fault"}, 404)


@route("DELETE", "/sandbox/faults")
def clear_faults(sandbox: Sandbox, request: Request) -> Response:
    """Remove all faults."""
    sandbox.faults.clear()
    return Response(204)


@route("POST", "/sandbox/seed")
def seed(sandbox: Sandbox, request: Request) -> Response:
    """Put the demo's repositories, channels and videos in, where they are not there already."""
    if importlib.util.find_spec("channels.sandbox.seed") is None:
        return Response.json({"message": "no seeds"}, 404)
    from channels.sandbox.seed import seed_demo

    seed_demo(sandbox.store)
    return Response.json({"seeded": "demo"})
