"""Any text makes a file name, and different texts make different ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapsnet.file_names import safe_name

TEXTS = st.text(st.characters(exclude_categories=()), max_size=300)  # lone surrogates and NUL among them


@pytest.mark.parametrize("text", ["mouse_1", "2019-01-01.probe0", "sub@lab=x+y", "小鼠甲", "Müller", "мышь"])
def test_a_name_that_any_system_takes_is_kept(text):
    assert safe_name(text) == text


@pytest.mark.parametrize(
    "texts",
    [
        ["a b", "a_b", "a/b", "a\\b", "a:b", "a\0b", "a\nb", "a\udcffb"],
        ["..", ".", "", "/", "..."],
        [".hidden", "hidden", "hidden."],
        ["x" * 500 + "a", "x" * 500 + "b", "鼠" * 300, "鼠" * 301],
        ["é", "e\u0301"],  # one letter, written in two ways
    ],
)
def test_texts_that_differ_in_what_a_name_cannot_hold_stay_apart(tmp_path, texts):
    for text in texts:
        (tmp_path / f"{safe_name(text)}.png").write_text(text.encode(errors="surrogatepass").hex())
    written = sorted(path.read_text() for path in tmp_path.iterdir())
    assert written == sorted(text.encode(errors="surrogatepass").hex() for text in texts)


def test_an_altered_name_can_still_be_recognised():
    assert safe_name("traces-mouse 1/probe 0").startswith("traces-mouse_1_probe_0-")


@given(TEXTS)
def test_no_text_makes_a_name_that_is_hidden_empty_or_too_long(text):
    name = safe_name(text)
    assert 0 < len(name.encode()) <= 120
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert not set(name) & set('/\\:*?"<>|\0\n\r\t ')


@given(TEXTS, TEXTS)
def test_different_texts_have_different_names(first, second):
    assert (safe_name(first) == safe_name(second)) == (first == second)
