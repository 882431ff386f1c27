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
# # Lesson 6: Evaluation: which of two models is better?
#
# **Two models, one test set, one metric: how can one table say that the first is better, and another that it is the
# second, when nobody made a mistake?**
#
# <img src="pictures/06_evaluation.png" width="680" alt="A metric of two models, among few films and among all">
#
# Each row is the same metric of the same two models on the same films; only the number of candidates differs, among
# which each test film is ranked. On this page you compute the metrics by hand, find out how much depends on that
# number, and meet three more ways in which an evaluation can mislead: ties, a choice made on the test set, and chance.
#
# *Time to read: 25 minutes. Time to run: a minute on two cores. You need a little numpy; of the models only that each
# gives every film a score.*

# %% [markdown]
# As everywhere in these lessons, what is made here lives in a temporary home.

# %%
import os
import tempfile

folder = tempfile.TemporaryDirectory()
os.environ["CONVNCF_HOME"] = folder.name

# %% [markdown]
# ## 1. A test, and two models
#
# Of each user we keep the latest film for the test and the one before it for validation: *leave-one-out*. To be quick,
# only films that at least twenty users have seen.

# %%
from convncf import EvalConfig, datasets

split = datasets.load("movielens-small").split(seed=1, min_item=20, split="leave-one-out")
n_users, n_items = split.train.shape
print(f"{split.method}: {n_users} users, {n_items:,} films, {split.test.nnz} test films")

# %% [markdown]
# The first model, *ItemKNN*, adds up how similar a film is to those that the user has seen, each film having only a few
# neighbours. The second is matrix factorisation with the BPR loss, *MF-BPR*, stopped after a few epochs. Neither is
# tuned: this is no contest, we need two models that differ in kind.

# %%
from convncf import ModelConfig
from convncf.models import ItemKNN, MatrixFactorisation

knn = ItemKNN(n_users, n_items, neighbours=20, shrinkage=0.0).fit(split.train)
rule = EvalConfig(ks=(5, 10))
plan = ModelConfig(name="mf-bpr", embedding_size=32, penalty="squared", reg_weights=(0.015, 0.0), embedding_std=0.1)

# %% [markdown]
# A `Trainer` hands out a record after each epoch; `list` makes it go on to its end.

# %%
import torch

from convncf import TrainConfig
from convncf.training import Trainer

speed = {"lr_embedding": 0.005, "patience": 0}


# %%
def factorise(epochs, seed):
    torch.manual_seed(seed)  # the start of the embeddings
    model = MatrixFactorisation(plan, split.interactions)
    return model, Trainer(model, split, TrainConfig(**speed, epochs=epochs), rule, seed=seed, restore=False)


# %%
mf, trainer = factorise(epochs=6, seed=1)
records = list(trainer)
print(f"after {records[-1].epoch} epochs: validation NDCG@10 {records[-1].validation['NDCG@10']:.4f}")

# %% [markdown]
# ## 2. A rank by hand
#
# One user. The model scores every film; those that the user had before are excluded, since they need not be recommended
# again. What is the rank of the film that the user saw next?

# %%
import numpy as np

everything = np.arange(n_items)
user = split.interactions.users.index("7")
scores = mf.score_items(user).numpy()
seen = split.excluded("test")[[user]].indices  # training and validation
answer = split.test[[user]].indices[0]

# %%
candidates = np.setdiff1d(everything, seen)
print(f"{n_items:,} films, {seen.size:,} excluded, {candidates.size:,} are ranked")

# %%
from convncf.metrics import rank_positives

rank = (scores[candidates] >= scores[answer]).sum()  # counts the film itself, so the best rank is 1
assert rank == rank_positives(scores, [answer], seen)[0]
print(f"rank {rank} of {candidates.size:,}")

# %% [markdown]
# The package does this for every user. It keeps each rank, and all metrics are made of these ranks and nothing else.

# %%
from convncf.metrics import evaluate

