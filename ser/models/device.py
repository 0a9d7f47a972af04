"""Where a network is trained: the processor, which is the reference, or an accelerator."""

from typing import Literal

import torch

from ser.core.errors import SerError

Device = Literal["cpu", "cuda", "mps", "auto"]


def find_device(name: Device) -> torch.device:
    """The device called so; auto is an accelerator where there is one, and else the processor.

    To be asked in the process that works: one that was forked cannot use an accelerator that its
    parent has opened.

    Raises:
        SerError: if there is none.
    """
    if name == "cpu":
        return torch.device("cpu")
    found = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        return found or torch.device("cpu")
    if found is None or found.type != name:
        here = found.type if found else "none"
        raise SerError(
            f"training.device is {name}, but the accelerator of this machine is {here}; set it to "
            "auto or cpu in params.yaml."
        )
    return found


def describe(device: torch.device) -> str:
    """Kind and name of an accelerator, such as "cuda NVIDIA H100"."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return f"{device.type} {name}".strip()
