"""A comparison of two results in words."""

from statistics import median

import pandas as pd

from ser.clips.labels import ordered
from ser.evaluation.comparison import Comparison, Side, compare, flipped_clips
from ser.splits.protocols import PROTOCOLS


def describe_comparison(
    names: tuple[str, str], before: pd.DataFrame, now: pd.DataFrame, top: int
) -> str:
    """Both sides, their difference, and the clips that flipped.

    Args:
        names: what the sides are called.
        before, now: their predictions.
        top: how many clips to list.

    Raises:
        SerError: if they are not of the same clips.
    """
    found, changed = compare(before, now), flipped_clips(before, now)
    sides = _describe_sides(
        (names[0], found.a, _mark_of(before)), (names[1], found.b, _mark_of(now))
    )
    difference = _describe_difference(found, [_protocols_of(side) for side in (before, now)])
    return f"{sides}\n{difference}\n{_describe_flips(changed, found, top)}"


def _mark_of(predictions: pd.DataFrame) -> str:
    """Marks of the protocols that predictions were made under, where they name them."""
    known = [PROTOCOLS[name] for name in _protocols_of(predictions) if name in PROTOCOLS]
    return "; ".join(protocol.mark for protocol in known if protocol.mark)


def _protocols_of(predictions: pd.DataFrame) -> list[str]:
    """Names of the protocols; none in tables that were made before they had names."""
    return sorted(set(predictions.get("protocol", [])))


def _describe_sides(*sides: tuple[str, Side, str]) -> str:
    width = max(len(name) for name, _, _ in sides)
    return "\n".join(
        f"{label}  {name:<{width}}  {_describe_side(side, mark)}"
        for label, (name, side, mark) in zip("AB", sides, strict=True)
    )


def _describe_side(side: Side, mark: str) -> str:
    spread = "" if side.deviation is None else f", deviation {side.deviation:.1f}"
    text = f"UAR {side.uar:.1f} % ({side.seeds} seed{'s' * (side.seeds > 1)}{spread})"
    return f"{text}  [{mark}]" if mark else text


def _describe_difference(found: Comparison, protocols: list[list[str]]) -> str:
    text = f"\nB - A: {found.difference:+.1f} percentage points"
    if found.interval is None or found.p is None:
        return f"{text}; one speaker says nothing about others, so there is no interval."
    tests = f"McNemar's exact test: {_p(found.mcnemar)}"
    if len(found.mcnemar) > 1:
        tests += f" (median of {len(found.mcnemar)} pairs of seeds)"
    return (
        f"{text}, 95 % interval {found.interval.low:+.1f} to {found.interval.high:+.1f}, "
        f"{_p((found.p,))}\n{_verdict(found, protocols)}\n"
        f"{tests}; it takes clips for independent: believe the interval."
    )


def _p(values: tuple[float, ...]) -> str:
    value = median(values)
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _verdict(found: Comparison, protocols: list[list[str]]) -> str:
    better = "B" if found.difference > 0 else "A"
    a, b = (", ".join(names) for names in protocols)
    if a and b and a != b:
        higher = f"{better} scores higher" if found.flagged else "Neither scores higher for sure"
        return f"{higher}, but the protocols differ ({a}; {b}): this compares tests, not systems."
    verdict = f"{better} is better." if found.flagged else "No difference can be told from chance."
    if not found.of_trainings:
        return verdict
    return (
        f"{verdict} A side has one seed: this compares two trainings, not two systems; another "
        "seed would give another difference."
    )


def _describe_flips(changed: pd.DataFrame, found: Comparison, top: int) -> str:
    lines = [f"\nClips that flipped from A to B: {found.won} won, {found.lost} lost"]
    flipped = changed[changed["flip"] != ""]
    for emotion in ordered(flipped["emotion"]):
        kinds = flipped.loc[flipped["emotion"] == emotion, "flip"]
        won, lost = (kinds == "won").sum(), (kinds == "lost").sum()
        lines.append(f"  {emotion:<10}{won:>5} won{lost:>5} lost")
    shown = changed.head(top)
    if not shown.empty:
        table = shown[["clip", "emotion", "answer_a", "answer_b", "right_a", "right_b"]]
        lines.append("\nLargest changes (right: share of seeds that recognise the clip)")
        lines.append(table.to_string(index=False, float_format=lambda share: f"{share:.2f}"))
    return "\n".join(lines)
