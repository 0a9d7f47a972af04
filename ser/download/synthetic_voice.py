"""A small acted-emotion corpus made by code: for tests and for runs without a download.

Source and filter are separate (Fant 1960, Acoustic Theory of Speech Production): glottal pulses
and aspiration noise excite a cascade of formant resonators (Klatt 1980, JASA 67:971) that moves
through the vowels of a sentence; bursts of noise stand for the consonants.

What an emotion does to the voice follows the direction, not the exact size, of the effects that
Murray & Arnott (1993, JASA 93:1097) and Banse & Scherer (1996, JPSP 70:614) report. Speakers,
takes and dialects differ enough that simple features confuse some emotions.

No human voice is in it: results on this corpus say that a program works, and nothing about people.
"""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.signal import lfilter

Signal = NDArray[np.float64]

# RAVDESS codes: neutral, happy, sad, angry, fearful
EMOTIONS = ("01", "03", "04", "05", "06")
NEUTRAL = "01"
SENTENCES = (1, 2)
INTENSITY_CODES = {"normal": "01", "strong": "02"}

# Share of the deviation from neutral.
_INTENSITY_SHARE = {"normal": 0.75, "strong": 1.1}
# The formants and the fricatives need a band of 8 kHz.
_MIN_SAMPLE_RATE_HZ = 16_000
# Step of the formants; the vocal tract hardly moves in 12.5 ms.
_FRAME_S = 0.0125
# Of F1 to F5, rounded from Klatt (1980).
_BANDWIDTHS_HZ = (70.0, 90.0, 140.0, 200.0, 250.0)
# About -82 dB of full scale: a quiet studio, yet never digital zero.
_ROOM_NOISE = 2.5 / 32768
# Highest sample, of full scale; louder clips are turned down.
_MAX_PEAK = 0.95

# The first number of every seed, so that no two uses of chance share their draws.
_SPEAKER, _ROLE, _TAKE = 1, 2, 3


@dataclass(frozen=True)
class Utterance:
    """One clip of the corpus.

    `emotion` is a RAVDESS code of `EMOTIONS`, `intensity` "normal" or "strong", `sentence` 1 or 2;
    `take` and `speaker` count from 1. Odd speakers are male, even ones female.
    """

    emotion: str
    intensity: str
    sentence: int
    take: int
    speaker: int

    def __post_init__(self) -> None:
        """Refuse what the corpus does not contain."""
        known = self.emotion in EMOTIONS and self.intensity in INTENSITY_CODES
        if not known or self.sentence not in SENTENCES:
            raise ValueError(f"No such emotion, intensity or sentence: {self}")
        if self.emotion == NEUTRAL and self.intensity != "normal":
            raise ValueError(f"Neutral has no strong intensity: {self}")
        if not (1 <= self.take <= 99 and 1 <= self.speaker <= 99):
            raise ValueError(f"Takes and speakers are numbered from 1 to 99: {self}")

    @property
    def file_name(self) -> str:
        """RAVDESS style: modality, channel, emotion, intensity, sentence, take, speaker."""
        intensity = INTENSITY_CODES[self.intensity]
        numbers = f"{self.sentence:02d}-{self.take:02d}-{self.speaker:02d}"
        return f"03-01-{self.emotion}-{intensity}-{numbers}.wav"


class Prosody(NamedTuple):
    """How a sentence is spoken, or how far that deviates from neutral."""

    # mean pitch, semitones above the speaker's own
    pitch_st: float
    # height of the accents, semitones
    range_st: float
    # rise of the pitch from the first to the last syllable, semitones
    slope_st: float
    # speech rate above the sentence's own, percent
    rate_pct: float
    # root mean square of the speech, dB of full scale
    loudness_db: float
    # what the glottis loses at 3 kHz, dB
    tilt_db: float
    # aspiration noise against the pulses, dB
    breath_db: float
    # standard deviation of the length of a cycle, percent
    jitter_pct: float


