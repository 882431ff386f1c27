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
# # Quick start: from your own file to a look inside the network
#
# **A bookshop knows who bought which book, and nothing more. Which book should it show a customer next, and what does
# the network have in front of it when it answers?**
#
# <img src="pictures/00_quick_start.png" width="500" alt="The interaction map of one customer and one book">
#
# This is what it has in front of it, for one customer and one book: each square is one number that stands for the
# customer times one that stands for the book. On this page you make the picture from a plain CSV file, and learn to
# read it.
#
# *Time to read: 10 minutes. Time to run: half a minute on two cores. You need a little Python; words that may be new
# are explained where they first appear.*

# %% [markdown]
# The workbench keeps datasets and trained models in one folder, its home. Here it gets a temporary one, so that this
# page never touches yours. In your own work you omit this cell.

# %%
import os
import tempfile
from pathlib import Path

folder = tempfile.TemporaryDirectory()
shop = Path(folder.name)
os.environ["CONVNCF_HOME"] = str(shop / "home")

# %% [markdown]
# ## 1. A file of purchases
#
# Any CSV will do that says who and what. We make one up, with real titles, so that you can judge the answers yourself.
# These are the shelves of our shop:

# %%
shelves = {
    "crime": "Rebecca; The Moonstone; Gaudy Night; The Big Sleep; The Lodger; Red Harvest; Laura; The Thin Man",
    "sea": "Moby-Dick; Treasure Island; Kidnapped; Typhoon; Lord Jim; The Sea-Wolf; Omoo; Captain Blood",
    "space": "Dune; Solaris; Foundation; Ubik; The Time Machine; Neuromancer; Contact; The War of the Worlds",
    "romance": "Emma; Persuasion; Jane Eyre; Middlemarch; Villette; Evelina; North and South; Cecilia",
    "children": "Heidi; Peter Pan; The Hobbit; Matilda; Mary Poppins; Momo; Pinocchio; Watership Down",
}

# %% [markdown]
# Every customer loves one shelf, likes a second, and now and then takes a book from anywhere. The model does not know
# this: it only sees who bought what.

# %%
import numpy as np

rng = np.random.default_rng(1)
titles = [title for row in shelves.values() for title in row.split("; ")]
shelf = np.repeat(list(shelves), 8)  # of each book
charm = rng.lognormal(sigma=0.6, size=len(titles))  # some books sell to anyone


# %%
def basket() -> np.ndarray:
    """The books of one customer."""
    loved, liked = rng.permutation(list(shelves))[:2]
    weight = charm * np.where(shelf == loved, 12, np.where(shelf == liked, 5, 1))
    return rng.choice(len(titles), size=rng.integers(8, 15), replace=False, p=weight / weight.sum())


# %%
import pandas as pd

file = shop / "purchases.csv"
rows = [(f"c{number:03}", f"b{book:02}", titles[book]) for number in range(400) for book in basket()]
purchases = pd.DataFrame(rows, columns=["customer", "book", "title"])
purchases.to_csv(file, index=False)
purchases.head(4)

# %% [markdown]
# Real files have faults, so ours gets two: a purchase without a customer, and a duplicate line.

# %%
with file.open("a") as lines:
    lines.write(",b08,Moby-Dick\n")
    lines.write(",".join(rows[0]) + "\n")

# %% [markdown]
# ## 2. Read it
#
# The reader guesses which column is which; where a name is unusual, such as `book`, you name it. Nothing is dropped
# silently: the report accounts for every line.

# %%
import convncf

read = convncf.read(file, item="book", format="delimited", companions=False)
print(*read.report["sentences"], sep="\n")

# %% [markdown]
# What remains is a table of customers and books, with an *interaction* wherever a customer bought a book. Most of it is
# empty, so only the interactions are stored: a *sparse matrix*. An empty cell is not a dislike; perhaps the customer
# never met the book.

# %%
matrix = read.interactions.matrix()
customers, books = matrix.shape
density = matrix.nnz / (customers * books)
print(f"{customers} customers × {books} books, {matrix.nnz:,} interactions: {density:.0%} of the table")

# %% [markdown]
# Stored under a name, the data can be opened again: from here, from the app and from the command line.

# %%
from convncf import datasets

bookshop = datasets.add(file, "bookshop", item="book")
datasets.list().index.tolist()

