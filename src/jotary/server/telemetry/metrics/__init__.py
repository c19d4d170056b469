"""The figures that an operator is woken by, in Prometheus' format. Nothing here is loaded unless they are asked for."""

from typing import Final

#: Tells a worker its folder. Not a setting: the parent makes it, for the time that it runs.
FOLDER_VARIABLE: Final = "_JOTARY_METRICS_FOLDER"