_PLAIN = Prosody(0.0, 2.5, -2.0, 0.0, -30.0, 10.0, -30.0, 0.6)
_DEVIATIONS = {
    NEUTRAL: Prosody(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    # higher, wider, smooth upward inflections, louder
    "03": Prosody(4.0, 3.0, 5.0, 4.0, 4.0, -3.0, 2.0, 0.0),
    # lower, narrower, downward inflections, slower, softer, less energy above 1 kHz
    "04": Prosody(-1.5, -1.5, -2.0, -16.0, -5.5, 6.0, 7.0, 0.2),
    # higher, much wider, faster, loudest, tense: most energy above 1 kHz
    "05": Prosody(3.5, 3.0, -2.0, 10.0, 7.5, -7.0, -5.0, 0.6),
    # highest, much faster, irregular voicing
    "06": Prosody(7.0, -1.0, 1.0, 20.0, 1.0, 0.0, 9.0, 1.8),
}
# Standard deviations: of the habits of speakers, and from take to take.
_HABITS = Prosody(0.0, 0.4, 0.5, 4.0, 1.0, 1.0, 1.5, 0.12)
_CHANCE = Prosody(0.6, 0.5, 0.7, 3.0, 1.0, 0.8, 1.2, 0.10)
# Standard deviation of how far a speaker carries one emotion, as a share of its deviation.
_ROLE_SPREAD = 0.2


class Consonant(NamedTuple):
    """A burst of noise before a vowel; the numbers are round."""

    # middle and width of its band, Hz
    centre_hz: float
    width_hz: float
    # against the vowels, dB
    level_db: float
    # of the syllable, from its start to the vowel
    share: float
    # of that span, the silent closure of a plosive
    closure: float


_CONSONANTS = {
    "f": Consonant(4500.0, 5000.0, -24.0, 0.35, 0.0),
    "s": Consonant(5500.0, 2500.0, -13.0, 0.40, 0.0),
    "sh": Consonant(3000.0, 1500.0, -11.0, 0.40, 0.0),
    "p": Consonant(900.0, 1200.0, -14.0, 0.32, 0.70),
    "t": Consonant(4000.0, 2500.0, -11.0, 0.32, 0.65),
    "k": Consonant(1800.0, 1000.0, -11.0, 0.36, 0.60),
}


class Syllable(NamedTuple):
    """One consonant and one vowel; stressed syllables carry the pitch accents."""

    consonant: str
    vowel: str
    is_stressed: bool


@dataclass(frozen=True)
class Dialect:
    """What differs between the two languages of the corpus."""

    seed: int
    # the first three formants of a man's vowels, Hz
    vowels: dict[str, tuple[float, float, float]]
    # one for each of `SENTENCES`
    sentences: tuple[tuple[Syllable, ...], ...]
    # mean length of a sentence without the silence around it, seconds
    speech_s: float
    # length of a stressed and of the last syllable, against the others
    stress_length: float
    last_length: float
    # how strongly each deviation of an emotion is realised
    strength: Prosody


# Vowels of dialect a: means of the men of Peterson & Barney (1952, JASA 24:175), table II.
_ENGLISH_VOWELS = {
    "iy": (270.0, 2290.0, 3010.0),
    "ih": (390.0, 1990.0, 2550.0),
    "eh": (530.0, 1840.0, 2480.0),
    "ae": (660.0, 1720.0, 2410.0),
    "aa": (730.0, 1090.0, 2440.0),
    "ao": (570.0, 840.0, 2410.0),
    "uw": (300.0, 870.0, 2240.0),
    "ah": (640.0, 1190.0, 2390.0),
    "er": (490.0, 1350.0, 1690.0),
}
# Vowels of dialect b: round numbers for five cardinal vowels and a rounded front one.
_FIVE_AND_ONE_VOWELS = {
    "i": (290.0, 2150.0, 2900.0),
    "e": (440.0, 1850.0, 2550.0),
    "a": (680.0, 1350.0, 2500.0),
    "o": (450.0, 950.0, 2450.0),
    "u": (320.0, 800.0, 2300.0),
    "y": (280.0, 1700.0, 2150.0),
}
_DIALECTS = {
    "a": Dialect(
        seed=1,
        vowels=_ENGLISH_VOWELS,
        sentences=(
            (
                Syllable("k", "ih", True),
                Syllable("s", "ah", False),
                Syllable("t", "ao", True),
                Syllable("f", "er", False),
            ),
            (
                Syllable("sh", "iy", False),
                Syllable("p", "ae", True),
                Syllable("t", "eh", False),
                Syllable("s", "uw", False),
                Syllable("k", "aa", True),
            ),
        ),
        speech_s=0.82,
        # Stressed syllables are long, as in English.
        stress_length=1.6,
        last_length=1.2,
        strength=Prosody(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    ),
    "b": Dialect(
        seed=2,
        vowels=_FIVE_AND_ONE_VOWELS,
        sentences=(
            (
                Syllable("p", "a", False),
                Syllable("t", "o", True),
                Syllable("k", "e", False),
                Syllable("s", "i", True),
                Syllable("t", "a", False),
            ),
            (
                Syllable("f", "y", True),
                Syllable("k", "o", False),
                Syllable("sh", "e", False),
                Syllable("p", "u", True),
                Syllable("t", "i", False),
            ),
        ),
        speech_s=0.86,
        # All syllables are alike, as in Italian, but for the last.
        stress_length=1.1,
        last_length=1.4,
        strength=Prosody(0.9, 1.2, 1.2, 0.9, 0.9, 1.1, 1.0, 1.0),
    ),
}


class Speaker(NamedTuple):
    """What a speaker brings to every sentence."""

    pitch_hz: float
    # against the formants of an average man
    formant_scale: float
    # the share of every emotion's deviation that this speaker shows
    expressiveness: float
    habits: Prosody


class Score(NamedTuple):
    """The syllables of a clip, when each one's consonant and vowel begin and end, and its length.

    All times are in seconds from the start of the clip.
    """

    syllables: tuple[Syllable, ...]
    consonant_s: Signal
    vowel_s: Signal
    end_s: Signal
    clip_s: float


def utterances(n_speakers: int, takes: int) -> list[Utterance]:
    """List every clip of a corpus of so many speakers and takes, in the order of file names."""
    every = product(EMOTIONS, INTENSITY_CODES, SENTENCES, _up_to(takes), _up_to(n_speakers))
    spoken = [
        Utterance(emotion, intensity, sentence, take, speaker)
        for emotion, intensity, sentence, take, speaker in every
        if emotion != NEUTRAL or intensity == "normal"
    ]
    return sorted(spoken, key=lambda utterance: utterance.file_name)


def speak(utterance: Utterance, dialect: str, sample_rate_hz: int = 16_000) -> NDArray[np.int16]:
    """Return the clip, 0.8 to 1.3 s of mono samples, in dialect "a" or "b".

    The same arguments give the same samples: chance is seeded from them alone. (To the last bit
    on one machine; sines of another numpy build may round differently.)
    """
    _check(dialect, sample_rate_hz)
    language = _DIALECTS[dialect]
    speaker = _speaker(language, utterance.speaker)
    rng = _take_rng(language, utterance)
    prosody = _prosody(utterance, language, speaker, rng)
    sentence = language.sentences[utterance.sentence - 1]
    score = _score(sentence, language, prosody, rng)
    vowels = _vowels(score, language, speaker, prosody, rng, sample_rate_hz)
    speech = _loud(vowels + _consonants(score, rng, sample_rate_hz), prosody)
    return _recorded(speech, rng)


def _check(dialect: str, sample_rate_hz: int) -> None:
    if dialect not in _DIALECTS:
        raise ValueError(f"Unknown dialect {dialect!r}; there are {', '.join(_DIALECTS)}")
    if sample_rate_hz < _MIN_SAMPLE_RATE_HZ:
        raise ValueError(f"A voice needs {_MIN_SAMPLE_RATE_HZ} Hz or more, not {sample_rate_hz}")


def _up_to(last: int) -> range:
    return range(1, last + 1)


# Chance: who speaks, and how


def _rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed))


