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
# # Lesson 8: Do the maps mean anything? An experiment, and your verdict
#
# **ConvNCF reads the interaction map as if neighbouring cells had something to do with each other. Have they? And what
# is the network worth beside simple models?**
#
# <img src="pictures/08_do_the_maps_mean_anything.png" width="680" alt="NDCG@10 of networks that read shuffled maps">
#
# Each row but the last, which is their mean, is a repetition, and each dot a network that was given the same embeddings
# in another *guise*: as they are, with the dimensions shuffled, with the space rotated, with nothing but the diagonal.
# On this page you make this picture, test whether its dots lie apart by more than chance, and reach a verdict of your
# own.
#
# *Time to read: 20 minutes. Time to run: a minute and a half on two cores. You need the words of the quick start, and a
# little about means and their spread (lesson 6).*

# %%
import os
import tempfile

folder = tempfile.TemporaryDirectory()
os.environ["CONVNCF_HOME"] = folder.name  # a temporary home, so that this page never touches yours

# %% [markdown]
# ## 1. What is asked
#
# A convolution was made for images. There, two pixels side by side show the same thing more often than two pixels far
# apart, and a filter that has learnt to see an edge in one place can use it in every other. ConvNCF lays such filters
# over the interaction map.
#
# But who ordered the map? Its rows and columns are the dimensions of the embeddings, in the order in which matrix
# factorisation (MF) happened to number them. If that order carries no meaning, then a network that is trained on maps
# in a *shuffled* order should do just as well. That can be tried. Before you read on, write down what you expect.

# %%
from convncf import datasets

split = datasets.load("movielens-small").split(seed=0, min_item=50)
films = split.dataset.items
print(f"{split.train.shape[0]} users, {split.train.shape[1]} films, {split.train.nnz:,} ratings to learn from")

# %% [markdown]
# We take well-known films only, so that a network is trained in seconds and the experiment can be repeated.
#
# Every model is trained in the same way, and kept where it did best on validation films. The test films are used once,
# at the end of each training, and each user's NDCG@10 is recorded: 1 if their test films lead their list, 0 if none
# is among the first ten.

# %%
from convncf import EvalConfig
from convncf.metrics import evaluate
from convncf.training import Trainer

in_training, at_the_end = EvalConfig(validation_users=200), EvalConfig()


# %%
def fit(model, settings, seed):
    """Train a model, and leave it as it was at its best epoch."""
    trainer = Trainer(model, split, settings, in_training, seed=seed)
    best = [trainer.model_tensors() for record in trainer if record.improved]
    model.load_state_dict(best[-1])
    return model.eval()


# %%
def ndcg(model):
    """NDCG@10 of each user, on the held-out films of the test."""
    return evaluate(model, split, "test", at_the_end).per_user["NDCG@10"]


# %% [markdown]
# ## 2. Simple models first
#
# A network is worth its cost if it beats what is simpler. Three models that need no training: *popularity* (one list
# for all), *ItemKNN* (films like those you have), and *EASE* (a linear model with a closed form).

# %%
from convncf.models import EASE, ItemKNN, Popularity

n_users, n_films = split.train.shape
simple = {"popularity": Popularity(n_users, n_films), "ItemKNN": ItemKNN(n_users, n_films, 50, 10.0)}
simple["EASE"] = EASE(n_users, n_films, 200.0)
per_user = {name: ndcg(model.fit(split.train)) for name, model in simple.items()}

# %% [markdown]
# And MF, which the network starts from: 16 numbers for each user and each film, and their dot product.

# %%
import torch

from convncf import ModelConfig, TrainConfig, models

epochs = int(os.environ.get("CONVNCF_EPOCHS", "40"))  # at most; the tests set it, to be through in seconds
of_mf = ModelConfig(name="mf-bpr", embedding_size=16, penalty="squared", reg_weights=(1e-2, 0.0), embedding_std=0.1)
slow = TrainConfig(epochs=epochs, batch_size=1024, lr_embedding=1e-2, patience=3, validate_every=4)

# %%
torch.manual_seed(0)
mf = fit(models.MatrixFactorisation(of_mf, split.interactions), slow, 0)
per_user["MF"] = ndcg(mf)
for name, values in per_user.items():
    print(f"{name:10} NDCG@10 {values.mean():.3f}")

