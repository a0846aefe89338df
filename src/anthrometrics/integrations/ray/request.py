"""What is asked for: inputs and options, checked before any worker starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anthrometrics.detectors.manifest import SHIPPED, load_manifest, model_dir
from anthrometrics.detectors.value_manifest import load_value_manifest
from anthrometrics.detectors.values import own_values, values_provenance
from anthrometrics.errors import InputError
from anthrometrics.formats.sources import files_of
from anthrometrics.output.sinks import check_output
from anthrometrics.provenance import version_of
from anthrometrics.scores import DETAILS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from anthrometrics.detectors.encoder import Device
    from anthrometrics.detectors.manifest import Precision
    from anthrometrics.detectors.values import OwnValue
    from anthrometrics.integrations.ray.folder import RunFolder
    from anthrometrics.scores import Detail

__all__ = ["WRITING", "Request", "scorer_options"]

# Options of what is written, which stand beside those of ``read_turns``.
WRITING: Final = ("detail", "text", "shards")


@dataclass(frozen=True)
class Request:
    """One run, before it is cut into shards.

    Attributes:
        files: Inputs, as named.
        folder: Where to write.
        reading: Options of ``read_turns``, with absolute paths.
        detail: As of ``TurnScore.to_dict``.
        text: Likewise.
        scorer: Options of ``Scorer``.
        provenance: What is known before a worker runs of what will give the numbers.
    """

    files: tuple[str, ...]
    folder: RunFolder
    reading: dict[str, Any]
    detail: Detail
    text: bool
    scorer: dict[str, Any]
    provenance: dict[str, Any]

    @classmethod
    def of(
        cls,
        inputs: Iterable[str],
        folder: RunFolder,
        reading: Mapping[str, Any],
        detail: Detail,
        text: bool,
        scorer: Mapping[str, Any],
    ) -> Request:
        """Check what can be checked here.

        Raises:
            InputError: An input, the folder or an option cannot be used.
            ModelError: The model folder is missing or does not fit.
            MissingExtraError: pyarrow is not installed.
        """
        inputs = tuple(map(str, inputs))
        if detail not in DETAILS:
            raise InputError(f"detail must be one of {', '.join(DETAILS)}, not {detail!r}")
        if "-" in inputs:
            raise InputError("standard input cannot be shared among workers; name files")
        for name in inputs:
            if Path(name).is_dir() and folder.path.is_relative_to(Path(name).resolve()):
                raise InputError(f"{folder.path} is in the input folder {name}, and would be read too; write elsewhere")
        check_output(folder.part("part"))
        manifest = load_manifest(model_dir(scorer["model"]))
        absolute = {"requests": str(Path(reading["requests"]).resolve())} if reading.get("requests") else {}
        default = "fp16" if scorer["device"] == "cuda" else "int8"
        return cls(
            tuple(files_of(inputs)),
            folder,
            {**reading, **absolute},
            detail,
            text,
            dict(scorer),
            {
                "version": version_of("anthrometrics"),
                "model": manifest.name,
                "model_digest": manifest.digest,
                "precision": scorer["precision"] or default,
                "device": scorer["device"],
                **_values(scorer),
            },
        )

    @property
    def options(self) -> dict[str, Any]:
        """What else decides what is written."""
        writing = dict(zip(WRITING, (self.detail, self.text, self.folder.shards), strict=True))
        return {**self.reading, **writing}

    @property
    def companions(self) -> list[str]:
        """Files that are read beside the inputs."""
        return [self.reading["requests"]] if self.reading.get("requests") else []


def scorer_options(
    device: Device,
    precision: Precision | None,
    threads: int,
    model: str | Path | None,
    gpus: float,
    cache_mb: float | None = None,
    values: bool | Sequence[OwnValue] = False,
) -> dict[str, Any]:
    """Options of a worker's ``Scorer``; ``"auto"`` is the GPU where the worker has one, and never a guess.

    Raises:
        InputError: ``device`` and ``gpus`` contradict each other, or ``values`` are not values.
    """
    if device == "cuda" and not gpus:
        raise InputError('device "cuda" needs a GPU for each worker; ask Ray for it with num_gpus=1')
    if device == "cpu" and gpus:
        raise InputError('device "cpu" uses no GPU; leave num_gpus out')
    return {
        "device": "cuda" if gpus else "cpu",
        "precision": precision,
        "threads": threads,
        # Workers have the shipped ones by name, wherever the package is there.
        "model": model if model is None or model in SHIPPED else str(Path(model).resolve()),
        **({} if cache_mb is None else {"cache_mb": cache_mb}),
        **({} if values is False else {"values": own_values(values) or True}),
    }


def _values(scorer: Mapping[str, Any]) -> dict[str, Any]:
    return values_provenance(load_value_manifest(), own_values(scorer["values"])) if "values" in scorer else {}
