"""Router of the workbench: `streamlit run app/main.py`, from the clone's root."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from app.ui import address, memory, presentation
from convncf import figures
from convncf.runtime import threads

HERE: Final = Path(__file__).parent
TITLE: Final = "ConvNCF workbench"


def pages() -> list[st.Page]:
    """The pages, in the order in which a newcomer meets them."""
    return [
        st.Page(
            HERE / "views/start/page.py", title="Start", default=True, help="What is being trained, and what leads on."
        ),
        st.Page(HERE / "views/data/page.py", title="Data", url_path="data", help="Datasets, and adding your own."),
        st.Page(
            HERE / "views/train/page.py", title="Train", url_path="train", help="Train a model and watch it learn."
        ),
        st.Page(
            HERE / "views/runs/page.py", title="Runs", url_path="runs", help="Every run: sort, name, note, compare."
        ),
        st.Page(
            HERE / "views/inspect/page.py", title="Inspect", url_path="inspect", help="Look inside one prediction."
        ),
        st.Page(HERE / "views/compare/page.py", title="Compare", url_path="compare", help="Models side by side."),
        st.Page(HERE / "views/recommend/page.py", title="Recommend", url_path="recommend", help="Lists for any user."),
        st.Page(HERE / "views/learn/page.py", title="Learn", url_path="learn", help="The method, step by step."),
    ]


def main() -> None:
    threads.share_processors()  # before a page loads torch: this process scores too, beside workers that train
    every = pages()
    page = st.navigation(every, position="top")
    # The page's own name in the browser's tab, so that several open tabs can be told apart; an icon from this folder,
    # since a Material icon would make the browser ask an outside host.
    icon = str(HERE / "assets" / "icon.svg")
    st.set_page_config(page_title=f"{page.title} · {TITLE}", page_icon=icon, layout="wide")
    address.arrive(page.url_path or "start")
    presentation.prepare()
    rules = [address.HIDDEN]
    rules.append("[class*='st-key-top-'] [role='radiogroup'] {gap: 8px}")  # a title of two lines belongs to its score
    if address.theme() is figures.DARK:  # Streamlit writes white on the chips' light teal, which nobody can read
        rules.append(f"[data-tag], [data-tag] * {{color: {figures.DARK.paper}}}")
    st.html(f"<style>{' '.join(rules)}</style>")
    page.run()
    presentation.toggle()
    address.settle({each.title: each.url_path for each in every})
    memory.set_aside()


main()
