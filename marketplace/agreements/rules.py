"""Rules of donation agreements: states, what may stand in one, its clauses (CL 34-42, 56-61; rulebook 6.3). Pure."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from marketplace.contracts.rules import Clause, payment_plan, price_facts
from marketplace.core.lifecycle import Lifecycle
from marketplace.core.money import Money
from marketplace.core.text import N_

JOB_AGREEMENT_DRAWN_UP = "agreements.drawn_up"      # agreement_ref: print the paper

FORM = "donation-agreement@2026.1"                  # the wording; a change of any clause gives it a new name
REPORT_MONTHS = 3                                   # CL 79: a programme of over six months reports every three
WITHHELD = "不具名捐赠人"

Facts = Mapping[str, Any]


class AgreementState(StrEnum):
    """Where an agreement stands."""

    FROZEN = "frozen"
    ISSUED = "issued"
    SIGNED = "signed"


STATE_LABELS: Mapping[AgreementState, str] = {
    AgreementState.FROZEN: N_("条款已锁定"), AgreementState.ISSUED: N_("待签署"), AgreementState.SIGNED: N_("已签署"),
}
LIFECYCLE = Lifecycle(
    {(AgreementState.FROZEN, "issue"): AgreementState.ISSUED, (AgreementState.ISSUED, "sign"): AgreementState.SIGNED},
    STATE_LABELS,
)

LEFTOVER_WORDS: Mapping[str, str] = {
    "similar": "用于目的相同或者相近的慈善项目，并向社会公开",
    "return": "退回捐赠人",
    "project": "继续用于本项目的后续服务，并告知捐赠人",
}


def shown_name(name: str, *, is_withheld: bool) -> str:
    """Return the name that others than the parties may read (CL 82)."""
    return WITHHELD if is_withheld else name


def freeze(facts: Facts) -> dict[str, object]:
    """Return the terms: the facts, and every clause as it will be printed."""
    return {"document_number": facts["number"], "form": FORM, "facts": dict(facts),
            "clauses": [write(facts).plain() for write in CLAUSES]}


def money_facts(amounts: Sequence[Money], milestones: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Return the sum in figures and capitals, and its parts by milestone; the parts add up to the sum to the fen."""
    whole = Money(sum(amount.fen for amount in amounts))
    return {"price": price_facts(whole), "payments": payment_plan(whole, milestones)}


def _overview(_facts: Facts) -> Clause:
    return Clause("协议概要", table="overview")


def _parties(_facts: Facts) -> Clause:
    return Clause("协议各方", table="parties")


def _donors(facts: Facts) -> Clause:
    count = len(facts["gifts"])
    return Clause("捐赠人和捐赠财产", (
        f"本协议项下捐赠财产为货币，共 {count} 笔，每笔的捐赠人、认捐书编号和金额见下表。各捐赠人已签署认捐书，认捐书与本协议不一致的，以认捐书为准。",
        "捐赠人要求不公开姓名、名称的，平台和丙方不公开，本协议只在各方之间使用。",
    ), table="gifts")


def _purpose(facts: Facts) -> Clause:
    lines = [f"捐赠财产定向用于项目“{facts['project']['title']}”（编号 {facts['project']['number']}），由丙方实施。"]
    if facts["cost_lines"]:
        lines.append("捐赠财产只用于下表所列的增加内容。这些内容不在购买服务合同的范围内，任何一项费用不得由两个来源重复支付。")
    else:
        lines.append("捐赠财产用于增加该项目的服务数量或者服务对象，不得用于购买服务合同已经支付的费用。")
    return Clause("捐赠目的和用途", tuple(lines), table="cost_lines" if facts["cost_lines"] else "")


def _contract(facts: Facts) -> Clause:
    contract = facts["contract"]
    if not contract["number"]:
        return Clause("与项目协议的关系", ("本协议是项目协议的组成部分，捐赠财产按本协议拨付。",))
    return Clause("与购买服务合同的关系", (
        (f"该项目的购买服务合同编号 {contract['number']}，由{contract['buyer']}与丙方签订。捐赠财产不是合同价款，"
         "没有参与报价和评分，不改变合同的任何实质性内容。"),
        "购买服务合同变更、终止的，乙方应在 10 日内告知捐赠人，按本协议第十条处理剩余财产。",
    ))


