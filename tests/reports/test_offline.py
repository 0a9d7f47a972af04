"""The page that `dvc plots` fills: its scripts are inside, and the workflow is well formed."""

import subprocess
import sys
from pathlib import Path

from dvc_render.html import HTML

from ser.reports.review.offline import PAGE, write_plots_page
from tests.builders import REPOSITORY


def test_the_page_takes_plots_and_fetches_nothing(tmp_path: Path) -> None:
    write_plots_page(tmp_path / "page.html")
    template = (tmp_path / "page.html").read_text(encoding="utf-8")
    filled = HTML(template).with_scripts('<script src="https://cdn"></script>')
    page = filled.with_element("<div>a plot</div>").embed()
    assert "<div>a plot</div>" in page
    assert "https://cdn" not in page
    assert page.count("<script") == page.count("</script>") == 1, "the bundle ends its own tag"
    assert "window.vegaEmbed" in page


def test_dvc_is_told_of_the_page() -> None:
    config = (REPOSITORY / ".dvc/config").read_text(encoding="utf-8")
    assert f"html_template = {PAGE.name}" in config
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert "-m ser.cli offline" in makefile


def test_workflows_are_what_the_platform_takes() -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("check-jsonschema")),
            "--builtin-schema",
            "vendor.github-workflows",
            *map(str, sorted((REPOSITORY / ".github/workflows").glob("*.yml"))),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
