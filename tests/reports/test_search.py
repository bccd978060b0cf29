"""Facts by the words of a question."""

from __future__ import annotations

import sqlite3
import time
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from torchproof.releases import tomllib
from torchproof.reports import Refusal, search
from torchproof.reports.index import IndexedFact, facts

ASKED = tomllib.loads(Path(__file__).with_name("questions.toml").read_text(encoding="utf-8"))
QUESTIONS, ANSWERED = ASKED["question"], ASKED["answered"]


def fact(identity, claim="It is so.", *, subjects=("torch.load",), **said):
    return IndexedFact(id=identity, claim=claim, subjects=subjects, file="a.py", line=1, **said)


def found(question, *known):
    return [one.id for one in search.Index(known).search(question)]


def test_the_words_of_a_claim():
    known = fact("a", "`view` shares memory."), fact("b", "`view` has strides.")
    assert found("does view share memory", *known)[0] == "a"


@pytest.mark.parametrize(
    "said",
    [
        {"subjects": ("torch.nn.CrossEntropyLoss",)},
        {"myth": "entropy is lost"},
        {"hint": "look at the entropy"},
        {"errors": ("entropy must be positive",)},
    ],
    ids=lambda said: next(iter(said)),
)
def test_the_words_of_all_parts(said):
    assert found("what about entropy", fact("one", **said), fact("other")) == ["one"]


@pytest.mark.parametrize("asked", ["clip_grad_norm_", "clip grad norm", "clip"])
def test_the_parts_of_a_name_are_words(asked):
    known = fact("a", subjects=("torch.nn.utils.clip_grad_norm_",)), fact("other")
    assert found(asked, *known) == ["a"]


def test_endings_of_words_do_not_matter():
    assert found("copying gradients", fact("a", "It copies a gradient."), fact("other")) == ["a"]


@pytest.mark.parametrize(
    ("asked", "claim"),
    [
        ("freeze a model", "`requires_grad_(False)` does it."),
        ("out of memory oom", "It saves less bytes."),
        ("ddp", "`DistributedDataParallel` averages."),
        ("gpu", "It is moved to cuda."),
        ("clone", "It copies."),
    ],
)
def test_people_s_words(asked, claim):
    assert found(asked, fact("a", claim), fact("other")) == ["a"]


def test_the_word_itself_counts_more_than_one_that_stands_for_it():
    known = fact("stands for it", "It is on cuda."), fact("itself", "It is on the gpu.")
    assert found("gpu", *known) == ["itself", "stands for it"]


@pytest.mark.parametrize("asked", ["", "why is it so", "?!", "_", '"', "NEAR(a b)", "a* OR b:c"])
def test_words_that_say_nothing_find_nothing(asked):
    assert found(asked, fact("x", "zzz")) == []


def test_at_most_five():
    assert len(found("load", *(fact(f"a{number}") for number in range(9)))) == 5


def test_near_words():
    assert search.near("gradiants", [fact("a", "It has gradients.")]) == ["gradients"]


def test_an_sqlite_without_it_is_one_sentence(monkeypatch):
    class Poor:
        def execute(self, text):
            raise sqlite3.OperationalError("no such module: fts5")

    monkeypatch.setattr(sqlite3, "connect", lambda name: Poor())
    with pytest.raises(Refusal, match="FTS5"):
        search.Index([])


def test_the_index_of_all_facts_takes_less_than_a_second():
    known = facts()
    began = time.process_time()
    search.Index(known).search("does reshape copy")
    assert time.process_time() - began < 1


def test_words_of_synonyms_are_heard():
    unheard = [group.split()[0] for group in search._SYNONYMS if group.split()[0] in search._SAYS_NOTHING]
    assert unheard == []


# --- as learners ask --------------------------------------------------------------------------------------------------


def test_each_question_has_a_fact():
    ids = [one.id for one in facts()]
    wrong = [
        pattern
        for question in QUESTIONS + ANSWERED
        for pattern in question["facts"]
        if not any(fnmatchcase(one, pattern) for one in ids)
    ]
    assert wrong == []
    assert len(QUESTIONS) == 60


def missed(questions):
    """What has no deciding fact among the first five."""
    index = search.Index(facts())

    def is_answered(question):
        first = [one.id for one in index.search(question["asks"])]
        return any(fnmatchcase(one, pattern) for one in first for pattern in question["facts"])

    return [question["asks"] for question in questions if not is_answered(question)]


def test_the_deciding_fact_is_among_the_first_five():
    assert len(missed(QUESTIONS)) <= 15


def test_what_was_made_to_be_answered_is():
    assert missed(ANSWERED) == []
