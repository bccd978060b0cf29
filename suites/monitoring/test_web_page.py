"""TensorBoard's own server on this machine: what its page and its API tell of a run; its files: test_scalars."""

import json
import shutil
import subprocess
import urllib.request

import numpy as np
import pytest
import torch

from torchproof import fact
from torchproof.fixtures.fact import unavailable

ADD = "torch.utils.tensorboard.SummaryWriter.add_scalar"


@pytest.fixture
def run(new_writer, tmp_path):
    """A SummaryWriter of the run `first` in a folder of runs."""
    return new_writer(tmp_path / "logs" / "first")


@pytest.fixture
def serve(tmp_path):
    """Starts TensorBoard on the folder of runs, and gives its address; it ends with the fact."""
    from tensorboard import default, program

    servers = []

    class Server(program.WerkzeugServer):
        def __init__(self, app, flags):
            super().__init__(app, flags)
            servers.append(self)

    def start():
        board = program.TensorBoard(default.get_plugins(), server_class=Server)
        said = {"logdir": tmp_path / "logs", "host": "127.0.0.1", "port": 0, "reload_interval": 0, "load_fast": "false"}
        board.configure(argv=["", *(f"--{name}={value}" for name, value in said.items())])
        return board.launch()

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def asked(url, path):
    """What the server answers to that, which it has to within ten seconds."""
    with urllib.request.urlopen(url + path, timeout=10) as answer:
        return json.load(answer)


@fact(ADD, requires="tensorboard", claims=["W03"])
def test_serves_the_scalars_of_a_run(serve, run):
    """TensorBoard's server, started on a folder, answers with the steps and values that `add_scalar` recorded there."""
    run.add_scalar("loss", 0.5, 10)
    run.add_scalar("loss", 0.25, 20)
    run.flush()
    answer = asked(serve(), "data/plugin/scalars/scalars?run=first&tag=loss")
    assert [(step, value) for _, step, value in answer] == [(10, 0.5), (20, 0.25)]


@fact("torch.utils.tensorboard.SummaryWriter", requires="tensorboard", hint="tensorboard --logdir runs, not runs/first")
def test_tells_runs_apart_by_their_folders(serve, new_writer, tmp_path):
    """TensorBoard's server shows each folder below `--logdir` that has a `SummaryWriter` as a run of its own."""
    for name in ("first", "second/fold_0"):
        writer = new_writer(tmp_path / "logs" / name)
        writer.add_scalar(f"loss of {name}", 0.5)
        writer.flush()
    tags = asked(serve(), "data/plugin/scalars/tags")
    assert {run: [*tags[run]] for run in tags} == {
        "first": ["loss of first"],
        "second/fold_0": ["loss of second/fold_0"],
    }


@pytest.fixture
def browser(tmp_path):
    """Opens an address in a browser without a window, and gives the page's text once it is there."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        unavailable("package", "chromium is not installed: apt-get install chromium")
    alone = ["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}", *alone]

    def page(url, *also):
        command = [program, *options, "--virtual-time-budget=8000", *also, url]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    return page


@pytest.mark.slow
@fact(ADD, requires="tensorboard", claims=["W03"])
def test_shows_the_run_in_a_browser(serve, run, browser):
    """TensorBoard's page shows, in a browser, the run and the tag that `SummaryWriter.add_scalar` recorded."""
    run.add_scalar("loss of the third trial", 0.5, 10)
    run.flush()
    page = browser(serve(), "--dump-dom")
    assert "loss of the third trial" in page and "first" in page


@pytest.mark.slow
@fact(ADD, requires="tensorboard", hint="--logdir is the folder, or one above it")
def test_shows_no_dashboards_without_a_run(serve, new_writer, browser, tmp_path):
    """TensorBoard's page says "No dashboards are active" until its `--logdir` has what `add_scalar` recorded."""
    assert "No dashboards are active for the current data set" in browser(serve(), "--dump-dom")
    writer = new_writer(tmp_path / "logs" / "first")
    writer.add_scalar("loss", 0.5)
    writer.flush()
    assert "No dashboards are active for the current data set" not in browser(serve(), "--dump-dom")


@pytest.mark.slow
@fact("torch.utils.tensorboard.SummaryWriter.add_image", requires=["tensorboard", "pillow"], claims=["W03"])
def test_shows_an_image_in_a_browser(serve, run, browser, tmp_path):
    """TensorBoard's page shows, in a browser, an image of `SummaryWriter.add_image` in just its one colour."""
    from PIL import Image

    colour = torch.tensor([12, 34, 200], dtype=torch.uint8)
    run.add_image("sample", colour.view(3, 1, 1).expand(3, 8, 8))
    run.flush()
    browser(f"{serve()}?darkMode=false", "--window-size=1200,900", f"--screenshot={tmp_path / 'page.png'}")
    page = np.asarray(Image.open(tmp_path / "page.png").convert("RGB"))
    assert (page == colour.numpy()).all(axis=2).sum() > 10_000
