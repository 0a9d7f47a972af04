"""Templates of `dvc plots`: they show columns that their tables have, and fit a window."""

import json
import re
from typing import Any

import pandas as pd
import pytest
import vl_convert
from dvc_render.vega import VegaRenderer

from ser.reports.systems import write_tables
from tests.builders import REPOSITORY
from tests.reports.builders import write_results

FOLDER = REPOSITORY / ".dvc" / "plots"
# of each template: the table that it shows, and its axes
SHOWN = {
    "points": ("systems", "uar", "system"),
    "matrix": ("confusion", "predicted", "actual"),
    "curves": ("history", "epoch", "accuracy"),
    "reliability": ("reliability", "confidence", "accuracy"),
}
# of an open window of 1280 pixels, without its scroll bar and margins
WIDTH = 1240


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """What the stage `report` writes, of three systems."""
    folder = tmp_path_factory.mktemp("tables")
    write_tables([write_results(folder, name) for name in ("one", "two", "three")], folder)
    return {name: pd.read_csv(folder / f"{name}.csv", dtype=str) for name, *_ in SHOWN.values()}


def rendered(template: str, rows: list[dict[str, Any]]) -> str:
    """SVG of a template that DVC has filled."""
    _, x, y = SHOWN[template]
    renderer = VegaRenderer(rows, "plot", template=template, template_dir=str(FOLDER), x=x, y=y)
    return vl_convert.vegalite_to_svg(json.dumps(renderer.get_filled_template()))


def fields(template: Any) -> set[str]:
    """Columns that a template names, in encodings and in calculations."""
    if isinstance(template, dict):
        own = {template["field"]} if isinstance(template.get("field"), str) else set()
        for text in (template.get("calculate", ""), template.get("filter", "")):
            own |= {a or b for a, b in re.findall(r"datum\.(\w+)|datum\['(.*?)'\]", str(text))}
        return own.union(*map(fields, template.values()))
    return set().union(*map(fields, template)) if isinstance(template, list) else set()


def facets(template: Any) -> list[dict[str, Any]]:
    facet = template.get("facet", {})
    return [facet] if "field" in facet else list(facet.values())


def test_every_template_is_ours_and_shown() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_a_template_shows_columns_that_exist(name: str, tables: dict[str, pd.DataFrame]) -> None:
    table, x, y = SHOWN[name]
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert json.loads(text)["data"] == {"values": "<DVC_METRIC_DATA>"}
    assert json.loads(text)["title"]["text"] == "<DVC_METRIC_TITLE>"
    template = json.loads(text.replace("<DVC_METRIC_X>", x).replace("<DVC_METRIC_Y>", y))
    made = {step["as"] for step in template["transform"] if isinstance(step.get("as"), str)}
    # `rev` is added by DVC; `model` and `uar` are those of other tables with this template
    other = {"rev", "order", "score", "value", "model", "uar", "end"}
    unknown = fields(template) - set(tables[table].columns) - made - other
    assert not unknown, f"{name} shows {unknown}, which its table does not have"


@pytest.mark.parametrize("revisions", [1, 3])
@pytest.mark.parametrize("name", SHOWN)
def test_a_chart_fits_a_window(name: str, revisions: int, tables: dict[str, pd.DataFrame]) -> None:
    rows = tables[SHOWN[name][0]].fillna("").to_dict("records")
    every = [{**row, "rev": f"revision-{n}"} for n in range(revisions) for row in rows]
    svg = rendered(name, every)
    assert float(re.findall(r'width="([\d.]+)"', svg)[0]) <= WIDTH
    if revisions > 1:
        assert "revision-2" in svg, "revisions are not told apart"
    assert "three" in svg


def test_panels_show_the_system_and_revision_that_they_name() -> None:
    """A facet that is sorted as its data come puts cells into the wrong rows."""
    values = {("a", "one"): 11, ("a", "two"): 33, ("b", "one"): 22, ("b", "two"): 44}
    rows = [
        {"rev": rev, "system": system, "actual": "sad", "predicted": "sad", "percent": str(value)}
        for (rev, system), value in values.items()
    ]
    assert re.findall(r">(\d\d)</text>", rendered("matrix", rows)) == ["11", "22", "33", "44"]
    for path in FOLDER.iterdir():
        for facet in facets(json.loads(path.read_text(encoding="utf-8"))):
            assert facet["sort"] == {"field": "order", "op": "min"}, path.name


def test_plots_of_the_graph_use_these_templates_in_the_order_of_interest() -> None:
    graph = (REPOSITORY / "dvc.yaml").read_text(encoding="utf-8")
    declared = re.findall(r"- plots/(\w+)\.csv:\n\s+template: (\w+)", graph)
    assert declared == [(table, template) for template, (table, *_) in SHOWN.items()]
