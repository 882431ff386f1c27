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
    """The pages, in the order in which a newcomer opens them."""
    return [
        st.Page(
            HERE / "views/start/page.py", title="Start", default=True, help="What is being trained, and the next step."
        ),
        st.Page(HERE / "views/data/page.py", title="Data", url_path="data", help="Datasets, and adding your own."),
        st.Page(
            HERE / "views/train/page.py", title="Train", url_path="train", help="Train a model and watch it learn."
        ),
        st.Page(
            HERE / "views/runs/page.py",
            title="Runs",
            url_path="runs",
            help="Every run: sort, rename, annotate, compare.",
        ),
        st.Page(
            HERE / "views/inspect/page.py", title="Inspect", url_path="inspect", help="Look inside one prediction."
        ),
        st.Page(HERE / "views/compare/page.py", title="Compare", url_path="compare", help="Models beside each other."),
        st.Page(
            HERE / "views/recommend/page.py",
            title="Recommend",
            url_path="recommend",
            help="Recommendations for any user.",
        ),
        st.Page(HERE / "views/learn/page.py", title="Learn", url_path="learn", help="The method, step by step."),
    ]


def main() -> None:
    threads.share_processors()  # before a page loads torch: this process scores too, while workers train
    all_pages = pages()
    page = st.navigation(all_pages, position="top")
    # The page's own name in the browser's tab, so that several open tabs differ; an icon from this folder,
    # since a Material icon would make the browser ask an outside host.
    icon = str(HERE / "assets" / "icon.svg")
    st.set_page_config(page_title=f"{page.title} · {TITLE}", page_icon=icon, layout="wide")
    address.arrive(page.url_path or "start")
    presentation.prepare()
    css_rules = [address.HIDDEN]
    css_rules.append(
        "[class*='st-key-top-'] [role='radiogroup'] {gap: 8px}"
    )  # a title of two lines belongs to its score
    if address.theme() is figures.DARK:  # Streamlit writes white on the chips' light teal, which is illegible
        css_rules.append(f"[data-tag], [data-tag] * {{color: {figures.DARK.paper}}}")
    st.html(f"<style>{' '.join(css_rules)}</style>")
    page.run()
    presentation.toggle()
    address.settle({known.title: known.url_path for known in all_pages})
    memory.set_aside()


main()
