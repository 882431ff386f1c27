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
# ![The interaction map of one customer and one book](pictures/00_quick_start.png)
#
# This picture is the second half of the answer, for one customer and one book. It is all that the network ever sees of
# the two. By the end of this page you will have made it from a plain CSV file, and will know how to read it.
#
# *Time to read: 10 minutes. Time to run: about half a minute on two cores. You need some Python; the words that may be
# new are explained where they first appear.*

# %%
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

# %% [markdown]
# The workbench keeps runs and datasets in one folder, its *home*. Here it gets a temporary one, so that this page never
# touches your own runs. In your own work, leave these lines out.

# %%
folder = tempfile.TemporaryDirectory()
shop = Path(folder.name)
os.environ["CONVNCF_HOME"] = str(shop / "home")

# %% [markdown]
# ## 1. A file of purchases
#
# Any CSV will do that has a column for who and one for what. Here we make one up, with real titles, so that you can
# judge the answers yourself: forty books on five shelves.

# %%
shelves = {
    "crime": "The Moonstone; Gaudy Night; The Big Sleep; Rebecca; The Lodger; Trent's Last Case; Strong Poison; The Thin Man",
    "sea": "Moby-Dick; Treasure Island; Kidnapped; Typhoon; Lord Jim; The Sea-Wolf; Two Years Before the Mast; Omoo",
    "space": "Dune; Solaris; Foundation; Ubik; The Time Machine; Neuromancer; Contact; The War of the Worlds",
    "romance": "Emma; Persuasion; Jane Eyre; Middlemarch; Villette; Evelina; North and South; Cecilia",
    "children": "Heidi; Peter Pan; The Hobbit; Matilda; Pippi Longstocking; Momo; Watership Down; The Wind in the Willows",
}

# %%
rng = np.random.default_rng(1)
titles = [title for row in shelves.values() for title in row.split("; ")]
shelf = np.repeat(list(shelves), 8)  # the shelf of each book
charm = rng.lognormal(sigma=0.6, size=len(titles))  # some books sell to anyone

# %% [markdown]
# Each customer loves one shelf, likes a second, and now and then takes a book from anywhere. The model will be told
# nothing of this: it sees only who bought what.


# %%
def basket() -> np.ndarray:
    """The books of one customer."""
    loved, liked = rng.permutation(list(shelves))[:2]
    weight = charm * np.where(shelf == loved, 12, np.where(shelf == liked, 5, 1))
    return rng.choice(len(titles), size=rng.integers(8, 15), replace=False, p=weight / weight.sum())


# %%
rows = [(f"c{who:03}", f"b{book:02}", titles[book]) for who in range(400) for book in basket()]
file = shop / "purchases.csv"
purchases = pd.DataFrame(rows, columns=["customer", "book", "title"])
purchases.to_csv(file, index=False)
purchases.head(4)

# %% [markdown]
# Real files have faults, so here are two: a purchase by nobody, and a line that stands twice.

# %%
with file.open("a") as lines:
    lines.write(",b08,Moby-Dick\n")
    lines.write(file.read_text().splitlines()[1] + "\n")

# %% [markdown]
# ## 2. Read it
#
# The reader guesses what each column is for; where a name is unusual, such as `book`, you say it. Nothing is left out
# in silence: the report counts every line.

# %%
from convncf import read_delimited

columns = {"user_id": "customer", "item_id": "book"}
read = read_delimited(file, mapping=columns)
print(*read.report.sentences(), sep="\n")

# %% [markdown]
# What is left is a table of customers and books with a mark where somebody bought something. Most of it is empty, so
# only the marks are stored. An empty cell is no dislike: that customer may just not know the book.

# %%
matrix = read.interactions.matrix()
filled = matrix.nnz / np.prod(matrix.shape)
print(f"{matrix.shape[0]} customers × {matrix.shape[1]} books, {matrix.nnz:,} marks: {filled:.0%} of the table")