# %% [markdown]
# ## 3. Two ways to reorder the dimensions
#
# A **permutation** shuffles the dimensions, of users and films alike. A **rotation** mixes them: each new dimension is
# a bit of all old ones. Both are a matrix R with R Rᵀ = 1, and so both leave every dot product as it was:
# (pR)·(qR) = p R Rᵀ qᵀ = p·q.

# %%
import numpy as np

P, Q = mf.user_embedding.weight.detach().numpy(), mf.item_embedding.weight.detach().numpy()


# %%
def permutation(seed):
    """A matrix that shuffles 16 dimensions."""
    return np.eye(16, dtype=np.float32)[np.random.default_rng(seed).permutation(16)]


# %%
def rotation(seed):
    """A matrix that turns 16 dimensions, each direction as likely as any other."""
    turn, lengths = np.linalg.qr(np.random.default_rng(seed).standard_normal((16, 16)))
    return (turn * np.sign(np.diag(lengths))).astype(np.float32)


# %% [markdown]
# MF makes no difference between them. We put the new embeddings into the package's own model, and compare.

# %%
for turn in (permutation(1), rotation(1)):
    turned = models.MatrixFactorisation(of_mf, split.interactions)
    turned.start_from(torch.tensor(P @ turn), torch.tensor(Q @ turn))
    print(f"largest change of a score: {(turned.score_items(0) - mf.score_items(0)).abs().max():.1e}")
    assert torch.allclose(turned.score_items(0), mf.score_items(0), atol=1e-4)

# %% [markdown]
# The *map* is another one, though. Here is one user and one film, before and after the shuffle:

# %%
from convncf import figures, inspection
from convncf.figures import LIGHT
from convncf.figures.notebook import set_renderer

set_renderer(LIGHT)
user, film = inspection.first_pair(mf, split)
print(films.label(film))

# %%
trace = inspection.trace_pair(mf, user, film)
figures.interaction_map(trace, LIGHT)

# %% [markdown]
# *How to read it.* The user's numbers are on the left, the film's on top; a cell is one times the other, red above
# 0, blue below. The bar on the right is the scale. The stripes are rows and columns of large numbers.

# %%
shuffled = models.MatrixFactorisation(of_mf, split.interactions)
shuffled.start_from(torch.tensor(P @ permutation(1)), torch.tensor(Q @ permutation(1)))
after = inspection.trace_pair(shuffled, user, film)
assert np.allclose(np.outer(P[user] @ permutation(1), Q[film] @ permutation(1)), after.map, atol=1e-5)
figures.interaction_map(after, LIGHT)

# %% [markdown]
# *How to read it.* As above. It holds the same numbers in other places. Would you know which of the two came first?
#
# ## 4. Networks that read them
#
# The network gets embeddings, which it may not change, and learns filters that read their map. It starts from random
# filters: with the dot-product start it would begin as the dot product, for which the order does not matter (exercise
# 1).

# %%
from convncf import ConvNCF
from convncf.models import FusedConvNCF

