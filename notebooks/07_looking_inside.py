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
# # Lesson 7: Looking inside: from a score back to the numbers that made it
#
# **The network puts a film high on a user's list. Can we find out why, and how far can we trust what we find?**
#
# <img src="pictures/07_looking_inside.png" width="680" alt="A map, and what each cell adds to the score">
#
# Left is what the network reads for one user and one film; right is what each cell of it adds to the score. On this
# page you make both by hand, test what they say by setting cells to 0, and then learn three things that such pictures
# cannot show.
#
# *Time to read: 25 minutes. Time to run: one minute on two cores. You need the quick start, or at least its words:
# embedding, interaction map, feature map, channel; and to know what a derivative is.*

# %%
import os
import tempfile

folder = tempfile.TemporaryDirectory()
os.environ["CONVNCF_HOME"] = folder.name  # a temporary home, so that this page never touches yours

# %% [markdown]
# ## 1. A small network to inspect
#
# The films are those of movielens-small that many users have rated, so that you have a chance to know them, and so
# that training takes seconds.

# %%
from convncf import datasets

split = datasets.load("movielens-small").split(seed=0, min_item=50)
films = split.dataset.items
print(f"{split.train.shape[0]} users, {split.train.shape[1]} films, {split.train.nnz:,} ratings to learn from")

# %% [markdown]
# Each model is trained in the same way: epoch by epoch, kept where it did best on validation films.

# %%
from convncf import EvalConfig
from convncf.training import Trainer

rule = EvalConfig()


# %%
def fit(model, settings, seed):
    """Train a model, and leave it as it was at its best epoch."""
    trainer = Trainer(model, split, settings, rule, seed=seed)
    best = [trainer.model_tensors() for record in trainer if record.improved]
    model.load_state_dict(best[-1])
    return model.eval()


# %% [markdown]
# First matrix factorisation (MF): an embedding of 16 numbers for each user and film, whose dot product is the score.

# %%
import torch

from convncf import ModelConfig, TrainConfig, models

epochs = int(os.environ.get("CONVNCF_EPOCHS", "40"))  # at most; the tests set it, to be through in seconds
of_mf = ModelConfig(name="mf-bpr", embedding_size=16, penalty="squared", reg_weights=(1e-2, 0.0), embedding_std=0.1)
slow = TrainConfig(epochs=epochs, batch_size=1024, lr_embedding=1e-2, patience=3, validate_every=4)


# %%
def factorise(seed):
    """An MF from random embeddings of its own."""
    torch.manual_seed(seed)
    return fit(models.MatrixFactorisation(of_mf, split.interactions), slow, seed)


# %% [markdown]
# Then ConvNCF, which starts from those embeddings, and from random filters. Its three layers shrink the 16 × 16 map to
# 4 × 4, to 2 × 2, and to one number for each of 8 channels.

# %%
from convncf.models import FusedConvNCF

