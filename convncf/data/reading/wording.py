"""A ReadReport in sentences."""

from __future__ import annotations

from convncf.data.reading.report import CandidatesRead, ReadReport, TitlesRead, counted


def sentences(report: ReadReport) -> tuple[str, ...]:
    """The report in words, the most important first."""
    sizes = f"{counted(report.n_users, 'user')} with {counted(report.n_items, 'item')}"
    said = [f"From {counted(report.rows, 'row')}: {counted(report.kept, 'interaction')} of {sizes}."]
    said += [f"Warning: {warning}{'' if warning.endswith('?') else '.'}" for warning in report.warnings]
    said += [f"Left out: {dropped}." for dropped in report.dropped]
    if report.merged:
        said.append(
            f"Merged: {counted(report.exact_duplicates, 'exact duplicate')} and {counted(report.repeats, 'repeat')} "
            f"of a pair (at most {report.most_repeated:,} rows of one). Kept: the {report.kept_row}."
        )
    if report.split:
        parts = ", ".join(f"{count:,} for {part}" for part, count in report.split.items())
        said.append(f"Divided as it came: {parts}.")
    if report.time:
        said.append(f"Times: {report.time}.")
    if report.titles:
        said.append(_titles(report.titles))
    if report.candidates:
        said.append(_candidates(report.candidates))
    said += [f"{note}." for note in report.notes]
    if report.ignored:
        said.append(f"Not read: {'; '.join(f'{entry.file} ({entry.why})' for entry in report.ignored)}.")
    said += [f"Read {read}." for read in report.files]
    return tuple(said)


def _titles(titles: TitlesRead) -> str:
    unused = f"; {counted(titles.unused, 'id')} of the file occur in no interaction" if titles.unused else ""
    return f"Titles: {titles.titled:,} of {counted(titles.items, 'item')} have one in {titles.file}{unused}."


def _candidates(candidates: CandidatesRead) -> str:
    size = (
        f"{candidates.smallest:,} negatives each"
        if candidates.smallest == candidates.largest
        else f"{candidates.smallest:,} to {candidates.largest:,} negatives"
    )
    copies = "copy" if candidates.answer_copies == 1 else "copies"
    return (
        f"Candidates as published in {candidates.file}: {counted(candidates.sets, 'set')} with {size}; in them "
        f"{candidates.answer_copies:,} {copies} of the answer, {counted(candidates.repeats, 'repeat')}, "
        f"{candidates.seen_in_training:,} seen in training."
    )
