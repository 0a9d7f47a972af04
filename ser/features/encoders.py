"""Frozen pretrained speech encoders: the outputs of all their layers, averaged over short spans.

torch is imported where it is used: it takes seconds, and other front ends do without it.
"""

import http.client
import pickle
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ser.clips.audio import SAMPLE_RATE_HZ, Float32
from ser.core.errors import SerError
from ser.features.settings import EncoderSettings

if TYPE_CHECKING:
    import torch

# names in torchaudio.pipelines
BUNDLES = {
    "wav2vec2_base": "WAV2VEC2_BASE",
    "wav2vec2_large": "WAV2VEC2_LARGE",
    "hubert_base": "HUBERT_BASE",
    "hubert_large": "HUBERT_LARGE",
    "wavlm_base": "WAVLM_BASE",
    "wavlm_base_plus": "WAVLM_BASE_PLUS",
    "wavlm_large": "WAVLM_LARGE",
    "xlsr_300m": "WAV2VEC2_XLSR_300M",
}
# samples that the first output sees, and from one output to the next; the same for all of them
_RECEPTIVE_FIELD = 400
_STRIDE_MS = 320 * 1000 / SAMPLE_RATE_HZ
_LARGEST_HALF = np.finfo(np.float16).max


@dataclass(frozen=True)
class Encoder:
    """A pretrained encoder as a front end.

    wav2vec 2.0: Baevski et al. (2020), NeurIPS; XLS-R: Babu et al. (2022), Interspeech; HuBERT: Hsu
    et al. (2021), IEEE/ACM TASLP 29; WavLM: Chen et al. (2022), IEEE JSTSP 16(6). It holds no
    weights itself, so that it reaches workers at once; they share those loaded before the fork.
    """

    name: str
    frame_ms: float

    @classmethod
    def build(cls, settings: EncoderSettings) -> "Encoder":
        """The chosen encoder, its weights fetched.

        Raises:
            SerError: if the weights cannot be fetched or read.
        """
        _load(settings.name)
        return cls(settings.name, settings.frame_ms)

    @property
    def on_accelerator(self) -> bool:
        """Whether it works on an accelerator, which only the process that opened it can use."""
        return _load(self.name)[1].type != "cpu"

    def __call__(self, samples: Float32) -> Float32:
        """Shape (frames,) at 16 kHz to (rows, layers x width), a row for each `frame_ms`."""
        import torch

        model, device = _load(self.name)
        short = max(0, _RECEPTIVE_FIELD - len(samples))
        waveform = torch.from_numpy(np.pad(samples, (0, short)).astype(np.float32))
        with torch.inference_mode():
            layers, _ = model.extract_features(waveform.unsqueeze(0).to(device))
            outputs: Float32 = torch.cat(layers, 2).squeeze(0).float().cpu().numpy()
        # single numbers of deep layers may be large; half precision would make them infinite
        return span_means(outputs, self.frame_ms).clip(-_LARGEST_HALF, _LARGEST_HALF)


def span_means(outputs: Float32, span_ms: float) -> Float32:
    """Means of an encoder's outputs over spans of at least 20 ms; the last may be shorter.

    Args:
        outputs: shape (outputs, width), one every 20 ms.
    """
    span = (np.arange(len(outputs)) * _STRIDE_MS // span_ms).astype(int)
    starts = np.flatnonzero(np.diff(span, prepend=-1))
    counts = np.diff(starts, append=len(outputs))
    means = np.add.reduceat(outputs, starts, axis=0) / counts[:, np.newaxis]
    return means.astype(np.float32)


@lru_cache(maxsize=1)
def _load(name: str) -> "tuple[Any, torch.device]":
    """The frozen encoder and where it works: on an accelerator if there is one."""
    import torch
    import torchaudio

    # before any work: a fork after work of several threads may hang, and one adds up in one order
    torch.set_num_threads(1)
    bundle = getattr(torchaudio.pipelines, BUNDLES[name])
    weights = Path(torch.hub.get_dir()) / "checkpoints" / bundle._path
    try:
        # torch.hub would unpickle whatever the file holds; with weights_only it reads tensors only.
        # Bundles that want a clip's waveform normalised give a model that does so itself.
        model = bundle.get_model(dl_kwargs={"weights_only": True})
    except (OSError, http.client.HTTPException) as error:
        raise SerError(
            f"The weights of {name} could not be fetched to {weights} "
            f"({' '.join(str(error).split())}); connect to the network and run again, or put the "
            "file there."
        ) from None
    except (RuntimeError, TypeError, EOFError, pickle.UnpicklingError):
        # torch's own words are many, and advise to run what the file holds
        raise SerError(
            f"{weights} is damaged or holds something else than the weights of {name}; delete it "
            "and run again."
        ) from None
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    return model.eval().requires_grad_(False).to(device), device
