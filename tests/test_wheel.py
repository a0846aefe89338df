"""The wheel as a stranger gets it: built, installed alone, and scoring with no checkout and no network."""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile

import pytest

pytestmark = pytest.mark.slow

# Any attempt to reach the network ends the process with this code.
OFFLINE = """
import os, sys
def guard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        os._exit(97)
sys.addaudithook(guard)
"""


def _run(*arguments, **options):
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False, timeout=1200, **options)
    assert done.returncode == 0, f"{arguments}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory):
    """Built from a copy of the sources, so that nothing is left in the checkout."""
    source, folder = tmp_path_factory.mktemp("source") / "project", tmp_path_factory.mktemp("wheel")
    left_out = shutil.ignore_patterns(".*", "__pycache__", "dist", "build", "runs", "*.egg-info")
    shutil.copytree(repository, source, ignore=left_out)
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, source)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """The interpreter of an empty environment with the wheel in it, and variables that keep it off the network."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    interpreter = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    clean = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")
    }
    _run(interpreter, "-m", "pip", "install", "--quiet", wheel, env=clean)
    guard = tmp_path_factory.mktemp("guard")
    (guard / "sitecustomize.py").write_text(OFFLINE, encoding="utf-8")
    return interpreter, {**clean, "PYTHONPATH": str(guard)}


def test_the_wheel_holds_the_model_and_the_typing_marker(wheel, manifest):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "anthrometrics/py.typed" in names
    for folder in ("detectors", "fast", "values"):
        for file in (manifest.path.parent / folder).iterdir():
            assert f"anthrometrics/models/{folder}/{file.name}" in names
    for part in ("report/static/page.css", "report/templates/page.html.j2", "induction/prompts/everyday.jsonl"):
        assert f"anthrometrics/{part}" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)


def test_the_wheel_holds_nothing_else(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"anthrometrics", next(top for top in tops if top.endswith(".dist-info"))}


def test_the_core_needs_no_torch(environment):
    interpreter, variables = environment
    code = (
        "import importlib.util as u; print([n for n in ('torch', 'transformers', 'pandas', 'onnx') if u.find_spec(n)])"
    )
    assert _run(interpreter, "-c", code, env=variables).strip() == "[]"


def test_the_guard_would_notice_a_connection(environment):
    interpreter, variables = environment
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    assert subprocess.run([interpreter, "-c", code], env=variables, check=False).returncode == 97


def test_the_installed_package_scores_an_example_offline(environment, repository, tmp_path, scorer):
    interpreter, variables = environment
    shutil.copy(repository / "examples" / "plain.jsonl", tmp_path)
    script = interpreter.with_name("anthrometrics")
    _run(script, "score", "plain.jsonl", "-o", "out.jsonl", "--device", "cpu", cwd=tmp_path, env=variables)
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(records) == 71
    assert all(record["status"] == "scored" for record in records)
    meta = json.loads((tmp_path / "out.meta.json").read_text(encoding="utf-8"))
    assert meta["provenance"]["model_digest"] == scorer.provenance["model_digest"]


def test_the_installed_package_knows_its_version(environment, wheel):
    interpreter, variables = environment
    version = wheel.name.split("-")[1]
    assert _run(interpreter.with_name("anthrometrics"), "--version", env=variables).split()[-1] == version
    code = "import anthrometrics; print(anthrometrics.__version__, anthrometrics.__file__)"
    shown, file = _run(interpreter, "-c", code, env=variables).split()
    assert shown == version
    assert str(interpreter.parents[1]) in file
