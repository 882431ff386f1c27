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
# # Lesson 3: the interaction map
#
# **Matrix factorisation multiplies two lists number by number and adds up. What does it throw away, and what could a
# network do with it?**
#
# <img src="pictures/03_interaction_map.png" width="500" alt="The interaction map of a user and a film, its diagonal
# dashed and one row framed">
#
# This square holds every number of a user times every number of a film. The dot product adds up the dashed diagonal and
# never reads the rest. In this lesson you see what the rest holds, then meet an inconvenient truth about it (any sum
# of these cells, weighted as you like, is again a dot product), and find the one place where a network can do more.
#
# *Time to read: 25 minutes. Time to run: half a minute on two cores. You need a little Python, matrix products, and
# [lesson 2](02_matrix_factorisation.ipynb) for what embeddings are and why turning them changes no score.*

# %% [markdown]
# The workbench keeps its files in one folder, its home. This page gets a temporary one, so that it never touches yours.

# %%
import os
import tempfile

folder = tempfile.TemporaryDirectory()
os.environ["CONVNCF_HOME"] = folder.name

# %% [markdown]
# ## 1. All products instead of a few
#
# Take a user and two films, with three numbers each.

# %%
import numpy as np

p = np.array([2, 1, -1])
film_a = np.array([1, 0, 1])
film_b = np.array([0, 0, -1])
print("scores:", p @ film_a, "and", p @ film_b)

# %% [markdown]
# Both films get the same score, for opposite reasons: the first for its first number and in spite of its third, the
# second for its third alone. The sum has forgotten that. Keep all products, of each number with each: the *outer
# product*, here called the **interaction map**.

# %%
import pandas as pd

map_a, map_b = np.outer(p, film_a), np.outer(p, film_b)
rows, columns = ["p0 = 2", "p1 = 1", "p2 = -1"], ["q0", "q1", "q2"]
pd.concat({"film a": pd.DataFrame(map_a, rows, columns), "film b": pd.DataFrame(map_b, rows, columns)}, axis=1)

# %% [markdown]
# The two maps differ, and each still contains the score: it is the sum of the diagonal, which mathematicians call the
# *trace*. Off the diagonal are products that no dot product ever forms, such as the user's first number times the
# film's third.

# %%
assert np.trace(map_a) == p @ film_a
assert np.trace(map_b) == p @ film_b

# %% [markdown]
# ## 2. A real map
#
# Train something to look at: matrix factorisation first, then a small ConvNCF that starts from its embeddings. To be
# quick we keep films with fifty interactions or more, and 16 numbers an embedding. The network starts from random
# filters.

# %%
from convncf import datasets, fit

epochs = int(os.environ.get("CONVNCF_EPOCHS", "8"))  # of the network, at most; the tests set fewer
network_settings = {"cnn_channels": (1, 8, 8), "cnn_kernels": (4, 4), "cnn_strides": (4, 4), "embedding_size": 16}
train_settings = {"epochs": epochs, "lr_network": 3e-3}
settings = {"model": network_settings | {"initialisation": "random"}, "train": train_settings}
settings["pretrain"] = {"epochs": 3 * epochs}

# %%
split = datasets.load("movielens-small").split(seed=1, min_item=50)
loaded = fit(split, "convncf", preset="quick", seed=1, name="maps", **settings)
report = loaded.run.report()
scores = pd.DataFrame({"ConvNCF": report["metrics"], **report["baselines"]})
scores.loc[["HR@10", "NDCG@10"]].round(3)

# %% [markdown]
# (`mf-bpr` is the matrix factorisation that the network started from. No verdict is meant here: the model is small, and
# trained briefly.) A `trace` holds every number between two embeddings and the score, the map among them:

# %%
from convncf import ConvNCF
from convncf.inspection import PairTrace, trace_pair

network, data = loaded.model, loaded.split.interactions
assert isinstance(network, ConvNCF)
user, film = 7, data.items.index("318")
trace = trace_pair(network, user, film)

