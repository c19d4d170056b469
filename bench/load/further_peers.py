"""Everybody who is measured at the token endpoint only."""

import contextlib

from bench.load.contenders import Contender, better_auth
from bench.load.python_peers import AUTHLIB, DJANGO_OAUTH_TOOLKIT, python_peer


def further_peers() -> list[contextlib.AbstractContextManager[Contender]]:
    """Each as a contender that may not be to be had here."""
    return [python_peer(DJANGO_OAUTH_TOOLKIT), python_peer(AUTHLIB), better_auth()]