# %% [markdown]
# Under a name, the data can be found again, from here, from the app and from the command line.

# %%
from convncf.data import catalogue

catalogue.add(file, "bookshop", mapping=columns)
[entry.name for entry in catalogue.entries()]

# %% [markdown]
# ## 3. Train
#
# First a simple model, **MF-BPR**, learns an *embedding* for each customer and each book: a list of numbers, such that
# the dot product of the two lists is high where the customer would buy the book. Then **ConvNCF** takes these
# embeddings over, starts as exactly that dot product, and trains a small network on top.
#
# `quick` is a set of defaults for a laptop. Our file is small, so we take small batches.

# %%
from convncf import default_store, prepare, resolve, work

epochs = int(os.environ.get("CONVNCF_EPOCHS", "80"))  # the tests set it, to get through in seconds
settings = {"pretrain.epochs": epochs, "pretrain.batch_size": 256, "train.batch_size": 256}
chosen = resolve(model="convncf", preset="quick", dataset="bookshop", settings=settings)

# %% [markdown]
# A *run* is a folder with everything in it: settings, curves, the model, the report. Training takes some seconds; of
# every customer's books, some are kept aside for it: *validation* to choose the best epoch, *test* for the report.

# %%
store = default_store()
run = prepare(chosen, "first", store.home)
report = work(run, store.home)
print(f"{len(run.metrics())} epochs, in {run.name!r}; the best is epoch {report['best_epoch']}")

# %% [markdown]
# From here on we draw. The figures are the app's own: live where this page runs, and still pictures where it is only
# read.

# %%
from convncf import figures
from convncf.figures import LIGHT
from convncf.figures.notebook import set_renderer

set_renderer(LIGHT)
figures.learning.curves(run.metrics(), LIGHT, "NDCG@10")

# %% [markdown]
# *How to read it:* higher is better. NDCG@10 is 1 if a customer's kept-aside books are at the very top of their list,
# and 0 if they are not among the first ten. The dotted line is MF-BPR, the solid one ConvNCF; the ring marks the epoch
# that is kept. 

# %% [markdown]
# Is that good? A number says little without a simple baseline beside it: the same list for everyone, by *popularity*,
# and the MF-BPR that the network started from.

# %%
metrics = pd.DataFrame({"ConvNCF": report["metrics"], **report["baselines"]})
metrics.loc[["HR@5", "NDCG@5", "NDCG@10"]].round(3)

# %%
for test in report["paired"].values():
    print(f"{test['metric']}: {test['words']}")

# %% [markdown]
# ## 4. Recommend

# %%
from convncf import history, load_run

loaded = load_run(run, store.home)
books, customer = loaded.dataset.items, loaded.dataset.interactions.users.index("c007")
bought = history(loaded.split, customer).items
print(*(f"{shelf[int(books.items.id(b)[1:])]:9} {books.label(b)}" for b in bought), sep="\n")

# %%
from convncf import recommend

best = recommend(loaded.model, loaded.split, customer, k=5)
for rank, book, score in zip(best.ranks, best.items, best.scores, strict=True):
    print(f"{rank}. {books.label(book):30} {score:.2f}")

# %% [markdown]
# ## 5. Look inside

# %%
from convncf import view_pair

pair = view_pair(loaded.model, loaded.split, customer, best.items[0])
trace = pair.trace
print(f"{books.label(pair.item)}: score {pair.score:.3f}, {pair.rank.words}")

# %% tags=["answer"]
figures.interaction_map(trace, LIGHT)

# %%
by_hand = np.outer(trace.p, trace.q)
assert np.allclose(by_hand, trace.map)

# %%
figures.feature_maps(trace.layers[0], LIGHT)

# %%
figures.feature_maps(trace.layers[1], LIGHT)

# %%
figures.feature_maps(trace.layers[2], LIGHT)

# %%
figures.score_parts(trace, LIGHT)

# %%
folder.cleanup()