# %%
assert isinstance(trace, PairTrace)
assert np.allclose(trace.map, np.outer(trace.p, trace.q))
assert np.isclose(np.trace(trace.map), trace.p @ trace.q, atol=1e-5)
print(data.users.id(user), loaded.dataset.items.label(film), trace.map.shape)

# %%
from convncf.figures import LIGHT
from convncf.figures.lesson import map_row
from convncf.figures.notebook import set_renderer

set_renderer(LIGHT)

# %% tags=["answer"]
map_row(trace, int(np.abs(trace.p).argmax()), LIGHT)  # frames the row of the largest |p|

# %% [markdown]
# *How to read it.* The bars on the left are the user's embedding, those on top the film's. The user's dimensions run
# down the rows, the film's across the columns; a cell is one of the left times one of the top: red above 0, blue below,
# pale near 0, on the scale at the right. The dashed line is the diagonal, where a dimension meets itself. The framed
# row is the film's whole embedding times one number of the user: all rows are the same pattern, stronger or weaker,
# with the same or the opposite sign.
#
# Remember from lesson 2 that the order of dimensions is an accident. Read what kinds of cells there are, not where.
#
# How much of the map does the dot product read?

# %%
from convncf.inspection.sums import diagonal_share

size = np.abs(trace.map)
share = np.trace(size) / size.sum()
assert np.isclose(diagonal_share(trace).share, share)
print(f"{len(trace.p)} of {trace.map.size} cells are on the diagonal; they hold {share:.1%} of the map's size")

# %% [markdown]
# Between the dot product and the whole map is *GMF* (generalised matrix factorisation): it still reads only the
# diagonal, but gives each of its cells a weight $h_d$ that is learnt. With all weights 1 it is matrix
# factorisation. So:
#
# | model | reads of the map | weights |
# |---|---|---|
# | MF | the diagonal | all 1 |
# | GMF | the diagonal | one for each dimension |
# | what comes next | everything | one for each cell |

# %%
rng = np.random.default_rng(0)
h = rng.normal(size=16)
gmf = h @ (trace.p * trace.q)
assert np.isclose(gmf, np.trace(np.diag(h) @ trace.map))

# %% [markdown]
# Does the rest differ where the dot product does not? Look for two films to which this user's dot product gives nearly
# the same number, and which otherwise are as dissimilar as possible.

# %%
P = network.user_embedding.weight.detach().double().numpy()  # (users, 16)
Q = network.item_embedding.weight.detach().double().numpy()  # (films, 16)
dots = Q @ P[user]
lengths = np.linalg.norm(Q, axis=1)
cosines = (Q @ Q.T) / np.outer(lengths, lengths)  # cosine of each two films

# %%
near = np.abs(dots[:, None] - dots) < 0.01 * np.abs(dots).max()  # scores that are as good as the same
liked = dots > np.quantile(dots, 0.75)  # both are to be among this user's better quarter
candidates = np.where(near & liked[:, None] & liked, cosines, 2)
film_1, film_2 = (int(place) for place in np.unravel_index(candidates.argmin(), candidates.shape))
names = loaded.dataset.items.label(film_1), loaded.dataset.items.label(film_2)

# %%
from convncf import figures

print(*(f"{name}: dot product {dots[item]:.3f}" for name, item in zip(names, (film_1, film_2), strict=True)), sep="\n")
short = tuple(name.split(" (")[0] for name in names)  # titles short enough to be side by side
figures.maps.beside(np.outer(P[user], Q[film_1]), np.outer(P[user], Q[film_2]), LIGHT, short).update_layout(height=268)

# %% [markdown]
# *How to read it.* Two maps of the same user, and the first less the second; the user's dimensions run down the rows,
# the films' across the columns, and all three squares share the scale at the right. The diagonals of the first two add
# up to nearly the same number. Whatever else differs between them is invisible to matrix factorisation, and in plain
# view for a network. That is the idea of ConvNCF.
#
# ## 3. A first sobering fact: the map adds no information
#
# A map of 16 × 16 has 256 cells, but they were made from 32 numbers. Every row is a multiple of $q$: the matrix has
# *rank 1*. From the map we get $p$ and $q$ back, but for one factor that they share:

