"""Sphinx configuration: MyST pages, the Furo theme, and doctests that `make check` runs."""

from importlib.metadata import version as version_of

from jotary.server.settings.reference import Entry, entries
from jotary.server.telemetry.metrics.catalogue import rows


def _in_words(entry: Entry) -> str:
    """One setting as an item of a definition list."""
    default = f"Default: `{entry.default}`." if entry.default else "No default."
    place = f"`{entry.name}`, or `{entry.variable}` in the environment" if entry.in_file else f"`{entry.variable}`"
    return f"{place}\n: {entry.description}\n\n  Takes {entry.takes}. {default}"


project = "jotary"
author = "The jotary maintainers"
project_copyright = "The jotary maintainers"
version = release = version_of("jotary")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["colon_fence", "deflist", "substitution"]
_METRICS = "\n".join(["| name | kind | labels | what it says |", "|---|---|---|---|", *rows()])
myst_substitutions = {"settings": "\n\n".join(_in_words(entry) for entry in entries()), "metrics": _METRICS}
myst_heading_anchors = 3

autodoc_typehints = "description"
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(?!jotary\b).*"),  # other people's names: the build asks no other site for its inventory
    (r"py:.*", r"jotary\.(oauth|jose\.(header|key_types)|verifier\.challenge)\..*"),  # not public, shown in signatures
]
html_theme = "furo"
html_title = f"jotary {release}"
html_show_sourcelink = False