reports = {"ItemKNN": evaluate(knn, split, "test", rule), "MF-BPR": evaluate(mf, split, "test", rule)}
ranks = {name: report.ranks.ranks for name, report in reports.items()}
assert ranks["MF-BPR"][list(reports["MF-BPR"].users).index(user)] == rank
print({name: values[:8].tolist() for name, values in ranks.items()})

# %% [markdown]
# ## 3. From ranks to metrics
#
# Nobody scrolls through a thousand films. **HR@10**, the hit ratio, asks whether the test film is among the first ten:
# 1 or 0 for each user, and then the mean. **NDCG@10** also asks where: a hit at rank *r* counts 1 / log₂(*r* + 1), so
# the first place counts 1, and each further place a little less.

# %%
hit = (ranks["MF-BPR"] <= 10).astype(float)
gain = np.where(ranks["MF-BPR"] <= 10, 1 / np.log2(ranks["MF-BPR"] + 1), 0.0)
assert np.isclose(hit.mean(), reports["MF-BPR"].metrics["HR@10"])
assert np.allclose(gain, reports["MF-BPR"].per_user["NDCG@10"])
print(f"HR@10 {hit.mean():.4f}, NDCG@10 {gain.mean():.4f}")

# %% [markdown]
# Where a user has several test films, each hit adds its gain, and the sum is divided by the best that could be had: all
# of them at the top. That is the *N*, "normalised". By hand, for three test films at ranks 2, 5 and 30:

# %%
from convncf.metrics import parse, per_user

three = np.array([2, 5, 30])
had = sum(1 / np.log2(r + 1) for r in three if r <= 10)
best = sum(1 / np.log2(r + 1) for r in (1, 2, 3))
assert np.isclose(had / best, per_user(parse("NDCG@10"), three, np.array([0, 3]))[0])
print(f"{had:.3f} of at best {best:.3f}: {had / best:.3f}")

# %% [markdown]
# The two models, by full ranking:

# %%
import pandas as pd

table = pd.DataFrame({name: dict(report.metrics) for name, report in reports.items()})
table.loc[["HR@5", "HR@10", "NDCG@10"]].round(3)

# %% [markdown]
# ## 4. Ties
#
# What is the rank of a film if others have exactly its score? It sounds like a detail. So take a model that gives all
# films one score, such as a network with dead channels only:


# %%
class Indifferent:
    n_users, n_items = split.train.shape

    def score_items(self, user):
        return torch.zeros(self.n_items)


# %%
nothing = Indifferent().score_items(user).numpy()
kindly = 1 + (nothing[candidates] > nothing[answer]).sum()  # only better films are before it
strictly = (nothing[candidates] >= nothing[answer]).sum()  # equal ones are, too
print(f"kindly counted: rank {kindly}; strictly: rank {strictly} of {candidates.size:,}")

# %% [markdown]
# One `>` in place of `>=`, and the model that knows nothing is perfect. So the package counts ties *against* the test
# film. Then the indifferent model is last, which is where it belongs; also by *AUC*, the share of the other films that
# are ranked below the test film.

# %%
blank = evaluate(Indifferent(), split, "test", rule)
assert blank.metrics["HR@10"] == 0
print(f"HR@10 {blank.metrics['HR@10']}, AUC {blank.metrics['AUC']}")

# %% [markdown]
# Do real models tie? Some do, where scores are counts, or sums over few neighbours that are 0 for most films. How
# different are the two ways of counting, for hits and for ranks as a whole?


# %%
def scores_of(model, user):
    scores, answer = model.score_items(user).numpy(), split.test[[user]].indices[0]
    hidden = np.append(split.excluded("test")[[user]].indices, answer)
    return scores[answer], np.delete(scores, hidden)  # the film's score, and those of the others


# %%
def count(model, before):
    pairs = (scores_of(model, user) for user in range(n_users))
    return np.array([1 + before(others, score).sum() for score, others in pairs])


# %%
from convncf.models import Popularity