# %%
left, strength, right = np.linalg.svd(np.outer(P[user], Q[film]))
print("singular values:", strength[:3].round(6))
p_back, q_back = left[:, 0] * strength[0], right[0]
assert np.allclose(np.outer(p_back, q_back), np.outer(P[user], Q[film]))
assert np.isclose(abs(p_back @ P[user]), np.linalg.norm(p_back) * np.linalg.norm(P[user]))  # the same direction

# %% [markdown]
# So the map *holds* more than the dot product, and no more than the two embeddings. What it offers is a form: the
# products are ready to be weighted, and need not be learnt from two lists.
#
# ## 4. A second: every weighted sum of the map is a dot product
#
# Let the reader of the map be as free as you like, as long as it only weighs and adds: one weight for each cell, a
# matrix $W$. Then
#
# $$ \sum_{de} W_{de}\, p_d\, q_e = p^\top W q = p \cdot (W q) $$
#
# which is the dot product of $p$ with *another embedding* of the film, $W q$. All films can be multiplied by $W$ once
# and for all, and what is left is matrix factorisation.

# %%
W = rng.normal(size=(16, 16))
weighed = (W * np.outer(P[user], Q[film])).sum()
assert np.isclose(weighed, P[user] @ W @ Q[film])
assert np.isclose(weighed, P[user] @ (W @ Q[film]))

# %% [markdown]
# And a stack of layers? Take our trained network and leave out one thing, the ReLU between its layers. Convolutions
# weigh and add; so do layers of them. There must be a $W$ for the whole stack. To find it, ask how the score changes
# with each cell, which for a linear function is the same everywhere: its gradient.

# %%
import torch

no_relu = torch.nn.Sequential(*network.layers)  # layer after layer, nothing in between
empty = torch.zeros(1, 1, 16, 16, requires_grad=True)
constant = network.score_of(no_relu(empty))[0]  # what the biases give: the same for every pair

# %%
(gradient,) = torch.autograd.grad(constant, empty)
W_stack = gradient[0, 0]  # (16, 16)

# %%
from convncf import ModelConfig
from convncf.models import MatrixFactorisation

factorised = MatrixFactorisation(ModelConfig(name="mf-bpr", embedding_size=16), data)
factorised.start_from(network.user_embedding.weight, network.item_embedding.weight @ W_stack.T)  # q becomes W q

# %%
users, films = torch.arange(200), torch.arange(200)
with torch.no_grad():
    stack = network.score_of(no_relu(network.interaction_map(users, films)))
assert torch.allclose(stack, factorised.score_pairs(users, films) + constant, atol=1e-4)

# %% [markdown]
# The package's matrix factorisation, with other film embeddings, gives the scores of the whole convolutional stack. All
# the layers, filters and channels come to one dot product.
#
# ## 5. So what can a network add?
#
# Only what is not linear in the map. In ConvNCF that is the ReLU, $\max(0, x)$, between the layers. Each cell of the
# first layer is then $\max(0,\; p_a^\top W q_b + b)$, with $p_a$ and $q_b$ the segment of each embedding that the
# filter reads: a small dot product that counts *only if it is large enough*.
#
# The smallest example that no dot product of the same size can match: two filters, $+$ and $-$ the diagonal, both with
# weight $+1$. Since $\max(0, x) + \max(0, -x) = |x|$, the score is $|p \cdot q|$: a user who likes what is very much
# their kind and what is the very opposite, and is indifferent to what lies between.

# %%
torch.manual_seed(0)
plan = ModelConfig(embedding_size=2, cnn_channels=(1, 2), cnn_kernels=(2,), cnn_strides=(2,), dropout_prob=0)
tiny = ConvNCF(plan, data)