def _account(facts: Facts) -> Clause:
    account = facts["account"]
    named = f"{account['holder']}，开户银行 {account['bank']}，账号 {account['number']}"
    where = named if account["number"] else account["holder"]
    return Clause("交付和接收账户", (
        f"捐赠人按认捐书约定的时间和期次，将捐赠财产汇入乙方账户：{where}。汇款附言写明认捐书上的识别码。",
        "平台不接收、不保管、不转付捐赠财产，只记录各方确认的收付事实。",
    ))


def _receipts(_facts: Facts) -> Clause:
    return Clause("票据", (
        "乙方收到捐赠财产后，向捐赠人开具公益事业捐赠统一票据；捐赠人放弃接受票据的，乙方做好记录。没有到账的捐赠不开具票据。",))


def _payments(_facts: Facts) -> Clause:
    return Clause("拨付", (
        "乙方在节点完成、两名人员核对证明材料后，按下表拨付给丙方。各期金额之和等于捐赠财产总额；实际到账不足的，按到账金额同比例拨付。",
        "节点没有完成或者证明材料不齐的，乙方暂停拨付并书面说明原因。",
    ), table="payments")


def _management(facts: Facts) -> Clause:
    percent = facts["management_percent"]
    words = f"乙方可以在捐赠财产中列支不超过 {percent}% 的管理费用。" if percent else "乙方不从捐赠财产中列支管理费用。"
    return Clause("管理费用", (f"{words}丙方不得另行提取管理费用。",))


def _leftover(facts: Facts) -> Clause:
    return Clause("剩余财产和退回", (
        f"项目终止或者完成后有剩余的，{LEFTOVER_WORDS[facts['leftover']]}。",
        "丙方没有按约定用途使用的，应在收到乙方书面通知后 15 日内退回；退回的配套资金回到原资金池。",
    ))


def _change(_facts: Facts) -> Clause:
    return Clause("用途变更", ("改变捐赠财产用途的，应当事先征得捐赠人书面同意。",))


def _reports(_facts: Facts) -> Clause:
    return Clause("信息公开和报告", (
        (f"项目实施期限超过六个月的，乙方至少每 {REPORT_MONTHS} 个月公开一次项目实施情况；项目结束后三个月内，"
         "全面公开实施情况和资金使用情况。"),
        "捐赠人有权查询、复制其捐赠财产管理使用的资料，乙方应及时主动向捐赠人反馈。",
        "对服务对象的信息只公开人数，不公开姓名、证件号码、住址和影像。",
    ))


def _claim(_facts: Facts) -> Clause:
    return Clause("捐赠的履行", (
        ("捐赠人应按照本协议履行捐赠义务。用于扶贫、济困，扶老、救孤、恤病、助残、优抚，以及救助灾害等用途的捐赠，"
         "逾期未交付的，乙方可以要求交付；捐赠人拒不交付的，乙方可以依法向人民法院申请支付令或者提起诉讼。"),
        "捐赠人签订协议后经济状况显著恶化、严重影响其生产经营或者家庭生活的，经向民政部门报告并向社会公开说明后，可以不再履行。",
    ))


def _interest(_facts: Facts) -> Clause:
    return Clause("利害关系", (
        "捐赠人没有指定其利害关系人作为受益人。各方确认：捐赠不附带对购买服务评审、采购结果和合同履行的任何要求，不构成摊派。",
        "捐赠人与丙方存在控制、管理或者其他利害关系的，应在签署前书面告知乙方，相应的配套资金不予确认。",
    ))


def _naming(facts: Facts) -> Clause:
    words = "、".join(facts["namings"])
    text = f"约定的冠名、鸣谢方式：{words}。" if words else "本协议没有约定冠名。"
    return Clause("冠名和宣传", (f"{text}不得宣传烟草制品和法律禁止宣传的产品、事项。",))


def _effect(_facts: Facts) -> Clause:
    return Clause("生效、争议和份数", (
        "本协议自各方签字盖章之日起生效。因本协议发生争议的，协商解决；协商不成的，向乙方住所地人民法院起诉。",
        "本协议一式四份，乙方两份，丙方一份，存档一份；捐赠人可以向乙方索取复印件。",
    ))


def _signatures(_facts: Facts) -> Clause:
    return Clause("签署", table="signatures")


CLAUSES: Sequence[Callable[[Facts], Clause]] = (
    _overview, _parties, _donors, _purpose, _contract, _account, _receipts, _payments, _management, _leftover, _change,
    _reports, _claim, _interest, _naming, _effect, _signatures,
)
