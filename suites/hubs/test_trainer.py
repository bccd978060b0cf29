"""`transformers.Trainer` beside a loop by hand: its numbers, defaults and rows; the models are in test_transformers."""

import pytest
import torch

from torchproof import close, fact, same

TRAIN = "transformers.Trainer.train"
TRANSFORMERS = ("transformers>=4.45", "accelerate>=1.1")
PAGE = "https://huggingface.co/docs/transformers/main_classes/trainer"
LENGTHS = (8, 3, 8, 2)  # tokens that count in each row: so a mean over rows is none over tokens


@pytest.fixture
def rows():
    """Four rows of eight tokens, of which other numbers count for the loss."""
    generator = torch.Generator().manual_seed(0)
    tokens = [torch.randint(2, 11, (8,), generator=generator) for _ in LENGTHS]
    place = torch.arange(8)
    counts = [(place > 0) & (place < length) for length in LENGTHS]
    return [{"input_ids": one, "labels": torch.where(count, one, -100)} for one, count in zip(tokens, counts)]


def stepped(model, losses, rate=0.1):
    """The head's weight after one step of plain gradient descent along the sum of the losses."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for loss in losses(model):
        loss.backward()
    optimizer.step()
    return model.lm_head.weight.detach()


def of_the_batch(rows):
    """The loss of all rows at once."""
    batch = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    return lambda model: [model(**batch).loss]


def of_each_row(rows):
    """The mean of the losses of each row, as accumulation by hand adds them up."""
    return lambda model: [model(**{name: value[None] for name, value in row.items()}).loss / len(rows) for row in rows]


def trained(trainer):
    """The head's weight that a Trainer has made."""
    trainer.train()
    return trainer.model.lm_head.weight.detach()


@fact(TRAIN, requires=TRANSFORMERS, source=PAGE)
def test_makes_the_step_of_a_loop_by_hand(trainer, rows, llama):
    """`transformers.Trainer` with plain SGD steps as forward, backward and `optimizer.step()` do, up to rounding."""
    want = stepped(llama(), of_the_batch(rows))
    close(trained(trainer(rows, per_device_train_batch_size=4)), want.double(), 64, want.abs().double() + 1)


@fact(TRAIN, requires=TRANSFORMERS, where="transformers>=4.46", source=PAGE,
      myth="gradient accumulation weighs each micro-batch alike")  # fmt: skip
def test_accumulation_is_the_mean_over_tokens(trainer, rows, llama):
    """`gradient_accumulation_steps` of `Trainer` gives the whole batch's step, also with rows of several lengths."""
    want = stepped(llama(), of_the_batch(rows))
    got = trained(trainer(rows, per_device_train_batch_size=1, gradient_accumulation_steps=4))
    close(got, want.double(), 64, want.abs().double() + 1)


@fact(TRAIN, requires=TRANSFORMERS, where="transformers<4.46", source=PAGE,
      myth="gradient accumulation gives the step of the whole batch")  # fmt: skip
def test_accumulation_was_the_mean_over_micro_batches(trainer, rows, llama):
    """`gradient_accumulation_steps` of `Trainer` steps by the mean of micro-batch losses, before transformers 4.46."""
    want = stepped(llama(), of_each_row(rows))
    got = trained(trainer(rows, per_device_train_batch_size=1, gradient_accumulation_steps=4))
    close(got, want.double(), 64, want.abs().double() + 1)


@fact(TRAIN, requires=TRANSFORMERS, source=PAGE, myth="Trainer does not clip gradients", hint="say max_grad_norm=0.0")
def test_clips_gradients_to_a_norm_of_one_by_default(trainer, rows, llama):
    """`transformers.Trainer` clips gradients to `max_grad_norm=1.0` by default: a long SGD step is as long as `lr`."""
    import transformers

    limit = transformers.TrainingArguments.max_grad_norm
    model = llama()
    model.lm_head.weight.data.mul_(1000)
    before = [one.detach().clone() for one in model.parameters()]
    trainer(rows, model, per_device_train_batch_size=4, learning_rate=1.0, max_grad_norm=limit).train()
    moved = torch.stack([(one.detach() - was).norm() for one, was in zip(model.parameters(), before)]).norm()
    assert limit == 1.0 and 0.99 < moved < 1.01