# %%
filters = torch.stack([torch.eye(2), -torch.eye(2)])[:, None]  # (2, 1, 2, 2)
built = {"cnn.0.weight": filters, "output.weight": torch.ones(1, 2)}
built |= {"cnn.0.bias": torch.zeros(2), "output.bias": torch.zeros(1)}
tiny.load_state_dict(tiny.state_dict() | built)
p_tiny, q_tiny = tiny.user_embedding.weight.detach()[:200], tiny.item_embedding.weight.detach()[:200]

# %%
dot = (p_tiny * q_tiny).sum(dim=1)
assert torch.allclose(tiny.score_pairs(users, films), dot.abs(), atol=1e-6)

# %% [markdown]
# How do we know that no dot product does it? By a *rank*. Write the scores of some users for some films in a table: if
# they are dot products of embeddings with $D$ numbers, the table is a product of two narrow matrices, and its rank is
# at most $D$. So count the rank of the network's table.

# %%
dots_of_40 = (p_tiny[:40].double() @ q_tiny[:40].double().T).numpy()  # 40 users, 40 films
rank_of_dots, rank_of_network = np.linalg.matrix_rank(dots_of_40), np.linalg.matrix_rank(np.abs(dots_of_40))
print("rank of the dot products:", rank_of_dots, "| rank of the network's scores:", rank_of_network)
assert rank_of_dots == 2 < rank_of_network

# %% [markdown]
# And here is the honest counterpart: a table of 40 × 40 has at most rank 40, so *some* dot product of longer lists
# gives exactly these scores. A network does not reach what is out of reach for every dot product; it reaches, with
# short lists, what a dot product needs longer ones for. Whether that helps is no question of algebra but of data.
#
# ## 6. How much of our network is a dot product?
#
# Ask the trained one. First the rank of its table of scores, beside that of its embeddings:

# %%
import copy

exact = copy.deepcopy(network).double().eval()
first = torch.arange(100)
with torch.no_grad():
    table = exact(first.repeat_interleave(100), first.repeat(100)).reshape(100, 100).numpy()
print("rank of its table of scores:", np.linalg.matrix_rank(table), "| numbers in an embedding:", P.shape[1])

# %% [markdown]
# The rank counts every deviation, however small. So ask what it amounts to: take many random pairs, let least squares
# find the $W$ that comes nearest to the network's scores, and see on *other* pairs how much of their variance it
# explains. Beside it, what the diagonal alone can explain, weighted as in GMF, and the plain dot product.

# %%
u, i = rng.integers(data.n_users, size=12_000), rng.integers(data.n_items, size=12_000)
with torch.no_grad():
    target = exact(torch.from_numpy(u), torch.from_numpy(i)).numpy()
maps = np.einsum("nd,ne->nde", P[u], Q[i])  # (12000, 16, 16)
diagonals = np.diagonal(maps, axis1=1, axis2=2)  # (12000, 16)


# %%
def explained(features: np.ndarray) -> tuple[float, np.ndarray]:
    """Share of the variance of the last 4000 scores that the best fit to the others explains, and its weights."""
    inputs = np.column_stack([features, np.ones(len(features))])
    weights = np.linalg.lstsq(inputs[:8000], target[:8000], rcond=None)[0]
    missed = target[8000:] - inputs[8000:] @ weights
    return 1 - missed.var() / target[8000:].var(), weights[:-1]


# %%
readers = {"dot product": diagonals.sum(axis=1), "GMF": diagonals, "every cell": maps.reshape(len(maps), -1)}
fits = {name: explained(features) for name, features in readers.items()}
pd.DataFrame({"explains": {name: f"{share:.1%}" for name, (share, _) in fits.items()}})

# %% [markdown]
# The last row is the share of the network that is matrix factorisation with other film embeddings; what it leaves open
# is the ReLU's. We can look at that $W$, beside the one of the plain dot product:

