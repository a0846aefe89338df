from pathlib import Path

from anthrometrics.detectors.manifest import model_dir
from training.card import write_card, write_readme_table

ROOT = Path(__file__).parents[2]


def test_card_is_what_the_manifest_says(tmp_path):
    shipped = model_dir()
    (tmp_path / "detectors.json").write_text((shipped / "detectors.json").read_text(encoding="utf-8"), encoding="utf-8")
    write_card(tmp_path)
    card = (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card == (shipped / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_readme_table_is_what_the_manifest_says(tmp_path):
    readme = ROOT / "README.md"
    copy = tmp_path / "README.md"
    copy.write_text(readme.read_text(encoding="utf-8"), encoding="utf-8")
    write_readme_table(model_dir(), copy)
    assert copy.read_text(encoding="utf-8") == readme.read_text(encoding="utf-8")
    assert "| macro F1" in copy.read_text(encoding="utf-8")
