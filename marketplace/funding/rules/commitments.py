"""What a signed promise says on paper: the funder's side of a donation agreement (CL 39, rulebook 6.3). Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marketplace.core.money import Money
from marketplace.core.text import N_
from marketplace.funding.rules.funders import LOTTERY_MARK, MARK_SOURCE
from marketplace.funding.rules.landing import LANDING_LABELS, Landing
from marketplace.funding.rules.pledges import LEFTOVER_LABELS, Part, shown_code

STATE_LABELS: Mapping[str, str] = {
    "prepared": N_("等待第二人批准"), "approved": N_("已批准，正在生成文件"), "issued": N_("已签发"), "returned": N_("已退回"),
}
ORDINALS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十")
WITHHELD = "（应捐赠人要求，不公开姓名）"
REPORT_MONTHS = 3          # CL 79, 80: a project longer than half a year is told of every three months
MAX_RESOLUTION = 80


@dataclass(frozen=True)
class Sheet:
    """What the clauses are written from: plain values only."""

    amount: Money
    purpose: str
    project_title: str
    receiver_name: str
    landing: Landing
    cost_line: str
    parts: Sequence[Part]
    management_percent: int
    leftover_rule: str
    naming: str
    is_name_withheld: bool
    lottery_purpose: str


def clauses(sheet: Sheet) -> list[dict[str, Any]]:
    """Return the clauses in order: title and paragraphs, as they are frozen and printed."""
    return [{"title": title, "paragraphs": [line for line in lines if line]} for title, lines in (
        ("捐赠的财产和用途", _gift(sheet)),
        ("交付时间和方式", _delivery(sheet)),
        ("指定项目与文件", _landing(sheet)),
        ("管理费、剩余财产和变更", _keeping(sheet)),
        ("票据", _receipt(sheet)),
        ("公开与署名", _publicity(sheet)),
        ("利害关系", [
            "捐赠人声明：捐赠是自愿、无偿的，没有被摊派；没有指定自己的利害关系人作为受益人（慈善法第三十二条、第四十条）。"]),
        ("履行与可以请求交付的提示", _duty()),
        ("了解与监督", [
            ("捐赠人有权查询、复制捐赠财产管理使用的有关资料；接收方违反约定用途的，捐赠人有权要求改正，拒不改正的可以投诉、举报"
            "或者起诉（慈善法第四十二条）。"),
            f"项目超过六个月的，接收方至少每{REPORT_MONTHS}个月向捐赠人报告一次进展（慈善法第七十九条、第八十条）。"]),
    )]


def _gift(sheet: Sheet) -> list[str]:
    """Return kind, quantity and purpose of the gift (CL 39)."""
    return [
        f"捐赠人承诺捐赠货币资金人民币 {sheet.amount.grouped()} 元（{sheet.amount.capitals()}）。",
        f"资金只用于项目“{sheet.project_title}”" + (f"，用途：{sheet.purpose}。" if sheet.purpose else "。"),
        f"其中支付的费用：{sheet.cost_line}（采购合同不支付这项费用，也没有其他捐赠支付同一部分）。" if sheet.cost_line else "",
    ]


def _delivery(sheet: Sheet) -> list[str]:
    """Return when and how the money comes (CL 39)."""
    lines = [f"第 {number} 期：{part.due_on.isoformat()} 前交付 {part.amount.grouped()} 元。"
             for number, part in enumerate(sheet.parts, 1)]
    if not lines:
        lines = ["本认捐书签发后六十日内一次交付。"]
    return [*lines, "捐赠人从自己名下的账户转账，附言写明下列识别码；款项进入接收方自己的账户，平台不经手资金。"]


def _landing(sheet: Sheet) -> list[str]:
    """Return in which paper the money stands (rulebook 2.7a)."""
    return [f"{LANDING_LABELS[sheet.landing]}。", "捐赠不计入采购的报价、评审和合同价款，同一项费用不重复资助。"]


def _keeping(sheet: Sheet) -> list[str]:
    """Return the share of the receiving body, what becomes of the rest, and who agrees to a change (CL 56, 58, 61)."""
    percent = sheet.management_percent
    return [
        f"接收方从本笔捐赠列支的管理费不超过 {percent}%（慈善法第六十一条）。" if percent else "接收方不从本笔捐赠列支管理费。",
        f"剩余财产：{LEFTOVER_LABELS[sheet.leftover_rule]}（慈善法第五十八条）。",
        "改变用途要经捐赠人书面同意（慈善法第五十六条）。",
    ]


def _receipt(sheet: Sheet) -> list[str]:
    """Return the rule of receipts (CL 38): after the money is there, by the body that received it."""
    return [f"款项到账后，由接收方“{sheet.receiver_name}”向捐赠人开具公益事业捐赠票据；认捐本身不开票（慈善法第三十八条）。"]


def _publicity(sheet: Sheet) -> list[str]:
    """Return what may be told of the donor (CL 82), the naming, and the mark of lottery money."""
    return [
        "捐赠人要求不公开姓名或者名称；接收方和平台对外只公布金额（慈善法第八十二条）。" if sheet.is_name_withheld
        else "捐赠人同意公布名称和金额。",
        f"冠名：{sheet.naming}。" if sheet.naming else "",
        f"资助的设施、设备和活动以显著方式标明“{LOTTERY_MARK}”（{MARK_SOURCE}）。" if sheet.lottery_purpose else "",
    ]


def _duty() -> list[str]:
    """Return the notice of what can be claimed (CL 41)."""
    return [
        ("请注意：捐赠人通过媒体公开承诺捐赠，或者签订书面捐赠协议用于扶贫、济困、扶老、救孤、恤病、助残、优抚、救助自然灾害等"
        "情形的，逾期不交付，接收方可以要求交付；仍不交付的，可以依法申请支付令或者起诉（慈善法第四十一条）。"),
        ("捐赠人签字或盖章后经济状况显著恶化，严重影响生产经营或者家庭生活的，经向民政部门报告并向社会公开说明，可以不再履行"
        "（慈善法第四十一条、民法典第六百六十六条）。"),
    ]


def frozen(facts: Mapping[str, object]) -> bytes:
    """Return the one byte form of the facts: sorted keys, no blanks."""
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def facts_sha256(facts: Mapping[str, object]) -> str:
    """Return the SHA-256 of the facts."""
    return hashlib.sha256(frozen(facts)).hexdigest()


def printed_text(facts: object) -> str:
    """Return every text that the paper prints, one after the other, for the check of glyphs."""
    if isinstance(facts, str):
        return facts
    if isinstance(facts, Mapping):
        return "".join(printed_text(value) for value in facts.values())
    if isinstance(facts, Sequence):
        return "".join(printed_text(value) for value in facts)
    return ""


def transfer_note(code: str) -> str:
    """Return what the payer writes beside the transfer."""
    return f"捐赠 {shown_code(code)}"
