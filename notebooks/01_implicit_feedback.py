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
# # Lesson 1: implicit feedback
#
# **A film site knows who watched what, and nothing about what anyone disliked. What can be learnt from interactions
# alone, and how do you test it without fooling yourself?**
#
# <img src="pictures/01_implicit_feedback.png" width="560" alt="Users by films, sorted by activity: they crowd into one
# corner, most of the table is empty">
#
# This is all there is to learn from: a table of users and films with an interaction where a user watched a film. The
# interactions crowd into one corner, and nearly everything is empty. In this lesson you build the table from a file,
# see what its shape does to a recommender, find out what an empty cell says and does not say, and hold out part of the
# interactions for an honest test.
#
# *Time to read: 20 minutes. Time to run: half a minute on two cores. You need a little Python; no lesson comes before
# this one, though the [quick start](00_quick_start.ipynb) shows where it all leads.*

# %% [markdown]
# The workbench keeps its files in one folder, its home. This page gets a temporary one, so that it never touches yours.

# %%
import os
import tempfile
from pathlib import Path

folder = tempfile.TemporaryDirectory()
home = Path(folder.name)
os.environ["CONVNCF_HOME"] = str(home)

# %% [markdown]
# ## 1. From a file to a table
#
# Begin with data that is easy to survey: three users, three films, five interactions.

# %%
import pandas as pd

rows = [("ann", "Heat"), ("ann", "Alien"), ("bob", "Alien"), ("cem", "Emma"), ("cem", "Heat")]
tiny = pd.DataFrame(rows, columns=["user_id", "item_id"])
tiny

# %% [markdown]
# A model counts with numbers, not names. So each name gets an *index*: the first one seen is 0, the next new one 1, and
# so on. The list that leads from index back to name is a *vocabulary*.

# %%
users = list(dict.fromkeys(tiny.user_id))  # each once, in the order of appearance
films = list(dict.fromkeys(tiny.item_id))
user = [users.index(name) for name in tiny.user_id]
film = [films.index(name) for name in tiny.item_id]
print(users, user, films, film, sep="\n")

# %% [markdown]
# With indices, the interactions become a table: a row for each user, a column for each film, 1 where there is an
# interaction.

# %%
import numpy as np

table = np.zeros((len(users), len(films)), int)
table[user, film] = 1
pd.DataFrame(table, users, films)

# %% [markdown]
# The package does the same, and refuses what cannot be right, such as a duplicate pair.

# %%
from convncf import Interactions

ours = Interactions.from_frame(tiny)
assert ours.users.ids == tuple(users)
assert ours.items.ids == tuple(films)
assert (ours.matrix().toarray() == table).all()

# %% [markdown]
# ## 2. A table that is mostly empty
#
# Real tables are large. The one we use from here on comes with the workbench: MovieLens, ratings of films. We write it
# to a CSV file and read it as you would read your own.

# %%
from convncf import datasets

movielens = datasets.load("movielens-small")
data = movielens.interactions
data.to_frame().to_csv(home / "ratings.csv", index=False)
print((home / "ratings.csv").read_text()[:120])

# %%
import convncf

read = convncf.read(home / "ratings.csv", format="delimited", companions=False)
print(*read.report["sentences"], sep="\n")

# %% [markdown]
# The reader says what became of every line. And what it read is what was written: a *fingerprint* is a short number
# made from all of the data, so equal fingerprints mean equal data.

# %%
assert read.interactions.fingerprint == data.fingerprint
assert data.timestamp is not None  # a file may have no times, and no ratings; this one has both
assert data.rating is not None
data.to_frame().head(3)

# %%
table_cells = data.n_users * data.n_items
print(f"{data.n_users:,} users × {data.n_items:,} films = {table_cells:,} cells")
print(f"{len(data):,} interactions: {len(data) / table_cells:.2%} of the cells")

# %% [markdown]
# Why keep millions of zeros? A *sparse matrix* keeps the interactions alone. The usual form is called CSR (compressed
# sparse rows): write the films of user 0, then those of user 1, and so on, in one long row of numbers, `indices`. A
# second, short row, `indptr`, says where each user begins.

