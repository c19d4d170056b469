"""Spans of requests and of what takes time in them.

Their attributes are facts that the code knows. Exceptions are named by their class: their texts and tracebacks may
hold what somebody has sent.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from importlib.metadata import version
from typing import Final, Literal

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue
from starlette.types import ASGIApp, Receive, Scope, Send

from jotary.oauth.errors import OAuthError
from jotary.server.model.changes import Change
from jotary.server.model.request_notes import FROM_PROXY, REFUSAL, ROUTE, STATUS
from jotary.server.telemetry.access_log import METHODS
from jotary.server.telemetry.request_id import current_request_id, in_trace

#: Seconds that the last spans may take when the server ends.
PATIENCE: Final = 3

_TRACEPARENT: Final = b"traceparent"
_SERVER_ERROR: Final = 500


class Tracing:
    """Makes spans.

    Args:
        provider: samples and exports them; not the process's global one, which belongs to whom we are mounted in.
        shut_down: exports what is left. Blocks.
    """

    def __init__(self, provider: TracerProvider, shut_down: Callable[[], None] = lambda: None) -> None:
        self._tracer = provider.get_tracer("jotary", version("jotary"))
        self._propagator = TraceContextTextMapPropagator()
        self.shut_down = shut_down

    def hash(self) -> AbstractContextManager[object]:
        """Around a password: the wait in the queue and the hash."""
        return self._span("hash password")

    def sign(self) -> AbstractContextManager[object]:
        """Around a signature."""
        return self._span("sign")

    def grant(self, grant: str) -> AbstractContextManager[object]:
        """Around an answer of the token endpoint."""
        return self._span("grant", {"jotary.grant_type": grant})

    def reading(self, operation: Literal["look_up", "scan"]) -> AbstractContextManager[object]:  # noqa: ARG002 -- as `StoreWatch`
        """Nothing: a look-up takes less time than its span would."""
        return nullcontext()

    def writing(self, changes: Sequence[Change]) -> AbstractContextManager[object]:
        """Around a transaction (`StoreWatch.writing`), with the kinds of its changes."""
        return self._span("commit", {"jotary.changes": [type(change).__name__ for change in changes]})

    def requests(self, app: ASGIApp) -> ASGIApp:
        """An application with a span around each request."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            with self._request(scope):
                await app(scope, receive, send)

        return traced

    @contextmanager
    def _request(self, scope: Scope) -> Iterator[None]:
        """Around a request, by the semantic conventions for HTTP servers."""
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        attributes = {"http.request.method": method, "url.scheme": scope.get("scheme", "http")}
        name = "HTTP" if method == "_OTHER" else method
        with self._span(name, attributes, kind=SpanKind.SERVER, context=self._parent(scope)) as span:
            context = span.get_span_context()
            with in_trace(f"{context.trace_id:032x}", f"{context.span_id:016x}"):
                try:
                    yield
                finally:
                    _describe(span, name, scope)

    def _parent(self, scope: Scope) -> Context:
        """The trace that a trusted proxy has begun (W3C Trace Context). A stranger's would put its own into ours."""
        given = [value for name, value in scope["headers"] if name == _TRACEPARENT] if scope.get(FROM_PROXY) else []
        if len(given) != 1:
            return Context()
        return self._propagator.extract({"traceparent": given[0].decode("latin-1")}, context=Context())

    @contextmanager
    def _span(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue] | None = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        context: Context | None = None,
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, context, kind, attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except OAuthError as refusal:  # an answer, not a failure
                span.set_attribute("error.type", refusal.error)
                raise
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


def _describe(span: Span, name: str, scope: Scope) -> None:
    """What is known of a request when it is over."""
    route, status, refusal = scope.get(ROUTE), scope.get(STATUS), scope.get(REFUSAL)
    if route is not None:
        span.update_name(f"{name} {route}")
        span.set_attribute("http.route", route)
    if status is not None:
        span.set_attribute("http.response.status_code", status)
        if status >= _SERVER_ERROR:
            span.set_status(StatusCode.ERROR)
    if refusal is not None:
        span.set_attribute("error.type", refusal.error)
    request_id = current_request_id()
    if request_id is not None:
        span.set_attribute("jotary.request_id", request_id)


def exporting() -> Tracing:
    """Tracing that exports by OTLP over HTTP, set up by OpenTelemetry's own variables alone."""
    # What the variables say comes last; `Resource.create` by itself would add a name of its own to what they do not.
    named = {SERVICE_NAME: "jotary", "service.version": version("jotary"), **OTELResourceDetector().detect().attributes}
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider, partial(_shut_down, provider))


def _shut_down(provider: TracerProvider) -> None:
    """Export what is left, while there is patience: where nobody takes it, the server must end all the same."""
    farewell = threading.Thread(target=provider.shutdown, daemon=True)
    farewell.start()
    farewell.join(PATIENCE)