counted, popularity = {}, Popularity(n_users, n_items).fit(split.train)
for name, model in {"popularity": popularity, "ItemKNN": knn, "MF-BPR": mf}.items():
    kind, strict = count(model, np.greater), count(model, np.greater_equal)
    assert np.array_equal(strict, evaluate(model, split, "test", rule).ranks.ranks)
    counted[name] = [np.mean(kind <= 10), np.mean(strict <= 10), kind.mean(), strict.mean()]

# %%
columns = ["HR@10 kindly", "HR@10 strictly", "mean rank kindly", "mean rank strictly"]
pd.DataFrame(counted, index=columns).T.round(3)

# %% [markdown]
# First kindly counted, then strictly. Where the two are equal, no tie has decided anything here. Where they are not,
# a table would have to say how it counted.

# %% [markdown]
# ## 5. Ranked among a few
#
# Ranking all films takes time, and for years papers saved it: rank the test film among a *sample*, say twenty or a
# hundred films that the user has not seen. The original ConvNCF code stores 999 for each. Let us sample twenty.

# %%
from convncf.datasets import sample_candidates

sets = sample_candidates(split, "test", 20, seed=1)
row = int(np.flatnonzero(sets.user == user)[0])
among = scores[sets.of(row)]
print(f"rank {1 + (among >= scores[answer]).sum()} of {1 + among.size}; among all it was {rank} of {candidates.size:,}")

# %%
few = {"ItemKNN": evaluate(knn, split, "test", rule, candidates=sets)}
few["MF-BPR"] = evaluate(mf, split, "test", rule, candidates=sets)
for number, by_model in (("all", reports), ("twenty", few)):
    values = {name: report.metrics["HR@10"] for name, report in by_model.items()}
    listed = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
    print(f"HR@10 among {number}: {listed}; ahead: {max(values, key=values.get)}")

# %% [markdown]
# The figures are far higher, of course: ten of twenty-one is half the list. But compare who is ahead. If the two lines
# name different models, then the sample has not only changed the scale, it has changed the verdict.
#
# How can that be? Take a film at rank *r* among *N*. Of the *N* − 1 others, *r* − 1 are ranked before it. It is among
# the first ten of a sample if at most nine of these are in it. That is a matter of counting: the hypergeometric
# distribution.

# %%
from scipy.stats import hypergeom


def chance(rank, n, size, k=10):
    others, better = size - 1, rank - 1
    return hypergeom.cdf(k - 1, others, better, n)  # at most k - 1 of the better ones are among the n sampled


# %%
places = [1, 10, 50, 200, 500, 900]
columns = {f"among {n}": [chance(place, n, size=1000) for place in places] for n in (20, 100)}
pd.DataFrame(columns, index=pd.Index(places, name="rank of 1,000")).round(3)

# %% [markdown]
# Read the column of twenty. Rank 1 and rank 200 are almost the same to it, and half-way down the list there is still a
# good chance. So this does not measure the first ten any more, but of whether a film lies in the better half. A model
# that puts some test films on top and others far down is outdone by one that puts all of them somewhere above the
# middle. The full ranking, at a cut-off of ten, sees it the other way round. (Look back at the mean ranks of section 4:
# a model that has no opinion on most films leaves many test films at the far end.)
#
# We need not even sample: the expected value of the sampled metric follows from the full ranks. Is it near the sampled
# value?


# %%
def expected(name, n):
    size = reports[name].ranks.candidates  # films ranked, for each user
    return chance(ranks[name], np.minimum(n, size - 1), size)


# %%
for name in few:
    p = expected(name, 20)
    spread = np.sqrt((p * (1 - p)).sum()) / n_users
    assert abs(p.mean() - few[name].metrics["HR@10"]) < 4 * spread
    print(f"{name}: expected {p.mean():.3f}, sampled {few[name].metrics['HR@10']:.3f}")

# %% [markdown]
# Good. Then we can try any number of negatives at once:

# %%
sizes = {"among 20": 20, "among 50": 50, "among 100": 100, "among 999": 999, "among all": n_items}
table = {name: {among: float(expected(name, n).mean()) for among, n in sizes.items()} for name in ranks}

