"""Opening a page is one step of the browser's Back: its whole address is written at once, and then not again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.state.query_params_proxy import QueryParamsProxy

from tests.app_pages import fine, open_page


@pytest.mark.parametrize(
    ("page", "parameters"),
    [
        ("compare", {}),
        ("compare", {"part": "lists"}),
        ("compare", {"run": ["tiny-mf", "tiny-222", "tiny-42"], "part": "bands"}),
        ("inspect", {}),
        ("inspect", {"run": "tiny-mf"}),
        ("inspect", {"run": "tiny-222", "look": "why"}),
    ],
)
def test_a_page_writes_its_address_in_one_step(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, page: str, parameters: dict[str, Any]
) -> None:
    written: list[dict[str, Any]] = []
    write = QueryParamsProxy.from_dict

    def counted(self: QueryParamsProxy, params: Any) -> None:
        written.append(dict(params))
        write(self, params)

    monkeypatch.setattr(QueryParamsProxy, "from_dict", counted)
    app = fine(open_page(page, **parameters))
    assert len(written) == 1, written
    fine(app.run())
    assert len(written) == 1, "drawn again, it has nothing to write"
