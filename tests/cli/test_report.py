"""``anthrometrics report`` and ``score --html``: pages of a set, and of a comparison."""

import pytest


@pytest.fixture(scope="module")
def examples(repository):
    return repository / "examples" / "plain.jsonl", repository / "examples" / "warm.jsonl"


def test_a_transcript_becomes_a_page_of_its_scores(cli, examples, tmp_path):
    done = cli("report", examples[1], "-o", tmp_path / "page.html", "--title", "Warm <answers>")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert done.returncode == 0 and "page.html" in done.stderr
    assert "Warm &lt;answers&gt;" in page and "so proud of" in page


def test_two_sets_become_a_page_of_their_comparison(cli, examples, tmp_path):
    assert cli("report", *examples, "-o", tmp_path / "page.html").returncode == 0
    assert "anthropomorphic language rose" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_file_of_scores_needs_labels(cli, examples, tmp_path):
    cli("score", examples[0], "-o", tmp_path / "few.jsonl", "--detail", "summary")
    done = cli("report", tmp_path / "few.jsonl", "-o", tmp_path / "page.html")
    assert done.returncode == 2 and "--detail labels" in done.stderr and not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("content", ["", '{"answers": []}\n'])
def test_nothing_readable_is_no_page(cli, tmp_path, content):
    (tmp_path / "in.jsonl").write_text(content, encoding="utf-8")
    done = cli("report", "in.jsonl", "-o", "page.html", "--response-field", "response", cwd=tmp_path)
    assert done.returncode == 2 and "anthrometrics: nothing readable in in.jsonl" in done.stderr
    assert not (tmp_path / "page.html").exists()


def test_scoring_writes_the_page_beside_the_scores(cli, examples, tmp_path):
    done = cli("score", examples[0], "-o", tmp_path / "out.jsonl", "--html", tmp_path / "page.html")
    assert done.returncode == 0 and (tmp_path / "out.jsonl").exists()
    assert "plain.jsonl" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_page_of_half_a_run_is_refused(cli, examples, tmp_path):
    done = cli("score", examples[0], "-o", tmp_path / "out.jsonl", "--html", tmp_path / "page.html", "--resume")
    assert done.returncode == 2 and "anthrometrics report" in done.stderr
