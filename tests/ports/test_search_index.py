"""The search index: what every engine behind the port must do, run on Whoosh."""

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace.core.ports import SearchIndex
from marketplace.core.publishing import PublicDocument
from marketplace.integrations.opencc import OpenCCConverter
from marketplace.integrations.whoosh import WhooshIndex

SIMPLIFY = OpenCCConverter().to_simplified


def document(ref: str, title: str, body: str = "", **more: object) -> PublicDocument:
    return PublicDocument(kind=str(more.pop("kind", "project")), ref=ref, title=title, body=body, **more)


LUNCH = document("lunch", "桐浦街道长者助餐服务", "辖区 6 个社区提供工作日午餐，堂食与送餐并行", buyer="桐浦街道办事处", words=("LC-2026-0217",))
VISIT = document("visit", "白鹭街道高龄独居老人探访", "每周上门探访，顺带送餐", buyer="白鹭街道办事处")
LAW = document("law", "社区普法讲座", "为居民讲解民法典，由公益律师主讲", buyer="区司法局")


@pytest.fixture
def searching(tmp_path: Path) -> Iterator[SearchIndex]:
    made = WhooshIndex(tmp_path / "index", simplify=SIMPLIFY)
    made.index([LUNCH, VISIT, LAW])
    yield made
    del made
    gc.collect()  # an index that leaves files open would warn here, and warnings are errors


def refs(searching: SearchIndex, text: str, **more: object) -> list[str]:
    return [ref for _, ref in searching.search(text, **more).refs]


@pytest.mark.parametrize(("text", "expected"), [
    ("助餐", ["lunch"]), ("送餐", ["lunch", "visit"]), ("探访", ["visit"]), ("长者助餐", ["lunch"]), ("餐", ["lunch", "visit"]),
    ("LC-2026-0217", ["lunch"]), ("ｌｃ－２０２６－０２１７", ["lunch"]), ("長者助餐", ["lunch"]), ("白鹭 探访", ["visit"]),
    ("桐浦街道办事处", ["lunch"]), ("潜水", []), ("", []), ("，。", []),
])
def test_words_are_found_in_every_script_and_width(searching: SearchIndex, text: str, expected: list[str]) -> None:
    found = searching.search(text)
    assert sorted(ref for _, ref in found.refs) == expected
    assert found.total == len(expected)


def test_a_word_in_the_title_counts_more(searching: SearchIndex) -> None:
    searching.index([document("title", "送餐车采购咨询", "其他内容")])
    assert refs(searching, "送餐")[0] == "title"


def test_when_nothing_holds_every_word_most_of_them_are_enough(searching: SearchIndex) -> None:
    assert refs(searching, "桐浦街道长者助餐月嫂") == ["lunch"]


def test_the_last_character_of_a_word_is_found_alone(searching: SearchIndex) -> None:
    assert refs(searching, "座") == ["law"]


def test_kinds_are_kept_apart(searching: SearchIndex) -> None:
    searching.index([document("unit", "桐浦街道长者服务中心", kind="organization")])
    assert refs(searching, "长者", kinds=("organization",)) == ["unit"]
    assert refs(searching, "长者", kinds=("project",)) == ["lunch"]
    assert sorted(refs(searching, "长者")) == ["lunch", "unit"]


def test_a_document_indexed_again_replaces_the_old_one(searching: SearchIndex) -> None:
    searching.index([document("lunch", "青少年暑期托管")])
    assert refs(searching, "助餐") == []
    assert refs(searching, "暑期") == ["lunch"]


def test_what_is_deleted_is_gone_and_deleting_the_unknown_does_no_harm(searching: SearchIndex) -> None:
    searching.index([], deleted=[("project", "lunch"), ("project", "nobody")])
    assert refs(searching, "送餐") == ["visit"]


def test_stamps_name_every_document_with_its_fingerprint(searching: SearchIndex) -> None:
    assert searching.stamps() == {("project", d.ref): d.fingerprint() for d in (LUNCH, VISIT, LAW)}
    assert document("x", "甲").fingerprint() != document("x", "乙").fingerprint()


def test_rebuilding_holds_exactly_what_it_is_given(searching: SearchIndex) -> None:
    assert searching.rebuild([LAW]) == 1
    assert set(searching.stamps()) == {("project", "law")}
    assert refs(searching, "助餐") == []


def test_clearing_leaves_an_empty_index_that_can_be_searched(searching: SearchIndex) -> None:
    searching.clear()
    assert refs(searching, "助餐") == []
    assert searching.stamps() == {}


def test_hits_are_limited_but_the_total_is_exact(searching: SearchIndex) -> None:
    searching.index([document(f"d{n}", f"第{n}次义诊") for n in range(30)])
    found = searching.search("义诊", limit=5)
    assert (len(found.refs), found.total) == (5, 30)


def test_many_small_batches_stay_searchable(searching: SearchIndex) -> None:
    for number in range(25):
        searching.index([document(f"b{number}", f"第{number}期培训")])
    assert len(refs(searching, "培训")) == 25


def test_a_missing_index_is_an_oserror(tmp_path: Path) -> None:
    made = WhooshIndex(tmp_path / "nothing")
    with pytest.raises(OSError):
        made.search("助餐")
    with pytest.raises(OSError):
        made.stamps()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Whoosh drops the file it could not read
def test_a_broken_index_is_an_oserror_and_can_be_rebuilt(tmp_path: Path) -> None:
    made = WhooshIndex(tmp_path / "index", simplify=SIMPLIFY)
    made.index([LUNCH])
    folder = next((tmp_path / "index").glob("generation-*"))
    for path in folder.glob("*.seg"):
        path.write_bytes(b"broken")
    for path in folder.glob("*.toc"):
        path.write_bytes(b"broken")
    with pytest.raises(OSError):
        made.search("助餐")
    made.rebuild([LUNCH])
    assert refs(made, "助餐") == ["lunch"]


def test_a_second_process_sees_the_rebuilt_index(tmp_path: Path) -> None:
    first, second = (WhooshIndex(tmp_path / "index", simplify=SIMPLIFY) for _ in range(2))
    first.index([LUNCH])
    assert refs(second, "助餐") == ["lunch"]
    first.rebuild([VISIT])
    assert refs(second, "助餐") == []
    second.index([LAW])
    assert refs(first, "普法") == ["law"]
    assert len(list((tmp_path / "index").glob("generation-*"))) == 1


def test_readers_and_one_writer_in_threads_do_not_disturb_each_other(searching: SearchIndex) -> None:
    wrong: list[object] = []

    def read() -> None:
        for _ in range(15):
            try:
                if "lunch" not in refs(searching, "助餐"):
                    wrong.append("lost")
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not happen
                wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(8):
        searching.index([document(f"t{number}", "助餐补贴核验")])
    for thread in threads:
        thread.join()
    assert wrong == []