# %% [markdown]
# ## 3. Train
#
# First a simple model, **MF-BPR** (matrix factorisation, trained with the BPR loss), learns an *embedding* for each
# customer and each book: a list of numbers, made so that the two lists multiplied number by number and summed (their
# dot product) give more for a book that the customer bought than for one that they did not. Then **ConvNCF** starts
# from these embeddings. It multiplies *every* number of one list with *every* number of the other, and a small
# convolutional network learns to read the square that results. Training the simple model first, to start from its
# embeddings, is called *pretraining*.
#
# `quick` is a set of settings for a laptop. Our file is small, so we take small batches (the purchases that one step of
# training uses), and let the network's weights change more at a step (`lr_network`, its learning rate). The network
# starts from random weights: whatever it can read, it has learnt.

# %%
epochs = int(os.environ.get("CONVNCF_EPOCHS", "20"))  # at most; the tests set it, to be through in seconds
pretrain = {"batch_size": 256, "epochs": 3 * epochs}
train = {"batch_size": 256, "epochs": epochs, "lr_network": 1e-3}
settings = {"model": {"initialisation": "random"}, "pretrain": pretrain, "train": train}

# %% [markdown]
# A *run* is a folder with all there is to know about one training: settings, curves, model, report. Some books of each
# customer are held out: *validation* books choose the best *epoch* (one pass over the data), *test* books are for the
# report alone.

# %%
from convncf import fit

fitted = fit(bookshop.split(seed=1), "convncf", preset="quick", seed=1, name="first", **settings)
run, report = fitted.run, fitted.run.report()
print(f"trained {report['epochs']} epochs after pretraining; kept: epoch {report['best_epoch']}")

# %% [markdown]
# The pictures are the app's own. They are live where this page runs, and stand still where it is only read.

# %%
from convncf import figures
from convncf.figures import LIGHT
from convncf.figures.notebook import set_renderer

set_renderer(LIGHT)
figures.learning.curves(run.metrics(), LIGHT, "NDCG@10")

# %% [markdown]
# *How to read it.* Higher is better: NDCG@10 is 1 where the held-out books lead a customer's list, and 0 where none
# is among the first ten. The dotted line is MF-BPR; where it falls again, it begins to overfit its training books;
# its best epoch is the one that ConvNCF starts from. The solid line is ConvNCF, which first has to learn how to
# read the square. The ring is the epoch that is kept.
#
# Is that good? A number says little without a simple model beside it: *popularity*, one list for everybody, and the
# MF-BPR that the network started from.

# %%
metrics = pd.DataFrame({"ConvNCF": report["metrics"], **report["baselines"]})
metrics.loc[["HR@5", "NDCG@5", "NDCG@10"]].round(3)

# %% [markdown]
# HR@5 is the share of customers who find a held-out book of theirs among the first five of their list.

# %%
for test in report["paired"].values():
    print(f"{test['metric']}: {test['words']}")

# %% [markdown]
# The lines compare the models customer by customer. Look at the interval, which says how far the difference may be off
# because these are the customers that we happen to have: where 0 lies inside it, there is no significant difference,
# whatever the table seems to say. (*p* says the same in one number: how often chance alone would bring so
# large a difference. Lesson 6 computes both.) And where 0 lies outside, this is still one shop, made up, and one seed,
# which is what fixes the random numbers: no verdict on the models.

# %% [markdown]
# ## 4. Recommend
#
# Take one customer, and see from which shelves their books are.

# %%
from convncf.inspection import history

loaded = convncf.load("first")
books, shelf_of = loaded.dataset.items, dict(zip(titles, shelf, strict=True))
customer = loaded.dataset.interactions.users.index("c007")
bought = [books.label(book) for book in history(loaded.split, customer).items]
pd.Series([shelf_of[title] for title in bought]).value_counts().to_frame("books")

# %% [markdown]
# Which book should the shop show them next? The books they are known to have are excluded from the list. Held-out books
# of the test stay in, since the model does not know them: a good model ranks them high (`held out` is True).

# %%
from convncf.inspection import recommend

best = recommend(loaded.model, loaded.split, customer, k=5)
names = [books.label(book) for book in best.items]
columns = {"book": names, "shelf": [shelf_of[name] for name in names], "score": best.scores.round(2)}
pd.DataFrame(columns | {"held out": np.isin(names, bought)}, index=best.ranks)

# %% [markdown]
# A *score* orders the books for this customer. It is neither a probability nor a rating.
#
# ## 5. Look inside
#
# Now the second half of the question: what does the network have in front of it? We follow the first book of the list
# through the network, and keep every number on the way: a *trace*.

