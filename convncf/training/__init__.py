"""Training: the loop over BPR triples, the steps in it, and what it tells of itself."""

from convncf.data.sampling import TripleSampler
from convncf.runtime.progress import Progress
from convncf.training.records import CLOCK_FIELDS, EpochRecord, Phase, TrainerState
from convncf.training.step import Trainable
from convncf.training.trainer import Trainer, excluded_negatives, triple_sampler

__all__ = [
    "CLOCK_FIELDS",
    "EpochRecord",
    "Phase",
    "Progress",
    "Trainable",
    "Trainer",
    "TrainerState",
    "TripleSampler",
    "excluded_negatives",
    "triple_sampler",
]
