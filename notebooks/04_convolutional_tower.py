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
# # Lesson 4: The convolutional tower: from a square of products to one number
#
# **How does a convolutional network turn a square of 64 × 64 products into a single score, and why need it not be
# slow?**
#
# <img src="pictures/04_convolutional_tower.png" width="620" alt="A patch of the map times a filter, cell by cell">
#
# This is the whole of its work, once: a small part of the square, times a small square of weights, cell by cell. All
# that follows is doing this many times, adding up, and setting to zero what comes out negative. On this page you do it
# by hand until a score comes out, count what it costs, and then find that most of the work was never needed.
#
# *Time to read: 25 minutes. Time to run: a minute on two cores. You need a little numpy, and to know what a dot product
# and a matrix product are; the map itself is the subject of the lesson before.*

# %% [markdown]
# As everywhere in these lessons, what is trained here lives in a temporary home, so that yours stays as it is.

# %%
import os
import tempfile

folder = tempfile.TemporaryDirectory()
os.environ["CONVNCF_HOME"] = folder.name

# %% [markdown]
# ## 1. A pair to follow
#
# We need a network with weights that are not mere noise. So we train one briefly: on films that are seen by at
# least twenty users, to be done soon. Four layers lead from 64 × 64 down to 1 × 1; their kernels are 4, 4, 2 and 2.

# %%
layers = {"embedding_size": 64, "cnn_channels": (1, 32, 32, 32, 32)}
layers |= {"cnn_kernels": (4, 4, 2, 2), "cnn_strides": (4, 4, 2, 2), "initialisation": "random"}

# %%
epochs = int(os.environ.get("CONVNCF_EPOCHS", "4"))  # at most; the tests set it, to be through in seconds
training = {"epochs": epochs, "negatives": "uniform", "lr_network": 1e-3, "batch_size": 1024}
settings = {"model": layers, "train": training, "pretrain": {"epochs": 8 * epochs}, "eval": {"validation_users": 50}}

# %%
from convncf import datasets, fit

split = datasets.load("movielens-small").split(seed=1, min_item=20)
loaded = fit(split, "convncf", preset="quick", seed=1, name="tower", **settings)

# %% [markdown]
# One user, and the film that the network puts first for them. A *trace* holds every array between the two embeddings,
# `p` for the user and `q` for the film, and the score.

# %%
from convncf.inspection import recommend, trace_pair

user = loaded.dataset.interactions.users.index("15")
film = int(recommend(loaded.model, loaded.split, user, k=1).items[0])
trace = trace_pair(loaded.model, user, film)
p, q = trace.p, trace.q
print(f"{loaded.dataset.items.label(film)}: p {p.shape}, q {q.shape}, map {trace.map.shape}, score {trace.score:.3f}")

# %% [markdown]
# ## 2. One cell by hand
#
# Layer 1 looks at the map through a window of 4 × 4 cells, a *patch*. It is laid on the map side by side, without
# overlap: the *stride*, by which it moves, is the *kernel*, its size. Each filter turns each patch into one number. We
# take the place with the highest activation of any filter.

# %%
from convncf.inspection import receptive_field, strongest_cell, strongest_channel

layer = trace.layers[0]
channel = strongest_channel(layer)
a, b = strongest_cell(layer, channel)
rows, cols = receptive_field(trace.layers, 0, a, b)  # of the map
print(f"filter {channel}, cell ({a}, {b}): map[{rows.start}:{rows.stop}, {cols.start}:{cols.stop}]")

# %%
from convncf import figures
from convncf.figures import LIGHT
from convncf.figures.notebook import set_renderer

set_renderer(LIGHT)
figures.interaction_map(trace, LIGHT, field=(rows, cols))

# %% [markdown]
# *How to read it.* The interaction map: each cell is one number of the user, from the bars on the left, times one of
# the film, from the bars on top. Red is positive, blue negative, and the scale is on the right. The small frame is our
# patch. The order of the dimensions is arbitrary, so no place on this map has a meaning by itself.
#
# What does the filter do with its patch? It multiplies cell by cell, adds up, and adds a constant, the *bias* `b`:

# %%
import numpy as np

k = layer.kernel
patch = trace.map[a * k : a * k + k, b * k : b * k + k]
filter_, bias = layer.filters[channel, 0], layer.biases[channel]
cell = (filter_ * patch).sum() + bias
print(f"{cell:.4f}")

