# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lesson 5: Training: the same network, learning and failing to learn
#
# **One network, one dataset, and only the way of training differs: why may the first learn, while the others stand
# still, die, or blow up — and how can you see which it is?**
#
# <img src="pictures/05_training.png" width="680" alt="Validation curves of four trainings of the same network">
#
# Each line is a training of the same network on the same films; higher is better. On this page you do a step of
# training by hand, then train well and badly on purpose, find out what died, and learn to read the curves.
#
# *Time to read: 25 minutes. Time to run: a minute and a half on two cores. You need a little numpy, and to have met the
# dot product of embeddings and ConvNCF's tower of layers.*

# %% [markdown]
# As everywhere in these lessons, what is trained here lives in a temporary home.

# %%
import os
import tempfile

folder = tempfile.TemporaryDirectory()
os.environ["CONVNCF_HOME"] = folder.name
epochs = int(os.environ.get("CONVNCF_EPOCHS", "5"))  # of the network; the tests set it, to be through in seconds

# %% [markdown]
# ## 1. What a step is
#
# A *triple* is a user, a film that they have seen, and one that they have not. The model should score the first film
# above the second. BPR turns this wish into a loss, −ln σ(score of the seen − score of the other): near 0 where the
# seen one is far above, and large where it is far below.
#
# We read the data, keep the films that at least thirty users have seen, and sample the triples of one epoch, which is
# one pass over all that users have seen in the training part.

# %%
from convncf import EvalConfig, TrainConfig, datasets

split = datasets.load("movielens-small").split(seed=1, min_item=30)

# %%
from convncf.training import triple_sampler

sampler = triple_sampler(split, TrainConfig(), seed=1)
user, seen, other = (indices.numpy() for indices in sampler.batch(1, 0, sampler.n_triples))  # epoch 1, step 0
print(f"{sampler.n_triples:,} triples; the first: user {user[0]} has film {seen[0]} and not film {other[0]}")

# %% [markdown]
# Take the simplest model, matrix factorisation: the score is the dot product of two embeddings. Loss and penalty by
# hand. The penalty, *L2*, is the sum of all squared numbers that the triples touch, times a small weight λ: it pulls
# every embedding towards 0, and each has to earn its length.

# %%
import torch

from convncf import ModelConfig, models

torch.manual_seed(1)  # the start of the embeddings
plan = ModelConfig(name="mf-bpr", embedding_size=32, penalty="squared", reg_weights=(0.015, 0.0), embedding_std=0.1)
model = models.MatrixFactorisation(plan, split.interactions)

# %%
import numpy as np

P = model.user_embedding.weight.detach().numpy().astype(np.float64)
Q = model.item_embedding.weight.detach().numpy().astype(np.float64)

# %%
p, q, r = P[user], Q[seen], Q[other]  # (triples, 32) each
gap = (p * (q - r)).sum(axis=1)
loss = np.log1p(np.exp(-gap)).sum()  # -ln σ(gap)
penalty = 0.015 * ((p**2).sum() + (q**2).sum() + (r**2).sum())

# %%
triples = {"user_id": user, "item_id": seen, "neg_item_id": other}
batch = {name: torch.from_numpy(column) for name, column in triples.items()}
assert np.isclose(loss + penalty, model.calculate_loss(batch).item(), rtol=1e-5)
print(f"loss {loss / len(user):.4f} a triple, of a model that scores all films alike {np.log(2):.4f}")

# %% [markdown]
# Keep that last number in mind. A model that scores all films alike has a gap of 0, and a loss of −ln σ(0) = ln 2.
#
# A step follows the slope downwards. The slope of −ln σ(gap) is −σ(−gap): near 0 where the model is right already. So
# the triples that the model has wrong do most of the work. By the chain rule (lesson 2) the user's embedding gets this
# times the difference of the two films' embeddings, and 2λ times itself from the penalty.