plan = {"cnn_channels": (1, 8, 8, 8), "cnn_kernels": (4, 2, 2), "cnn_strides": (4, 2, 2), "dropout_prob": 0.0}
of_network = ModelConfig(embedding_size=16, penalty="squared", reg_weights=(1e-2, 1e-3), **plan)
quick = TrainConfig(epochs=max(1, epochs // 8), batch_size=512, lr_embedding=1e-3, lr_network=3e-3)


# %%
def read_the_map(mf, seed):
    """A ConvNCF that starts from an MF's embeddings."""
    torch.manual_seed(seed)
    network = FusedConvNCF(of_network, split.interactions)
    network.start_from(mf.user_embedding.weight.detach(), mf.item_embedding.weight.detach())
    return fit(network, quick, seed)


# %%
from convncf.metrics import evaluate

mf = factorise(1)
network = read_the_map(mf, 1)
for name, model in {"MF": mf, "ConvNCF": network}.items():
    print(f"{name}: NDCG@10 {evaluate(model, split, 'test', rule).metrics['NDCG@10']:.3f}")

# %% [markdown]
# Which of the two is better is not the question here (lesson 8 asks it). The question is what the network does.
#
# ## 2. One user, one film
#
# `first_pair` picks a user whose history is short enough to read and, where there is one, a film that was held out for
# the test and that the model ranks among its first ten.

# %%
from convncf import inspection
from convncf.inspection import history, view_pair

user, film = inspection.first_pair(network, split)
print("they rated, among others:", "; ".join(films.label(item) for item in history(split, user).items[:5]))
pair = view_pair(network, split, user, film)
print(f"the film: {films.label(film)}; {pair.part}; score {pair.score:.2f}, {pair.rank.words}")

# %%
from convncf import figures
from convncf.figures import LIGHT
from convncf.figures.notebook import set_renderer

set_renderer(LIGHT)
trace = pair.trace
figures.interaction_map(trace, LIGHT)

# %% [markdown]
# *How to read it.* The user's embedding is on the left, the film's on top (the axes say *user* and *item*); each
# cell is one number of the left times one of the top, red above 0 and blue below, on the scale at the right. The order
# of the dimensions is arbitrary: read patterns, not places.
#
# ## 3. Back from the score, step by step
#
# The score is a weighted sum of the last layer's channels. So the first step back is easy: which channel adds most?

# %%
import numpy as np

contributions = trace.features * trace.weights
assert np.allclose(contributions, trace.contributions)
assert np.isclose(contributions.sum() + trace.bias, pair.score, atol=1e-4)
top = int(np.abs(contributions).argmax())
print(f"channel {top} adds {contributions[top]:+.2f} of {pair.score:.2f}")

# %%
figures.score_terms(trace, LIGHT)

# %% [markdown]
# *How to read it.* A bar to the right raises the score, one to the left lowers it; with the bias they add up to it.
#
# That channel's number was made from the 2 × 2 maps of the layer before: its filter times these maps, cell by
# cell, plus a bias, and 0 where that is negative (ReLU). Rebuilt by hand:

# %%
first, second, last = trace.layers
terms = last.filters[top] * second.maps  # (8, 2, 2): one number for each channel and cell
assert np.isclose(max(terms.sum() + last.biases[top], 0), trace.features[top], atol=1e-4)
channel, row, col = np.unravel_index(np.abs(terms).argmax(), terms.shape)
print(f"most comes from channel {channel} of layer 2, row {row}, column {col}: {terms[channel, row, col]:+.2f}")

# %% [markdown]
# One more step back, in the same way, to the maps of layer 1:

# %%
patch = (slice(None), slice(2 * row, 2 * row + 2), slice(2 * col, 2 * col + 2))
terms = second.filters[channel] * first.maps[patch]  # (8, 2, 2)
assert np.isclose(max(terms.sum() + second.biases[channel], 0), second.maps[channel, row, col], atol=1e-4)
lowest, down, across = (int(place) for place in np.unravel_index(np.abs(terms).argmax(), terms.shape))
cell = (int(2 * row + down), int(2 * col + across))
print(f"most comes from channel {lowest} of layer 1, row {cell[0]}, column {cell[1]}")

# %%
figures.channel(first, lowest, LIGHT, cell=cell)

# %% [markdown]
# *How to read it.* One feature map of layer 1: a cell is its filter's output for one patch of the interaction map,
# the user's dimensions run down and the film's across, four to a cell. Dark is 0, and the bar on the right is the
# scale. The frame is the cell that we came to.
#
# That cell depends on four numbers of the user and four of the film, and no others: its *receptive field*. Write *a*
# and *b* for these numbers of the user and of the film, and *W* for the filter: the cell is max(0, *a*ᵀ *W* *b* +
# bias).

# %%
arithmetic = inspection.cell_arithmetic(trace, lowest, *cell)
by_hand = trace.p[arithmetic.rows] @ first.filters[lowest, 0] @ trace.q[arithmetic.cols] + first.biases[lowest]
assert np.isclose(by_hand, arithmetic.total, atol=1e-5)
assert np.isclose(max(by_hand, 0), first.maps[lowest][cell], atol=1e-5)
rows, cols = arithmetic.rows, arithmetic.cols
print(f"rows {rows.start} to {rows.stop - 1}, columns {cols.start} to {cols.stop - 1}")

# %%
figures.interaction_map(trace, LIGHT, field=(rows, cols))

# %% [markdown]
# *How to read it.* The same map as above. The frame is the receptive field of that one cell.
#
# We are back at the embeddings, and we could write a story: this block made that cell, which made that channel, which
# made the score. But at each step we followed the largest term and dropped all others. How many others?

# %%
paths = first.filters.shape[0] * first.maps[0].size * second.filters.shape[0] * last.filters.shape[0]
print(f"{paths:,} paths lead from the cells of layer 1 to the score; we followed one of them")

# %% [markdown]
# ## 4. All paths at once: attribution
#
# How much would the score change if one cell of the map were a little larger? That is the derivative of the score by
# the cell, and torch computes it for all cells at once: it goes back along *all* paths. The derivative times the cell
# itself is called **gradient × input**.

# %%
map_ = torch.tensor(trace.map, requires_grad=True)  # (16, 16)
network.score_of(network.feature_maps(map_[None, None])[-1]).backward()
slope = map_.grad.numpy()
plain = inspection.gradient_times_input(network, user, film)
assert np.allclose(trace.map * slope, plain.values, atol=1e-5)
print(plain.words)

# %% [markdown]
# The sentence says whether the cells add up to what they should explain: the score, less the score of a map that is 0
# everywhere. With gradient × input they need not: the slope holds for a small step, and we ask about the whole way from
# an empty map to this one, on which ReLUs open and shut.
#
# **Integrated gradients** walks that way. The map is faded in, α from 0 to 1, and the slopes on the way are averaged.
# While the map is faint, a little more of it can open or shut a ReLU, so the package takes finer steps there: α = t²,
# with t in equal steps. Each slope then counts as much as its step is long, which is 2t times the step of t.

# %%
t = (torch.arange(128) + 0.5) / 128
faded = (t**2)[:, None, None, None] * torch.tensor(trace.map)  # (128, 1, 16, 16)
faded.requires_grad_(True)
network.score_of(network.feature_maps(faded)[-1]).sum().backward()
steps = 2 * t / 128  # how far α goes, since the derivative of t² is 2t; together they are 1
mean = (steps[:, None, None] * faded.grad[:, 0]).sum(dim=0)  # of the slopes on the way, (16, 16)

# %%
whole = inspection.integrated_gradients(network, user, film)
assert np.allclose(trace.map * mean.numpy(), whole.values, atol=1e-4)
print(whole.words)

# %% tags=["answer"]
summary = {"method": whole.method, "score": whole.score, "baseline": whole.baseline}
figures.score.attribution_map(trace.map, whole.values, LIGHT, **summary).update_layout(height=330)

# %% [markdown]
# *How to read it.* Left the interaction map, right what each cell adds to the score: red raises it, blue lowers it,
# pale adds nothing. Each has a scale of its own. A cell that is strong on the left and pale on the right is one that
# the network does not use.
#
# MF reads the diagonal alone. Does this network? Nothing tells it that the diagonal is special: its filters
# began as random numbers, and all cells of the map were the same to it.

# %%
size = np.abs(whole.values)
share, even_share = np.trace(size) / size.sum(), 1 / 16
print(f"the diagonal has {even_share:.0%} of the cells, and {share:.0%} of the attribution by size")

# %% [markdown]
# The further the second number is above the first, the more the network has found out by itself what MF was given:
# that a user's dimension is to be multiplied with the *same* dimension of the film. Look at the right half of the
# picture again with that in mind.
#
# ## 5. What if? Change the map, and score again
#
# An attribution is a claim, and a claim can be tested: change the map, and let the network score it again. First we
# keep the diagonal only. By hand, it is one multiplication:

# %%
diagonal = inspection.score_counterfactual(network, user, film, inspection.Counterfactual(keep="diagonal"))
masked = torch.tensor(trace.map * np.eye(16, dtype=np.float32))[None, None]
with torch.no_grad():
    by_hand = float(network.score_of(network.feature_maps(masked)[-1]))
assert np.isclose(by_hand, diagonal.score_after, atol=1e-4)
print(f"score {diagonal.score_before:.2f} → {diagonal.score_after:.2f}")

# %% [markdown]
# A score alone says little: the scores of all other films change, too, if their maps are cut in the same way. So the
# package cuts them all, and ranks again.

# %%
ranked = inspection.rank_counterfactual(network, split, user, film, inspection.Counterfactual(keep="diagonal"))
print(ranked.words)
scores, ranks = (ranked.score_before, ranked.score_after), (ranked.before.rank, ranked.after.rank)
figures.change.counterfactual(scores, ranks, ranked.after.candidates, LIGHT, what="only the diagonal is kept")

# %% [markdown]
# *How to read it.* The hollow dot is before the change, the filled one after it; to the right is better. Above the
# score, below the rank, on a scale on which each step is ten times as far.
#
# Now the claim itself. Take the 4 × 4 block that the attribution says matters most, set it to 0, and compare what the
# score loses with what the attribution says.

# %%
blocks = whole.values.reshape(4, 4, 4, 4).sum(axis=(1, 3))  # (4, 4): each the sum of a 4 × 4 block
a, b = (int(place) for place in np.unravel_index(np.abs(blocks).argmax(), blocks.shape))
block = inspection.Block(4 * a, 4 * a + 4, 4 * b, 4 * b + 4)
without = inspection.score_counterfactual(network, user, film, inspection.Counterfactual(block=block))
print(f"{block.words}: attribution {blocks[a, b]:+.2f}, the score loses {pair.score - without.score_after:+.2f}")

# %% [markdown]
# Do it for all 16 blocks. If the score were a plain sum over the cells, as in MF, each loss would be what the
# attribution says.

# %%
loses = np.zeros((4, 4))
for a, b in np.ndindex(4, 4):
    block = inspection.Block(4 * a, 4 * a + 4, 4 * b, 4 * b + 4)
    change = inspection.Counterfactual(block=block)
    loses[a, b] = pair.score - inspection.score_counterfactual(network, user, film, change).score_after
print(f"correlation {np.corrcoef(blocks.ravel(), loses.ravel())[0, 1]:.2f}")
print(f"the 16 losses add up to {loses.sum():.2f}, the attributions to {blocks.sum():.2f}")

# %% [markdown]
# Loss and attribution answer two questions. The loss asks: what if *this* block were gone and all else stayed? The
# attribution shares out the whole score among all. Where they agree, a picture is on firmer ground; where their sums
# differ, blocks work together, and no number for one block alone explains the whole.
#
# ## 6. Channels that are zero
#
# ReLU sets negative values to 0. So a channel may be 0 everywhere, and then it adds nothing.

# %%
for layer in trace.layers:
    silent = inspection.channel_stats(layer).silent
    assert list(silent) == [c for c, values in enumerate(layer.maps) if not values.any()]
    print(f"{layer.name}: {len(silent)} of {layer.shape[0]} channels are zero for this pair {silent}")

# %%
figures.feature_maps(first, LIGHT)

# %% [markdown]
# *How to read it.* One tile is one channel of layer 1: the user's dimensions run down, the film's across, four to a
# cell. Each tile has its own scale; one marked *zero* is zero for this pair.
#
# Zero for this pair is not dead. A channel is **dead** if it is 0 for every pair. All pairs are too many to try; a
# thousand random ones give a good idea.

# %%
users, items = inspection.random_pairs(network.n_users, network.n_items, seed=0)
responses = inspection.respond(network, users, items)
with torch.no_grad():
    maps = network.feature_maps(network.interaction_map(torch.tensor(users), torch.tensor(items)))
for number, values in enumerate(maps):
    dead = torch.nonzero(values.amax(dim=(0, 2, 3)) == 0).flatten().tolist()
    assert dead == list(responses.dead(number))

# %%
for number in range(3):
    dead, constant = responses.dead(number), responses.constant(number)
    print(f"layer {number + 1}: dead {dead or 'none'}; the same for every pair {constant or 'none'}")

# %% [markdown]
# A channel with one value for every pair is not dead, but it is no better: it shifts all scores alike, and ranks
# none. Such channels are room that the network has and does not use.
#
# The same thousand pairs show whether a channel's activation for *our* pair is unusual.

# %%
percentiles = inspection.response_percentiles(trace, responses, 2)
values, activation = responses.maximum[2][:, top], float(trace.layers[2].maps[top].max())
figures.channels.strip(values, activation, float(percentiles.maximum[top]), LIGHT, what=f"channel {top} of layer 3")

# %% [markdown]
# *How to read it.* Each dot is the channel's activation for one random pair; the line is ours. A large bar in the
# picture of section 3 says something about *this* film only where the line is away from most dots. Otherwise it is
# large for any film, and changes no rank.
#
# ## 7. A second model of the same data
#
# We train everything again, on the same ratings. Only the random start is another one.

# %%
mf_2 = factorise(2)
network_2 = read_the_map(mf_2, 2)
pair_2 = view_pair(network_2, split, user, film)
print(f"NDCG@10 {evaluate(network_2, split, 'test', rule).metrics['NDCG@10']:.3f}")
print(f"the film: score {pair_2.score:.2f}, {pair_2.rank.words}; before: score {pair.score:.2f}, {pair.rank.words}")

# %%
figures.maps.beside(trace.map, pair_2.trace.map, LIGHT, ("first model", "second model")).update_layout(height=270)

# %% [markdown]
# *How to read it.* The same user and the same film in two models, and the first less the second, all on the scale at
# the right: the user's dimensions run down, the film's across, red above 0 and blue below.
#
# Dimension 3 of the one has nothing to do with dimension 3 of the other. MF's scores are the same after any rotation of
# its embeddings, so each training ends in a rotation of its own. We can turn the second model's embeddings until they
# lie as near to the first's as they can: the **Procrustes** problem. Its solution is one singular value decomposition.

# %%
first_tables, second_tables = (inspection.embeddings(model, split.interactions) for model in (network, network_2))
x, y = (np.concatenate([tables.p, tables.q]) for tables in (first_tables, second_tables))
left, _, right = np.linalg.svd(y.T @ x)
turned = inspection.align(first_tables, second_tables, "rotation")
assert np.allclose(left @ right, turned.matrix, atol=1e-3)
print(turned.words)

# %%
aligned = np.outer(turned.p[user], turned.q[film])
figures.maps.beside(trace.map, aligned, LIGHT, ("first model", "second, turned")).update_layout(height=270)

# %% [markdown]
# *How to read it.* As above; the second map is now drawn from the turned embeddings. What is left in the third is what
# no rotation removes: the embeddings of this user and this film differ in the two models. The sentence above says how
# much of *all* embeddings the rotation explains; a single pair may fit better or worse.
#
# The turn leaves every dot product as it was. But the second *network* was trained on its own dimensions. How would it
# score the rotated ones?

# %%
assert np.isclose(turned.p[user] @ turned.q[film], second_tables.p[user] @ second_tables.q[film], atol=1e-4)
rotated = FusedConvNCF(of_network, split.interactions)
rotated.load_state_dict(network_2.state_dict())
rotated.start_from(torch.tensor(turned.p), torch.tensor(turned.q))
before, after = network_2.score_items(user), rotated.eval().score_items(user)
print(f"correlation of its scores before and after: {np.corrcoef(before, after)[0, 1]:.2f}")

# %% [markdown]
# A network that computed the dot product, and nothing else, would score as before. The further the correlation is
# from 1, the more its scores depend on the directions that it was trained in. So an aligned picture compares two
# tables of embeddings. It does not show what the second network sees.
#
# ## 8. What such pictures cannot show
#
# **That the network has learnt it.** Give a network with random filters, which has learnt nothing, the same embeddings,
# and attribute its score. This is a sanity check of Adebayo and others: a picture that is similar for a trained and an
# untrained network says something about its input, not about what was learnt.

# %%
torch.manual_seed(3)
untrained = FusedConvNCF(of_network, split.interactions)
untrained.start_from(torch.tensor(first_tables.p), torch.tensor(first_tables.q))
of_untrained = inspection.integrated_gradients(untrained.eval(), user, film).values
correlation = np.corrcoef(np.abs(of_untrained).ravel(), np.abs(whole.values).ravel())[0, 1]
print(f"correlation of the two attributions by size: {correlation:.2f}")

# %%
scaled = [values / np.abs(values).max() for values in (whole.values, of_untrained)]
figures.maps.beside(*scaled, LIGHT, ("trained", "untrained")).update_layout(height=270)

# %% [markdown]
# *How to read it.* Two attributions of the same map, each divided by its largest cell, and the first less the second,
# on one scale: red raises the score, blue lowers it. Rows and columns that are strong in both come from large numbers
# in the embeddings, which both networks are given.
#
# **What a dimension means.** Two models that rank about equally well, the same user and the same film. Do their
# pictures agree on which dimensions count? We compare the cells of the diagonal, one by one, and then the share that
# the diagonal has as a whole.

# %%
second_values = inspection.integrated_gradients(network_2, user, film).values
agreement = np.corrcoef(np.diag(whole.values), np.diag(second_values))[0, 1]
share_2 = np.trace(np.abs(second_values)) / np.abs(second_values).sum()
print(f"correlation over the 16 dimensions: {agreement:.2f}; share of the diagonal: {share:.0%} and {share_2:.0%}")

# %% [markdown]
# Dimension 3 of the one model is not dimension 3 of the other, so there is no reason for the correlation to be high,
# and a dimension can have no name such as "science fiction" for good. What does not depend on the numbering of
# dimensions can be compared between models: the share of the diagonal, or the rank.
#
# **Why the user likes the film.** All that was explained here is a number that a program computed. It knows who rated
# what. It does not know any user's reasons, and neither does a picture of it.
#
# So can we find out why a film is ranked high? We can find out what the *network* did: from the score back to the cells
# that made it, and by setting them to 0 we can check that. How far to trust it: as far as the check goes, for this pair
# and this network, and no further than that.
#
# ## What to try next
#
# - **Another pair.** Set `user` and `film` yourself, and run from section 2 on. Is the share of the diagonal the same?
# - **A network that starts as MF.** Add `initialisation="dot product"` to `of_network`. How does the attribution look?
# - **Longer training.** Does a channel that is dead ever wake again? Why is that hard, given what the gradient of ReLU
#   is below 0?

# %% [markdown]
# **Exercise 1.** Attribute the score of the *MF* model with `gradient_times_input`. Where is everything, and how well
# do the cells add up?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# exact = inspection.gradient_times_input(mf, user, film)
# off_diagonal = exact.values - np.diag(np.diag(exact.values))
# print(exact.words)
# assert not off_diagonal.any()
# assert abs(exact.error) < 1e-4
# ```
#
# All of it lies on the diagonal, and it adds up exactly: a dot product is its own explanation. It is the network that
# makes attribution necessary.
# </details>

# %% [markdown]
# **Exercise 2.** Set one dimension of the user's embedding to 0 at a time
# (`inspection.Counterfactual(zero_user={k})`). Which one does the
# score depend on most? Is it the largest?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# zeroed = [inspection.Counterfactual(zero_user={k}) for k in range(16)]
# results = [inspection.score_counterfactual(network, user, film, change) for change in zeroed]
# changes = np.array([result.score_after - result.score_before for result in results])
# k = int(np.abs(changes).argmax())
# largest = int(np.abs(trace.p).argmax())
# print(f"dimension {k} changes the score by {changes[k]:+.2f}; the largest number of p is that of {largest}")
# assert not results[k].map_after[k].any()
# assert results[k].score_before == results[0].score_before
# ```
#
# Without dimension k a whole row of the map is 0. How much that matters depends on the film and on the filters too, so
# the largest number need not be the one that counts.
# </details>

# %% [markdown]
# **Exercise 3.** Align the two models by a *permutation* (dimensions swapped, and some with the opposite sign) instead
# of a rotation. Can it explain more than the rotation?

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# swapped = inspection.align(first_tables, second_tables, "permutation")
# print(swapped.words)
# assert np.allclose(np.abs(swapped.matrix).sum(axis=0), 1)
# assert swapped.explained_after <= turned.explained_after + 1e-6
# ```
#
# A permutation with signs is a rotation too (or a reflection), one of finitely many; the best of all cannot be worse.
# How much worse the permutation is shows that the dimensions of the two models do not match one to one.
# </details>

# %% [markdown]
# ## Sources
#
# - M. Sundararajan, A. Taly, Q. Yan: Axiomatic Attribution for Deep Networks. ICML 2017, section 3.
# - J. Adebayo, J. Gilmer, M. Muelly, I. Goodfellow, M. Hardt, B. Kim: Sanity Checks for Saliency Maps. NeurIPS 2018.
#   The untrained network of section 8.
# - P. H. Schönemann: A Generalized Solution of the Orthogonal Procrustes Problem. Psychometrika 31, 1966. The turn.
# - X. He, X. Du, X. Wang, F. Tian, J. Tang, T.-S. Chua: Outer Product-based Neural Collaborative Filtering. IJCAI 2018.
#   The network.
# - To play on: the page Inspect of the app (`make app`, then <http://localhost:8501/inspect>) does all this for any
#   pair and any run, by clicking.

# %%
folder.cleanup()