# %% tags=["answer"]
from convncf import figures
from convncf.figures import LIGHT
from convncf.figures.notebook import set_renderer

set_renderer(LIGHT)
figures.comparison.metrics(table, LIGHT)

# %% [markdown]
# *How to read it.* One dot is one model's HR@10, to the right is better, and the line joins the two. From top to bottom
# the test film is ranked among more and more others. Where the colours change sides, the verdict changes.

# %%
for among in sizes:
    print(f"{among}: ahead is {max(table, key=lambda name: table[name][among])}")
for name in ranks:
    assert np.isclose(table[name]["among all"], reports[name].metrics["HR@10"])

# %% [markdown]
# Krichene and Rendle (below) showed this in general: no usual metric but AUC keeps its order under sampling. Here the
# package ranks among all films by default; otherwise the report names the protocol.

# %% [markdown]
# ## 6. A choice made on the test set
#
# A model is trained for many epochs, and one has to be kept. Which? The one that does best — on what? The original
# code takes the epoch that is best on the *test* set. Let us train for longer, and note both parts at every epoch.

# %%
epochs = int(os.environ.get("CONVNCF_EPOCHS", "25"))  # the tests set it, to be through in seconds
longer, trainer = factorise(epochs, seed=2)
records, rows = [], []
for record in trainer:
    records.append(record)
    rows.append(evaluate(longer, split, "test", rule).per_user["NDCG@10"])
on_test = np.array(rows)  # (epochs + 1, users)

# %%
figures.learning.curves(records, LIGHT, "NDCG@10")

# %% [markdown]
# *How to read it.* NDCG@10 on the validation films over the epochs; the ring is the best. Where the curve trembles
# after its climb, part of that is chance: few users have their film in the first ten, and a handful of them decides.

# %%
mean = on_test.mean(axis=1)
kept = int(np.argmax([record.validation["NDCG@10"] for record in records]))
assert kept == trainer.best_epoch
print(f"chosen on validation: epoch {kept}, test {mean[kept]:.4f}")
print(f"chosen on test: epoch {mean.argmax()}, test {mean.max():.4f}")

# %% [markdown]
# The second number can never be smaller, by construction: it is the largest of the row. But what is it a measure of?
# Do an experiment that needs no new users: choose the epoch on one half of the users, and evaluate it on the *other*
# half, which had no part in the choice. Two hundred times, with other halves each time.

# %%
rng = np.random.default_rng(0)
gaps = []
for _ in range(200):
    order = rng.permutation(n_users)
    chose, others = (on_test[:, half].mean(axis=1) for half in np.array_split(order, 2))
    gaps.append(chose.max() - others[chose.argmax()])
print(f"those who chose see {np.mean(gaps):+.4f} more than those who did not, over a value of {mean.max():.4f}")

# %% [markdown]
# If that is above zero, it is what the choosing itself has added. Is it much? It depends on how many candidates there
# are, and how equal. The purest case is one we can make up: models that are *exactly* equally good, and differ by
# nothing but luck. How good does the best of them look?

# %%
truth = 0.10  # every model hits with this probability, for every user
for models in (1, 10, 100):
    looks = rng.binomial(n_users, truth, size=(2000, models)).max(axis=1) / n_users
    print(f"best of {models}: HR@10 looks like {looks.mean():.4f}; the truth is {truth:.4f}")
    assert models == 1 or looks.mean() > truth

# %% [markdown]
# The more one tries, the better the best one looks, with no model having become better. Epochs, seeds and settings are
# all such tries. Therefore: choose on validation, and evaluate on the test once.

# %% [markdown]
# ## 7. An interval
#
# Would other users have given another figure? We have no others. But we can sample from those we have, as many again,
# with replacement, some twice and some not at all; and see how far the mean moves. That is the *bootstrap*.

# %%
means = [rng.choice(hit, hit.size).mean() for _ in range(4000)]
low, high = np.quantile(means, [0.025, 0.975])
print(f"HR@10 {hit.mean():.4f}, 95% interval {low:.4f} to {high:.4f}")

