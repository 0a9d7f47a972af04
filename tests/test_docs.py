"""The texts agree with the project, and the Spanish ones with the English ones."""

import copy
import io
import re
import subprocess
from functools import reduce
from pathlib import Path, PurePosixPath
from types import ModuleType

import pandas as pd
import pytest
import yaml

from ser.cli import app
from ser.params import parse_params
from ser.readme import results_table
from ser.splits.protocols import PROTOCOLS

ROOT = Path(__file__).resolve().parents[1]
PAIRS = [
    ("README.md", "README.es.md"),
    ("docs/experiments.md", "docs/experiments.es.md"),
    ("docs/measurement.md", "docs/measurement.es.md"),
    ("docs/search.md", "docs/search.es.md"),
    ("docs/ablation.md", "docs/ablation.es.md"),
    ("docs/speed.md", "docs/speed.es.md"),
    ("docs/results.md", "docs/results.es.md"),
    ("docs/corpora.md", "docs/corpora.es.md"),
    ("docs/loss.md", "docs/loss.es.md"),
    ("docs/extending.md", "docs/extending.es.md"),
    ("docs/optimizers.md", "docs/optimizers.es.md"),
    ("docs/features.md", "docs/features.es.md"),
    ("docs/augmentation.md", "docs/augmentation.es.md"),
    ("docs/mistakes.md", "docs/mistakes.es.md"),
    ("docs/languages.md", "docs/languages.es.md"),
    ("docs/organisation.md", "docs/organisation.es.md"),
]


def listed_files() -> list[str]:
    """Tracked files, and new ones that git does not ignore."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted(name for name in set(done.stdout.split("\0")) if (ROOT / name).is_file())


FILES = listed_files()
TEXTS = [name for name in FILES if name.endswith(".md")]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[tuple[str, str]]:
    """Fenced blocks, as (language, content)."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def code(text: str) -> str:
    """Everything set as code: blocks, with continued lines joined, and spans."""
    spans = re.findall(r"`([^`\n]+)`", prose(text))
    return "\n".join([content for _, content in blocks(text)] + spans).replace("\\\n", " ")


def links(text: str) -> list[str]:
    """Targets of links and images, without anchors."""
    return [
        target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)) if target
    ]


def headings(text: str) -> list[int]:
    """Levels of the headings, in order."""
    return [len(marks) for marks in re.findall(r"^(#+) ", prose(text), re.MULTILINE)]


def without_comments(content: str) -> list[str]:
    lines = [re.sub(r"(^|\s)#.*", "", line).rstrip() for line in content.splitlines()]
    return [line for line in lines if line]


def stage_entries(stage: str, parts: tuple[str, ...]) -> set[str]:
    """Paths listed in parts of a stage, with `${key}` and `${item...}` as they stand."""
    body = GRAPH[stage].get("do", GRAPH[stage])
    entries = [entry for part in parts for entry in body.get(part, [])]
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries}


def repeated_over(body: dict, values: dict) -> list[str]:
    """What a stage is run once for, by name; one empty name if it is run once."""
    dotted = body.get("foreach", "").removeprefix("${").removesuffix("}")
    if not dotted:
        return [""]
    return list(reduce(dict.__getitem__, dotted.split("."), values))


def outputs() -> set[str]:
    """Everything that the graph makes, for the systems and corpora of params.yaml."""
    paths = set()
    for stage, body in GRAPH.items():
        for key in repeated_over(body, PARAMS):
            entries = stage_entries(stage, ("outs", "metrics", "plots"))
            paths |= {entry.replace("${key}", key).replace("${item}", key) for entry in entries}
    return paths


def example_params(text: str) -> dict:
    """params.yaml with what the text's YAML examples add to it."""
    values = copy.deepcopy(PARAMS)
    for language, content in blocks(text):
        if language == "yaml":
            for table, rows in yaml.safe_load(content).items():
                if isinstance(rows, list):
                    values[table] += rows
                else:
                    values[table] |= rows
    return values


@pytest.mark.parametrize("name", TEXTS)
def test_relative_links_lead_somewhere(name):
    made = outputs()
    for target in links(read(name)):
        if re.match(r"[a-z]+:", target) or not target:
            continue
        path = (ROOT / name).parent.joinpath(target).resolve().relative_to(ROOT).as_posix()
        assert path in FILES or path in made, f"{name} links to {target}, which does not exist"