# %%
W_fit = fits["every cell"][1].reshape(16, 16)
identity = np.eye(16) * np.linalg.norm(W_fit) / 4  # as large as W_fit, so that one scale serves both
labels = "the dot product reads", "the network reads, as a W"
figures.maps.beside(identity, W_fit, LIGHT, labels).update_layout(height=268)

# %% [markdown]
# *How to read it.* Not maps of a pair this time but weights on a map: the user's dimensions run down the rows, the
# film's across the columns; red cells count for the film, blue cells against it, pale ones hardly at all. The left
# square is the dot product's, made as large as the other; all are on the scale at the right. The filters began at
# random, and nothing pointed the network to a diagonal. The more the middle square looks like the left one, the more it
# has found the dot product by itself; the third square shows in what it departs from it.
#
# Variance is one thing, ranking another. Build the imitation and let the three compete on the test films:

# %%
from convncf.metrics import evaluate

imitation = MatrixFactorisation(ModelConfig(name="mf-bpr", embedding_size=16), data)
imitation.start_from(torch.from_numpy(P), torch.from_numpy(Q @ W_fit.T))
of_imitation = evaluate(imitation, loaded.split, "test", loaded.config.eval)
scores["imitation"] = of_imitation.metrics
scores.loc[["HR@10", "NDCG@10"]].round(3)

# %%
from convncf.metrics import paired_test

of_network = evaluate(network, loaded.split, "test", loaded.config.eval)
test = paired_test(of_network.per_user["NDCG@10"], of_imitation.per_user["NDCG@10"], seed=0)
print("NDCG@10:", test.in_words("the network", "the imitation"))

# %% [markdown]
# Whatever the lines above say on your machine, read them so: where the interval lies above 0, the ReLU of this network
# found something here that the best-fitting $W$ did not carry over; where it holds 0, there is no significant
# difference between the network and a dot product of other embeddings. And note what was not tried: an imitation that
# is *trained* on the interactions, as matrix factorisation is, rather than fitted to the network.
#
# One last difference. The order of dimensions makes no difference to the dot product, nor to a full $W$:
# swap them, and some other $W$ fits as well. The network's filters lie on *neighbouring* dimensions. Swap the
# dimensions of users and films alike, without training again:

# %%
swap = torch.from_numpy(rng.permutation(16))
p_user, q_film = network.user_embedding.weight[user], network.item_embedding.weight[film]
assert torch.isclose(p_user[swap] @ q_film[swap], p_user @ q_film)

# %%
swapped = copy.deepcopy(network)
swapped.start_from(network.user_embedding.weight[:, swap], network.item_embedding.weight[:, swap])
before, after = network.score_items(user), swapped.score_items(user)
print(f"correlation of this user's scores before and after: {np.corrcoef(before, after)[0, 1]:.2f}")
assert not torch.allclose(before, after, rtol=1e-3)

# %% [markdown]
# The dot product is the same when both lists are swapped alike; this network's scores are not. The nearer it is to the
# dot product, the less: a $W$ that is the same number all along the diagonal is the same after any swap. So the network
# depends on an order that means nothing, to the extent that it is *not* matrix factorisation. Whether reading
# neighbours together ever helps is what lesson 8 puts to the test; Ferrari Dacrema and others, below, found that
# swapping the dimensions and training again costs nothing.
#
# What have we got? The map holds more than the dot product and no more than the two lists. Reading it linearly is
# matrix factorisation again. What is left for a network is the ReLU: products that count only if they are large enough.
#
# ## What to try next
#
# - **A start that is the dot product.** Set `"model.initialisation": "dot product"` in section 2: the network then
#   begins as exactly $p \cdot q$. How much of it is a dot product after training?
# - **More room.** Raise the channels from 8 to 32. Does the last row of the table in section 6 fall?
# - **Without Python.** `make app` opens the app on <http://localhost:8501>. Its page
#   [Inspect](http://localhost:8501/inspect) shows the map of any pair, and lets you change it and watch the score;
#   [Learn](http://localhost:8501/learn) builds it up step by step.
# - **The next lesson**, [the convolutional tower](04_convolutional_tower.ipynb), takes the network apart.

