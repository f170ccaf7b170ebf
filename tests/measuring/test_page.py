"""A report is one file; what a caller's text holds is shown, and not run."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from measuring.page import write_page
from measuring.plots import plt, png_of


def test_a_page_holds_its_plots_and_escapes_its_fields(tmp_path: Path) -> None:
    (tmp_path / "page.j2").write_text(
        "{{ title }} {% for name, png in plots.items() %}{{ name }}={{ png }}{% endfor %}"
    )
    write_page(tmp_path / "page.html", tmp_path / "page.j2", {"title": "<b>"}, {"a plot": b"PNG"})
    assert (tmp_path / "page.html").read_text() == "&lt;b&gt; a plot=UE5H"
    with pytest.raises(UndefinedError):
        write_page(tmp_path / "page.html", tmp_path / "page.j2", {}, {})


def test_a_figure_becomes_a_png_and_is_closed() -> None:
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    assert png_of(figure).startswith(b"\x89PNG")
    assert not plt.fignum_exists(figure.number)