# %%
pull = -1 / (1 + np.exp(gap))  # (triples,)
slope = np.zeros_like(P)
np.add.at(slope, user, pull[:, None] * (q - r) + 2 * 0.015 * p)  # of each user, summed over their triples
model.calculate_loss(batch).backward()
assert np.allclose(slope, model.user_embedding.weight.grad.numpy(), atol=1e-3)

# %% [markdown]
# How far to go? Plain descent goes *rate* × slope. **Adam** (Kingma and Ba, Algorithm 1) divides each slope by its
# usual size, a running mean over the steps. At the first step the usual size is the size itself, and what remains is
# the sign:

# %%
from convncf.training import Trainer

rate = 0.005
after = P - rate * slope / (np.abs(slope) + 1e-8)
one_step = TrainConfig(epochs=1, batch_size=sampler.n_triples, lr_embedding=rate)
list(Trainer(model, split, one_step, EvalConfig(), seed=1, restore=False))
assert np.allclose(after, model.user_embedding.weight.detach().numpy(), atol=1e-5)

# %%
moved = np.abs(model.user_embedding.weight.detach().numpy() - P)
print(f"median step {np.median(moved):.4f}, largest {moved.max():.4f}; the rate is {rate}")

# %% [markdown]
# So with Adam a learning rate is a *distance*: how far each number may go in one step, whatever the loss. Whether a
# rate is large depends on how large the numbers are that it moves. We will need this.
#
# ## 2. Pretraining
#
# First we let MF-BPR learn until it is done. Its embeddings are where ConvNCF starts. A run, as in the quick start;
# `common` holds what a group of trainings shares, and `train` takes what is special. (A keyword of Python's cannot
# hold a dot, so `train__epochs` stands for the setting `train.epochs`.)

# %%
from convncf import fit

common = {"train__negatives": "uniform"}
long = {"train__epochs": 6 * epochs, "train__patience": 0, "train__validate_every": 2}


# %%
def train(name, model, **settings):
    groups = {}
    for key, value in (common | settings).items():
        group, _, setting = key.partition("__")
        groups.setdefault(group, {})[setting] = value
    return fit(split, model, preset="quick", seed=1, name=name, **groups).run


# %%
common |= long
mf = train("mf", "mf-bpr")
print(f"kept: epoch {mf.report()['best_epoch']}, test NDCG@10 {mf.report()['metrics']['NDCG@10']:.3f}")

# %%
from convncf import figures
from convncf.figures import LIGHT
from convncf.figures.notebook import set_renderer

set_renderer(LIGHT)
figures.learning.curves(mf.metrics(), LIGHT, "loss")

# %% [markdown]
# *How to read it.* The loss a triple, with the penalty in it, over the epochs: lower is better. It begins near ln 2,
# where the model has no opinion, and falls. A curve that still falls at its right end would want more epochs. But the
# loss speaks of the *training* films, and of them alone.

# %% [markdown]
# ## 3. Four trainings of one network
#
# Now the network. One training is *careful*: the embeddings of the run `mf` (that is what `start` asks for), and a
# small rate for both, embeddings and network. Each of the others changes one thing: no pretraining; rates a hundred
# times smaller; rates a hundred times larger.

# %%
common = {"train__negatives": "uniform", "train__epochs": epochs, "train__patience": 0}
common |= {"train__batch_size": 512, "model__initialisation": "random", "eval__validation_users": 150}
common |= {"pretrain__epochs": 0}
start = {"model__train_method": "after_pretrain", "model__pre_model_path": "mf"}

# %%
runs = {
    "careful": train("careful", "convncf", **start, train__lr_network=1e-3, train__lr_embedding=1e-3),
    "not pretrained": train("scratch", "convncf", train__lr_network=1e-3, train__lr_embedding=1e-3),
    "too slow": train("slow", "convncf", **start, train__lr_network=1e-5, train__lr_embedding=1e-5),
    "too fast": train("fast", "convncf", **start, train__lr_network=1e-1, train__lr_embedding=1e-1),
}

# %% tags=["answer"]
records = {name: run.metrics() for name, run in runs.items()}
figures.learning.validation(records, LIGHT, "NDCG@10")

