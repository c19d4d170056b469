"""The backend-for-frontend: sessions for browsers whose scripts never see a token (design §6.5, RFC 10017)."""

from jotary.client.bff.app import BFF
from jotary.client.bff.security_headers import SecurityHeaders

__all__ = ["BFF", "SecurityHeaders"]
