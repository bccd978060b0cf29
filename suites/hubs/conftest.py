"""A repository with a hubconf.py, a server on loopback, and tiny models and data in place of what hubs have."""

import http.server
import importlib
import os
import threading

import pytest
import torch

HUBCONF = '''
dependencies = ["torch"]
from fractions import Fraction

import torch


def linear(wide=2, value=1.0):
    """A linear layer of one value."""
    layer = torch.nn.Linear(wide, 1, bias=False)
    torch.nn.init.constant_(layer.weight, value)
    return layer


def _hidden():
    return None
'''


@pytest.fixture
def repository(tmp_path):
    """A folder with a `hubconf.py` that builds a linear layer."""
    (tmp_path / "hubconf.py").write_text(HUBCONF)
    return tmp_path


@pytest.fixture
def hub_dir(tmp_path, monkeypatch):
    """The folder in which `torch.hub` keeps repositories, which is empty."""
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    torch.hub.set_dir(tmp_path / "hub")
    (tmp_path / "hub").mkdir()
    return tmp_path / "hub"


@pytest.fixture
def cached(hub_dir):
    """The folder of `someone/models:main` where it was downloaded before."""
    folder = hub_dir / "someone_models_main"
    folder.mkdir()
    (folder / "hubconf.py").write_text(HUBCONF)
    return folder


@pytest.fixture
def asked(monkeypatch):
    """The questions that were asked at the keyboard, which answers as `asked.answer` says."""

    class Asked(list):
        answer = "n"

    questions = Asked()
    monkeypatch.setattr(torch.hub, "input", lambda text="": questions.append(text) or questions.answer, raising=False)
    return questions


class Server:
    """Serves `files` by name on loopback, and counts in `requests` what it was asked for."""

    def __init__(self):
        self.files, self.requests = {}, []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.lstrip("/")
                server.requests.append(name)
                if name not in server.files:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(server.files[name])))
                self.end_headers()
                self.wfile.write(server.files[name])

            def log_message(self, *_):
                """Nothing is written to stderr."""

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def url(self, name):
        """The address of a file."""
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def end(self):
        """Listen no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch):
    """A server of files on loopback, asked without a proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    yield running
    running.end()


# --- what the packages have, of a size that is soon made --------------------------------------------------------------


@pytest.fixture
def create():
    """`timm.create_model` of its smallest ResNet."""
    timm = importlib.import_module("timm")
    return lambda **options: timm.create_model("test_resnet", **options)


@pytest.fixture
def llama():
    """Makes a language model of eleven tokens, which begins the same each time."""
    transformers = importlib.import_module("transformers")

    def make(kind="LlamaForCausalLM", **options):
        options = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, **options}
        sizes = {"vocab_size": 11, "hidden_size": 8, "intermediate_size": 16, "max_position_embeddings": 16}
        tokens = {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 1}
        torch.manual_seed(0)
        return getattr(transformers, kind)(transformers.LlamaConfig(**sizes, **tokens, **options))

    return make


@pytest.fixture
def accelerate():
    """accelerate, which keeps for the process what it was first told: that is taken back in the end."""
    was = {*os.environ}
    yield importlib.import_module("accelerate")
    state = importlib.import_module("accelerate.state")
    state.AcceleratorState._reset_state(reset_partial_state=True)
    state.GradientState._reset_state()
    for name in [one for one in os.environ if one.startswith("ACCELERATE_") and one not in was]:
        del os.environ[name]


@pytest.fixture
def trainer(tmp_path, llama, accelerate):
    """Makes a Trainer of plain gradient descent for one step, with nothing that is drawn, logged or saved."""
    transformers = importlib.import_module("transformers")

    def make(rows, model=None, **options):
        quiet = {"report_to": [], "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True}
        plain = {"optim": "sgd", "lr_scheduler_type": "constant", "learning_rate": 0.1, "max_grad_norm": 0.0}
        options = {"output_dir": str(tmp_path), "use_cpu": True, "max_steps": 1, **quiet, **plain, **options}
        arguments = transformers.TrainingArguments(**options)
        return transformers.Trainer(model or llama(), arguments, train_dataset=rows)

    return make