# %% [markdown]
# *How to read it.* NDCG@10 on validation films, that is films which were not trained on; higher is better, and epoch 0
# is the network before its first step. A line on the floor has found nothing, a line that is still rising may not be
# done, and a line that bends down is overfitting its training films. Which is which? The loss helps:

# %%
figures.learning.validation(records, LIGHT, "loss")

# %% [markdown]
# *How to read it.* The training loss of the same runs; lower is better. A line that stays at one height from the first
# epoch to the last deserves suspicion, and one at ln 2 all the more: it is the loss of no opinion. (The penalty is in
# it, too, so a line may lie above.) One seed each: this shows what can happen, and is no ranking of settings.

# %%
last = {name: rows[-1]["loss"] for name, rows in records.items()}
for name, value in last.items():
    print(f"{name:15} last loss {value:.4f}, {value - np.log(2):+.4f} from ln 2")

# %% [markdown]
# ## 4. An autopsy
#
# A loss says *that* a model has no opinion, not why. So look inside. For one user, at the last epoch of each run: how
# large are the embeddings, what share of the network's last channels is 0 for every film, and how far apart are the
# scores? (Size and spread are standard deviations.)

# %%
from convncf import load


def top(model, user, n_items):  # the output layer's input, (films, channels)
    users, items = torch.full((n_items,), user), torch.arange(n_items)
    with torch.no_grad():
        return model.feature_maps(model.interaction_map(users, items))[-1].sum(dim=(2, 3)).numpy()


# %%
best = load(runs["careful"].name).model
weighed = top(best, 14, best.n_items) @ best.output.weight[0].detach().numpy() + best.output.bias.item()
assert np.allclose(weighed, best.score_items(14).numpy(), atol=1e-3)  # these numbers make the score


# %%
def autopsy(run, user=14):
    model = load(run.name, epoch=run.metrics()[-1]["epoch"]).model
    channels, scores = top(model, user, model.n_items), model.score_items(user).numpy()
    size = float(model.item_embedding.weight.detach().std())
    return {"embeddings": size, "dead channels": (channels == 0).all(axis=0).mean(), "spread of scores": scores.std()}


# %%
import pandas as pd

pd.DataFrame({name: autopsy(run) for name, run in runs.items()}).T.round(4)


# %% [markdown]
# A channel is *dead* where ReLU sets it to 0 for each film. Where all are dead no gradient flows through the network
# any more: it cannot come back, and its score is the last bias, one for all films. The score is one for all films, too,
# where embeddings have shrunk to nothing: the map is zero, and what the network says comes from its biases alone.
#
# So here is the answer to "which is which", put into words by the numbers:


# %%
def verdict(name):
    values = [row["validation"]["NDCG@10"] for row in records[name]]
    state, change = autopsy(runs[name]), values[-1] - values[0]
    if state["spread of scores"] < 1e-3:
        return "no opinion: one score for all films"
    dead = f", {state['dead channels']:.0%} of its channels dead" if state["dead channels"] > 0.75 else ""
    return f"validation changed by {change:+.3f} in {len(values) - 1} epochs{dead}"


# %%
for name in runs:
    print(f"{name:15} {verdict(name)}")

# %% [markdown]
# Why would embeddings shrink without pretraining? Ask how large the map is that the network sees. The penalty pulls at
# the embeddings from the first step on. What could hold against it is the loss's own slope, and that has to come
# through the network, which has not learnt to read the map yet, and multiplies small numbers by small ones.

# %%
pretrained = load(mf.name).model
for name, table in (("random", 0.1 * torch.randn(2, 32)), ("pretrained", pretrained.item_embedding.weight.detach())):
    print(f"{name}: a usual number {table.abs().mean():.3f}, a usual cell of the map {table.abs().mean() ** 2:.4f}")

# %% [markdown]
# And why would a large rate kill? Section 1 has the answer: a rate is a distance. Compare it with the size of what it
# moves.

# %%
begun = load(runs["too fast"].name, epoch=0).model
for number, layer in enumerate(begun.layers, start=1):
    print(f"layer {number}: a usual filter weight at the start {layer.weight.detach().abs().mean():.3f}")