def _take_rng(language: Dialect, utterance: Utterance) -> np.random.Generator:
    return _rng(
        _TAKE,
        language.seed,
        int(utterance.emotion),
        int(INTENSITY_CODES[utterance.intensity]),
        utterance.sentence,
        utterance.take,
        utterance.speaker,
    )


def _speaker(language: Dialect, number: int) -> Speaker:
    """Draw a voice; women's formants lie about 16 % above men's (Peterson & Barney 1952)."""
    rng = _rng(_SPEAKER, language.seed, number)
    is_male = number % 2 == 1
    pitch_hz = rng.uniform(95.0, 130.0) if is_male else rng.uniform(175.0, 225.0)
    formant_scale = rng.uniform(0.95, 1.05) if is_male else rng.uniform(1.11, 1.21)
    expressiveness = rng.uniform(0.85, 1.2)
    habits = Prosody(*(_vector(_HABITS) * rng.standard_normal(len(_HABITS))))
    return Speaker(pitch_hz, formant_scale, expressiveness, habits)


def _vector(prosody: Prosody) -> Signal:
    return np.array(prosody)


def _prosody(
    utterance: Utterance, language: Dialect, speaker: Speaker, rng: np.random.Generator
) -> Prosody:
    share = _INTENSITY_SHARE[utterance.intensity] * speaker.expressiveness
    emotion = share * _vector(language.strength) * _role(utterance, language)
    chance = _vector(_CHANCE) * rng.standard_normal(len(_CHANCE))
    return Prosody(*(_vector(_PLAIN) + _vector(speaker.habits) + emotion + chance))