# %%
from convncf.metrics import bootstrap_interval

interval = bootstrap_interval(hit, seed=1)
assert np.allclose([low, high], [interval.low, interval.high], atol=0.004)

# %%
shown, ends = {}, {}
for name, report in reports.items():
    by_metric = {metric: bootstrap_interval(report.per_user[metric], seed=1) for metric in ("HR@10", "NDCG@10")}
    shown[name] = {metric: interval.mean for metric, interval in by_metric.items()}
    ends[name] = {metric: (interval.low, interval.high) for metric, interval in by_metric.items()}

# %%
figure = figures.comparison.metrics(shown, LIGHT, intervals=ends)
figure.update_xaxes(range=[0, 1.1 * max(high for spans in ends.values() for _, high in spans.values())])

# %% [markdown]
# *How to read it.* Dots are the means of both models by full ranking, the thin lines through them their intervals. The
# wider the line, the less is known: compare its length with the value itself.
#
# ## 8. A paired test
#
# If two such intervals overlap, is the difference chance? The intervals do not say. Both models were evaluated on the
# *same* users, and some users are easy for both. What counts is the difference for each user.

# %%
first, second = (reports[name].per_user["NDCG@10"] for name in ("ItemKNN", "MF-BPR"))
difference = first - second
alone = np.sqrt((first.var() + second.var()) / n_users)
print(f"same value for {np.mean(difference == 0):.0%} of the users")
print(f"standard error of the difference: {alone:.4f} if unpaired, {difference.std() / np.sqrt(n_users):.4f} paired")

# %% [markdown]
# Suppose the models were equally good. Then for each user the difference could as well have had the other sign. So flip
# the signs by chance, many times, and see how often the mean is as far from zero as ours: Fisher's randomisation test.

# %%
flips = rng.choice([-1, 1], size=(5000, n_users))
by_chance = (flips * difference).mean(axis=1)
p_value = (np.abs(by_chance) >= abs(difference.mean()) - 1e-12).mean()
print(f"difference {difference.mean():+.4f}; as far from zero by chance: {p_value:.3f} of the flips")

# %%
place = 100 * (by_chance < difference.mean()).mean()
figures.channels.strip(
    by_chance[:1000], difference.mean(), place, LIGHT, what="difference of the means", reference="sign flip"
)

# %% [markdown]
# *How to read it.* Each dot is the difference after flipping signs by chance: what two equally good models would show.
# The line is the difference that was measured. In the middle of the dots it is nothing unusual; at their edge, or
# beyond, chance alone is a poor explanation.

# %%
from convncf.metrics import paired_test

test = paired_test(first, second, seed=1)
assert np.isclose(test.difference, difference.mean())
assert abs(test.p_value - p_value) < 0.03
print("NDCG@10:", test.in_words("ItemKNN", "MF-BPR"))

# %% [markdown]
# And the metric that changed sides in section 5, ranked among all and among twenty?

# %%
for number, by_model in (("all", reports), ("twenty", few)):
    knn_hits, mf_hits = (by_model[name].per_user["HR@10"] for name in ("ItemKNN", "MF-BPR"))
    print(f"HR@10 among {number}:", paired_test(knn_hits, mf_hits, seed=1).in_words("ItemKNN", "MF-BPR"))

# %% [markdown]
# Such a sentence, with its interval, is what a comparison should end with. Where the interval holds 0, these users do
# not settle which model is ahead, by that protocol; a sample of films may settle it firmly, for a question that nobody
# asked.
#
# It speaks of users like these. It does not speak of another training seed, of other data, or of what better settings
# would have done for either model. And anyone who tests twenty models has twenty chances to be lucky, which is section
# 6 again.

# %% [markdown]
# So nobody made a mistake, and still two tables may name two winners. They answer two questions: who puts the film
# among the first ten of *all*, and who puts it in the better half. Say which one you asked, among how many films, how
# ties were counted, by what the epoch was chosen, and how far chance may have moved the figure; then a table can be
# read.

