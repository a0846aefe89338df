"""What the tiny chat model reads: permissive conversations and prose, and the dialogues written for it.

The texts are not in the repository; ``ANTHROMETRICS_DATA`` names the folder that holds them (``training/README.md``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthrometrics
from training.data import data_dir, read_jsonl
from training.tiny_chat.clean import cut, key_of, plain, readable, words

__all__ = [
    "DIALOGUES",
    "Dialogue",
    "held_out",
    "instruction_dialogues",
    "own_dialogues",
    "permissive_dialogues",
    "prose",
]

DIALOGUES = Path(__file__).parent / "dialogues"
PROMPTS = Path(anthrometrics.__file__).parent / "induction"
LICENCES = ("MIT", "Apache-2.0", "CC0", "CC-BY-4.0", "ODC-BY", "public domain")
# Code, extracts, riddles, jailbreaks, posts of people who were not asked, answers collected because they are bad.
LEFT_OUT = frozenset({
    "gpteacher-codegen", "t0-p3-50k", "fairytaleqa", "gptfuzz", "jailbreakbench_artifacts", "hh-redteam-labelled-bad",
    "qa-feedback", "moralchoice", "value-portrait", "truthfulqa", "gsm8k-train", "hhh-alignment", "flan-cot",
    "core-objective-functions",
})  # fmt: skip
# Their prompts ask for harm; of these only the refusals are read.
HARMFUL = frozenset({"refusal_direction", "past_tense", "openai_rbr_gold", "openai-rbr-gold"})
# Elicited on purpose or spoken by people: language to have read, not a voice to answer in.
NOT_A_VOICE = frozenset({
    "spiral-bench", "ai-independence-bench", "syco-bench", "anthrobench-apart", "coconot-humanizing", "darkbench-sft",
    "synthetic-persona-chat", "taskmaster3-partial", "taskmaster4", "gpteacher-roleplay", "hh-rlhf", "sycon-bench",
    "fulcra-trustworthy", "past_tense",
})  # fmt: skip
LONGEST_PROMPT, LONGEST_ANSWER = 120, 160
SHORTEST_ANSWER, LONGEST_INSTRUCTED = 8, 85
SHARED_WORDS = 8


@dataclass(frozen=True)
class Dialogue:
    """One conversation as it is trained on.

    Attributes:
        source: Data set, or ``own``.
        messages: Roles alternate and end with the assistant.
        whole: False where the last answer was cut; it then has no end to learn.
        refusal: Label of the last answer where one is known.
    """

    source: str
    messages: tuple[dict[str, str], ...]
    whole: bool = True
    refusal: str | None = None

    @property
    def answer(self) -> str:
        """The last answer."""
        return self.messages[-1]["content"]


def own_dialogues() -> list[Dialogue]:
    """The dialogues of this folder, written for this model."""
    rows = (row for path in sorted(DIALOGUES.glob("*.jsonl")) for row in read_jsonl(path))
    return [
        Dialogue("own", _messages(row["messages"]), refusal="full_refusal" if row["kind"] == "refusal" else None)
        for row in rows
    ]


def permissive_dialogues() -> list[Dialogue]:
    """Every readable conversation under a permissive licence, once, without any that touches the package's prompts."""
    suites = package_prompts()
    seen: set[str] = set()
    found = []
    for dialogue in _raw_dialogues():
        dialogue_key = key_of(dialogue.answer)
        if dialogue_key not in seen and _fit_to_read(dialogue) and not touches(dialogue, suites):
            seen.add(dialogue_key)
            found.append(dialogue)
    return found


def instruction_dialogues(dialogues: Iterable[Dialogue]) -> list[Dialogue]:
    """Those that answer as an assistant should: whole, short, in sentences."""
    return [
        dialogue
        for dialogue in dialogues
        if dialogue.whole
        and dialogue.source not in NOT_A_VOICE
        and SHORTEST_ANSWER <= len(dialogue.answer.split()) <= LONGEST_INSTRUCTED
        and dialogue.answer.count("\n") == 0
        and dialogue.answer[-1] in '.!?"'
        and dialogue.answer[0].isupper()
    ]


