"""The 26 clauses of a service contract, in order (rulebook 6.1), written from frozen facts. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]
LATE_RATE = "0.05%"          # of the late amount, a day
CHANGE_CEILING = "10%"       # of the price, all supplements together (GPL 49)
BLANK = "（签订时填写）"
_DIGITS = "零一二三四五六七八九"


@dataclass(frozen=True)
class Clause:
    """One clause: heading, numbered paragraphs, and the table that belongs to it (by name), if any.

    `quoted` are lines of the requirement as published; they stand after the last paragraph but one, unnumbered.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    table: str = ""
    quoted: tuple[str, ...] = ()

    def plain(self) -> dict[str, object]:
        """Return the clause as plain data, as it is frozen."""
        return {"title": self.title, "paragraphs": list(self.paragraphs), "table": self.table,
                "quoted": list(self.quoted)}


def clause_number(position: int) -> str:
    """Return 第一条 … 第二十六条."""
    tens, ones = divmod(position, 10)
    words = ("" if tens == 0 else "十" if tens == 1 else _DIGITS[tens] + "十") + (_DIGITS[ones] if ones else "")
    return f"第{words}条"


def clauses(facts: Facts) -> list[Clause]:
    """Write every clause from the facts."""
    return [write(facts) for write in CLAUSES]


def _overview(_facts: Facts) -> Clause:
    return Clause("合同概要", table="overview")


def _parties(_facts: Facts) -> Clause:
    return Clause("合同双方", table="parties")


def _basis(facts: Facts) -> Clause:
    basis = facts["basis"]
    return Clause("订立依据", (
        (f"甲方以{facts['method']}方式选择承接主体，于{_day(basis['awarded_on'])}发出中选通知（编号 {basis['award_ref']}）。"
        f"异议期至{_day(basis['objections_ended_on'])}届满，没有未处理的异议。"),
        ("双方依照《中华人民共和国民法典》《中华人民共和国政府采购法》和《政府购买服务管理办法》，"
        "按照公开的项目需求和乙方的响应文件订立本合同。"),
    ))


def _content(facts: Facts) -> Clause:
    service = facts["service"]
    who = "；".join(filter(None, (
        f"服务对象：{service['target_group']}" if service["target_group"] else "",
        f"预计受益 {service['beneficiaries']} 人" if service["beneficiaries"] else "",
        f"服务地点：{service['place']}" if service["place"] else "")))
    promise = " ".join(_lines(service["offer_summary"])) or "按响应文件提供服务"
    return Clause("服务内容、对象和地点", (
        f"项目名称：{facts['project']['title']}。" + (f"{who}。" if who else ""),
        "服务内容和要求以公开的项目需求为准，全文如下：",
        f"乙方承诺：{_stop(promise)}",
    ), quoted=tuple(_lines(service["body"] or service["summary"])))


def _indicators(facts: Facts) -> Clause:
    if not facts["indicators"]:
        return Clause("数量和质量要求", ("数量和质量按项目需求和乙方响应文件执行，两者不一致的，以要求较高的为准。",))
    return Clause("数量和质量要求", (
        "乙方应达到下表各项指标，并保存证明材料。乙方响应文件的承诺高于下表的，按承诺执行。",), table="indicators")


def _period(facts: Facts) -> Clause:
    period = facts["period"]
    if not period["from"]:
        return Clause("服务期限", ("服务期自本合同生效之日起十二个月。",))
    return Clause("服务期限", (
        (f"服务期自{_day(period['from'])}起至{_day(period['to'])}止，共 {period['months']} 个月。"
        "期满后不自动续期；需要延续的，依法另行选择承接主体。"),))


def _price(facts: Facts) -> Clause:
    price = facts["price"]
    return Clause("合同价款", (
        f"合同总价为人民币 {price['figures']} 元，大写：人民币{price['capitals']}。",
        ("合同总价为含税价，包括乙方完成全部服务所需的人员、物料、交通、保险、管理、税费等费用。"
        "除本合同另有约定外，甲方不再支付其他费用，乙方不得向服务对象收费。"),
    ))