@fact(
    TRAIN,
    requires=TRANSFORMERS,
    source=PAGE,
    myth="Trainer keeps the learning rate",
    hint='lr_scheduler_type="constant"',
)
def test_lowers_the_rate_to_zero_by_default(trainer, rows):
    """`transformers.Trainer` with `lr_scheduler_type="linear"` lowers the learning rate to zero by its last step."""
    made = trainer(rows, per_device_train_batch_size=4, max_steps=2, lr_scheduler_type="linear")
    made.train()
    assert {*made.lr_scheduler.get_last_lr()} == {0.0}


@fact(TRAIN, requires=TRANSFORMERS, hint="freeze before Trainer is made", myth="Trainer unfreezes the model")
def test_leaves_what_is_frozen(trainer, rows, llama):
    """`transformers.Trainer` leaves what is frozen by `requires_grad_(False)` as it is, and trains the rest."""
    model, fresh = llama(), llama()
    model.model.requires_grad_(False)
    got = trained(trainer(rows, model, per_device_train_batch_size=4))
    same(model.model.embed_tokens.weight.detach(), fresh.model.embed_tokens.weight.detach())
    assert not torch.equal(got, fresh.lm_head.weight)


@fact(TRAIN, requires=TRANSFORMERS, source=PAGE, myth="Trainer hands all columns to the model")
def test_leaves_out_columns_that_the_model_does_not_take(trainer, rows, llama):
    """`transformers.Trainer` hands the model those columns of the rows alone that its `forward` takes."""
    made, seen = trainer([{**row, "weight": 1.0} for row in rows], per_device_train_batch_size=4), []
    made.model.register_forward_pre_hook(lambda _, args, words: seen.append({*words}), with_kwargs=True)
    assert not torch.equal(trained(made), llama().lm_head.weight)
    assert "weight" not in seen[0] and {"input_ids", "labels"} <= seen[0]


@fact(TRAIN, requires=TRANSFORMERS, source=PAGE)
def test_tells_the_mean_loss_of_its_steps(trainer, rows, llama):
    """`transformers.Trainer.train` gives its number of steps, their mean loss, and what it measured, in this order."""
    want = of_the_batch(rows)(llama())[0].item()
    steps, loss, metrics = trainer(rows, per_device_train_batch_size=4).train()
    assert steps == 1 and abs(loss - want) < 1e-5 and abs(metrics["train_loss"] - want) < 1e-5


EVALUATE = "transformers.Trainer.evaluate"


@fact(EVALUATE, requires=TRANSFORMERS, source=PAGE)
def test_evaluates_the_mean_loss(trainer, rows):
    """`transformers.Trainer.evaluate` gives the loss of the rows as `eval_loss`, beside `eval_runtime` and `epoch`."""
    made = trainer(rows, per_device_train_batch_size=4)
    made.train()
    got, want = made.evaluate(rows), of_the_batch(rows)(made.model.eval())[0].item()
    assert abs(got["eval_loss"] - want) < 1e-5
    assert got["eval_runtime"] > 0 and got["epoch"] == 1.0


@fact(EVALUATE, requires=TRANSFORMERS, source=PAGE, myth="evaluate puts the model back into training mode",
      hint="model.train() before a loop of your own goes on")  # fmt: skip
def test_evaluation_leaves_the_model_in_its_mode(trainer, rows):
    """`transformers.Trainer.evaluate` leaves the model in evaluation mode."""
    made = trainer(rows, per_device_eval_batch_size=4)
    assert made.model.training
    made.evaluate(rows)
    assert not made.model.training
