"""One file a vendor, each implementing one port of core/ports.py; make() builds them on first use."""

from pathlib import Path

from marketplace.config import Config
from marketplace.core.errors import Unavailable
from marketplace.core.ports import SearchIndex
from marketplace.core.text import N_


def make(name: str, config: Config) -> object:
    """Return the real service behind the port `name`; called once per process and service."""
    try:
        maker = _MAKERS[name]
    except KeyError:
        raise AttributeError(name) from None
    return maker(config)


def _pdf(config: Config) -> object:
    from marketplace.integrations.weasyprint import WeasyPrintRenderer

    return WeasyPrintRenderer(cache=config.instance / "fontcache")


def _sealer(config: Config) -> object:
    from marketplace.integrations.sealer import AesGcmSealer

    return AesGcmSealer(config.seal_key_path)


def _mailer(config: Config) -> object:
    from marketplace.integrations.smtp import make_mailer

    return make_mailer(config)


def _files(config: Config) -> object:
    from marketplace.integrations.filestore import FolderStore

    return FolderStore(config.instance / "files")


def _workbook_reader(_config: Config) -> object:
    from marketplace.integrations.workbooks import CalamineReader

    return CalamineReader()


def _workbook_writer(_config: Config) -> object:
    from marketplace.integrations.openpyxl import OpenpyxlWriter

    return OpenpyxlWriter()


def _search_index(config: Config) -> object:
    return search_index(config.search, config.instance)


def search_index(engine: str, folder: Path) -> SearchIndex:
    """Return the index of an engine in a folder, each engine in a subfolder of its own; raises Unavailable."""
    if engine == "tantivy":
        try:
            from marketplace.integrations.tantivy import TantivyIndex
        except ModuleNotFoundError as missing:
            raise Unavailable(N_("搜索引擎 tantivy 没有安装。请先运行 pip install 'marketplace[tantivy]'")) from missing
        return TantivyIndex(folder / "index-tantivy")
    from marketplace.integrations.whoosh import WhooshIndex

    return WhooshIndex(folder / "index")


def _converter(_config: Config) -> object:
    from marketplace.integrations.opencc import OpenCCConverter

    return OpenCCConverter()


def _segmenter(_config: Config) -> object:
    from marketplace.integrations.rjieba import RjiebaSegmenter

    return RjiebaSegmenter()


def _romanizer(_config: Config) -> object:
    from marketplace.integrations.pypinyin import PypinyinRomanizer

    return PypinyinRomanizer()


def _scanner(config: Config) -> object:
    from marketplace.integrations.scanner import make_scanner

    return make_scanner(config.clamd)


def _extractor(_config: Config) -> object:
    from marketplace.integrations.extraction import LimitedExtractor

    return LimitedExtractor()


def _payments(config: Config) -> object:
    from marketplace.integrations.stripe import StripeGateway

    return StripeGateway(config.stripe_accounts, api=config.stripe_api)


def _flows(_config: Config) -> object:
    from marketplace.integrations.flows import OrtoolsFlows

    return OrtoolsFlows()


def _programs(_config: Config) -> object:
    from marketplace.integrations.programs import HighsPrograms

    return HighsPrograms()


_MAKERS = {
    "pdf": _pdf, "sealer": _sealer, "mailer": _mailer, "files": _files, "workbook_reader": _workbook_reader,
    "workbook_writer": _workbook_writer, "search_index": _search_index, "converter": _converter, "scanner": _scanner,
    "segmenter": _segmenter, "romanizer": _romanizer,
    "extractor": _extractor, "payments": _payments,
    "flows": _flows, "programs": _programs,
}