def _role(utterance: Utterance, language: Dialect) -> Signal:
    """Return the emotion's deviation as this speaker acts it: nobody follows the textbook."""
    rng = _rng(_ROLE, language.seed, int(utterance.emotion), utterance.speaker)
    deviation = _vector(_DEVIATIONS[utterance.emotion])
    return deviation * (1.0 + _ROLE_SPREAD * rng.standard_normal(len(deviation)))


# Time


def _score(
    sentence: tuple[Syllable, ...], language: Dialect, prosody: Prosody, rng: np.random.Generator
) -> Score:
    lead_s, tail_s = rng.uniform(0.075, 0.1, size=2)
    speech_s = np.clip(language.speech_s / (1.0 + prosody.rate_pct / 100.0), 0.66, 1.08)
    lengths = _lengths(sentence, language) * rng.uniform(0.93, 1.07, size=len(sentence))
    edges_s = lead_s + speech_s * np.append(0.0, np.cumsum(lengths) / lengths.sum())
    shares = np.array([_CONSONANTS[syllable.consonant].share for syllable in sentence])
    vowel_s = edges_s[:-1] + shares * np.diff(edges_s)
    clip_s = float(edges_s[-1] + tail_s)
    return Score(sentence, edges_s[:-1], vowel_s, edges_s[1:], clip_s)


def _lengths(sentence: tuple[Syllable, ...], language: Dialect) -> Signal:
    stressed = np.array([syllable.is_stressed for syllable in sentence])
    lengths = np.where(stressed, language.stress_length, 1.0)
    lengths[-1] *= language.last_length
    return lengths


def _times_s(score: Score, rate_hz: int) -> Signal:
    return np.arange(round(score.clip_s * rate_hz)) / rate_hz


# Vowels: pulses and breath through moving formants


def _vowels(
    score: Score,
    language: Dialect,
    speaker: Speaker,
    prosody: Prosody,
    rng: np.random.Generator,
    rate_hz: int,
) -> Signal:
    """Return the voiced part of the clip; 1 is the root mean square of its vowels."""
    times_s = _times_s(score, rate_hz)
    pitch_hz = _pitch_hz(score, speaker, prosody, times_s, rng)
    envelope = _envelope(score, times_s)
    source = _source(pitch_hz, prosody, rng, rate_hz) * envelope
    formants_hz = np.array([language.vowels[syllable.vowel] for syllable in score.syllables])
    voice = _vocal_tract(source, formants_hz * speaker.formant_scale, score, rate_hz)
    return voice / _rms(voice[envelope > 0.5])


def _pitch_hz(
    score: Score, speaker: Speaker, prosody: Prosody, times_s: Signal, rng: np.random.Generator
) -> Signal:
    """Return the pitch at every sample: a slope, with an accent on every stressed syllable."""
    middles_s = (score.vowel_s + score.end_s) / 2.0
    progress = np.linspace(-0.5, 0.5, len(middles_s))
    accents = np.array([float(syllable.is_stressed) for syllable in score.syllables])
    accents += 0.15 * rng.standard_normal(len(accents))
    semitones = prosody.pitch_st + prosody.slope_st * progress + prosody.range_st * accents
    contour_st = np.interp(times_s, middles_s, semitones)
    return np.asarray(speaker.pitch_hz * 2.0 ** (contour_st / 12.0))