plan = {"cnn_channels": (1, 8, 8, 8), "cnn_kernels": (4, 2, 2), "cnn_strides": (4, 2, 2), "dropout_prob": 0.0}
of_network = ModelConfig(embedding_size=16, penalty="squared", reg_weights=(1e-2, 1e-3), **plan)
quick = TrainConfig(epochs=max(1, epochs // 8), batch_size=512, lr_embedding=0.0, lr_network=5e-3)


# %%
def reader(turn, seed, kind=FusedConvNCF):
    """An untrained network over the embeddings, transformed by a matrix."""
    torch.manual_seed(seed)  # the same filters to begin with, whatever the layout
    model = kind(of_network, split.interactions)
    model.start_from(torch.tensor(P @ turn), torch.tensor(Q @ turn))
    return model


# %% [markdown]
# One more kind of network sees **nothing but the diagonal** of the map, the 16 products that MF sums. It is the
# package's network with one step changed.


# %%
class DiagonalOnly(ConvNCF):
    """A ConvNCF for which all cells off the diagonal are 0."""

    def interaction_map(self, user, item):
        """The map (B, 1, 16, 16), masked."""
        return super().interaction_map(user, item) * torch.eye(16)


# %% [markdown]
# Is it really the same otherwise? The package can mask a map afterwards (*what if*, lesson 7). With the same
# weights, both must give the same score.

# %%
as_is = np.eye(16, dtype=np.float32)
whole, masked = reader(as_is, 1).eval(), reader(as_is, 1, DiagonalOnly).eval()
diagonal = inspection.score_counterfactual(whole, user, film, inspection.Counterfactual(keep="diagonal"))
assert np.isclose(float(masked.score_items(user)[film]), diagonal.score_after, atol=1e-5)

# %% [markdown]
# ## 5. The experiment
#
# Every guise is trained three times, each time with other random filters, another shuffle and another rotation. Within
# a repetition all guises begin with the same filters and see the same ratings in the same order.

# %%
repetitions = (1, 2, 3) if epochs > 9 else (1,)
guises = {"as trained": lambda seed: as_is, "permuted": permutation, "rotated": rotation}
trained = {}
for name, turn in guises.items():
    for seed in repetitions:
        trained[name, seed] = fit(reader(turn(seed), seed), quick, seed)

# %%
results = {key: ndcg(model) for key, model in trained.items()}

# %%
for seed in repetitions:
    masked = fit(reader(as_is, seed, DiagonalOnly), quick, seed)
    results["diagonal only", seed] = ndcg(masked)

# %% [markdown]
# And the other half of the question: take the network that was trained on the map as it is, and shuffle the map
# **without** training again. If the network had learnt nothing that depends on places, this would do no harm either.


# %%
def moved(turn, seed):
    """NDCG@10 of each user, by a trained network, on a layout that it was not trained on."""
    model = reader(turn, seed)
    model.load_state_dict(trained["as trained", seed].state_dict())
    model.start_from(torch.tensor(P @ turn), torch.tensor(Q @ turn))
    return ndcg(model.eval())


# %%
for seed in repetitions:
    results["permuted, not refitted", seed] = moved(permutation(seed), seed)

# %% [markdown]
# All of it in one table. A column is a repetition.

# %%
import pandas as pd

means = pd.Series({key: values.mean() for key, values in results.items()}).unstack()
order = ["as trained", "permuted", "rotated", "diagonal only", "permuted, not refitted"]
means.loc[order].assign(mean=means.mean(axis=1)).round(4)

# %% [markdown]
# ## 6. The picture
#
# A mean over some hundred users is itself uncertain: with other users it would be another. About 95 in 100 times the
# true mean lies within two standard errors of ours, where a standard error is the spread over users divided by the
# root of their number. (Two is rounded up; the cell has the exact figure.)

# %%
average = {name: np.mean([results[name, seed] for seed in repetitions], axis=0) for name in order}  # for each user
error = {name: values.std(ddof=1) / np.sqrt(values.size) for name, values in average.items()}
intervals = {n: {"mean": (v.mean() - 1.96 * error[n], v.mean() + 1.96 * error[n])} for n, v in average.items()}

# %% tags=["answer"]
rows = {n: {f"seed {s}": results[n, s].mean() for s in repetitions} | {"mean": average[n].mean()} for n in order}
lines = {name: {"mean": values.mean()} for name, values in per_user.items() if name != "popularity"}
figure = figures.comparison.metrics(rows, LIGHT, baseline="as trained", references=lines, intervals=intervals)
shown = [0.8 * means.min(axis=None), 1.05 * max(means.max(axis=None), per_user["EASE"].mean())]
figure.update_layout(height=330).update_xaxes(range=shown)

# %% [markdown]
# *How to read it.* To the right is better (NDCG@10); the axis does not begin at 0, so that dots are distinct. The
# hollow diamond is the network on the map as it is; of dots at one place only the last is seen, so look at the
# table above for their numbers. The last row is the mean of the rows above; a whisker there is the interval over
# users. The thin grey signs are the simple models; a plus on a whisker looks much like an upright line.
#
# Do not go by whether whiskers overlap: all networks were evaluated on the *same* users. Some users are easy for all
# of them and some are hard, and that spread is in every whisker. What counts is the difference *for each user*.
#
# ## 7. Tests, user by user
#
# If a guise made no difference, each user's difference could as well have had the other sign. So we flip signs at
# random, many times, and count how often the mean is as far from 0 as the one we found: that share is the p-value.

# %%
from convncf.metrics import paired_test

difference = average["permuted"] - average["as trained"]
signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(4000, difference.size))
p_value = (np.abs(signs @ difference) >= abs(difference.sum()) - 1e-12).mean()
test = paired_test(average["permuted"], average["as trained"], seed=0)
print(f"by hand p = {p_value:.3f}; the package p = {test.p_value:.3f}")

# %%
assert np.isclose(difference.mean(), test.difference)
assert np.isclose(p_value, test.p_value, atol=0.04)

# %% [markdown]
# Now every guise against the map as it is:

# %%
tests = {name: paired_test(average[name], average["as trained"], seed=0) for name in order[1:]}
for name, test in tests.items():
    print(test.in_words(name, "as trained"))

# %% [markdown]
# Three cautions before you read these lines as a result. An interval that holds 0 does not show that there is *no*
# difference: it shows how large a difference could still hide. Where several tests are made, one of them may look
# convincing by luck. And a test on users speaks of *these* networks: with other users, would they differ as much? It
# does not include the chance in training them, or in choosing a shuffle. For that, look at how much the repetitions of
# one guise differ:

# %%
spread = means.loc[order].max(axis=1) - means.loc[order].min(axis=1)
print(spread.round(4).to_string())

# %% [markdown]
# Chance in the shuffle can be shown directly. The order of MF is one layout among many. We move the first network to
# some random others, without training it again. Is its own unusual?

# %%
layouts = np.array([moved(permutation(100 + number), 1).mean() for number in range(12 if epochs > 9 else 3)])
trained_layout = results["as trained", 1].mean()
below = 100 * (layouts < trained_layout).mean()
figures.channels.strip(
    layouts, trained_layout, below, LIGHT, what="NDCG@10 of the first network", reference="random layout"
)

# %% [markdown]
# *How to read it.* Each dot is the same network on another layout of the same embeddings; their height only separates
# them. The line is the layout that it was trained on. If places mattered to it, the line would be far to the right of
# all dots.
#
# Nothing was trained between two dots, so their spread is what a layout does by chance alone. Compare it with the
# differences of section 7. One that is no larger says little about a guise, however small its p: with another shuffle,
# it might have had the other sign.
#
# And the simple models against the network, in the same way:

# %%
for name, values in per_user.items():
    print(paired_test(values, average["as trained"], seed=0).in_words(name, "the network"))

# %% [markdown]
# ## 8. The verdict
#
# The words below are chosen by the numbers, not by us. If you change the data or the seeds and run again, they change.


# %%
def in_words(test):
    """What an interval of the difference says."""
    if test.low <= 0 <= test.high:
        return f"made no significant difference (it could be {test.low:+.4f} to {test.high:+.4f})"
    return f"did {'better' if test.low > 0 else 'worse'} with these networks, by {abs(test.difference):.4f}"


# %%
print("Shuffling the dimensions and training again", in_words(tests["permuted"]))
print("Rotating the space and training again", in_words(tests["rotated"]))
print("Seeing the diagonal alone", in_words(tests["diagonal only"]))
print("Shuffling without training again", in_words(tests["permuted, not refitted"]))

# %%
worse = [name for name in ("permuted", "rotated") if tests[name].high < 0]
hurt = tests["permuted, not refitted"].high < 0
print("Does the network depend on places?", "Yes: moved, it does worse." if hurt else "Moved, it does no worse.")
answer = f"Perhaps: it does worse {' and '.join(worse)}." if worse else "Not that we could see: none did worse."
print("Are the places that MF chose better than others?", answer)

# %%
beaten = [n for n, v in per_user.items() if paired_test(average["as trained"], v, seed=0).low > 0]
ahead = [n for n, v in per_user.items() if paired_test(v, average["as trained"], seed=0).low > 0]
print("The network beats:", ", ".join(beaten) or "none of the simple models")
print("Ahead of the network:", ", ".join(ahead) or "none of the simple models")

# %% [markdown]
# How to put these lines together:
#
# - If *moving* the dimensions hurts and *refitting* heals it, then the network does learn places, but any places will
#   do. It is like a code: anyone who has learnt it can read it, and another code would have done as well. Nothing in
#   the layout was there to be discovered.
# - If refitting does not heal it, the order did carry something, and it would be worth finding out what.
# - If not even moving hurts, ask what a shuffle leaves in place. People and films are shuffled alike, so what was on
#   the *diagonal* stays on the diagonal, in another order. And a filter is the same in every block. A network that has
#   learnt to add up the diagonal will not notice a shuffle: it has become a roundabout way to compute the dot product.
#   Lesson 7 shows how to look whether it has.
# - If the diagonal alone does as well as the whole map, that says the same: the network made no use of the cells
#   off it, at least none that can be measured.
#
# The authors of the study below permuted and trained again, at full size: it cost nothing, and tuned simple models were
# ahead. Does your run agree? Whatever it says, it is *small*: one set of films, one MF, a network of a few hundred
# weights that was trained for seconds and not tuned. It can make you doubt a claim. It cannot settle one.
#
# ## What to try next
#
# - **Longer.** Set `CONVNCF_EPOCHS` to 160 before you start. Does the network catch up with MF, or pass it?
# - **Another MF.** All networks here read one pair of tables. Train a second MF with another seed, and run again.
# - **Embeddings that learn.** With `lr_embedding=1e-3` the embeddings may adapt to the filters, so that neighbours
#   could *become* similar. Does the layout matter then? Remember to compare with an MF that was trained as long.

# %% [markdown]
# **Exercise 1.** Give the network the dot-product start (`initialisation="dot product"`), and do not train it. What
# does a shuffle do to its scores now?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# at_start = of_network.model_copy(update={"initialisation": "dot product"})
# starts = []
# for turn in (as_is, permutation(5)):
#     start = FusedConvNCF(at_start, split.interactions)
#     start.start_from(torch.tensor(P @ turn), torch.tensor(Q @ turn))
#     starts.append(start.eval().score_items(user))
# assert torch.allclose(*starts, atol=1e-4)
# assert torch.allclose(starts[0], mf.score_items(user), atol=1e-4)
# ```
#
# Nothing: it begins as the dot product, which no shuffle changes. Whatever such a network does better than MF after
# training, it has learnt; but that is hard to see here, since it begins where MF ended.
# </details>

# %% [markdown]
# **Exercise 2.** How large a difference could this experiment have missed? Compare the width of the interval with all
# users to that with a quarter of them.

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# all_users = paired_test(average["permuted"], average["as trained"], seed=0)
# fewer = np.random.default_rng(1).permutation(all_users.n)[: all_users.n // 4]
# quarter = paired_test(average["permuted"][fewer], average["as trained"][fewer], seed=0)
# widths = all_users.high - all_users.low, quarter.high - quarter.low
# print(f"{all_users.n} users: ±{widths[0] / 2:.4f}; {quarter.n} users: ±{widths[1] / 2:.4f}")
# assert widths[1] > widths[0]
# ```
#
# A quarter of the users makes the interval about twice as wide: it shrinks with the root of their number. To halve
# what could hide, you need four times as many.
# </details>

# %% [markdown]
# **Exercise 3.** Change the sign of dimension 0, for users and films alike. How do the scores of MF and of the network
# change?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# flip = as_is.copy()
# flip[0, 0] = -1
# upside = reader(flip, 1)
# upside.load_state_dict(trained["as trained", 1].state_dict())
# upside.start_from(torch.tensor(P @ flip), torch.tensor(Q @ flip))
# change = (upside.eval().score_items(user) - trained["as trained", 1].score_items(user)).abs().max()
# print(f"largest change of a score of the network: {change:.3f}")
# assert np.allclose(P[user] @ flip @ (Q @ flip).T, P[user] @ Q.T, atol=1e-4)
# ```
#
# MF's scores stay as they were: minus times minus is plus. The network sees a row and a column of the map with the
# other sign, though the crossing of both is unchanged, and its scores move.
# </details>

# %% [markdown]
# ## Sources
#
# - M. Ferrari Dacrema, F. Parroni, P. Cremonesi, D. Jannach: Critically Examining the Claimed Value of Convolutions
#   over User-Item Embedding Maps for Recommender Systems. CIKM 2020. The experiment, at full size.
# - X. He, X. Du, X. Wang, F. Tian, J. Tang, T.-S. Chua: Outer Product-based Neural Collaborative Filtering. IJCAI 2018.
#   The claim.
# - H. Steck: Embarrassingly Shallow Autoencoders for Sparse Data. WWW 2019. EASE.
# - M. D. Smucker, J. Allan, B. Carterette: A Comparison of Statistical Significance Tests for Information Retrieval
#   Evaluation. CIKM 2007. The test that flips signs.
# - To play on: the page Compare of the app (`make app`, then <http://localhost:8501/compare>) tests any of your runs
#   against each other in this way.

# %%
folder.cleanup()
