"""`transformers`: models as modules of torch, saved, loaded, generating, and their losses; `Trainer`: test_trainer."""

import pytest
import torch
from torch.nn import functional

from torchproof import close, fact, same

TRANSFORMERS = "transformers>=4.45"
LOADING = "https://huggingface.co/docs/transformers/main_classes/model"
TOKENS = torch.tensor([[2, 3, 4, 5]])


@pytest.fixture
def saved(llama, tmp_path):
    """The folder in which a model of `llama` is saved by `saved(dtype)`."""

    def save(dtype=torch.float32, **options):
        llama(**options).to(dtype).save_pretrained(tmp_path / "model")
        return tmp_path / "model"

    return save


@pytest.fixture
def load():
    """`AutoModelForCausalLM.from_pretrained`."""
    import transformers

    return transformers.AutoModelForCausalLM.from_pretrained


LOAD = "transformers.AutoModelForCausalLM.from_pretrained"
CLASSIFIER = "transformers.LlamaForSequenceClassification.from_pretrained"
MODEL = "transformers.LlamaForCausalLM"


@fact(LOAD, requires=TRANSFORMERS, claims=["H04"], source=LOADING)
def test_a_model_comes_back_with_its_weights(saved, load, llama):
    """`AutoModelForCausalLM.from_pretrained` of a folder of `save_pretrained` gives a model of the same weights."""
    got, want = load(saved()).state_dict(), llama().state_dict()
    assert got.keys() == want.keys()
    assert all(torch.equal(got[name], value) for name, value in want.items())


@fact(LOAD, requires=TRANSFORMERS, source=LOADING, myth="from_pretrained gives a model in training mode, as torch does",
      hint="model.train() before training by hand")  # fmt: skip
def test_a_loaded_model_is_in_evaluation_mode(saved, load, llama):
    """`AutoModelForCausalLM.from_pretrained` gives a model in evaluation mode, other than one made from a config."""
    assert llama().training and not load(saved()).training


@fact(LOAD, requires="transformers>=4.45", where="transformers>=5", hint="say dtype=torch.float32",
      myth="from_pretrained gives a float32 model")  # fmt: skip
def test_a_loaded_model_has_the_dtype_of_its_file(saved, load):
    """`from_pretrained` by default gives a model in the dtype it was saved in, as bfloat16, since transformers 5."""
    assert load(saved(torch.bfloat16)).get_input_embeddings().weight.dtype == torch.bfloat16


@fact(LOAD, requires="transformers>=4.45", where="transformers<5", hint='say torch_dtype="auto"',
      myth="from_pretrained gives a model in the dtype of its file")  # fmt: skip
def test_a_loaded_model_was_float32(saved, load):
    """`from_pretrained` gives a float32 model also of one saved in the dtype bfloat16, before transformers 5."""
    assert load(saved(torch.bfloat16)).get_input_embeddings().weight.dtype == torch.float32


@fact(CLASSIFIER, requires=TRANSFORMERS, myth="from_pretrained fails where weights are missing",
      hint="look for names that it says are newly initialized, or MISSING")  # fmt: skip
def test_what_is_missing_in_the_file_is_random(llama, tmp_path):
    """`from_pretrained` of a base model into `LlamaForSequenceClassification` draws the missing head at random."""
    import transformers

    base = llama("LlamaModel")
    base.save_pretrained(tmp_path)
    one, other = (transformers.LlamaForSequenceClassification.from_pretrained(tmp_path) for _ in range(2))
    same(one.model.embed_tokens.weight.detach(), base.embed_tokens.weight.detach())
    assert not torch.equal(one.score.weight, other.score.weight)


@fact(CLASSIFIER, requires=TRANSFORMERS, hint="say ignore_mismatched_sizes=True")
def test_a_head_of_another_size_is_refused(llama, tmp_path):
    """`from_pretrained(num_labels=3)` of a model with two labels is refused without `ignore_mismatched_sizes=True`."""
    import transformers

    llama("LlamaForSequenceClassification").save_pretrained(tmp_path)
    load = transformers.LlamaForSequenceClassification.from_pretrained
    with pytest.raises(RuntimeError, match="size mismatch|ignore_mismatched_sizes"):
        load(tmp_path, num_labels=3)
    assert load(tmp_path, num_labels=3, ignore_mismatched_sizes=True).score.weight.shape == (3, 8)


