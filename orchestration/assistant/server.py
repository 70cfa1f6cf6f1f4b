"""Serve the tools over the Model Context Protocol: at standard input and output, or over HTTP.

Imported by the command alone: the library takes seconds to load.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import mcp_types as types
import uvicorn
from anyio import to_thread
from django.conf import settings
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from orchestration.assistant import tools
from orchestration.assistant.asking import Answer, Api, Caller
from orchestration.errors import OrchestrationError

CARRIED = ("host", "x-forwarded-for", "x-forwarded-proto")
"""What of a request's headers is handed on; whoever sent it without a proxy of ours in between is not believed."""
PASSED_ON = ("WWW-Authenticate", "Retry-After", "RateLimit", "RateLimit-Policy")
MCP_PATH = "/mcp"
WhoAsks = Callable[[ServerRequestContext[Any, Any]], Caller]


class NotLetIn(Exception):
    """Whoever asks holds no token that opens anything here for an assistant."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body.get("detail", "") if isinstance(answer.body, dict) else "")
        self.answer = answer


def level_of(api: Api, caller: Caller) -> str:
    """Return what a caller may do, as it is at this moment. Raises: NotLetIn."""
    answer = api.send(caller, "get", "/api/me")
    if answer.is_refusal:
        raise NotLetIn(answer)
    if not answer.body["proposes"]:
        detail = (
            "This token is not an assistant's, so its changes would need nobody's confirmation. Make one with "
            "`manage.py issue_token NAME --assistant --scope schedule`."
        )
        raise NotLetIn(Answer(403, {"code": "not_permitted", "detail": detail, "again": "never"}))
    level: str = answer.body["level"]
    return level


def make_server(api: Api, who: WhoAsks, only: Collection[str] = ()) -> Server[Any]:
    """Return the server; `who` says who sent a request, `only` of which subjects tools are offered."""

    def offered(caller: Caller) -> dict[str, tools.Tool]:
        return tools.offered(level_of(api, caller), only)

    def called(caller: Caller, name: str, given: dict[str, Any]) -> Answer:
        tool = offered(caller).get(name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {name[:80]} for this token.")
        try:
            return api.ask(caller, *tool.call(given))
        except OrchestrationError as error:
            body = {"code": error.code, "detail": error.message, "field": error.field, "again": error.again}
            return Answer(error.status, body)

    async def list_tools(ctx: ServerRequestContext[Any, Any], params: Any) -> types.ListToolsResult:
        try:
            found = await to_thread.run_sync(offered, who(ctx))
        except NotLetIn as error:
            raise MCPError(types.INVALID_REQUEST, str(error), error.answer.body) from error
        return types.ListToolsResult(tools=[_described(tool) for tool in found.values()])

    async def call_tool(
        ctx: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        asked = partial(called, who(ctx), params.name, params.arguments or {})
        try:
            answer = await to_thread.run_sync(asked)
        except NotLetIn as error:
            answer = error.answer
        text = json.dumps(answer.body, ensure_ascii=False)
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text)],
            structured_content=answer.body if isinstance(answer.body, dict) else {"answer": answer.body},
            is_error=answer.is_refusal,
        )

    return Server(
        "headend",
        version=settings.HEADEND_VERSION,
        title="Headend",
        instructions=tools.INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _described(tool: tools.Tool) -> types.Tool:
    looks = tool.kind == tools.PREVIEW or tool.operation.reads
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=dict(tool.schema),
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=looks,
            destructive_hint=tool.name == tools.COMMIT,
            open_world_hint=False,
        ),
    )


# -------------------------------------------------------------------------------------------- standard input and output


async def over_stdio(token: str, only: Collection[str] = ()) -> None:
    """Serve one assistant that started this process, until it closes our input."""
    server = make_server(Api(), lambda ctx: Caller(token), only)
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


# ----------------------------------------------------------------------------------------------------------------- HTTP


def _caller_of(request: Any) -> Caller:
    scheme, _, secret = request.headers.get("authorization", "").strip().partition(" ")
    carried = {name: request.headers[name] for name in CARRIED if name in request.headers}
    address = request.client.host if request.client else ""
    return Caller(secret.strip() if scheme.lower() == "bearer" else "", address, carried)


class LetIn:
    """Answer whoever holds no token of an assistant before the protocol sees their request."""

    def __init__(self, api: Api, inside: Callable[..., Awaitable[None]]) -> None:
        self.api, self.inside = api, inside

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let a request through, or answer with the API's own refusal."""
        try:
            await to_thread.run_sync(level_of, self.api, _caller_of(Request(scope)))
        except NotLetIn as error:
            answer = error.answer
            passed = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
            refusal = JSONResponse(answer.body, answer.status, passed, media_type="application/problem+json")
            await refusal(scope, receive, send)
            return
        await self.inside(scope, receive, send)


def http_application(only: Collection[str] = ()) -> Starlette:
    """Return the application that serves assistants over HTTP: each request brings its token, nothing is kept between."""
    api = Api()
    server = make_server(api, lambda ctx: _caller_of(ctx.request), only)
    manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)

    @asynccontextmanager
    async def lifespan(app: Starlette):
        async with manager.run():
            yield

    return Starlette(routes=[Route(MCP_PATH, LetIn(api, manager.handle_request))], lifespan=lifespan)


def over_http(host: str, port: int, only: Collection[str] = ()) -> None:
    """Serve assistants over HTTP until we are told to end."""
    config = uvicorn.Config(
        http_application(only),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # which proxies are ours is for HEADEND_TRUSTED_PROXIES to say
        server_header=False,
    )
    uvicorn.Server(config).run()
