"""A file is there whole or not at all, and nothing else is touched."""

import os
import threading

import pytest

from nonlin.errors import InvalidInputError, MissingInputError
from nonlin.files import check_writable, write_whole


def test_an_old_file_is_replaced_and_nothing_is_left_behind(tmp_path):
    (tmp_path / "r.txt").write_text("old and longer")
    assert write_whole(tmp_path / "r.txt", "new ±").read_text(encoding="utf-8") == "new ±"
    assert list(tmp_path.iterdir()) == [tmp_path / "r.txt"]


def test_bytes_are_written_as_they_are(tmp_path):
    assert write_whole(tmp_path / "r.onnx", b"\r\n\xff").read_bytes() == b"\r\n\xff"


def test_an_interrupt_in_the_middle_leaves_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "r.txt").write_text("old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "r.txt", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("r.txt", "old")]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "r.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "there" / "r.txt")
    write_whole(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "there" / "r.txt").read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes as POSIX has them")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write_whole(pipe, "report")
    reader.join(timeout=10)
    assert got == ["report"]
    assert pipe.is_fifo()


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(MissingInputError, match="make it first"):
        check_writable(tmp_path / "no" / "r.txt")
    with pytest.raises(InvalidInputError, match="got the folder"):
        check_writable(tmp_path)
