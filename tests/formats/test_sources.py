"""Names on the command line → files."""

import pytest

from anthrometrics import InputError
from anthrometrics.formats.sources import files_of


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "a.jsonl",
        "runs/b.jsonl.gz",
        "runs/deep/c.CSV",
        "runs/deep/out.meta.json",
        "runs/.hidden.json",
        "runs/x.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["a.jsonl", "-"], ["a.jsonl", "-"]),
        (["runs"], ["runs/b.jsonl.gz", "runs/deep/c.CSV"]),
        (["runs/**/*.CSV", "*.jsonl"], ["runs/deep/c.CSV", "a.jsonl"]),
        (["runs/x.py"], ["runs/x.py"]),
    ],
)
def test_files_folders_and_patterns(here, named, expected):
    assert files_of(named) == expected


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (["absent.jsonl"], "absent.jsonl does not exist"),
        (["*.parquet"], r"no file matches \*\.parquet"),
        (["empty"], "the folder empty has no file of a known suffix"),
        (["a.jsonl", "./a.jsonl"], "named twice"),
        (["-", "-"], "- is named twice"),
        (["runs", "runs/b.jsonl.gz"], "named twice"),
    ],
)
def test_what_gives_no_file_is_explained(here, named, message):
    with pytest.raises(InputError, match=message):
        files_of(named)


@pytest.fixture
def datasets_here(here):
    """A dataset at the top, and among other files one with splits."""
    for folder in ("saved", "runs/splits/train", "runs/splits/test"):
        (here / folder).mkdir(parents=True)
        for name in ("state.json", "dataset_info.json", "data-00000-of-00001.arrow"):
            (here / folder / name).write_text("")
    (here / "runs/splits/dataset_dict.json").write_text("")
    (here / "runs/log.eval").write_text("")
    (here / "runs/data.arrow").write_text("")
    return here


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["saved"], ["saved"]),
        (["saved/"], ["saved/"]),
        (["runs/splits"], ["runs/splits"]),
        (["runs/splits/test"], ["runs/splits/test"]),
        (["runs"], ["runs/b.jsonl.gz", "runs/data.arrow", "runs/deep/c.CSV", "runs/log.eval", "runs/splits"]),
        (["*"], ["a.jsonl", "saved"]),
        (["runs/spl*/**"], ["runs/splits/"]),
        (["runs/spl*/t*"], ["runs/splits/test", "runs/splits/train"]),
        (["saved/*.arrow"], ["saved/data-00000-of-00001.arrow"]),
    ],
)
def test_a_dataset_stands_for_itself(datasets_here, named, expected):
    assert files_of(named) == expected


def test_a_dataset_named_twice_is_refused(datasets_here):
    with pytest.raises(InputError, match="named twice"):
        files_of(["runs", "runs/splits"])


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(here):
    (here / "a[1].jsonl").write_text("")
    assert files_of(["a[1].jsonl"]) == ["a[1].jsonl"]