def _payments(_facts: Facts) -> Clause:
    return Clause("付款计划", (
        "甲方按下表付款。付款条件满足且收到乙方付款申请和合规票据后，甲方在约定天数内办理支付，各期金额之和等于合同总价。",
        "甲方不得以审计结论、内部付款流程或者人员变动为由拖延付款，不得要求乙方垫付合同以外的费用。",
    ), table="payments")


def _staffing(facts: Facts) -> Clause:
    lines = ["乙方按响应文件配备人员，负责人和主要人员应有与服务相适应的专业资格，持证社会工作者的人数和证书应可以核对。"]
    if facts["service"]["team"]:
        lines.append(f"人员配备：{_stop(' '.join(_lines(facts['service']['team'])))}")
    lines.append("更换负责人或者主要人员，应提前 10 日书面告知甲方，接替人员的资格不得低于原人员。"
                 "乙方人员由乙方聘用和管理，与甲方不形成劳动或者劳务派遣关系。")
    return Clause("人员配备", tuple(lines))


def _reporting(_facts: Facts) -> Clause:
    return Clause("报告和台账", (
        "乙方建立项目台账，如实记录服务次数、人次、经费和人员，按季度提交不超过一页的进展报告，服务期满后 30 日内提交总结报告。",
        "台账和服务记录保存不少于 15 年；合同终止时，按甲方要求移交与公共服务有关的记录。",
    ))


def _acceptance(_facts: Facts) -> Clause:
    return Clause("监督、评估和验收", (
        "甲方对服务进行日常监督，组织期中评估和期末验收。验收应有服务对象代表参加，听取并记录其意见，结果向乙方书面告知。",
        ("甲方应在收到验收申请后 15 个工作日内完成验收。不合格的，书面列明问题；乙方在 15 日内整改后可再次申请。"
        "甲方逾期不验收又不说明理由的，视为验收合格。"),
    ))


def _no_assignment(_facts: Facts) -> Clause:
    return Clause("禁止转包和分包限制", (
        "乙方不得将服务转包给他人。非主体、非关键的部分需要分包的，应事先取得甲方书面同意，并就分包部分承担全部责任。",))


def _money_rules(facts: Facts) -> Clause:
    lines = ["乙方对项目资金单独核算、专款专用，接受甲方和财政、审计部门的监督检查，按规定保存会计资料。"]
    if facts["is_lottery"]:
        lines.append("本项目使用彩票公益金。乙方应在服务场所、宣传品和报告上标明资助标识，"
                     "资金不得用于人员编制经费、办公用房、公务用车和出国（境）费用。")
    return Clause("资金使用和审计", tuple(lines))


def _personal_data(_facts: Facts) -> Clause:
    return Clause("个人信息和保密", (
        ("乙方只收集服务所必需的个人信息，告知用途并取得同意；对健康、残疾、困难状况和未满十四周岁儿童的信息取得单独同意，"
        "不得公开、转让或者用于其他目的。向甲方提交的报告只写人数，不写姓名和证件号码。"),
        "发生或者可能发生泄露的，乙方应立即补救并在 24 小时内告知甲方。服务结束后，除依法保存的以外应当删除。",
    ))


def _safeguarding(_facts: Facts) -> Clause:
    return Clause("未成年人、老年人等的保护和保险", (
        ("直接接触未成年人的人员，乙方应在聘用时和每年查询其有无性侵害、虐待、拐卖、暴力伤害等违法犯罪记录，有记录的不得录用。"
        "对老年人、残疾人等服务对象，应有安全预案和紧急联系办法。"),
        "乙方为服务人员和服务活动购买相应的意外伤害保险和公众责任保险。发生安全事件，应立即救助并在 2 小时内报告甲方。",
    ))


def _property(_facts: Facts) -> Clause:
    return Clause("知识产权", (
        ("为履行本合同专门形成的报告、数据和成果归甲方所有，乙方可在署名并删去个人信息后用于交流和研究。"
        "双方原有的知识产权不变。乙方保证其使用的材料不侵犯他人权利。"),))


def _change(_facts: Facts) -> Clause:
    return Clause("变更和补充", (
        (f"在不改变合同其他条款的前提下，可以签订补充合同增加服务，各次补充的金额合计不超过本合同总价的 {CHANGE_CEILING}。"
        "其他变更应书面约定；继续履行将损害国家利益和社会公共利益的，双方应当变更、中止或者终止合同。"),))


