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
# # Lesson 2: matrix factorisation with BPR
#
# **No user says what they dislike. How can a model learn taste from choices alone, and do the numbers that it learns
# mean anything, one by one?**
#
# <img src="pictures/02_matrix_factorisation.png" width="560" alt="Two maps of the same user and film, before and after
# turning the space: they look different, and both give the same score">
#
# Left and middle: the same user, the same film, the same score. Between the two pictures the model was turned like a
# globe, and none of its scores moved by more than rounding does. In this lesson you derive the loss that learns from
# choices, take one step of it by hand and then a whole epoch, sample the films it learns *against*, and see why turning
# changes nothing.
#
# *Time to read: 25 minutes. Time to run: half a minute on two cores. You need a little Python, what a dot product is,
# and [lesson 1](01_implicit_feedback.ipynb) for what an interaction and a split are.*

# %% [markdown]
# The workbench keeps its files in one folder, its home. This page gets a temporary one, so that it never touches yours.

# %%
import os
import tempfile

folder = tempfile.TemporaryDirectory()
os.environ["CONVNCF_HOME"] = folder.name

# %% [markdown]
# ## 1. A score from two lists
#
# Give each user a list of numbers, and each film another of the same length: their *embeddings*. Suppose for now
# that we may choose the meaning: the first number is "chases", the second "tears".

# %%
import numpy as np

users = np.array([[2.0, 0.0], [0.5, 1.5], [-1.0, 1.0]])  # three users: (3, 2)
films = np.array([[1.0, 0.2], [0.1, 1.0], [1.0, 1.0], [-0.5, 0.3]])  # four films: (4, 2)
users @ films.T  # each user's score for each film: (3, 4)

# %% [markdown]
# A score is the *dot product* of the two lists: multiply number by number, add up. The whole table of scores is one
# matrix product. The table is factorised into two narrow matrices, hence *matrix factorisation*. The
# package's model does just that:

# %%
from convncf import ModelConfig, datasets
from convncf.models import MatrixFactorisation

data = datasets.load("movielens-small")
config = ModelConfig(name="mf-bpr", embedding_size=16, penalty="squared", reg_weights=(0, 0), embedding_std=0.1)

# %%
import torch

torch.manual_seed(0)  # the embeddings start at random
small = MatrixFactorisation(config, data.interactions)

# %%
p, q = small.user_embedding.weight[3], small.item_embedding.weight[7]
score = small(torch.tensor([3]), torch.tensor([7]))
assert torch.isclose(score[0], p @ q)
print(f"{small.n_users:,} users and {small.n_items:,} films, {config.embedding_size} numbers each")

# %% [markdown]
# The numbers are not chosen; they start at random and are learnt. From what?
#
# ## 2. The loss, derived
#
# We know which films a user chose. About the others we know nothing; but *on the whole* a chosen film $i$ is liked
# better than a film $j$ that was not chosen. BPR (Bayesian Personalized Ranking) takes this literally. Let the
# probability that user $u$ prefers $i$ to $j$ grow with the gap between the two scores:
#
# $$ \Pr(i >_u j) = \sigma(s_{ui} - s_{uj}), \qquad \sigma(x) = \frac{1}{1 + e^{-x}} $$
#
# Take all such triples $(u, i, j)$ as independent. The probability of everything that was seen is then a product; we
# want it large, so we want its negative logarithm small, and that turns the product into a sum:
#
# $$ L = \sum_{(u,i,j)} -\ln \sigma(s_{ui} - s_{uj}) = \sum_{(u,i,j)} \ln\left(1 + e^{-(s_{ui} - s_{uj})}\right) $$
#
# That is the whole loss. If we also believe, before seeing anything, that embeddings are near 0 (a normal distribution
# around it), its logarithm adds $\lambda(\lVert p \rVert^2 + \lVert q \rVert^2)$: the *L2 penalty*.

# %%
import pandas as pd

gap = np.array([-4.0, -1.0, 0.0, 1.0, 4.0])
sigma = 1 / (1 + np.exp(-gap))
loss = np.log(1 + np.exp(-gap))
pd.DataFrame({"gap": gap, "σ(gap)": sigma, "loss": loss, "wrong way round": gap < 0}).round(3)