# %% [markdown]
# ## What to try next
#
# - **Other models.** Put `EASE(n_users, n_items).fit(split.train)` in place of ItemKNN, or give ItemKNN a hundred
#   neighbours. Do they still change places?
# - **The protocol of the paper.** `sample_candidates(split, "test", 999, seed=1)`: on this small catalogue it is nearly
#   all films. On a large one it is a small part.
# - **Without Python.** `convncf compare` compares runs with paired tests, and the app's *Compare* page draws
#   them; it says when two runs were evaluated by different protocols.

# %% [markdown]
# **Exercise 1.** AUC is the share of other films that are ranked below the test film. Compute it from the ranks, and
# compare it with the report. Is the model with the higher AUC also the one with the higher HR@10?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# auc = {}
# for name, report in reports.items():
#     size = report.ranks.candidates
#     auc[name] = ((size - ranks[name]) / (size - 1)).mean()
#     print(f"{name}: AUC {auc[name]:.3f}, HR@10 {report.metrics['HR@10']:.3f}")
# assert all(np.isclose(auc[name], report.metrics["AUC"]) for name, report in reports.items())
# ```
#
# AUC looks at the whole list, and HR@10 at its first ten places. The fewer films are sampled, the more a sampled metric
# is like AUC.
#
# </details>

# %% [markdown]
# **Exercise 2.** From how many negatives on does the sampled HR@10 name the same model as the full ranking? Use
# `expected`.

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def ahead(n):
#     return max(ranks, key=lambda name: expected(name, n).mean())
#
#
# tried = [10, 20, 30, 50, 75, 100, 150, 200, 300, 500, n_items]
# same = [ahead(n) == ahead(n_items) for n in tried]
# from_n = next(n for place, n in enumerate(tried) if all(same[place:]))
# print(f"from {from_n} negatives on")
# assert ahead(n_items) == max(reports, key=lambda name: reports[name].metrics["HR@10"])
# ```
#
# The number holds for these two models on these data. For another pair it is another, and one learns it only from the
# full ranking.
#
# </details>

# %% [markdown]
# **Exercise 3.** Train MF-BPR again with another seed, and test it against itself. What does the sentence say, and what
# does that tell you about all differences of this size?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# twin, trainer = factorise(epochs=6, seed=5)
# list(trainer)
# other = evaluate(twin, split, "test", rule).per_user["NDCG@10"]
# again = paired_test(second, other, seed=1)
# print("NDCG@10:", again.in_words("seed 1", "seed 5"))
# assert 0 < again.p_value <= 1
# ```
#
# The same model twice, and yet two figures. A difference between two models that is no larger than this may be nothing
# but the seed, whatever its p-value: a test over users does not see it.
#
# </details>

# %% [markdown]
# ## Sources
#
# - W. Krichene, S. Rendle: On Sampled Metrics for Item Recommendation. KDD 2020. The expected value
#   of sampled metrics, and how they change the order of models.
# - K. Järvelin, J. Kekäläinen: Cumulated Gain-Based Evaluation of IR Techniques. ACM TOIS 20(4), 2002. NDCG.
# - X. He, X. Du, X. Wang, F. Tian, J. Tang, T.-S. Chua: Outer Product-based Neural Collaborative Filtering. IJCAI 2018.
#   Leave-one-out, and 999 sampled films; that the epoch is chosen on the test set is in its code.
# - M. D. Smucker, J. Allan, B. Carterette: A Comparison of Statistical Significance Tests for Information Retrieval
#   Evaluation. CIKM 2007. The randomisation test, and the bootstrap.
# - M. Ferrari Dacrema, P. Cremonesi, D. Jannach: Are We Really Making Much Progress? A Worrying Analysis of Recent
#   Neural Recommendation Approaches. RecSys 2019. What happens where evaluations are careless.
# - To play on: the app's [Compare](http://localhost:8501/compare) page, while `make app` runs.

# %%
folder.cleanup()