def _breach(_facts: Facts) -> Clause:
    return Clause("违约责任", (
        f"甲方逾期付款的，每逾期一日按逾期金额的 {LATE_RATE} 支付逾期利息；因乙方未提供合规票据等原因造成的除外。",
        (f"乙方未按期提供服务的，每逾期一日按未完成部分价款的 {LATE_RATE} 支付违约金；指标未达到又未在期限内整改的，"
        "甲方可按未完成的比例扣减价款。违约金不足以弥补损失的，应补足差额。"),
    ))


def _termination(_facts: Facts) -> Clause:
    return Clause("解除和交接", (
        ("有下列情形之一的，守约方可以书面通知解除合同：一方严重违约且在收到书面催告后 30 日内未改正；"
        "乙方转包、弄虚作假、丧失承接资格或者被列入严重违法失信名单。"),
        ("合同解除或者终止的，乙方应在 15 日内移交资料、未用资金和服务对象名册，配合接续服务，不得因争议中断对服务对象的必要照料。"
        "已完成并验收合格的服务，甲方按比例付款。"),
    ))


def _force_majeure(_facts: Facts) -> Clause:
    return Clause("不可抗力", (
        "因不可抗力不能履行的，根据影响部分或者全部免除责任。受影响的一方应在 3 日内告知对方，15 日内提供证明，并采取措施减少损失。",))


def _bribery(_facts: Facts) -> Clause:
    return Clause("廉洁约定", (
        ("双方及其人员不得索取或者给予财物、回扣和其他不正当利益，与评审人员、服务对象之间的利害关系应当主动说明。"
        "违反的，对方有权解除合同并依法追究责任。"),))


def _disputes(facts: Facts) -> Clause:
    buyer = facts["buyer"]["name"]
    return Clause("争议解决", (
        f"因本合同发生争议，双方先行协商；协商不成的，向甲方（{buyer}）住所地有管辖权的人民法院提起诉讼。争议期间，不涉及争议的部分继续履行。",))


def _publication(_facts: Facts) -> Clause:
    return Clause("合同公开", (
        "双方同意甲方在本合同签订之日起 2 个工作日内公开本合同，公开时隐去个人电话、银行账号等个人信息和商业秘密。",))


def _annexes(facts: Facts) -> Clause:
    basis = facts["basis"]
    return Clause("合同附件", (
        (f"下列文件是本合同的组成部分：一、项目需求（{facts['project']['number']}）及其澄清、更正；"
        f"二、乙方响应文件（回执编号 {basis['receipt_number']}，封存校验值 SHA-256 {basis['commitment']}）；"
        "三、经费预算和指标；四、中选通知。文件不一致的，以本合同、中选通知、响应文件、项目需求的顺序解释；"
        "响应文件的承诺高于要求的，按承诺执行。"),))


def _effect(_facts: Facts) -> Clause:
    return Clause("份数和生效", (
        "本合同一式四份，双方各执二份，自双方法定代表人（负责人）或者授权代表签字并加盖公章之日起生效。",
        "本文件由平台按锁定的条款生成。文件上没有、也不会印有印章图样；印章图片不是签名，签署以双方实际签字、盖章为准。",
    ))


def _signatures(_facts: Facts) -> Clause:
    return Clause("签署", table="signatures")


CLAUSES: Sequence[Callable[[Facts], Clause]] = (
    _overview, _parties, _basis, _content, _indicators, _period, _price, _payments, _staffing, _reporting,
    _acceptance, _no_assignment, _money_rules, _personal_data, _safeguarding, _property, _change, _breach,
    _termination, _force_majeure, _bribery, _disputes, _publication, _annexes, _effect, _signatures,
)


def _day(iso: str) -> str:
    """Return 2027年1月1日 for an ISO date."""
    year, month, day = (int(part) for part in iso.split("-"))
    return f"{year}年{month}月{day}日"


def _lines(text: str) -> list[str]:
    """Return the lines of a text that hold something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _stop(text: str) -> str:
    """Return the sentence with its full stop."""
    return text if text.endswith(("。", "！", "？", ".", "；")) else f"{text}。"