# %%
from convncf import ConvNCFBPRLoss

by_package = ConvNCFBPRLoss()(torch.tensor(gap), torch.zeros(5))  # positives score `gap`, negatives 0
assert np.isclose(by_package.item(), loss.sum())

# %% [markdown]
# The last column is what one would really like to reduce: the number of pairs in the wrong order (its opposite,
# averaged over users, is called AUC). But a count does not change when a score moves a little, so there is no direction
# to go. The loss is its smooth stand-in: nearly the gap itself where the order is wrong, nearly nothing where it is
# right.
#
# ## 3. One step by hand
#
# Which way should the numbers move? Write $m$ for the gap. The derivative of the loss by $m$ is $-\sigma(-m)$: call
# $\sigma(-m)$ the *pull*. It is near 1 where the order is wrong and near 0 where it is right. The rest is the chain
# rule on $m = p \cdot q_i - p \cdot q_j$:
#
# | the gradient of the loss by | is |
# |---|---|
# | $p$ | $-\sigma(-m)\,(q_i - q_j)$ |
# | $q_i$ | $-\sigma(-m)\,p$ |
# | $q_j$ | $+\sigma(-m)\,p$ |


# %%
def gradients(p: np.ndarray, q_i: np.ndarray, q_j: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradient of one triple's loss by each of its three embeddings, (D,) each."""
    margin = p @ q_i - p @ q_j
    pull = 1 / (1 + np.exp(margin))  # σ(-margin)
    return -pull * (q_i - q_j), -pull * p, pull * p


# %% [markdown]
# Never believe a derivative that was not checked. Torch works it out by itself, from the loss alone:

# %%
rng = np.random.default_rng(0)
three = rng.normal(size=(3, 8))  # p, q_i, q_j with 8 numbers each
t = torch.tensor(three, requires_grad=True)
ConvNCFBPRLoss()((t[0] * t[1]).sum()[None], (t[0] * t[2]).sum()[None]).backward()
assert t.grad is not None
assert np.allclose(t.grad.numpy(), gradients(*three))

# %% [markdown]
# A step of gradient descent goes a little against the gradient: the user moves towards the chosen film and away from
# the other, the chosen film towards the user, the other away. Take a real triple: a user, a film they have, one they do
# not. (Users and films are named by their index, as in lesson 1.)

# %%
from convncf.inspection.bpr_step import bpr_steps, sample_triple

parts = data.split(seed=0)
triple = sample_triple(parts, user=14, item=data.interactions.items.index("356"))
names = data.items.label(triple.positive), data.items.label(triple.negative)

# %%
print("has:", names[0], "| negative:", names[1])

# %%
users, items = small.user_embedding.weight.detach().numpy(), small.item_embedding.weight.detach().numpy()
now = [users[triple.user], items[triple.positive], items[triple.negative]]
after = [x - 0.5 * g for x, g in zip(now, gradients(*now), strict=True)]
for p, q_i, q_j in (now, after):
    print(f"score of the film they have {p @ q_i:.4f}, of the negative {p @ q_j:.4f}, gap {p @ q_i - p @ q_j:.4f}")

# %% [markdown]
# The package can take such steps on one triple, to show them. Its first is ours:

# %%
steps = bpr_steps(small, triple, rate=0.5)
p, q_i, q_j = after
assert np.isclose(steps.margin[1], p @ q_i - p @ q_j, atol=1e-6)

# %%
from convncf import figures
from convncf.figures import LIGHT
from convncf.figures.lesson import bpr_steps as draw_steps
from convncf.figures.notebook import set_renderer

set_renderer(LIGHT)
draw_steps(steps, steps.n_steps, names, LIGHT)

# %% [markdown]
# *How to read it.* Above, the scores of the two films over the steps; the distance between the lines is the gap. Below,
# the loss on a logarithmic scale; the dotted line is ln 2, the loss of a gap of 0. The embeddings begin near 0, where
# the gradients are small too: nothing much happens at first, then the scores part, and then the pull fades.
#
# ## 4. Which films to learn against
#
# Each triple needs a *negative*: a film $j$ that the user does not have in training. The simplest choice is to sample
# one uniformly. The obvious way is to sample any film and try again if the user has it; that may go on for long where a
# user has nearly everything. There is a way that never tries twice: number the user's *free* films, those they do not
# have, 0, 1, 2, …, and sample one of these numbers, $r$. Which film is that? In a small case, with six films of which
# the user has 1 and 2, the free ones are 0, 3, 4 and 5. Free film number 1 is film 3: its number, plus one for each own
# film before it. And an own film is before it exactly if no more than $r$ free films lie below that own film.

# %%
few = np.array([1, 2])  # the films that the user has, of six
below = few - np.arange(2)  # free films below each of them: film 0 below both
free = [number + (below <= number).sum() for number in range(4)]
assert free == [0, 3, 4, 5]

# %% [markdown]
# The same for a real user and a large number:

# %%
own = parts.train[[14]].indices  # the films that user 14 has in training, ascending
free_below = own - np.arange(len(own))  # free films below each of them
r = 5000
film = r + (free_below <= r).sum()
assert film == np.setdiff1d(np.arange(data.interactions.n_items), own)[r]

# %%
from convncf.training import TripleSampler

sampler = TripleSampler(parts.train, seed=0)
assert sampler.negatives(torch.tensor([14]), torch.tensor([r])).item() == film
print(f"an epoch has {sampler.n_triples:,} triples, one for each interaction in training")

# %% [markdown]
# Two doubts about uniform negatives. The first: a negative may be one that the user likes, and even one that is held
# out for the test. How often?

# %%
free = parts.interactions.n_items - np.diff(parts.train.indptr)
held = np.diff(parts.validation.indptr) + np.diff(parts.test.indptr)
print(f"a negative is a held-out film in {(held / free).mean():.2%} of the cases, on average over users")

# %% [markdown]
# Rare. And no film may be excluded because it is in the test part: excluding it would show the model that it is
# special, a leak.
#
# The second doubt: most films are hardly known (the long tail of lesson 1).

# %%
known = np.bincount(parts.train.indices, minlength=parts.interactions.n_items)
print(f"{(known <= 3).mean():.0%} of the films have three interactions or fewer in training")

# %% [markdown]
# Is it much of a lesson to score above *those*? We will see once something is trained.
#
# ## 5. An epoch by hand
#
# An *epoch* goes once through all interactions, with a fresh negative for each. Everything needed is above: the
# triples, the pull, three updates. This is a whole trainer:


# %%
def one_epoch(p: torch.Tensor, q: torch.Tensor) -> None:  # (users, D), (films, D); both are changed
    for u, i, j in sampler.epoch(1, batch_size=512):
        pull = torch.sigmoid(-(p[u] * (q[i] - q[j])).sum(dim=1, keepdim=True))  # (B, 1)
        steps = [(p, u, pull * (q[i] - q[j])), (q, i, pull * p[u]), (q, j, -pull * p[u])]
        for table, rows, step in steps:
            table.index_add_(0, rows, step, alpha=0.05)  # a row that is named twice moves twice


# %%
p0, q0 = small.user_embedding.weight.detach().double(), small.item_embedding.weight.detach().double()  # copies
p1, q1 = p0.clone(), q0.clone()
one_epoch(p1, q1)

# %% [markdown]
# What has it learnt? Look at triples that it has not stepped on:

# %%
u, i, j = sampler.batch(2, 0, 20_000)
for when, p, q in (("before", p0, q0), ("after", p1, q1)):
    m = (p[u] * (q[i] - q[j])).sum(dim=1)
    print(f"{when}: mean loss {torch.log1p(torch.exp(-m)).mean():.3f}, right order {(m > 0).double().mean():.0%}")

# %% [markdown]
# The package's trainer has more to take care of (validation, early stopping, resuming), but set to plain gradient
# descent it does the same to the numbers. (A `Trainer` hands out a record after each epoch; `list` makes it go on to
# its end. There it returns to the best epoch, unless `restore=False`, as here.)

# %%
from convncf import EvalConfig, TrainConfig
from convncf.training import Trainer

plain = TrainConfig(epochs=1, batch_size=512, optimizer="sgd", lr_embedding=0.05, momentum=0.0)
list(Trainer(small, parts, plain, EvalConfig(validation_users=50), seed=0, restore=False))
assert torch.allclose(small.user_embedding.weight.double(), p1, atol=1e-4)
assert torch.allclose(small.item_embedding.weight.double(), q1, atol=1e-4)

# %% [markdown]
# For real work one takes larger steps where gradients are small (Adam), a penalty, many epochs, and stops where
# validation is best. The `quick` settings do that. As in the quick start, we keep a *run*, a folder for all
# there is to know about one training; with a `name`, `fit` makes one:

# %%
from convncf import fit

epochs = int(os.environ.get("CONVNCF_EPOCHS", "24"))  # at most; the tests set it, to be through in seconds
changes = {"epochs": epochs, "validate_every": 2}
loaded = fit(data.split(seed=1), "mf-bpr", preset="quick", seed=1, name="mf", train=changes)
run, report = loaded.run, loaded.run.report()

# %%
figures.learning.curves(run.metrics(), LIGHT, "NDCG@10")

# %% [markdown]
# *How to read it.* Higher is better: NDCG@10 is 1 where the held-out films lead a user's list, and 0 where none is
# among the first ten. The ring is the epoch that is kept.

# %%
metrics = pd.DataFrame({"mf-bpr": report["metrics"], **report["baselines"]})
print(*(f"{test['metric']}: {test['words']}" for test in report["paired"].values()), sep="\n")
metrics.loc[["HR@10", "NDCG@10"]].round(3)

# %% [markdown]
# Beside it is *popularity*, one list for all: what every model has to beat. The line above the table compares
# the two user by user; where its interval holds 0, there is no significant difference.
#
# Back to the second doubt. How strong is the pull of a uniform negative, now that something was learnt? And of the
# *hardest of four*: sample four, take the one that scores highest?

# %%
model, split = loaded.model, loaded.split
assert isinstance(model, MatrixFactorisation)
u, i, four = TripleSampler(split.train, seed=0, candidates=4).batch(0, 0, 20_000)  # (B,), (B,), (B, 4)
hardest = model.hardest(u, four)
assert torch.equal(hardest, four.gather(1, model.scores_of(u, four).argmax(dim=1, keepdim=True))[:, 0])

# %%
for name, j in (("uniform", four[:, 0]), ("hardest of four", hardest)):
    with torch.no_grad():
        pull = torch.sigmoid(model(u, j) - model(u, i))
    print(f"{name}: mean pull {pull.mean():.3f}, below a tenth in {(pull < 0.1).double().mean():.0%} of the triples")

# %% [markdown]
# A pull near 0 is a triple that teaches nothing. Choosing the hardest of a few leaves fewer of those; that is *dynamic
# negative sampling* (`dns`), which `quick` uses. It has a price: the harder a negative, the likelier it is a film that
# the user would in truth like. How often is it one that we know they chose, since it is held out?

# %%
held_out = (split.validation + split.test).toarray()
for name, j in (("uniform", four[:, 0]), ("hardest of four", hardest)):
    print(f"{name}: {held_out[u, j].mean():.2%} of the negatives are held-out films of the same user")

# %% [markdown]
# (More than the mean over users in section 4: an active user has more triples, and more that is held out.)
#
# ## 6. Turn the space
#
# What do the numbers of an embedding mean? Section 1 made up "chases" and "tears". Take the trained model and turn all
# embeddings, users and films alike, by one random rotation $R$ (an orthogonal matrix: $R R^\top = 1$).

# %%
P, Q = model.user_embedding.weight.detach().double(), model.item_embedding.weight.detach().double()
size = P.shape[1]
R = torch.tensor(np.linalg.qr(rng.normal(size=(size, size)))[0])
assert torch.allclose(R @ R.T, torch.eye(size, dtype=torch.float64))

# %% [markdown]
# The score does not notice, since $(pR)\cdot(qR) = p R R^\top q^\top = p \cdot q$:

# %%
turned = MatrixFactorisation(model.config, split.interactions)
turned.start_from(P @ R, Q @ R)
assert torch.allclose(turned.score_items(14), model.score_items(14), atol=1e-4)

# %%
from convncf.metrics import evaluate

first, second = (evaluate(scorer, split, "test", loaded.config.eval) for scorer in (model, turned))
same = first.ranks.ranks == second.ranks.ranks
print(f"{same.mean():.2%} of the {same.size:,} test films keep their rank exactly")
metrics = {"as trained": dict(first.metrics), "turned": dict(second.metrics)}
pd.DataFrame(metrics).loc[["HR@10", "NDCG@10"]].round(4)

# %% [markdown]
# (Should a rank differ, two films had the same score but for the last digits.) And yet all the numbers have changed.
# Multiply each number of a user with each of a film, and you get the *interaction map*, which the next lesson is about.
# Here it is for one pair, before and after:

# %% tags=["answer"]
shawshank = split.interactions.items.index("318")
before, now_turned = (np.outer(p[14], q[shawshank]) for p, q in ((P, Q), (P @ R, Q @ R)))  # (D, D) each
figures.maps.beside(before, now_turned, LIGHT, ("as trained", "turned")).update_layout(height=268)

# %% [markdown]
# *How to read it.* In each square the user's numbers run down the rows and the film's across the columns, and a cell is
# the product of the two: red above 0, blue below, pale near 0, all three squares on the scale at the right. The third
# square is the first less the second. The score is the sum of a square's diagonal, from the upper left corner to the
# lower right:

# %%
print(f"as trained {np.trace(before):.4f}, turned {np.trace(now_turned):.4f}")
assert np.isclose(np.trace(before), np.trace(now_turned))
assert np.isclose(np.trace(before), model.score_items(14)[shawshank].item(), atol=1e-4)

# %% [markdown]
# Perhaps training could never arrive at the turned model? It can. The penalty is the same, since lengths do not change.
# And gradients turn along: begin at a turned start, and plain gradient descent ends at the turned end.

# %%
assert torch.isclose((P @ R).square().sum(), P.square().sum())
S = torch.tensor(np.linalg.qr(rng.normal(size=(16, 16)))[0])
p_turned, q_turned = p0 @ S, q0 @ S
one_epoch(p_turned, q_turned)
assert torch.allclose(p_turned, p1 @ S)
assert torch.allclose(q_turned, q1 @ S)

# %% [markdown]
# So the answer to the second half of the question is no: one by one, the numbers mean nothing. Which dimension is the
# first, and which two are neighbours, is an accident of the start. (Adam, which steps along each axis by itself, does
# prefer some directions over others; but nothing in the *loss* does.)
#
# What a rotation leaves alone does carry meaning: lengths, and the angles between embeddings.

# %%
from convncf.inspection.neighbours import nearest_by_embedding

near = nearest_by_embedding(model, shawshank, k=8)
directions = Q / Q.norm(dim=1, keepdim=True)
assert np.allclose(near.similarity, (directions @ directions[shawshank])[near.items], atol=1e-5)
assert np.allclose(near.similarity, nearest_by_embedding(turned, shawshank, k=8).similarity, atol=1e-5)

# %%
titles = [data.items.label(item) for item in near.items.tolist()]
figure = figures.embeddings.neighbours(
    titles, near.similarity, LIGHT, item=data.items.label(shawshank), measure=near.measure
)
figure.update_layout(margin_l=280)  # room for a long title

# %% [markdown]
# *How to read it.* The films whose embeddings point most nearly the way of The Shawshank Redemption's. The longer the
# bar, the smaller the angle: 1 is the same direction, 0 nothing in common. Judge for yourself whether they belong
# together. The model knows no genre and no title; the films may be similar only because everyone
# knows them.
#
# Keep this in mind for what comes next. ConvNCF gives a map of products to a network that reads *neighbouring*
# cells together, and for matrix factorisation, where its embeddings come from, it is arbitrary which cells are
# neighbours.
#
# ## What to try next
#
# - **Uniform negatives.** Add `"train.negatives": "uniform"` to `changes`. Which of the two ends higher on validation?
# - **Adam and the axes.** Set `optimizer="adam"` in section 5, train from the start and from the start turned by `S`,
#   and see whether the ends are still turned images of each other. The scores?
# - **Without Python.** `make app` opens the app on <http://localhost:8501>. Its page
#   [Learn](http://localhost:8501/learn) takes the BPR steps of section 3 on any pair of a run of yours, and
#   [Compare](http://localhost:8501/compare) turns one model towards another.
# - **The next lesson**, [the interaction map](03_interaction_map.ipynb): what the dot product throws away.

# %% [markdown]
# **Exercise 1.** Written as `np.log(1 + np.exp(-gap))`, the loss has a fault: try a gap of −1000. What does the
# package's loss give, and what should it be?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# with np.errstate(over="ignore"):
#     naive = np.log(1 + np.exp(np.float64(1000)))
# sound = ConvNCFBPRLoss()(torch.tensor([-1000.0]), torch.tensor([0.0])).item()
# print(naive, sound)
# assert np.isinf(naive)
# assert sound == 1000
# ```
#
# For a gap far below 0 the loss is the gap's size in all digits that a float has, but `exp` overflows on the way. A
# single such triple would make the whole sum infinite.
# </details>

# %% [markdown]
# **Exercise 2.** Swap the dimensions of the trained model, and change the sign of some. That is a
# rotation too, or a reflection. Can the package's `align` find it?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# from convncf.inspection import align, embeddings
#
# swap = np.eye(size)[rng.permutation(size)] * rng.choice([-1.0, 1.0], size)
# swapped = MatrixFactorisation(model.config, split.interactions)
# swapped.start_from(P @ torch.tensor(swap), Q @ torch.tensor(swap))
# tables = [embeddings(table, split.interactions) for table in (model, swapped)]
# alignment = align(*tables, "permutation")
# print(alignment.words)
# assert np.array_equal(alignment.matrix, swap.T)
# ```
#
# It finds the way back, the inverse of the swap, which for an orthogonal matrix is its transpose. Two models that were
# trained separately differ by more than this, but before their maps are compared they have to be aligned all the same.
# </details>

# %% [markdown]
# **Exercise 3.** Rotations are not the only change that the score does not notice. Take any invertible matrix $A$, and
# use $P A$ and $Q A^{-\top}$. Check the scores. What is it, then, that only allows rotations?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# A = torch.tensor(rng.normal(size=(size, size)))
# P_A, Q_A = P @ A, Q @ torch.linalg.inv(A).T
# sizes = [float(p.square().sum() + q.square().sum()) for p, q in ((P, Q), (P_A, Q_A))]
# print(f"squared lengths before {sizes[0]:.0f}, after {sizes[1]:.0f}")
# assert torch.allclose(P_A @ Q_A.T, P @ Q.T, atol=1e-6)
# assert not np.isclose(*sizes)
# ```
#
# The L2 penalty. It is the squared lengths, which rotations and reflections keep for any embeddings, and other matrices
# do not. Without a penalty even less is fixed.
# </details>

# %% [markdown]
# ## Sources
#
# - S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme: BPR: Bayesian Personalized Ranking from Implicit
#   Feedback. UAI 2009. The derivation is section 4.1, the relation to AUC 4.1.1, matrix factorisation 4.3.1.
# - Y. Koren, R. Bell, C. Volinsky: Matrix Factorization Techniques for Recommender Systems. IEEE Computer 42(8), 2009.
# - W. Zhang, T. Chen, J. Wang, Y. Yu: Optimizing Top-N Collaborative Filtering via Dynamic Negative Item Sampling.
#   SIGIR 2013. The hardest of a few.
# - P. H. Schönemann: A Generalized Solution of the Orthogonal Procrustes Problem. Psychometrika 31(1), 1966. How
#   `align` finds a rotation.
# - M. Ferrari Dacrema, F. Parroni, P. Cremonesi, D. Jannach: Critically Examining the Claimed Value of Convolutions
#   over User-Item Embedding Maps for Recommender Systems. CIKM 2020. What follows from it for ConvNCF.
# - F. M. Harper, J. A. Konstan: The MovieLens Datasets: History and Context. ACM Transactions on Interactive
#   Intelligent Systems 5(4), 2015. The data.

# %%
folder.cleanup()
