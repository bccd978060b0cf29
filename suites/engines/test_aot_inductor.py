"""Models that AOTInductor compiles into a package, run without their code; `torch.compile` is in suites/compile."""

import pytest
import torch

from torchproof import fact
from torchproof.suites.compile.backends import forget, need_inductor
from torchproof.suites.engines.network import agree, images, network, outputs

pytestmark = [pytest.mark.cpu, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """`packaged(model, x, ...)` is the model, exported, compiled, and loaded again; options are of `export`."""
    need_inductor()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))

    def load(model, x, **options):
        program = torch.export.export(model, (x,), **options)
        package = torch._inductor.aoti_compile_and_package(program, package_path=str(tmp_path / "model.pt2"))
        return torch._inductor.aoti_load_package(package)

    yield load
    forget()


@fact("torch.export.export", source="torch.compiler_aot_inductor", since="2.6", calls="none")
def test_gives_what_eager_gives(packaged):
    """A network of `torch.export` in a package of AOTInductor gives what it gives in eager mode, up to rounding."""
    model, x = network(), images()
    agree(outputs(packaged(model, x), x), outputs(model, x))


@fact("torch.export.export", source="torch.compiler_aot_inductor", since="2.6", calls="none")
def test_takes_other_batches_where_the_size_is_dynamic(packaged):
    """With `dynamic_shapes` in `export`, a package of AOTInductor takes a batch of another size than the example's."""
    model, more = network(), images(5)
    loaded = packaged(model, images(), dynamic_shapes={"x": {0: torch.export.Dim("batch")}})
    agree(outputs(loaded, more), outputs(model, more))
