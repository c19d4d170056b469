"""Sphinx configuration: MyST pages, the Furo theme, and doctests that `make check` runs."""

from importlib.metadata import version as version_of

project = "jotary"
author = "The jotary maintainers"
project_copyright = "The jotary maintainers"
version = release = version_of("jotary")

extensions = ["myst_parser", "sphinx.ext.doctest"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

nitpicky = True
html_theme = "furo"
html_title = f"jotary {release}"
html_show_sourcelink = False