@pytest.mark.parametrize(("english", "spanish"), PAIRS)
def test_translations_have_the_same_headings_commands_and_links(english, spanish):
    left, right = read(english), read(spanish)
    assert headings(left) == headings(right), f"headings of {spanish} differ"
    for mine, theirs in zip(blocks(left), blocks(right), strict=True):
        assert mine[0] == theirs[0]
        assert without_comments(mine[1]) == without_comments(theirs[1])
    # the two link to each other, and each to the text in its own language
    same = [[link.replace(".es.md", ".md") for link in links(text)] for text in (left, right)]
    assert same[0] == same[1], f"links of {spanish} differ"


@pytest.mark.parametrize("name", TEXTS)
def test_parameters_of_printed_commands_exist_and_are_accepted(name):
    for line in code(read(name)).splitlines():
        values = copy.deepcopy(PARAMS)
        for key, value in re.findall(r"-S\s+'?([\w.]+)=([^\s']+)", line):
            table = values
            *parents, last = key.split(".")
            for parent in parents:
                assert parent in table, f"{name}: params.yaml has no {key}"
                table = table[parent]
            assert last in table, f"{name}: params.yaml has no {key}"
            table[last] = yaml.safe_load(value)
        parse_params(values, name)


@pytest.mark.parametrize("name", TEXTS)
def test_printed_make_targets_exist(name):
    known = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    # settings such as PYTHON=python3.12 may come before the target
    for target in re.findall(r"\bmake (?:\w+=\S+ )*([a-z]+)\b(?!=)", code(read(name))):
        assert target in known, f"{name}: the Makefile has no {target}"


@pytest.mark.parametrize("name", TEXTS)
def test_printed_stages_exist(name):
    text = read(name)
    values = example_params(text)
    # what is compared is a system at a revision, no stage of a system
    commands = [line for line in code(text).splitlines() if not line.startswith("ser compare")]
    for stage, key in re.findall(r"\b(\w+)@(\w+)\b", "\n".join(commands)):
        assert stage in GRAPH, f"{name}: dvc.yaml has no stage {stage}"
        known = repeated_over(GRAPH[stage], values)
        assert key in known, f"{name}: {stage}@{key} is not in params.yaml"


@pytest.mark.parametrize("name", TEXTS)
def test_printed_comparisons_are_of_things_that_exist(name):
    text = code(read(name))
    experiments = set(re.findall(r"dvc exp run -n (\S+)", text))
    for line in text.splitlines():
        if not line.startswith("ser compare "):
            continue
        sides = line.removeprefix("ser compare ").partition(" --")[0].split()
        assert len(sides) == 2, f"{name}: {line!r} does not compare two sides"
        for system, _, revision in (side.partition("@") for side in sides):
            exists = system in PARAMS["systems"] or system in outputs()
            assert exists, f"{name}: {system} is neither a system nor made by the graph"
            known = revision in {"", "HEAD", *experiments}
            assert known, f"{name}: no command of this text makes the experiment {revision}"


@pytest.mark.parametrize("name", TEXTS)
def test_printed_commands_of_ser_exist(name):
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    for command in re.findall(r"^ser ([a-z]+)", code(read(name)), re.MULTILINE):
        assert command in known, f"{name}: there is no command ser {command}"


@pytest.mark.parametrize("name", TEXTS)
def test_printed_modules_exist(name):
    for module in re.findall(r"\bpython -m (benchmarks\.\w+|stages\.\w+)", code(read(name))):
        path = f"{module.replace('.', '/')}.py"
        assert path in FILES, f"{name}: there is no {path}"


@pytest.mark.parametrize("name", [name for pair in PAIRS for name in pair])
def test_the_drawn_graph_is_that_of_dvc_yaml(name):
    drawings = [content for language, content in blocks(read(name)) if language == "mermaid"]
    made = {stage: _folders(stage_entries(stage, ("outs", "metrics"))) for stage in GRAPH}
    needed = {stage: _folders(stage_entries(stage, ("deps",))) for stage in GRAPH}
    arrows = {
        (maker, user)
        for maker, outs in made.items()
        for user, deps in needed.items()
        if maker != user and any(_holds(dep, out) for dep in deps for out in outs)
    }
    # stages share the folders of plots: there a dependency is on one file
    arrows |= {
        (maker, user)
        for maker in GRAPH
        for user in GRAPH
        if stage_entries(maker, ("plots",)) & stage_entries(user, ("deps",))
    }
    for drawing in drawings:
        assert set(re.findall(r"(\w+) --> (\w+)", drawing)) == arrows