@fact(LOAD, requires=TRANSFORMERS)
def test_a_model_that_is_not_here_is_an_error_offline(load):
    """`from_pretrained` of transformers raises OSError offline for a model's name that was not downloaded before."""
    with pytest.raises(OSError, match="(?i)couldn't connect|offline|cannot find"):
        load("someone/model")


@fact("transformers.PreTrainedModel.save_pretrained", requires=TRANSFORMERS, myth="save_pretrained pickles the model",
      source=LOADING)  # fmt: skip
def test_a_model_is_saved_without_pickle(saved):
    """`save_pretrained` of transformers writes the weights as `model.safetensors`, and no pickle."""
    names = {path.name for path in saved().iterdir()}
    assert "model.safetensors" in names and not any(name.endswith((".bin", ".pt")) for name in names)


@fact(LOAD, requires=TRANSFORMERS, myth="a loaded model has two copies of tied weights")
def test_tied_weights_are_saved_once_and_tied_again(saved, load):
    """Tied embeddings of a transformers model are once in its file, and one Parameter again after `from_pretrained`."""
    from safetensors import safe_open

    folder = saved(tie_word_embeddings=True)
    with safe_open(folder / "model.safetensors", "pt") as opened:
        assert "lm_head.weight" not in {*opened.keys()}
    model = load(folder)
    assert model.lm_head.weight is model.model.embed_tokens.weight


# --- what a model computes --------------------------------------------------------------------------------------------


@fact(f"{MODEL}.forward", requires=TRANSFORMERS, myth="labels are to be shifted by the caller")
def test_labels_are_shifted_by_the_model(llama):
    """The loss of a `LlamaForCausalLM` with `labels=input_ids` is of each token's logits against the next token."""
    given = llama()(TOKENS, labels=TOKENS)
    want = functional.cross_entropy(given.logits[0, :-1].double(), TOKENS[0, 1:])
    close(given.loss.detach(), want.detach(), 16)


@fact(f"{MODEL}.forward", requires=TRANSFORMERS, hint="set labels of padding to -100",
      myth="the loss leaves the pad token out by itself")  # fmt: skip
def test_labels_of_minus_100_are_left_out(llama):
    """The loss of the causal language model `LlamaForCausalLM` leaves labels of -100 out, but not the pad token's."""
    model, tokens = llama(), torch.tensor([[2, 3, 0, 0]])
    masked = torch.tensor([[2, 3, -100, -100]])
    logits = model(tokens).logits[0].double()
    close(model(tokens, labels=masked).loss.detach(), functional.cross_entropy(logits[:1], tokens[0, 1:2]).detach(), 16)
    close(model(tokens, labels=tokens).loss.detach(), functional.cross_entropy(logits[:-1], tokens[0, 1:]).detach(), 16)


@fact(f"{MODEL}.forward", requires=TRANSFORMERS, myth="the pad token is not attended to", hint="pass attention_mask")
def test_padding_is_attended_to_unless_it_is_masked(llama):
    """Padding before the tokens changes the logits of a `LlamaForCausalLM` unless `attention_mask` masks it."""
    model, padded = llama().eval(), torch.tensor([[0, 2, 3, 4]])
    alone = model(padded[:, 1:]).logits.detach()
    masked = model(padded, attention_mask=(padded != 0).long()).logits.detach()
    close(masked[:, 1:], alone.double(), 64, alone.abs().double() + 1)
    assert not torch.allclose(model(padded).logits[:, 1:], alone, atol=1e-4)


@fact(f"{MODEL}.forward", requires=TRANSFORMERS)
def test_logits_are_the_head_of_the_last_hidden_state(llama):
    """The logits of a `LlamaForCausalLM` are `lm_head` of its last hidden state up to rounding, and contiguous."""
    model = llama().eval()
    want = model.lm_head(model.model(TOKENS).last_hidden_state).detach()
    got = model(TOKENS).logits.detach()
    close(got, want.double(), 8, want.abs().double())
    assert got.is_contiguous()


