"""Facts by the words of a question: "does reshape copy", or an error as torch prints it.

An index of SQLite's FTS5 in memory, made anew each time, ranked by its BM25. People's words and the suites' differ, so
each word of a question stands for its synonyms as well: the one that fits a fact best counts.
"""

from __future__ import annotations

import difflib
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from torchproof.reports import Refusal
from torchproof.reports.index import IndexedFact

# The parts of a fact with their weights: what a fact says counts most, then what it is called and about.
_PARTS = {"claim": 4.0, "subjects": 3.0, "identity": 2.5, "errors": 3.0, "myth": 2.0, "hint": 1.0}

# Words of a question that say nothing of what is asked.
_SAYS_NOTHING = frozenset(
    " ".join(
        (
            "a about actually after all always am an and any are as at be because been before being between both but",
            "by can cannot cant could did do does doesnt doing dont else even ever every exactly for from get gets",
            "getting give gives given go got had has have having here how i if in into is isnt it its just keep keeps",
            "know let like make makes many may me mean means might more most much must my need needs no now of off on",
            "one only onto or other our out over own please python pytorch really same say says should so some",
            "something still such than that the their them then there these they thing this those to too torch torchs",
            "try trying under until up us use used using very want was way we well were what when where whether which",
            "while who why will with within without work works would wrong you your",
        )
    ).split()
)

# Words that people have for one thing, each group in the words of questions and of facts. A short list: what differs in
# an ending is told by the stemmer already.
_SYNONYMS = (
    "freeze frozen requires_grad",
    "frozen freeze requires_grad",
    "unfreeze requires_grad",
    "oom memory bytes allocated",
    "leak leaks memory alive keeps",
    "ddp DistributedDataParallel",
    "fsdp FullyShardedDataParallel",
    "dp DataParallel",
    "gpu gpus cuda device",
    "copy clone alias shares memory",
    "clone copy",
    "alias shares memory view",
    "share shares same memory write",
    "flatten reshape view",
    "resize reshape view",
    "slow slower slowly faster time",
    "fast faster time",
    "nan nans inf infinite",
    "gradient gradients grad",
    "graph backward retain_graph",
    "loss criterion",
    "lr learning rate",
    "scheduler schedule schedules lr_scheduler",
    "checkpoint save state_dict",
    "save saved saves",
    "load loads loading map_location",
    "restore resume load_state_dict",
    "weights weight parameter parameters",
    "batchnorm BatchNorm running statistics",
    "eval evaluation inference",
    "inference no_grad inference_mode",
    "dataset datasets DataLoader",
    "dataloader DataLoader workers",
    "workers num_workers worker",
    "seed seeds manual_seed generator",
    "reproducible deterministic seed",
    "random randomness rand generator",
    "mixed autocast amp",
    "amp autocast GradScaler",
    "half float16 fp16",
    "fp16 float16 half",
    "bf16 bfloat16",
    "fp32 float32 float",
    "double float64",
    "integer integers int int64 long",
    "numpy array from_numpy",
    "list lists sequence",
    "cast convert dtype",
    "convert converts to from",
    "append append cat stack",
    "concatenate concat cat",
    "join cat stack",
    "multiply matmul mul product products",
    "dot matmul product",
    "dimension dim dimensions axis",
    "axis dim",
    "swap transpose permute",
    "remove squeeze",
    "add unsqueeze adds",
    "mask masked boolean",
    "index indexing indices",
    "crossentropy cross_entropy CrossEntropyLoss",
    "clip clip_grad_norm_ clamp",
    "accumulate accumulates accumulation adds sum",
    "reset zero_grad zero",
    "compile compiled recompile recompiles",
    "module Module layer",
    "hook hooks",
    "average averages mean reduction",
    "initialise initialize init",
    "sparse csr coo",
    "contiguous contiguous strides",
    # what people call packages, and what they do with them
    "tensorboard SummaryWriter",
    "tensorboardx TensorBoard SummaryWriter",
    "log logs add_scalar",
    "biases wandb",
    "huggingface transformers datasets",
    "hf transformers datasets",
    "ort onnx_runtime",
    "raytune ray_tune",
)


