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
START: Final = "start"  # the page that opens first


def pages() -> list[st.Page]:
    """The pages, in the order in which a newcomer opens them."""
    return [
        st.Page(
            HERE / address.PAGES[name],
            title=name.capitalize(),
            url_path="" if name == START else name,
            default=name == START,
            help=entry.help,
        )
        for name, entry in address.MENU.items()
    ]


def main() -> None:
    threads.share_processors()  # before a page loads torch: this process scores too, while workers train
    all_pages = pages()
    page = st.navigation(all_pages, position="top")
    # The page's own name in the browser's tab, so that several open tabs differ; an icon from this folder,
    # since a Material icon would make the browser ask an outside host.
    icon = str(HERE / "assets" / "icon.svg")
    st.set_page_config(page_title=f"{page.title} · {TITLE}", page_icon=icon, layout="wide")
    address.arrive(page.url_path or START)
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
