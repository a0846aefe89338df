"""What a run was made with: versions and hardware."""

from __future__ import annotations

import os
import platform
from typing import Any, Final

from anthrometrics.provenance import version_of

__all__ = ["facts_of"]

_PACKAGES: Final = (
    "anthrometrics",
    "accelerate",
    "bitsandbytes",
    "lm_eval",
    "numpy",
    "onnxruntime",
    "peft",
    "tokenizers",
    "torch",
    "transformers",
    "trl",
    "vllm",
)


def facts_of() -> dict[str, Any]:
    """Versions of what decides the numbers, as far as it is installed, and the machine without its name."""
    versions = {name: version_of(name) for name in _PACKAGES}
    return {
        "versions": {"python": platform.python_version(), **{k: v for k, v in versions.items() if v != "unknown"}},
        "hardware": {
            "machine": platform.machine(),
            "system": platform.system(),
            "cores": os.cpu_count(),
            "memory_bytes": _memory(),
            "gpus": _gpus(),
        },
    }


def _memory() -> int | None:
    """Of the machine; None where the system does not tell (Windows)."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _gpus() -> list[str]:
    """Names of the GPUs that torch sees."""
    try:
        import torch
    except ImportError:
        return []
    return [torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())]