# %% tags=["answer"]
from convncf.figures.lesson import filter_window
from convncf.inspection.sums import window

filter_window(window(trace, channel, a, b), LIGHT)

# %% [markdown]
# *How to read it.* Left the patch, in the middle the filter, right their products, cell by cell; the user's dimensions
# run down and the film's across, as on the map. Red is positive, blue is negative, and each square has its own scale,
# written below it. Where patch and filter have the same sign the product is red. This place was picked because the
# filter's activation is highest here: most products are red, and they add up instead of cancelling out.
#
# Now use what the patch is. Its cell in row *s* and column *t* is *p*ₛ · *q*ₜ, so the sum over all cells is
#
# $$\sum_s \sum_t W_{st}\, p_s\, q_t \;=\; p_a^\top\, W\, q_b ,$$
#
# where *p*ₐ are the four numbers of the user in this row of patches, and *q*_b the four of the film in this column. In
# place of a patch we only need its two edges:

# %%
p_a, q_b = p[a * k : a * k + k], q[b * k : b * k + k]
by_edges = p_a @ filter_ @ q_b + bias
assert np.isclose(by_edges, cell, atol=1e-5)

# %% [markdown]
# Keep this line in mind, it comes back at the end. It says what a filter *is*: a small table of how strongly each of
# the user's four numbers should meet each of the film's four. A filter with ones on its diagonal and zeros elsewhere
# would be a small part of the dot product.
#
# At last, ReLU: what is negative becomes 0. The package has the same arithmetic, and the same cell on its map.

# %%
from convncf.inspection import cell_arithmetic

arithmetic = cell_arithmetic(trace, channel, a, b)
assert np.isclose(arithmetic.total, by_edges, atol=1e-5)
assert np.isclose(max(by_edges, 0), layer.maps[channel, a, b], atol=1e-5)

# %% [markdown]
# ## 3. One layer
#
# Do the same with every filter on every patch. The maps of a layer have shape (channels, rows, columns); the
# interaction map is one channel. From layer 2 on there are many channels below, and a filter is a stack of squares, one
# for each of them; the products of all are added up.


