"""`peft`: LoRA on a module of torch, what of it trains, is saved and merged; LoRA by hand is in suites/transfer."""

import copy

import pytest
import torch
from torch import nn

from torchproof import close, fact, same

PEFT = "peft>=0.13"
WRAP = "peft.get_peft_model"
X = torch.tensor([[1.0, -2.0, 3.0, 0.5]])


@pytest.fixture
def model():
    """A network of two layers, with its output for X."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))


@pytest.fixture
def adapted(model):
    """The same network with LoRA of rank two on its first layer."""
    import peft

    return peft.get_peft_model(copy.deepcopy(model), peft.LoraConfig(r=2, target_modules=["0"]))


def shift(adapted):
    """Give the adapter weights that change something, as training does."""
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            nn.init.constant_(parameter, 0.5)


@fact(WRAP, requires=PEFT)
def test_only_the_adapters_train(adapted):
    """`peft.get_peft_model` with LoRA freezes all parameters but the two low-rank matrices of the adapted layer."""
    trained = {name: tuple(one.shape) for name, one in adapted.named_parameters() if one.requires_grad}
    first = "base_model.model.0.lora_{}.default.weight"
    assert trained == {first.format("A"): (2, 4), first.format("B"): (4, 2)}


@fact(WRAP, requires=PEFT, myth="adding LoRA changes what the model gives")
def test_an_untrained_adapter_changes_nothing(model, adapted):
    """A model of `peft.get_peft_model` whose LoRA was not trained yet gives exactly what the model gave before."""
    same(adapted(X).detach(), model(X).detach())


@fact(
    WRAP, requires=PEFT, myth="get_peft_model leaves the model that it is given as it was", hint="copy.deepcopy first"
)
def test_the_model_itself_is_changed(model):
    """`peft.get_peft_model` changes the model that it is given: adapted layers are replaced, the others frozen."""
    import peft

    peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules=["0"]))
    assert type(model[0]) is not nn.Linear and not model[2].weight.requires_grad


@fact("peft.PeftModel.disable_adapter", requires=PEFT)
def test_without_its_adapter_the_model_is_as_before(model, adapted):
    """Within `PeftModel.disable_adapter()` a model with LoRA gives what it gave before LoRA, and after it not."""
    shift(adapted)
    with adapted.disable_adapter():
        same(adapted(X).detach(), model(X).detach())
    assert not torch.equal(adapted(X), model(X))


@fact("peft.PeftModel.save_pretrained", requires=PEFT, myth="save_pretrained of a LoRA model saves the whole model")
def test_saves_the_adapter_alone(adapted, tmp_path):
    """`PeftModel.save_pretrained` with LoRA writes the low-rank matrices, and none of the model's own weights."""
    from safetensors.torch import load_file

    shift(adapted)
    adapted.save_pretrained(tmp_path)
    saved = load_file(tmp_path / "adapter_model.safetensors")
    assert {name.rpartition(".lora_")[2]: one.sum().item() for name, one in saved.items()} == {
        "A.weight": 4.0,
        "B.weight": 4.0,
    }


@fact(
    "peft.PeftModel.from_pretrained", requires=PEFT, myth="a loaded adapter goes on training", hint="is_trainable=True"
)
def test_a_loaded_adapter_is_frozen(model, adapted, tmp_path):
    """`peft.PeftModel.from_pretrained` gives the model with the saved adapter, frozen and in evaluation mode."""
    import peft

    shift(adapted)
    adapted.save_pretrained(tmp_path)
    loaded = peft.PeftModel.from_pretrained(model, str(tmp_path))
    same(loaded(X).detach(), adapted(X).detach())
    assert not any(one.requires_grad for one in loaded.parameters()) and not loaded.training


@fact("peft.LoraModel.merge_and_unload", requires=PEFT)
def test_a_merged_adapter_gives_plain_layers(adapted):
    """`merge_and_unload` of peft leaves a plain `nn.Linear` that gives what the adapted one gave, up to rounding."""
    shift(adapted)
    want = adapted(X).detach().double()
    merged = adapted.merge_and_unload()
    assert type(merged[0]) is nn.Linear
    close(merged(X).detach(), want, 32, want.abs() + 1)
