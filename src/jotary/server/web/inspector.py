"""`/inspect`: a page on which a developer's own browser decodes and checks a token.

There is no setting for it: it reads nothing from this server but the public keys, which everybody may read, nothing
is sent to it, and it shows nobody anything that a text editor would not.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from jotary.server.flows.endpoints import JWKS, endpoint_url
from jotary.server.web.headers import Script
from jotary.server.web.pages import Pages
from jotary.server.web.parts import Parts


@dataclass(frozen=True, slots=True)
class InspectorPage:
    """A page that is its script. What the script may read is the keys, and nothing else, by the page's policy."""

    parts: Parts
    pages: Pages

    async def get(self, _request: Request) -> Response:
        """The page, the same for everybody."""
        issuer = self.parts.settings.issuer
        jwks_uri = endpoint_url(issuer, JWKS)
        script = Script("'self'", reads=jwks_uri)
        return self.pages.page("inspect", form_action="none", script=script, issuer=issuer, jwks_uri=jwks_uri)