# %%
def convolve(maps, filters, biases):
    k = filters.shape[2]
    out = np.zeros((len(filters), maps.shape[1] // k, maps.shape[2] // k))
    for a, b in np.ndindex(*out.shape[1:]):
        patch = maps[:, a * k : a * k + k, b * k : b * k + k]  # (channels below, k, k)
        out[:, a, b] = (filters * patch).sum(axis=(1, 2, 3)) + biases
    return np.maximum(out, 0)


# %%
first = convolve(trace.map[None], layer.filters, layer.biases)
assert np.allclose(first, layer.maps, atol=1e-5)
print(f"{trace.map.shape} → {first.shape}; {(first == 0).mean():.0%} of the cells are 0")

# %%
figures.feature_maps(layer, LIGHT, selected=channel)

# %% [markdown]
# *How to read it.* One tile is one filter's map: a *channel*. The user's dimensions run downwards and the film's
# across, a patch to a cell. Each tile has its own scale, from 0 (dark) to its largest value (bright); a tile marked
# *zero* is 0 everywhere for this pair. The framed tile is our filter, and its brightest cell the one of section 2.
#
# Are the tiles not strangely alike, with the same rows and columns that stand out? They must be: a row of cells shares
# the four numbers *p*ₐ, and where those are all small, every cell of that row is close to what the bias alone gives,
# whatever the film.
#
# ## 4. The tower
#
# The next layer takes these maps for its input, and so on up: a tower. Its top is one number a channel.


# %%
def climb(square):
    maps = [square[None]]
    for layer in trace.layers:
        maps.append(convolve(maps[-1], layer.filters, layer.biases))
    return maps[1:]


# %%
for by_hand, layer in zip(climb(trace.map), trace.layers, strict=True):
    assert np.allclose(by_hand, layer.maps, atol=1e-4)
    print(layer.name, "→ {} channels of {} × {}".format(*layer.shape))

# %% [markdown]
# How much of the map does one cell of layer 2 read? Its patch is 4 × 4 cells of layer 1, and each of those has read
# 4 × 4 of the map. Sides multiply:

# %%
side = 1
for number, layer in enumerate(trace.layers):
    side *= layer.kernel
    rows, cols = receptive_field(trace.layers, number, 0, 0)
    assert rows == cols == slice(0, side)
    print(f"a cell of {layer.name} reads {side} × {side} cells of the map")

# %% [markdown]
# That is its *receptive field*. The last layer's is the whole map, so the score can depend on every product. Here is
# the field of one cell of layer 2. Not of the brightest one, for a cell may be bright by its bias alone; of the one
# that is furthest from its value for an empty map.

# %%
layer = trace.layers[1]
empty = climb(np.zeros_like(trace.map))[1]  # layer 2 for a map of zeros
moved = np.abs(layer.maps - empty)
channel, a, b = np.unravel_index(moved.argmax(), moved.shape)
rows, cols = receptive_field(trace.layers, 1, a, b)
figures.interaction_map(trace, LIGHT, field=(rows, cols))

# %% [markdown]
# *How to read it.* The same map as before; the larger frame is the receptive field of one cell of layer 2.
#
# Do not take this on trust: erase everything outside the frame, and climb again. Our cell must not change. Then erase
# the inside, and it must have its value for an empty map.

# %%
inside = np.zeros_like(trace.map)
inside[rows, cols] = trace.map[rows, cols]
alone = climb(inside)[1][channel, a, b]
without = climb(trace.map - inside)[1][channel, a, b]
assert np.isclose(alone, layer.maps[channel, a, b], atol=1e-4)
assert np.isclose(without, empty[channel, a, b], atol=1e-4)
print(f"cell {layer.maps[channel, a, b]:.4f}; field alone {alone:.4f}; all but its field {without:.4f}")

# %% [markdown]
# ## 5. One number
#
# At the top there is one number a channel. Each is multiplied by a weight, and the products are added up, with a last
# bias. That is the score.

# %%
top = climb(trace.map)[-1][:, 0, 0]
score = top @ trace.weights + trace.bias
assert np.isclose(score, trace.score, atol=1e-4)
print(f"by hand {score:.4f}, the package {trace.score:.4f}")

# %%
figures.score_terms(trace, LIGHT)

# %% [markdown]
# *How to read it.* A bar is a channel's term of the score: to the right it raises it, to the left it lowers it. The
# largest have a bar of their own, the others share one; together with the bias they are the score.
#
# ## 6. What it costs
#
# A layer's parameters are its filters and biases. Its work is one multiplication for each weight at each place.

# %%
import pandas as pd


def count(layer):
    channels, height, width = layer.shape
    return layer.filters.size + channels, layer.filters.size * height * width


# %%
costs = pd.DataFrame(map(count, trace.layers), columns=["parameters", "multiplications"])
costs.index = [layer.name for layer in trace.layers]
costs

# %%
network = costs["parameters"].sum() + trace.weights.size + 1
tables = (loaded.dataset.interactions.n_users + loaded.dataset.interactions.n_items) * p.size
assert network + tables == sum(parameter.numel() for parameter in loaded.model.parameters())
print(f"network {network:,} parameters, embeddings {tables:,}")
print(f"a pair: {costs['multiplications'].sum():,} multiplications, the dot product {p.size}")

# %% [markdown]
# So the network has few parameters beside the embeddings. Its price is work: thousands of times that of a dot product,
# for every film that is to be ranked. Where is it spent? In the lower layers, whose filters meet many places.
#
# The paper's own plan is six layers of kernel 2. What a plan costs can be counted without any network: for a layer of
# kernel *k*, channels above × channels below × *k*² at each place.


# %%
def work_of(kernels, channels=32, side=64):
    total, below = 0, 1
    for k in kernels:
        side //= k
        total, below = total + channels * below * k * k * side * side, channels
    return total


# %%
assert work_of((4, 4, 2, 2)) == costs["multiplications"].sum()
for kernels in ((4, 4, 2, 2), (2, 2, 2, 2, 2, 2), (8, 8)):
    print(kernels, f"{work_of(kernels):,} multiplications")

# %% [markdown]
# ## 7. The network that is a dot product
#
# Can such a tower compute *p*·*q*, all that matrix factorisation knows? A filter with ones on the diagonal gives the
# terms of the dot product that lie in its patch. But ReLU throws away what is negative, and the terms of a dot product
# are needed with their sign. The trick is to carry every number twice, as itself and as its opposite:

# %%
x = np.linspace(-2, 2, 9)
positive = np.maximum(x, 0)
opposite = np.maximum(-x, 0)
assert np.allclose(positive - opposite, x)

# %% [markdown]
# So two channels are enough: +diagonal and −diagonal on layer 1. Each layer above puts the number together again,
# positive minus opposite, sums along its diagonal, and splits the sum in two as before.


# %%
def carry(k, below):
    diagonal = np.eye(k)
    stack = [diagonal] if below == 1 else [diagonal, -diagonal]
    return np.array([stack, [-square for square in stack]])  # (2, below, k, k)


# %%
maps, steps = trace.map[None], []
for k in (4, 4, 2, 2):
    maps = convolve(maps, carry(k, len(maps)), np.zeros(2))
    steps.append(maps)
assert np.isclose(maps[0, 0, 0] - maps[1, 0, 0], p @ q, atol=1e-5)
print(f"two channels: {maps[0, 0, 0] - maps[1, 0, 0]:.5f}, dot product: {p @ q:.5f}")

# %% [markdown]
# What happens on the way? After layer 1, the cell in row *a* and column *b* is the dot product of the user's segment
# *a* with the film's segment *b*. The next layers walk down the diagonal of that table.

# %%
segments = p.reshape(16, 4) @ q.reshape(16, 4).T
assert np.allclose(steps[0][0] - steps[0][1], segments, atol=1e-5)
assert np.isclose(np.trace(segments), p @ q, atol=1e-5)

# %% [markdown]
# The package builds the same network with `initialisation="dot product"`. We give it two
# channels a layer and our embeddings, and let it score every film.

# %%
from convncf import ConvNCF, ModelConfig

plan = {"embedding_size": 64, "cnn_kernels": (4, 4, 2, 2), "cnn_strides": (4, 4, 2, 2), "initialisation": "dot product"}
two = ConvNCF(ModelConfig(**plan, cnn_channels=(1, 2, 2, 2, 2)), loaded.dataset.interactions)
two.start_from(loaded.model.user_embedding.weight, loaded.model.item_embedding.weight)
dots = loaded.model.item_embedding.weight.detach().numpy() @ p
assert np.allclose(two.score_items(user).numpy(), dots, atol=1e-4)

# %%
two_trace = trace_pair(two, user, film)
assert np.allclose(two_trace.layers[0].maps, steps[0], atol=1e-5)
figures.feature_maps(two_trace.layers[0], LIGHT, "shared", width=500)

# %% [markdown]
# *How to read it.* The two channels of layer 1 on one scale from 0; the user's segments run down, the film's across.
# Every cell is bright in at most one of them: on the left where the product of two segments is positive, on the right
# where it is negative.
#
# So ConvNCF contains matrix factorisation. That is a test with a known answer, and a way to start: a network of 32
# channels may begin as these two, with the others at an output weight of 0, and learn from there. Whatever it then does
# better or worse than the dot product is the network's own doing. It is not a proof that there is anything to add.
#
# ## 8. Kernel = stride: a layer is a matrix product
#
# Our loops are slow, and a general convolution has to be careful: patches usually overlap, so that a number is read by
# many of them. Here they do not. Each number is in exactly one patch, and a layer only has to put the numbers in
# another order, one patch to a row. Then *all* filters on *all* patches are a single product of two matrices.


# %%
def multiply(maps, filters, biases):
    c, below, k, _ = filters.shape
    n = maps.shape[1] // k
    patches = maps.reshape(below, n, k, n, k).transpose(1, 3, 0, 2, 4)  # (row, column, below, s, t)
    rows = patches.reshape(n * n, below * k * k)  # a patch to a row: as many numbers as the maps hold
    return np.maximum(rows @ filters.reshape(c, -1).T + biases, 0).T.reshape(c, n, n)


# %%
maps = trace.map[None]
for layer in trace.layers:
    maps = multiply(maps, layer.filters, layer.biases)
    assert np.allclose(maps, layer.maps, atol=1e-4)

# %% [markdown]
# Now the line from section 2 comes back. On layer 1 a cell is *p*ₐᵀ *W* *q*_b + *b*: the outer product need not be
# there at all. And *p*ₐᵀ *W* depends on the user alone. For one user and a thousand films it is computed once.

# %%
layer = trace.layers[0]
of_user = np.einsum("as,cst->act", p.reshape(16, 4), layer.filters[:, 0])  # (row, channel, 4): once a user
of_film = np.einsum("act,bt->cab", of_user, q.reshape(16, 4))  # (channel, row, column): once a film
assert np.allclose(np.maximum(of_film + layer.biases[:, None, None], 0), layer.maps, atol=1e-5)

# %% [markdown]
# What is left of layer 1's work for each further film? A sum over four numbers in place of sixteen, and no map to fill.

# %%
on_map = trace.map.size + layer.maps.size * 16  # fill the map, then 16 multiplications a cell
on_edges = layer.maps.size * 4
print(f"layer 1 for one more film: {on_map:,} multiplications on the map, {on_edges:,} without it")

# %% [markdown]
# Put together, for all films of one user, in a few lines of torch. First the weights, and a function that lays patches
# out as rows, as `multiply` did, now for many films at once:

# %%
import torch

weights = [(conv.weight.detach(), conv.bias.detach()) for conv in loaded.model.layers]
output, last = loaded.model.output.weight[0].detach(), loaded.model.output.bias.detach()
films = loaded.model.item_embedding.weight.detach()  # (N, 64)


# %%
def stack(maps, k):
    n, side, _, c = maps.shape  # channels last, so that a patch's numbers lie side by side
    patches = maps.view(n, side // k, k, side // k, k, c).transpose(2, 3)
    return patches.reshape(n, side // k, side // k, k * k * c)


# %% [markdown]
# And now a function for the whole tower: layer 1 from the edges, every other layer as one matrix product on stacked
# patches, and the weighted sum on top.


# %%
def all_at_once(p, films):
    once = torch.einsum("as,cst->act", p.view(16, 4), weights[0][0][:, 0])
    maps = torch.relu(torch.einsum("act,nbt->nabc", once, films.view(-1, 16, 4)) + weights[0][1])
    for filters, biases in weights[1:]:
        matrix = filters.permute(2, 3, 1, 0).flatten(0, 2)  # (k·k·channels below, channels)
        maps = torch.relu(stack(maps, filters.shape[2]) @ matrix + biases)
    return maps.flatten(1) @ output + last


# %%
p_of_user = torch.tensor(p)
ours = all_at_once(p_of_user, films)
assert torch.allclose(ours, loaded.model.score_items(user), atol=1e-3)

# %% [markdown]
# ## 9. How much faster?
#
# Three ways to score every film for our user: the readable reference, which fills each map and convolves it; our lines
# above, once for all films together and once for a few at a time; and the model that the package trains and ranks with.
# All have the same weights, and give the same scores.

# %%
reference = ConvNCF(loaded.config.model, loaded.dataset.interactions)
reference.load_state_dict(loaded.model.state_dict())
assert torch.allclose(reference.score_items(user), loaded.model.score_items(user), atol=1e-3)

# %%
from timeit import repeat


def milliseconds(score):
    return 1000 * min(repeat(score, number=1, repeat=5))  # the fastest: the others were disturbed by something


# %%
times = {
    "convolutions on maps": milliseconds(lambda: reference.score_items(user)),
    "our matrix products": milliseconds(lambda: all_at_once(p_of_user, films)),
    "ours, 32 films at a time": milliseconds(lambda: [all_at_once(p_of_user, chunk) for chunk in films.split(32)]),
    "the package": milliseconds(lambda: loaded.model.score_items(user)),
}

# %%
table = pd.Series(times).to_frame("milliseconds")
table.assign(times_faster=table["milliseconds"].iloc[0] / table["milliseconds"]).round(1)

# %% [markdown]
# The ratios are those of the machine that made this page; on yours they will be others. They do not come from fewer
# multiplications alone, since from layer 2 on there are as many as before. They come from how these are done: in large
# matrix products on numbers that lie side by side, with no map to fill, and with little to write to the memory and read
# back. That is why it makes a difference how many films our lines take at a time: the numbers between two layers should
# fit into the small, fast memory next to the processor. The package also works in such chunks, and where its `fast`
# extra is installed, it compiles the loops for your processor.
#
# None of this is an approximation. And none of it would work with overlapping patches: it is the plan, kernel = stride,
# that allows it.

# %% [markdown]
# ## What to try next
#
# - **Another pair.** Change `"15"` at the top, or take `k=50` and the last film: which channels are active now, and how
#   many are zero?
# - **Another plan.** Set kernels and strides to `(8, 8)` with channels `(1, 32, 32)`, or to the paper's six layers. An
#   impossible plan, such as `(5, 5)`, is refused with those that fit.
# - **Without Python.** In the app, `make app`, the page *Inspect* shows such a pair: click a cell of a feature map, and
#   its receptive field and arithmetic appear. The page *Learn* goes through one pair step by step.

# %% [markdown]
# **Exercise 1.** Networks for photographs use kernels of 3 that move by 1. How many such layers would it take until one
# cell has read all of a 64 × 64 map? `receptive_field` takes anything with a `kernel` and a `stride`.

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# from types import SimpleNamespace
#
# tower = []
# side = 1
# while side < 64:
#     tower.append(SimpleNamespace(kernel=3, stride=1))
#     rows, _ = receptive_field(tower, len(tower) - 1, 0, 0)
#     side = rows.stop - rows.start
# print(len(tower), "layers, which read", side)
# assert side == 2 * len(tower) + 1
# ```
#
# Each layer adds only two to the side, where kernel = stride multiplies it. Strides are what makes this tower short.
#
# </details>

# %% [markdown]
# **Exercise 2.** Change one word in `carry` so that the two channels return the sum of *all* cells of the map in place
# of its diagonal. Which formula of `p` and `q` is that, without any map?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def carry_all(k, below):
#     square = np.ones((k, k))
#     stack = [square] if below == 1 else [square, -square]
#     return np.array([stack, [-part for part in stack]])
#
#
# maps = trace.map[None]
# for k in (4, 4, 2, 2):
#     maps = convolve(maps, carry_all(k, len(maps)), np.zeros(2))
# assert np.isclose(maps[0, 0, 0] - maps[1, 0, 0], p.sum() * q.sum(), atol=1e-3)
# ```
#
# `ones` in place of `eye`. The sum of an outer product is the product of the sums: Σ p · Σ q.
#
# </details>

# %% [markdown]
# **Exercise 3.** Take ReLU and the biases away, and the tower can be no more than *p*ᵀ *M* *q* with one matrix *M*.
# Find *M*: what does the tower return for a map that is 1 in one cell and 0 elsewhere?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def straight(maps):
#     for layer in trace.layers:
#         n, (c, below, k, _) = maps.shape[-1] // layer.kernel, layer.filters.shape
#         rows = maps.reshape(-1, below, n, k, n, k).transpose(0, 2, 4, 1, 3, 5).reshape(-1, below * k * k)
#         maps = (rows @ layer.filters.reshape(c, -1).T).reshape(-1, n, n, c).transpose(0, 3, 1, 2)
#     return maps[:, :, 0, 0] @ trace.weights
#
#
# m = straight(np.eye(64 * 64, dtype=np.float32).reshape(-1, 1, 64, 64)).reshape(64, 64)
# assert np.isclose(p @ m @ q, straight(trace.map[None, None])[0], atol=1e-3)
# ```
#
# Without ReLU all layers collapse into one table of weights, and *p*ᵀ *M* *q* is a dot product again, of *M*ᵀ*p* with
# *q*. Whatever the network adds to matrix factorisation, it adds through ReLU.
#
# </details>

# %% [markdown]
# ## Sources
#
# - X. He, X. Du, X. Wang, F. Tian, J. Tang, T.-S. Chua: Outer Product-based Neural Collaborative Filtering. IJCAI 2018.
#   The map, the tower and its plan of six layers.
# - V. Dumoulin, F. Visin: A guide to convolution arithmetic for deep learning. arXiv 1603.07285, 2016. Kernels, strides
#   and sizes, with pictures.
# - K. Chellapilla, S. Puri, P. Simard: High Performance Convolutional Neural Networks for Document Processing. IWFHR
#   2006. Convolution as a matrix product on patches laid out as rows ("unrolling").
# - M. Ferrari Dacrema, F. Parroni, P. Cremonesi, D. Jannach: Critically Examining the Claimed Value of Convolutions
#   over User-Item Embedding Maps for Recommender Systems. CIKM 2020. Why no place on the map has a meaning by itself.
# - To play on: the app's [Inspect](http://localhost:8501/inspect) and [Learn](http://localhost:8501/learn) pages, while
#   `make app` runs.

# %%
folder.cleanup()
