"""A matplotlib figure that a notebook shows by itself, whether or not pyplot was ever imported."""

from __future__ import annotations

import io

from anthrometrics.errors import MissingExtraError

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError as error:
    raise MissingExtraError("matplotlib", "report") from error

__all__ = ["NotebookFigure"]


class NotebookFigure(Figure):
    """A figure that is not registered with pyplot: nothing global changes, and nothing has to be closed."""

    def _repr_png_(self) -> bytes:
        """The picture, as IPython asks for it."""
        buffer = io.BytesIO()
        FigureCanvasAgg(self).print_figure(buffer, format="png")
        return buffer.getvalue()
