"""What produced a number: package, model, precision, runtime and processor."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.codebook import VALUES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from anthrometrics.detectors.encoder import Encoder
    from anthrometrics.detectors.manifest import Manifest

__all__ = ["digest_of", "provenance_of", "value_names", "version_of"]

# Instruction sets that choose ONNX Runtime's kernels, and with them the last digits of a score.
_RELEVANT: Final = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "asimd", "asimddp")


def digest_of(texts: Iterable[str]) -> str:
    """32 hexadecimal digits over texts in their order, however they are cut into files."""
    found = blake2b(digest_size=16)
    for text in texts:
        found.update(text.encode("utf-8", "backslashreplace") + b"\0")
    return found.hexdigest()


def version_of(package: str) -> str:
    """Installed version, or ``"unknown"`` outside an installation."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def provenance_of(manifest: Manifest, encoder: Encoder) -> dict[str, Any]:
    """Provenance of every score that this encoder gives, as plain values."""
    import platform

    return {
        "package": "anthrometrics",
        "version": version_of("anthrometrics"),
        "model": manifest.name,
        "model_digest": manifest.digest,
        "precision": encoder.precision,
        "device": encoder.device,
        "provider": encoder.provider,
        "onnxruntime": version_of("onnxruntime-gpu" if encoder.device == "cuda" else "onnxruntime"),
        "machine": platform.machine(),
        "cpu_features": list(_cpu_features()),
    }


def value_names(provenance: Mapping[str, Any]) -> tuple[str, ...]:
    """The values that were judged: the trained ones and then one's own; none where they were not asked for."""
    return (*VALUES, *provenance.get("own_values", ())) if "values_model" in provenance else ()


@lru_cache(maxsize=1)
def _cpu_features() -> tuple[str, ...]:
    """The relevant instruction sets; empty where the system does not tell (only Linux does)."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ()
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith(("flags", "Features"))), [])
    return tuple(name for name in _RELEVANT if name in flags)