@fact(f"{MODEL}.forward", requires=TRANSFORMERS)
def test_the_loss_is_differentiated_by_backward(llama):
    """`model(**batch).loss.backward()` of a `LlamaForCausalLM` gives the slope of the loss along its `lm_head`."""
    model = llama().double().eval()
    weight, step = model.lm_head.weight, 1e-4
    model(TOKENS, labels=TOKENS).loss.backward()
    with torch.no_grad():
        losses = []
        for change in (step, -2 * step):
            weight += change
            losses.append(model(TOKENS, labels=TOKENS).loss)
    slope = (losses[0] - losses[1]) / (2 * step)
    assert abs(weight.grad.sum() - slope) < 1e-6
    assert weight.grad.abs().max() > 1e-3


@fact(f"{MODEL}.forward", requires=TRANSFORMERS)
def test_attention_by_sdpa_and_by_hand_agree(llama):
    """A `LlamaForCausalLM` gives the same logits by `attn_implementation="sdpa"` and by `"eager"`, up to rounding."""
    fused, eager = (llama(attn_implementation=one).eval()(TOKENS).logits.detach() for one in ("sdpa", "eager"))
    close(fused, eager.double(), 64, eager.abs().double() + 1)


@fact(f"{MODEL}.resize_token_embeddings", requires=TRANSFORMERS)
def test_more_tokens_keep_the_rows_of_the_old_ones(llama):
    """`resize_token_embeddings` of a `LlamaForCausalLM` keeps the rows of old tokens, and resizes its head too."""
    model = llama()
    before = model.get_input_embeddings().weight.detach().clone()
    given = model.resize_token_embeddings(13)
    assert given is model.get_input_embeddings()
    same(given.weight.detach()[:11], before)
    assert (model.lm_head.weight.shape, model.config.vocab_size) == ((13, 8), 13)


# --- generation -------------------------------------------------------------------------------------------------------


GENERATE = f"{MODEL}.generate"


@fact(GENERATE, requires=TRANSFORMERS, myth="a language model gives another text each time")
def test_without_sampling_takes_the_likeliest_token(llama):
    """`generate(do_sample=False)` of a `LlamaForCausalLM` appends in each step the token with the highest logit."""
    model = llama().eval()
    grown = TOKENS
    for _ in range(4):
        grown = torch.cat([grown, model(grown).logits[:, -1:].argmax(-1)], 1)
    same(model.generate(TOKENS, max_new_tokens=4, min_new_tokens=4, do_sample=False, eos_token_id=None), grown)


@fact(GENERATE, requires=TRANSFORMERS, hint="torch.manual_seed before generate")
def test_sampling_is_drawn_from_the_seed_of_torch(llama):
    """`model.generate(do_sample=True)` gives the same tokens after the same `torch.manual_seed`, and others without."""
    model = llama().eval()
    options = {"max_new_tokens": 8, "min_new_tokens": 8, "do_sample": True, "eos_token_id": None}
    torch.manual_seed(1)
    one, following = model.generate(TOKENS, **options), model.generate(TOKENS, **options)
    torch.manual_seed(1)
    same(model.generate(TOKENS, **options), one)
    assert not torch.equal(one, following)


@fact(GENERATE, requires=TRANSFORMERS, myth="generate switches dropout off", hint="model.eval() first")
def test_generates_in_the_mode_that_the_model_is_in(llama):
    """`model.generate` does not call `eval()`: a transformers model in training mode is in it for each pass."""
    model, modes = llama().train(), []
    model.model.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    model.generate(TOKENS, max_new_tokens=2, do_sample=False, eos_token_id=None)
    assert modes == [True, True] and model.training


@fact(GENERATE, requires=TRANSFORMERS)
def test_generates_without_a_graph(llama):
    """`model.generate` of transformers records no graph: its scores are those of the model, and do not require grad."""
    model = llama().eval()
    options = {"max_new_tokens": 1, "do_sample": False, "output_scores": True, "return_dict_in_generate": True}
    [scores] = model.generate(TOKENS, **options).scores
    want = model(TOKENS).logits[:, -1].detach()
    close(scores, want.double(), 64, want.abs().double() + 1)
    assert not scores.requires_grad