# %% [markdown]
# **Exercise 1.** GMF has a weight for each dimension, matrix factorisation has none. Is GMF therefore able to score in
# a way that matrix factorisation cannot? Build the `MatrixFactorisation` that gives GMF's scores for the weights `h`
# above.

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# same = MatrixFactorisation(ModelConfig(name="mf-bpr", embedding_size=16), data)
# same.start_from(torch.from_numpy(P), torch.from_numpy(Q * h))
# by_gmf = ((P[:200] * Q[:200]) @ h).astype(np.float32)
# assert np.allclose(same.score_pairs(users, films).numpy(), by_gmf, atol=1e-4)
# ```
#
# The weights go into the films' embeddings, $h \odot q$: it is section 4 with a diagonal $W$. What GMF changes is how
# training gets there, not what can be reached.
# </details>

# %% [markdown]
# **Exercise 2.** The map of one pair has rank 1. What rank has the *mean* of one user's maps with 20 films? And the
# mean of the maps of 20 users, each with another film?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# of_one = np.mean([np.outer(P[user], Q[film]) for film in range(20)], axis=0)
# of_many = np.mean([np.outer(P[place], Q[place]) for place in range(20)], axis=0)
# print(np.linalg.matrix_rank(of_one), np.linalg.matrix_rank(of_many))
# assert np.allclose(of_one, np.outer(P[user], Q[:20].mean(axis=0)))
# assert np.linalg.matrix_rank(of_one) == 1 < np.linalg.matrix_rank(of_many)
# ```
#
# A sum of $p q^\top$ with one $p$ is $p$ times the sum of the $q$: still rank 1. So the mean map of a history, which
# the app shows, is the map with the *mean film*. With different users nothing can be factored out, and the rank grows.
# </details>

# %% [markdown]
# **Exercise 3.** Turn all embeddings by one rotation $R$, as in lesson 2. What of the map stays the same: its trace,
# its diagonal, its largest cell, its singular values?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# R = np.linalg.qr(rng.normal(size=(16, 16)))[0]
# before = np.outer(P[user], Q[film])
# after = np.outer(P[user] @ R, Q[film] @ R)
# assert np.allclose(after, R.T @ before @ R)
# print("largest cell:", np.abs(before).max().round(3), "and", np.abs(after).max().round(3))
# assert np.isclose(np.trace(before), np.trace(after))
# assert np.isclose(np.linalg.norm(before, 2), np.linalg.norm(after, 2))
# assert not np.allclose(np.diag(before), np.diag(after))
# ```
#
# The trace stays, which is why matrix factorisation does not notice, and so does the one singular value, the product of
# the two lengths. Diagonal and cells do not: GMF and ConvNCF read something that the loss of matrix factorisation never
# fixed.
# </details>

# %% [markdown]
# ## Sources
#
# - X. He, X. Du, X. Wang, F. Tian, J. Tang, T.-S. Chua: Outer Product-based Neural Collaborative Filtering. IJCAI 2018.
#   The interaction map.
# - X. He, L. Liao, H. Zhang, L. Nie, X. Hu, T.-S. Chua: Neural Collaborative Filtering. WWW 2017, section 3.2. GMF.
# - S. Rendle, W. Krichene, L. Zhang, J. Anderson: Neural Collaborative Filtering vs. Matrix Factorization Revisited.
#   RecSys 2020. A well-tuned dot product beats a learnt similarity, and a network needs much to learn a dot product.
# - M. Ferrari Dacrema, F. Parroni, P. Cremonesi, D. Jannach: Critically Examining the Claimed Value of Convolutions
#   over User-Item Embedding Maps for Recommender Systems. CIKM 2020. On the order of dimensions.
# - F. M. Harper, J. A. Konstan: The MovieLens Datasets: History and Context. ACM Transactions on Interactive
#   Intelligent Systems 5(4), 2015. The data.

# %%
folder.cleanup()