@cache
def _synonyms() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for group in _SYNONYMS:
        first, *others = group.split()
        found[first] += others
    return {word: tuple(others) for word, others in found.items()}


class Index:
    """Some facts, to be asked. Raises Refusal where this Python's SQLite cannot search."""

    def __init__(self, facts: Sequence[IndexedFact]) -> None:
        self.facts = facts
        self._table = sqlite3.connect(":memory:")
        parts = ", ".join(_PARTS)
        try:
            self._table.execute(f"CREATE VIRTUAL TABLE facts USING fts5({parts}, tokenize='porter unicode61')")
        except sqlite3.OperationalError as error:  # an SQLite that somebody built without it
            raise Refusal("this Python's SQLite has no FTS5 to search with: give a name or an id, not words") from error
        rows = ((place, *_texts(fact)) for place, fact in enumerate(facts))
        self._table.executemany(f"INSERT INTO facts(rowid, {parts}) VALUES (?{', ?' * len(_PARTS)})", rows)

    def search(self, question: str, most: int = 5) -> list[IndexedFact]:
        """The facts that fit the words best, the best one first; none where no word of the question is in any."""
        scores: dict[int, float] = defaultdict(float)
        for alternatives in _words(question):
            best: dict[int, float] = {}
            for word, weight in alternatives:
                for place, score in self._scored(word):
                    best[place] = max(best.get(place, 0.0), weight * score)
            for place, score in best.items():
                scores[place] += score
        ranked = sorted(scores, key=lambda place: (-scores[place], place))
        return [self.facts[place] for place in ranked[:most]]

    def _scored(self, word: str) -> Iterator[tuple[int, float]]:
        """Each fact that has a word, or a name's parts side by side, with its BM25."""
        weights = ", ".join(map(str, _PARTS.values()))
        phrase = '"' + " ".join(_parts(word)) + '"'
        rows = self._table.execute(f"SELECT rowid, -bm25(facts, {weights}) FROM facts WHERE facts MATCH ?", (phrase,))
        return ((place, score) for place, score in rows)


def near(question: str, facts: Iterable[IndexedFact]) -> list[str]:
    """Words of facts that look like those of the question: for messages."""
    known = {word for fact in facts for word in re.findall(r"[a-z]{3,}", " ".join(_texts(fact)).lower())}
    asked = (word for word in _plain(question) if word not in _SAYS_NOTHING)
    close = (difflib.get_close_matches(word, known, n=2, cutoff=0.75) for word in asked)
    return list(dict.fromkeys(word for words in close for word in words))[:5]


def _words(question: str) -> Iterator[list[tuple[str, float]]]:
    """Each word of a question with what people also say for it, which counts for less."""
    asked = [word for word in _plain(question) if word not in _SAYS_NOTHING]
    for word in dict.fromkeys(asked):
        others = _synonyms().get(word) or _synonyms().get(word.removesuffix("s"), ())
        yield [(word, 1.0), *((other, 0.6) for other in others)]


def _plain(question: str) -> list[str]:
    """The words in lower case, with the parts of names apart."""
    return [part.lower() for word in re.findall(r"\w+", question.replace("'", "")) for part in _parts(word)]


def _texts(fact: IndexedFact) -> tuple[str, ...]:
    """The words of each part of a fact, names with their parts beside them."""
    parts = {
        "claim": fact.claim,
        "subjects": " ".join(subject.removeprefix("torch.") for subject in fact.subjects),
        "identity": fact.id,
        "errors": re.sub(r"\\.", " ", " ".join(fact.errors)),
        "myth": fact.myth or "",
        "hint": fact.hint or "",
    }
    return tuple(_split(parts[part]) for part in _PARTS)


def _split(text: str) -> str:
    """The text, with the parts of names in it as words of their own behind it."""
    extra = [part for word in re.findall(r"\w+", text) if len(parts := _parts(word)) > 1 for part in parts]
    return " ".join([text, *extra])


@cache
def _parts(word: str) -> tuple[str, ...]:
    """A name's parts: of `CrossEntropyLoss`, and of `cross_entropy_loss`. In lower case they are words."""
    return tuple(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[A-Z]", word)) or (word,)