def _envelope(score: Score, times_s: Signal) -> Signal:
    """Return the strength of the voice at every sample: one trapezoid for each vowel."""
    length_s = score.end_s - score.vowel_s
    corners_s = score.vowel_s[:, None] + length_s[:, None] * np.array([0.0, 0.15, 0.7, 1.0])
    levels = np.array([1.0 if syllable.is_stressed else 0.7 for syllable in score.syllables])
    heights = levels[:, None] * np.array([0.0, 1.0, 0.9, 0.0])
    return np.asarray(np.interp(times_s, corners_s.ravel(), heights.ravel()))


def _source(pitch_hz: Signal, prosody: Prosody, rng: np.random.Generator, rate_hz: int) -> Signal:
    """Return glottal pulses with their irregularities, and the noise of the breath."""
    jitter = max(prosody.jitter_pct, 0.1) / 100.0
    cycles = np.cumsum(_per_cycle(np.cumsum(pitch_hz) / rate_hz, jitter, rng) * pitch_hz) / rate_hz
    # Shimmer and jitter grow together in irregular voices.
    flow = _glottal_flow(cycles % 1.0) * _per_cycle(cycles, 3.0 * jitter, rng)
    # The lips radiate the derivative; a difference also aliases less than sampling a derivative.
    pulses = _tilted(np.diff(flow, prepend=0.0), prosody.tilt_db, rate_hz)
    # Breath is strongest while the glottis is open.
    breath = rng.standard_normal(len(flow)) * (0.3 + flow)
    return pulses / _rms(pulses) + _amplitude(prosody.breath_db) * breath / _rms(breath)


def _per_cycle(cycles: Signal, deviation: float, rng: np.random.Generator) -> Signal:
    """Return a random factor around 1 for every cycle of the voice, repeated at its samples."""
    factors = 1.0 + deviation * rng.standard_normal(int(cycles[-1]) + 1)
    return np.asarray(factors[cycles.astype(np.intp)])


def _glottal_flow(phase: Signal) -> Signal:
    """Return the flow of air at a phase of the cycle from 0 to 1 (Rosenberg 1971, JASA 49:583)."""
    opening, closing = 0.40, 0.16
    rising = 0.5 * (1.0 - np.cos(np.pi * phase / opening))
    falling = np.cos(0.5 * np.pi * np.clip((phase - opening) / closing, 0.0, 1.0))
    return np.where(phase < opening, rising, falling)


def _tilted(pulses: Signal, tilt_db: float, rate_hz: int) -> Signal:
    """Take `tilt_db` from the pulses at 3 kHz, as the TL control of Klatt & Klatt (1990) does."""
    cutoff_hz = 3000.0 / np.sqrt(10.0 ** (max(tilt_db, 1.0) / 10.0) - 1.0)
    pole = np.exp(-2.0 * np.pi * cutoff_hz / rate_hz)
    return np.asarray(lfilter([1.0 - pole], [1.0, -pole], pulses))


def _vocal_tract(source: Signal, vowels_hz: Signal, score: Score, rate_hz: int) -> Signal:
    """Pass the source through five formants; row k of `vowels_hz` is F1 to F3 of vowel k.

    Each frame is filtered by itself and the frames overlap, so that formants glide.
    """
    hop = round(_FRAME_S * rate_hz)
    frames = sliding_window_view(np.pad(source, (hop, 2 * hop)), 2 * hop)[::hop]
    middles_s = np.arange(len(frames)) * hop / rate_hz
    poles = _poles(_formants_hz(vowels_hz, score, middles_s), rate_hz)
    # Long enough for the slowest resonance to die away by 70 dB after its frame.
    size = 5 * hop
    # Hann windows at half their length add up to one.
    spectra = np.fft.rfft(frames * np.hanning(2 * hop + 1)[:-1], size) / np.fft.rfft(poles, size)
    return _overlapped(np.fft.irfft(spectra, size), hop)[hop : hop + len(source)]


