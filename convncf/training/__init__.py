"""Training: the loop over BPR triples, its steps, and the records of its epochs."""

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
