"""Bad data gets one clear line; good data of every kind the same batches."""

import pickle

import numpy as np
import pytest

from nonlin.errors import InvalidInputError, MissingInputError, UnsafeModelError
from nonlin.inspection.data import batches_of, read_data, read_labels


def test_arrays_are_cut_into_batches():
    batches = list(batches_of(np.ones((10, 3)), np.arange(10), size=4))
    assert [b.size for b in batches] == [4, 4, 2]
    assert batches[2].labels.tolist() == [8, 9]


def test_pairs_and_mappings_carry_their_labels():
    (pair,) = batches_of([(np.ones((2, 3)), np.array([0, 1]))])
    (named,) = batches_of({"x": np.ones((2, 3)), "labels": np.array([0, 1])})
    assert pair.labels.tolist() == named.labels.tolist() == [0, 1]
    assert list(named.inputs) == ["x"]


def test_a_state_goes_whole_with_every_batch():
    batches = list(
        batches_of({"x": np.ones((4, 3)), "state": np.zeros((2, 1)), "rate": np.array(16000)}, size=2)
    )
    assert [b.inputs["x"].shape for b in batches] == [(2, 3), (2, 3)]
    assert [b.inputs["state"].shape for b in batches] == [(2, 1), (2, 1)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.array([[1.0, np.nan], [np.inf, 2.0]]), r"1 NaN and 1 infinite of 4, the first at index \[0, 1\]"),
        (np.ones((0, 3)), "at least one sample"),
        (np.float64(3.0), "at least one sample"),
        (np.array([["a", "b"]]), "expected numbers"),
        ([], "at least one batch"),
        (3, "expected data as an array"),
        ([[1.0, 2.0], [3.0, 4.0]], "expected an array or tensor"),
        ([[1.0, 2.0, 3.0]], "expected an array or tensor"),
        ([(np.ones((2, 3)), np.ones((2, 3)), np.ones(2))], "got 3 in one.*as a mapping by their names"),
        ([(np.ones((2, 3)), np.array([0, 1])), np.ones((2, 3))], "labels in every batch or in none"),
        ([np.ones((2, 3)), (np.ones((2, 3)), np.array([0, 1]))], "labels in every batch or in none"),
    ],
)
def test_bad_data_is_refused_in_one_line(data, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        list(batches_of(data))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "labels", [np.arange(3), np.array([0.5, 1]), np.array([-1, 0]), np.eye(2, dtype=int)]
)
def test_bad_labels_are_refused(labels):
    with pytest.raises(InvalidInputError, match="expected labels as 2 whole numbers"):
        list(batches_of(np.ones((2, 3)), labels))


def test_files_are_read(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6).reshape(2, 3))
    np.savez(tmp_path / "b.npz", images=np.ones((2, 3)), labels=np.array([1, 0]))
    (tmp_path / "c.csv").write_text("first,second\n1,2\n3,4.5\n")
    assert read_data(tmp_path / "a.npy")["data"].shape == (2, 3)
    assert sorted(read_data(tmp_path / "b.npz")) == ["images", "labels"]
    assert read_data(tmp_path / "c.csv")["data"].tolist() == [[1, 2], [3, 4.5]]
    assert read_labels(tmp_path / "b.npz").tolist() == [1, 0]


class _Harm:
    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def test_pickles_are_never_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([_Harm()], dtype=object), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(_Harm()))
    for name in ("a.npy", "b.npy"):
        with pytest.raises(UnsafeModelError, match="pickled Python objects"):
            read_data(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", b"not an array", "cannot be read|pickled"),
        ("a.npz", b"PK\x03\x04 broken", "damaged|cannot be read"),
        ("a.csv", b"1,2\n\n3\n", "2 in every row of .*got '3' in line 3"),
        ("a.csv", b"x,y\n1,2\n3,x\n", "2 in every row of .*got '3,x' in line 3"),
        ("a.csv", b",2\n3,4\n", "2 in every row of .*got ',2' in line 1"),
        ("a.csv", b"1;2\n3;4\n", "separated by commas"),
        ("a.csv", b"\xe9\xff,1\n2,3\n", "cannot be read: 'utf-8'"),
        ("a.txt", b"1", "expected data as .npy, .npz or .csv"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises((InvalidInputError, UnsafeModelError), match=message):
        read_data(tmp_path / name)


def test_an_archive_of_nothing_and_a_folder_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz")
    (tmp_path / "b.npy").mkdir()
    with pytest.raises(InvalidInputError, match=r"at least one array in .*a.npz, got none"):
        read_data(tmp_path / "a.npz")
    with pytest.raises(InvalidInputError, match=r"got the folder .*b.npy"):
        read_data(tmp_path / "b.npy")


def test_an_ending_in_capitals_is_read(tmp_path):
    (tmp_path / "C.CSV").write_text("1,2\n")
    assert read_data(tmp_path / "C.CSV")["data"].tolist() == [[1, 2]]


def test_a_truncated_array_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", data=np.random.default_rng(0).random((50, 50)))
    whole = (tmp_path / "a.npz").read_bytes()
    np.save(tmp_path / "b.npy", np.ones((50, 50)))
    (tmp_path / "c.npy").write_bytes((tmp_path / "b.npy").read_bytes()[:-100])
    (tmp_path / "d.npz").write_bytes(whole[: len(whole) // 2])
    for name in ("c.npy", "d.npz"):
        with pytest.raises(InvalidInputError, match=r"cannot be read|damaged"):
            read_data(tmp_path / name)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(MissingInputError, match="there is no"):
        read_data(tmp_path / "nothing.npy")


def test_a_negative_label_is_named():
    with pytest.raises(InvalidInputError, match="with a number -1; give the class numbers"):
        list(batches_of(np.zeros((2, 3)), np.array([-1, 0])))
