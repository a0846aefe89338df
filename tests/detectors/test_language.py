"""English, and what shows no sign of another language, is unflagged; the rest is."""

import pytest

from anthrometrics.detectors.language import is_mostly_english


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "😊😊",
        "Yes.",
        "Sure!",
        "Bonjour!",
        "Paris",
        "Sure, I can do that for you. Which of the two do you prefer?",
        "def add(a, b):\n    return a + b\n\nprint(add(1, 2))",
        "```js\nconst total = items.reduce((sum, item) => sum + item.price, 0);\n```",
        "SELECT name, price FROM items WHERE price > 10 ORDER BY name;",
        "- Apple\n- Banana\n- Cherry\n- Mango\n- Papaya",
        "Anna, Bob, Carlos, Dmitri, Elena, François",
        'The Spanish word for "house" is "casa", and "de la casa" means "of the house".',
        "It's called *Die Zauberflöte*, and I think that you would like it a lot.",
        "The Greek letters α, β and γ are used for the three angles of the triangle.",
    ],
)
def test_unflagged(text):
    assert is_mostly_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "Claro que sí, estoy muy contento de poder ayudarte con todo lo que necesites para tu viaje.",
        "Das ist eine sehr gute Frage, und ich freue mich, dass du sie mir gestellt hast.",
        "Je suis très heureux de pouvoir vous aider avec cette question, qui est tout à fait normale.",
        "这是一个很好的问题,我很高兴能帮助你。",
        "Fico muito feliz por poder ajudar você com isso, e acho que a sua ideia é muito boa.",
        "Это очень хороший вопрос, и я рад, что вы его задали.",
        "هذا سؤال جيد جدا وأنا سعيد بمساعدتك",
        "それはとてもいい質問ですね。",
        "Het is heel normaal dat je je zo voelt, en ik ben er voor je.",
        "Sono molto contento che tu me lo abbia chiesto, perché questa è una bella domanda.",
    ],
)
def test_flagged(text):
    assert not is_mostly_english(text)


def test_a_foreign_quotation_in_an_english_answer_is_unflagged():
    text = (
        "Here is the translation that you asked for, with a note on the tone. "
        "«Estoy muy contento de verte.» It is what you would say to a friend when you are happy to see them."
    )
    assert is_mostly_english(text)


def test_every_shipped_example_is_english(example_turns):
    assert [turn.id for turn in example_turns if not is_mostly_english(turn.response)] == []


def test_a_long_text_is_judged_by_its_beginning():
    assert is_mostly_english("This is what you asked me for, and it is all there. " * 100 + "это не так " * 10_000)
