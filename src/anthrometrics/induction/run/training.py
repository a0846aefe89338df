"""Stage train: one adapter a value, seed and control, one after another on one base model in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anthrometrics.errors import InputError
from anthrometrics.induction.run.curating import stored_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anthrometrics.induction.preferences import PreferencePair
    from anthrometrics.induction.run.arms import Arm
    from anthrometrics.induction.run.workshop import Workshop
    from anthrometrics.induction.tuning.train import Adapter

__all__ = ["pairs_of", "train_adapters"]


def train_adapters(shop: Workshop) -> None:
    """Train every adapter that is not there yet.

    Raises:
        InputError: By the estimate, training does not fit into memory (unless it is forced), or the disk is full.
    """
    done = shop.folder.record["adapters"]
    wanted = [arm for arm in shop.arms() if arm.name not in done or not shop.folder.adapter(arm).is_dir()]
    if not wanted:
        return
    pairs = {value: stored_pairs(shop, value) for value in dict.fromkeys(arm.value for arm in wanted)}
    _check_fit(shop, max(pairs.values(), key=len))
    for arm in wanted:
        with shop.surviving(arm.name, "train"):
            adapter = _train(shop, arm, pairs_of(arm, pairs[arm.value]))
            done[arm.name] = _record(adapter, len(pairs[arm.value]))
            shop.reporter.say(f"{arm.name} trained in {adapter.seconds:.0f} s → {shop.folder.adapter(arm)}")
        shop.folder.save()


def pairs_of(arm: Arm, pairs: Sequence[PreferencePair]) -> Sequence[PreferencePair]:
    """What an arm is trained on: the pairs of its value, or what its control makes of them."""
    from anthrometrics.induction.tuning.controls import opposite, shuffled

    if arm.kind == "null":
        return shuffled(pairs, arm.seed)
    return opposite(pairs) if arm.kind == "opposite" else pairs


def _check_fit(shop: Workshop, pairs: Sequence[PreferencePair]) -> None:
    from anthrometrics.induction.tuning.estimate import estimate

    found = estimate(shop.chat, pairs, shop.config.tuning)
    if not found.fits and not shop.config.force:
        raise InputError(f"{found.advice} (--force trains all the same)")


def _train(shop: Workshop, arm: Arm, pairs: Sequence[PreferencePair]) -> Adapter:
    from anthrometrics.induction.tuning.train import train_adapter

    out = shop.folder.room_for(shop.folder.adapter(arm))
    return train_adapter(
        shop.chat, pairs, shop.config.with_seed(arm.seed), out, progress=_progress(shop, f"train {arm.name}")
    )


def _progress(shop: Workshop, what: str) -> Callable[..., None]:
    return lambda done, total, loss: shop.reporter.progress(
        what, done, total, "" if loss is None else f"loss {loss:.3f}"
    )


def _record(adapter: Adapter, pairs: int) -> dict[str, Any]:
    return {
        "pairs": pairs,
        "losses": list(adapter.losses),
        "trained_tokens": adapter.trained_tokens,
        "left_out": adapter.left_out,
        "logit_change": adapter.logit_change,
        "seconds": adapter.seconds,
    }
