"""Readings that leak, and readings that do not, of every purpose."""

from collections.abc import Mapping
from typing import NamedTuple

from ser.guards.checks import Purpose
from ser.guards.crossings import Crossing


class Reading(NamedTuple):
    """A reading, and what a protocol must declare where it has no business."""

    purpose: Purpose
    role: str
    effect: str
    excuse: Crossing | None


LEAKS: Mapping[str, Reading] = {
    "training on a test clip": Reading(Purpose.TRAIN, "test", "", None),
    "training on a validation clip": Reading(Purpose.TRAIN, "validation", "", None),
    "copy of a test clip": Reading(Purpose.TRAIN, "test", "noise", Crossing.COPY),
    "copy of a validation clip": Reading(Purpose.TRAIN, "validation", "noise", Crossing.COPY),
    "statistic of test": Reading(Purpose.STATISTICS, "test", "", Crossing.STATISTIC),
    "statistic of validation": Reading(Purpose.STATISTICS, "validation", "", Crossing.STATISTIC),
    "statistic of a test copy": Reading(Purpose.STATISTICS, "test", "noise", None),
    "epoch chosen by test": Reading(Purpose.CHECKPOINT, "test", "", Crossing.CHECKPOINT),
    "epoch chosen by training": Reading(Purpose.CHECKPOINT, "train", "", Crossing.CHECKPOINT),
    "epoch chosen by a copy": Reading(Purpose.CHECKPOINT, "validation", "noise", None),
    "temperature of test": Reading(Purpose.CALIBRATION, "test", "", None),
    "temperature of training": Reading(Purpose.CALIBRATION, "train", "", None),
    "temperature of a copy": Reading(Purpose.CALIBRATION, "validation", "noise", None),
    "testing a training clip": Reading(Purpose.TEST, "train", "", None),
    "testing a validation clip": Reading(Purpose.TEST, "validation", "", None),
    "testing a copy": Reading(Purpose.TEST, "test", "noise", None),
}
SOUND: Mapping[str, Reading] = {
    "training": Reading(Purpose.TRAIN, "train", "", None),
    "training on a copy": Reading(Purpose.TRAIN, "train", "noise", None),
    "statistic": Reading(Purpose.STATISTICS, "train", "", None),
    "epoch": Reading(Purpose.CHECKPOINT, "validation", "", None),
    "temperature": Reading(Purpose.CALIBRATION, "validation", "", None),
    "testing": Reading(Purpose.TEST, "test", "", None),
}
