"""The page as an nbconvert format, so that JupyterLab's menu and the command line make it too.

``jupyter nbconvert --to ldresearch executed.ipynb`` gives the page a run would have published,
without links to other reports.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbconvert.exporters.html import HTMLExporter
from traitlets import default
from traitlets.config import Application

from ldresearch.errors import LdresearchError


class ReportExporter(HTMLExporter):  # type: ignore[misc, unused-ignore]
    """Export an executed notebook as a report.

    Raises
    ------
    RunError
        For a notebook that was not run to its end, in one sentence.
    DisclosureError
        For an output that breaks a disclosure rule.
    """

    export_from_notebook = "Ldresearch report"

    @default("template_name")  # type: ignore[untyped-decorator, unused-ignore]
    def _template_name_default(self) -> str:
        return "ldresearch"

    @default("extra_template_basedirs")  # type: ignore[untyped-decorator, unused-ignore]
    def _default_extra_template_basedirs(self) -> list[str]:
        return [str(Path(__file__).parent / "templates")]

    def from_notebook_node(
        self, nb: Any, resources: Any = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """Draw the page; nbconvert's own cells, scripts and outputs take no part in it."""
        from ldresearch.report import page  # nbconvert loads every exporter, wanted or not

        try:
            drawn = page.render(nb)
        except LdresearchError as error:
            if _is_command():
                self.log.error("No report: %s", error)
                raise SystemExit(error.exit_code) from None
            raise
        resources = dict(resources or {})
        resources["ldresearch"] = {"page": drawn}
        # HTMLExporter would parse and write the page anew: other bytes than a run publishes.
        return super(HTMLExporter, self).from_notebook_node(nb, resources, **kwargs)  # type: ignore[no-any-return, unused-ignore]


def _is_command() -> bool:
    """Whether nbconvert's own command runs: it is told in one sentence, without a traceback.

    The command cannot be imported here: it loads this module while it is being made.
    """
    return Application.initialized() and type(Application.instance()).__name__ == "NbConvertApp"
