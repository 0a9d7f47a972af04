"""The card says what the released model is, and is that of the model that lies here."""

from ser.predict.card import CARD, release_card
from ser.predict.released import RELEASED
from tests.builders import REPOSITORY


def test_the_committed_card_is_that_of_the_committed_model() -> None:
    text = release_card(RELEASED)
    assert (REPOSITORY / CARD).read_text(encoding="utf-8") == text, "run `ser readme`"
    for needed in ("No score was measured", "CC BY-NC-SA 4.0", "on acted speech", "% UAR"):
        assert needed in text
