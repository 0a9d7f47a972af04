"""The page that `dvc plots` fills, with its scripts inside: it opens without a network.

DVC's own page fetches Vega from elsewhere. `.dvc/config` names this one; set-up writes it, because
its scripts are a megabyte that git should not carry.
"""

from pathlib import Path

import vl_convert

from ser.core.files import whole_file

PAGE = Path(".dvc/plots_page.html")
# of the templates' schema
VEGA_LITE = "5.21"
# what the charts call
_GLOBALS = "window.vegaEmbed = vegaEmbed; window.vega = vega; window.vegaLite = vegaLite;"
_HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{{refresh_tag}}
<title>Plots</title>
<script>{bundle}</script>
<style>table {{ border-spacing: 15px; }} body {{ font-family: system-ui, sans-serif; }}</style>
</head>
<body>
{{plot_divs}}
</body>
</html>
"""


def write_plots_page(path: Path = PAGE) -> None:
    """Write the page, with Vega, Vega-Lite and Vega-Embed from the package vl-convert."""
    bundle = vl_convert.javascript_bundle(_GLOBALS, vl_version=VEGA_LITE)
    bundle = bundle.replace("</script", r"<\/script")
    with whole_file(path) as aside:
        aside.write_text(_HTML.format(bundle=bundle), encoding="utf-8")
