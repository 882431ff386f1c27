"""Small archives in the layout of MovieLens' own, clutter included, and a server that offers files in odd ways."""

from __future__ import annotations

import http.server
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Row = tuple[int, int, float, int]

ROWS: tuple[Row, ...] = tuple(
    (user, item, float(1 + (user * item) % 5), 978_300_000 + 60 * (user * 31 + item))
    for user in range(1, 13)
    for item in range(1, 19)
    if (user + item) % 3
)
N_USERS, N_ITEMS = 12, 18
DOCUMENT = "SUMMARY\n=======\nThese files contain ratings, of films: by users.\n"


def movielens_100k(path: Path) -> Path:
    """u.data and u.item in latin-1, among cuts of the same ratings, scripts and tables of attributes."""
    tabs = ["\t".join(map(str, (user, item, int(rating), time))) for user, item, rating, time in ROWS]
    half = len(tabs) // 2
    films = [f"{i}|Café {i} (1995)|01-Jan-1995||http://us.imdb.com/M/title-exact?{i}|{_flags(i)}" for i in _items()]
    files = dict.fromkeys(("README", "allbut.pl", "mku.sh"), DOCUMENT)
    files |= {"u.data": _lines(tabs), "u.item": _lines(films), "u.genre": "unknown|0\nAction|1\n\n"}
    files |= {"u.info": "12 users\n18 items\n", "u.occupation": "artist\n", "u.user": "1|24|M|technician|85711\n"}
    for cut in (*"12345", "a", "b"):
        files |= {f"u{cut}.base": _lines(tabs[:half]), f"u{cut}.test": _lines(tabs[half:])}
    return _zipped(path, "ml-100k", files)


def movielens_1m(path: Path) -> Path:
    """ratings.dat, movies.dat and users.dat, divided by double colons."""
    ratings = [f"{user}::{item}::{rating:.0f}::{time}" for user, item, rating, time in ROWS]
    films = [f"{i}::Café {i} (1995)::Animation|Children's" for i in _items()]
    files = {"movies.dat": _lines(films), "ratings.dat": _lines(ratings), "README": DOCUMENT}
    return _zipped(path, "ml-1m", files | {"users.dat": "1::F::1::10::48067\n"})


def movielens_latest_small(path: Path) -> Path:
    """ratings.csv and movies.csv with headers, quotes and carriage returns, links and tags beside them."""
    ratings = [f"{user},{item},{rating - 0.5},{time}" for user, item, rating, time in ROWS]
    films = [f'{i},"Café, {i} (1995)",Adventure|Comedy' for i in _items()]
    files = {
        "links.csv": "movieId,imdbId,tmdbId\r\n1,0114709,862\r\n",
        "movies.csv": _lines(["movieId,title,genres", *films], "\r\n"),
        "ratings.csv": _lines(["userId,movieId,rating,timestamp", *ratings], "\r\n"),
        "README.txt": DOCUMENT,
        "tags.csv": "userId,movieId,tag,timestamp\r\n2,6,funny,1445714994\r\n",
    }
    return _zipped(path, "ml-latest-small", files, "utf-8")


MAKERS = {"ml-100k": movielens_100k, "ml-1m": movielens_1m, "ml-latest-small": movielens_latest_small}


@contextmanager
def served(content: bytes) -> Iterator[str]:
    """The address of a server, as long as the block runs.

    /whole.zip is the content; /cut.zip ends in its middle; /unknown.zip does not say how much
    there is; /moved.zip points to the whole; anything else is not found.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved.zip":
                self.send_response(302)
                self.send_header("Location", "/whole.zip")
                self.end_headers()
                return
            if self.path not in ("/whole.zip", "/cut.zip", "/unknown.zip"):
                self.send_error(404)
                return
            self.send_response(200)
            if self.path != "/unknown.zip":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if self.path != "/cut.zip" else content[: len(content) // 2])

        def log_message(self, *_: object) -> None:
            """Nothing: a server of a test is quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _items() -> range:
    return range(1, N_ITEMS + 1)


def _flags(item: int) -> str:
    return "|".join(str(int(genre == item % 19)) for genre in range(19))


def _lines(lines: list[str], end: str = "\n") -> str:
    return "".join(line + end for line in lines)


def _zipped(path: Path, folder: str, files: dict[str, str], encoding: str = "latin-1") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{folder}/", "")
        for name, content in files.items():
            archive.writestr(f"{folder}/{name}", content.encode(encoding))
    return path
