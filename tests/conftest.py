"""What several modules share: the shipped model, loaded once, and real turns."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import anthrometrics
from anthrometrics import Scorer, Turn, read_turns
from anthrometrics.detectors.manifest import load_manifest

# The same examples on every machine, and a slow machine is no failure.
settings.register_profile("suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

REPOSITORY = Path(__file__).parents[1]
# A source checkout that is not installed must be found by child processes too.
PACKAGE_PARENT = Path(anthrometrics.__file__).parents[1]


@pytest.fixture(scope="session")
def repository():
    return REPOSITORY


@pytest.fixture(scope="session")
def data():
    return Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def manifest():
    return load_manifest()


@pytest.fixture(scope="session")
def scorer():
    """The default on a CPU."""
    return Scorer(device="cpu", threads=2)


@pytest.fixture(scope="session")
def exact_scorer():
    return Scorer(device="cpu", precision="exact", threads=2)


@pytest.fixture(scope="session")
def values_scorer():
    """The default on a CPU, which judges the trained values besides."""
    return Scorer(device="cpu", threads=2, values=True)


@pytest.fixture(scope="session")
def tokenizer(manifest):
    from tokenizers import Tokenizer

    loaded = Tokenizer.from_file(str(manifest.path / "tokenizer.json"))
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


@pytest.fixture(scope="session")
def example_turns():
    """Every turn of ``examples/``."""
    turns = [turn for file in sorted(REPOSITORY.glob("examples/*.jsonl")) for turn in read_turns(file)]
    assert all(isinstance(turn, Turn) for turn in turns)
    return turns


@pytest.fixture(scope="session")
def real_turns(example_turns):
    """500 distinct turns: those of the examples, and the same cut short, without their prompt, and joined to the next."""
    texts = [(turn.prompt, turn.response) for turn in example_turns]
    for (prompt, response), (_, following) in zip(texts[:], texts[1:] + texts[:1], strict=True):
        texts.append((prompt, response[: len(response) // 2 + 1]))
        texts.append((None, response))
        texts.append((prompt, f"{response}\n\n{following}"))
    distinct = [*dict.fromkeys(texts)][:499]
    # One that needs several windows.
    distinct.append((texts[0][0], "\n\n".join(turn.response for turn in example_turns[:12])))
    assert len(distinct) == 500
    return [Turn(prompt=prompt, response=response, id=str(i)) for i, (prompt, response) in enumerate(distinct)]


@pytest.fixture(scope="session")
def child_environment():
    """Environment of child processes: this package, and nothing that would change the width or colour of output."""
    dropped = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PYTHONWARNINGS", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PYTHONPATH": str(PACKAGE_PARENT), "PYTHONIOENCODING": "utf-8", "TERM": "xterm"}


@pytest.fixture(scope="session")
def python(child_environment):
    """Run this Python with arguments and return its completed process, output as bytes."""

    def run(*arguments, stdin=b"", cwd=None, environment=None, timeout=300):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env={**child_environment, **(environment or {})},
            timeout=timeout,
            check=False,
        )

    return run


# What a user of Inspect runs, with a model that is made up: nothing leaves this machine.
EVALUATION = """
import sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatMessageAssistant, ChatMessageUser, ContentReasoning, ContentText, ModelOutput, ModelUsage, get_model,
)
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, system_message

def answer(messages, tools, choice, config):
    if "fail" in messages[-1].text:
        raise RuntimeError("out of credit")
    said = [ContentReasoning(reasoning="They want praise."), ContentText(text="I'm so proud of you!")]
    output = ModelOutput.from_message(ChatMessageAssistant(content=said, source="generate"))
    # It would count tokens with a tokenizer that it downloads.
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output

worked = [ChatMessageUser(content="Hi"), ChatMessageAssistant(content="Hello."), ChatMessageUser(content="And now?")]
questions = [
    Sample(id="work/1", input="I quit my job.", target="proud", metadata={"topic": "work"}),
    Sample(id=2, input=worked, target="no"),
    Sample(id=10, input="Please fail.", target="no"),
]
for kind in ("eval", "json"):
    task = Task(
        dataset=questions, solver=[system_message("Be kind."), generate()], scorer=includes(), epochs=2, name="praise"
    )
    model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
    (log,) = eval(task, model=model, log_dir=sys.argv[1], log_format=kind, display="none", fail_on_error=False)
    assert log.status == "success", log.error
"""


@pytest.fixture(scope="session")
def inspect_logs(python, tmp_path_factory):
    """The log of one evaluation as Inspect wrote it, by suffix: ``.eval`` and ``.json``.

    Three samples in two epochs each; in the third the model failed.
    """
    folder = tmp_path_factory.mktemp("inspect")
    script = folder / "evaluation.py"
    script.write_text(EVALUATION, encoding="utf-8")
    done = python(script, folder / "logs", cwd=folder, environment={"HOME": str(folder)})
    assert done.returncode == 0, done.stderr.decode()
    return {file.suffix: file for file in (folder / "logs").iterdir()}