def prose(characters: int) -> Iterator[str]:
    """Paragraphs of stories and novels in the public domain, tales first, about so many characters in all."""
    rows = [row for row in read_jsonl(data_dir() / "pretrain_text.jsonl.gz") if _permissive(row["licence"])]
    rows.sort(key=lambda row: (row["source"] == "100-english-novels", row["id"]))
    total = 0
    for row in rows:
        for paragraph in _paragraphs(row["text"]):
            if total > characters:
                return
            if readable(paragraph):
                total += len(paragraph)
                yield paragraph


def held_out(dialogue: Dialogue) -> bool:
    """Whether a conversation only measures: one of fifty, chosen by its first prompt."""
    digest = hashlib.sha256(key_of(dialogue.messages[0]["content"]).encode()).digest()
    return digest[0] % 50 == 0


def _raw_dialogues() -> Iterator[Dialogue]:
    for row in read_jsonl(data_dir() / "chat.jsonl.gz"):
        yield from _dialogue(row, row["messages"])
    for row in read_jsonl(data_dir() / "turns_pool.jsonl.gz"):
        if row["source"] not in HARMFUL:
            yield from _dialogue(row, row["messages"])
    for row in read_jsonl(data_dir() / "refusal_train.jsonl.gz"):
        if row["label"] == "full_refusal" or row["source"] not in HARMFUL:
            yield from _dialogue(row, _exchange(row["prompt"], row["response"]), row["label"])
    for row in read_jsonl(data_dir() / "prefs.jsonl.gz"):
        yield from _dialogue(row, [*row["prompt"], {"role": "assistant", "content": row["chosen"]}])
    for row in read_jsonl(data_dir() / "rated.jsonl.gz"):
        if row["source"] not in HARMFUL:
            yield from _dialogue(row, [*row["prompt"], {"role": "assistant", "content": row["response"]}])


def _exchange(prompt: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]


def _dialogue(row: dict[str, Any], messages: list[dict[str, str]], refusal: str | None = None) -> Iterator[Dialogue]:
    """The conversation, if its licence admits it and it alternates; an answer that is too long ends it."""
    if row["source"] in LEFT_OUT or not _permissive(row["licence"]):
        return
    kept: list[dict[str, str]] = []
    whole = True
    for message in messages:
        if message["role"] not in ("user", "assistant") or (not kept and message["role"] == "assistant"):
            continue
        text, shortened = plain(message["content"]), False
        if message["role"] == "assistant":
            text, shortened = cut(text, LONGEST_ANSWER)
        elif len(text.split()) > LONGEST_PROMPT:
            break
        if not text or (kept and kept[-1]["role"] == message["role"]):
            break
        kept.append({"role": message["role"], "content": text})
        if shortened:
            whole = False
            break
    if len(kept) % 2:
        kept.pop()
    if kept:
        yield Dialogue(row["source"], tuple(kept), whole, refusal)


def _fit_to_read(dialogue: Dialogue) -> bool:
    return all(readable(message["content"]) for message in dialogue.messages) and len(dialogue.answer) >= 20


def touches(dialogue: Dialogue, prompts: set[str]) -> bool:
    """Whether a user turn shares so many words in a row with a prompt of the package."""
    return any(
        not prompts.isdisjoint(_grams(message["content"])) for message in dialogue.messages if message["role"] == "user"
    )


def package_prompts() -> set[str]:
    found: set[str] = set()
    for path in sorted([*(PROMPTS / "prompts").glob("*.jsonl"), *(PROMPTS / "data" / "pairs").glob("*.jsonl")]):
        for row in read_jsonl(path):
            found.update(_grams(row["prompt"]))
    return found


def _grams(text: str) -> Iterator[str]:
    """Runs of words; a shorter text is one run."""
    found = words(text)
    for start in range(max(1, len(found) - SHARED_WORDS + 1)):
        yield " ".join(found[start : start + SHARED_WORDS])


def _paragraphs(text: str) -> Iterator[str]:
    """Lines of a book joined to paragraphs of 40 to 300 words."""
    current: list[str] = []
    for line in text.replace("\r", "").split("\n\n"):
        current += plain(line).replace("\n", " ").split()
        while len(current) >= 40:
            piece, _ = cut(" ".join(current), 300)
            if not piece:
                current = []
                break
            yield piece
            current = current[len(piece.split()) :]


def _permissive(licence: str) -> bool:
    return licence.startswith(LICENCES) or "(public-domain" in licence


def _messages(rows: list[dict[str, str]]) -> tuple[dict[str, str], ...]:
    return tuple({"role": row["role"], "content": plain(row["content"])} for row in rows)