def _holds(folder: str, path: str) -> bool:
    return PurePosixPath(path).is_relative_to(folder)


def _folders(entries: set[str]) -> set[str]:
    """`data/features/${key}` and the like without the name of the corpus or system."""
    return {PurePosixPath(re.sub(r"\$\{.*?\}.*", "", entry)).as_posix() for entry in entries}


@pytest.mark.parametrize("name", PAIRS[2])
def test_every_protocol_has_its_row(name):
    rows = re.findall(r"^\| `(\w+)` \|", read(name), re.MULTILINE)
    shown = [row for row in rows if row in PROTOCOLS or row.startswith("leaky")]
    assert sorted(shown) == sorted(PROTOCOLS), f"{name}: its table of protocols is out of step"


@pytest.mark.parametrize("name", PAIRS[0])
def test_everything_in_the_tree_exists(name):
    ((_, tree),) = [block for block in blocks(read(name)) if block[0] == "text"]
    made = {PurePosixPath(path).parts[0] for path in outputs()}
    above = ""
    for line in without_comments(tree):
        entry = line.strip().removesuffix("/")
        path = f"{above}{entry}" if line.startswith(" ") else entry
        if not line.startswith(" "):
            above = f"{entry}/"
        there = any(file == path or file.startswith(f"{path}/") for file in FILES)
        assert there or path in made, f"{name}: the tree shows {path}, which does not exist"


@pytest.mark.parametrize("name", PAIRS[0])
def test_the_example_corpus_works(name):
    text = read(name)
    ((_, source),) = [block for block in blocks(text) if block[0] == "python"]
    module = ModuleType("example")
    exec(compile(source, name, "exec"), module.__dict__)
    corpus = module.CORPUS
    assert sum(corpus.expected.emotions.values()) == corpus.expected.n_clips
    clip = corpus.parse(PurePosixPath("nEMO/samples/MK0_happiness_12.wav"))
    assert (clip.speaker, clip.gender, clip.emotion) == ("MK0", "male", "happy")
    with pytest.raises(ValueError, match="clips are named"):
        corpus.parse(PurePosixPath("nEMO/samples/MK0_boredom_12.wav"))
    assert parse_params(example_params(text), name).system(corpus.name).corpus == corpus.name


@pytest.mark.parametrize("name", ["docs/loss.md", "docs/loss.es.md"])
def test_the_example_of_the_losses_runs_and_agrees(name):
    ((_, source),) = [block for block in blocks(read(name)) if block[0] == "python"]
    assert source.count("assert ") >= 5, f"{name} shows less than it says"
    exec(compile(source, name, "exec"), {})


def committed(name):
    done = subprocess.run(
        ["git", "show", f"HEAD:{name}"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.parametrize(("name", "language"), list(zip(PAIRS[0], ("en", "es"), strict=True)))
def test_committed_tables_of_results_are_those_of_the_committed_results(name, language):
    # not of the working tree, whose results may be those of an experiment
    systems = pd.read_csv(io.StringIO(committed("plots/systems.csv")))
    table = results_table(systems, language)
    assert table.strip() in committed(name), f"{name} is out of step; run `ser readme`, commit"


def test_the_citation_file_has_what_its_format_requires():
    citation = yaml.safe_load(read("CITATION.cff"))
    for key in ("cff-version", "message", "title", "authors"):
        assert citation.get(key), f"CITATION.cff lacks {key}"
    assert str(citation["cff-version"]) == "1.2.0"
    assert len(citation["references"]) >= 3, "a paper for each corpus"
    for reference in citation["references"]:
        for key in ("type", "title", "authors"):
            assert reference.get(key), f"a reference in CITATION.cff lacks {key}"


def test_no_file_names_a_home_folder():
    home = re.compile(rb"/(?:home|Users)/[a-z]|/(?:root)/|[A-Z]:\\(?:Users)\\", re.IGNORECASE)
    for name in FILES:
        content = (ROOT / name).read_bytes()
        if b"\0" in content[:8192]:
            continue  # no text
        found = home.search(content)
        assert found is None, f"{name} names a home folder: {found[0]!r}"