# %% [markdown]
# At a rate of 0.1 the first step moves each weight, and each number of an embedding, by 0.1, and all at once in the
# direction that seemed right for that one batch. Where the weights are of that size themselves, or smaller, nothing is
# left of what they were.
#
# Another optimiser has another idea of a rate. Plain gradient descent goes rate × slope, and our slope is a sum over
# the batch. A rate of 1 is then very far:

# %%
from convncf import ConvNCFError

try:
    train("sgd", "convncf", **start, train__optimizer="sgd", train__lr_network=1.0, train__lr_embedding=1.0)
    print("it went well")
except ConvNCFError as error:
    print(error)

# %% [markdown]
# A loss that is not finite ends the training at once, with the epoch before it saved. That is the kindest of these
# failures: it is loud. The silent ones, dead or shrunk, run to their end and leave a report.

# %% [markdown]
# ## 5. Without a penalty
#
# What does L2 do, apart from making trouble for a network without pretraining? Train MF-BPR again with a penalty of 0,
# for as long.

# %%
common = {"train__negatives": "uniform"} | long
free = train("free", "mf-bpr", model__reg_weights=(0.0, 0.0))
curves = {"with L2": mf.metrics(), "without": free.metrics()}
figures.learning.validation(curves, LIGHT, "loss")

# %% [markdown]
# *How to read it.* The training loss, lower is better; the line with L2 has its penalty in it, so look at the slopes
# rather than the heights. The other picture is the one that counts:

# %%
figures.learning.validation(curves, LIGHT, "NDCG@10")

# %% [markdown]
# *How to read it.* The same two on validation films, higher is better. Where the loss still falls in the picture above
# and the curve bends down in this one, the model *overfits*: it improves on what it has seen, at the cost of what it
# has not.

# %%
for name, rows in curves.items():
    values = [row["validation"]["NDCG@10"] for row in rows if row["validation"]]
    print(f"{name:8} best {max(values):.4f}, at the end {values[-1]:.4f}, training loss {rows[-1]['loss']:.4f}")

# %% [markdown]
# The difference between best and end is what stopping at the right time saves. The rule is simple: keep the epoch that
# is best on validation; stop after some validations without a better one (`patience`; we set it to 0, never, to see the
# whole curve). By hand:

# %%
kept, best = 0, -1.0
for row in free.metrics():
    if row["validation"] and row["validation"]["NDCG@10"] > best:
        kept, best = row["epoch"], row["validation"]["NDCG@10"]
assert kept == free.report()["best_epoch"]
print(f"kept: epoch {kept}")

# %% [markdown]
# ## 6. A map over the epochs
#
# Each run keeps its model at every epoch. Follow one pair through the careful one: a user and the film that the final
# model puts first for them.

# %%
from convncf.inspection import follow_pair, recommend

loaded = load(runs["careful"].name)
checkpoints = loaded.checkpoints()
film = int(recommend(loaded.model, loaded.split, 14, k=1).items[0])
pair = follow_pair(checkpoints, loaded.split, 14, film)

# %%
points = pair.checkpoints
labels, numbers = [point.label for point in points], [point.epoch for point in points]
scores, ranks = [point.score for point in points], [point.rank.rank for point in points]
shown = next(place for place, point in enumerate(points) if point.best)
print(pair.excluded, "|", loaded.dataset.items.label(film))
figures.change.over_training(labels, numbers, scores, ranks, LIGHT, chosen=shown, candidates=points[0].rank.candidates)

# %% [markdown]
# *How to read it.* Above the score of the pair at each checkpoint, below its rank, where up is better; the ring is the
# epoch that was kept. The leftmost point is matrix factorisation, before there was a network: scores of two models are
# on different scales, so compare ranks. The score may even fall while the rank gets better: the loss sees differences
# of scores only, so nothing fixes their level, and the scores of all films may fall together. At the start the
# network's filters are random, and so is much of the rank.
#
# What has changed, the map or its reader?

# %%
from convncf.inspection import view_at

