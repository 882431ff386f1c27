"""Large type on Inspect: the lists go under the map, where their titles have room."""

from __future__ import annotations

from pathlib import Path

from tests.app_pages import fine, open_page


def test_in_large_type_the_lists_stand_under_the_map(at_home: Path) -> None:
    def places(**parameters: str) -> tuple[int, int, int]:
        app = fine(open_page("inspect", run="tiny-222", user="u3", item="i4", list="history", **parameters))
        kinds = [each.type for each in app.main if each.type in ("dataframe", "bidi_component")]
        listed = app.dataframe[0].proto
        return kinds.index("dataframe"), kinds.index("bidi_component"), listed.row_height

    first_list, first_map, row = places()
    assert first_list < first_map
    assert row > 40, "beside the map titles take two lines"
    first_list, first_map, row = places(present="1")
    assert first_map < first_list
    assert row == 0, "and here one"
