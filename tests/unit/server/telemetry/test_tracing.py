"""Spans of a request: what takes time in it, whose trace it is in, and nothing that was sent."""

import asyncio
import gzip
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from jotary.oauth.errors import OAuthError
from jotary.oauth.secret import Secret
from jotary.server.app import create_app
from jotary.server.settings import Settings
from jotary.server.telemetry.tracing import tracing as tracing_module
from jotary.server.telemetry.tracing import tracing_from_environment
from jotary.server.telemetry.tracing.tracing import Tracing, exporting

TRACE = "0af7651916cd43dd8448eb211c80319c"


def trace(tmp_path: Path, trusted: tuple[str, ...], **request: Any) -> list[ReadableSpan]:
    """The spans of one token request."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    url = f"sqlite:///{tmp_path}/jotary.db"
    settings = Settings(secret=Secret("0123456789abcdef" * 2), database=url, trusted_proxies=trusted)

    async def journey() -> None:
        app = create_app(settings, tracing=Tracing(provider))
        async with app.running():
            exporter.clear()
            door = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))
            async with httpx2.AsyncClient(transport=door, base_url="http://127.0.0.1:8000") as client:
                await client.post("/token?x=jrt_query", **request)

    asyncio.run(journey())
    return list(exporter.get_finished_spans())


def test_a_request_is_a_span_with_what_it_did_below(tmp_path: Path) -> None:
    """Semantic conventions for HTTP servers; the refusal's code, and no credentials, names or queries."""
    form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": "jcs_never"}
    spans = trace(tmp_path, (), data=form)
    by_name = {span.name: span for span in spans}
    root, grant = by_name["POST /token"], by_name["grant"]
    assert root.parent is None
    assert grant.parent is not None
    assert root.context is not None
    assert grant.parent.span_id == root.context.span_id
    attributes = dict(root.attributes or {})
    assert attributes.pop("jotary.request_id")
    assert attributes == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "http.route": "/token",
        "http.response.status_code": 401,
        "error.type": "invalid_client",
    }
    assert dict(grant.attributes or {}) == {"jotary.grant_type": "client_credentials", "error.type": "invalid_client"}
    assert "commit" in by_name  # the audit event
    assert not any(text in str([span.to_json() for span in spans]) for text in ("jcs_", "jrt_", "robot"))


@pytest.mark.parametrize(("trusted", "is_theirs"), [((), False), (("127.0.0.1",), True)])
def test_a_trace_is_taken_from_a_trusted_proxy_only(tmp_path: Path, trusted: tuple[str, ...], is_theirs: bool) -> None:
    """W3C Trace Context §3.2, docs/decisions/0014: a stranger must not write into anybody's trace."""
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    root = next(span for span in trace(tmp_path, trusted, headers=headers) if span.name == "POST /token")
    assert root.context is not None
    assert (f"{root.context.trace_id:032x}" == TRACE) is is_theirs
    assert (root.parent is not None) is is_theirs


GOOD = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "values",
    [
        [GOOD, GOOD],
        [f"00-{'0' * 32}-b7ad6b7169203331-01"],
        [f"00-{TRACE}-{'0' * 16}-01"],
        [f"ff-{TRACE}-b7ad6b7169203331-01"],
        [GOOD + "-x" * 2000],
        [GOOD.replace("a", "\xe9")],
        [""],
    ],
)
def test_a_traceparent_that_is_none_begins_a_trace_of_our_own(tmp_path: Path, values: list[str]) -> None:
    """W3C Trace Context §2.2 and §3.2.2: also one that a trusted proxy passed on as it came, or added to."""
    headers = [(b"traceparent", value.encode("latin-1")) for value in values]
    root = next(span for span in trace(tmp_path, ("127.0.0.1",), headers=headers) if span.name == "POST /token")
    assert root.context is not None
    assert root.context.trace_id != int(TRACE, 16)
    assert root.parent is None


def test_nothing_else_is_taken_from_a_trace(tmp_path: Path) -> None:
    """W3C Baggage and `tracestate`: any text of any size, which would be exported with every span."""
    headers = {"traceparent": GOOD, "tracestate": "vendor=theirs", "baggage": "user=theirs"}
    spans = trace(tmp_path, ("127.0.0.1",), headers=headers)
    assert all(span.context is not None and not span.context.trace_state for span in spans)
    assert not any("theirs" in str(span.to_json()) for span in spans)


@pytest.mark.parametrize(
    ("failure", "error_type", "status"),
    [
        (ValueError("no good: jrt_never"), "ValueError", StatusCode.ERROR),
        (OAuthError("invalid_grant", "No.", detail="jrt_never"), "invalid_grant", StatusCode.UNSET),
    ],
)
def test_a_failure_is_named_without_its_text(failure: Exception, error_type: str, status: StatusCode) -> None:
    """It may hold what somebody has sent; a refusal is an answer and no failure."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with pytest.raises(type(failure)), Tracing(provider).sign():
        raise failure
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {}) == {"error.type": error_type}
    assert (span.status.status_code, span.status.description, span.events) == (status, None, ())


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_an_endpoint_there_are_no_traces(environ: dict[str, str]) -> None:
    """OpenTelemetry's own variables, and nothing else."""
    assert tracing_from_environment(environ) is None


class Collector(BaseHTTPRequestHandler):
    """What takes spans (OTLP over HTTP); `may_answer` lets it."""

    taken: ClassVar[list[ExportTraceServiceRequest]] = []
    may_answer = threading.Event()

    def do_POST(self) -> None:
        """Keep what was sent."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.taken.append(ExportTraceServiceRequest.FromString(body))
        self.may_answer.wait(60)
        with suppress(OSError):  # who has sent it may be gone
            self.send_response(200)
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Say nothing."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Collector]]:
    """One that the variables name."""
    Collector.taken.clear()
    Collector.may_answer.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        server.daemon_threads = True
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever).start()
        yield Collector
        Collector.may_answer.set()
        server.shutdown()


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "jotary"),
        ({"OTEL_SERVICE_NAME": "id"}, "id"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=here,service.version=2"}, "here"),
    ],
)
def test_spans_arrive_under_the_name_of_the_service(
    collector: type[Collector], monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], name: str
) -> None:
    """OpenTelemetry specification, "Resource": OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, and ours without them."""
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    collector.may_answer.set()
    tracing = exporting()
    with tracing.sign():
        pass
    tracing.shut_down()
    (sent,) = collector.taken
    found = {each.key: each.value.string_value for each in sent.resource_spans[0].resource.attributes}
    assert found["service.name"] == name
    assert found["service.version"] == ("2" if name == "here" else version("jotary"))


@pytest.mark.timeout(30)
def test_a_collector_that_does_not_answer_keeps_no_server_from_ending(
    collector: type[Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the exporter itself would wait."""
    monkeypatch.setattr(tracing_module, "PATIENCE", 0.05)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "45")
    tracing = exporting()
    with tracing.sign():
        pass
    tracing.shut_down()
    assert not collector.may_answer.is_set()
