"""The texts agree with the project, and the Spanish ones with the English ones."""

import re
import subprocess
from functools import cache, reduce
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from benchmarks.texts import TABLES
from ser.check import check_values
from ser.cli import app
from ser.core.errors import SerError
from ser.core.settings import Values, load_values
from ser.reports.markdown import begin, end, marked
from ser.reports.readme import all_systems, results_table
from ser.splits.protocols import PROTOCOLS
from tests.builders import REPOSITORY as ROOT
from tests.texts import blocks, code, links, prose, shown_files, with_examples

# the prefix of a stage's name, and the file of its graph
GRAPHS = {"": "dvc.yaml", "studies/dvc.yaml:": "studies/dvc.yaml"}
AMERICAN = re.compile(
    r"\b\w*(?:color|behavior|center|labeled|modeled|(?:normal|recogn|standard|organ|summar|initial|"
    r"general|regular|util|minim|maxim|random|anal)[iy]z)\w*",
    re.IGNORECASE,
)


@cache
def files() -> list[str]:
    """Tracked files, and new ones that git does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in set(listed.split("\0")) if (ROOT / name).is_file())


@cache
def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def texts() -> dict[str, str]:
    return {name: read(name) for name in files() if name.endswith(".md")}


def pairs() -> list[tuple[str, str]]:
    return [(name.replace(".es.md", ".md"), name) for name in texts() if name.endswith(".es.md")]


def commands(text: str) -> list[str]:
    return code(text).splitlines()


@cache
def params() -> dict[str, Any]:
    return load_values(ROOT / "params.yaml").table


@cache
def graph(prefix: str, text: str = "") -> dict[str, dict[str, Any]]:
    """Stages of a graph by name, with those that a text adds to it."""
    whole = with_examples(text, GRAPHS[prefix], yaml.safe_load(read(GRAPHS[prefix])))
    return whole["stages"]


def rows_of(body: dict[str, Any], values: dict[str, Any]) -> list[dict[str, str]]:
    """What a stage is run once for: the placeholders of its template, and their values."""

    def names(given: Any) -> list[str]:
        if not isinstance(given, str):
            return [str(one) for one in given]
        key = given.removeprefix("${").removesuffix("}")
        return [str(one) for one in reduce(dict.__getitem__, key.split("."), values)]

    if "matrix" in body:
        lists = {key: names(given) for key, given in body["matrix"].items()}
        combined = product(*lists.values())
        return [
            {f"${{item.{key}}}": one for key, one in zip(lists, row, strict=True)}
            for row in combined
        ]
    if "foreach" in body:
        return [{"${item}": one, "${key}": one} for one in names(body["foreach"])]
    return [{}]


def stages(prefix: str, text: str) -> set[str]:
    """Names of all stages of a graph, with and without what they are run for."""
    values, found = with_examples(text, "params.yaml", params()), set()
    for name, body in graph(prefix, text).items():
        suffixes = ["-".join(dict.fromkeys(row.values())) for row in rows_of(body, values)]
        found |= {name, *(f"{name}@{suffix}" for suffix in suffixes if suffix)}
    return found


def entries(body: dict[str, Any], *parts: str) -> list[str]:
    """Paths that parts of a stage list, with placeholders as they stand."""
    listed = [entry for part in parts for entry in body.get("do", body).get(part, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in listed]


@cache
def outputs() -> set[str]:
    """Everything that the graphs make, for the systems and corpora of params.yaml."""
    made = set()
    for prefix in GRAPHS:
        for body in graph(prefix).values():
            for row, entry in product(
                rows_of(body, params()), entries(body, "outs", "metrics", "plots")
            ):
                made.add(reduce(lambda path, pair: path.replace(*pair), row.items(), entry))
    return made


def holds(folder: str, path: str) -> bool:
    return PurePosixPath(path).is_relative_to(folder)


def exists(path: str) -> bool:
    return path in files() or any(holds(made, path) for made in outputs())


def test_relative_links_lead_somewhere() -> None:
    broken = [
        f"{name} links to {target}, which does not exist"
        for name, text in texts().items()
        for target in links(text)
        if not re.match(r"[a-z]+:", target)
        and not exists((ROOT / name).parent.joinpath(target).resolve().relative_to(ROOT).as_posix())
    ]
    assert not broken, "\n".join(broken)


def test_translations_have_the_same_headings_commands_and_links() -> None:
    def shape(text: str) -> dict[str, Any]:
        bare = [(kind, re.sub(r"(^|\s)#.*", "", content)) for kind, content in blocks(text)]
        return {
            "headings": [len(marks) for marks in re.findall(r"^(#+) ", prose(text), re.MULTILINE)],
            "blocks": [(kind, content.split()) for kind, content in bare],
            # the two link to each other, and each to the text in its own language
            "links": [target.replace(".es.md", ".md") for target in links(text)],
            "markers": marked(text),
        }

    assert len(pairs()) >= 16
    for english, spanish in pairs():
        mine, theirs = shape(read(english)), shape(read(spanish))
        for part in mine:
            assert mine[part] == theirs[part], f"{part} of {spanish} are not those of {english}"


def test_the_readme_is_short_and_begins_with_what_people_ask() -> None:
    for name in ("README.md", "README.es.md"):
        lines = read(name).splitlines()
        assert len(lines) <= 220, f"{name} has {len(lines)} lines"
        first = "\n".join(lines[:45])
        for needed in ("make repro", "make test", begin("seconds"), begin("results")):
            assert needed in first, f"the first screen of {name} lacks {needed}"


def test_every_marker_has_its_end() -> None:
    for name, text in texts().items():
        for marker in marked(text):
            assert text.count(begin(marker)) == text.count(end(marker)) == 1, f"{name}: {marker}"
            assert text.index(begin(marker)) < text.index(end(marker)), f"{name}: {marker}"
            # `ser readme`, `python -m benchmarks.texts` or `python -m benchmarks.audit` fills it
            known = {"results", "shortcuts", "page", "verdicts", *(one.marker for one in TABLES)}
            assert "/" in marker or marker in known, f"{name}: {marker}"


def test_parameters_of_printed_commands_exist_and_are_accepted() -> None:
    for name, text in texts().items():
        if "extending" in name:
            continue  # tests/test_extending.py runs its examples
        own = Values(params(), name)
        for line in commands(text):
            changes = re.findall(r"-S\s+'?([\w.]+)=([^\s']+)", line)
            for key, _ in changes:
                own.section(key, Any)
            if changes:
                given = {key: yaml.safe_load(value) for key, value in changes}
                try:
                    check_values(own.changed(given))
                except SerError as error:
                    raise AssertionError(f"{name}: {line!r} is refused: {error}") from None


def test_printed_make_targets_exist() -> None:
    known = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    for name, text in texts().items():
        # settings such as PYTHON=python3.12 may come before the target
        for target in re.findall(r"\bmake (?:\w+=\S+ )*([a-z]+)\b(?!=)", code(text)):
            assert target in known, f"{name}: the Makefile has no {target}"


def test_printed_stages_exist() -> None:
    printed = re.compile(r"(studies/dvc\.yaml:)?\b(\w+(?:@[\w-]+)?)")
    for name, text in texts().items():
        known = {prefix: stages(prefix, text) for prefix in GRAPHS}
        for line in commands(text):
            runs = re.search(r"\bdvc (?:repro|exp run) (.*)", line)
            words = re.sub(r"-[nS]( \S+)?|--\S+|#.*", "", runs[1]).split() if runs else []
            # what is compared is a system at a revision, no stage of a system
            words += re.findall(r"^(?:download|train)@[\w-]+$", line)
            for word in words:
                found = printed.fullmatch(word)
                assert found or word in GRAPHS.values(), f"{name}: {line!r}"
                if found:
                    assert found[2] in known[found[1] or ""], f"{name}: there is no stage {word}"


def test_printed_comparisons_are_of_things_that_exist() -> None:
    for name, text in texts().items():
        experiments = set(re.findall(r"dvc exp run -n (\S+)", code(text)))
        for line in commands(text):
            if not re.match(r"ser (compare|agree) ", line):
                continue
            sides = line.partition(" --")[0].split()[2:]
            assert len(sides) == 2, f"{name}: {line!r} does not compare two sides"
            for system, _, revision in (side.partition("@") for side in sides):
                assert system in params()["systems"], f"{name}: there is no system {system}"
                known = revision in {"", "HEAD", *experiments}
                assert known, f"{name}: no command of this text makes the experiment {revision}"


def test_printed_commands_of_ser_and_modules_exist() -> None:
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    module = re.compile(r"\bpython -m ((?:benchmarks|stages|studies|website)\.\w+)")
    for name, text in texts().items():
        for command in re.findall(r"^ser ([a-z]+)", code(text), re.MULTILINE):
            assert command in known, f"{name}: there is no command ser {command}"
        shown = [path for path, _ in shown_files(text, "python")]
        for found in module.findall(code(text)):
            path = found.replace(".", "/")
            there = {f"{path}.py", f"{path}/__main__.py"} & {*files(), *shown}
            assert there, f"{name}: there is no {path}"


def test_parameters_and_paths_that_texts_name_exist() -> None:
    tables = [key for key, value in params().items() if isinstance(value, dict)]
    parameter = re.compile(rf"(?:{'|'.join(tables)})(?:\.(?!safetensors|json)[a-z_0-9]+)+")
    path = re.compile(r"(?:ser|stages|studies|tests|docs|plots|metrics|benchmarks)/[\w/.-]*\w")
    for name, text in texts().items():
        own = Values(with_examples(text, "params.yaml", params()), name)
        for span in re.findall(r"`([^`\n]+)`", prose(text)):
            if parameter.fullmatch(span):
                own.section(span, Any)
            elif path.fullmatch(span) and "extending" not in name:
                there = exists(span) or any(holds(span, file) for file in (*files(), *outputs()))
                assert there or span == "docs/stage_seconds.csv", f"{name}: there is no {span}"


def test_the_drawn_graph_is_that_of_dvc_yaml() -> None:
    def folders(listed: list[str]) -> set[str]:
        return {re.sub(r"/?\$\{.*", "", entry) for entry in listed}

    def read_by(body: dict[str, Any]) -> set[str]:
        given = body.get("do", body).get("params", [])
        keys = [next(iter(entry)) for entry in given if isinstance(entry, dict)]
        return folders([*entries(body, "deps"), *keys])

    bodies = graph("")
    arrows = {
        (maker, user)
        for maker, user in product(bodies, bodies)
        if maker != user
        for out, dep in product(
            folders(entries(bodies[maker], "outs", "metrics", "plots")), read_by(bodies[user])
        )
        if holds(dep, out) or holds(out, dep)
    }
    for name in ("README.md", "README.es.md"):
        (drawing,) = [content for kind, content in blocks(read(name)) if kind == "mermaid"]
        assert set(re.findall(r"(\w+) --> (\w+)", drawing)) == arrows, name
        rows = re.findall(r"^\| `(\w+)` \|", read(name), re.MULTILINE)
        assert [row for row in rows if row in bodies] == list(bodies), f"{name}: table of stages"


def test_every_protocol_has_its_row() -> None:
    for name in ("docs/measurement.md", "docs/measurement.es.md"):
        rows = re.findall(r"^\| `(\w+)` \|", read(name), re.MULTILINE)
        shown = [row for row in rows if row in PROTOCOLS or row.startswith("leaky")]
        assert sorted(shown) == sorted(PROTOCOLS), f"{name}: its table of protocols is out of step"


def test_the_drawn_tree_is_that_of_the_project() -> None:
    for name in ("docs/organisation.md", "docs/organisation.es.md"):
        (tree,) = [content for kind, content in blocks(read(name)) if kind == "text"]
        shown, above = [], ""
        for line in tree.splitlines():
            entry = re.sub(r"\s+#.*", "", line)
            if not entry.startswith(" "):
                above = entry
            shown.append(f"{above}{entry.strip()}" if entry.startswith(" ") else entry)
        for path in shown:
            there = any(holds(path.rstrip("/"), file) for file in (*files(), *outputs()))
            assert there, f"{name}: the tree shows {path}, which does not exist"
        rooms = {file.split("/")[1] for file in files() if re.match(r"ser/\w+/", file)}
        assert {path for path in shown if path.startswith("ser/")} == {
            "ser/",
            *(f"ser/{room}/" for room in rooms),
        }, f"{name}: the rooms of ser/"


def test_the_example_of_the_losses_runs_and_agrees() -> None:
    for name in ("docs/loss.md", "docs/loss.es.md"):
        ((_, source),) = [block for block in blocks(read(name)) if block[0] == "python"]
        assert source.count("assert ") >= 5, f"{name} shows less than it says"
        exec(compile(source, name, "exec"), {})


def committed(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_committed_tables_of_results_are_those_of_the_committed_results(tmp_path: Path) -> None:
    # not of the working tree, whose results may be those of an experiment
    listed = committed("ls-tree", "-r", "--name-only", "HEAD", "plots").splitlines()
    for name in listed:
        if re.fullmatch(r"plots/(systems|studies/protocols/\w+)\.csv", name):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(committed("show", f"HEAD:{name}"), encoding="utf-8")
    systems = all_systems(tmp_path / "plots")
    for name, language in (("README.md", "en"), ("README.es.md", "es")):
        table = results_table(systems, language).strip()
        text = committed("show", f"HEAD:{name}")
        assert table in text, f"{name} is out of step; run `ser readme`, commit"


def test_the_citation_file_has_what_its_format_requires() -> None:
    citation = yaml.safe_load(read("CITATION.cff"))
    for key in ("cff-version", "message", "title", "authors"):
        assert citation.get(key), f"CITATION.cff lacks {key}"
    assert str(citation["cff-version"]) == "1.2.0"
    assert len(citation["references"]) >= 3, "a paper for each corpus"
    for reference in citation["references"]:
        for key in ("type", "title", "authors"):
            assert reference.get(key), f"a reference in CITATION.cff lacks {key}"


def test_english_texts_are_british() -> None:
    for name, text in texts().items():
        if name.endswith(".es.md"):
            continue
        bare = re.sub(r"`[^`\n]*`|\]\([^)]*\)|^- cite: .*$", "", prose(text), flags=re.MULTILINE)
        found = AMERICAN.search(bare)
        assert found is None, f"{name}: {found[0]}"


def test_no_file_names_a_home_folder() -> None:
    home = re.compile(rb"/(?:home|Users)/[a-z]|/(?:root)/|[A-Z]:\\(?:Users)\\", re.IGNORECASE)
    for name in files():
        content = (ROOT / Path(name)).read_bytes()
        if b"\0" in content[:8192]:
            continue  # no text
        found = home.search(content)
        assert found is None, f"{name} names a home folder: {found[0]!r}"