# %%
order = np.lexsort((data.item, data.user))  # sorted by user, and within a user by film
indices = data.item[order]
indptr = np.concatenate([[0], np.cumsum(np.bincount(data.user))])
print("the first films of user 3:", indices[indptr[3] : indptr[4]][:8])

# %%
matrix = data.matrix()
assert (matrix.indices == indices).all()
assert (matrix.indptr == indptr).all()

# %% [markdown]
# To find a user's films, two look-ups are enough; nothing is searched. And see what it saves, although the full table
# would need only one byte a cell:

# %%
stored = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
print(f"full table: {table_cells / 2**20:.2f} MiB; sparse: {stored / 2**20:.2f} MiB")

# %% [markdown]
# ## 3. The long tail
#
# Do all films get their share of the interactions? Count them, and sort.

# %%
counts = np.sort(np.bincount(data.item))[::-1]
top = counts[: -(-len(counts) // 20)]  # the twentieth part of all films, rounded up
print(f"the {len(top)} most watched films of {len(counts):,} have {top.sum() / counts.sum():.0%} of all interactions")
print(f"{(counts == 1).sum():,} films have one interaction; half of all films have {np.median(counts):.0f} or fewer")

# %%
from convncf.datasets import long_tail

tail = long_tail(data, "item")
assert (tail.counts == counts).all()
assert np.isclose(tail.tops[1].interactions, top.sum() / counts.sum())

# %% [markdown]
# The pictures are the app's own. They are live where this page runs, and stand still where it is only read.

# %%
from convncf import figures
from convncf.figures import LIGHT
from convncf.figures.notebook import set_renderer

set_renderer(LIGHT)
figures.dataset.long_tail(tail, LIGHT)

# %% [markdown]
# *How to read it.* One point is one film, the most watched on the left; its height is how many interactions it has.
# Both axes grow tenfold from tick to tick. The dotted lines show which share of all interactions the top 1, 5 and 20 %
# of the films have. The flat steps at the lower right are the *long tail*: films with three, two, one interaction.
#
# Sort users and films by their activity, and you get the picture from the top of the page.

# %% tags=["answer"]
from convncf.datasets import density_grid

figures.dataset.density(density_grid(data), LIGHT)

# %% [markdown]
# *How to read it.* Rows are users, the most active at the top; columns are films, the most watched on the left. The
# colours, on a logarithmic scale at the right, count the interactions in a small rectangle of users and films; where
# nothing is drawn, there is none at all. And the thin bright streak at the far right of the top row?

# %%
once = np.flatnonzero(np.bincount(data.item) == 1)  # films with one interaction
by_user = np.bincount(data.user[np.isin(data.item, once)])
print(f"{len(once):,} films have one interaction, and {by_user.max()} of these are of one and the same user")

# %% [markdown]
# Two things follow. A list of the most watched films, the same for everybody, will be right rather often: this is the
# *popularity* baseline, and every model has to beat it. And for the films of the tail there is almost nothing
# to learn from.

# %% [markdown]
# ## 4. Why an empty cell is no dislike
#
# It is tempting to call an interaction 1, an empty cell 0, and to teach a model that 0 means "no". Let us ask the data
# whether that is so. MovieLens has what most sites lack: a rating with every interaction. We use it here to check, and
# for nothing else.
#
# First test. Those who know a film tell us, by their stars, how they like it. Take the films that are liked best by
# those who know them: what would "empty means no" say about these?

# %%
known = np.bincount(data.item)  # how many know each film
mean = np.bincount(data.item, data.rating) / known
best = np.flatnonzero((known >= 30) & (mean >= np.sort(mean[known >= 30])[-5]))
best = best[np.argsort(-mean[best])]

# %%
answers = pd.DataFrame({"mean stars": mean[best]}, [movielens.items.label(i) for i in best.tolist()])
answers["two stars or fewer"] = np.bincount(data.item, data.rating <= 2)[best] / known[best]
answers["empty cells"] = 1 - known[best] / data.n_users
answers.round(2)

# %% [markdown]
# The second column is the share, among those who rated the film, who gave it two stars or fewer; the third is the share
# of all users whose cell is empty. These are the best-liked films there are, and most users have no interaction. If
# every empty cell were a dislike, most users would dislike what hardly anyone who rated it does. It is likelier that
# they have not seen it, or did not say so.
#
# Second test. Pretend to be a site that has lost some of its interactions, and hide one interaction in ten. Each of
# those cells is now as empty as any other, and yet we know what is behind it.

# %%
rng = np.random.default_rng(0)
hidden = rng.random(len(data)) < 0.1
stars = data.rating[hidden]
print(f"of {len(stars):,} cells that look empty, {np.mean(stars >= 4):.0%} hide four stars or more,")
print(f"and {np.mean(stars <= 2):.0%} hide two stars or fewer")

# %% [markdown]
# A caution: people choose what they watch, so the cells that once held an interaction are not a fair sample of all
# empty ones. Behind the rest there may be more dislike. The data does not say, and that is the point: *an empty cell is
# an unknown*.
#
# Where the truth is known, we can count. So make a world up: everyone likes a random third of the films, and each film
# reaches some users and misses others. An interaction appears where a user likes a film *and* the film reached them.

# %%
likes = rng.random((500, 300)) < 1 / 3  # the truth, which no site ever sees
reach = rng.beta(0.5, 4, size=300)  # share of the users that a film reaches: few films reach many
clicks = likes & (rng.random((500, 300)) < reach)
print(f"{clicks.mean():.0%} of the cells have an interaction")
print(f"of the empty ones, {likes[~clicks].mean():.0%} are liked all the same")

# %%
by_reach = np.corrcoef(clicks.sum(axis=0), reach)[0, 1]
by_likes = np.corrcoef(clicks.sum(axis=0), likes.mean(axis=0))[0, 1]
print(f"the number of interactions goes with how far a film reaches (correlation {by_reach:.2f}),")
print(f"and much less with how many like it (correlation {by_likes:.2f})")

# %% [markdown]
# Here, popularity is mostly reach. Feedback of this kind is called *implicit*: nobody was asked. What can be learnt
# from it is an order, with a modest assumption: *on the whole*, a user likes what they chose better than what they did
# not choose. It may be wrong for any one empty cell and still right on average. The next lesson turns that sentence
# into a loss.
#
# A model here never sees the stars. But it can be trained only on interactions with a minimum rating:

# %%
from convncf import DataConfig

liked = movielens.split(seed=0, min_rating=4)
print(liked.notes[0])
assert len(liked.interactions) == (data.rating >= 4).sum()

# %% [markdown]
# ## 5. Splits that do not leak
#
# To test a recommender, hide some interactions from it and see whether it finds them. The interactions fall into three
# parts: *training* to learn from, *validation* to choose by (when to stop, which settings), *test* for the report
# alone. A *leak* is any way in which the test part gets into what the model learns from. Some leaks are plain, and some
# are hidden.
#
# A split with a simple rule is *leave-one-out*: each user's latest interaction is test, the one before it validation.
# By hand:

# %%
order = np.lexsort((data.timestamp, data.user))  # by user, and each user's oldest first
last = np.cumsum(np.bincount(data.user)) - 1  # where each user's latest interaction is
part = np.zeros(len(data), int)  # 0 is training
part[order[last]], part[order[last - 1]] = 2, 1  # 2 is test, 1 validation
print(np.bincount(part), "interactions for training, validation and test")

# %%
one_out = movielens.split(seed=0, split="leave-one-out")
assert (one_out.part == part).all()
print(one_out.method, *one_out.notes, sep="\n")

# %% [markdown]
# **The plain leak** is an interaction that lies in two parts. It cannot happen here: each interaction has one part.

# %%
together = one_out.train.astype(int) + one_out.validation.astype(int) + one_out.test.astype(int)
assert together.max() == 1  # no pair is in two parts
assert together.nnz == len(data)  # and none is lost

# %% [markdown]
# **The leak of a model that was fitted on everything.** Counting views over the whole file before splitting looks
# harmless. Try it, with the popularity list and with a model of item neighbours (a film scores by its similarity to the
# films that the user has: how often the same users watched both): once fitted on the training part, as it should be,
# and once on all interactions.

# %%
from convncf import EvalConfig, metrics, models

reports = {}
for name, pairs in (("training", one_out.train), ("everything", matrix)):
    for kind in (models.Popularity, models.ItemKNN):
        fitted = kind(data.n_users, data.n_items).fit(pairs)
        reports[f"{kind.__name__}, {name}"] = metrics.evaluate(fitted, one_out, "test", EvalConfig()).metrics

# %%
figures.comparison.metrics(reports, LIGHT, names=["HR@5", "HR@10", "NDCG@10"])

# %% [markdown]
# *How to read it.* One row is one metric, one dot one model; further right is better, and of two at one place only
# the later is seen. HR@10 is the share of users whose hidden film is among the first ten of their list; NDCG@10
# also asks how high its rank is (lesson 6 computes both by hand). The models fitted on everything know the
# answers, so what they gain over the same model fitted on the training part is not skill. The numbers:

# %%
pd.DataFrame({name: dict(report) for name, report in reports.items()}).T[["HR@10", "NDCG@10"]].round(3)

# %% [markdown]
# How much a leak gives away depends on the model: compare the two pairs of rows. One count more hardly moves a list
# that is the same for all. ItemKNN gains more: its similarities were computed with each hidden film beside the user's
# others.
#
# **The leak through time.** An interaction that is *later* than the test interaction is news from the future. How many
# test interactions have such a neighbour in training? We ask it of three splits: a share of each user's interactions at
# random; leave-one-out; and one date for all, before it training, after it validation and then test.

# %%
settings = {
    "at random": DataConfig(split="ratio"),
    "leave-one-out": DataConfig(split="leave-one-out"),
    "one date": DataConfig(split="ratio", order="time", across="all"),
}
splits = {name: movielens.split_by(config, seed=0) for name, config in settings.items()}


# %%
def seen_later(part: np.ndarray, times: np.ndarray) -> tuple[float, float]:
    """Share of the test interactions that are older than a training one: of the same user, and of any."""
    train, test = part == 0, part == 2
    latest = np.full(data.n_users, times.min() - 1)  # of each user, in training
    np.maximum.at(latest, data.user[train], times[train])
    return (latest[data.user[test]] > times[test]).mean(), (latest.max() > times[test]).mean()


# %%
rows = ["the user's own future", "any user's future"]
leaks = pd.DataFrame({name: seen_later(parts.part, data.timestamp) for name, parts in splits.items()}, rows)
leaks.round(2)

# %% [markdown]
# And how many users, and films, have a test interaction and not a single one in training?

# %%
cold = {name: [len(parts.cold_users), len(parts.cold_items)] for name, parts in splits.items()}
pd.DataFrame(cold, ["test users without training", "test films without training"])

# %% [markdown]
# Read the two tables column by column.
#
# - *At random*: to guess what a user watched in May, the model may use what the same user watched in June. That is
#   easier than the task on a real site.
# - *Leave-one-out* keeps each user's own future out, and that is what its first row says. It does not keep out the
#   future of the others: a film that became famous in later years is known to be famous.
# - *One date* keeps out both. The price is in the second table: cold users and films, which training never saw. No
#   model that learns from interactions can do anything for those.
#
# So there is no split without a price; there are splits that say what they cost. When did people rate, that one date
# makes so many cold users?

# %%
from convncf.datasets import activity

by_month = activity(data)
assert by_month is not None
assert by_month.counts.sum() == len(data)
figures.dataset.activity(by_month, LIGHT)

# %% [markdown]
# *How to read it.* One bar is one month, and its height is how many ratings it has. A split by one date cuts this
# picture with a vertical line, and holds out what is right of it.

# %%
times = data.timestamp[order]  # user after user, and each user's oldest first, as above
first = np.append(0, last[:-1] + 1)  # where each user's oldest is
hours = (times[last] - times[first]) / 3600
print(f"half of the users gave all their ratings within {np.median(hours):.1f} hours;")
n_ratings = np.bincount(data.user)
print(f"each user gave at least {n_ratings.min()}, half of them {np.median(n_ratings):.0f} or more")

# %% [markdown]
# Here is the reason: many came once, and rated in one sitting more films than anyone can watch in that time; so they
# rated from memory. The times in this dataset are times of rating, not of watching. "The latest interaction" is then
# the last film that came to mind, which is good to know before one speaks of predicting the future.
#
# **What is excluded from a list.** One last rule belongs to the split. A list for the test excludes what the user is
# known to have, or the first ranks would go to films they have seen. One function decides that for every model, and
# says it in words:

# %%
print("user 0,", one_out.excluded_in_words(0, "test"))
known_before = one_out.train[[0]].nnz + one_out.validation[[0]].nnz
assert one_out.excluded("test")[[0]].nnz == known_before

# %% [markdown]
# So that is the basis of everything else: interactions in a sparse table, most of them on few films; empty cells
# that are unknowns; and a split that says what it holds out.
#
# ## What to try next
#
# - **Your own file.** Put its path into `convncf.read`, look at the long tail, and at the three splits.
# - **Another world.** In the made-up world, let films that more users like reach more users (`reach` from
#   `likes.mean(axis=0)`). Does popularity become a better guide?
# - **Without Python.** `make app` opens the app on <http://localhost:8501>: its page [Data](http://localhost:8501/data)
#   draws these pictures for any dataset, and says for a file of yours what was read and what was dropped, and why.
# - **The next lesson**, [matrix factorisation](02_matrix_factorisation.ipynb), learns from these interactions.

# %% [markdown]
# **Exercise 1.** How many users have both Toy Story (id `"1"`) and each of the other films? Find all of these numbers
# with one product of sparse matrices, and compare them with the package's
# `convncf.inspection.neighbours.nearest_by_cooccurrence`.

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# from convncf.inspection.neighbours import nearest_by_cooccurrence
#
# toy_story = data.items.index("1")
# ones = matrix.astype(np.int64)
# users_of_both = (ones.T @ ones[:, [toy_story]]).toarray()[:, 0]
# near = nearest_by_cooccurrence(matrix, toy_story, k=5)
# print([movielens.items.label(item) for item in near.items], near.together)
# assert (users_of_both[near.items] == near.together).all()
# ```
#
# Entry (i, j) of the matrix's transpose times the matrix counts the users who have both i and j. The zeros cost
# nothing: only users who have the film are read.
# </details>

# %% [markdown]
# **Exercise 2.** A film with a single interaction cannot be in training and in test. How many films does the test part
# of the leave-one-out split hold that training never saw? Count them with `np.setdiff1d`, and compare with what the
# split says.

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# in_test = np.unique(one_out.test.indices)
# in_training = np.unique(one_out.train.indices)
# never_seen = np.setdiff1d(in_test, in_training)
# print(f"{len(never_seen)} of {len(in_test)} test films")
# assert (never_seen == one_out.cold_items).all()
# ```
#
# They are called *cold*. A model that learns from interactions alone can rank them only by accident, and a report
# should say how many there are.
# </details>

# %% [markdown]
# **Exercise 3.** Make the random split sounder: keep each user's share, but let the *latest* tenth be the test. Which
# setting of `DataConfig` does it, and does the first row of the table in section 5 become 0?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# latest = movielens.split(seed=0, split="ratio", order="time")
# same, any_user = seen_later(latest.part, data.timestamp)
# print(f"{same:.2f} of the test interactions are older than one in training of the same user, {any_user:.2f} of any")
# assert same == 0
# ```
#
# `order="time"` holds out each user's latest interactions. Their own future is kept out, that of the others is not: the
# second number says how much of it remains.
# </details>

# %% [markdown]
# ## Sources
#
# - Y. Hu, Y. Koren, C. Volinsky: Collaborative Filtering for Implicit Feedback Datasets. ICDM 2008, section 1. What
#   is special about implicit feedback: no negative feedback, and interactions that are noisy.
# - S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme: BPR: Bayesian Personalized Ranking from Implicit
#   Feedback. UAI 2009, section 3. Learning an order instead of filling the empty cells with zeros.
# - Z. Meng, R. McCreadie, C. Macdonald, I. Ounis: Exploring Data Splitting Strategies for the Evaluation of
#   Recommendation Models. RecSys 2020. Models change places from one kind of split to another.
# - Y. Ji, A. Sun, J. Zhang, C. Li: A Critical Study on Data Leakage in Recommender System Offline Evaluation. ACM
#   Transactions on Information Systems 41(3), 2023. The leak through the others' future.
# - F. M. Harper, J. A. Konstan: The MovieLens Datasets: History and Context. ACM Transactions on Interactive
#   Intelligent Systems 5(4), 2015. The data.

# %%
folder.cleanup()