views = {label: view_at(checkpoints, label, loaded.split, 14, film).trace for label in (labels[0], labels[-1])}
first, last = views.values()
assert np.allclose(last.map, np.outer(last.p, last.q))
figures.maps.beside(first.map, last.map, LIGHT, tuple(views)).update_layout(height=268)

# %% [markdown]
# *How to read it.* The interaction map of the pair before the network came, and after the last epoch, and the first
# less the second, all on one scale: red is positive, blue negative, pale is near zero. The paler the third square, the
# less the map itself has changed. The order of the dimensions is arbitrary: no place has a meaning.

# %%
rows = []
for epoch in range(epochs + 1):
    model = load(runs["careful"].name, epoch=epoch).model
    rows.append([model.item_embedding.weight.detach().clone(), model.layers[0].weight.detach().clone()])
change = [[float((now - was).norm() / was.norm()) for now, was in zip(row, rows[0], strict=True)] for row in rows]
pd.DataFrame(change, columns=["embeddings", "filters of layer 1"]).rename_axis("epoch").round(3)

# %% [markdown]
# How far each has gone from its start, as a share of its size there. There is a rate for each, `train.lr_embedding` and
# `train.lr_network`; in section 3 we gave both the same. If both columns grow, map and reader change together, and a
# filter has to read a square that moves under it. A smaller rate for the embeddings keeps the square stiller.

# %% [markdown]
# ## 7. Resuming
#
# Training is interrupted: a lid is closed, a machine is wanted elsewhere. To go on as if nothing had happened, what
# must be kept? The weights, of course. Let us train in one go, then in two halves, and compare.


# %%
def fresh():
    torch.manual_seed(2)
    new = models.MatrixFactorisation(plan, split.interactions)
    return Trainer(new, split, TrainConfig(epochs=4), EvalConfig(), seed=2, restore=False)


# %%
whole = fresh()
list(whole)
half = fresh()
next(record for record in half if record.epoch == 2)  # and no further
state = half.state()
print(*sorted(state.tensors), sep="\n")

# %% [markdown]
# The state holds the model, and for each parameter what Adam has noted of its slopes: their running mean and their
# usual size. Beside it is the place in the training.

# %%
rest = fresh()
rest.load_state(state)
list(rest)
same = rest.model_tensors()
assert all(torch.equal(tensor, same[name]) for name, tensor in whole.model_tensors().items())  # to the last bit
print(state.metadata)

# %% [markdown]
# Equal to the last bit: also because the triples of an epoch depend on the seed and the epoch alone, not on those
# before. And if we keep the weights only, and start Adam again?

# %%
from dataclasses import replace

weights_only = {name: tensor for name, tensor in state.tensors.items() if name.startswith("model.")}
forgetful = fresh()
forgetful.load_state(replace(state, tensors=weights_only))
again = list(forgetful)

# %%
films = "item_embedding.weight"
difference = (whole.model_tensors()[films] - forgetful.model_tensors()[films]).abs()
print(f"largest difference of two numbers of the films' embeddings: {difference.max():.4f}")

# %% [markdown]
# Not the same training any more. A run saves all of this after every epoch, and in long epochs also in between:
# `convncf resume NAME` goes on from there.

# %% [markdown]
# So how can you see which it is? Look at the loss and at validation together, and then inside:
#
# - *It learns*: the loss falls well below ln 2, and validation rises.
# - *It stands still*: the loss is a flat line, wherever that lies, and validation hardly moves. The rate is too small,
#   or it is not done; only more epochs show which.
# - *It has lost its opinion*: the loss sits at ln 2, and all films have one score. The embeddings have shrunk, or the
#   channels are dead.
# - *It blows up*: the loss is no number any more, and training stops by itself.

# %% [markdown]
# ## What to try next
#
# - **Save the failures.** Give the network without pretraining a smaller penalty (`model__reg_weights=(1e-4, 1e-2)`),
#   or the start `model__initialisation="dot product"`, with which it begins as the dot product. Give the fast one
#   `train__warmup_epochs=1`.
# - **Find the edge.** Between too slow and too fast lie four powers of ten. Where does it begin to learn, where does it
#   begin to die?
# - **Without Python.** `convncf train --set train.lr_network=0.1`, or the app's *Train* page, which draws these curves
#   while they grow, and *Inspect*, which has a slider over the epochs.