def _formants_hz(vowels_hz: Signal, score: Score, times_s: Signal) -> Signal:
    """Return F1 to F5 at each time: held through the middle of a vowel, moving in between."""
    scale = vowels_hz[:, 2].mean() / 2500.0
    # F4 and F5 hardly depend on the vowel.
    upper = np.broadcast_to(scale * np.array([3500.0, 4500.0]), (len(vowels_hz), 2))
    targets = np.repeat(np.hstack([vowels_hz, upper]), 2, axis=0)
    length_s = score.end_s - score.vowel_s
    corners_s = score.vowel_s[:, None] + length_s[:, None] * np.array([0.25, 0.75])
    tracks = [np.interp(times_s, corners_s.ravel(), column) for column in targets.T]
    return np.column_stack(tracks)


def _poles(formants_hz: Signal, rate_hz: int) -> Signal:
    """Return each frame's denominator: the product of its resonators, with a gain of 1 at 0 Hz."""
    product_so_far = np.ones((len(formants_hz), 1))
    for centres_hz, width_hz in zip(formants_hz.T, _BANDWIDTHS_HZ, strict=True):
        radius = np.exp(-np.pi * width_hz / rate_hz)
        cosines = 2.0 * radius * np.cos(2.0 * np.pi * centres_hz / rate_hz)
        longer = np.pad(product_so_far, ((0, 0), (0, 2)))
        longer[:, 1:-1] -= cosines[:, None] * product_so_far
        longer[:, 2:] += radius**2 * product_so_far
        product_so_far = longer
    return np.asarray(product_so_far / product_so_far.sum(axis=1, keepdims=True))


def _overlapped(pieces: Signal, hop: int) -> Signal:
    """Add up pieces that start `hop` samples after each other."""
    n_pieces, size = pieces.shape
    parts = pieces.reshape(n_pieces, size // hop, hop)
    total = np.zeros((n_pieces + size // hop - 1, hop))
    for index in range(size // hop):
        total[index : index + n_pieces] += parts[:, index]
    return np.asarray(total.ravel())


# Consonants, level and room


def _consonants(score: Score, rng: np.random.Generator, rate_hz: int) -> Signal:
    track = np.zeros(round(score.clip_s * rate_hz))
    spans_s = zip(score.consonant_s, score.vowel_s, strict=True)
    for syllable, (start_s, end_s) in zip(score.syllables, spans_s, strict=True):
        consonant = _CONSONANTS[syllable.consonant]
        start = round((start_s + consonant.closure * (end_s - start_s)) * rate_hz)
        end = round(end_s * rate_hz)
        track[start:end] = _burst(consonant, end - start, rng, rate_hz)
    return track


def _burst(consonant: Consonant, length: int, rng: np.random.Generator, rate_hz: int) -> Signal:
    """Return band-passed noise: a plosive decays at once, a fricative swells and fades."""
    radius = np.exp(-np.pi * consonant.width_hz / rate_hz)
    cosine = 2.0 * radius * np.cos(2.0 * np.pi * consonant.centre_hz / rate_hz)
    noise = lfilter([1.0, 0.0, -1.0], [1.0, -cosine, radius**2], rng.standard_normal(length))
    decay = np.exp(-5.0 * np.arange(length) / length)
    shaped = noise * (decay if consonant.closure else np.hanning(length))
    return np.asarray(shaped / _rms(shaped) * _amplitude(consonant.level_db))


def _loud(speech: Signal, prosody: Prosody) -> Signal:
    gain = _amplitude(prosody.loudness_db) / _rms(speech)
    highest = float(np.abs(speech).max())
    return speech * min(gain, _MAX_PEAK / highest)


def _recorded(speech: Signal, rng: np.random.Generator) -> NDArray[np.int16]:
    """Add the room, and round to 16 bits."""
    room = _ROOM_NOISE * rng.standard_normal(len(speech))
    return np.asarray(np.round((speech + room) * 32767.0), dtype=np.int16)


def _rms(samples: Signal) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def _amplitude(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))
