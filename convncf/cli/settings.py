"""convncf settings: every setting of a model, its value and its description."""

from __future__ import annotations

import typer

from convncf.cli.console import emit_json, table
from convncf.cli.options import Json, Model, Preset
from convncf.models.effects import setting_fields, unused_settings
from convncf.models.run_config import flatten
from convncf.models.settings import preset_names, resolve
from convncf.runtime import files


def settings(model: Model = None, preset: Preset = None, as_json: Json = False) -> None:
    """List every setting of a model: its key, its value under the preset, and its description."""
    resolved = resolve(model=model, preset=preset)
    model = resolved.config.model.name
    unused = unused_settings(model)
    described = {key: field.description or "" for key, field in setting_fields(model).items() if key not in unused}
    values = flatten(resolved.config)
    if as_json:
        entries = {
            k: {"value": values[k], "source": resolved.sources[k], "description": d} for k, d in described.items()
        }
        emit_json({"model": model, "preset": resolved.config.preset, "settings": entries})
        return
    title = f"{model}, preset {resolved.config.preset} (of {', '.join(preset_names(model))})"
    rows = [(key, files.strict_json(values[key]), text) for key, text in described.items()]
    table(["key", "value", "description"], rows, title=title, left=3)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(settings)
