"""Records as tests of reports want them."""

from __future__ import annotations

from torchproof.records import End, FactLine, Head, Started, Verdict

ENVIRONMENT = {
    "cpu": "A <fast> CPU",
    "capability": "AVX2",
    "python": "3.11.7",
    "os": "Linux",
    "devices": [],
    "flags": "built with GCC",
}


def write(path, torch, results, complete=True):
    """A record of this torch version with these `(id, verdict, more)`."""
    started, ended = "2026-01-01T10:00:00+0000", "2026-01-01T10:01:30+0000"
    lines = [Head(schema=1, torch={"version": torch}, environment=ENVIRONMENT, options={}, started=started)]
    for identity, verdict, more in results:
        lines.append(fact(identity))
        lines.append(Started(id=identity))
        lines.append(Verdict(id=identity, verdict=verdict, seconds=0.1, **more))
    if complete:
        lines.append(End(totals={}, ended=ended))
    path.write_text("".join(line.as_json() + "\n" for line in lines))
    return path


def fact(identity, **more):
    """The line of a fact."""
    said = {"subjects": [], "topic": identity.partition(".")[0], "since": "2.0", "until": None, "myth": None}
    said |= {"claims": [], "requires": [], "marks": [], "file": "", "line": 1, "hint": None, "source": None}
    link = f"https://docs.pytorch.org/docs/2.6/generated/{identity}.html"
    return FactLine(**{"id": identity, "claim": f"The claim of `{identity}` holds.", "link": link, **said, **more})
