"""HTTP only: routes, forms, cookies, headers, pages. What is answered is decided in the flows."""

from jotary.server.web.forwarded import Forwarded
from jotary.server.web.parts import Parts
from jotary.server.web.routes import build_app

__all__ = ["Forwarded", "Parts", "build_app"]
