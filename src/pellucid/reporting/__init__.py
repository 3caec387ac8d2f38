"""Reporting: a run folder told as one page that needs nothing else, and its figures as SVG.

`write` is a pure function of the files in the folder: the same files give the same bytes. It loads no torch.
"""

from pellucid.reporting.page import write

__all__ = ["write"]
