"""Engine endpoint: the base and its adapters answer from a server, each by the name under which it serves them.

Adapters are trained here as always; whoever runs the server loads them there, as vLLM does with ``--lora-modules``. It
calls an adapter as the run does (``empathy/seed-0``), and the base by ``endpoint_model``.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from anthrometrics.errors import InputError
from anthrometrics.induction.chat_models import located
from anthrometrics.induction.generation import Endpoint
from anthrometrics.induction.generation.vllm import room_for_rank
from anthrometrics.induction.run.arms import BASE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anthrometrics.induction.run.arms import Arm
    from anthrometrics.induction.run.config import InduceConfig
    from anthrometrics.induction.run.workshop import Workshop

__all__ = ["check_served", "endpoint_of"]


def endpoint_of(config: InduceConfig, arm: Arm | None) -> Endpoint:
    """What answers as an adapter, or as the base.

    Args:
        config: Of a run whose engine is the endpoint.
        arm: The adapter; None for the base.
    """
    assert config.endpoint is not None
    return Endpoint(config.endpoint, (config.endpoint_model or config.base) if arm is None else arm.name)


def check_served(shop: Workshop, arms: Sequence[Arm | None]) -> None:
    """See that the server has what is to answer, before anything is asked.

    Args:
        shop: The run.
        arms: Adapters, and None for the base.

    Raises:
        InputError: It cannot be reached, or does not list one of them.
        MissingExtraError: openai is not installed.
    """
    config = shop.config
    served = {arm: endpoint_of(config, arm).model for arm in arms}
    listed = endpoint_of(config, None).models()
    missing = [arm for arm, name in served.items() if name not in listed]
    if not missing:
        return
    named = ", ".join(f"{BASE} ({served[arm]})" if arm is None else arm.name for arm in missing)
    raise InputError(
        f"{config.endpoint} lists no model of the name of {named}; it lists {', '.join(listed) or 'none'}. "
        f"{_mend(shop, [arm for arm in arms if arm is not None], None in missing)}"
    )


def _mend(shop: Workshop, adapters: Sequence[Arm], base: bool) -> str:
    """What to do: another name for the base, and adapters by the names of the run."""
    other = "Say what it calls the base with --endpoint-model NAME" if base else ""
    if not adapters:
        return f"{other}."
    if shop.config.tuning.full:
        how = f"the models in {', '.join(str(shop.folder.adapter(arm)) for arm in adapters)} by the names of their arms"
    else:
        how = f"the adapters by these names, as vLLM does with: {_command(shop, adapters)}"
    return f"{other}, and serve {how}" if base else f"Serve {how}"


def _command(shop: Workshop, adapters: Sequence[Arm]) -> str:
    """How vLLM would serve the base and its adapters."""
    config = shop.config
    source, name = located(config.base), endpoint_of(config, None).model
    words = ["vllm", "serve", source, *(["--served-model-name", name] if name != source else [])]
    words += ["--chat-template", config.chat_template] if config.chat_template else []
    words += ["--enable-lora", "--max-lora-rank", str(room_for_rank(config.tuning.rank)), "--lora-modules"]
    words += [f"{arm.name}={shop.folder.adapter(arm).resolve()}" for arm in adapters]
    return shlex.join(words)
