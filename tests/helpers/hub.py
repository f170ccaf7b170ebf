"""A hub of checkpoints on this machine, with as much of its protocol as a download needs."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

_PATHS = (
    ("info", re.compile(r"/api/models/(?P<name>\w[^/]*/[^/]+)/revision/(?P<revision>[^/]+)")),
    ("tree", re.compile(r"/api/models/(?P<name>\w[^/]*/[^/]+)/tree/(?P<revision>[^/]+)")),
    ("file", re.compile(r"/(?P<name>\w[^/]*/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")),
)


@dataclass
class Hub:
    """What is on the hub; change it, and the next request sees that."""

    commits: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    """Files by checkpoint and commit, the newest commit last."""
    downloaded: list[str] = field(default_factory=list)
    """Names of the files that were fetched, in their order."""

    def add(self, name: str, files: Mapping[str, bytes]) -> str:
        """Add a commit. Returns its name."""
        of_checkpoint = self.commits.setdefault(name, {})
        commit = hashlib.sha1(f"{name} {len(of_checkpoint)}".encode(), usedforsecurity=False).hexdigest()
        of_checkpoint[commit] = dict(files)
        return commit

    def answer(self, path: str, is_body_wanted: bool) -> tuple[int, dict[str, str], bytes]:
        """Answer a request: status, headers, body."""
        for kind, pattern in _PATHS:
            if not (found := pattern.fullmatch(path.partition("?")[0])):
                continue
            commits = self.commits.get(found["name"])
            if commits is None:
                return 404, {"X-Error-Code": "RepoNotFound"}, b""
            commit = list(commits)[-1] if found["revision"] == "main" else found["revision"]
            if commit not in commits:
                return 404, {"X-Error-Code": "RevisionNotFound"}, b""
            if kind == "file":
                return self._file(commits[commit], commit, found["file"], is_body_wanted)
            listed = json.dumps(_listed(kind, found["name"], commit, commits[commit]))
            return 200, {"Content-Type": "application/json"}, listed.encode()
        return 404, {}, b""

    def _file(
        self, files: Mapping[str, bytes], commit: str, name: str, is_body_wanted: bool
    ) -> tuple[int, dict[str, str], bytes]:
        if name not in files:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        if is_body_wanted:
            self.downloaded.append(name)
        return 200, {"ETag": f'"{_blob(files[name])}"', "X-Repo-Commit": commit}, files[name]


def _listed(kind: str, name: str, commit: str, files: Mapping[str, bytes]) -> object:
    if kind == "info":
        return {"id": name, "sha": commit, "siblings": [{"rfilename": file} for file in files]}
    return [
        {"type": "file", "path": file, "size": len(content), "oid": _blob(content)} for file, content in files.items()
    ]


def _blob(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@contextmanager
def local_hub(cache: Path) -> Iterator[Hub]:
    """Start a hub, empty, and let `huggingface_hub` in this process use it, with a cache of its own."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(is_body_wanted=True)

        def do_HEAD(self) -> None:
            self._send(is_body_wanted=False)

        def _send(self, is_body_wanted: bool) -> None:
            status, headers, body = hub.answer(self.path, is_body_wanted)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if is_body_wanted:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    with pytest.MonkeyPatch.context() as patch:
        constants = "huggingface_hub.constants."
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setattr(constants + "ENDPOINT", url)
        patch.setattr(constants + "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
        patch.setattr(constants + "HF_HUB_CACHE", str(cache))
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
