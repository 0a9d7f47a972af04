"""What the page is told when it is refused something: a code that it has words for, a sentence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered.

    Attributes:
        status: of HTTP.
        code: a word of `ser/explore/words.csv` begins with it: the page says that in its language.
        sentence: for those who see no page.
    """

    status: int
    code: str
    sentence: str


class RefusedError(Exception):
    """Ends a request that is not answered."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence)
        self.refusal = refusal


BUSY = Refusal(503, "busy", "Too many sounds are being answered; try again in a few seconds.")
EMPTY = Refusal(422, "empty", "The upload is empty; choose a sound.")
LONG = Refusal(
    413,
    "long",
    "The recording is longer than 5 minutes, which the page does not show; use `ser predict`.",
)
LARGE = Refusal(
    413, "large", "The file is larger than 50 MB; `ser predict` reads files of any size."
)
SLOW = Refusal(408, "slow", "The upload took longer than a minute; try again.")
HARD = Refusal(422, "hard", "The file could not be read in 30 seconds; convert it to WAV.")
NO_CLIP = Refusal(404, "no_clip", "There is no such clip, or its corpus is not on this disk.")
STRANGE = Refusal(422, "strange", "That is no vector of this model.")
HOST = Refusal(421, "host", "This page answers to 127.0.0.1 and localhost only.")
ORIGIN = Refusal(403, "origin", "Another page must not ask this one.")
TOKEN = Refusal(401, "token", "The link is not complete; open the one that `ser explore` printed.")