# %% [markdown]
# **Exercise 1.** Show with `ConvNCFBPRLoss` that the loss of a model with no opinion is ln 2 a triple, whatever score
# it gives to everything. And what is the loss of a model that is wrong by 100 each time?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# from convncf import ConvNCFBPRLoss
#
# equal = torch.full((1000,), 3.7)
# none = ConvNCFBPRLoss()(equal, equal) / 1000
# wrong = ConvNCFBPRLoss()(equal, equal + 100) / 1000
# print(float(none), float(wrong))
# assert np.isclose(float(none), np.log(2), atol=1e-5)
# assert np.isclose(float(wrong), 100, rtol=1e-5)
# ```
#
# Far on the wrong side the loss grows as the gap does, so one bad outlier cannot be worth more than its distance.
#
# </details>

# %% [markdown]
# **Exercise 2.** A rate can fall over the epochs. Write the cosine schedule: the whole rate in the first of ten epochs,
# a twentieth in the last, half a wave in between. Compare it with `rates` of `convncf.training.optimisers`.

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# from convncf.training import optimisers
#
# falling = TrainConfig(epochs=10, schedule="cosine", lr_floor=0.05, lr_embedding=0.01, lr_network=0.01)
# wave = (1 + np.cos(np.pi * np.arange(10) / 9)) / 2  # from 1 down to 0
# mine = 0.01 * (0.05 + 0.95 * wave)
# assert np.allclose(mine, [optimisers.rates(falling, epoch)[1] for epoch in range(1, 11)])
# ```
#
# Large steps first, while there is far to go, and small ones at the end, where large ones would only stir.
#
# </details>

# %% [markdown]
# **Exercise 3.** Adagrad, the optimiser of the original code, divides a slope by the root of all squared slopes so far.
# That sum begins at 0 in torch, and at 0.1 in TensorFlow. How long is the first step for `slope = 0.01` at
# `rate = 0.05`, with either? Check with `convncf.training.optimisers.Adagrad`.

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# from convncf.training.optimisers import Adagrad, Group
#
# gone = []
# for begin in (0.0, 0.1):
#     weight = torch.nn.Parameter(torch.zeros(1))
#     weight.grad = torch.full((1,), 0.01)
#     Adagrad([Group([weight], 0.05)], accumulator=begin).step()
#     gone.append(-weight.item())
# print(gone)
# assert np.allclose(gone, [0.05, 0.05 * 0.01 / np.sqrt(0.1 + 0.01**2)], rtol=1e-4)
# ```
#
# From 0, the first step is the whole rate, as with Adam; from 0.1 it is far smaller where slopes are small. A setting
# that no paper mentions, and other numbers follow from it.
#
# </details>

# %% [markdown]
# ## Sources
#
# - S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme: BPR: Bayesian Personalized Ranking from Implicit
#   Feedback. UAI 2009. The loss and its slope (section 4.1).
# - D. P. Kingma, J. Ba: Adam: A Method for Stochastic Optimization. ICLR 2015. Algorithm 1, and why a rate bounds a
#   step (section 2.1).
# - X. He, X. Du, X. Wang, F. Tian, J. Tang, T.-S. Chua: Outer Product-based Neural Collaborative Filtering. IJCAI 2018.
#   Training with BPR and L2, and pretraining with matrix factorisation.
# - J. Duchi, E. Hazan, Y. Singer: Adaptive Subgradient Methods for Online Learning and Stochastic Optimization. JMLR
#   12, 2011. Adagrad.
# - I. Loshchilov, F. Hutter: SGDR: Stochastic Gradient Descent with Warm Restarts. ICLR 2017, equation 5. The cosine.
# - To play on: the app's [Train](http://localhost:8501/train) page, while `make app` runs.

# %%
folder.cleanup()
