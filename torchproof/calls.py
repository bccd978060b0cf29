"""Which calls a fact with a range is about, in words that can be judged where somebody's code calls its subject.

`@fact("torch.load", since="2.6", calls="not weights_only")` is about calls that leave `weights_only` out. What is said
is one of

    any     every call of the subject
    none    no call: the range begins where the claim can be proven, and no release changed what a call does

or what holds of a call all at once, with commas between and `|` between what will do:

    mmap                      passes the parameter; None is as if it were not passed
    not use_reentrant         does not pass it
    eps=0                     passes this value: a literal, or the last word of a name of torch, as in dtype=float8_*;
                              not to pass it passes its default
    passes float8_e4m3fn      passes that name of torch, or that text, for whichever parameter
    names float16|*.bool      has one of the words in the file, since what a call is given can come from anywhere there
    lacks batch_first         has none of the words in the file: where it has one, it may be about another call
    overrides __getitem__     is of a subclass, and one in the file overrides the method
    catches RuntimeError      has a handler of the exception around it
    uncaught UnpicklingError  has no handler around it that names the exception and goes on
    decorates                 is a decorator, `bare` one without parentheses
    recorded                  may pass a gradient to its first operand, or to `both`: what goes in is not detached or
                              of integers, what it gives is more than an index, and no `no_grad` is around it
    resampled                 may resample a tensor: what goes in is not shown to be an image of PIL, nor are the
                              nearest pixels alone read
    pin_memory=True but cuda  as pin_memory=True; what is not a literal is not made of names with one of these words
    layer made bias=False     what is passed is made, there or where its name is bound, by a call that passes this value
                              (or leaves it out, where it is the default), or by one of this name: `steps made Adam()`
                              is about a list, too, in which one is

Needs neither torch nor pytest.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

ANY, NONE = "any", "none"
_VERBS = ("not", "passes", "names", "lacks", "overrides", "catches", "uncaught", "decorates", "recorded", "resampled")
_MADE = r"\w+=[\w*.]+|\w+\(\)"


@dataclass(frozen=True)
class Clause:
    """One thing that holds of a call: `verb` is one of those above, 'is' for a value, '' for what is passed at all.

    `but` are words that speak against a value which is not shown.
    """

    verb: str
    words: tuple[str, ...]
    parameter: str = ""
    but: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that it speaks of."""
        if self.parameter:
            return (self.parameter,)
        return self.words if self.verb in ("", "not") else ()


@cache
def clauses(said: str) -> tuple[Clause, ...]:
    """What `calls=` says, taken apart; of ANY and NONE there is nothing. Raises ValueError for what means nothing."""
    return () if said in (ANY, NONE) else tuple(_clauses(said))


def _clauses(said: str) -> Iterator[Clause]:
    for text in said.split(", "):
        if match := re.fullmatch(r"(decorates)( bare)?|(recorded)( both)?|resampled", text):
            verb, *words = text.split()
            yield Clause(verb, tuple(words))
        elif match := re.fullmatch(rf"(\w+) made ((?:{_MADE})(?:\|(?:{_MADE}))*)", text):
            yield Clause("made", tuple(match[2].split("|")), match[1])
        elif match := re.fullmatch(r"(\w+)=(.+?)(?: but (.+))?", text):
            yield Clause("is", tuple(match[2].split("|")), match[1], tuple(match[3].split("|")) if match[3] else ())
        elif text not in _VERBS and (
            match := re.fullmatch(rf"(?:({'|'.join(_VERBS[:-3])}) )?([\w*.]+(?:\|[\w*.]+)*)", text)
        ):
            yield Clause(match[1] or "", tuple(match[2].split("|")))
        else:
            raise ValueError(f"calls={said!r} says nothing of a call by {text!r}")


def literal(word: str) -> object:
    """The value that a word of a clause stands for: a literal, or else the word itself."""
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return word