# %%
from convncf.inspection import view_pair

pair = view_pair(loaded.model, loaded.split, customer, best.items[0])
trace = pair.trace
print(f"{names[0]}: score {pair.score:.2f}, {pair.rank.words}; {pair.excluded}")

# %% tags=["answer"]
figures.interaction_map(trace, LIGHT)

# %% [markdown]
# *How to read it.* This is the **interaction map**. The bars on the left are the customer's embedding, those on top the
# book's. Each cell is one of the left times one of the top: red where both have the same sign, blue where the signs
# differ, pale where either is near zero. The bar on the right gives the scale.
#
# **A caveat that belongs to every such map:** the order of the dimensions is arbitrary. Matrix factorisation fits just
# as well after any rotation of its embeddings, so two cells are neighbours by accident; and permuting the dimensions
# and fitting again was found to cost nothing (Ferrari Dacrema and others, below). Read patterns, not places.

# %% [markdown]
# There is no magic in it. The map is an outer product; and the dot product, all that matrix factorisation looks at, is
# the sum of its diagonal.

# %%
by_hand = np.outer(trace.p, trace.q)
assert np.allclose(by_hand, trace.map)
assert np.isclose(np.trace(by_hand), trace.p @ trace.q, atol=1e-6)

# %% [markdown]
# The first layer lays small square *filters* over the map, patch by patch. Each filter gives a *feature map* of its
# own, a *channel*.

# %%
figures.feature_maps(trace.layers[0], LIGHT)

# %% [markdown]
# *How to read it.* One tile is one channel. As in the map, the customer's dimensions run downwards and the book's
# across, now a patch at a time: bright where the filter matched the patch, dark where it did not and the network set
# the result to 0. Each tile has its own scale, from 0 to its largest value. A tile marked *zero* is 0 everywhere for
# this pair.
#
# The top left cell of every tile, by hand: the filter times its patch, summed, plus a bias, and nothing below zero.

# %%
layer = trace.layers[0]
patch = trace.map[: layer.kernel, : layer.kernel]
cells = (layer.filters[:, 0] * patch).sum(axis=(1, 2)) + layer.biases
assert np.allclose(np.maximum(cells, 0), layer.maps[:, 0, 0], atol=1e-5)

# %% [markdown]
# Each further layer does the same to the maps before it, and the maps shrink until one number a channel is left.

# %%
for layer in trace.layers:
    print(layer.name, "→ {} channels of {} × {}".format(*layer.shape))

# %%
figures.feature_maps(trace.layers[1], LIGHT)

# %% [markdown]
# *How to read it.* As above: one tile a channel, each on its own scale, now with larger patches to a cell.
#
# The numbers of the last layer are weighed and added up. That is the score.

# %%
figures.score_terms(trace, LIGHT)

# %% [markdown]
# *How to read it.* Bars to the right raise the score, bars to the left lower it; together they are the score.

# %%
total = (trace.features * trace.weights).sum() + trace.bias
assert np.isclose(total, pair.score, atol=1e-5)

# %% [markdown]
# So that is what the network looks at: not at titles, not at shelves, only at a square of products, and at what its
# filters find there. Whether the *places* in that square mean anything is another question; see the caveat, and try:
#
# ## What to try next
#
# - **Another book.** Put the last book of a longer list (`k=20`) in place of `best.items[0]`. The bars on the left
#   stay; what happens to the map, and to the terms of the score?
# - **A start that knows something.** Set `model.initialisation` to `"dot product"`: the network then begins as
#   exactly the dot product. Does it end up better?
# - **Your own file.** Change `file` and `columns`; omit the temporary home, and what concerns shelves.
# - **Without Python.** `convncf demo` trains three models on films, `convncf inspect demo-4x4 --user 15 --item 318
#   --html pair.html` writes such pictures as a page, and `make app` opens the app, where you can click your way through
#   the maps.
#
# ## Sources
#
# - X. He, X. Du, X. Wang, F. Tian, J. Tang, T.-S. Chua: Outer Product-based Neural Collaborative Filtering. IJCAI 2018.
#   The model.
# - S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme: BPR: Bayesian Personalized Ranking from Implicit
#   Feedback. UAI 2009. The loss, and MF-BPR.
# - M. Ferrari Dacrema, F. Parroni, P. Cremonesi, D. Jannach: Critically Examining the Claimed Value of Convolutions
#   over User-Item Embedding Maps for Recommender Systems. CIKM 2020. The caveat.

# %%
folder.cleanup()
